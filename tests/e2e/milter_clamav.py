"""clamav-milter and clamd from Debian, with a database of one signature: the test file is refused, the rest is marked clean."""

import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.filters import EICAR, Clamav  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap()
area = Area("milter-clamav")


def infected(ident):
    head, _, body = message(ident).partition(b"\r\n\r\n")
    return (head + b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n" + body
            + b"--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=eicar.com\r\n"
            + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(EICAR).replace(b"\n", b"\r\n") + b"--x--\r\n")


def run(mode):
    clamav = Clamav(area, mode).start()
    ferry = Ferry(area, None, name="ferry-" + mode, port=9, config={
        "accounts": {"office": {"rules": None}}, "milters": {"clamav": {"address": clamav.address}},
        "listeners": {"lan": {"milters": ["clamav"]}}}).start()
    tap.logs.append(ferry.logs)

    def send(data):
        c = Client(ferry.smtp, timeout=120)
        c.hello()
        try:
            return 250, c.deliver(Item("<x@t>", "office@office.example", data))
        except Refused as e:
            return e.code, e.text

    # clamav-milter listens before it has found clamd, and puts clients off until then.
    wait_for("a clean message to be taken", lambda: send(message("<clean@t>"))[0] == 250)
    bad = send(infected("<bad@t>"))
    rows = ferry.rows("queue", "list")
    kept = b"".join(ferry.spooled())
    ferry.stop()
    clamav.stop()
    return bad, rows, kept


with tap.case("a file with a virus is refused with its name, a clean message says so"):
    (code, text), rows, kept = run("Reject")
    assert code == 550 and "Test.EICAR" in text, (code, text)
    assert len(rows) == 1, rows
    assert b"X-Virus-Status: Clean" in kept, kept[:2000]

with tap.case("what ClamAV wants held back is in a folder of its own"):
    (code, text), rows, kept = run("Quarantine")
    assert code == 250, text
    assert "Quarantine" in str(rows), rows

tap.done()
