"""
A whole mailbox moves from a Dovecot that keeps folders below "INBOX." to one that does not: tree, flags, dates and
octets are the same afterwards, each message is there once, however often all of mailferry was killed meanwhile.
"""

import collections
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.mailbox import mutf7_encode  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.tap import Tap  # noqa: E402

MESSAGES = 240
KILLS = 8
# Folder of the source, folder of the account, how many of a hundred messages. The store marks "Sent Items" as \Sent.
TREE = (("INBOX", "INBOX", 30), ("INBOX.Sent", "Sent Items", 15), ("INBOX.Work", "Work", 10),
        ("INBOX.Work.Reports 2025", "Work/Reports 2025", 15), ("INBOX.Work.R&D, \xc4rger", "Work/R&D, \xc4rger", 10),
        ("INBOX.50 off", "50 off", 10), ("INBOX.Deep.er.and.deeper", "Deep/er/and/deeper", 10))
FLAGS = ("", "\\Seen", "\\Flagged \\Seen", "\\Answered", "\\Draft", "$Work \\Seen", "\\Seen $Forwarded NonJunk")
SENT = """namespace inbox {
  mailbox "%s" {
    auto = create
    special_use = \\Sent
  }
}
"""
ALL = """namespace inbox {
  mailbox "All Mail" {
    auto = create
    special_use = \\All
  }
}
"""

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
dice = random.Random(seed)
tap.diag("seed %d" % seed)


