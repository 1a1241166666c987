"""Mail that goes round: a rule at the store sends what mailferry files there back into the mailbox that it fetches."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = 'require "fileinto"; if header :contains "subject" "scan" { fileinto "Scans"; }'

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("loops")
source = Dovecot(area, name="source", users={"old": "s3cret"}).start()
store = Dovecot(area, name="store").start()
ferry = Ferry(area, store, RULES, {"accounts": {"office": {"create_folders": True}}, "sources": {"old": {
    "protocol": "imap", "host": "localhost", "port": source.port, "tls": "none", "user": "old",
    "password_file": "office.password", "account": "office", "to": "office@office.example", "keep": True}}})
tap.logs += [store.logs, ferry.logs]


def put(data):
    m = source.connect()
    status, answer = m.append("INBOX", None, None, data)
    assert status == "OK", answer
    m.logout()


def sync():
    p = ferry.command("sync", "old")
    assert p.returncode == 0, p.stdout + p.stderr


def where(ident):
    """Folder → how many copies of the message."""
    return {f: n for f, n in ((f, sum(m.id == ident for m in got)) for f, got in store.messages(body=True).items()) if n}


def forward(ident, folder="INBOX"):
    """The newest copy in FOLDER goes back to the source, as a rule at the store would send it."""
    found = [m for m in store.messages(body=True)[folder] if m.id == ident]
    put(b"Return-Path: <office@office.example>\r\nReceived: from store.far.example by source.far.example with ESMTP id 1\r\n"
        b"\tfor <old@far.example>; Mon, 2 Mar 2026 10:00:00 +0000\r\n" + max(found, key=lambda m: m.uid).raw)


with tap.case("Delivered-To for the recipient is no loop: it is how the mail came into the mailbox"):
    ferry.start()
    put(message("<one@example.org>", headers="Delivered-To: office@office.example\r\n"))
    sync()
    assert where("<one@example.org>") == {"INBOX": 1}, where("<one@example.org>")

with tap.case("what went round once is filed by the rules, as an old mailbox that mailferry had filled is"):
    put(message("<scan@example.org>", subject="scan"))
    sync()
    forward("<one@example.org>")
    forward("<scan@example.org>", "Scans")
    sync()
    assert where("<one@example.org>") == {"INBOX": 2}, where("<one@example.org>")
    assert where("<scan@example.org>") == {"Scans": 2}, where("<scan@example.org>")

with tap.case("what comes once more ends in the folder for it, with the reason in its record"):
    forward("<one@example.org>")
    sync()
    assert where("<one@example.org>") == {"INBOX": 2, "Rejected": 1}, where("<one@example.org>")
    told = ferry.command("trace", "one@example.org").stdout
    assert "goes round" in told and "Rejected" in told, told

with tap.case("nothing goes on from there"):
    sync()
    assert where("<one@example.org>") == {"INBOX": 2, "Rejected": 1}, where("<one@example.org>")
    assert ferry.queue() == []

with tap.case("more than a hundred hops are a loop too"):
    hops = "".join("Received: from a by b; Mon, 2 Mar 2026 10:%02d:00 +0000\r\n" % (n % 60) for n in range(101))
    put(message("<hops@example.org>", headers=hops))
    put(message("<few@example.org>", headers=hops[:hops.rindex("Received:")]))
    sync()
    assert where("<hops@example.org>") == {"Rejected": 1}, where("<hops@example.org>")
    assert where("<few@example.org>") == {"INBOX": 1}, where("<few@example.org>")
area.close()
tap.done()
