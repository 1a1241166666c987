"""
A daemon with twenty-one POP3 sources that lie, break their protocol, fall silent or
flood, all at once, beside an honest one: its mail arrives, the daemon stays
whole, no fetcher grows, and `mailferry status` tells of each what is wrong.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import silent_listener  # noqa: E402
from lib.drain import Journey, message, source  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.pop3_script import Script, login  # noqa: E402
from peers.pop3_store import Pop3Store, stuffed  # noqa: E402

MEMORY = 60000  # kilobytes, of a fetcher
tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("hostile")


def some(n, prefix):
    return [message(i, prefix) for i in range(n)]


def after_login(*steps):
    return Script(*login(), ("expect", "CAPA"), ("send", "-ERR"), ("expect", "STAT"), ("send", "+OK 1 1"),
                  ("expect", "LIST"), *steps)


def mail_of(name, n=8):
    return some(n, b"%s." % name.encode())


def store(name, **switches):
    return Pop3Store(mail_of(name), user="old", **switches)


listener, silent = silent_listener()
# name: (server, words that status must have of it or None, how many of its eight messages arrive)
SOURCES = {
    "silent": (silent, "did not answer in time", 0),
    "imap": (Script(("send", "* OK IMAP4rev1 ready"), ("stall", 60)), "does not greet as a POP3 server does", 0),
    "garbage": (Script(("garbage", 5000), ("stall", 60)), "garbage", 0),
    "greeting-endless": (Script(("flood", b"+OK hello " * 1000, 10000)), "a line without an end", 0),
    "capa-endless": (Script(("send", "+OK"), ("expect", "CAPA"), ("send", "+OK"), ("flood", b"NONSENSE\r\n" * 1000, 100000)),
                     "more capabilities than can be", 0),
    "list-endless": (after_login(("send", "+OK"), ("flood", b"".join(b"%d 100\r\n" % i for i in range(1, 20000)), 1000)),
                     "lists more messages than can be", 0),
    "list-line": (after_login(("send", "+OK"), ("flood", b"1 " + b"9" * 65536, 100000)), "a line without an end", 0),
    "list-refused": (after_login(("send", "-ERR [SYS/TEMP] disk trouble"), ("stall", 60)), "disk trouble", 0),
    "closes": (Script(("send", "+OK"), ("expect", "CAPA"), ("close",)), "closed the connection", 0),
    "password": (store("password", login_error="[AUTH] no such user"), "refuses the password of old", 0),
    "locked": (store("locked", login_error="[IN-USE] locked"), "in use elsewhere", 0),
    "often": (store("often", login_error="[LOGIN-DELAY 600] not so often"), "not so often", 0),
    "endless": (store("endless", endless={8: b"more and more\r\n" * 5000}), "longer than the limit", 7),
    "endless-line": (store("endless-line", endless={8: b"x" * 65536}), "longer than the limit", 7),
    "announced": (store("announced", sizes={8: 3 << 30}), None, 7),
    "twice": (store("twice", raw={4: b"+OK\r\n" + stuffed(mail_of("twice")[3]) + b"+OK\r\n"}), None, 8),
    "junk": (store("junk", raw={8: b"+OK\r\n" + stuffed(mail_of("junk")[7]) + b"debug: 17\r\n"}), None, 8),
    "refused": (store("refused", refuse={8: "[SYS/PERM] that one is broken"}), None, 7),
    "numbers": (store("numbers", stat=(10 ** 20, -1), list_lines=lambda l: ["0 1", "-1 1", "4294967296 1"] + l[::-1] + l,
                      uidl_lines=lambda l: l[::-1] + ["9 x", "-9 y"]), None, 8),
    "uidls": (store("uidls", uidl_lines=lambda l: ["%s same" % x.split()[0] for x in l]), None, 8),
    "drips": (store("drips", drip=0.5), "did not answer in time", 0),
}

with tap.case("twenty-one hostile sources and an honest one"):
    good = Pop3Store(some(30, b"good."), user="old")
    sources = {name: source(server if isinstance(server, int) else server.port, timeout="6s", deadline="100s", every="5s")
               for name, (server, _, _) in SOURCES.items()}
    sources["good"] = source(good.port)
    # What has no end is known by its length, before its run is over in any case.
    journey = Journey(tap, area, "ferry", sources, message_size="6M")
    largest = {}

    def watch():
        for pid in journey.fetchers():
            try:
                with open("/proc/%d/status" % pid) as f:
                    text = f.read()
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    name = f.read().replace(b"\0", b" ").decode()
            except OSError:
                continue
            peak = [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")]
            largest[name] = max(peak + [largest.get(name, 0)])

    def arrived():
        watch()
        ids = {}
        for messages in journey.store.messages().values():
            for m in messages:
                name = m.id[1:].split(".")[0]
                ids.setdefault(name, []).append(m.id)
        return ids

    def status():
        watch()
        return {row["source"]: row for row in journey.ferry.rows("status") if "source" in row}

    begin = time.monotonic()
    wait_for("the honest one's mail", lambda: len(arrived().get("good", [])) == 30, 240)
    tap.diag("the honest one's mail was there after %.1f s" % (time.monotonic() - begin))
    wait_for("what the others have", lambda: all(
        n is None or len(arrived().get(name, [])) >= n for name, (_, _, n) in SOURCES.items()), 240, 1)
    missing = dict(SOURCES)

    def all_told():
        rows = status()
        ends = [line for line in journey.ferry.log_text().splitlines() if "event=fetch-ended " in line]
        for name in list(missing):
            _, words, n = missing[name]
            if n and words:
                # The status of one run: the next may leave that message alone for a while, and have nothing to tell.
                found = any("source=%s " % name in line and words in line for line in ends)
            else:
                found = words is None or (name in rows and words in str(rows[name]))
            if found or (words == "garbage" and rows[name]["last_run"]):
                del missing[name]
        return not missing
    try:
        wait_for("status to tell what is wrong", all_told, 240, 1)
    except AssertionError as e:
        rows = status()
        raise AssertionError("%s of %s" % (e, {name: rows.get(name) for name in missing}))
    ids = arrived()
    for name, (_, _, n) in SOURCES.items():
        have = ids.get(name, [])
        assert len(have) == len(set(have)), (name, sorted(have))
        assert n is None or len(have) == n, (name, len(have))
    assert len(ids["good"]) == len(set(ids["good"])) == 30
    tap.diag("the largest fetcher had %d MB" % (max(largest.values()) // 1024))
    assert max(largest.values()) < MEMORY, largest
    journey.end()
listener.close()

tap.done()