def fill(store):
    """Puts the tree there. Some messages are there twice, octet for octet, and stay two."""
    m = store.connect()
    for folder, _, _ in TREE[1:]:
        m.create('"%s"' % mutf7_encode(folder))
    m.create('"INBOX.Empty"')
    m.append('"INBOX.All Mail"', "", None, message("<once-more@example.org>"))
    want = {}
    for folder, there, share in TREE:
        for n in range(MESSAGES * share // 100):
            size = 300000 if n % 20 == 7 else dice.choice((0, 500, 5000, 20000))
            data = message("<%s.%d@example.org>" % (there.replace(" ", "").encode().hex(), n), size=size,
                           headers="Delivered-To: someone@far.example\r\n" if n % 3 else "")
            flags = dice.choice(FLAGS)
            date = "%02d-Mar-20%02d 10:%02d:00 +0000" % (1 + n % 28, dice.randrange(4, 26), n % 60)
            for _ in range(2 if n % 15 == 3 else 1):
                status, answer = m.append('"%s"' % mutf7_encode(folder), "(%s)" % flags, '"%s"' % date, data)
                assert status == "OK", answer
                key = (there, data, tuple(sorted(flags.split())), date.lstrip("0"))
                want[key] = want.get(key, 0) + 1
    m.logout()
    return want


def have(store):
    """The same of a mailbox after the copy, without the line that mailferry added."""
    got = collections.Counter()
    for folder, messages in store.messages(body=True).items():
        for m in messages:
            line, _, rest = m.raw.partition(b";\r\n\t")
            assert line.startswith(b"Received: from localhost\r\n\tby mail.office.example with IMAP id "), m.raw[:300]
            data = rest.partition(b"\r\n")[2]
            flags = tuple(sorted({f.decode() for f in m.flags} - {"\\Recent"}))
            got[folder, data, flags, m.date.strip().lstrip("0")] += 1
    return dict(got)


def brief(key):
    return key[0], key[1][:200], key[2], key[3]


def same(want, got):
    lost = [brief(k) for k in want if k not in got]
    more = [brief(k) for k in got if k not in want]
    assert not lost and not more, "%d lost, %d that should not be there:\n%s\n%s" % (len(lost), len(more), lost[:3], more[:3])
    wrong = [(brief(k), want[k], got[k]) for k in want if want[k] != got[k]]
    assert not wrong, wrong[:5]


def ferry_of(area, source, store):
    return Ferry(area, store, "discard;", {"listeners": None, "sources": {"old": {
        "protocol": "imap", "host": "localhost", "port": source.port, "tls": "none", "user": "old",
        "password_file": "office.password", "account": "office", "to": "office@office.example",
        "keep": True}}})


def setup():
    area = Area("copy")
    source = Dovecot(area, name="source", users={"old": "s3cret"}, separator=".", prefix="INBOX.", extra=SENT % "Sent" + ALL).start()
    store = Dovecot(area, name="store", extra=SENT % "Sent Items").start()
    ferry = ferry_of(area, source, store)
    tap.logs[:] = [store.logs, source.logs, ferry.logs]
    return area, source, store, ferry, fill(source)


def copy(ferry, *args):
    return ferry.command("copy", "old", "--to", "office", *args, timeout=300)


def started(ferry):
    ferry.process = ferry.area.start([os.path.join(ferry.area.bin, "mailferry"), "copy", "old", "--to", "office",
                                      "-c", ferry.file], log=ferry.log, env=ferry.env)


area, source, store, ferry, want = setup()


def listing(store):
    return {(f, m.uid, m.size, tuple(sorted({x.decode() for x in m.flags} - {"\\Recent"})))
            for f, messages in store.messages().items() for m in messages}


before = listing(source)

with tap.case("a dry run tells where each folder goes, and changes nothing"):
    p = copy(ferry, "--dry-run", "--json")
    assert p.returncode == 0, p.stdout + p.stderr
    told = [json.loads(line) for line in p.stdout.splitlines()]
    into = {t.get("into") for t in told if t.get("into")}
    assert {"Work/Reports 2025", "INBOX"} <= into and any("Sent" in i for i in into), into
    assert store.count() == {"INBOX": 0, "Sent Items": 0} or sum(store.count().values()) == 0, store.count()

with tap.case("a copy has the tree, the flags, the dates and the octets, and no rule is asked"):
    p = copy(ferry)
    assert p.returncode == 0, p.stdout + p.stderr
    assert "All Mail" in p.stdout and "shows the mail of other folders" in p.stdout, p.stdout
    same(want, have(store))
    assert listing(source) == before

with tap.case("a copy that is made again copies nothing, and then what has come since"):
    p = copy(ferry)
    assert p.returncode == 0, p.stdout + p.stderr
    same(want, have(store))
    m = source.connect()
    data = message("<late@example.org>")
    m.append('"INBOX.Work"', "(\\Seen)", '"02-Mar-2026 10:00:00 +0000"', data)
    m.logout()
    want["Work", data, ("\\Seen",), "2-Mar-2026 10:00:00 +0000"] = 1
    p = copy(ferry)
    assert p.returncode == 0, p.stdout + p.stderr
    same(want, have(store))

with tap.case("a fetch of the same source knows nothing of the copy"):
    inbox = sum(n for key, n in want.items() if key[0] == "INBOX")
    p = ferry.command("sync", "old", timeout=300)
    assert p.returncode == 0 and "fetched %d messages" % inbox in p.stdout + p.stderr, (inbox, p.stdout, p.stderr)
    same(want, have(store))  # the rules discard all of it
area.close()

with tap.case("killed at any point, %d times, and begun again: all there, once" % KILLS):
    area, source, store, ferry, want = setup()
    kills, last = 0, time.monotonic() + 400
    while True:
        started(ferry)
        limit = dice.uniform(0.05, 0.9) if kills < KILLS else 240
        end = time.monotonic() + limit
        while ferry.alive() and time.monotonic() < end:
            time.sleep(0.01)
        if not ferry.alive() and ferry.process.poll() == 0:
            break
        assert time.monotonic() < last, "it does not come to an end"
        ferry.kill()
        kills += kills < KILLS
    same(want, have(store))
area.close()

with tap.case("the other way round: to a store that keeps folders below INBOX and has another separator"):
    area = Area("copy")
    source = Dovecot(area, name="source", users={"old": "s3cret"}, location="maildir:~/Maildir:LAYOUT=fs").start()
    store = Dovecot(area, name="store", separator=".", prefix="INBOX.").start()
    ferry = ferry_of(area, source, store)
    tap.logs[:] = [store.logs, source.logs, ferry.logs]
    m = source.connect()
    want = {}
    # The store's separator is not known before it was there once: then "v1.0" is two levels.
    for folder, there in (("INBOX", "INBOX"), ("Work/Reports", "INBOX.Work.Reports"), ("Archive", "INBOX.Archive"),
                          ("v1.0", "INBOX.v1.0")):
        m.create('"%s"' % folder)
        data = message("<%s@example.org>" % there.lower())
        m.append('"%s"' % folder, "(\\Seen)", '"02-Mar-2020 10:00:00 +0000"', data)
        want[there, data, ("\\Seen",), "2-Mar-2020 10:00:00 +0000"] = 1
    m.logout()
    p = copy(ferry)
    assert p.returncode == 0, p.stdout + p.stderr
    same(want, have(store))
area.close()
tap.done()
