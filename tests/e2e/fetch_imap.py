"""
Mail of IMAP sources, end to end: from Dovecot, Cyrus and Courier through the
rules into another Dovecot, octets, flags and dates as they were, each message
once: undisturbed, with kills, with connections that break on both sides, and
with a source that drips. MESSAGES says how many (2,000 for a thorough look).
"""

import calendar
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.courier import Courier  # noqa: E402
from lib.cyrus import Cyrus  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.line import Counter, Drip  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.server import Missing  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402
from peers.imap_source import Source, once  # noqa: E402

tap = Tap(1800)
tap.need(("dovecot", "dovecot-imapd"))
COUNT = int(os.environ.get("MESSAGES", "80"))
KILLS, CUTS = (8, 10) if COUNT < 500 else (30, 40)
SEED = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
RULES = """require ["fileinto", "mailbox", "imap4flags"];
if header :contains "subject" "bill" { fileinto :create "Bills/2026"; }
elsif header :contains "subject" "alarm" { fileinto :create "Alarms"; }
"""
ADDED = rb"Delivered-To: [^\r\n]*\r\nReceived: (?:[^\r\n]*\r\n[ \t])*[^\r\n]*\r\n"
OLD = {"old": "s3cret"}
FOLDERS = {"bill": "Bills/2026", "alarm": "Alarms", "letter": "INBOX"}


class Sent:
    def __init__(self, octets, flags, ms, into):
        self.octets, self.flags, self.ms, self.into = octets, flags, ms, into


def mail(dice, i):
    kind = dice.choice(("bill", "alarm", "letter"))
    size = dice.choice((10, 500, 3000, 8000, 8000, 8000, 30000)) if i % 50 else 400000
    ident = "%d.%d@example.org" % (i, dice.getrandbits(48))
    octets = bytearray(("From: Ann <ann@example.org>\r\nTo: office@office.example\r\nSubject: %s %d\r\nMessage-ID: <%s>\r\n"
                        "Date: Fri, 17 Jul 2020 02:44:25 +0000\r\n\r\n" % (kind, i, ident)).encode())
    while len(octets) < size:
        octets += dice.choice((b".\r\n", b"..\r\n", b")\r\n", b"\tr\xc3\xa9sum\xc3\xa9 \t \r\n", b"x" * 900 + b"\r\n", b"\r\n"))
    flags = dice.choice(("", "\\Seen", "\\Flagged \\Answered", "\\Seen \\Draft"))
    return "<%s>" % ident, Sent(bytes(octets), set(flags.lower().split()), dice.randrange(10 ** 9, 17 * 10 ** 8) * 1000,
                                FOLDERS[kind])


def fill(store, dice, count, folder="INBOX"):
    """COUNT messages by APPEND: Message-ID → Sent."""
    m = store.connect()
    sent = {}
    for i in range(count):
        ident, s = mail(dice, i)
        status, said = m.append(folder, "(%s)" % " ".join(sorted(s.flags)), time.strftime(
            '"%d-%b-%Y %H:%M:%S +0000"', time.gmtime(s.ms / 1000)), s.octets)
        assert status == "OK", said
        sent[ident] = s
    m.logout()
    return sent


def wrong_of(sent, stored):
    """Lines of what is wrong: lost, doubled, misplaced, changed."""
    wrong, seen = [], set()
    for folder, messages in stored.items():
        for m in messages:
            s = sent.get(m.id)
            if s is None:
                wrong.append("%s in %s was never sent" % (m.id, folder))
            elif m.id in seen:
                wrong.append("%s is doubled" % m.id)
            elif folder != s.into:
                wrong.append("%s is in %s, not in %s" % (m.id, folder, s.into))
            elif not m.raw.endswith(s.octets) or not re.fullmatch(ADDED, m.raw[:-len(s.octets)]):
                wrong.append("%s is not what it was: %r" % (m.id, m.raw[:300]))
            elif {f.decode().lower() for f in m.flags} - {"\\recent"} != s.flags:
                wrong.append("%s has flags %s, not %s" % (m.id, m.flags, s.flags))
            elif stamp(m.date) != s.ms:
                wrong.append("%s is of %s, not %d" % (m.id, m.date, s.ms))
            seen.add(m.id)
    return wrong + ["%s is lost" % i for i in sorted(set(sent) - seen)]


def stamp(date):
    m = re.match(r"(.*) ([+-])(\d\d)(\d\d)$", date.strip())
    offset = (int(m.group(3)) * 3600 + int(m.group(4)) * 60) * (1 if m.group(2) == "+" else -1)
    return (calendar.timegm(time.strptime(m.group(1), "%d-%b-%Y %H:%M:%S")) - offset) * 1000


