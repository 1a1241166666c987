"""
The driver of IMAP sources on real servers: Dovecot in several forms, Cyrus,
Courier. What it lists and fetches is what is there, octet by octet; what it
removes and moves is that and no more; news come by IDLE.
"""

import calendar
import imaplib
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.courier import Courier  # noqa: E402
from lib.cyrus import Cyrus  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.mailbox import mutf7_encode  # noqa: E402
from lib.server import Missing  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402
from peers.pull import Pull, sha  # noqa: E402

tap = Tap(900)
COUNT = int(os.environ.get("MESSAGES", "120"))
FOLDERS = ("Work", "Work/Old", "Caf\u00e9 & \u20ac", "Junk Mail")


def mail(rnd, i):
    """Sizes from a line to a quarter of a megabyte, lines of all kinds; NULs and bare line ends are nothing for a store."""
    size = rnd.choice((10, 300, 3000, 8000, 8000, 60000)) if i % 40 else 250000
    head = "From: a@example.org\r\nMessage-ID: <%d.%d@example.org>\r\nSubject: number %d\r\n\r\n" % (i, rnd.getrandbits(40), i)
    body = bytearray(head.encode())
    while len(body) < size:
        body += rnd.choice((b".\r\n", b"..\r\n", b")\r\n", b"1 OK done\r\n", b"\tr\xc3\xa9sum\xc3\xa9 \t \r\n", b"x" * 900 + b"\r\n",
                            b"* 1 EXPUNGE\r\n", b"{5}\r\n", b"\r\n"))
    return bytes(body)


def quote(m, name):
    delimiter = re.search(rb'\) "(.)" ', m.list('""', '""')[1][0]).group(1).decode()
    return '"%s%s"' % (m.prefix, mutf7_encode(name.replace("/", delimiter)))


