"""The relay over TLS, with tokens, for those who have logged in; what it says at each step, and what a person reads."""

import os
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.relay_server import RelayServer  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

SCANNER = "scanner@office.example"
LAN = ["127.0.0.0/8"]

tap = Tap(900)
tap.need(("openssl", "openssl"))
area = Area("relay-ways")
store = Store(user="office", password="s3cret")
authority = Authority(area.mkdir("authority"))
stranger = Authority(area.mkdir("stranger"))
other = Authority(area.mkdir("other"), names=("DNS:mail.elsewhere.example",))
count = 0


def make(name, server, relay=None, relay_for=None, **config):
    settings = {"host": "localhost", "port": server.port, "tls": "none", "retry_min": "200ms", "retry_max": "500ms"}
    settings.update(relay or {})
    ferry = Ferry(area, store, name=name, config=dict({
        "relay": settings, "operator": "boss@office.example",
        "relay_for": relay_for or {"lan": {"networks": LAN, "senders": ["@office.example"]}}}, **config))
    tap.logs[:] = [ferry.logs]
    # The operator is told once a day.
    return ferry.at_noon()


def fresh(name="customer"):
    global count
    count += 1
    return "%s%d@example.net" % (name, count)


def send(ferry, to, sender=SCANNER, port=None, login=None, subject="scan"):
    data = "From: %s\r\nTo: x@example.net\r\nSubject: %s\r\n\r\nbody %s\r\n" % (sender, subject, to)
    with smtplib.SMTP("127.0.0.1", port or ferry.smtp, timeout=60) as c:
        if login:
            c.login(*login)
        return c.sendmail(sender, to, data)


def refusal(*args, **more):
    """The code and the words with which all recipients, or the message, were refused."""
    try:
        send(*args, **more)
    except smtplib.SMTPRecipientsRefused as e:
        return list(e.recipients.values())[0]
    except smtplib.SMTPDataError as e:
        return e.smtp_code, e.smtp_error
    raise AssertionError("it was taken")


def row(ferry, to):
    return next((r for r in ferry.queue() if r["folder"] == to), {})


def state(ferry, to):
    return row(ferry, to).get("state")


def arrives(server, *to):
    wait_for("the mail at the relay", lambda: all(server.of(one) for one in to))
    for one in to:
        assert len(server.of(one)) == 1, (one, server.of(one))


def listing(ferry):
    return ferry.command("queue", "list", "--account", "relay", check=True).stdout


def held(ferry, *words):
    """All mail waits for a person, for the reason that has these words."""
    wait_for("the relay to be held", lambda: all(w in listing(ferry) for w in words))
    assert ferry.command("status", "--check").returncode != 0


def retry(ferry, *what):
    """Not while it is at work on it."""
    what = what or ("--account", "relay")
    wait_for("a retry to be taken", lambda: ferry.command("queue", "retry", *what).returncode == 0)


def letter(*words):
    """The message that the operator gets, as one line."""
    def found():
        all_there = [" ".join(o.decode().split()) for o in store.octets()]
        return [o for o in all_there if "Subject: mailferry: " in o and all(w in o for w in words)]
    wait_for("the letter to the operator", found)
    return found()[0]


# ---- who may ----