def same(sent, store):
    wrong = wrong_of(sent, store.messages(body=True))
    assert not wrong, "%d wrong of %d (seed %d):\n%s" % (len(wrong), len(sent), SEED, "\n".join(wrong[:5]))


class Setup:
    """A source, a store, and mailferry between them."""

    def __init__(self, make=None, users=None, **source):
        self.area = Area("fetch-imap")
        try:
            self.store = Dovecot(self.area, name="store", fsync="never", users=users).start()
            self.source = make(self.area).start() if make else None
        except Missing as e:
            self.area.close()
            raise Skip(str(e))
        self.ferry = Ferry(self.area, self.store, RULES)
        if make:
            self.set(**source)
        tap.logs = [self.ferry.logs]

    def set(self, name="old", port=None, **more):
        source = {"protocol": "imap", "host": "localhost", "tls": "none", "port": port or self.source.port, "user": "old",
                  "password_file": "office.password", "account": "office", "to": "office@office.example"}
        self.ferry.save(sources={name: dict(source, **more)})

    def sync(self, *names, status=0, timeout=300):
        p = self.ferry.command("sync", *names, timeout=timeout)
        assert status is None or p.returncode == status, "%d: %s%s" % (p.returncode, p.stdout, p.stderr)
        self.said = "%d: %s" % (p.returncode, p.stderr)
        return p.stdout

    def close(self):
        self.ferry.kill()
        tap.logs = []
        self.area.close()


def dovecot(area):
    return Dovecot(area, name="source", fsync="never", users=OLD)


def cyrus(area):
    return Cyrus(area, users=dict(OLD))


def courier(area):
    return Courier(area, users=OLD)


def run(title, body, make=dovecot, **source):
    with tap.case(title):
        setup = Setup(make, **source)
        try:
            body(setup, random.Random(SEED))
        finally:
            setup.close()


tap.diag("seed %d, %d messages" % (SEED, COUNT))


# ---- undisturbed ----
def everything(s, dice):
    counter = Counter(s.source.port)
    s.set(port=counter.port)
    sent = fill(s.source, dice, COUNT)
    before = [(m.uid, m.flags) for m in s.source.messages()["INBOX"]]
    s.ferry.start()
    out = s.sync()
    assert "fetched %d messages" % COUNT in out, out
    same(sent, s.store)
    # Once more: who logs in and finds nothing new, and how much that costs.
    turns, sent_octets, got = counter.turns, counter.sent, counter.got
    counter.said = b""
    assert "nothing new" in s.sync()
    verbs = re.findall(rb"\d+ (?:UID )?([A-Z]+)", counter.said)
    tap.diag("nothing new: %d round trips, %d octets sent, %d received: %s" % (
        counter.turns - turns, counter.sent - sent_octets, counter.got - got, b" ".join(verbs).decode()))
    assert b"FETCH" not in verbs and verbs.count(b"EXAMINE") <= 1 + (b"STATUS" in verbs), verbs
    same(sent, s.store)
    assert [(m.uid, m.flags) for m in s.source.messages()["INBOX"]] == before, "the source was changed"
    assert s.ferry.stop() == 0


for name, make in (("Dovecot", dovecot), ("Cyrus", cyrus), ("Courier", courier)):
    run("%s: all of it, as it was, once" % name, everything, make)


def gone_after(s, dice):
    sent = fill(s.source, dice, 40)
    s.ferry.start()
    s.sync()
    same(sent, s.store)
    s.sync()
    left = {f: len(m) for f, m in s.source.messages().items() if m}
    expected = {} if not s.ferry.config["sources"]["old"].get("move_to") else {"INBOX.Gone/x": 40, "INBOX.Gone.x": 40, "Gone/x": 40}
    assert left == {} if not expected else list(left.values()) == [40] and set(left) <= set(expected), left
    assert "nothing new" in s.sync()
    same(sent, s.store)


for name, make in (("Dovecot", dovecot), ("Cyrus", cyrus), ("Courier", courier)):
    if name != "Cyrus":
        run("%s: moved" % name, gone_after, make, keep=False, move_to="Gone/x", folders=["*"])
    if name != "Courier":
        run("%s: taken away at once" % name, gone_after, make, keep=False, delete="at-once")
    run("%s: taken away after delivery" % name, gone_after, make, keep=False, delete="after-delivery")


