"""
A POP3 mailbox drained by rules into a Dovecot, from any server: the cases that
tests/e2e/fetch_pop3*.py share.

MAILFERRY_FETCH_MESSAGES=2000 fetches so many (default 60).
"""

import collections
import os
import random
import re
import signal
import time

from lib.area import wait_for
from lib.dovecot import Dovecot
from lib.ferry import Ferry
from lib.proxy import Proxy

MESSAGES = int(os.environ.get("MAILFERRY_FETCH_MESSAGES", "60"))
FOLDERS = ("Alpha", "Beta", "Gamma", "INBOX")
RULES = """require ["fileinto", "mailbox"];
if header :contains "Subject" "alpha" { fileinto :create "Alpha"; }
elsif header :contains "Subject" "beta" { fileinto :create "Beta"; }
elsif header :contains "Subject" "gamma" { fileinto :create "Gamma"; }
"""
seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
dice = random.Random(seed)


def message(i, prefix):
    """2 KB to 5 MB, few of them large."""
    size = dice.choices((2000, 8000, 50000, 400000, 5000000), (60, 30, 8, 2, 0.3))[0]
    if i == 7:
        size = 2500000
    lines = [b"x" * 76, b".", b"..", b".y", b"caf\xc3\xa9 " + b"z" * 60, b""]
    content = [b"From: someone@example.org", b"To: old@example.org", b"Message-ID: <%s%d@example.org>" % (prefix, i),
               b"Subject: %s %d" % (FOLDERS[i % 4].lower().encode(), i), b""]
    while size > 0:
        content.append(dice.choice(lines) + b" %d" % dice.getrandbits(32) if dice.random() < 0.8 else dice.choice(lines))
        size -= len(content[-1]) + 2
    return b"\r\n".join(content) + b"\r\n"


def fill(server, mail, user=None):
    m = server.connect(user)
    for content in mail:
        status, text = m.append("INBOX", None, None, content)
        assert status == "OK", text
    m.logout()


def source(port, **more):
    return dict({"protocol": "pop3", "host": "localhost", "port": port, "tls": "none", "user": "old", "every": "1s",
                 "password_file": "office.password", "account": "office", "to": "office@office.example", "jitter": "0s",
                 "window": 50}, **more)


class Journey:
    """A fresh store, and a mailferry between it and SOURCES."""

    def __init__(self, tap, area, name, sources, cut_store=0.0, message_size="20M"):
        self.store = Dovecot(area, name=name + "-store", fsync="never").start()
        self.proxy = Proxy(self.store.port, cut_store, 20, 60000, dice.randrange(1 << 30), terse=20).start()
        self.ferry = Ferry(area, self.store, RULES, name=name, port=self.proxy.port, config={
            "sources": sources, "limits": {"message_size": message_size},
            "accounts": {"office": {"retry_min": "1s", "retry_max": "1s", "create_folders": True}}})
        tap.logs[:] = [self.ferry.logs, self.store.logs]
        self.ferry.start()

    def taken(self):
        """How many messages have come out of the sources, over all of them."""
        return sum(self.store.count().values())

    def fetchers(self):
        return [pid for pid, line in self.ferry.children().items() if "/mailferry-fetch" in line]

    def kill_often(self, messages, seconds):
        """Kills the fetcher while it works, and sometimes everything. How often."""
        kills, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and self.taken() < messages:
            pids = self.fetchers()
            if not pids:
                time.sleep(0.01)
                continue
            time.sleep(dice.uniform(0, 0.15 + MESSAGES / 4000))
            kills += 1
            if dice.random() < 0.25:
                self.ferry.kill()
                self.ferry.start()
                continue
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    kills -= 1
        return kills

    def arrive(self, mail, seconds=240):
        try:
            wait_for("%d messages" % len(mail), lambda: self.taken() >= len(mail), seconds, 0.3)
        except AssertionError as e:
            raise AssertionError("%s: %s, queue: %s" % (e, self.store.count(), self.ferry.command("queue", "list").stdout[:2000]))
        self.ferry.drained(seconds)

    def check(self, mail):
        """Each once, in its folder, the same octets behind what was added."""
        have = collections.defaultdict(list)
        for folder, messages in self.store.messages(body=True).items():
            for m in messages:
                have[m.id].append((folder, m.raw))
        for i, content in enumerate(mail):
            ident = re.search(rb"Message-ID: (\S+)", content).group(1).decode()
            found = have.pop(ident, [])
            assert len(found) == 1, "%s is there %d times: %s" % (ident, len(found), [f for f, _ in found])
            folder, raw = found[0]
            assert folder == FOLDERS[int(re.search(r"(\d+)@", ident).group(1)) % 4], (ident, folder)
            assert raw.endswith(content), "%s was changed" % ident
            added = raw[:-len(content)]
            names = re.findall(rb"^([A-Za-z-]+):", added, re.M)
            assert names and set(names) <= {b"Received", b"Return-Path", b"Delivered-To"}, (ident, added)
        assert not have, "nobody sent %s" % list(have)[:5]

    def end(self):
        status = self.ferry.stop()
        self.proxy.stop()
        self.store.stop()
        assert status == 0, status


def gone(server, user):
    """The source is empty."""
    m = server.connect(user)
    n = int(m.select("INBOX", readonly=True)[1][0])
    m.logout()
    return n == 0


def drain(tap, area, server):
    """All cases, from SERVER, which is started and has the user `old`."""
    name = type(server).__name__
    tap.diag("seed %d" % seed)
    mail = [message(i, name[:2].lower().encode()) for i in range(MESSAGES)]
    fill(server, mail)
    with tap.case("from %s, kept there: everything comes once" % name):
        proxy = Proxy(server.pop3_port, 0).start()
        journey = Journey(tap, area, "keep", {"old": source(proxy.port)})
        begin = time.monotonic()
        journey.arrive(mail)
        tap.diag("%d messages, %d MB in %.1f s" % (len(mail), sum(map(len, mail)) >> 20, time.monotonic() - begin))
        journey.check(mail)
        runs = proxy.connections
        wait_for("further runs", lambda: proxy.connections >= runs + 3)
        journey.check(mail)
        journey.end()
        proxy.stop()
    with tap.case("from %s, removed there, with kills of the fetcher and of all" % name):
        journey = Journey(tap, area, "kill", {"old": source(server.pop3_port, keep=False, delete="at-once")})
        tap.diag("%d kills" % journey.kill_often(len(mail), 10 + MESSAGES / 20))
        journey.arrive(mail)
        wait_for("the source to be empty", lambda: gone(server, "old"), 240)
        journey.check(mail)
        journey.end()
    fill(server, mail)
    with tap.case("from %s, removed there, connections cut on both sides" % name):
        high = 400 + 4 * MESSAGES  # of what the fetcher says; the answers are longer
        proxy = Proxy(server.pop3_port, 1, 30, high, dice.randrange(1 << 30), terse=high / sum(map(len, mail)) * 2).start()
        journey = Journey(tap, area, "cut", {"old": source(proxy.port, keep=False, delete="at-once")}, cut_store=0.9)
        end = time.monotonic() + 8 + MESSAGES / 20
        while time.monotonic() < end and not gone(server, "old"):
            time.sleep(0.3)
        proxy.cut, journey.proxy.cut = 0.1, 0.1
        journey.arrive(mail)
        wait_for("the source to be empty", lambda: gone(server, "old"), 240)
        tap.diag("%d of %d connections cut before, %d of %d behind" % (
            proxy.cuts, proxy.connections, journey.proxy.cuts, journey.proxy.connections))
        journey.check(mail)
        journey.end()
        proxy.stop()