class Real:
    def __init__(self, title, make, prefix="", pushes=True, condstore=True, options=None):
        self.title, self.make, self.prefix = title, make, prefix
        self.pushes, self.condstore = pushes, condstore
        self.options = options or {}

    def run(self):
        self.area = Area("source")
        self.why = None
        try:
            self.store = self.make(self.area).start()
        except Missing as e:
            self.why = str(e)
        for case in (self.names, self.reads, self.changes, self.removes, self.moves_them, self.idles, self.compares):
            with tap.case("%s: %s" % (self.title, case.__doc__)):
                if self.why:
                    raise Skip(self.why)
                case()
        if not self.why:
            self.store.stop()
        self.area.close()

    def connect(self):
        m = self.store.connect()
        m.prefix = self.prefix
        return m

    def pull(self, *words, **options):
        return Pull(self.store.port, *words, timeout=20000, **dict(self.options, **options))

    def fill(self, folder, count, seed=1):
        """COUNT messages, and what is to come: (octets, flags, milliseconds)."""
        rnd = random.Random(seed)
        m = self.connect()
        m.create(quote(m, folder))
        name = "INBOX" if folder == "INBOX" else quote(m, folder)
        made = []
        for i in range(count):
            octets, flags = mail(rnd, i), rnd.choice(("", "\\Seen", "\\Flagged \\Answered", "\\Seen \\Draft kw1"))
            stamp = rnd.randrange(1000000000, 1700000000)
            date = time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime(stamp))
            status, said = m.append(name, "(%s)" % flags, date, octets)
            assert status == "OK", said
            made.append((octets, set(flags.lower().split()), stamp * 1000))
        m.logout()
        return made

    # ---- cases ----
    def names(self):
        """names, patterns, uses and what is left out; each is opened by its name"""
        m = self.connect()
        for name in FOLDERS:
            m.create(quote(m, name))
        m.logout()
        separator = chr(self.pull("folders", folder="*").fine().all("folder")[0]["separator"])

        def real(name):
            return name if name == "INBOX" else self.prefix + name.replace("/", separator)

        def named(*patterns):
            return {e["name"] for e in self.pull("folders", folder=patterns).fine().all("folder")}
        assert named() == {"INBOX"} == named("inbox")
        assert {real(n) for n in FOLDERS + ("INBOX",)} <= named("*"), named("*")
        assert named("Work", "Caf\u00e9 & \u20ac") == {real("Work"), real("Caf\u00e9 & \u20ac")}
        assert named("Work/*") == {real("Work/Old")} == named("W*", "!%")
        assert real("Work/Old") not in named("%") and real("Work") in named("%")
        assert named("*", "!Work*", "!INBOX") & {real("Work"), real("Work/Old"), "INBOX"} == set()
        assert named("\\Junk") == {real("Junk Mail")}, named("\\Junk")
        folders = self.pull("folders", folder="*").all("folder")
        for f in folders:
            assert f["prefix"] == (len(self.prefix) if f["name"] != "INBOX" else 0), f
        for target, name in (("Work/Old", "Work/Old"), (real("Work"), "Work"), ("\\Junk", "Junk Mail")):
            p = self.pull("folders", folder="*", move_to=target).fine()
            assert [f["name"] for f in p.all("folder") if f["target"]] == [real(name)], p.events
        words = [w for name in sorted(named("*")) for w in ("enter", name)]
        assert len(self.pull("folders", *words, folder="*").fine().all("entered")) == len(words) // 2
        p = self.pull("folders", "enter", "\\Archive", "enter", "Nowhere", "enter", "INBOX", folder=("\\Archive", "Nowhere"))
        assert [e["class"] for e in p.all("refused")] == ["perm", "perm"], p.events
        assert "\\Archive" in p.all("refused")[0]["text"] and p.one("entered")

    def reads(self):
        """octets, flags and dates of all, in the listing and as they come; heads"""
        made = self.fill("INBOX", COUNT)
        p = self.pull("folders", "enter", "INBOX", "list", 1, "fetch", "present", "leave").fine()
        items = p.all("item")[:COUNT]
        assert [e["uid"] for e in items] == sorted({e["uid"] for e in items}) and len(items) == COUNT
        for item, got, (octets, flags, ms) in zip(items, p.all("message"), made):
            assert got["uid"] == item["uid"] and got["got"] == "whole" and got["hash"] == sha(octets), (item, got)
            assert set(item["flags"].lower().split()) == flags and item["date"] == ms, (item, flags, ms)
            assert item["size"] == len(octets), item
        assert [(e["n"], e["complete"]) for e in p.all("listed")] == [(COUNT, True)] * 2
        p = self.pull("enter", "INBOX", "list", 1, "heads", window=7).fine()
        for got, (octets, _, _) in zip(p.all("message"), made):
            assert got["hash"] == sha(octets[:octets.index(b"\r\n\r\n") + 4]), got
        assert self.pull("enter", "INBOX", "list", items[-1]["uid"] + 1).fine().one("listed")["n"] == 0
        m = self.connect()
        m.select("INBOX", readonly=True)
        flags = [set(f.decode().lower() for f in imaplib.ParseFlags(d)) - {"\\recent"} for d in m.fetch("1:*", "(FLAGS)")[1]]
        assert flags == [f for _, f, _ in made], "fetching changed flags"
        m.logout()

    def changes(self):
        """\\Seen"""
        p = self.pull("write", "INBOX", "list", 1, "some", "1,2,3", "mark", "list", 1).fine()
        assert p.one("changed")["refused"] == ""
        assert all("\\Seen" in e["flags"] for e in p.all("item")[COUNT:COUNT + 3])

    def removes(self):
        """what was asked for goes, what others marked stays"""
        m = self.connect()
        m.select("INBOX")
        m.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
        m.logout()
        p = self.pull("write", "INBOX", "list", 1, "some", "1,2,3,7,9", "remove", "present", "leave").fine()
        left = [e["uid"] for e in p.all("item")[COUNT:]]
        assert not set(left) & {1, 2, 3, 7, 9} and 5 in left and len(left) == COUNT - 5, left[:10]
        assert p.one("changed") == {"event": "changed", "marked": False, "refused": ""}
        assert p.all("listed")[-1]["complete"]

    def moves_them(self):
        """moved into folders that are made for it, as they were"""
        made = self.fill("Work", 12, seed=2)
        name = self.prefix + "Work"
        p = self.pull("folders", "write", name, "list", 1, "some", "2,3,4,11", "move", "Gone/F\u00fcr immer", "present",
                      "leave", folder="*").fine()
        assert len(p.all("item")) == 12 + 8, p.events
        separator = chr(p.all("folder")[0]["separator"])
        p = self.pull("folders", "enter", self.prefix + "Gone" + separator + "F\u00fcr immer", "list", 1, "fetch", folder="*").fine()
        for item, got, i in zip(p.all("item"), p.all("message"), (1, 2, 3, 10)):
            octets, flags, ms = made[i]
            assert got["hash"] == sha(octets) and item["date"] == ms, (item, got)
            assert set(item["flags"].lower().split()) == flags, (item, flags)
        assert len(p.all("message")) == 4

    def idles(self):
        """IDLE: news, and no news"""
        # Those that look once a minute tell it at the end.
        p = self.pull("enter", "INBOX", "wait", 500, "wait", 100000 if self.pushes else 12000, start=True)
        p.wait_for("waited")
        time.sleep(1)
        m = self.connect()
        begin = time.monotonic()
        m.append("INBOX", "", None, mail(random.Random(3), 1))
        p.finish().fine()
        assert [e["news"] for e in p.all("waited")] == [False, True], p.events
        tap.diag("news after %.1f s" % (time.monotonic() - begin))
        m.logout()

    def compares(self):
        """unchanged costs one command and one round trip; every change is seen"""
        p = self.pull("enter", "INBOX", "again").fine()
        assert [e["same"] for e in p.all("entered")] == [False, True], p.events
        assert bool(p.all("entered")[0]["modseq"]) == self.condstore, p.events
        for change in ("append", "remove"):
            p = self.pull("enter", "INBOX", "pause", "again", start=True)
            p.wait_for("pause")
            m = self.connect()
            if change == "append":
                m.append("INBOX", "", None, b"Subject: x\r\n\r\nx\r\n")
            else:
                m.select("INBOX")
                m.uid("STORE", "20", "+FLAGS", "(\\Deleted)")
                m.expunge()
            m.logout()
            assert not p.go_on().finish().fine().all("entered")[1]["same"], p.events