# ---- disturbed ----
def finish(s, dice, disturb, seconds=400):
    """Runs until one ends with nothing new and nothing in the queue."""
    end = time.monotonic() + seconds
    while True:
        assert time.monotonic() < end, s.ferry.logs()
        calm = disturb()
        p = s.ferry.command("sync", timeout=200)
        if calm and p.returncode == 0 and "nothing new" in p.stdout:
            break
    s.ferry.drained(180)


def killed(s, dice):
    sent = fill(s.source, dice, COUNT)
    kills = 0
    s.ferry.start()
    while kills < KILLS:
        p = subprocess.Popen([os.path.join(s.area.bin, "mailferry"), "sync", "-c", s.ferry.file], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=s.ferry.env)
        time.sleep(dice.choice((0.05, 0.1, 0.2, 0.3, 0.5, 1)) * dice.random() * 2)
        s.ferry.kill()
        p.kill()
        p.wait()
        kills += 1
        s.ferry.start()
    finish(s, dice, lambda: True)
    same(sent, s.store)


run("Dovecot: killed again and again", killed)
run("Cyrus: killed again and again, and taken away at once", killed, cyrus, keep=False, delete="at-once")


def chaos(s, dice):
    sent = fill(s.source, dice, COUNT // 4)
    near = Proxy(s.source.port, cut=0.9, low=300, high=200000, seed=SEED).start()
    far = Proxy(s.store.port, cut=0.9, low=3000, high=300000, seed=SEED + 1).start()
    s.set(port=near.port)
    s.ferry.save(accounts={"office": {"port": far.port}})
    s.ferry.start()
    runs = [0]

    def disturb():
        runs[0] += 1
        if runs[0] <= CUTS:
            sent.update(fill(s.source, dice, COUNT // CUTS))
        elif runs[0] > CUTS + 5:
            near.cut = far.cut = 0
        return near.cut == 0
    finish(s, dice, disturb)
    tap.diag("%d runs; of %d connections to the source %d were cut, of %d to the store %d" % (
        runs[0], near.connections, near.cuts, far.connections, far.cuts))
    same(sent, s.store)
    near.stop()
    far.stop()


run("Dovecot: connections break on both sides", chaos)
run("Dovecot: connections break on both sides, packed, moved away", chaos, compress="on", keep=False, move_to="Done")
run("Courier: connections break on both sides, taken away at once", chaos, courier, keep=False, delete="at-once")


def dripping(s, dice):
    sent = fill(s.source, dice, 30)
    drip = Drip(s.source.port)
    s.set("slow", port=drip.port, deadline="15s")
    s.ferry.start()
    out = s.sync("old")
    assert "fetched 30 messages" in out, out
    out = s.sync("slow", status=75)
    assert re.search(r"slow: .*(in time|deadline|too long|timed out|answer)", out), out
    same(sent, s.store)


run("a source that drips holds up nobody else, and its deadline holds", dripping)


# ---- push ----
def pushed(s, dice):
    s.ferry.start()
    time.sleep(1)
    sent = {}
    for i in range(3):
        begin = time.monotonic()
        sent.update(fill(s.source, random.Random(i), 1))
        wait_for("message %d to be pushed" % i, lambda: sum(s.store.count().values()) == len(sent))
        tap.diag("pushed after %.1f s" % (time.monotonic() - begin))
    same(sent, s.store)


run("IDLE: what comes is filed at once", pushed, push=True, every="1h", jitter="0ms")


# ---- memory ----
def own(s, dice):
    """The account's own mailbox as a source: what is taken from it is filed there again, with our Received line."""
    s.set(port=s.store.port, user="office", folders=["INBOX"], keep=False, delete="after-delivery")
    m = s.store.connect()
    m.append("INBOX", None, None, b"Subject: letter from elsewhere\r\nMessage-ID: <elsewhere@example.org>\r\n\r\nx\r\n")
    m.append("INBOX", None, None, b"Subject: an alarm from elsewhere\r\nMessage-ID: <alarm@example.org>\r\n\r\nx\r\n")
    m.logout()
    s.ferry.start()
    for i in range(4):
        with socket.create_connection(("127.0.0.1", s.ferry.smtp), timeout=120) as c:
            f = c.makefile("rwb")
            f.readline()
            for line in (b"HELO x", b"MAIL FROM:<a@example.org>", b"RCPT TO:<office@office.example>", b"DATA"):
                f.write(line + b"\r\n")
                f.flush()
                f.readline()
            f.write(b"Subject: %s %d\r\nMessage-ID: <own-%d@example.org>\r\n\r\nx\r\n.\r\n" % (b"alarm" if i % 2 else b"letter", i, i))
            f.flush()
            assert f.readline().startswith(b"250")
    s.ferry.drained()
    for _ in range(3):
        s.sync()
        s.ferry.drained()
    count = s.store.count()
    # Those from elsewhere were sorted, each once; what mailferry had filed stayed where it was.
    assert count == {"INBOX": 1 + 2, "Alarms": 1 + 2}, count


run("the account's own mailbox: what was filed there is not fetched again", own)


def made_anew(s, dice):
    sent = fill(s.source, dice, 60)
    s.ferry.start()
    s.sync()
    same(sent, s.store)
    for round_ in range(2):
        s.source.stop()
        shutil.rmtree(os.path.join(s.source.dir, "mail/old/Maildir/dovecot"), ignore_errors=True)
        for name in os.listdir(os.path.join(s.source.dir, "mail/old/Maildir")):
            if name.startswith("dovecot"):
                os.unlink(os.path.join(s.source.dir, "mail/old/Maildir", name))
        time.sleep(1.1)  # the new UIDVALIDITY is the time, in seconds
        s.source.start()
        sent.update(fill(s.source, random.Random(SEED + 1 + round_), 3))
        out = s.sync()
        assert "fetched 3 messages" in out, out
        assert "nothing new" in s.sync()
        same(sent, s.store)


run("Dovecot: another UIDVALIDITY, nothing is fetched again", made_anew)


# ---- servers that lie ----
def hostile(title, prepare, *words, then=(11, 12), source=None, logged=()):
    with tap.case("hostile: " + title):
        setup = Setup()
        server = Source(12, size=800)
        try:
            setup.set(port=server.port, timeout="10s", **(source or {}))
            other = Source(3)
            setup.set("good", port=other.port)
            prepare(server)
            setup.ferry.start()
            out = setup.sync(status=None)
            assert "good: fetched 3 messages" in out, (out, setup.said, setup.ferry.logs())
            text = " ".join(setup.ferry.command("status").stdout.split())
            for word in words:
                assert word in text + out, (word, text, out)
            assert setup.ferry.alive()
            for word in logged:
                assert word in setup.ferry.log_text(), word
            server.on.clear()
            for _ in range(2):
                setup.sync(status=None)
            setup.ferry.drained()
            messages = [m.id for ms in setup.store.messages().values() for m in ms]
            # The other server's have the same Message-IDs, and are there besides. What broke the session waits a while.
            n = len(set(messages))
            assert len(messages) == n + 3 and n in then, sorted(messages)
        finally:
            setup.close()
            server.close()


def goodbye(session, tag, words):
    session.say("* BYE [UNAVAILABLE] gone for lunch")
    raise ConnectionError()


hostile("a 3 GB message is announced", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and (
    x.say("* 5 FETCH (UID 5 BODY[] {3221225472}") or True)}), "3221225472", then=(11, 12))
hostile("UIDVALIDITY flips in mid-run", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and (
    x.say("* OK [UIDVALIDITY 9] sorry") or False)}), "UIDVALIDITY")
