"""Scripted milters on real sockets: what they see, what they change, and every way to misbehave. No store is needed."""

import itertools
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import milter as mi  # noqa: E402
from lib.area import Area, kill_each, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.milter import Milter  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap()
area = Area("milters")


class Receiver(Ferry):
    """A mailferry whose store can't be reached, with one listener that has the milters."""

    def __init__(self, name, milters, **keys):
        groups = {m.name: dict({"address": m.address}, **keys) for m in milters}
        super().__init__(area, None, name=name, port=9, config={
            "milters": groups, "accounts": {"office": {"rules": None}},
            "listeners": {"lan": {"milters": [m.name for m in milters]}}})
        self.groups = groups

    def client(self):
        c = Client(self.smtp, timeout=120)
        c.hello()
        return c

    def send(self, data, client=None):
        """The reply to a message: (code, text)."""
        c = client or self.client()
        try:
            return 250, c.deliver(Item("<x@t>", "office@office.example", data))
        except Refused as e:
            return e.code, e.text

    def kept(self):
        rows = self.rows("queue", "list")
        return len(rows)

    def body(self, row):
        return self.command("queue", "show", "--message", str(row), check=True).stdout


def deliver(ferry, data, code=250, client=None):
    got, text = ferry.send(data, client)
    assert got == code, (got, text)
    return text


count = itertools.count()


def plain():
    """A new message: the same one again would be known."""
    return message("<%d@t>" % next(count)).replace(b"Subject", b"X-Spam-Flag: NO\r\nSubject")


with tap.case("a message passes two milters, one on a UNIX socket and one on a port; the second sees what the first did"):
    first = Milter(area, "first", answers={"E": mi.add_header(b"X-First", b"one") + mi.CONTINUE})
    second = Milter(area, "second", inet=True, terms=mi.optneg(protocol=mi.SILENT))
    second.answers.update({k: None for k in "CHMRTLNBU"})
    ferry = Receiver("two", [first, second]).start()
    deliver(ferry, plain())
    wait_for("both to have seen the end", lambda: "E" in first.letters() and "E" in second.letters())
    # Whoever waited for mailferry to greet was a session, too.
    number = [n for n, letter, _ in first.told if letter == "E"][-1]
    told = "".join(letter for n, letter, _ in first.told if n == number and letter != "D").rpartition("C")[2].rstrip("K")
    assert told == "HMRT" + "L" * 5 + "NBE", first.letters()
    assert b"X-First\0one\0" in second.of("L"), second.of("L")
    assert not [h for h in first.of("L") if h.startswith(b"X-Spam")], first.of("L")
    assert second.macros("M")[b"{mail_addr}"] == b"sender@example.org", second.macros("M")
    assert second.macros("C")[b"{client_addr}"] == b"127.0.0.1", second.macros("C")
    assert ferry.kept() == 1

with tap.case("a milter's connection is used for the next session, and made anew where the milter has closed it"):
    before = second.connections
    for _ in range(3):
        c = ferry.client()
        deliver(ferry, plain(), client=c)
        c.command("QUIT", 221)
        c.read_to_end()  # behind that it is free for the next
    assert second.connections - before <= 1, (before, second.connections)
    second.hang_up()
    deliver(ferry, plain())

with tap.case("the receiver makes no connection itself: the connector does, also after it was killed"):
    pids = [p for p, line in ferry.children().items() if "mailferry-connect" in line]
    kill_each(pids)
    first.answers["C"] = mi.CONTINUE
    first.hang_up()
    second.hang_up()
    wait_for("a message to be taken again", lambda: ferry.send(plain())[0] == 250)

with tap.case("a reload keeps sessions and their milters, and takes new ones"):
    c = ferry.client()
    third = Milter(area, "third")
    ferry.save(milters={"third": {"address": third.address}}, listeners={"lan": {"milters": ["third"]}})
    ferry.reload()
    wait_for("the new milter to be asked", lambda: ferry.send(plain())[0] == 250 and third.connections > 0)
    deliver(ferry, plain(), client=c)
    assert "E" in third.letters()
    ferry.stop()

with tap.case("a large message is handed on in pieces, changed, and is whole in the queue"):
    big = Milter(area, "big", answers={"E": mi.add_header(b"X-Big", b"yes") + mi.CONTINUE}, terms=mi.optneg(protocol=mi.SILENT))
    big.answers.update({k: None for k in "CHMRTLNBU"})
    ferry = Receiver("large", [big]).start()
    data = message("<2@t>", size=8 * 1024 * 1024)
    deliver(ferry, data)
    head, _, body = data.partition(b"\r\n\r\n")
    assert big.body() == body, (len(big.body()), len(body))
    assert any(octets == head + b"\r\nX-Big: yes\r\n\r\n" + body for octets in ferry.spooled())
    ferry.stop()

HUGE = struct.pack(">I", 0xffffffff) + b"c"
BAD = {
    "nothing": None, "a closed connection": "close", "half a packet": b"\0\0\0\4h", "a huge length": HUGE, "a length of 0": b"\0\0\0\0",
    "a change in the wrong place": mi.add_header(b"X", b"y"), "an unknown answer": mi.packet(b"Z"),
    "two answers": mi.CONTINUE + mi.CONTINUE + mi.CONTINUE, "garbage": bytes(range(256)) * 20,
    "an answer without an end": mi.packet(b"y", b"550 5.7.1 no"), "a reply that is none": mi.reply(b"999 hello"),
    "skip in the wrong place": mi.packet(b"s"), "terms again": mi.optneg(),
}

