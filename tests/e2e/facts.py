"""
What the daemon learns of an account's store, and what follows from it: how
large a message it says that it takes, and what rules know of folders.
"""

import copy
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.mailbox import mutf7_encode  # noqa: E402
from lib.ferry import Ferry, libconfig  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402

LIMIT = 60000
RULES = """require ["fileinto", "mailbox", "special-use", "envelope"];
if envelope :localpart "to" "spam" { fileinto :create :specialuse "\\\\Junk" "Rubbish"; }
elsif envelope :localpart "to" "archive" { fileinto :create "\\\\Archive"; }
elsif envelope :localpart "to" "work" { if mailboxexists "work/New" { fileinto "work/New"; } else { fileinto :create "Work/New"; } }
"""

tap = Tap(300)
area = Area("facts")
small = Store(user="office", password="s3cret", capabilities=Store.capabilities + " APPENDLIMIT=%d" % LIMIT)
small.create("Work").uses = []
ferry = Ferry(area, small, RULES, {"limits": {"message_size": "1M"}})
tap.logs.append(ferry.logs)


def size_offered():
    c = Client(ferry.smtp)
    text = c.hello()
    c.command("QUIT", 221)
    return int(re.search(r"SIZE (\d+)", text).group(1))


def send(to, ident, size=0, declare=None):
    c = Client(ferry.smtp)
    c.hello()
    c.command("MAIL FROM:<sender@example.org>" + (" SIZE=%d" % declare if declare else ""), 250)
    c.command("RCPT TO:<%s@office.example>" % to, 250)
    c.command("DATA", 354)
    c.send(Item(ident, to, message(ident, size=size)).wire)
    c.expect(250)
    c.command("QUIT", 221)


def refused(code, words, *args, **options):
    try:
        send(*args, **options)
    except Refused as r:
        assert r.code == code and words in r.text, r.text
        return
    raise AssertionError("it was taken")


with tap.case("before anything is known, the limit of the configuration holds"):
    ferry.start()
    assert size_offered() == 1 << 20

with tap.case("after the first delivery SIZE is what the store takes, less our own lines"):
    send("office", "<1@x>")
    wait_for("SIZE to follow", lambda: size_offered() < 1 << 20)
    offered = size_offered()
    assert LIMIT - 2000 < offered < LIMIT, offered

with tap.case("what is too large is refused at once: as declared, or while it comes"):
    refused(552, "at most", "office", "<2@x>", size=100, declare=offered + 1)
    refused(552, "too large", "office", "<3@x>", size=LIMIT)
    refused(552, "mailbox", "office", "<4@x>", size=100, declare=offered - 1)
    small.folders["INBOX"].messages.clear()
    send("office", "<5@x>", size=offered - 500, declare=offered - 300)
    ferry.drained()
    assert [len(m) <= LIMIT for m in small.octets()] == [True], [len(m) for m in small.octets()]

with tap.case("route shows what is known while the daemon runs, and does without it else"):
    row, = ferry.rows("route", "office@office.example")
    assert row["store"]["append_limit"] == LIMIT and {"name": "Work", "use": ""} in row["store"]["folders"], row
    assert "messages of %d octets at most; 2 folders; told " % LIMIT in ferry.command("route", "office@office.example").stdout
    ferry.stop()
    row, = ferry.rows("route", "office@office.example")
    assert row["store"] is None and row["account"] == "office", row
    ferry.start()

with tap.case("facts survive a restart: they hold from the first session on"):
    ferry.stop()
    ferry.start()
    wait_for("SIZE to be known again", lambda: size_offered() == offered)

with tap.case("rules know the folders, and learn of those that were made"):
    send("work", "<6@x>")
    ferry.drained()
    assert "Work/New" in small.folders and len(small.folders["Work/New"].messages) == 1

    def verdict():
        send("work", "<%f@x>" % time.time())
        ferry.drained()
        return ferry.rows("trace", "work@office.example")[-1]["recipients"][0]["verdict"]
    wait_for("mailboxexists to say so", lambda: "work/New" in verdict())
    # The name that differs in case is the same folder.
    assert "work/New" not in small.folders and len(small.folders["Work/New"].messages) >= 2

with tap.case("check warns of a folder that the account does not have, while the daemon runs"):
    other = ferry.write("other.sieve", 'require ["fileinto", "mailbox"];\n'
                        'if size :over 1M { fileinto "Wrok"; }\n'
                        'elsif size :over 2M { fileinto "work"; }\n'
                        'elsif size :over 3M { fileinto :create "Gone"; }\n'
                        'elsif mailboxexists "Perhaps" { fileinto "Perhaps"; }\n')
    # In a file of its own: the daemon looks every minute whether the one that it goes by was changed.
    config = copy.deepcopy(ferry.config)
    config["accounts"]["office"]["rules"] = "other.sieve"
    told = ferry.command("check", "-c", ferry.write("other.conf", libconfig(config), 0o600))
    warned = [line for line in told.stderr.splitlines() if "other.sieve" in line]
    assert told.returncode == 0 and len(warned) == 1, (told.returncode, told.stderr)
    assert warned[0].endswith("other.sieve:2:20: warning: account `office' has no folder \"Wrok\": mail for it goes to INBOX, "
                              "unless the folder is made, or \":create\" is given"), warned

