"""
Runs of a daemon that dies at a step. It counts the steps on its way (see
src/base/step.h) and dies, all of it, at the one that is named: first at step 1,
then at 2, until runs come through alive. After each death it is started as
usual, and must be as if nothing had been.
"""

import collections
import concurrent.futures
import itertools
import os
import random
import re
import time

from .area import SOURCE

STEPS_MAX = 600


def steps_of_source(*kinds):
    """The names of the steps in the source, of the KINDS ("fetch: …") or, without, of all."""
    named = set()
    for folder, _, files in os.walk(os.path.join(SOURCE, "src")):
        for f in files:
            if f.endswith(".c"):
                with open(os.path.join(folder, f)) as text:
                    named |= set(re.findall(r'\bstep\("([^"]+)"\)', text.read()))
    return {n for n in named if not kinds or n.startswith(kinds)}


def all_filed(ferry):
    """Nothing waits in the queue, which can be asked only of a living daemon."""
    p = ferry.command("queue", "list", "--json")
    return p.returncode == 0 and p.stdout.strip() in ("", "[]")


class Run:
    """One run: a spool of its own, and what happens there. `ferry` is made by __init__."""

    ferry = None

    def __init__(self, worker, name):
        raise NotImplementedError

    def live(self):
        """Lets the daemon, which was launched to die, run until all is done, or it is dead."""
        raise NotImplementedError

    def check(self):
        """The daemon was started as usual: waits until all is done, and fails where it is wrong."""
        raise NotImplementedError

    def close(self):
        """What the run holds besides the daemon."""


class Deaths:
    """All runs of one test, WORKERS at a time; RUN makes one, of a worker's number and a name. `met` counts where they died."""

    def __init__(self, tap, run, workers=4):
        self.tap = tap
        self.make = run
        self.workers = workers
        self.met = collections.Counter()
        self.last = 0  # the last step of a run that did not die
        self.seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
        self.dice = random.Random(self.seed)
        self.free = list(range(workers))
        self.serial = itertools.count()

    def die(self, run, deaths):
        """Yields each time that RUN died at one of the step numbers."""
        for fatal in deaths:
            run.ferry.use_steps(fatal)
            run.ferry.launch()
            run.live()
            if run.ferry.alive():
                run.ferry.stop()
            if run.ferry.process is None or run.ferry.steps.done < fatal:
                return
            yield
            run.ferry.kill()

    def one(self, deaths):
        """One run that dies at each of the step numbers in turn. Returns (how many of them happened, error text)."""
        worker = self.free.pop()
        run, happened = None, 0
        try:
            run = self.make(worker, "w%d-%d-%s" % (worker, next(self.serial), "-".join(map(str, deaths))))
            # Many of them wait for it, and there are hundreds.
            run.ferry.save(accounts={"office": {"settle": "2s"}})
            for _ in self.die(run, deaths):
                happened += 1
            run.ferry.use_steps(0)
            run.ferry.start()
            run.check()
            if run.ferry.stop() != 0:
                raise AssertionError("it did not stop cleanly")
            return happened, None
        except Exception as e:
            return happened, "%s: %s\n%s" % (type(e).__name__, e, run.ferry.logs(80) if run else "")
        finally:
            if run is not None:
                run.ferry.kill()
                run.close()
                self.met.update(re.findall(r'killed-at-step.*where="([^"]*)"', run.ferry.log_text()))
            self.free.append(worker)

    def sequence(self, plans):
        """Makes the runs of PLANS in parallel, lazily, and yields (deaths, happened, error) in order."""
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            waiting = collections.deque()
            for deaths in plans:
                waiting.append((deaths, pool.submit(self.one, deaths)))
                if len(waiting) == self.workers:
                    deaths, future = waiting.popleft()
                    yield (deaths,) + future.result()
            while waiting:
                deaths, future = waiting.popleft()
                yield (deaths,) + future.result()

    # ---- for the cases of a test; each fails with all that was wrong ----
    def everywhere(self, least):
        """At every step from the first until a run lives; a run has more than LEAST."""
        began, self.last, wrong = time.monotonic(), 0, []
        # Steps of different roles interleave, so one run that lives is not the end: all of a round must.
        for deaths, happened, error in self.sequence((n,) for n in range(1, STEPS_MAX)):
            if error:
                wrong.append("step %d: %s" % (deaths[0], error))
            if happened:
                self.last = deaths[0]
            if deaths[0] - self.last >= self.workers or len(wrong) > 3:
                break
        self.tap.diag("%d steps, %.0f s" % (self.last, time.monotonic() - began))
        assert not wrong, "\n".join(wrong)
        assert self.last > least, "the run has only %d steps: is the hook wired?" % self.last

    def twice(self, runs):
        """RUNS that die again at a step of the recovery."""
        self.tap.diag("seed %d" % self.seed)
        roll = self.dice.randint
        plans = [(roll(1, max(self.last, 1)), roll(1, max(self.last // 2, 1))) for _ in range(runs)]
        wrong = ["steps %s: %s" % (deaths, error) for deaths, _, error in self.sequence(plans) if error]
        assert not wrong, "\n".join(wrong)

    def not_met(self, named, most, part=1.0):
        """What of the steps NAMED was nowhere a place of death, also in up to MOST further runs that die in the first PART of a run."""
        # Processes interleave, so one and the same number is now this step and now that.
        wrong = []
        for deaths, _, error in self.sequence((self.dice.randint(1, max(int(self.last * part), 1)),) for _ in range(most)):
            if error:
                wrong.append("step %s: %s" % (deaths, error))
            if not named - set(self.met):
                break
        self.tap.diag("deaths: " + ", ".join("%s %d" % x for x in sorted(self.met.items())))
        assert not wrong, "\n".join(wrong)
        return named - set(self.met)
