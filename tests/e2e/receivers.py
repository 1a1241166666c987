"""Several receivers on the same sockets: limits of a client address hold for all of them. No store is needed."""

import os
import signal
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, kill_each, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

SESSIONS = 3

tap = Tap(300)
area = Area("several")
ferry = Ferry(area, None, port=9, config={
    "receivers": 2, "accounts": {"office": {"rules": None}},
    "limits": {"sessions_per_address": SESSIONS, "message_size": "200K", "unaccepted_per_address": "300K",
               "unaccepted": "1M"}})
tap.logs.append(ferry.logs)
ferry.start()


def receivers():
    return sorted(p for p, line in ferry.children().items() if "mailferry-receiver" in line.split(" ")[0])


class Only:
    """Within, new sessions are ONE's, as all others sleep."""

    def __init__(self, one):
        self.others = [p for p in receivers() if p != one]

    def __enter__(self):
        kill_each(self.others, signal.SIGSTOP)  # one that was replaced may leave just now

    def __exit__(self, *_):
        kill_each(self.others, signal.SIGCONT)


def enter():
    """A session, or the refusal."""
    c = Client(ferry.smtp)
    code, text = c.reply()
    if code != 220:
        c.close()
        return text
    return c


def leave(sessions):
    """Returns when nobody counts them any longer. One that is only closed counts until its receiver looks, which may sleep by then."""
    for c in sessions:
        c.command("QUIT", 221)
    for c in sessions:
        assert c.read_to_end() == b""
        c.close()


def full():
    """The next one is refused, whoever takes it."""
    for one in receivers():
        with Only(one):
            c = enter()
            assert isinstance(c, str) and c.startswith("421 4.7.0") and "from your address" in c, c


def free(n):
    """So many may come, and go again."""
    def all_come():
        got = [enter() for _ in range(n)]
        come = [c for c in got if not isinstance(c, str)]
        leave(come)
        return len(come) == n
    wait_for("room for %d sessions" % n, all_come)


def under_way(c):
    """Octets that C has sent and its receiver has not read."""
    ends = {"%04X" % port for port in (ferry.smtp, c.sock.getsockname()[1])}
    with open("/proc/net/tcp") as f:
        lines = [line.split() for line in f]
    return sum(int(n, 16) for line in lines[1:] if {end.rpartition(":")[2] for end in line[1:3]} == ends
               for n in line[4].split(":"))


wait_for("two receivers", lambda: len(receivers()) == 2)
free(SESSIONS)

with tap.case("sessions of one address, all at one receiver, count at the other, too; one less, and there is room"):
    for one in receivers():
        with Only(one):
            free(SESSIONS)
            held = [enter() for _ in range(SESSIONS)]
            assert not [c for c in held if isinstance(c, str)], held
        full()
        held.pop().close()
        free(1)
        leave(held)
        free(SESSIONS)

with tap.case("some at each: the sum counts"):
    first, second = receivers()
    with Only(first):
        held = [enter() for _ in range(SESSIONS - 1)]
    with Only(second):
        held.append(enter())
    assert not [c for c in held if isinstance(c, str)], held
    full()

with tap.case("a receiver that is killed takes its sessions with it, and no more"):
    os.kill(first, signal.SIGKILL)
    wait_for("another in its place", lambda: len(receivers()) == 2 and first not in receivers())
    free(SESSIONS - 1)
    with Only(second):
        more = [enter() for _ in range(SESSIONS - 1)]
    assert not [c for c in more if isinstance(c, str)], more
    full()
    for c in held + more:
        c.close()  # some of them have nobody who could answer
    free(SESSIONS)

with tap.case("sessions of receivers that were replaced count until they end"):
    before = receivers()
    held = [enter() for _ in range(SESSIONS)]
    for c in held:
        c.command("EHLO x", 250)
        c.command("MAIL FROM:<a@b.example>", 250)
    ferry.reload()
    wait_for("new receivers", lambda: len(set(receivers()) - set(before)) == 2)
    for one in sorted(set(receivers()) - set(before)):
        with Only(one):
            c = enter()
            assert isinstance(c, str) and "from your address" in c, c
    leave(held)
    wait_for("the old ones to leave", lambda: not set(receivers()) & set(before))
    free(SESSIONS)

with tap.case("octets under way from one address count at the other, too"):
    first, second = receivers()
    half = message("<half@x>", size=190000)
    with Only(first):
        a = enter()
    with Only(second):
        b = enter()
    a.command("EHLO x", 250)
    b.command("EHLO x", 250)
    one = Item("<half@x>", "a@office.example", half)
    a.mail(one)
    a.send(one.wire[:-10])
    # Of two that come at once either may be the one that is too much: this must not.
    wait_for("it to be read", lambda: under_way(a) == 0)
    other = Item("<other@x>", "a@office.example", message("<other@x>", size=180000))
    try:
        b.deliver(other)
        raise AssertionError("both were taken")
    except Refused as e:
        assert e.code == 452 and "4.3.1" in e.text, e.text
    a.send(one.wire[-10:])
    a.expect(250)
    b.deliver(Item("<after@x>", "a@office.example", message("<after@x>", size=180000)))
    leave([a, b])

with tap.case("what a receiver that was broken into wrote in the place of none is over with it"):
    if os.geteuid() != 0:
        raise Skip("only root sees what the supervisor has open")
    directory = "/proc/%d/fd" % ferry.process.pid
    table = [fd for fd in os.listdir(directory)
             if os.readlink(os.path.join(directory, fd)).startswith("/memfd:mailferry-tally")]
    assert len(table) == 1, table
    with open(os.path.join(directory, table[0]), "r+b", buffering=0) as f:
        # seeds, and of each place whether somebody has it and its octets under way
        assert os.pwrite(f.fileno(), struct.pack("=QQ", 1, 1 << 62), 2 * 8 + 127 * 16) == 16

    def mail():
        c = enter()
        assert not isinstance(c, str), c
        c.command("EHLO x", 250)
        code, text = c.command("MAIL FROM:<a@b.example>")
        leave([c])
        return code, text
    for _ in range(4):
        assert mail()[0] == 452, mail()
    gone = receivers()[0]
    os.kill(gone, signal.SIGKILL)
    wait_for("another in its place", lambda: len(receivers()) == 2 and gone not in receivers())
    assert mail()[0] == 250, mail()
    assert "event=tally-tampered place=127" in ferry.log_text(), ferry.logs()

assert ferry.stop() == 0
tap.done()
