"""
A kill at every step of the way of fetched mail: from the source's listing over
the spool to the store, and on to what happens to the original. The daemon dies,
all of it, at one step after the other (see lib/deaths.py); then it is started as
usual, and in the end each message is in its folders once, as it was, and the
originals are gone or there as the source asks.
"""

import collections
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, answers, wait_for  # noqa: E402
from lib.deaths import Deaths, Run, all_filed, steps_of_source  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.tap import Tap  # noqa: E402

WORKERS = 4
TWICE = 10   # runs with a second death
MORE = 300   # further runs at most, until every step of the fetchers was met
SCANS, ALARMS, NEWS = "Scans", "Panel/Alarms", "Lists/News & more"
RULES = """require ["fileinto", "mailbox"];
if header :contains "subject" "scan" { fileinto :create "%s"; }
elsif header :contains "subject" "alarm" { fileinto :create "%s"; fileinto :create "%s"; }
elsif header :contains "subject" "junk" { discard; }
""" % (SCANS, ALARMS, NEWS)

# subject, octets, folders, flags, INTERNALDATE
DRAINED = (("letter", 0, ["INBOX"], "\\Seen", "02-Mar-2024 10:00:00 +0100"),
           ("scan", 200000, [SCANS], "", "03-Mar-2024 11:00:00 +0000"),
           ("alarm", 5000, [ALARMS, NEWS], "\\Flagged", "04-Mar-2024 12:00:00 -0500"),
           ("junk", 0, [], "", "05-Mar-2024 13:00:00 +0000"),
           ("twin", 0, ["INBOX", "INBOX"], "", "06-Mar-2024 14:00:00 +0000"))  # two originals with the same bytes
KEPT = (("kept", 0, ["INBOX"], "", "07-Mar-2024 15:00:00 +0000"), ("kept scan", 0, [SCANS], "", "08-Mar-2024 16:00:00 +0000"))

tap = Tap(1500)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("fetch-steps")
store = Dovecot(area, users={kind + str(n): "s3cret" for n in range(WORKERS) for kind in ("to", "drained", "kept")})
store.start()
assert area.bin  # before there are threads
tap.logs.append(store.logs)


def instant(date):
    return datetime.datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z")


class Expected:
    """What must be in the account in the end: (folder, Message-ID) → octets, flags and date of each copy."""

    def __init__(self):
        self.all = collections.defaultdict(list)

    def add(self, ident, data, folders, flags="", date=None):
        for f in folders:
            self.all[f, ident].append((data, flags, date))

    def wrong(self, stored):
        have = collections.defaultdict(list)
        for folder, messages in stored.items():
            for m in messages:
                have[folder, m.id].append(m)
        found = []
        for key in sorted(set(self.all) | set(have)):
            want, got = self.all.get(key, []), have.get(key, [])
            if len(want) != len(got):
                found.append("%s %s: %d times, wanted %d" % (key[1], key[0], len(got), len(want)))
                continue
            for (data, flags, date), m in zip(want, got):
                if not m.raw.endswith(b"\r\n" + data):
                    found.append("%s %s: other bytes" % (key[1], key[0]))
                if date and instant(m.date) != instant(date):
                    found.append("%s %s: of %s, wanted %s" % (key[1], key[0], m.date, date))
                if date and {f.decode() for f in m.flags} - {"\\Recent"} != set(flags.split()):
                    found.append("%s %s: flags %r, wanted %s" % (key[1], key[0], m.flags, flags))
        return found


def fill(name, worker, pop, expected):
    for kind, rows in (("drained", DRAINED), ("kept", KEPT)):
        user = kind + str(worker)
        store.empty(user)
        m = store.connect(user)
        for subject, size, folders, flags, date in rows:
            ident = "<%s.%s@example.org>" % (name, subject.replace(" ", "."))
            data = message(ident, subject=subject, size=size)
            twins = 2 if subject == "twin" else 1
            for _ in range(twins):
                m.append("INBOX", "(%s)" % flags if flags else None, '"%s"' % date, data)
            expected.add(ident, data, folders, flags, date)
        m.logout()
    for subject, uid, folders in (("pop letter", "one", ["INBOX"]), ("pop alarm", "two", [ALARMS, NEWS]),
                                  ("pop twin", "same", ["INBOX", "INBOX"])):
        ident = "<%s.%s@example.org>" % (name, subject.replace(" ", "."))
        data = message(ident, subject=subject, size=90000 if "alarm" in subject else 0)
        for _ in range(2 if "twin" in subject else 1):
            pop.add(data, uid)
        expected.add(ident, data, folders)


def sources(worker, pop):
    def source(protocol, port, user, **more):
        return dict({"protocol": protocol, "host": "localhost", "tls": "none", "port": port, "user": user,
                     "password_file": "office.password", "account": "office", "to": "office@office.example"}, **more)
    # Without a schedule: runs that find nothing new would only add steps.
    return {"drained": source("imap", store.port, "drained%d" % worker, delete="after-delivery"),
            "kept": source("imap", store.port, "kept%d" % worker, mark_seen=True),
            "pop": source("pop3", pop.port, "old", delete="at-once")}


class Fetched(Run):
    def __init__(self, worker, name):
        self.worker, self.expected, self.pop = worker, Expected(), Pop(password="s3cret")
        self.ferry = Ferry(area, store, RULES, {"accounts": {"office": {"user": "to%d" % worker}},
                                                "sources": sources(worker, self.pop)}, name=name)
        store.empty("to%d" % worker)
        fill(name, worker, self.pop, self.expected)

    def settled(self):
        """The originals are where they belong, and everything is filed."""
        if self.pop.messages or store.count("drained%d" % self.worker)["INBOX"] > 0:
            return False
        if any(b"\\Seen" not in m.flags for m in store.messages("kept%d" % self.worker)["INBOX"]):
            return False
        return all_filed(self.ferry)

    def drain(self):
        """Lets it run until all is settled, or it is dead."""
        end = time.monotonic() + 400
        while self.ferry.alive() and not self.settled():
            assert time.monotonic() < end, "not settled"
            self.ferry.command("sync", "--quiet")  # its end is that of the daemon, if that dies

    def live(self):
        wait_for("mailferry to greet, or its death", lambda: not self.ferry.alive() or answers(self.ferry.smtp))
        self.drain()

    def check(self):
        self.drain()
        # Once more over what stays there: nothing of it comes again.
        self.ferry.command("sync", check=True)
        self.ferry.drained()
        wrong = self.expected.wrong(store.messages("to%d" % self.worker, body=True))
        if store.count("kept%d" % self.worker)["INBOX"] != len(KEPT):
            wrong.append("what was to be kept is gone")
        assert not wrong, "\n".join(wrong)

    def close(self):
        self.pop.stop()


deaths = Deaths(tap, Fetched, WORKERS)

with tap.case("killed at every step from the first until a run lives"):
    deaths.everywhere(20)

with tap.case("killed again at a step of the recovery"):
    deaths.twice(TWICE)

with tap.case("every step of the fetchers was a place of death"):
    left = deaths.not_met(steps_of_source("fetch: "), MORE)
    assert not left, "not met: %s" % left

store.stop()
tap.done()
