"""mailferry on Cyrus IMAP, with its usual name space and with the classic one."""

import email
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.cyrus import Cyrus  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
c = Cases(tap, "Cyrus", Cyrus, Traits(path="MULTIAPPEND", limit=Cyrus.limit, headers=("changed", "attached")))
c.run()
c = Cases(tap, "Cyrus", Cyrus, Traits(path="MULTIAPPEND"))


def form():
    "a message whose header Cyrus does not take goes as the attachment of one that says so; the others go as they are"
    items = c.items(5, ["scans"])
    items[2].data = b"This line is no header field\r\n" + items[2].data
    Sender(c.ferry.smtp, items, sessions=1).run()
    c.settle(180)
    stored = {m.id: m.raw for ms in c.store.messages(body=True).values() for m in ms}
    assert set(stored) == {item.id for item in items}, stored.keys()
    for item in items:
        raw = stored[item.id]
        if item is not items[2]:
            assert raw.endswith(item.data), raw
            continue
        text, original = email.message_from_bytes(raw).get_payload()
        assert "Message contains invalid header" in text.get_payload(), raw
        assert original.get_payload(decode=True) == item.data, raw
        delivery = c.ferry.rows("trace", item.id)[0]["deliveries"][0]
        assert delivery["state"] == "done" and "as the attachment" in delivery["reason"], delivery


c.run(form)
c = Cases(tap, "Cyrus, classic", lambda area: Cyrus(area, classic=True), Traits(path="MULTIAPPEND", prefix="INBOX.", separator="."))
c.run(c.folders, c.octets)
tap.done()
