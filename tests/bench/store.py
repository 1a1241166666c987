"""
The store part: messages a second filed into Dovecot, by mailferry and by others,
in turns, on loopback and over a long line, with MULTIAPPEND and without.
"""

import os
import re
import socket
import statistics
import threading
import time

from bench.clients import bare, fdm, mbsync, own_program
from bench.filing import queued, whole_way
from bench.mails import Mails
from bench.report import missed, say
from lib.area import answers, find_program, free_port, wait_for
from lib.dovecot import Dovecot

MESSAGES = 2000
SLOW = 200  # who waits for each answer on a long line gets so many
GOAL = 0.9
PACKAGES = {"mbsync": "isync", "fdm": "fdm"}
DELAY_MS = 25
# Dovecot's own list without MULTIAPPEND, as it stands after login.
PLAIN = "imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS NAMESPACE CHILDREN ESEARCH LIST-EXTENDED " \
    "LIST-STATUS SPECIAL-USE\n"

chosen = {"lines": ["loopback", "25ms"], "loads": ["8K", "mix"], "stores": ["multiappend", "plain"], "rounds": 3,
          "goal": False}


def store_words(words):
    """Narrows what `store` measures; returns the words that mean nothing."""
    wrong = []
    for key in ("lines", "loads", "stores"):
        named = [w for w in words if w in chosen[key]]
        words = [w for w in words if w not in named]
        chosen[key] = named or chosen[key]
    for w in words:
        if re.fullmatch("rounds=[1-9][0-9]*", w):
            chosen["rounds"] = int(w[7:])
        elif w == "goal":
            chosen["goal"] = True
        else:
            wrong.append(w)
    return wrong


FLOOR = {"multiappend": "bare, MULTIAPPEND of 100", "plain": "bare, pipelined, 128"}
MAILFERRY = "mailferry, queued"
# name, what runs it, does it wait for each answer, with which stores, which program it needs
CLIENTS = (
    ("bare, one by one", bare("one"), True, ("multiappend", "plain"), None),
    ("bare, pipelined, 128", bare("window", 128), False, ("multiappend", "plain"), None),
    ("bare, MULTIAPPEND of 100", bare("batch", 100), False, ("multiappend",), None),
    (MAILFERRY, queued(), False, ("multiappend", "plain"), None),
    ("mailferry, from SMTP", whole_way(), False, ("multiappend", "plain"), None),
    ("mbsync", mbsync, False, ("multiappend",), "mbsync"),
    ("fdm", fdm, True, ("multiappend",), "fdm"),
)


def _measured(area, dovecot, mails, count, port, run, folder):
    """One run into a folder of its own, which has to hold everything afterwards."""
    m = dovecot.connect()
    m.create(folder)
    os.sync()
    figure = run(area, mails, count, port, folder)
    status, data = m.status(folder, "(MESSAGES)")
    have = int(data[0].rstrip(b")").split()[-1])
    m.delete(folder)
    m.logout()
    if have != count:
        raise RuntimeError("%d of %d messages are in the folder" % (have, count))
    return figure


def _ratio(figures, floor):
    """Each round's rate by that of the floor in the same round, as the machine may be slower in the next; the median."""
    ratios = [figures[n].rate / floor[n].rate for n in figures if n in floor]
    return statistics.median(ratios) if ratios else None


def _show(name, figures, floor, note):
    ratio, all_of_it = _ratio(figures, floor), figures.values()
    rates = [f.rate for f in all_of_it]
    peaks = [f.peak for f in all_of_it if f.peak]
    say("%-26s %8.0f %7.0f-%-7.0f %7s %9.2f %9s  %s" % (
        name, statistics.median(rates), min(rates), max(rates), "%.2f" % ratio if ratio else "-",
        statistics.median(1000 * f.cpu / f.messages for f in all_of_it),
        "%.1f" % (max(peaks) / 1024) if peaks else "-", note))


