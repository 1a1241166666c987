"""Prints the results of one test program as TAP, which automake's driver reads."""

import contextlib
import os
import signal
import sys
import traceback

from lib.area import find_program


class Skip(Exception):
    """Raised inside a case that can't run here; the text is the reason."""


class Tap:
    """
    One test program. `logs` are called after a failure and return text to show:
    server logs, mostly. A program that hangs ends itself after three times the `seconds` that it may need on
    a machine of its own: many have none.
    """

    def __init__(self, seconds=900):
        signal.signal(signal.SIGALRM, self._hung)
        signal.alarm(3 * seconds)
        self.count = 0
        self.failed = 0
        self.logs = []

    def _hung(self, signum, frame):
        signal.alarm(60)  # should what follows hang too
        signal.signal(signal.SIGALRM, lambda *a: os._exit(1))
        self.ok(False, "the program ends in time", "".join(traceback.format_stack(frame)))
        sys.exit(1)

    def diag(self, text):
        for line in str(text).splitlines():
            print("# " + line)
        sys.stdout.flush()

    def ok(self, good, name, why=""):
        self.count += 1
        print("%sok %d - %s" % ("" if good else "not ", self.count, name), flush=True)
        if good:
            return
        self.failed += 1
        self.diag(why)
        for log in self.logs:
            self.diag(log())

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason), flush=True)

    @contextlib.contextmanager
    def case(self, name):
        """The body is the test: it fails by raising, an assertion or anything else."""
        try:
            yield
        except Skip as e:
            self.skip(name, str(e))
        except Exception:  # noqa: every failure is a result, and the next case still runs
            self.ok(False, name, traceback.format_exc())
        else:
            self.ok(True, name)

    def need(self, *programs):
        """Ends the whole program as skipped when a system program that it needs is missing."""
        for program, package in programs:
            if not find_program(program):
                print("1..0 # SKIP %s is missing. On Debian: apt-get install %s, or scripts/check" % (program, package))
                sys.exit(0)

    def need_here(self, program, package):
        """Skips the case that it is called in when a system program is missing."""
        if not find_program(program):
            raise Skip("%s is missing. On Debian: apt-get install %s, or scripts/check" % (program, package))

    def done(self):
        print("1..%d" % self.count, flush=True)
        sys.exit(1 if self.failed else 0)
