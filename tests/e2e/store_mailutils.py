"""mailferry on GNU Mailutils' imap4d: no UIDPLUS, folders that are files, no keywords."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.mailutils import Mailutils  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
# It offers every SASL mechanism that its library has, but has the password for none that does not send it; mbox keeps
# UIDs in the header, and marks lines of the body that begin as a message does. Killed while it writes, it leaves locks
# that it waits for itself, and folders that it can't read any more.
Cases(tap, "Mailutils", Mailutils, Traits(
    answer=b"OK APPEND", uids=False, headers=("kept", "waits"), keywords=False, parks=True, breaks=True, from_lines=False,
    account={"auth": "PLAIN"}, adds=(b"X-IMAPbase", b"X-UID", b"Status", b"X-Status"))).run()
tap.done()