with tap.case("relay_for by users: who has logged in as one of them, from wherever, with one of the senders"):
    server = RelayServer()
    desk = free_port()
    ferry = make("users", server, relay_for={
        "people": {"users": ["anna"], "senders": ["anna@office.example", "@Sales.example"], "daily": 3},
        "devices": {"users": ["scanner"], "senders": [SCANNER]}}, users="users")
    ferry.save(listeners={"desk": {"address": "127.0.0.1:%d" % desk, "networks": LAN, "auth": "offered",
                                   "auth_plaintext": True}})
    words = {who: ferry.command("user", "add", who, check=True).stdout.strip() for who in ("anna", "scanner", "ben")}
    ferry.start()
    to = fresh()
    for sender in ("anna@office.example", "ANNA@Office.Example", "bob@sales.example"):
        to = fresh()
        send(ferry, to, sender, desk, ("anna", words["anna"]))
        arrives(server, to)
        assert server.of(to)[0].sender == sender, server.of(to)[0].sender
        assert b"anna" not in server.of(to)[0].data.split(b"From:")[0], server.of(to)[0].data
    # Each of these lacks one thing.
    for sender, login in (("anna@office.example", None), ("anna@office.example", "ben"),
                          ("anna@office.example", "scanner"), ("x@office.example", "anna"),
                          ("anna@sub.sales.example", "anna"), (SCANNER, "anna"), ("", "scanner")):
        code, text = refusal(ferry, fresh(), sender, desk, (login, words[login]) if login else None)
        assert code == 550 and b"5.7.1" in text, (sender, login, code, text)
    # Anna's three of today are used up; that of the devices is their own.
    for want in ((450, b"4.7.1"), (452, b"4.5.3")):
        code, text = refusal(ferry, fresh(), "anna@office.example", desk, ("anna", words["anna"]))
        assert code == want[0] and want[1] in text, (code, text)
    to = fresh()
    send(ferry, to, SCANNER, desk, ("scanner", words["scanner"]))
    arrives(server, to)
    line = next(x for x in ferry.log_text().splitlines() if "event=daily-reached" in x)
    assert "group=people" in line and "anna@office.example" in line, line
    assert ferry.stop() == 0
    server.close()

