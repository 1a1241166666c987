"""
The fetch part: messages a second out of one Dovecot into a folder of another, by
mailferry and by others, on loopback and with both servers 50 ms away; and what
it costs to see that a large mailbox has not changed.
"""

import json
import os
import re
import signal
import statistics
import time

from bench import fetchers
from bench.mails import Mails
from bench.report import missed, say
from bench.store import LongLine
from lib.area import find_program, wait_for
from lib.dovecot import Dovecot

MESSAGES = 2000
SLOW = 100  # who waits for each answer on a long line gets so many
MANY = 100000
ONE_WAY_MS = 25
GOALS = (("fdm", 20), ("mbsync", 3))
GOAL_FAR = 0.8
PACKAGES = {"mbsync": "isync", "fdm": "fdm", "getmail": "getmail6", "fetchmail": "fetchmail"}
chosen = {"protocols": ["pop3", "imap"], "lines": ["loopback", "50ms"], "unchanged": ["unchanged"], "rounds": 3,
          "goal": False, "messages": MESSAGES, "many": MANY}

# name, what runs it, does it wait for each answer (None: it gets few messages on any line), protocols
CLIENTS = (
    ("mailferry", fetchers.mailferry, False, ("pop3", "imap")),
    ("fdm", fetchers.fdm, True, ("pop3", "imap")),
    ("mbsync", fetchers.mbsync, False, ("imap",)),
    ("getmail", fetchers.getmail, None, ("pop3", "imap")),
    ("fetchmail", fetchers.fetchmail, None, ("pop3", "imap")),
    ("fetchmail, BSMTP", fetchers.fetchmail_batch, True, ("pop3", "imap")),
)
AGAIN = (
    ("mailferry", fetchers.mailferry_again, ("pop3", "imap")),
    ("mbsync", fetchers.mbsync_again, ("imap",)),
    ("fdm", fetchers.fdm_again, ("pop3", "imap")),
)
TO = {"mailferry": "folder of a Dovecot", "fdm": "folder of a Dovecot", "mbsync": "folder of a Dovecot",
      "getmail": "Maildir: only reads", "fetchmail": "smtp-sink: only reads", "fetchmail, BSMTP": "nothing: only reads"}


def fetch_words(words):
    """Narrows what `fetch` measures; returns the words that mean nothing. \"unchanged\" alone leaves the rest out."""
    wrong = []
    lines = [w for w in words if w in chosen["lines"] + chosen["unchanged"]]
    if lines:
        chosen["lines"] = [w for w in lines if w in chosen["lines"]]
        chosen["unchanged"] = [w for w in lines if w in chosen["unchanged"]]
    protocols = [w for w in words if w in chosen["protocols"]]
    chosen["protocols"] = protocols or chosen["protocols"]
    for w in words:
        number = re.fullmatch("(rounds|messages|many)=([1-9][0-9]*)", w)
        if number:
            chosen[number.group(1)] = int(number.group(2))
        elif w == "goal":
            chosen["goal"] = True
        elif w not in lines + protocols:
            wrong.append(w)
    return wrong


class Source(Dovecot):
    """A Dovecot with POP3 and two mailboxes of the same mails: `all` has them all, `few` the first of them."""

    def __init__(self, area, mails):
        super().__init__(area, name="source", users={"all": "s3cret", "few": "s3cret", "many": "s3cret"}, pop3=True)
        for user, count in (("all", mails.count), ("few", min(SLOW, mails.count))):
            mails.maildir(self._maildir(user), count)

    def _maildir(self, user):
        for part in (("mail", user), ("mail", user, "Maildir")):
            self.area.mkdir(self.name, *part)
        return "/".join((self.name, "mail", user, "Maildir"))

    def fill_many(self, count):
        """So many small messages, seen; links to a few files."""
        folder = self._maildir("many")
        for sub in ("new", "cur", "tmp"):
            self.area.mkdir(folder, sub)
        text = b"From: a@example.org\nTo: office@office.example\nSubject: one of many\n\n" + b"x" * 300 + b"\n"
        size, wire = len(text), len(text) + text.count(b"\n")
        cur = self.area.path(folder, "cur")
        for n in range(count):
            name = os.path.join(cur, "%d.M%d.bench,S=%d,W=%d:2,S" % (1000000000 + n, n, size, wire))
            if n % 30000 == 0:
                first = self.area.write(name, text)
            else:
                os.link(first, name)

    def port_of(self, protocol):
        return self.pop3_port if protocol == "pop3" else self.port

    def warm(self, user):
        """So that the first one to come does not pay for Dovecot's index."""
        m = self.connect(user)
        m.select("INBOX", readonly=True)
        m.fetch("1:*", "(RFC822.SIZE INTERNALDATE)")
        m.logout()


def _need(name):
    program = name.partition(",")[0]
    if program != "mailferry" and not find_program(program):
        raise RuntimeError("%s is missing. On Debian: apt-get install %s" % (program, PACKAGES[program]))


def _measured(area, name, run, job, far):
    m = far.connect()
    m.create(job.folder)
    os.sync()
    figure = run(job)
    if name in ("mailferry", "fdm", "mbsync"):
        _, data = m.status(job.folder, "(MESSAGES)")
        have = int(data[0].rstrip(b")").split()[-1])
        if have != job.count:
            raise RuntimeError("%d of %d messages are in the folder" % (have, job.count))
    m.delete(job.folder)
    m.logout()
    return figure


