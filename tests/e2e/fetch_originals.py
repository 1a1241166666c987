"""delete = "after-delivery": an original goes when its message is filed or the rules discarded it, and stays while a delivery
waits, is held, is in doubt, or was dropped by a person; also when the record of the message is gone."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.originals import Originals  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "mailbox", "copy"];
if header :contains "subject" "junk" { discard; }
elsif header :contains "subject" "both" { fileinto :create "Second"; keep; }
"""
SUBJECTS = ["waits", "held", "dropped", "both", "junk"]

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "fetch-originals", RULES, dovecot={"users": {"office": "s3cret", "old": "s3cret"}})
area, store, ferry = office.area, office.store, office.ferry
mailboxes = Originals(store)


def filed():
    return sorted(m.subject for messages in store.messages("office").values() for m in messages)


def queued(word):
    return [r for r in ferry.queue() if word in r["subject"]]


def act(word, *command):
    """On every message with that word in its subject."""
    rows = queued(word)
    assert len(rows) == 2, rows
    for r in rows:
        ferry.insist(*command, r["id"])


store.start()
mailboxes.add(SUBJECTS)
ferry.save(sources=mailboxes.sources())

with tap.case("while the account takes nothing, only what the rules discarded goes"):
    ferry.write("wrong.password", "wrong\n", 0o600)
    ferry.save(accounts={"office": {"password_file": "wrong.password"}})
    ferry.start()
    for _ in range(2):
        ferry.command("sync")
    assert len(ferry.queue()) == 10, ferry.queue()  # two folders are two deliveries
    assert mailboxes.left() == ["both", "dropped", "held", "waits"], mailboxes.left()

with tap.case("what is filed goes; what is held or was dropped stays"):
    act("held", "hold")
    act("dropped", "delete", "--yes")
    ferry.save(accounts={"office": {"password_file": "office.password"}})
    ferry.reload()
    wait_for("the rest to be filed", lambda: not queued("waits") and not queued("both"))
    for _ in range(2):
        ferry.command("sync")
    assert filed() == sorted(k + " " + s for k in ("imap", "pop") for s in ("waits", "both", "both")), filed()
    assert mailboxes.left() == ["dropped", "held"], mailboxes.left()

with tap.case("what was held goes when it was let go and is filed"):
    act("held", "release")
    ferry.drained()
    for _ in range(2):
        ferry.command("sync", check=True)
    assert mailboxes.left() == ["dropped"], mailboxes.left()
    assert len(filed()) == 8, filed()

with tap.case("what was dropped stays, and is not fetched again, also without its record"):
    assert ferry.stop() == 0
    db = sqlite3.connect(ferry.path("spool", "spool.db"))
    db.execute("UPDATE message SET finished = 1000")  # long ago
    db.commit()
    db.close()
    ferry.start()
    wait_for("the records to be swept", lambda: "no message with" in ferry.command("trace", "example.org").stderr)
    for _ in range(3):
        ferry.command("sync", check=True)
    assert mailboxes.left() == ["dropped"], mailboxes.left()
    assert len(filed()) == 8, filed()
    assert ferry.stop() == 0

store.stop()
tap.done()
