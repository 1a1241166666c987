"""
A kill at every step of a message's way from the sender to the store (see
lib/deaths.py). After each death the daemon is started as usual, the sender sends
again what has no 250, and the account must be even. Then the same with a second
death during the recovery.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.deaths import Deaths, Run, all_filed, steps_of_source  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.office import FOLDERS, RULES, address  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Item, Sender, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

WORKERS = 4  # most of a run is waiting: for back-off, and for the settle time
TWICE = 16   # runs with a second death
MORE = 80    # further runs at most, until every step in the source was met

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("steps")
store = Dovecot(area, users={"w%d" % n: "s3cret" for n in range(WORKERS)})
store.start()
assert area.bin  # before there are threads
tap.logs.append(store.logs)


def scenario(prefix):
    """A small message, one over the inline limit, and one for two folders, which is one body and two deliveries."""
    rows = (("a", ["office"], 0), ("b", ["scans"], 200000), ("c", ["alarm", "news"], 5000))
    items = []
    for name, to, size in rows:
        ident = "<%s.%s@example.org>" % (prefix, name)
        rcpts = [address(t) for t in to]
        items.append(Item(ident, rcpts, message(ident, to=rcpts[0], size=size), folders=[FOLDERS[t] for t in to]))
    return items


class Sent(Run):
    def __init__(self, worker, name):
        self.user = "w%d" % worker
        self.ferry = Ferry(area, store, RULES, {"accounts": {"office": {"user": self.user}}}, name=name)
        store.empty(self.user)
        self.items = scenario(name)
        self.sender = Sender(self.ferry.smtp, self.items, sessions=1, pipeline=True).start()

    def settled(self):
        """All is acknowledged and filed."""
        return self.sender.finished() and all_filed(self.ferry)

    def live(self):
        wait_for("the run or its death", lambda: not self.ferry.alive() or self.settled())

    def check(self):
        self.sender.wait()
        self.ferry.drained()
        check(self.items, self.sender.acked, store.messages(self.user))


deaths = Deaths(tap, Sent, WORKERS)

with tap.case("killed at every step from the first until a run lives"):
    deaths.everywhere(5)

with tap.case("killed again at a step of the recovery"):
    deaths.twice(TWICE)

with tap.case("every step in the source was a place of death"):
    # oauth_steps, fetch_steps and relay_steps.py die there …
    named = steps_of_source() - steps_of_source("token: ", "fetch: ", "relay: ")
    named.discard("supervisor: a run has ended")
    named.discard("intake: before a further message is written")  # … and rules_steps.py there
    named.discard("spool: after a failed commit")  # tests/unit has the failing disk for it
    left = deaths.not_met(named, MORE)
    tap.diag("not met: " + (", ".join(sorted(left)) or "none"))
    assert len(left) <= len(named) / 4, "too many steps were never reached"

store.stop()
tap.done()