hostile("BYE in the middle", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and goodbye(x, t, w)}),
        "gone for lunch")
hostile("a body that is longer than its literal", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and (
    x.respond(5, w, size=20) or x.done(t) or True)}), "UID 5", then=(11, 12))
hostile("other messages than those asked for", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and (
    x.respond(5, w, told=777) or x.done(t) or True)}), "UID 777")
def never_ends(session, tag, words):
    session.put(b"* 5 FETCH (UID 5 BODY[] {700000}\r\n")
    while True:
        session.put(b"x")
        time.sleep(0.2)


for name, line, word in (("a line without an end", "* " + "x" * 70000, "without an end"),
                         ("a NUL in a line", "* 5 FETCH (UID 5\0)", "control character"),
                         ("a negative UID", "* 5 FETCH (UID -5 RFC822.SIZE 3)", "-5"),
                         ("more messages than anybody has", "* 99999999999999999999 EXISTS", "99999999999999999999"),
                         ("the tag of nobody", "1 OK done", "out of order")):
    hostile(name, lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and (
        x.say(line) or x.done(t) or True)}), word)
hostile("a literal that never ends", lambda s: s.on.update({"UID FETCH": lambda x, t, w: w.startswith("5 (BODY") and never_ends(
    x, t, w)}), "UID 5", source={"deadline": "15s"})
hostile("expunged while bodies come", lambda s: s.on.update({"UID FETCH": once(lambda x, t, w: w.startswith("5 (BODY") and (
    x.expunge([7, 8]) or x.respond(5, w) or x.done(t) or True))}), "fine", then=(10,),
        logged=("event=original-vanished", "number=7", "number=8"))
tap.done()
