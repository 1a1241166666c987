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
from lib.reconcile import check  # noqa: E402
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
    first = Sender(ferry.smtp, before, sessions=2).run(60)
    assert ferry.stop() == 0
    area.run(["cp", "-a", spool, backup], unprivileged=False)
    store.start()
    # Half of it only: the rest is really undelivered when the backup comes back.
    ferry.start()
    wait_for("some mail", lambda: sum(store.count().values()) >= 1, 60, every=0.001)
    ferry.kill()
    tap.diag("%d messages filed before the spool was lost" % sum(store.count().values()))

with tap.case("with `run --restored' what was delivered is found, and the rest is sent"):
    shutil.rmtree(spool)
    os.rename(backup, spool)
    ferry.process = area.start([os.path.join(area.bin, "mailferry"), "run", "--restored", "-c", ferry.file],
                               log=ferry.log, env=ferry.env)
    wait_for("mailferry to greet", lambda: answers(ferry.smtp), 60)
    second = Sender(ferry.smtp, after, sessions=2).run(60)
    ferry.drained(120)
    check(before + after, {**first.acked, **second.acked}, store.messages())

with tap.case("the next start is an ordinary one"):
    assert ferry.stop() == 0
    ferry.start()
    ferry.process.send_signal(signal.SIGTERM)
    assert ferry.process.wait(60) == 0

store.stop()
tap.done()
