"""
Power cuts over a file system that keeps nothing but what was synced, and with luck some of the rest: each message that
got a 250 is filed exactly once. And no 250 leaves before the sync that covers it.
MAILFERRY_POWER_CUTS=N for more of them than `make check` has time for.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import BUILD  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.power import Disk, Journal, said_too_early  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.tap import Tap  # noqa: E402

CUTS = int(os.environ.get("MAILFERRY_POWER_CUTS", 8))
SEED = int(os.environ.get("MAILFERRY_TEST_SEED", 1))

tap = Tap(600 + CUTS * 60)
tap.need(("dovecot", "dovecot-imapd"))
if not os.path.exists(os.path.join(BUILD, "tests", "peers", "lying.so")):
    print("1..0 # SKIP not with a sanitizer: it wants to be the first library")
    sys.exit(0)

# The roles' own walls would stand between the library and its journal.
office = Office(tap, "power")
area, ferry = office.area, office.ferry
spool = ferry.config["spool"]
area.mkdir("ferry", "spool")
journal = Journal(area, spool)
office.store.start()
everything, acked = [], {}

with tap.case("no 250 leaves before the sync that covers it has ended"):
    ferry.start()
    begun = journal.ops
    items = mixture(150, random.Random(SEED), prefix="sync")
    sender = Sender(ferry.smtp, items, sessions=12, pipeline=True).run(240)
    assert not sender.refused, sender.refused
    early, said, syncs = said_too_early(journal)
    tap.diag("%d times 250, %d syncs of the log, %d operations" % (said, syncs, journal.ops))
    assert said >= len(items) and syncs > 0, (said, syncs)
    assert not early, early
    everything += items
    acked.update(sender.acked)
    ferry.drained(240)
    total = journal.ops
    assert ferry.stop() == 0
    assert [r.name for r in journal.records() if r.kind == 3 and "/body/" not in r.name and "/tmp/" in r.name], \
        "no message was large enough for a file"

for n in range(CUTS):
    dice = random.Random(SEED * 1000 + n)
    luck = ("none", "some", "torn")[n % 3]
    with tap.case("cut %d, with %s of what was not synced" % (n, luck)):
        disk = Disk(spool)
        items = mixture(60, dice, prefix="p%d." % n)
        # A quarter falls into the start, the others among the messages and the filing behind them.
        if dice.random() < 0.25:
            at = dice.randint(1, 40)
            journal.begin(at)
            ferry.launch()
        else:
            journal.begin(0)
            ferry.start()
            at = journal.cut(dice.randint(1, (total - begun) * len(items) // 150 + 20))
        sender = Sender(ferry.smtp, items, sessions=6, pipeline=dice.random() < 0.5, seed=n).start()
        end = time.monotonic() + 30
        done = None  # since when all have their 250; filing goes on for a while
        while not journal.is_dark and time.monotonic() < min(end, (done or end) + 2):
            done = done or (sender.finished() and time.monotonic()) or None
            time.sleep(0.05)
        ops, dark = journal.ops, journal.is_dark
        # What was said in the dark is of before.
        time.sleep(0.2)
        journal.cut()
        ferry.kill()
        before = len(sender.acked)
        disk.follow(journal).rebuild(area, dice, luck)
        journal.begin(0)
        ferry.start()
        sender.wait(240)
        assert not sender.refused, sender.refused
        ferry.drained(240)
        tap.diag("at operation %d of %d (%s), %d of %d had a 250; %d sent again" % (
            at, ops, "dark" if dark else "too late", before, len(items), sender.resent))
        everything += items
        acked.update(sender.acked)
        check(everything, acked, office.store.messages())
        assert ferry.stop() == 0
office.area.close()
tap.done()
