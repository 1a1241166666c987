"""
Many seeds, many at once: each in a process of its own, because most of a run is
waiting. `make soak SEEDS=2000 FROM=1` runs them with a store's worker alone,
`make soak WHOLE=yes` with all of mailferry, `make soak FETCH=yes` with it fetching; a seed that fails is printed with
its plan, what went wrong, the log, and how to repeat it.
"""

import collections
import json
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from soak.daemon import DaemonRun  # noqa: E402
from soak.fetch import FetchRun  # noqa: E402
from soak.one import Run, Wrong  # noqa: E402

PARALLEL = int(os.environ.get("MAILFERRY_SOAK_PARALLEL", "16"))
SECONDS = 120  # a seed takes a few at most, but the machine may be busy


def child(make, path):
    """In a process of its own: its result is its status and what it writes."""
    text = ""
    status = 1
    try:
        run = make()
        try:
            text = json.dumps(run.run())
            status = 0
        except Wrong as e:
            text = "%s\n--- plan\n%s\n--- log\n%s" % (e, run.plan, "\n".join(run.log.splitlines()[-150:]))
    except BaseException:  # noqa: every failure is a result
        text = traceback.format_exc()
    with open(path, "w") as f:
        f.write(text)
    os._exit(status)


class Soak:
    def __init__(self, seeds, tell=print, whole=False, fetch=False):
        self.left, self.tell, self.whole, self.fetch = list(seeds), tell, whole or fetch, fetch
        self.area = Area("soak")
        self.authority = Authority(self.area.mkdir("authority"))
        assert not self.whole or self.area.bin  # before there are children
        self.running = {}  # pid -> (seed, path, when)
        self.failed = []
        self.done = 0
        self.happened = collections.Counter()
        self.slowest = (0, 0)
        self.worked = 0.0  # seconds in seeds, all together

    def start(self, seed):
        path = self.area.path("result-%d" % seed)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            for s in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(s, signal.SIG_DFL)
            child(lambda: self.make(seed), path)
        self.running[pid] = (seed, path, time.monotonic())

    def make(self, seed):
        if self.fetch:
            return FetchRun(seed, self.authority, SECONDS, self.area.bin)
        if self.whole:
            return DaemonRun(seed, self.authority, SECONDS, self.area.bin)
        return Run(seed, self.authority, SECONDS)

    def take(self, pid, status):
        seed, path, when = self.running.pop(pid)
        took = time.monotonic() - when
        self.slowest = max(self.slowest, (took, seed))
        self.worked += took
        self.done += 1
        try:
            with open(path) as f:
                text = f.read()
            os.unlink(path)
        except FileNotFoundError:
            text = "it died with status %d" % status
        if status == 0:
            self.happened.update(json.loads(text))
            return
        self.failed.append(seed)
        self.tell("seed %d failed: %s\nrepeat it with: make soak FROM=%d SEEDS=1%s" % (
            seed, text, seed, " FETCH=yes" if self.fetch else " WHOLE=yes" if self.whole else ""))

    def run(self):
        begin, said = time.monotonic(), time.monotonic()
        total = len(self.left)
        while self.left or self.running:
            while self.left and len(self.running) < PARALLEL:
                self.start(self.left.pop(0))
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in self.running:
                self.take(pid, status)
            elif pid == 0:
                self.hurry()
                time.sleep(0.01)
            if time.monotonic() - said > 30:
                said = time.monotonic()
                self.tell("%d of %d seeds, %d failed" % (self.done, total, len(self.failed)))
        self.tell("happened: " + ", ".join("%s %d" % h for h in sorted(self.happened.items())))
        self.tell("%d seeds, %d failed%s; %.0f s, %.2f s a seed, the slowest %d: %.1f s" % (
            self.done, len(self.failed), " (%s)" % " ".join(map(str, sorted(self.failed))) if self.failed else "",
            time.monotonic() - begin, self.worked / max(1, self.done), self.slowest[1], self.slowest[0]))
        return not self.failed

    def hurry(self):
        for pid, (seed, _, when) in list(self.running.items()):
            if time.monotonic() - when > SECONDS + 60:
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    first, seeds = int(os.environ.get("FROM") or 1), int(os.environ.get("SEEDS") or 200)
    soak = Soak(range(first, first + seeds), lambda text: print(text, flush=True), bool(os.environ.get("WHOLE")),
                bool(os.environ.get("FETCH")))
    sys.exit(0 if soak.run() else 1)
