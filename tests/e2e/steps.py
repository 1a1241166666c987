"""
A kill at every step. The daemon counts the steps on a message's way (see
src/base/step.h) and dies, all of it, at the one that the test names: first at
step 1, then at 2, until a run comes through alive. After each death it is
started as usual, the sender sends again what has no 250, and the account must
be even. Then the same with a second death during the recovery.
"""

import collections
import concurrent.futures
import itertools
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import SOURCE, Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.office import FOLDERS, RULES, address  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Item, Sender, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

WORKERS = 4  # most of a run is waiting: for back-off, and for the settle time
TWICE = 16   # runs with a second death
MORE = 80    # further runs at most, until every step in the source was met
STEPS_MAX = 400

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("steps")
store = Dovecot(area, users={"w%d" % n: "s3cret" for n in range(WORKERS)})
store.start()
assert area.bin  # before there are threads
tap.logs.append(store.logs)
free = list(range(WORKERS))
serial = itertools.count()
killed_at = collections.Counter()


def scenario(prefix):
    """A small message, one over the inline limit, and one for two folders, which is one body and two deliveries."""
    rows = (("a", ["office"], 0), ("b", ["scans"], 200000), ("c", ["alarm", "news"], 5000))
    items = []
    for name, to, size in rows:
        ident = "<%s.%s@example.org>" % (prefix, name)
        rcpts = [address(t) for t in to]
        items.append(Item(ident, rcpts, message(ident, to=rcpts[0], size=size), folders=[FOLDERS[t] for t in to]))
    return items


def settled(ferry, sender):
    """All is acknowledged and filed: the queue can be asked only of a living daemon."""
    if not sender.finished():
        return False
    p = ferry.command("queue", "list", "--json")
    return p.returncode == 0 and p.stdout.strip() in ("", "[]")


def run(deaths):
    """One run that dies at each of the step numbers in turn. Returns (how many of them happened, error text)."""
    worker = free.pop()
    user = "w%d" % worker
    name = "%s-%d-%s" % (user, next(serial), "-".join(map(str, deaths)))  # each run has a spool of its own
    ferry = Ferry(area, store, RULES, {"accounts": {"office": {"user": user}}}, name=name)
    happened = 0
    try:
        store.empty(user)
        items = scenario(name)
        sender = Sender(ferry.smtp, items, sessions=1, pipeline=True).start()
        for fatal in deaths:
            ferry.use_steps(fatal)
            ferry.launch()
            wait_for("the run or its death", lambda: not ferry.alive() or settled(ferry, sender), 90)
            if ferry.alive():
                ferry.stop()
            if ferry.process is None or ferry.steps.done < fatal:
                break
            happened += 1
            ferry.kill()
        ferry.use_steps(0)
        ferry.start()
        sender.wait(60)
        ferry.drained(90)
        check(items, sender.acked, store.messages(user))
        if ferry.stop() != 0:
            raise AssertionError("it did not stop cleanly")
        return happened, None
    except Exception as e:
        return happened, "%s: %s\n%s" % (type(e).__name__, e, ferry.logs(80))
    finally:
        ferry.kill()
        for where in re.findall(r'killed-at-step.*where="([^"]*)"', ferry.log_text()):
            killed_at[where] += 1
        free.append(worker)


def sequence(plans):
    """Runs PLANS in parallel, lazily, and yields (deaths, happened, error) in order."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        waiting = collections.deque()
        for deaths in plans:
            waiting.append((deaths, pool.submit(run, deaths)))
            if len(waiting) == WORKERS:
                deaths, future = waiting.popleft()
                yield (deaths,) + future.result()
        while waiting:
            deaths, future = waiting.popleft()
            yield (deaths,) + future.result()


began = time.monotonic()
last = 0
with tap.case("killed at every step from the first until a run lives"):
    wrong = []
    # Steps of different roles interleave, so one run that lives is not the end: all of a round must.
    for deaths, happened, error in sequence((n,) for n in range(1, STEPS_MAX)):
        if error:
            wrong.append("step %d: %s" % (deaths[0], error))
        if happened:
            last = deaths[0]
        if deaths[0] - last >= WORKERS or len(wrong) > 3:
            break
    tap.diag("%d steps, %.0f s" % (last, time.monotonic() - began))
    assert not wrong, "\n".join(wrong)
    assert last > 5, "the run has only %d steps: is the hook wired?" % last

with tap.case("killed again at a step of the recovery"):
    seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
    tap.diag("seed %d" % seed)
    dice = random.Random(seed)
    plans = [(dice.randint(1, max(last, 1)), dice.randint(1, max(last // 2, 1))) for _ in range(TWICE)]
    wrong = ["steps %s: %s" % (deaths, error) for deaths, _, error in sequence(plans) if error]
    assert not wrong, "\n".join(wrong)

with tap.case("every step in the source was a place of death"):
    named = set()
    for folder, _, files in os.walk(os.path.join(SOURCE, "src")):
        for f in files:
            if f.endswith(".c"):
                with open(os.path.join(folder, f)) as text:
                    named |= set(re.findall(r'\bstep\("([^"]+)"\)', text.read()))
    named = {n for n in named if not n.startswith(("token: ", "fetch: "))}  # oauth_steps.py and fetch_steps.py die there
    named.discard("supervisor: a run has ended")
    named.discard("spool: after a failed commit")  # tests/unit has the failing disk for it
    # Processes interleave, so one and the same number is now this step and now that.
    wrong = []
    for deaths, _, error in sequence((dice.randint(1, max(last, 1)),) for _ in range(MORE)):
        if error:
            wrong.append("step %s: %s" % (deaths, error))
        if not named - set(killed_at):
            break
    tap.diag("deaths: " + ", ".join("%s %d" % x for x in sorted(killed_at.items())))
    tap.diag("not met: " + (", ".join(sorted(named - set(killed_at))) or "none"))
    assert not wrong, "\n".join(wrong)
    assert len(named - set(killed_at)) <= len(named) / 4, "too many steps were never reached"

store.stop()
tap.done()
