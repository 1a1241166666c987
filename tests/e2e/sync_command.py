"""mailferry sync, as people and programs see it: in a pipe, on a terminal, as JSON, as a dry run; and what status, trace and
probe tell of sources."""

import fcntl
import glob
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "mailbox"];
if header :contains "subject" "invoice" { fileinto :create "Invoices"; }
elsif header :contains "subject" "junk" { discard; }
"""

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "sync", RULES, dovecot={"users": {"office": "s3cret", "old": "s3cret"}})
area, ferry, store = office.area, office.ferry, office.store


def mail(subject, size=200):
    return ("From: Ann <ann@example.org>\r\nTo: x@example.org\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\n%s\r\n"
            % (subject, subject.replace(" ", "-"), "x" * 70 + "\r\n" + "y" * size)).encode()


def source(protocol, port, **more):
    return dict({"protocol": protocol, "host": "localhost", "tls": "none", "port": port, "user": "old",
                 "password_file": "office.password", "account": "office", "to": "office@office.example"}, **more)


def put(*subjects):
    m = store.connect("old")
    for s in subjects:
        m.append("INBOX", None, None, mail(s))
    m.logout()


def everything():
    """All rows of the spool but those of its own house-keeping, and the whole source."""
    # The daemon has the database for itself; nothing happens now, so a copy of its files is whole.
    copy = tempfile.mkdtemp(dir=area.path())
    for name in glob.glob(ferry.path("spool", "*.db*")):
        shutil.copy(name, copy)
    db = sqlite3.connect(glob.glob(os.path.join(copy, "*.db"))[0])
    # What was forgotten goes bit by bit, later.
    db.execute("DELETE FROM origin_folder WHERE source = 0")
    db.execute("DELETE FROM origin WHERE folder NOT IN (SELECT number FROM origin_folder)")
    spool = {}
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not table.startswith("sqlite_"):
            spool[table] = sorted(map(repr, db.execute("SELECT * FROM \"%s\"" % table).fetchall()))
    db.close()
    source = {f: [(m.uid, m.flags, m.date) for m in ms] for f, ms in store.messages("old").items()}
    return spool, source, pop.messages[:], store.count("office")


def unchanged(before):
    now = everything()
    for name, was, of in (("spool", before[0], now[0]), ("source", before[1], now[1])):
        for k in set(was) | set(of):
            assert was.get(k) == of.get(k), "%s: %s\n%s\n%s" % (name, k, was.get(k), of.get(k))
    assert now == before, (before[2:], now[2:])


class Terminal:
    """A command on a terminal, and what is to be seen on it."""

    def __init__(self, *args, columns=80, rows=24, **env):
        master, slave = pty.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        argv = [os.path.join(area.bin, "mailferry")] + list(args) + ["-c", ferry.file]
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env=dict(ferry.env, TERM="xterm", **env),
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.master = master
        self.columns = columns
        self.raw = ""
        self.widest = 0

    def read(self):
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def until(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.raw:
            assert self.read() and time.monotonic() < end, self.raw
        return self

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(180)

    @property
    def screen(self):
        """What stands there at the end, had it endless rows; lines of the block are held against the width."""
        rows, row, column = {}, 0, 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", self.raw):
            line = rows.setdefault(row, [])
            if part == "\r":
                column = 0
            elif part == "\n":
                row += 1
            elif part.startswith("\x1b"):
                kind, number = part[-1], part[2:-1]
                if kind == "A":
                    row -= int(number or 1)
                elif kind == "K":
                    self.widest = max(self.widest, column)
                    del line[column:]
                elif kind == "J":
                    del line[column:]
                    for r in [r for r in rows if r > row]:
                        del rows[r]
                else:
                    assert kind == "m", part
            else:
                line[column:column + 1] = [part]
                column += 1
        return "\n".join("".join(rows[r]) for r in sorted(rows))


pop = Pop([mail("pop invoice %d" % i) for i in range(3)] + [mail("pop junk")], password="s3cret")
store.start()
put("imap invoice", "imap letter")
# No schedule: they run only when they are asked to.
ferry.save(sources={"old": source("imap", store.port), "pop": source("pop3", pop.port)})
ferry.start()

with tap.case("probe of a source counts what lies there and changes nothing"):
    before = everything()
    p = ferry.command("probe", "old", check=True)
    assert re.search(r"INBOX +2", p.stdout) and "nothing was changed" in p.stdout, p.stdout
    row = ferry.rows("probe", "pop")[0]
    assert row["source"] == "pop" and row["ok"] and [f["messages"] for f in row["folders"]] == [4], row
    assert ferry.command("probe", "--write", "pop").returncode == 64
    unchanged(before)

with tap.case("a dry run says message by message what would become of it, and changes nothing anywhere"):
    before = everything()
    p = ferry.command("sync", "--dry-run", check=True)
    assert "This was a dry run" in p.stdout, p.stdout
    assert re.search(r'old: INBOX \d+, .*from .*ann@example.org.*, "imap invoice"\n    -> account office, folder Invoices.*office.sieve:\d',
                     p.stdout), p.stdout
    assert re.search(r'"pop junk"\n    -> nowhere', p.stdout), p.stdout
    rows = ferry.rows("sync", "--dry-run")
    told = [r for r in rows if r["event"] == "message"]
    assert len(told) == 6 and rows[-1] == {"event": "done", "status": 0, "words": None, "changed": False}, rows
    assert sorted(str(r["into"]) for r in told) == ["INBOX"] + ["Invoices"] * 4 + ["None"], told
    unchanged(before)

with tap.case("status knows sources that never ran"):
    text = ferry.command("status", check=True).stdout
    assert re.search(r"^old +fine +never +- +0 +when asked$", text, re.M), text

with tap.case("in a pipe: plain lines, and the accounts at the end"):
    p = ferry.command("sync", check=True, timeout=120)
    assert "\x1b" not in p.stdout and "\r" not in p.stdout
    assert re.search(r"^old: fetched 2 messages, ", p.stdout, re.M), p.stdout
    assert re.search(r"^pop: fetched 4 messages, ", p.stdout, re.M), p.stdout
    assert re.search(r"^account office: 5 filed$", p.stdout, re.M), p.stdout
    assert store.count("office") == {"INBOX": 1, "Invoices": 4}, store.count("office")

with tap.case("JSON: one object a line, the last says how it ended"):
    put("imap second")
    rows = ferry.rows("sync", "old")
    assert all(isinstance(r, dict) and r["event"] in ("source", "progress", "message", "ran", "account", "done") for r in rows)
    ran = [r for r in rows if r["event"] == "ran"]
    assert len(ran) == 1 and ran[0]["source"] == "old" and ran[0]["messages"] == 1 and ran[0]["end"] == "ok", ran
    assert rows[-1]["event"] == "done" and rows[-1]["status"] == 0, rows[-1]

with tap.case("nothing new is said in one line; --quiet says nothing"):
    p = ferry.command("sync", "old", check=True)
    assert "old: nothing new" in p.stdout, p.stdout
    p = ferry.command("sync", "--quiet", check=True)
    assert p.stdout == "" and p.stderr == "", p

with tap.case("trace and queue tell the source; status tells when it ran and what came"):
    text = ferry.command("trace", "imap invoice", check=True).stdout
    assert re.search(r"source +old, folder INBOX, UID 1", text), text
    row = ferry.rows("trace", "pop invoice 1")[0]
    assert row["source"] == "pop" and row["source_uidl"] == "u1", row
    text = ferry.command("status", check=True).stdout
    assert re.search(r"^pop +fine +\d+s ago +nothing new +4 +when asked$", text, re.M), text
    rows = {r["source"]: r for r in ferry.rows("status") if "source" in r}
    assert rows["old"]["total"] == 3 and rows["old"]["last_run"]["end"] == "ok" and rows["old"]["next"] is None, rows
    p = ferry.command("status", "--check")
    assert p.returncode == 0 and "0 of 2 sources failing" in p.stdout and "sources_failing=0" in p.stdout, p

with tap.case("on a terminal: a bar that is redrawn in place, and lines that fit"):
    pop.drip = 0.002
    for i in range(12):
        pop.add(mail("slow %d" % i, 200))
    for columns in (80, 44):
        t = Terminal("sync", "pop", columns=columns)
        assert t.end() == 0, t.raw
        assert "#" in t.raw and re.search(r"\d+ of 12", t.raw) if columns == 80 else True, t.raw
        screen = t.screen
        assert t.widest < columns, (t.widest, t.raw)
        assert "%" not in screen and re.search(r"^pop: (fetched 12 messages|nothing new)", screen, re.M), screen
        assert "account office: " in screen, screen
        assert ("\x1b[32m" in t.raw), t.raw
        t = Terminal("sync", "pop", NO_COLOR="1")
        assert t.end() == 0 and "\x1b[3" not in t.raw, t.raw
    pop.drip = None

with tap.case("Ctrl-C ends the display, and the run goes on"):
    pop.add(mail("held back"))
    pop.hold("RETR")
    t = Terminal("sync", "pop").until("pop")
    wait_for("the run to be held", pop.hanging.is_set)
    t.type("\x03")
    assert t.end() == 75 and "goes on in the daemon" in t.raw, t.raw
    text = ferry.command("status", check=True).stdout
    assert re.search(r"^pop +runs ", text, re.M), text
    p = ferry.command("sync", "--forget", "pop", "--yes")
    assert p.returncode == 75 and "being fetched now" in p.stderr, p
    pop.release()
    wait_for("the message to come", lambda: "held back" in ferry.command("trace", "held back").stdout)

with tap.case("exit statuses: 75 what is tried again, 78 what a person must mend, 64 what is not known"):
    wait_for("the run to end", lambda: not re.search(r"^pop +runs ", ferry.command("status").stdout, re.M))
    pop.login = "-ERR [AUTH] no \x07such password"
    p = ferry.command("sync", "pop")
    assert p.returncode == 78 and "a person must act" in p.stdout and "password" in p.stdout and "\x07" not in p.stdout, p
    p = ferry.command("sync", "--quiet", "pop")
    assert p.returncode == 78 and p.stdout == "" and "a person must act" in p.stderr, p
    p = ferry.command("status", "--check")
    assert p.returncode == 2 and "1 of 2 sources failing" in p.stdout and "source pop" in p.stdout, p
    row = [r for r in ferry.rows("status") if r.get("source") == "pop"][0]
    assert row["state"] == "held" and row["person"] and "password" in row["words"], row
    pop.login = "-ERR [SYS/TEMP] come again later"
    for _ in range(3):
        p = ferry.command("sync", "pop")
        assert p.returncode == 75 and "stopped" in p.stdout, p
    p = ferry.command("status", "--check")
    assert p.returncode == 1 and "come again later" in p.stdout, p
    text = ferry.command("status", check=True).stdout
    assert re.search(r"^pop +fails ", text, re.M) and "failures in a row" in text and "the last good run was" in text, text
    pop.login = None
    assert ferry.command("sync", "pop").returncode == 0
    assert ferry.command("status", "--check").returncode == 0
    p = ferry.command("sync", "nobody")
    assert p.returncode == 64 and "nobody" in p.stderr, p
    for wrong in (["--what"], ["--forget"], ["--yes"], ["--forget", "pop", "old"], ["--quiet", "--json"]):
        assert ferry.command("sync", *wrong).returncode == 64, wrong

with tap.case("a folder that can't be opened: the others are fetched, and it is said"):
    ferry.save(sources={"old": source("imap", store.port, folders=["INBOX", "Gone"])})
    ferry.reload()
    wait_for("the new folders", lambda: "Gone" in ferry.command("sync", "old").stdout)
    p = ferry.command("sync", "old")
    assert p.returncode == 78 and "old: nothing new; a person must act: " in p.stdout and "Gone" in p.stdout, p
    text = ferry.command("status", check=True).stdout
    assert re.search(r"^old +partly ", text, re.M) and "the rest is fetched" in text, text
    assert ferry.command("status", "--check").returncode == 2
    ferry.save(sources={"old": {"folders": None}})
    ferry.reload()
    wait_for("the old folders", lambda: ferry.command("sync", "old").returncode == 0)
    assert ferry.command("status", "--check").returncode == 0

with tap.case("copy says first what it would do, then does it, once"):
    m = store.connect("old")
    m.create("Work/A")
    m.append("Work/A", "\\Seen", None, mail("work one"))
    m.logout()
    before = everything()
    p = ferry.command("copy", "old", "--to", "office", "--dry-run", check=True)
    assert re.search(r"^old: Work/A, .*\n    -> account office, folder Work/A: 1 message", p.stdout, re.M), p.stdout
    assert "would copy 4 messages" in p.stdout and "This was a dry run" in p.stdout, p.stdout
    unchanged(before)
    p = ferry.command("copy", "old", "--to", "office", check=True)
    assert "old: copied 4 messages" in p.stdout and "account office: 4 filed" in p.stdout, p.stdout
    assert [b"\\Seen" in m.flags for m in store.messages("office")["Work/A"]] == [True], store.messages("office")["Work/A"]
    assert re.search(r"source +old \(copied\), folder Work/A, UID 1", ferry.command("trace", "work one").stdout)
    rows = ferry.rows("copy", "old")
    assert [r["messages"] for r in rows if r["event"] == "ran"] == [0] and rows[-1]["status"] == 0, rows
    for wrong in ([], ["--to", "office"], ["old", "--to", "nowhere"], ["nothing"], ["nothing", "--to", "office"], ["old", "--to"]):
        assert ferry.command("copy", *wrong).returncode == 64, wrong

with tap.case("--forget says what it does, asks, and starts over"):
    p = ferry.command("sync", "--forget", "old", input="")
    assert p.returncode == 64 and "3 messages are remembered" in p.stdout and "--yes" in p.stderr, p
    t = Terminal("sync", "--forget", "old").until("(yes/no)?")
    t.type("no\n")
    assert t.end() == 0 and "nothing was forgotten" in t.raw, t.raw
    assert "nothing new" in ferry.command("sync", "old", check=True).stdout
    t = Terminal("sync", "--forget", "old").until("(yes/no)?")
    t.type("yes\n")
    assert t.end() == 0 and "3 messages are forgotten" in t.raw, t.raw
    assert "fetched 3 messages" in ferry.command("sync", "old", check=True).stdout
    assert "nothing is remembered" in ferry.command("sync", "--forget", "nothing-yet", "--yes").stdout or \
        ferry.command("sync", "--forget", "nothing-yet", "--yes").returncode == 64

with tap.case("mail of an account with times waits for its time, and that is said"):
    ferry.account["at"] = "0 0 29 2 *"
    ferry.save()
    pop.add(mail("timed"))
    # A run that is asked for files too: it is a scheduled one that leaves its mail in the spool.
    ferry.save(sources={"pop": source("pop3", pop.port, every="1s", jitter="0ms")})
    ferry.reload()
    wait_for("the message to be fetched", lambda: "timed" in ferry.command("trace", "timed").stdout)
    wait_for("the reason", lambda: "waits for its time, in" in ferry.command("trace", "timed").stdout)
    assert "waits for its time, in" in ferry.command("trace", "timed").stdout, ferry.command("trace", "timed").stdout
    assert "account office: its mail waits for its time, in" in ferry.command("queue").stdout, ferry.command("queue").stdout
    assert "its mail waits for its time, in" in ferry.command("status").stdout, ferry.command("status").stdout
    ferry.command("sync", "office", check=True)
    ferry.drained()
    ferry.account.pop("at")
    ferry.save(sources={"pop": source("pop3", pop.port, every=None, jitter=None)})

with tap.case("without a daemon the command does it alone, and --forget too"):
    ferry.drained()
    assert ferry.stop() == 0
    sums = sum(store.count("office").values())
    put("imap alone")
    p = ferry.command("sync", check=True, timeout=120)
    assert "old: fetched 1 message," in p.stdout and "account office: " in p.stdout, p
    assert sum(store.count("office").values()) == sums + 1, store.count("office")
    p = ferry.command("sync", "--forget", "old", "--yes", check=True)
    assert "4 messages are forgotten" in p.stdout, p
    before = everything()
    p = ferry.command("sync", "--dry-run", check=True)
    assert "would fetch 4 messages" in p.stdout, p
    unchanged(before)

pop.stop()
store.stop()
area.close()
tap.done()
