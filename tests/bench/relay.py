"""
The relay part: messages a second out of a full queue through the relay, into a
sink that keeps nothing, on loopback and with the sink 50 ms away, with PIPELINING
and without. Each is a message of its own to one recipient, over one connection.
"""

import os
import re
import statistics
import time

from bench.clients import own_run
from bench.filing import connections, cpu_of, settled
from bench.load import Sink
from bench.mails import Mails
from bench.report import missed, say
from bench.store import LongLine
from lib.area import free_port, wait_for
from lib.ferry import Ferry

MESSAGES = {"loopback": 1000, "50ms": 100}
ONE_WAY_MS = 25
SESSIONS = 20
# name, words of the sink
OFFERS = (("pipelining", ("pipelining",)), ("without", ()))
chosen = {"lines": ["loopback", "50ms"], "rounds": 3}


def relay_words(words):
    """Narrows what `relay` measures; returns the words that mean nothing."""
    lines = [w for w in words if w in chosen["lines"]]
    chosen["lines"] = lines or chosen["lines"]
    wrong = []
    for w in words:
        if re.fullmatch("rounds=[1-9][0-9]*", w):
            chosen["rounds"] = int(w[7:])
        elif w not in lines:
            wrong.append(w)
    return wrong


def _run(area, mails, count, port, serial):
    """All mail waits for a relay that is away. The clock runs from the first connection, when it is back."""
    ferry = Ferry(area, None, name="relay-%d" % serial, port=free_port(), config={
        "relay": {"host": "127.0.0.1", "port": free_port(), "tls": "none", "retry_min": "1h", "retry_max": "1h"},
        "relay_for": {"lan": {"networks": ["127.0.0.0/8"], "senders": ["@example.org"], "daily": 1000000}},
        "accounts": {"office": {"rules": None}}}).start()
    try:
        own_run(area, "feed", ferry.smtp, mails.file, count, "customer@example.net", SESSIONS)
        time.sleep(0.3)
        os.sync()
        ferry.save(relay={"port": port})
        cpu, before = cpu_of(ferry), connections(port)
        ferry.reload()
        wait_for("mailferry's connection to the relay", lambda: connections(port) > before, 30, every=0.002)
        return settled(ferry, count, time.time(), cpu, "relayed", "mailferry-relay")
    finally:
        ferry.kill()


def _case(area, line, mails):
    count = MESSAGES[line]
    say("Relay, %d messages of 8 KB, %s" % (count, "loopback" if line == "loopback" else
                                            "%d ms there and back" % (2 * ONE_WAY_MS)))
    say("%-16s %8s %15s %9s %9s" % ("", "a second", "least - most", "CPU/1,000", "peak MB"))
    for name, words in OFFERS:
        figures = []
        sink = Sink(area, *words)
        far = LongLine(area, sink.port, ONE_WAY_MS) if line != "loopback" else None
        for n in range(chosen["rounds"]):
            try:
                figures.append(_run(area, mails, count, far.port if far else sink.port, time.monotonic_ns()))
            except (RuntimeError, OSError, AssertionError) as e:
                missed.append("relay, %s, %s: %s" % (line, name, e))
                break
        if far:
            far.stop()
        sink.stop()
        if not figures:
            continue
        rates, peaks = [f.rate for f in figures], [f.peak for f in figures if f.peak]
        say("%-16s %8.0f %7.0f-%-7.0f %9.2f %9s" % (
            name, statistics.median(rates), min(rates), max(rates),
            statistics.median(1000 * f.cpu / f.messages for f in figures),
            "%.1f" % (max(peaks) / 1024) if peaks else "-"))
    say()


def relay(area):
    mails = Mails(area, "8K", max(MESSAGES.values()))
    for line in chosen["lines"]:
        _case(area, line, mails)