with tap.case("the daily count is one for all receivers, also when they are asked at the same moment"):
    server = RelayServer()
    ferry = make("daily", server, relay_for={"lan": {"networks": LAN, "senders": ["@office.example"], "daily": 10}},
                 receivers=2).start()
    addresses = [fresh() for _ in range(32)]
    answers = []

    def several(some):
        for to in some:
            try:
                send(ferry, to)
                answers.append("sent")
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                answers.append("refused")
    threads = [threading.Thread(target=several, args=(addresses[i::8],)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers.count("sent") == 10 and answers.count("refused") == 22, answers
    wait_for("ten at the relay", lambda: len(server.taken) == 10)
    ferry.drained()
    assert len(server.taken) == 10 and ferry.stop() == 0
    server.close()

# ---- TLS ----

with tap.case("a relay whose certificate is not good gets nothing, and a person reads why; mended, mail goes out"):
    for way in ("implicit", "starttls"):
        for name, shown, words in (("stranger", stranger, ("certificate",)),
                                   ("other", other, ("mail.elsewhere.example",))):
            trusted = stranger if name == "other" else authority
            # "other" is signed by an authority that is trusted here: the name alone is wrong.
            ca = other.ca if name == "other" else trusted.ca
            server = RelayServer(certificate=(shown.cert, shown.key), implicit=way == "implicit", password="right")
            ferry = make("tls-%s-%s" % (way, name), server,
                         {"tls": way, "ca_file": ca, "user": "office", "password": "right"})
            ferry.start()
            to = fresh()
            send(ferry, to)
            held(ferry, *words)
            assert not server.taken and not server.logins, (server.commands, server.logins)
            assert state(ferry, to) == "queued"
            text = letter("the relay", words[0])
            assert "Mail is still taken in and waits in the queue" in text, text
            p = ferry.command("probe", "relay")
            assert p.returncode != 0 and words[0] in p.stdout + p.stderr, (p.stdout, p.stderr)
            server.show(authority.cert, authority.key)
            ferry.save(relay={"ca_file": authority.ca})
            ferry.reload()
            arrives(server, to)
            assert server.logins and set(server.logins) == {("PLAIN", "office", "right")}, server.logins
            wait_for("no more of it", lambda: state(ferry, to) is None)
            assert ferry.stop() == 0
            server.close()
            for folder in store.folders.values():
                folder.messages.clear()

with tap.case("STARTTLS that is not offered, or refused: held, and nothing goes in clear"):
    server = RelayServer()
    ferry = make("clear", server, {"tls": "starttls", "ca_file": authority.ca}).start()
    to = fresh()
    send(ferry, to)
    held(ferry, "does not offer STARTTLS")
    server.show(authority.cert, authority.key)
    server.stages = {"STARTTLS": ["454 4.7.0 TLS is not available"] * 2}
    retry(ferry)
    arrives(server, to)
    assert server.stages["STARTTLS"] == []
    assert not [c for c in server.commands[:server.commands.index("STARTTLS")] if c.startswith("MAIL")], server.commands
    assert ferry.stop() == 0
    server.close()

# ---- access tokens ----

with tap.case("access tokens, where the next hop wants them: one that is refused is replaced once, then a person is asked"):
    provider = TokenServer(area, "provider").start()
    provider.add_client(secret="open sesame")
    spoilt = set()
    given = lambda: [r.answer["access_token"] for r in provider.requests if r.status == 200]  # noqa: E731
    server = RelayServer(certificate=(authority.cert, authority.key), implicit=True,
                         tokens=lambda token: token in given() and token not in spoilt)
    ferry = make("tokens", server, {"tls": "implicit", "ca_file": authority.ca, "user": "office@example.net", "oauth": {
        "grant": "application", "client_id": "ferry-client", "client_secret": "open sesame", "ca_file": provider.ca,
        "token_endpoint": provider.url("/token")}}).start()
    to = fresh()
    send(ferry, to)
    arrives(server, to)
    mechanism, user, token = server.logins[-1]
    assert user == "office@example.net" and token == given()[-1] and len(server.logins) == 1, server.logins
    # It ends before its time.
    spoilt.add(token)
    ferry.stop()
    ferry.start()
    to = fresh()
    send(ferry, to)
    arrives(server, to)
    assert len(set(given())) >= 2 and server.logins[-1][2] not in spoilt, server.logins
    # None is good any more.
    good, server.tokens = server.tokens, lambda token: False
    ferry.stop()
    ferry.start()
    before = len(server.logins)
    to = fresh()
    send(ferry, to)
    held(ferry, "token")
    assert state(ferry, to) == "queued"
    assert not any(t in ferry.log_text() + listing(ferry) for t in given()), "a token is shown"
    server.tokens = good
    spoilt.clear()
    retry(ferry)
    arrives(server, to)
    # The provider refuses us: that is told, too, and mended by the new secret and a reload.
    provider.add_client(secret="another")
    spoilt.update(given())
    ferry.stop()
    ferry.start()
    to = fresh()
    send(ferry, to)
    held(ferry, "no access token", "client_secret")
    ferry.save(relay={"oauth": {"client_secret": "another"}})
    ferry.reload()
    arrives(server, to)
    wait_for("no more of it", lambda: state(ferry, to) is None)
    assert ferry.stop() == 0
    server.close()
    provider.stop()

# ---- give_up ----

with tap.case("give_up: tried until then, then kept for a person, who reads why in the queue and in a letter"):
    server = RelayServer()
    for folder in store.folders.values():
        folder.messages.clear()
    ferry = make("give-up", server, {"give_up": "10s"}).start()
    to, away = fresh("slow"), fresh("away")
    server.answers = {to: "451 4.2.1 mailbox is being moved"}
    send(ferry, to)
    wait_for("a second try", lambda: server.commands.count("RCPT TO:<%s>" % to) > 1)
    wait_for("the end of patience", lambda: state(ferry, to) == "quarantined")
    reason = row(ferry, to)["reason"]
    for words in ("given up, as it is older than give_up says", "451", "mailbox is being moved"):
        assert words in reason, reason
    assert "mailbox is being moved" in listing(ferry)
    assert ferry.command("status", "--check").returncode != 0
    p = ferry.command("trace", to, check=True)
    assert "given up" in p.stdout, p.stdout
    text = letter("mail for the relay waits for your decision", "mailbox is being moved")
    for words in ("mailferry queue list --account relay", "mailferry queue retry ID", "mailferry queue delete ID",
                  "was told that it was accepted"):
        assert words in text, (words, text)
    tried = server.commands.count("RCPT TO:<%s>" % to)
    time.sleep(1.5)
    assert server.commands.count("RCPT TO:<%s>" % to) == tried, "tried although given up"
    server.answers = {}
    retry(ferry, row(ferry, to)["delivery"])
    arrives(server, to)
    # The same while the relay is away.
    port = server.port
    server.close()
    send(ferry, away)
    wait_for("the end of patience", lambda: state(ferry, away) == "quarantined")
    reason = row(ferry, away)["reason"]
    assert "given up" in reason and "localhost" in reason and "efused" in reason, reason
    server = RelayServer(port=port)
    retry(ferry, row(ferry, away)["delivery"])
    arrives(server, away)
    assert ferry.stop() == 0
    server.close()

# ---- each step ----

LATER, KEPT, HELD = "sent at another try", "kept for a person", "all mail waits"
STAGES = (
    ("banner", "421 4.3.2 too busy", LATER), ("banner", "450 4.3.2 not now", LATER),
    ("banner", "554 5.7.1 go away", HELD), ("EHLO", "421 4.3.2 too busy", LATER),
    ("EHLO", "451 4.3.0 not now", LATER), ("EHLO", "502 5.5.1 what is that?", LATER),
    ("AUTH", "421 4.3.2 too busy", LATER), ("AUTH", "454 4.7.0 not now", LATER), ("AUTH", "535 5.7.8 wrong", HELD),
    ("MAIL", "421 4.3.2 too busy", LATER), ("MAIL", "451 4.3.0 not now", LATER),
    ("MAIL", "550 5.7.60 not as that sender", KEPT), ("MAIL", "530 5.7.0 log in", HELD),
    ("RCPT", "421 4.3.2 too busy", LATER), ("RCPT", "450 4.2.1 not now", LATER), ("RCPT", "550 5.1.1 nobody", KEPT),
    ("DATA", "421 4.3.2 too busy", LATER), ("DATA", "451 4.3.0 not now", LATER),
    ("DATA", "554 5.5.0 nothing from you", KEPT),
    ("end", "421 4.3.2 too busy", LATER), ("end", "452 4.3.1 no room", LATER), ("end", "554 5.7.1 that is spam", KEPT),
)

for pipelining in (True, False):
    with tap.case("4xx and 5xx at each step, %s PIPELINING: nothing is lost and nothing comes twice" % (
            "with" if pipelining else "without")):
        server = RelayServer(offers=("PIPELINING", "8BITMIME") if pipelining else ("8BITMIME",), password="right")
        ferry = make("stages-%s" % pipelining, server, {"user": "office", "password": "right"}).start()
        for stage, answer, outcome in STAGES:
            to = [fresh(), fresh()]
            words = answer[4:]
            # A connection that is open is used again: so that all steps are gone through, there is none.
            server.hang_up()
            if stage == "end":
                server.ends = [answer]
            else:
                # So often that it must be met, however connections are used.
                server.stages = {stage: [answer] * (1 if outcome == KEPT or stage in ("RCPT", "DATA", "MAIL") else 2)}
            send(ferry, to, subject="%s %s" % (stage, answer))
            if outcome == HELD:
                # By its line: the next try may be soon. What is kept of it then may still come behind our retry.
                wait_for("the reason in the log", lambda: any("relay-waits" in line and words in line
                                                              for line in ferry.log_text().splitlines()))
                server.stages = {}
                wait_for("it to be sent", lambda: (retry(ferry), all(server.of(one) for one in to))[1])
            if outcome == KEPT:
                kept = to[:1] if stage == "RCPT" else to
                for one in kept:
                    wait_for("%s to be kept" % one, lambda: state(ferry, one) == "quarantined")
                    assert words in row(ferry, one)["reason"], row(ferry, one)
                    assert not server.of(one)
                    retry(ferry, row(ferry, one)["delivery"])
            arrives(server, *to)
            for one in to:
                wait_for("no more of %s" % one, lambda: state(ferry, one) is None)
                assert len(server.of(one)) == 1, (stage, answer, one)
            assert not server.ends and not server.stages.get(stage), (stage, answer, server.stages)
        assert ferry.stop() == 0
        server.close()

store.close()
tap.done()
