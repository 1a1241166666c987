"""delete = "after-delivery" and rules that make more of a message than a copy in a folder: it in other words (addheader, replace,
enclose), in several folders, before and after it was changed. The original goes when all of that is filed, and not before."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.originals import Originals  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "mailbox", "editheader", "replace", "enclose"];
if header :contains "subject" "junk" { addheader "X-Changed" "1"; discard; }
elsif header :contains "subject" "changed" { replace "In other words."; }
elsif header :contains "subject" "enclosed" { enclose :headers "Message-ID" "Look."; fileinto :create "Enclosed"; }
elsif header :contains "subject" ["copies", "held", "dropped"] {
    fileinto :create "Plain";
    addheader "X-Changed" "1";
    fileinto :create "Edited";
    replace "Short.";
    fileinto :create "Short";
}
"""
COPIES = ("Plain", "Edited", "Short")
SUBJECTS = ["changed", "copies", "dropped", "enclosed", "held", "junk"]
KINDS = ("imap", "pop")

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "fetch-edited", RULES, dovecot={"users": {"office": "s3cret", "old": "s3cret"}})
store, ferry = office.store, office.ferry
mailboxes = Originals(store)


def filed():
    return sorted((folder, m.subject) for folder, messages in store.messages("office").items() for m in messages)


def expected(*subjects):
    """What they become of both kinds."""
    folders = {"changed": ("INBOX",), "enclosed": ("Enclosed",)}
    return sorted((f, k + " " + s) for s in subjects for f in folders.get(s, COPIES) for k in KINDS)


def queued(word, folder=None):
    return [r for r in ferry.queue() if word in r["subject"] and folder in (None, r["folder"])]


def act(rows, *command):
    assert len(rows) == 2, rows
    for r in rows:
        ferry.insist(*command, r["id"])


def runs(check=True):
    """The source is told of what was filed at the next run."""
    for _ in range(2):
        ferry.command("sync", check=check)


store.start()
mailboxes.add(SUBJECTS)
ferry.save(sources=mailboxes.sources())

with tap.case("while the account takes nothing, only what was changed and discarded goes"):
    ferry.write("wrong.password", "wrong\n", 0o600)
    ferry.save(accounts={"office": {"password_file": "wrong.password"}})
    ferry.start()
    runs(check=False)  # the account fails
    assert mailboxes.left() == [s for s in SUBJECTS if s != "junk"], mailboxes.left()
    assert filed() == [], filed()

with tap.case("neither does another go when the daemon is killed with all of that in its queue"):
    ferry.kill()
    ferry.start()
    runs(check=False)  # the account fails
    assert mailboxes.left() == [s for s in SUBJECTS if s != "junk"], mailboxes.left()

with tap.case("one copy of three that is held or was dropped keeps the original, although the others are filed"):
    act(queued("held", "Edited"), "hold")
    act(queued("dropped", "Short"), "delete", "--yes")
    ferry.save(accounts={"office": {"password_file": "office.password"}})
    ferry.reload()
    wait_for("the rest to be filed", lambda: len(ferry.queue()) == 2)
    runs()
    there = set(expected("changed", "copies", "enclosed", "dropped", "held"))
    there -= {("Edited", k + " held") for k in KINDS} | {("Short", k + " dropped") for k in KINDS}
    assert filed() == sorted(there), filed()
    assert mailboxes.left() == ["dropped", "held"], mailboxes.left()

with tap.case("what was held goes when it was let go and is filed, and every copy is there once"):
    act(queued("held", "Edited"), "release")
    ferry.drained()
    runs()
    assert mailboxes.left() == ["dropped"], mailboxes.left()
    there |= {("Edited", k + " held") for k in KINDS}
    assert filed() == sorted(there), filed()

with tap.case("each copy has the words of its moment"):
    for folder, messages in store.messages("office", body=True).items():
        for m in messages:
            raw = m.raw.replace(b"\r\n", b"\n")
            assert (b"X-Changed: 1" in raw) == (folder in ("Edited", "Short")), (folder, raw)
            assert (b"\nHello.\n" in raw) == (folder in ("Plain", "Edited", "Enclosed")), (folder, raw)
            assert (b"\nShort." in raw) == (folder == "Short"), (folder, raw)
            assert (b"multipart/mixed" in raw) == (folder == "Enclosed"), (folder, raw)

with tap.case("killed again and again while it files: every copy once, and the originals go"):
    mailboxes.add(["copies again%d" % i for i in range(4)])
    before = len(filed())
    for n in range(3):
        ferry.command("sync")
        ferry.kill()
        got = [s.split()[2] for _, s in filed() if s.startswith("imap copies again")]
        left = [m.subject.split()[2] for m in store.messages("old")["INBOX"] if "again" in m.subject]
        assert all(i in left or got.count(i) >= 3 for i in ("again%d" % i for i in range(4))), (got, left)
        ferry.start()
    runs()
    ferry.drained()
    runs()
    assert len(filed()) == before + 4 * 2 * 3, filed()
    assert len(set(filed())) == len(filed()), filed()
    imap = [m.subject for m in store.messages("old")["INBOX"]]
    assert imap == ["imap dropped"] and len(mailboxes.pop.messages) == 1, (imap, mailboxes.pop.messages)
    assert ferry.stop() == 0

store.stop()
tap.done()
