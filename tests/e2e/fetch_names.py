"""
POP3 servers without UIDLs, with bad ones, and with others than before: whatever
a server makes of names and counts, no message comes twice and none is missed.
All at once, each its own source of one daemon.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.drain import Journey, message, source  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.pop3_store import Pop3Store  # noqa: E402

MESSAGES, RUNS = 16, 3
NAMELESS = {"capabilities": ("TOP", "PIPELINING", "USER"), "uidl_lines": None}
tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("names")


def empty(lines):
    return [line.split()[0] for line in lines]


def half(lines):
    return [line if i % 2 else line.split()[0] for i, line in enumerate(lines)]


def same(lines):
    return ["%s same" % line.split()[0] for line in lines]


# What may happen between two runs.
def nothing(server, prefix):
    pass


def others(server, prefix):
    server.order = [("new-%d" % i, content) for i, (_, content) in enumerate(server.order)]


def shift(server, prefix):
    server.order = server.order[5:] + [("more", message(100, prefix))]


def twin(server, prefix):
    server.order.append(server.order[3])


def lose(server, prefix):
    server.uidl_lines = empty


def lose_half(server, prefix):
    server.uidl_lines = half


def find(server, prefix):
    server.uidl_lines = lambda lines: lines


# name: (switches, what happens, how many messages have come at last)
CASES = {
    "no-uidl": (NAMELESS, nothing, MESSAGES),
    "no-extensions": ({"capabilities": None, "uidl_lines": None}, nothing, MESSAGES),
    "no-top": ({"capabilities": None, "uidl_lines": None, "top": False}, nothing, MESSAGES),
    "empty": ({"uidl_lines": empty}, nothing, MESSAGES),
    "half-empty": ({"uidl_lines": half}, nothing, MESSAGES),
    "all-the-same": ({"uidl_lines": same}, nothing, MESSAGES),
    "stat": ({"stat": (99, 1)}, nothing, MESSAGES),
    "stat-no-uidl": (dict(NAMELESS, stat=(99, 1)), nothing, MESSAGES),
    "others": ({}, others, MESSAGES),
    "others-stat": ({"stat": (99, 1)}, others, MESSAGES),
    "shift": ({}, shift, MESSAGES + 1),
    "shift-no-uidl": (NAMELESS, shift, MESSAGES + 1),
    "twin": ({}, twin, MESSAGES + 1),
    "twin-no-uidl": (NAMELESS, twin, MESSAGES + 1),
    "lost": ({}, lose, MESSAGES),
    "lost-half": ({}, lose_half, MESSAGES),
    "found": ({"uidl_lines": half}, find, MESSAGES),
}

servers = {name: Pop3Store([message(i, b"%s." % name.encode()) for i in range(MESSAGES)], user="old", **switches)
           for name, (switches, _, _) in CASES.items()}
with tap.case("no message comes twice, and none is missed"):
    journey = Journey(tap, area, "ferry", {name: source(server.port) for name, server in servers.items()})

    def have():
        ids = {name: [] for name in CASES}
        for messages in journey.store.messages().values():
            for m in messages:
                ids[m.id[1:].split(".")[0]].append(m.id)
        return ids

    def all_ran(since):
        return all(server.logins >= since[name] + RUNS for name, server in servers.items())

    wait_for("all of them", lambda: all(len(v) >= MESSAGES for v in have().values()), 240, 0.5)
    for name, (_, happens, _) in CASES.items():
        happens(servers[name], b"%s." % name.encode())
    logins = {name: server.logins for name, server in servers.items()}
    wait_for("further runs of each", lambda: all_ran(logins), 240)
    journey.ferry.drained()
    ids = have()
    wrong = {name: len(ids[name]) for name, (_, _, n) in CASES.items() if len(ids[name]) != n}
    assert not wrong, wrong
    for name, (_, happens, _) in CASES.items():
        assert happens is twin or len(set(ids[name])) == len(ids[name]), (name, ids[name])
    assert not any(server.failures for server in servers.values())
    journey.end()

tap.done()
