"""A backup of the spool is put back: what it thinks waits may have been delivered since, and must not be again."""

import os
import random
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import answers, wait_for  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.reconcile import check, reconcile  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "restored")
area, store, ferry = office.area, office.store, office.ferry
spool, backup = ferry.path("spool"), ferry.path("backup")
dice = random.Random(1)
before, after = mixture(12, dice, "before"), mixture(5, dice, "after")

with tap.case("a spool with waiting mail is copied, then the mail is delivered"):
    ferry.start()
    first = Sender(ferry.smtp, before, sessions=2).run()
    assert ferry.stop() == 0
    area.run(["cp", "-a", spool, backup], unprivileged=False)
    store.start()
    # Half of it only: the rest is really undelivered when the backup comes back.
    ferry.start()
    wait_for("some mail", lambda: sum(store.count().values()) >= 1, every=0.001)
    ferry.kill()
    tap.diag("%d messages filed before the spool was lost" % sum(store.count().values()))

with tap.case("with `run --restored' what was delivered is found, and the rest is sent"):
    shutil.rmtree(spool)
    os.rename(backup, spool)
    ferry.process = area.start([os.path.join(area.bin, "mailferry"), "run", "--restored", "-c", ferry.file],
                               log=ferry.log, env=ferry.env)
    wait_for("mailferry to greet", lambda: answers(ferry.smtp))
    second = Sender(ferry.smtp, after, sessions=2).run()
    wait_for("all to be filed, or parked", lambda: all(r["state"] == "parked" for r in ferry.queue()), 120, every=0.3)
    acked = {**first.acked, **second.acked}
    wrong = [w for w in reconcile(before + after, acked, store.messages()) if not w.startswith("lost")]
    assert not wrong, wrong

with tap.case("where nothing proves that mail is missing, as in a folder that is gone, a person must say so"):
    parked = ferry.queue()
    tap.diag("%d parked: %s" % (len(parked), {r["reason"] for r in parked}))
    if parked:
        ferry.command("queue", "retry", "--again", "--all", check=True)
    ferry.drained(120)
    check(before + after, acked, store.messages())

with tap.case("the next start is an ordinary one"):
    assert ferry.stop() == 0
    ferry.start()
    ferry.process.send_signal(signal.SIGTERM)
    assert ferry.process.wait(180) == 0

store.stop()
tap.done()
