"""The store is stopped, killed and started again while mail is filed; nothing acknowledged may be lost or doubled."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.reconcile import reconcile  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))



def disturb(how, seed):
    """One run. True when the account is even, False when the store is known to have broken itself."""
    dice = random.Random(seed)
    # A store that is killed promises nothing about what it had not synced before its OK.
    office = Office(tap, "store", tls="implicit" if how == "stopped" else "none", dovecot={"fsync": "always"})
    office.start()
    items = mixture(500, dice)
    sender = Sender(office.ferry.smtp, items, sessions=4, pause=0.1, seed=seed).start()
    times = 0
    end = time.monotonic() + 200
    while (times < 8 or not sender.finished()) and time.monotonic() < end:
        time.sleep(dice.uniform(0.5, 2))
        office.store.stop() if how == "stopped" else office.store.kill()
        time.sleep(dice.choice((0, 0, 0.5, 1.5)))
        office.store.start()
        times += 1
    sender.wait()
    # A store that shows no more what it had, or under other UIDs, leaves a doubt that only a person can end.
    wait_for("nothing to be under way", lambda: all(r["state"] == "parked" for r in office.ferry.queue()), 240, every=0.3)
    tap.diag("%s %d times" % (how, times))
    assert not sender.refused, sender.refused
    assert sender.resent == 0, "trouble with the store was passed on to the senders"
    wrong = ["waits: %s: %s" % (r["message_id"], r["reason"]) for r in office.ferry.queue()]
    wrong += reconcile(items, sender.acked, office.store.messages())
    if wrong and how != "stopped" and office.store.broke_itself():
        tap.diag("the store broke its own index: %s\n%s" % (wrong, office.store.logs()))
        office.area.close()
        return False
    assert not wrong, "\n".join(wrong)
    assert office.ferry.stop() == 0
    office.area.close()
    return True


for how in ("stopped", "killed with SIGKILL"):
    seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
    with tap.case("the store is %s about every second" % how):
        tap.diag("seed %d" % seed)
        assert any(disturb(how, seed + i) for i in range(3)), "the store broke its own index in each of three runs"
tap.done()
