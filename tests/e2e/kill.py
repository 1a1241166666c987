"""Mailferry is killed with SIGKILL, all of it, about every second; nothing acknowledged may be lost or doubled."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.office import Office  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.tap import Tap  # noqa: E402

KILLS = 12
tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))

for pipeline in (False, True):
    seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
    dice = random.Random(seed)
    with tap.case("killed every second while mail comes in%s" % (", pipelined" if pipeline else "")):
        tap.diag("seed %d" % seed)
        office = Office(tap, "kill")
        office.start()
        items = mixture(700, dice)
        # The pace makes the load last for as long as there are kills.
        sender = Sender(office.ferry.smtp, items, sessions=8, pipeline=pipeline, per_connection=25, pause=0.1,
                        seed=seed).start()
        kills = 0
        end = time.monotonic() + 300
        while (kills < KILLS or not sender.finished()) and time.monotonic() < end:
            time.sleep(dice.uniform(0.3, 1.7))
            office.ferry.kill()
            kills += 1
            office.ferry.start()
        sender.wait()
        office.ferry.drained()
        tap.diag("%d kills, %d connections, %d messages sent again" % (kills, sender.connections, sender.resent))
        assert not sender.refused, sender.refused
        check(items, sender.acked, office.store.messages())
        assert office.ferry.stop() == 0
    office.area.close()
tap.done()
