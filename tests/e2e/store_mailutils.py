"""mailferry on GNU Mailutils' imap4d: no UIDPLUS, folders that are files, no keywords."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.mailutils import Mailutils  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
Cases(tap, "Mailutils", Mailutils, Traits(answer=b"OK APPEND", uids=False, keywords=False, parks=True)).run()
tap.done()