with tap.case("what is most likely not meant is logged once, when it starts"):
    lines = [line for line in ferry.log_text().splitlines() if "event=rules-warning" in line]
    assert not lines, lines
    strange = Ferry(area, small, "stop;\nkeep;\n", name="strange")
    tap.logs.append(strange.logs)
    strange.start()
    lines = [line for line in strange.log_text().splitlines() if "event=rules-warning" in line]
    assert len(lines) == 1 and "office.sieve:2:1: warning: this is never reached" in lines[0], lines
    assert strange.stop() == 0

with tap.case("a folder is found by its use, and made for it where there is none"):
    small.create(mutf7_encode("Müll")).uses = ["\\Junk"]
    small.plain_uses = True
    send("spam", "<7@x>")
    send("archive", "<8@x>")
    ferry.drained()
    assert len(small.folders["M&APw-ll"].messages) == 1 and len(small.folders["Archive"].messages) == 1, small.folders.keys()
    assert "Rubbish" not in small.folders
    row = ferry.rows("trace", "spam@office.example")[-1]["deliveries"][0]
    assert row["folder"] == "Müll" and "on this store \\Junk:Rubbish is Müll" in (row["note"] or ""), row

with tap.case("two names of one folder: one copy"):
    ferry.write("office.sieve", """require ["fileinto", "special-use", "copy"];
fileinto :copy "\\\\Junk"; fileinto :copy "müll"; fileinto "Müll";""")
    ferry.reload()
    before = len(small.folders["M&APw-ll"].messages)

    def doubled():
        send("office", "<%f@x>" % time.time())
        ferry.drained()
        return len(small.folders["M&APw-ll"].messages) > before
    wait_for("the new rules", doubled)
    states = [d["state"] for d in ferry.rows("trace", "office@office.example")[-1]["deliveries"]]
    assert sorted(states) == ["done", "merged", "merged"], states
    assert len(small.folders["M&APw-ll"].messages) == before + 1, "doubled"

ferry.stop()
small.close()

with tap.case("annotations are known; a folder is found by its id, also when it has got another name; without the id by the name"):
    store = Store(user="office", password="s3cret", capabilities=Store.capabilities + " OBJECTID METADATA")
    folder = store.create("Projects")
    store.notes = {"": {"/shared/admin": "mailto:a@office.example"}, "Projects": {"/private/comment": "on (and) off"}}
    other = Ferry(area, store, """require ["fileinto", "mailboxid", "mboxmetadata", "servermetadata", "imap4flags"];
if allof (metadata "projects" "/private/Comment" "ON (and) off", servermetadata :contains "/shared/admin" "office",
          not metadataexists "INBOX" "/private/comment") { addflag "annotated"; }
if mailboxidexists "F%d" { fileinto :mailboxid "F%d" "Gone"; } else { fileinto :mailboxid "F%d" "Named"; }
""" % ((folder.uidvalidity,) * 3), name="ids")
    store.create("Named")
    tap.logs.append(other.logs)
    other.start()

    def arrived():
        c = Client(other.smtp)
        c.hello()
        c.deliver(Item("<%f@x>" % time.time(), "office@office.example", message("<%f@x>" % time.time())))
        other.drained()
        return len(folder.messages) > 0
    wait_for("the id to be known", arrived)
    assert len(store.folders["Named"].messages) >= 1 and "Gone" not in store.folders, store.folders.keys()
    assert all("annotated" in m[0] for m in folder.messages.values()), folder.messages
    assert not store.violations, store.violations
    assert other.stop() == 0
    store.close()

with tap.case("with UTF8=ACCEPT a raw 8-bit header goes as such data, and arrives as it was sent"):
    for more in ("", " MULTIAPPEND", " LITERAL-"):
        plus = "" if "LITERAL-" in more else " LITERAL+"
        store = Store(user="office", password="s3cret",
                      capabilities="IMAP4rev1 UIDPLUS NAMESPACE AUTH=PLAIN ENABLE UTF8=ACCEPT" + plus + more)
        other = Ferry(area, store, "", name="ferry" + more.strip() + plus.strip())
        tap.logs.append(other.logs)
        other.start()
        sent = {}
        for i, subject in enumerate((b"plain", "Grün".encode(), b"\xfc in Latin-1", b"plain again")):
            data = b"Message-ID: <u%d@x>\r\nSubject: %s\r\n\r\nb\xc3\xb6dy\r\n" % (i, subject)
            c = Client(other.smtp)
            c.hello()
            c.deliver(Item("<u%d@x>" % i, "office@office.example", data))
            sent[i] = data
        other.drained()
        got = [octets for octets in store.octets()]
        assert sorted(o[o.index(b"Message-ID"):] for o in got) == sorted(sent.values()), got
        assert not store.violations and "ENABLE" in store.commands, store.violations
        assert other.stop() == 0
        store.close()

tap.done()
