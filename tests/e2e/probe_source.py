"""mailferry probe and login on sources: the same look into a mailbox that is fetched, by IMAP and by POP3."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port  # noqa: E402
from lib.dovecot import silent_listener  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"), ("/usr/lib/dovecot/pop3", "dovecot-pop3d"), ("openssl", "openssl"))
office = Office(tap, "probe_source", tls="implicit", dovecot={"pop3": True, "users": {"office": "s3cret", "old": "s3cret"}})
store, ferry = office.store, office.ferry
store.start()
with store.connect("old") as imap:
    for i in range(3):
        imap.append("INBOX", None, None, b"Subject: %d\r\n\r\nhello\r\n" % i)

GOOD = {"host": "localhost", "user": "old", "password_file": "office.password", "account": "office", "ca_file": store.ca,
        "to": "x@office.example"}
ferry.save(sources={"pop": dict(GOOD, protocol="pop3", port=store.pop3s_port),
                    "clear": dict(GOOD, protocol="pop3", port=store.pop3_port, tls="starttls"),
                    "map": dict(GOOD, protocol="imap", port=store.tls_port)})


def run(*args, status=0):
    p = ferry.command(*args)
    assert p.returncode == status and "s3cret" not in p.stdout + p.stderr, (args, p.returncode, p.stdout, p.stderr)
    return p


with tap.case("a POP3 mailbox: the way in, and how many messages"):
    for name in ("pop", "clear"):
        out = run("probe", name).stdout
        assert out.startswith("source %s: old at localhost, port " % name) and "logged in" in out, out
        assert "3 messages in what would be fetched" in out and "nothing was changed" in out, out
    facts = json.loads(run("probe", "--json", "pop").stdout)
    assert facts["source"] == "pop" and facts["ok"] and [f["messages"] for f in facts["folders"]] == [3], facts

with tap.case("an IMAP mailbox: those folders that would be fetched"):
    with store.connect("old") as imap:
        imap.create("Archive")
        imap.create("Other")
        imap.append("Archive", None, None, b"Subject: 1\r\n\r\nhello\r\n")
    facts = json.loads(run("probe", "--json", "map").stdout)
    assert [(f["name"], f["messages"]) for f in facts["folders"]] == [("INBOX", 3)], facts
    ferry.save(sources={"map": {"folders": ["*", "!Other"]}})
    facts = json.loads(run("probe", "--json", "map").stdout)
    assert facts["source"] == "map" and facts["protocol"] == "imap", facts
    assert sorted((f["name"], f["messages"]) for f in facts["folders"]) == [("Archive", 1), ("INBOX", 3)], facts

with tap.case("all at once, accounts first"):
    names = [json.loads(line) for line in run("probe", "--json").stdout.splitlines()]
    assert [n.get("account") or n.get("source") for n in names] == ["office", "pop", "clear", "map"], names

with tap.case("nothing is written into a source"):
    assert "--write is for accounts" in run("probe", "--write", "map", status=64).stderr
    assert "no account and no source \"nobody\"" in run("probe", "nobody", status=64).stderr
    with store.connect("old") as imap:
        assert int(imap.select("INBOX", readonly=True)[1][0]) == 3

with tap.case("login tries the mailbox, and says what is wrong with a source"):
    assert "which has 3 messages." in run("login", "--no-steps", "pop").stdout
    assert "which has 2 folders." in run("login", "--no-steps", "map").stdout
    ferry.write("wrong.password", "tahini\n", 0o600)
    for name in ("pop", "map"):
        ferry.save(sources={name: {"password_file": "wrong.password"}})
        p = run("login", "--no-steps", name, status=78)
        assert "mailferry login: source %s: login: " % name in p.stderr and "tahini" not in p.stderr, p.stderr
        assert "of source %s" % name in p.stderr, p.stderr
        p = run("probe", name, status=78)
        assert "source %s: login: " % name in p.stderr, p.stderr
        ferry.save(sources={name: {"password_file": "office.password"}})
    # The advice is for the protocol that is spoken.
    steps = run("login", "--steps", "pop").stdout
    assert "see there that POP3 is switched on" in steps and "IMAP" not in steps, steps

with tap.case("a server that is not there, one that is silent, one with another certificate"):
    ferry.save(sources={"pop": {"port": free_port()}})
    assert "source pop: login: cannot connect to localhost" in run("probe", "pop", status=69).stderr
    silent, port = silent_listener()
    ferry.save(sources={"pop": {"port": port, "timeout": "1s"}})
    assert "source pop: login: " in run("probe", "pop", status=75).stderr
    silent.close()
    ferry.save(sources={"pop": {"port": store.pop3s_port, "timeout": "20s", "ca_file": None}})
    p = run("probe", "pop", status=78)
    assert "source pop: login: " in p.stderr and "ca_file" in p.stderr, p.stderr

tap.done()
