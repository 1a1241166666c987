"""rspamd from Debian as a milter: spam is refused, what passes has its fields, and forged ones are gone."""

import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.filters import GTUBE, Rspamd  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

tap = Tap()
area = Area("milter-rspamd")
rspamd = ferry = None


def send(data, rcpts="office@office.example"):
    c = Client(ferry.smtp, timeout=120)
    c.hello()
    try:
        return 250, c.deliver(Item("<x@t>", rcpts, data))
    except Refused as e:
        return e.code, e.text


def waiting():
    """What was accepted, as it will be filed."""
    return b"".join(ferry.spooled())


with tap.case("the test message for spam filters is refused in rspamd's words"):
    rspamd = Rspamd(area).start()
    tap.logs.append(rspamd.log)
    ferry = Ferry(area, None, port=9, config={
        "accounts": {"office": {"rules": None}}, "milters": {"rspamd": {"address": rspamd.address}},
        "listeners": {"lan": {"milters": ["rspamd"]}}}).start()
    tap.logs.append(ferry.logs)
    # Its main process listens before there is a worker that answers.
    code, text = wait_for("its verdict", lambda: (lambda r: r if r[0] != 451 else None)(
        send(message("<gtube@t>", body=GTUBE.decode() + "\r\n"))))
    assert code == 554 and "Gtube" in text, (code, text)
    assert not ferry.rows("queue", "list")

with tap.case("a clean one is taken with the fields that rspamd adds; those that the sender wrote are gone"):
    if ferry is None:
        raise Skip("there is no rspamd")
    forged = ("X-Spam-Level: forged\r\nX-Spamd-Bar: forged\r\nX-Spam-Status: No, forged\r\n"
              "Authentication-Results: mail.office.example; dkim=pass forged\r\n")
    code, text = send(message("<clean@t>", headers=forged, body="Good morning.\r\n" * 5))
    assert code == 250, text
    kept = waiting()
    assert b"X-Spamd-Bar:" in kept and b"X-Spam-Status:" in kept, kept[:3000]
    assert b"forged" not in kept
    assert b"Good morning." in kept

with tap.case("rspamd knows who has logged in, and the queue id that the client is told"):
    if ferry is None:
        raise Skip("there is no rspamd")
    desk = free_port()
    ferry.save(users="users", listeners={"desk": {"address": "127.0.0.1:%d" % desk, "networks": ["127.0.0.0/8"],
                                                  "auth": "offered", "auth_plaintext": True, "milters": ["rspamd"]}})
    password = ferry.command("user", "add", "gate", check=True).stdout.strip()
    ferry.stop()
    ferry.start()
    with smtplib.SMTP("127.0.0.1", desk, timeout=120) as c:
        c.login("gate", password)
        c.mail("gate@office.example")
        c.rcpt("office@office.example")
        code, text = c.data(message("<user@t>", body="Good evening.\r\n" * 5))
    assert code == 250, text
    ident = text.decode().rpartition(" ")[2]
    wait_for("rspamd's line", lambda: "qid: <%s>" % ident in area.read("rspamd/log"))
    line = next(x for x in area.read("rspamd/log").splitlines() if "qid: <%s>" % ident in x)
    assert "user: gate" in line and "ip: 127.0.0.1" in line, line

with tap.case("a large message passes rspamd whole"):
    if ferry is None:
        raise Skip("there is no rspamd")
    data = message("<large@t>", size=3 * 1024 * 1024)
    code, text = send(data)
    assert code == 250, text
    assert data.partition(b"\r\n\r\n")[2] in waiting()

with tap.case("while rspamd is down clients come back later, and then their mail is taken"):
    if ferry is None:
        raise Skip("there is no rspamd")
    rspamd.stop()
    assert wait_for("a refusal", lambda: send(message("<later@t>", body="Later.\r\n"))[0] == 451)
    assert "milter-failed" in ferry.log_text()
    rspamd.start()
    wait_for("it to be taken", lambda: send(message("<later@t>", body="Later.\r\n"))[0] == 250)

tap.done()
