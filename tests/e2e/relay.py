"""Mail to others: who may send it, what the relay gets, and what becomes of it when the relay fails."""

import os
import smtplib
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.relay_server import RelayServer  # noqa: E402

SCANNER = "scanner@office.example"

tap = Tap(600)
area = Area("relay")


def make(name, server, relay=None, relay_for=None, **config):
    settings = {"host": "127.0.0.1", "port": server.port, "tls": "none", "retry_min": "500ms", "retry_max": "1s"}
    settings.update(relay or {})
    group = {"networks": ["127.0.0.0/8"], "senders": ["@office.example"]}
    group.update(relay_for or {})
    # Nothing here goes to the account's store.
    ferry = Ferry(area, None, port=free_port(), name=name,
                  config=dict({"accounts": {"office": {"retry_min": "1h", "retry_max": "1h"}}, "relay": settings,
                               "relay_for": {"lan": group}}, **config))
    tap.logs[:] = [ferry.logs]
    return ferry.at_noon().start()


def send(ferry, to, sender=SCANNER, data=None, subject="scan"):
    """The refused recipients; raises what smtplib does."""
    data = data or "From: %s\r\nTo: x@example.net\r\nSubject: %s\r\n\r\nbody\r\n.dot\r\n" % (sender, subject)
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        return c.sendmail(sender, to, data)


def rows(ferry):
    return {r["folder"]: r for r in ferry.queue()}


def state(ferry, to):
    return rows(ferry).get(to, {}).get("state")


def refused(ferry, to, sender=SCANNER):
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.ehlo()
        c.mail(sender)
        return c.rcpt(to)


with tap.case("a scanner on the LAN sends to a customer, who learns nothing of the LAN"):
    server = RelayServer()
    ferry = make("plain", server)
    send(ferry, ["customer@example.net"])
    wait_for("the mail at the relay", lambda: server.of("customer@example.net"))
    ferry.drained()
    mail = server.of("customer@example.net")[0]
    head, _, body = mail.data.partition(b"\r\n\r\n")
    text = head.decode()
    assert mail.sender == SCANNER, mail.sender
    assert body == b"body\r\n.dot\r\n", body
    for field in ("Received: by mail.office.example", "Date: ", "Message-ID: <", "Subject: scan"):
        assert field in text, (field, text)
    for secret in ("127.0.0.1", "Return-Path", "Delivered-To", "for <"):
        assert secret not in text, (secret, text)
    p = ferry.command("trace", "customer@example.net", check=True)
    assert "to customer@example.net by the relay" in p.stdout and "queued as R1" in p.stdout, p.stdout
    assert any(a.startswith("SIZE=") for a in mail.arguments), mail.arguments
    # RFC 3461, 5.2.1 (a), (b): nothing that the sender did not ask.
    assert not [a for a in mail.arguments if a.startswith(("RET", "ENVID"))], mail.arguments

