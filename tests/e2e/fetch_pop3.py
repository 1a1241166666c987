"""A Dovecot's POP3 mailbox drained into another Dovecot: nothing is lost, doubled or changed, however often the fetcher, or all
of mailferry, is killed, and however often connections are cut; and a source that drips one octet a second holds up no
other."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.drain import MESSAGES, Journey, drain, message, source  # noqa: E402
from lib.sync import plan  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.pop3_store import Pop3Store  # noqa: E402

tap = Tap(300 + MESSAGES)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("drain")
server = Dovecot(area, name="from", pop3=True, users={"old": "s3cret"}, fsync="never").start()
drain(tap, area, server)
server.stop()

with tap.case("a source that drips one octet a second holds up no other"):
    slow = Pop3Store([message(i, b"slow") for i in range(3)], user="old", drip=1)
    mail = [message(i, b"fast") for i in range(MESSAGES)]
    fast = Pop3Store(mail, user="old")
    journey = Journey(tap, area, "drip", {"slow": source(slow.port, deadline="4s"), "fast": source(fast.port)})
    journey.arrive(mail)
    wait_for("the slow one to have failed twice", lambda: slow.logins >= 3)
    wait_for("the reason", lambda: "deadline of source slow" in plan(journey.ferry.path("control"))["slow"]["words"])
    journey.check(mail)
    journey.end()
    assert not slow.failures and not fast.failures, slow.failures + fast.failures

tap.done()
