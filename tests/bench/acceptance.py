"""Durable acceptance beside Postfix, and beside sinks that keep nothing."""

from bench.load import Sink, authority, ferry, load
from bench.postfix import Postfix
from bench.report import goal, missed, say
from lib.area import answers, free_port, wait_for

SECONDS = 2
SIZES = {"8K": 8192, "100K": 100000}
GOAL_POSTFIX, GOAL_SINK, GOAL_SESSIONS = 8, 0.7, 20
chosen = {"wires": ["plain", "starttls"], "sizes": list(SIZES), "sessions": ["1", "20", "50", "200"],
          "connections": ["new", "reused"]}


def acceptance_words(words):
    """Narrows what `acceptance` measures; returns the words that mean nothing."""
    wrong = list(words)
    for key in chosen:
        named = [w for w in words if w in chosen[key]]
        wrong = [w for w in wrong if w not in named]
        chosen[key] = named or chosen[key]
    return wrong


class SmtpSink:
    """Postfix's own; it has no TLS."""

    def __init__(self, area):
        self.area = area
        program, env = area.tool("smtp-sink")
        if not program:
            raise RuntimeError("smtp-sink is missing (scripts/check fetches it)")
        self.port = free_port()
        self.process = area.start([program, "127.0.0.1:%d" % self.port, "1000"], log="sink.log", env=env)
        wait_for("smtp-sink", lambda: answers(self.port), 30)

    def stop(self):
        self.area.kill(self.process)


class Mailferry:
    """The store is away, so that this is acceptance alone."""

    def __init__(self, area):
        self.ferry = ferry(area, "accept")
        self.port = self.ferry.smtp

    def stop(self):
        self.ferry.kill()


def start_all(area):
    peers = {}
    for name, make in (("mailferry", Mailferry), ("Postfix", lambda a: Postfix(a, authority(a))),
                       ("smtp-sink", SmtpSink), ("own sink", Sink)):
        try:
            peers[name] = make(area)
        except (RuntimeError, OSError, AssertionError) as e:
            missed.append("acceptance of %s: %s" % (name, e))
    return peers


def rate(area, peer, sessions, octets, words):
    """A short run, which warms up and tells how many messages will take SECONDS, and then those."""
    least = 20 + 2 * sessions
    guess = load(area, peer.port, sessions, least, octets, *words)["rate"]
    return load(area, peer.port, sessions, max(least, int(guess * SECONDS)), octets, *words)["rate"]


def cases():
    for wire in chosen["wires"]:
        for size in chosen["sizes"]:
            for connection in chosen["connections"]:
                for sessions in chosen["sessions"]:
                    yield wire, size, connection, int(sessions)


def row(peers, area, wire, size, connection, sessions):
    words = (["tls"] if wire == "starttls" else []) + (["reused"] if connection == "reused" else [])
    sink = "own sink" if wire == "starttls" else "smtp-sink"
    got = {}
    for name in ("mailferry", "Postfix", sink):
        if name in peers:
            try:
                got["sink" if name == sink else name] = rate(area, peers[name], sessions, SIZES[size], words)
            except (RuntimeError, OSError) as e:
                missed.append("acceptance of %s, %s, %s, %d sessions: %s" % (name, wire, size, sessions, e))
    what = "%-8s %4s %-6s %3d session%s" % (wire, size, connection, sessions, "s" if sessions > 1 else " ")

    def ratio(other, wanted):
        if "mailferry" not in got or other not in got:
            return "-"
        r = got["mailferry"] / got[other]
        return "%.2f%s" % (r, goal(what + ", beside " + other, r, wanted) if sessions >= GOAL_SESSIONS else "")
    say("%-34s %10s %10s %10s %12s %12s" % (what, *("%.0f" % got[n] if n in got else "-"
                                                   for n in ("mailferry", "Postfix", "sink")),
                                            ratio("Postfix", GOAL_POSTFIX), ratio("sink", GOAL_SINK)))


def acceptance(area):
    say("Durable acceptance: messages a second, each counted when its 250 was read; each command after the reply before it")
    say("mailferry: synced into its spool, store away. Postfix: synced into its queue, transport discard.")
    say("sink: keeps nothing, what the load generator and loopback can do at most; plain: smtp-sink, with STARTTLS one of")
    say("our own, as smtp-sink has no TLS. TLS sessions of new connections are resumed.")
    say("Goals from %d sessions on: %d times Postfix, %.0f %% of the sink; * is a miss.\n" % (
        GOAL_SESSIONS, GOAL_POSTFIX, 100 * GOAL_SINK))
    peers = start_all(area)
    say("%-34s %10s %10s %10s %12s %12s" % ("", "mailferry", "Postfix", "sink", "/ Postfix", "/ sink"))
    try:
        for case in cases():
            row(peers, area, *case)
    finally:
        for peer in peers.values():
            peer.stop()
