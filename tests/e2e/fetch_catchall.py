"""A catch-all mailbox, shared out by what its server wrote into each message: to whom, and what becomes of the rest."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "mailbox", "envelope", "reject"];
if header :contains "subject" "reject" { reject "not here, please"; }
elsif envelope :localpart "to" "sales" { fileinto :create "Sales"; }
"""

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "fetch_catchall", RULES, dovecot={"users": {"office": "s3cret", "boss": "s3cret"}})
area, ferry, store = office.area, office.ferry, office.store
pop = Pop(user="all@office.example", password="s3cret")
sent = 0


def put(subject, *header, size=0):
    """One more message at the source, with these lines above its own; returns its subject, which is its own."""
    global sent
    sent += 1
    subject = "%d %s" % (sent, subject)
    pop.add(("".join(h + "\r\n" for h in header) + "From: a@example.org\r\nTo: list@example.org\r\nSubject: %s\r\n"
             "Message-ID: <%d@example.org>\r\n\r\n%s\r\n" % (subject, sent, "x" * size)).encode())
    return subject


def found(subject):
    """Where it is: user/folder, sorted."""
    return sorted("%s/%s" % (user, folder) for user in ("office", "boss")
                  for folder, messages in store.messages(user).items() for m in messages if m.subject == subject)


def sync(*args, status=0):
    p = ferry.command("sync", "all", *args)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p


def arrives(subject, *where):
    wait_for("%s in %s" % (subject, where), lambda: found(subject) == sorted(where))


ferry.config["accounts"]["boss"] = dict(ferry.account, user="boss", addresses=["boss@office.example"], rules=None)
del ferry.config["accounts"]["boss"]["rules"]
ferry.save(accounts={"office": {"addresses": ["info@office.example", "sales@office.example"]}},
           sources={"all": {"protocol": "pop3", "host": "localhost", "tls": "none", "port": pop.port,
                            "user": "all@office.example", "password_file": "office.password", "account": "office",
                            "recipients_from": ["X-Original-To", "Delivered-To", "Received"], "delete": "after-delivery",
                            "skip": {"larger": "20K", "note": True}}})
office.start()

ALL = "Delivered-To: all@office.example"
RECEIVED = "Received: from a.example.org by mx.example.net with ESMTP id 1 for <%s>; Mon, 2 Mar 2026 10:00:00 +0000"

with tap.case("each recipient gets his own, whatever To says"):
    rows = [(put("boss", "X-Original-To: boss@office.example", ALL), ["boss/INBOX"]),
            (put("detail", "Delivered-To: info+news@office.example"), ["office/INBOX"]),
            (put("by the rules", ALL, "Delivered-To: sales@office.example"), ["office/Sales"]),
            (put("two", "X-Original-To: boss@office.example", "X-Original-To: sales@office.example"),
             ["boss/INBOX", "office/Sales"]),
            (put("received", RECEIVED % "boss@office.example"), ["boss/INBOX"]),
            (put("capitals", "DELIVERED-TO: <Boss@Office.Example>"), ["boss/INBOX"])]
    sync()
    for subject, where in rows:
        arrives(subject, *where)

with tap.case("what is for nobody known is kept in a folder of its own"):
    rows = [put("stranger", "X-Original-To: nobody@office.example", ALL), put("elsewhere", "Delivered-To: x@example.com"),
            put("nothing"), put("nonsense", "Delivered-To: @@@", "Received: for for for"),
            put("only the mailbox itself", ALL)]
    sync()
    for subject in rows:
        arrives(subject, "office/Unmatched")

with tap.case("what the rules reject is filed, and the reason told"):
    subject = put("reject me", "X-Original-To: info@office.example")
    both = put("reject me too", "X-Original-To: info@office.example", "X-Original-To: boss@office.example")
    sync()
    arrives(subject, "office/Rejected")
    arrives(both, "office/Rejected", "boss/INBOX")
    assert "not here, please" in ferry.command("trace", subject, check=True).stdout

with tap.case("what is too large stays, with one note"):
    subject = put("large", "X-Original-To: boss@office.example", size=30000)
    sync()
    sync()
    ferry.drained()
    assert found(subject) == [], found(subject)
    notes = [m for m in store.messages("office", body=True)["INBOX"] if subject in m.raw.decode("utf-8", "replace")]
    assert len(notes) == 1, [m.subject for m in notes]
    # RFC 3834, 5.2: a report that something was not received is no "auto-generated".
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in notes[0].raw, notes[0].raw

with tap.case("a dry run says the same, and changes nothing"):
    rows = {put("dry boss", "X-Original-To: boss@office.example"): ("boss", "INBOX"),
            put("dry sales", "X-Original-To: sales@office.example"): ("office", "Sales"),
            put("dry stranger", "X-Original-To: nobody@office.example"): ("office", "Unmatched"),
            put("dry reject", "X-Original-To: info@office.example"): ("office", "Rejected")}
    before = store.count("office"), store.count("boss"), list(pop.messages)
    text = sync("--dry-run", "--json").stdout
    told = [json.loads(line) for line in text.splitlines()]
    lines = {o["subject"]: o for o in told if o.get("subject") in rows}
    assert set(lines) == set(rows), text
    for subject, (account, into) in rows.items():
        assert (lines[subject]["account"], lines[subject]["into"]) == (account, into), lines[subject]
    assert (store.count("office"), store.count("boss"), list(pop.messages)) == before
    sync()
    for subject, (account, into) in rows.items():
        arrives(subject, "%s/%s" % (account, into))

with tap.case("originals go when all of it is filed; what was left stays"):
    ferry.drained()
    wait_for("the originals to go", lambda: sync() and len(pop.messages) == 1)
    assert b"large" in pop.messages[0]
    assert ferry.stop() == 0
    pop.stop()

tap.done()