with tap.case("what the client asks about reports is asked of the relay, and nothing else then"):
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.sendmail(SCANNER, ["asked@example.net"], "From: x@office.example\r\n\r\nx\r\n", ["ENVID=QQ+2B7"],
                   ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;first@far.example"])
    wait_for("the mail at the relay", lambda: server.of("asked@example.net"))
    mail = server.of("asked@example.net")[0]
    assert "ENVID=QQ+2B7" in mail.arguments and not [a for a in mail.arguments if a.startswith("RET")], mail.arguments
    assert mail.notify == ["NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first@far.example"], mail.notify
    ferry.drained()

with tap.case("a proxy that names no client does not let its own network send"):
    proxied = free_port()
    ferry.save(listeners={"behind": {"address": "127.0.0.1:%d" % proxied, "proxy": ["127.0.0.0/8"]}})
    ferry.stop()
    ferry.start()
    for header, code in ((b"PROXY TCP4 127.0.0.9 127.0.0.1 4000 25\r\n", b"250"), (b"PROXY UNKNOWN\r\n", b"550"),
                         (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", b"550")):
        with socket.create_connection(("127.0.0.1", proxied), timeout=120) as c, c.makefile("rb") as answers:
            c.sendall(header)
            assert answers.readline()[:4] == b"220 "
            for command in (b"HELO me", b"MAIL FROM:<%s>" % SCANNER.encode(), b"RCPT TO:<customer@example.net>"):
                c.sendall(command + b"\r\n")
                reply = answers.readline()
            assert reply[:3] == code, (header, reply)

with tap.case("check: a user of relay_for whom nobody made"):
    ferry.save(relay_for={"lan": {"users": ["scanner"]}})
    p = ferry.command("check")
    assert p.returncode == 0 and "relay_for: there is no user `scanner'" in p.stderr, (p.stdout, p.stderr)
    ferry.save(relay_for={"lan": {"users": None}})
    assert "there is no user" not in ferry.command("check").stderr

with tap.case("what has Date and Message-ID keeps them; several recipients share one transaction"):
    data = "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <own@office.example>\r\nFrom: a@office.example\r\n\r\nx\r\n"
    send(ferry, ["a@example.net", "b@example.net"], data=data)
    wait_for("the mail at the relay", lambda: server.of("b@example.net"))
    mail = server.of("b@example.net")[0]
    assert mail.recipients == ["a@example.net", "b@example.net"], mail.recipients
    assert mail.data.count(b"Date:") == 1 and mail.data.count(b"Message-ID:") == 1, mail.data
    ferry.drained()

with tap.case("who may not send is refused: sender, null sender, tricks, our own unknown domains"):
    for to, sender, code in (("x@example.net", "boss@elsewhere.example", 550), ("x@example.net", "", 550),
                             ("x%example.net@other.example", SCANNER, 550), ("x!y@example.net", SCANNER, 550),
                             ("x@localhost", SCANNER, 550), ("x@[192.0.2.1]", SCANNER, 550),
                             ("x@mail.office.example", SCANNER, 550)):
        got = refused(ferry, to, sender)
        assert got[0] == code and b"5.7.1" in got[1] or b"5.1.1" in got[1], (to, sender, got)

with tap.case("one bad recipient among good ones: each has its own fate"):
    server.answers = {"bad@example.net": "550 5.1.1 no such customer", "slow@example.net": "451 4.2.0 later"}
    send(ferry, ["good@example.net", "bad@example.net", "slow@example.net", "inbox@office.example"])
    wait_for("the refusal", lambda: state(ferry, "bad@example.net") == "quarantined")
    assert len(server.of("good@example.net")) == 1
    assert "no such customer" in rows(ferry)["bad@example.net"]["reason"]
    wait_for("a second try", lambda: server.commands.count("RCPT TO:<slow@example.net>") > 1)
    server.answers = {}
    wait_for("the slow one", lambda: server.of("slow@example.net"))
    assert state(ferry, "INBOX") == "queued" and len(server.of("good@example.net")) == 1
    wait_for("no more of it", lambda: state(ferry, "slow@example.net") is None)

with tap.case("a refusal of the whole message is kept for a person, who may try again"):
    server.ends = ["554 5.7.1 that is spam"]
    send(ferry, ["spam@example.net"], subject="spam")
    wait_for("the refusal", lambda: state(ferry, "spam@example.net") == "quarantined")
    row = rows(ferry)["spam@example.net"]
    assert "that is spam" in row["reason"], row
    ferry.command("queue", "retry", row["delivery"], check=True)
    wait_for("the mail at the relay", lambda: server.of("spam@example.net"))

with tap.case("a connection that is cut within the message: it comes once"):
    server.cut = 1
    # So large that its end can't have been sent when the server hangs up.
    send(ferry, ["cut@example.net"], data="From: scanner@office.example\r\n\r\n" + "some line of text\r\n" * 450000)
    wait_for("the mail at the relay", lambda: server.of("cut@example.net"))
    wait_for("no more of it", lambda: state(ferry, "cut@example.net") is None)
    assert len(server.of("cut@example.net")) == 1

with tap.case("an answer that is lost: nobody gets it twice unless a person says so"):
    server.lost = 1
    send(ferry, ["lost@example.net"])
    wait_for("the doubt", lambda: state(ferry, "lost@example.net") == "parked")
    row = rows(ferry)["lost@example.net"]
    assert "answer was lost" in row["reason"], row
    p = ferry.command("queue", "retry", row["delivery"])
    assert p.returncode != 0 and "--again" in p.stderr, (p.stdout, p.stderr)
    assert ferry.command("queue", "release", row["delivery"]).returncode != 0
    assert len(server.of("lost@example.net")) == 1
    ferry.command("queue", "retry", row["delivery"], "--again", check=True)
    wait_for("the second copy", lambda: len(server.of("lost@example.net")) == 2)
    wait_for("no more of it", lambda: state(ferry, "lost@example.net") is None)

with tap.case("a busy relay is tried again, and one that is away too"):
    server.greet_421 = 2
    server.hang_up()
    send(ferry, ["busy@example.net"])
    wait_for("the mail at the relay", lambda: server.of("busy@example.net"))
    assert server.greet_421 == 0, server.greet_421
    wait_for("no more of it", lambda: state(ferry, "busy@example.net") is None)
    port = server.port
    server.close()
    before = ferry.log_text().count("relay-waits")
    send(ferry, ["away@example.net"])
    wait_for("the account to be held", lambda: ferry.log_text().count("relay-waits") > before)
    server = RelayServer(port=port)
    wait_for("the mail at the relay", lambda: server.of("away@example.net"))

with tap.case("the command line shows it"):
    p = ferry.command("status", check=False)
    assert "relay" in p.stdout, p.stdout
    assert ferry.stop() == 0

with tap.case("in_doubt = again sends once more, and says so"):
    server = RelayServer()
    server.lost = 1
    ferry = make("again", server, {"in_doubt": "again"})
    send(ferry, ["twice@example.net"])
    wait_for("both copies", lambda: len(server.of("twice@example.net")) == 2)
    ferry.drained()
    p = ferry.command("trace", "twice@example.net", check=True)
    assert "answer was lost" in p.stdout, p.stdout
    assert ferry.stop() == 0

with tap.case("the daily count is kept over a restart, and does not stop mail for ourselves"):
    server = RelayServer()
    ferry = make("daily", server, relay_for={"daily": 3})
    send(ferry, ["d1@example.net", "d2@example.net"])
    try:
        send(ferry, ["d3@example.net", "d4@example.net"])
        raise AssertionError("too many were taken")
    except smtplib.SMTPDataError as e:
        assert e.smtp_code == 450, e
    ferry.drained()
    ferry.stop()
    ferry.start()
    send(ferry, ["d3@example.net"])
    try:
        send(ferry, ["d4@example.net"])
        raise AssertionError("too many were taken")
    except smtplib.SMTPDataError as e:
        assert e.smtp_code == 450, e
    assert refused(ferry, "d4@example.net")[0] == 452
    assert list(send(ferry, ["d4@example.net", "inbox@office.example"])) == ["d4@example.net"]
    wait_for("three at the relay", lambda: server.of("d3@example.net"))
    assert not server.of("d4@example.net")
    assert ferry.stop() == 0

with tap.case("a password that is refused holds all mail out, and a reload with the right one lets it go"):
    server = RelayServer(offers=("8BITMIME",), password="right")
    # Long enough that only the reload can end the waiting.
    ferry = make("login", server, {"user": "office", "password": "opensesame", "retry_min": "1h", "retry_max": "1h"})
    send(ferry, ["login@example.net"])
    listing = lambda: ferry.command("queue", "list", check=True).stdout  # noqa: E731
    wait_for("the refusal", lambda: "refuses the password" in listing())
    assert "not with that word" in listing(), listing()
    assert ferry.command("status", "--check").returncode != 0
    assert len(server.logins) == 1, server.logins
    ferry.save(relay={"password": "right"})
    ferry.reload()
    wait_for("the mail at the relay", lambda: server.of("login@example.net"))
    ferry.drained()
    assert server.logins[-1] == ("PLAIN", "office", "right"), server.logins
    assert not any("PIPELINING" in c for c in server.commands)
    assert ferry.stop() == 0

with tap.case("octets that the relay can't carry are refused in words, and sent as they are where it can"):
    server = RelayServer(offers=("PIPELINING",))
    ferry = make("eightbit", server)
    data = "From: scanner@office.example\r\nSubject: x\r\n\r\nÄ\r\n".encode()
    send(ferry, ["eight@example.net"], data=data)
    wait_for("the refusal", lambda: state(ferry, "eight@example.net") == "quarantined")
    row = rows(ferry)["eight@example.net"]
    assert "8BITMIME" in row["reason"], row
    server.offers.append("8BITMIME")
    ferry.stop()
    ferry.start()
    ferry.command("queue", "retry", row["delivery"], check=True)
    wait_for("the mail at the relay", lambda: server.of("eight@example.net"))
    assert "BODY=8BITMIME" in server.of("eight@example.net")[0].arguments
    assert ferry.stop() == 0

with tap.case("a large message goes from its file"):
    server = RelayServer()
    ferry = make("large", server)
    body = "".join("line %d\r\n" % i for i in range(200000))
    send(ferry, ["large@example.net"], data="From: scanner@office.example\r\nSubject: large\r\n\r\n" + body)
    wait_for("the mail at the relay", lambda: server.of("large@example.net"))
    assert server.of("large@example.net")[0].data.partition(b"\r\n\r\n")[2] == body.encode()
    ferry.drained()
    assert ferry.stop() == 0

with tap.case("a body that the disk does not give holds up no other mail, and says why it waits"):
    server = RelayServer()
    server.answers["stuck@example.net"] = "451 later"
    ferry = make("unreadable", server)
    head = "From: scanner@office.example\r\nSubject: large\r\n\r\n"
    send(ferry, ["stuck@example.net"], data=head + "x" * 70 + ("\r\n" + "x" * 70) * 6000)
    wait_for("a first try", lambda: "451 later" in str(rows(ferry).get("stuck@example.net", {}).get("reason")))
    bodies = [os.path.join(d, n) for d, _, names in os.walk(ferry.path("spool", "body")) for n in names]
    assert len(bodies) == 1, bodies
    os.rename(bodies[0], bodies[0] + ".away")
    os.symlink(bodies[0] + ".away", bodies[0])  # which is not followed
    wait_for("the reason", lambda: "could not be read" in str(rows(ferry)["stuck@example.net"].get("reason")))
    # Before that, a try which had the body in hand might have been let through.
    del server.answers["stuck@example.net"]
    send(ferry, ["other@example.net"])
    wait_for("the other mail", lambda: server.of("other@example.net"))
    assert state(ferry, "stuck@example.net") == "queued", rows(ferry)
    os.rename(bodies[0] + ".away", bodies[0])
    wait_for("the mail at the relay", lambda: server.of("stuck@example.net"))
    ferry.drained()
    assert len(server.of("stuck@example.net")) == 1
    assert ferry.stop() == 0

tap.done()