def _case(area, dovecot, kind, line, mails, port):
    say("%s, %d messages %s (%.0f MB), %s" % (
        "Dovecot" if kind == "multiappend" else "Dovecot without MULTIAPPEND", mails.count,
        "of 8 KB" if mails.name == "8K" else "of 2 KB to 5 MB", mails.bytes / 1e6,
        "loopback" if line == "loopback" else "%d ms each way" % DELAY_MS))
    say("%-26s %8s %15s %7s %9s %9s" % ("", "a second", "least - most", "/ floor", "CPU/1,000", "peak MB"))
    got = {}
    for n in range(chosen["rounds"]):
        for name, run, waits, kinds, program in CLIENTS:
            in_goal = name in (FLOOR[kind], MAILFERRY)
            if kind not in kinds or (not in_goal and (n > 0 or chosen["goal"])):
                continue
            count = SLOW if waits and line != "loopback" else mails.count
            try:
                if program and not find_program(program):
                    raise RuntimeError("%s is missing. On Debian: apt-get install %s" % (program, PACKAGES[program]))
                figure = _measured(area, dovecot, mails, count, port, run, "B%d" % time.monotonic_ns())
                got.setdefault(name, {})[n] = figure
            except (RuntimeError, OSError, AssertionError) as e:
                text = "store, %s, %s, %s: %s: %s" % (kind, mails.name, line, name, e)
                missed.append(text) if text not in missed else None
    floor = got.get(FLOOR[kind], {})
    for name, _, waits, _, _ in CLIENTS:
        if name in got:
            _show(name, got[name], floor, "first %d" % SLOW if waits and line != "loopback" else "")
    ratio = _ratio(got.get(MAILFERRY, {}), floor)
    if ratio:
        say("mailferry's goal, %.2f of \"%s\": %s" % (GOAL, FLOOR[kind], "reached" if ratio >= GOAL else "missed"))
    say()


class LongLine:
    """The delay proxy before a store."""

    def __init__(self, area, target, ms=DELAY_MS):
        self.area = area
        self.port = free_port()
        self.process = area.start([own_program(area, "delay"), str(self.port), str(target), str(ms)], log="delay.log")
        wait_for("the delay proxy", lambda: answers(self.port, greeting=False), 30)

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            return sum(map(int, f.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.area.kill(self.process)


def _flood(port, size):
    with socket.create_connection(("127.0.0.1", port)) as s:
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)


def _drain(listener):
    s, _ = listener.accept()
    room = bytearray(1 << 20)
    while s.recv_into(room):
        pass
    s.close()


def _line_cost(area):
    """What the delay proxy itself costs: the time that it really delays, and how much it carries."""
    size = 512 << 20
    listener = socket.create_server(("127.0.0.1", free_port()), backlog=16)
    line = LongLine(area, listener.getsockname()[1])
    listener.accept()[0].close()  # from the look whether it is there
    try:
        s = socket.create_connection(("127.0.0.1", line.port))
        far, _ = listener.accept()
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips = []
        for _ in range(40):
            began = time.monotonic()
            s.sendall(b"x")
            far.sendall(far.recv(1))
            s.recv(1)
            trips.append(1000 * (time.monotonic() - began))
        s.close()
        far.close()
        sink = threading.Thread(target=_drain, args=(listener,), daemon=True)
        sink.start()
        cpu, began = line.cpu(), time.monotonic()
        _flood(line.port, size)
        seconds = time.monotonic() - began
        say("The long line itself: %.1f ms there and back (median of 40), carries %.0f MB/s, %.2f s of CPU a GB\n" % (
            statistics.median(trips[1:]), size / seconds / 1e6, (line.cpu() - cpu) * 1e9 / size))
    finally:
        line.stop()
        listener.close()


def store(area):
    say("Filing into Dovecot (mail_fsync = optimized, as Debian has it; Maildir), medians of %d rounds in turns for mailferry and"
        % chosen["rounds"])
    say("what it is held against (the floor), one for the others. / floor: median of each round's ratio.")
    say("bare: the bench's own clients in C, mails in memory, no spool, no rules, no record. mailferry, queued: all mail")
    say("waits in the spool, sorted by rules; from the first connection to the store until the last one is settled.")
    say("mailferry, from SMTP: %d sessions bring it in meanwhile. mbsync pushes a Maildir, fdm fetches from one." % 20)
    say("CPU/1,000: seconds of CPU that 1,000 messages cost the client (all of its processes). peak: of the store process.\n")
    loads = [Mails(area, name, MESSAGES) for name in chosen["loads"]]
    if "25ms" in chosen["lines"]:
        _line_cost(area)
    for kind in chosen["stores"]:
        dovecot = Dovecot(area, name=kind, extra="" if kind == "multiappend" else PLAIN)
        dovecot.start()
        for where in chosen["lines"]:
            line = LongLine(area, dovecot.port) if where == "25ms" else None
            for mails in loads:
                _case(area, dovecot, kind, where, mails, line.port if line else dovecot.port)
            if line:
                line.stop()
        dovecot.stop()