with tap.case("whatever a milter does at whatever step, mail comes in without it or the client comes back later"):
    for strict in (True, False):
        name = "strict" if strict else "lax"
        bad = Milter(area, "bad-" + name)
        ferry = Receiver(name, [bad], command_timeout="1s", content_timeout="1s", connect_timeout="1s",
                         on_failure="tempfail" if strict else "accept").start()
        for what, answer in BAD.items():
            for at in "OCMRTLBE" if what in ("nothing", "a closed connection", "half a packet") else "OMLE":
                if at == "O" and what == "terms again" or at == "E" and what.startswith("a change"):
                    continue
                bad.answers = {at: answer}
                if at == "O":
                    bad.hang_up()
                code, text = ferry.send(plain())
                assert code == (451 if strict else 250), (what, at, code, text)
        bad.answers = {}
        # A second is short, also for one that does nothing wrong.
        wait_for("a message to be taken", lambda: ferry.send(plain())[0] == 250)
        assert "milter-failed" in ferry.log_text()
        if strict:
            assert ferry.kept() == 1, ferry.kept()
        ferry.stop()

with tap.case("a flood of changes, line ends and NULs in fields: bounded, and one field stays one field"):
    ferry = None
    rude = Milter(area, "rude")
    ferry = Receiver("rude", [rude]).start()
    rude.answers["E"] = mi.add_header(b"X-A", b"a\r\nEvil: yes\r\n\r\nbody") + mi.add_header(b"Bad Name", b"x") + mi.CONTINUE
    deliver(ferry, plain())
    rude.answers["E"] = mi.packet(b"h", b"X-A\0b\0c\0") + mi.CONTINUE
    deliver(ferry, plain(), 451)
    rude.answers["E"] = mi.add_header(b"X-A", b"a" * 1000) * 2000 + mi.CONTINUE
    deliver(ferry, plain(), 451)
    rude.answers["E"] = mi.packet(b"b", b"x" * 60000) * 1000 + mi.CONTINUE
    deliver(ferry, plain(), 451)
    rude.answers["E"] = lambda s, data: s.sendall(mi.PROGRESS * 100000) or mi.CONTINUE
    deliver(ferry, plain())
    ferry.stop()

with tap.case("replies in a milter's own words reach the client, harmless"):
    words = Milter(area, "words")
    ferry = Receiver("words", [words]).start()
    words.answers = {"E": mi.reply(b"550-5.7.1 first\r\n550 5.7.1 \x1b[31msecond\x01")}
    text = deliver(ferry, plain(), 550)
    assert "550-5.7.1 first" in text and "\x1b" not in text, text
    words.answers = {"R": mi.reply(b"452 4.2.2 full"), }
    assert ferry.send(plain())[0] == 452
    words.answers = {"E": mi.DISCARD}
    deliver(ferry, plain())
    assert ferry.kept() == 0
    ferry.stop()

with tap.case("what a milter holds back is filed into a folder of its own, with its reason"):
    hold = Milter(area, "hold", answers={"E": mi.packet(b"q", mi.text(b"it smells")) + mi.CONTINUE})
    ferry = Receiver("hold", [hold]).start()
    deliver(ferry, plain())
    rows = ferry.rows("queue", "list")
    assert len(rows) == 1 and "Quarantine" in str(rows[0]), rows
    assert "it smells" in ferry.command("trace", "--json").stdout + str(rows), rows
    ferry.stop()

with tap.case("`check' names a milter that is not there, and warns of a public listener without one"):
    ferry = Receiver("check", [hold])
    ferry.save(listeners={"lan": {"milters": ["other"]}})
    p = ferry.command("check")
    assert p.returncode == 78 and 'no milter is called "other"' in p.stderr, p.stderr
    ferry.save(listeners={"lan": {"milters": None, "address": "0.0.0.0:%d" % ferry.smtp}})
    p = ferry.command("check")
    assert "no milter looks at what comes" in p.stderr, p.stderr
    ferry.save(users="users")
    ferry.command("user", "add", "anna", check=True)
    for listener, warned in (({"networks": ["192.0.2.0/24", "0.0.0.0/0"]}, True), ({"networks": ["2001::/16"]}, True),
                             ({"networks": ["192.0.2.0/24", "10.0.0.0/8"]}, False),
                             ({"networks": None, "auth": "required"}, False), ({"auth": "offered"}, True)):
        ferry.save(listeners={"lan": listener})
        p = ferry.command("check")
        assert ("no milter looks at what comes" in p.stderr) == warned, (listener, p.stderr)
        assert ("everybody may connect; right" in p.stderr) == warned, (listener, p.stderr)
    ferry.save(milters={"hold": {"address": "inet:nowhere"}})
    p = ferry.command("check")
    assert p.returncode == 78 and "milters.hold.address" in p.stderr, p.stderr

tap.done()
