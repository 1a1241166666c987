"""
Which way mail is sent, by what the store offers: how many commands, literals
and connections it takes, and that nothing is lost or doubled on any of them.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Session, Store  # noqa: E402
from peers.run import Run  # noqa: E402

tap = Tap(600)
BASE = "IMAP4rev1 UIDPLUS NAMESPACE AUTH=PLAIN "


class Recorded(Session):
    """Keeps the lines that messages begin with, and what was said behind each."""

    def do_append(self, tag, rest):
        with self.store.lock:
            self.store.heads.append(rest)
        super().do_append(tag, rest)


class Patient(Recorded):
    """
    Answers a message only when the head of the next has come: a client that
    waits for the answer first would wait until its patience is over.
    """

    def say(self, text):
        if " OK [APPENDUID" in text and self.store.appends < self.store.expected:
            while b"\n" not in self.wire.buffer:
                self.wire.fill()
            self.store.chained += 1
        super().say(text)


def store(offers, kind=Recorded, **options):
    s = Store(capabilities=BASE + offers, **options)
    s.session_class = kind
    s.heads, s.chained = [], 0
    return s


def all_there(s, run, messages):
    found = [re.search(rb"SMTP id (\w+);", o).group(1) for o in s.octets()]
    assert len(set(found)) == len(found) == messages, "%d messages, %d of them different; %d were sent" % (
        len(found), len(set(found)), messages)
    assert run.states() == {"done": messages}, (run.states(), run.log[-2000:])
    assert not s.violations, s.violations[:3]
    s.close()


with tap.case("MULTIAPPEND: batches by count, each with the UIDs of its messages"):
    s = store("LITERAL+ MULTIAPPEND")
    run = Run(s, 200, batch=20)
    assert s.appends <= 12, s.appends
    assert sorted(r["uid"] for r in run.rows) == list(range(1, 201)), [r["uid"] for r in run.rows][:30]
    all_there(s, run, 200)

with tap.case("MULTIAPPEND: batches by octets, too"):
    s = store("LITERAL+ MULTIAPPEND")
    run = Run(s, 20, batch=20, size=2000000)
    assert 5 <= s.appends <= 8, s.appends
    all_there(s, run, 20)

with tap.case("MULTIAPPEND is left alone where batch = 1, or literals must ask"):
    for offers, options in (("LITERAL+ MULTIAPPEND", {"batch": 1}), ("MULTIAPPEND", {"batch": 20})):
        s = store(offers)
        run = Run(s, 30, **options)
        assert s.appends == 30, s.appends
        all_there(s, run, 30)

with tap.case("LITERAL-: up to 4,096 octets without asking, together; larger ones ask, one by one"):
    s = store("LITERAL- MULTIAPPEND")
    run = Run(s, 40, batch=20, size=500)
    assert s.appends <= 3 and all("+}" in h for h in s.heads), (s.appends, s.heads[:2])
    all_there(s, run, 40)
    s = store("LITERAL- MULTIAPPEND")
    run = Run(s, 10, batch=20, size=5000)
    assert s.appends == 10 and not any("+}" in h for h in s.heads), (s.appends, s.heads[:2])
    all_there(s, run, 10)

with tap.case("a flag set asks until it was accepted once, and goes without asking from then on"):
    s = store("LITERAL+ MULTIAPPEND")
    run = Run(s, 60, batch=10, window=10, flags="\\Seen $Work")
    assert "+}" not in s.heads[0] and "(\\Seen $Work)" in s.heads[0], s.heads[0]
    assert "+}" in s.heads[-1] and s.appends < 30, (s.appends, s.heads[-1])
    all_there(s, run, 60)

with tap.case("literals that ask: the next message's head comes before this one is answered"):
    s = store("", Patient)
    s.expected = 30
    run = Run(s, 30, timeout=10000)
    # In one turn of the worker; the last answer waits for nothing.
    assert s.chained == 29, s.chained
    all_there(s, run, 30)

with tap.case("several connections where configured"):
    s = store("LITERAL+", delay=0.01)
    run = Run(s, 400, connections=3)
    assert s.most_sessions == 3, s.most_sessions
    all_there(s, run, 400)

with tap.case("one connection for a little mail"):
    s = store("LITERAL+")
    run = Run(s, 20, connections=3)
    assert s.connections == 1, s.connections
    all_there(s, run, 20)

for reply in ("NO [LIMIT] too many connections", "BYE too many connections"):
    with tap.case("never more connections than the store allows: " + reply):
        s = store("LITERAL+", delay=0.01)
        s.sessions_max, s.sessions_reply = 2, reply
        run = Run(s, 400, connections=5)
        assert s.most_sessions == 2 and run.account["holds"] == 0, (s.most_sessions, run.account)
        assert s.connections <= 4, s.connections
        assert "event=fewer-connections" in run.log, run.log[-2000:]
        all_there(s, run, 400)

with tap.case("a store that keeps up with the worker: what it has is settled meanwhile, and a word to leave is heard"):
    s = store("LITERAL+")
    run = Run(s, 300, size=70000, body_ms=10)
    assert run.account["most_settled"] <= 200, run.account
    all_there(s, run, 300)
    s = store("LITERAL+")
    run = Run(s, 300, size=70000, body_ms=10, leave_at=20)
    assert run.states() == {"done": s.stored, "queued": 300 - s.stored} and s.stored < 30, (run.states(), s.stored)

with tap.case("one message that the store refuses: the batch is taken apart, and the others pass"):
    s = store("LITERAL+ MULTIAPPEND")
    s.fail("no", match=b"number 33.", times=100, text="[TOOBIG] no")
    run = Run(s, 100, batch=20)
    assert run.of(33)["state"] == "quarantined" and "TOOBIG" in run.of(33)["reason"], run.of(33)
    assert run.states() == {"done": 99, "quarantined": 1}, (run.states(), run.log[-2000:])
    assert len(s.octets()) == 99 and "event=batch-refused" in run.log
    assert run.account["holds"] == 0, run.account

with tap.case("a store that says BAD to a batch gets messages one by one from then on"):
    s = store("LITERAL+ MULTIAPPEND")
    s.fail("bad", at=1, text="one at a time")
    run = Run(s, 60, batch=20)
    assert sum(" {" in h for h in s.heads[1:]) >= 60, len(s.heads)
    all_there(s, run, 60)
tap.done()
