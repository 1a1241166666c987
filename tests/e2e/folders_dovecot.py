"""Which folder a rule's name means, on a real Dovecot with namespaces, uses, rights and limits."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "envelope", "mailbox", "special-use"];
if envelope :localpart "to" "junk" { fileinto "\\\\Junk"; }
elsif envelope :localpart "to" "sent" { fileinto :create "\\\\Sent"; }
elsif envelope :localpart "to" "trash" { fileinto :create :specialuse "\\\\Trash" "Old/Trash"; }
elsif envelope :localpart "to" "case" { fileinto :create "projects/ÄCKER"; }
elsif envelope :localpart "to" "deep" { fileinto :create "A/B/C"; }
elsif envelope :localpart "to" "prefix" { fileinto :create "INBOX.A.B.C"; }
elsif envelope :localpart "to" "shared" { fileinto :create "Team/Post"; }
elsif envelope :localpart "to" "locked" { fileinto :create "Locked"; }
elsif envelope :localpart "to" "below" { fileinto :create "Locked/New"; }
elsif envelope :localpart "to" "refused" { fileinto :create "~root"; }
elsif envelope :localpart "to" "long" { fileinto :create "%s"; }
elsif envelope :localpart "to" "known" { if mailboxexists "Projects/Äcker" { fileinto "\\\\Junk"; } }
""" % ("x" * 900)

EXTRA = """
imap_capability = +APPENDLIMIT=204800
mail_plugins = $mail_plugins acl quota
protocol imap {
  mail_plugins = $mail_plugins imap_acl imap_quota
}
plugin {
  acl = vfile
  quota = maildir:User quota
  quota_max_mail_size = 200k
}
namespace inbox {
  mailbox Ramsch {
    special_use = \\\\Junk
    auto = create
  }
}
namespace other {
  separator = .
  prefix = Team.
  location = maildir:~/team
  list = yes
}
"""

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "folders-dovecot", rules=RULES,
                dovecot={"separator": ".", "prefix": "INBOX.", "extra": EXTRA.replace("\\\\", "\\")})
area, store, ferry = office.area, office.store, office.ferry


def send(to, size=0):
    ident = "<%s-%f@x>" % (to, time.time())
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, to + "@office.example", message(ident, size=size)))
    return ident


def filed(to, folder, people=None, note=""):
    ident = send(to)
    ferry.drained()
    where = [f for f, all_ in store.messages().items() for m in all_ if m.id == ident]
    assert where == [folder], (where, folder)
    row = ferry.rows("trace", ident)[-1]["deliveries"][0]
    assert row["state"] == "done" and row["folder"] == (people or folder), row
    assert note in str(row.get("note")) + str(row.get("reason")), row


def size_offered():
    c = Client(ferry.smtp)
    text = c.hello()
    c.command("QUIT", 221)
    return int(re.search(r"SIZE (\d+)", text).group(1))


with tap.case("it starts, with a prefix, a use, two personal namespaces, rights and a limit"):
    store.start()
    m = store.connect()
    for name in ("INBOX.Projects", "INBOX.Projects.&AMQ-cker", "INBOX.Locked"):
        assert m.create('"%s"' % name)[0] == "OK", name
    assert m.setacl('"INBOX.Locked"', "office", "lra")[0] == "OK"
    tap.diag(" ".join(m.capabilities))
    m.logout()
    ferry.start()

with tap.case("the folder for a use, by its attribute; made where there is none"):
    filed("junk", "INBOX.Ramsch", "Ramsch", "on this store \\Junk is Ramsch")
    filed("sent", "INBOX.Sent", "Sent")
    filed("trash", "INBOX.Old.Trash", "Old/Trash")

with tap.case("a name that differs in case only, levels, the prefix written and not"):
    filed("case", "INBOX.Projects.Äcker", "Projects/Äcker", "on this store projects/ÄCKER is Projects/Äcker")
    filed("deep", "INBOX.A.B.C", "A/B/C")
    filed("prefix", "INBOX.A.B.C", "A/B/C")

with tap.case("a second personal namespace, which has no prefix put in front"):
    filed("shared", "Team.Post", "Team/Post")

with tap.case("row 18: rights that are missing, and names that Dovecot refuses: INBOX, with its words"):
    filed("locked", "INBOX", note="INBOX instead of Locked: [NOPERM] Permission denied")
    filed("below", "INBOX", note="INBOX instead of Locked/New")
    filed("refused", "INBOX", note="INBOX instead of ~root")
    filed("long", "INBOX", note="INBOX instead of xxxx")

with tap.case("what Dovecot tells is known to rules and to SIZE"):
    wait_for("the facts", lambda: size_offered() < 200 * 1024)
    try:
        send("office", size=210 * 1024)
        raise AssertionError("it was taken")
    except Refused as r:
        assert r.code == 552, r.text
    filed("known", "INBOX.Ramsch", "Ramsch")

store.stop()
ferry.stop()
tap.done()