def classic(area):
    return Cyrus(area, classic=True)


Real("Dovecot", lambda area: Dovecot(area)).run()
Real("Dovecot, mdbox, dots below INBOX", lambda area: Dovecot(area, location="mdbox:~/mdbox", separator=".", prefix="INBOX."),
     prefix="INBOX.", options={"compress": 1}).run()
for tls in ("implicit", "starttls"):
    with tap.case("Dovecot with TLS (%s), packed; without its authority; with a wrong password" % tls):
        area = Area("source")
        store = Dovecot(area).start()
        m = store.connect()
        m.append("INBOX", "", None, b"Subject: x\r\n\r\nx\r\n")
        m.logout()
        port = store.tls_port if tls == "implicit" else store.port
        options = dict(tls=tls, ca=store.ca, compress=1, timeout=20000)
        p = Pull(port, "enter", "INBOX", "list", 1, "fetch", "leave", **options).fine()
        assert p.one("message")["hash"] == sha(b"Subject: x\r\n\r\nx\r\n")
        assert Pull(port, "leave", tls=tls, timeout=20000).error["class"] == "config"
        p = Pull(port, "leave", **dict(options, password="wrong"))
        assert p.error["class"] == "config" and "source old" in p.error["text"], p.error
        store.stop()
        area.close()
Real("Cyrus", lambda area: Cyrus(area), pushes=False).run()
Real("Cyrus, classic", classic, prefix="INBOX.", pushes=False).run()
Real("Courier", lambda area: Courier(area), prefix="INBOX.", pushes=False, condstore=False).run()
tap.done()
