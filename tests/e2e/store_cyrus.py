"""mailferry on Cyrus IMAP, with its usual name space and with the classic one."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.cyrus import Cyrus  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
c = Cases(tap, "Cyrus", Cyrus, Traits(path="MULTIAPPEND", limit=Cyrus.limit))
c.run()
c = Cases(tap, "Cyrus, classic", lambda area: Cyrus(area, classic=True), Traits(path="MULTIAPPEND", prefix="INBOX.", separator="."))
c.run(c.folders, c.octets)
tap.done()
