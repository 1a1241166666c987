"""
What rules are given from outside of their script: other scripts to include,
lists, where verdicts stand, and what they remember from one message to the
next. The supervisor reads the folders, and roles that open no file get them.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402

RULES = """require ["include", "variables", "fileinto", "spamtest", "duplicate"];
global "folder";
if duplicate { fileinto "Twice"; stop; }
if spamtest "10" { fileinto "Spam"; stop; }
include "personal";
include :global "site";
include :optional "none";
if not string "${folder}" "" { fileinto "${folder}"; }
"""
PERSONAL = """require ["include", "variables", "extlists"];
global "folder";
if address :list "from" "customers" { set "folder" "Customers"; }
"""
SITE = """require ["include", "variables"];
global "folder";
if header :contains "subject" "%s" { set "folder" "Site"; }
"""
FOLDERS = "Customers", "Site", "Spam", "Twice"

tap = Tap(300)
area = Area("rules_outside")
store = Store(user="office", password="s3cret")
for name in FOLDERS:
    store.create(name)
area.mkdir("ferry/global")
area.mkdir("ferry/lists")
ferry = Ferry(area, store, RULES, {"rules_global": "global", "rules_lists": "lists", "spam_verdict": "X-Points: ([0-9]+)",
                                   "spam_verdict_most": "20"})
tap.logs.append(ferry.logs)
ferry.write("personal.sieve", PERSONAL)
ferry.write("global/site.sieve", SITE % "first")
ferry.write("lists/customers", "# ours\n@example.com\ninfo@EXAMPLE.net\n")


def deliver(ident, sender="x@example.org", subject="s", more=""):
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, "office@office.example",
                   ("From: %s\r\nSubject: %s\r\nMessage-ID: %s\r\n%s\r\nb\r\n" % (sender, subject, ident, more)).encode()))
    ferry.drained()
    return next(n for n in FOLDERS + ("INBOX",) for m in store.folders[n].messages.values() if ident.encode() in m[2])


def found(ident, **options):
    folder = deliver(ident, **options)
    return folder


with tap.case("check reads what the rules include, and names the script that has an error"):
    assert ferry.command("check").returncode == 0, ferry.command("check").stderr
    ferry.write("personal.sieve", PERSONAL + "kep;\n")
    done = ferry.command("check")
    assert done.returncode != 0 and "personal.sieve:4:1: error: unknown command" in done.stderr, done.stderr
    ferry.write("personal.sieve", PERSONAL)

with tap.case("personal and global scripts share a variable; lists are asked"):
    ferry.start()
    assert found("<1@x>") == "INBOX"
    assert found("<2@x>", sender="somebody@Example.com") == "Customers"
    assert found("<3@x>", sender="info@example.net") == "Customers"
    assert found("<4@x>", sender="other@example.net") == "INBOX"
    assert found("<5@x>", subject="the first") == "Site"

with tap.case("the verdict stands where the configuration says"):
    assert found("<6@x>", more="X-Points: 20\r\n") == "Spam"
    assert found("<7@x>", more="X-Points: 19\r\n") == "INBOX"
    assert found("<8@x>", more="X-Spam: Yes\r\n") == "INBOX"

with tap.case("what was seen is remembered, also over a restart"):
    assert deliver("<2@x>") in ("Customers", "Twice")
    wait_for("the second one", lambda: len(store.folders["Twice"].messages) == 1)
    ferry.stop()
    ferry.start()
    deliver("<1@x>", subject="the same again")
    wait_for("the third one", lambda: len(store.folders["Twice"].messages) == 2)

with tap.case("a reload takes up changed scripts and lists"):
    ferry.write("global/site.sieve", SITE % "second")
    ferry.write("lists/customers", "@example.org\n")
    ferry.renew()
    assert found("<11@x>", subject="a second", sender="a@b.example") == "Site"
    assert found("<9@x>", sender="y@example.org") == "Customers"
    assert found("<10@x>", sender="y@example.com", subject="first") == "INBOX"

with tap.case("what is wrong with the keys is told with file and line"):
    bad = Ferry(area, store, "keep;", {"rules_global": "none", "rules_lists": "bad.password", "spam_verdict": "X: (",
                                       "spam_verdict_most": "-1", "virus_verdict": "no field"}, name="bad")
    done = bad.command("check")
    for words in ("rules_global", "spam_verdict': this is no extended regular expression", "expected a number above 0",
                  "is no name of a header field"):
        assert words in done.stderr, (words, done.stderr)

assert ferry.stop() == 0
store.close()
tap.done()