def _show(name, figures, count, own):
    rates = [f.rate for f in figures]
    median = statistics.median(rates)
    say("%-16s %8.0f %7.0f-%-7.0f %9s %9.2f  %s%s" % (
        name, median, min(rates), max(rates), "%.1f x" % (own / median) if own and name != "mailferry" else "",
        statistics.median(1000 * f.cpu / f.messages for f in figures), TO[name],
        "" if count == chosen["messages"] else ", first %d" % count))


def _case(area, source, far, protocol, line):
    """One protocol on one line; the median rate of each."""
    ports = [source.port_of(protocol), far.port]
    lines = [LongLine(area, p, ONE_WAY_MS) for p in ports] if line != "loopback" else []
    if lines:
        ports = [x.port for x in lines]
    say("%s, %d messages of 8 KB, %s" % (protocol.upper(), chosen["messages"], "loopback" if not lines
                                         else "%d ms there and back to either server" % (2 * ONE_WAY_MS)))
    say("%-16s %8s %15s %9s %9s" % ("", "a second", "least - most", "mailferry", "CPU/1,000"))
    got, counts = {}, {}
    for n in range(chosen["rounds"]):
        for name, run, waits, protocols in CLIENTS:
            if protocol not in protocols or (name != "mailferry" and (n > 0 or chosen["goal"])):
                continue
            user = "few" if waits is None or (waits and lines) else "all"
            counts[name] = min(SLOW, chosen["messages"]) if user == "few" else chosen["messages"]
            try:
                _need(name)
                job = fetchers.Job(area, protocol, ports[0], user, counts[name], ports[1], "B%d" % time.monotonic_ns())
                figure = _measured(area, name, run, job, far)
                got.setdefault(name, []).append(figure)
            except (RuntimeError, OSError, AssertionError) as e:
                text = "fetch, %s, %s: %s: %s" % (protocol, line, name, e)
                missed.append(text) if text not in missed else None
    for line_ in lines:
        line_.stop()
    medians = {name: statistics.median(f.rate for f in figures) for name, figures in got.items()}
    for name, _, _, _ in CLIENTS:
        if name in got:
            _show(name, got[name], counts[name], medians.get("mailferry"))
    say()
    return medians


def _goals(protocol, near, distant):
    for name, times in GOALS:
        if name in near and "mailferry" in near:
            ratio = near["mailferry"] / near[name]
            say("%s, loopback: %.1f times %s; goal %d: %s" % (protocol.upper(), ratio, name, times,
                                                              "reached" if ratio >= times else "missed"))
    if "mailferry" in near and "mailferry" in distant:
        share = distant["mailferry"] / near["mailferry"]
        say("%s, 50 ms: %.0f %% of its own figure on loopback; goal %.0f %%: %s" % (
            protocol.upper(), 100 * share, 100 * GOAL_FAR, "reached" if share >= GOAL_FAR else "missed"))


class CountedLine(LongLine):
    """A long line that tells what passed over it."""

    def counts(self):
        """Since the last call, or since the start."""
        before = self.area.read("delay.log").count("\n")
        self.process.send_signal(signal.SIGUSR1)
        wait_for("the proxy's figures", lambda: self.area.read("delay.log").count("\n") > before, 30, every=0.01)
        return json.loads(self.area.read("delay.log").strip().splitlines()[-1])


def _unchanged(area, source, far):
    count = chosen["many"]
    source.fill_many(count)
    source.warm("many")
    say("A mailbox of %d messages that has not changed since the last run, %d ms there and back" % (count, 2 * ONE_WAY_MS))
    say("%-18s %11s %9s %10s %10s %9s" % ("", "round trips", "seconds", "KB sent", "KB read", "CPU"))
    for protocol in chosen["protocols"]:
        line = CountedLine(area, source.port_of(protocol), ONE_WAY_MS)
        for name, run, protocols in AGAIN:
            if protocol not in protocols:
                continue
            try:
                _need(name)
                again = run(fetchers.Job(area, protocol, source.port_of(protocol), "many", count, far.port, "INBOX"))
                line.counts()
                figure = again(line.port)
                seen = line.counts()
                say("%-18s %11d %9.2f %10.1f %10.1f %9.2f" % (
                    "%s, %s" % (name, protocol.upper()), seen["trips"], figure.seconds, seen["up"] / 1000,
                    seen["down"] / 1000, figure.cpu))
            except (RuntimeError, OSError, AssertionError) as e:
                missed.append("fetch, unchanged, %s: %s: %s" % (protocol, name, e))
        line.stop()
    say()


def fetch(area):
    say("Out of one Dovecot into another (Maildir, mail_fsync = optimized), each from its start to its end. mailferry: `sync`,")
    say("medians of %d rounds; the others, one. x: how many times as fast mailferry is. CPU/1,000: seconds of CPU that 1,000"
        % chosen["rounds"])
    say("messages cost. fdm takes up to 50 at a time and logs in for each that it files; mbsync as it comes.\n")
    mails = Mails(area, "8K", chosen["messages"])
    source, far = Source(area, mails), Dovecot(area, name="far")
    source.start()
    far.start()
    for user in ("all", "few"):
        source.warm(user)
    for protocol in chosen["protocols"] if chosen["lines"] else ():
        medians = {line: _case(area, source, far, protocol, line) for line in chosen["lines"]}
        _goals(protocol, medians.get("loopback", {}), medians.get("50ms", {}))
        say()
    if chosen["unchanged"]:
        _unchanged(area, source, far)
    source.stop()
    far.stop()
