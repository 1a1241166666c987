"""Runs the worker program (tests/peers/worker.c) against a store, and reads what it left."""

import json
import os
import resource
import subprocess

from lib.area import BUILD

WORKER = os.path.join(BUILD, "tests/peers/worker")


class Run:
    """
    A worker on STORE (anything with a port) until nothing is due any more, and what it left. Of OPTIONS, `seconds` ends it in
    any case, and `holds` when the account was held so often: where it is to wait, that is soon.
    """

    def __init__(self, store, messages=20, **options):
        command = [WORKER, "port", str(store.port), "messages", str(messages)]
        for key, value in options.items():
            command += [key, str(value)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=300)
        self.log = done.stderr
        assert done.returncode == 0, "worker ended with %d: %s" % (done.returncode, done.stderr[-3000:])
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.account = rows.pop()
        self.rows = rows

    def states(self):
        out = {}
        for row in self.rows:
            out[row["state"]] = out.get(row["state"], 0) + 1
        return out

    def of(self, number):
        return self.rows[number - 1]


def largest_child():
    """The most memory, in MB, that any child of this process has had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
