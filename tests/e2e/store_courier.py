"""mailferry on Courier IMAP: no LITERAL+, folders below INBOX."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.courier import Courier  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
Cases(tap, "Courier", Courier, Traits(path="synchronising literals", prefix="INBOX.", separator=".",
                                      limit=Courier.limit)).run()
tap.done()
