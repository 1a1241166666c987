"""A Courier's POP3 mailbox drained into a Dovecot: nothing is lost, doubled or changed (lib/drain.py)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.courier import Courier  # noqa: E402
from lib.drain import MESSAGES, drain  # noqa: E402
from lib.server import Missing  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300 + MESSAGES)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("drain")
try:
    server = Courier(area, name="from", pop3=True, users={"old": "s3cret"}).start()
    drain(tap, area, server)
    server.stop()
except Missing as missing:
    tap.skip("from Courier", str(missing))

tap.done()
