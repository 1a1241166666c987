"""
What a store may do to a connection or an account: logins refused, too many
connections, capabilities that change, alerts, idle ends; and a worker or its
spool that fails. Counted as in store_faults.py.
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Session, Store  # noqa: E402
from peers.run import Run  # noqa: E402
from peers.ways import QUICK, WAYS, each, settled, together  # noqa: E402

tap = Tap(600)


def case(words, row):
    with tap.case(words):
        row()


def logins():
    store = Store(password="other")
    run = Run(store, holds=3)
    assert run.states() == {"queued": 20} and "refuses the password" in run.account["reason"], run.account
    assert store.logins == 3, "%d logins, and waited three times" % store.logins
    store = Store()
    store.login_reply = "NO [UNAVAILABLE] backend is down"
    run = Run(store, holds=2)
    assert "backend is down" in run.account["reason"] and run.account["attempts"] >= 2, run.account
    store = Store(capabilities="IMAP4rev1 LOGINDISABLED")
    run = Run(store, holds=1)
    assert "no way to log in" in run.account["reason"] and store.logins == 0, run.account
    store = Store()
    store.greeting = "* BYE too many connections"
    assert "too many connections" in Run(store, holds=1).account["reason"]
    store = Store()
    store.greeting = "* PREAUTH welcome"
    assert "PREAUTH" in Run(store, holds=1).account["reason"]
    store = Store()
    store.greeting = "220 smtp.example ESMTP"
    assert "did not greet" in Run(store, holds=1).account["reason"]


case("row 24: logins that are refused, and why", logins)


def logins_later():
    def one(reply):
        # The second connection is refused for a while: what waits is looked for and sent when it passes.
        store = Store()
        store.fail("drop-after-literal", at=7)
        for verb in ("LOGIN", "AUTHENTICATE"):
            store.fail_command(verb, reply, at=2)
        settled(store, Run(store, **QUICK))
        assert store.fired["AUTHENTICATE: " + reply] == 1, store.fired
        store.close()
    together([lambda r=r: one(r) for r in ("NO [UNAVAILABLE] down", "NO [AUTHENTICATIONFAILED] no", "NO [LIMIT] too many", "NO [INUSE] later",
                                          "NO Suggested Backoff Time: 100 milliseconds", "BAD what?", "bye", "drop", "garbage")])


case("row 24: a login that is refused in between delays mail, and no more", logins_later)


def throttled_login():
    for status in ("NO", "BAD"):
        store = Store()
        store.fail_command("AUTHENTICATE", status + " Request is throttled. Suggested Backoff Time: 1200 milliseconds")
        begin = time.monotonic()
        run = Run(store, **QUICK)
        settled(store, run)
        assert time.monotonic() - begin >= 1.1 and run.account["holds"] == 1, run.account


case("row 8: a throttle at login is obeyed", throttled_login)


def remembered():
    # The worker dies while the store is to be left alone: the next one leaves it alone as well.
    with tempfile.TemporaryDirectory() as directory:
        state = os.path.join(directory, "state")
        store = Store()
        store.fail("no", at=3, text="Request is throttled. Suggested Backoff Time: 12000 milliseconds")
        begin = time.monotonic()
        first = Run(store, state=state, holds=1, **QUICK)
        assert first.account["holds"] == 1 and store.connections == 1, first.account
        second = Run(store, state=state, seconds=1, **QUICK)
        assert store.connections == 1 and second.states() == first.states(), second.states()
        settled(store, Run(store, state=state, **QUICK))
        assert time.monotonic() - begin >= 11


case("row 8: a time that a store named outlives the worker", remembered)


def crowded():
    def one(way, most, reply):
        store = Store(capabilities=WAYS[way])
        store.sessions_max, store.sessions_reply, store.delay = most, reply, 0.002
        store.fail("store-then-drop", at=33)
        run = Run(store, messages=120, connections=4, window=2, batch=2, **QUICK)
        settled(store, run, messages=120)
        assert store.most_sessions <= most and run.of(120)["attempts"] <= 3, (store.most_sessions, run.of(120))
        store.close()
    each(("MULTIAPPEND LITERAL+ UIDPLUS", "LITERAL+ UIDPLUS", "synchronising"), one,
         *[(most, reply) for most in (1, 2) for reply in ("NO [LIMIT] too many connections", "BYE Too many simultaneous connections",
                                                          "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded")])


case("row 12: fewer connections than configured are no error", crowded)


class Changing(Session):
    """Tells other capabilities after login than before, or none at all until it is asked."""

    def do_capability(self, tag, rest):
        if self.authenticated:
            self.say("* CAPABILITY " + self.store.capabilities)
        elif self.store.before is not None:
            self.say("* CAPABILITY " + self.store.before)
        self.say(tag + " OK done")


def capabilities():
    def one(before, after):
        store = Store(capabilities=after)
        store.session_class, store.before = Changing, before
        store.fail("drop-after-literal", at=7)
        settled(store, Run(store, **QUICK))  # a literal that does not ask, where it must, is a violation
        store.close()
    lists = ["IMAP4rev1 AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN LITERAL+ MULTIAPPEND", "IMAP4rev1 LITERAL-"]
    together([lambda b=b, a=a: one(b, a) for b in lists for a in [*WAYS.values()]])


case("row 26: what counts is what the store can after login", capabilities)


class Chatty(Session):
    """Says untagged things before each answer."""

    def say(self, text):
        if text[:1] not in "*+" and self.authenticated:
            for line in self.store.chatter:
                self.wire.say(line)
        super().say(text)


def chatter():
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.session_class = Chatty
        store.chatter = ("* 5 EXISTS", "* 1 RECENT", "* 3 EXPUNGE", "* FLAGS (\\Seen)", "* OK still here", "* VANISHED (EARLIER) 1:3",
                         "* OK [ALERT] The disk is nearly full\x07", "* STATUS \"Other\" (MESSAGES 3)", "* LIST () \"/\" Other",
                         "* OK [UNKNOWN-CODE (a b)] x", "* NO not yours", "* BAD nothing of yours")
        store.fail("drop-after-literal", at=7)
        run = Run(store, **QUICK)
        settled(store, run)
        # Told of another folder: whose UIDs are these? Nothing is sent before that is clear.
        other = Store(capabilities=WAYS[way])
        other.session_class = Chatty
        other.chatter = ('* STATUS "Other" (UIDVALIDITY 7 UIDNEXT 4711)',)
        assert Run(other, seconds=3, **QUICK).states() == {"queued": 20} and other.appends == 0, other.appends
        other.close()
        assert "The disk is nearly full" in run.log and "\x07" not in run.log
        store.close()
    each(WAYS, one)


case("row 27: EXISTS, EXPUNGE, ALERT and more before every answer; alerts are logged", chatter)


def unconnected():
    # Exchange: logged in, and the mailbox behind is not there.
    store = Store()
    store.status_reply = "BAD User is authenticated but not connected."
    run = Run(store, holds=2, **QUICK)
    assert run.states() == {"queued": 20} and store.appends == 0, run.states()
    assert "authenticated but not connected" in run.account["reason"] and run.account["holds"] >= 1, run.account
    store.close()
    store = Store()
    for verb in ("STATUS", "EXAMINE"):
        store.fail_command(verb, "NO User is authenticated but not connected.", times=3)
    settled(store, Run(store, **QUICK))


case("row 28: authenticated but not connected: the account waits, and goes on when it passes", unconnected)


class Strict(Session):
    """Hangs up after ten commands that it refused."""

    def say(self, text):
        words = text.split(" ", 2)
        if len(words) > 1 and words[1] in ("NO", "BAD"):
            self.errors = getattr(self, "errors", 0) + 1
            if self.errors >= 10:
                self.wire.say("* BYE Too many errors")
                self.wire.break_off() if self.wire.damage else self.drop()
        super().say(text)

    def drop(self):
        from peers.imap_wire import Gone
        raise Gone()


def errors():
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.session_class = Strict
        for number in range(1, 31, 2):
            store.fail("no", match=b"delivery%08d" % number, text="[INUSE] locked", times=2)
        run = Run(store, messages=30, seconds=60, **QUICK)
        settled(store, run, messages=30)
        store.close()
    each(WAYS, one)


case("row 28: BYE after ten errors", errors)


class Idle(Session):
    """Hangs up on who is silent for longer than some seconds."""

    def run(self):
        self.wire.sock.settimeout(4)
        super().run()


def idle():
    def one(way):
        # One message is due later than the others: the connection is gone by then, and nobody minds.
        store = Store(capabilities=WAYS[way])
        store.session_class = Idle
        store.fail("no", match=b"delivery00000020", text="[INUSE] locked", times=2)
        run = Run(store, settle=100, retry=8000, retry_max=8000)
        settled(store, run)
        assert run.account["holds"] == 0 and store.connections > 1, (run.account, store.connections)
        store.close()
    each(WAYS, one)


case("row 30: an end between two deliveries is no trouble", idle)


def recording():
    store = Store()
    run = Run(store, in_flight_failures=3)
    settled(store, run)
    assert store.appends == 20, store.appends
    # A spool whose disk is full now and then: that is no fault of the messages.
    store = Store()
    run = Run(store, body_failures=3)
    settled(store, run)
    # It can't even record that the account waits: the worker must end, or it would log in without a pause.
    store = Store(password="other")
    run = Run(store, hold_failures=1000000, seconds=5)
    assert run.states() == {"queued": 20} and store.logins == 1, (run.states(), store.logins)


case("row 32: nothing is sent that could not be recorded", recording)

tap.done()
