"""
POP3 servers that lie, break their protocol or fall silent: a session with each
ends in bounded time and memory, gives out nothing that is not a message, and
says why in plain words. At the level of the driver, by tests/peers/popper.
"""

import base64
import errno
import hashlib
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import Authority, silent_listener  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.pop3_run import Session  # noqa: E402
from peers.pop3_script import Script, listing, login  # noqa: E402
from peers.pop3_store import CAPABILITIES, Pop3Store, stuffed  # noqa: E402

tap = Tap(300)
area = Area("pop3")
MAIL = [b"Subject: %d\r\n\r\n.hidden\r\n..\r\n%s\r\n" % (i, b"x" * (i * 37)) for i in range(20)]
HASHES = {i + 1: hashlib.sha256(m).hexdigest() for i, m in enumerate(MAIL)}
MEMORY = 100000  # kilobytes that any session may have
if Session(Pop3Store(), "list", "quit").kilobytes > MEMORY // 4:
    MEMORY *= 20  # a sanitizer needs its own


def good(server, **options):
    """All twenty come, whole and right."""
    run = Session(server, "fetch", "all", "quit", **options)
    assert run.failed is None, run.why
    assert run.whole() == HASHES, run.ends[:3]
    assert run.left
    return run


def fails(server, *words, kind="protocol", code=None, acts=("fetch", "all", "quit"), **options):
    run = Session(server, *acts, **options)
    assert run.failed and run.kind == kind, "%s %s" % (run.failed, run.rows[-3:])
    assert code is None or run.failed["code"] == code, run.failed
    for word in words:
        assert word in run.why, run.why
    assert run.kilobytes < MEMORY, run.kilobytes
    assert "s3cret" not in run.why and "s3cret" not in run.log
    return run


# ---- honest ones ----
for window in (1, 2, 7, 1000):
    with tap.case("a window of %d" % window):
        good(Pop3Store(MAIL), window=window)
for chunk in (1, 2, 3, 1000):
    with tap.case("%d octets at a time" % chunk):
        good(Pop3Store(MAIL, chunk=chunk))
with tap.case("no extensions at all"):
    server = Pop3Store(MAIL, capabilities=None, uidl_lines=None)
    run = good(server)
    assert server.commands[:3] == ["CAPA", "USER office", "PASS s3cret"]
    assert all(i["name"] == "" for i in Session(server, "list", "quit").items)
with tap.case("commands are not sent ahead where the server does not say that it takes them"):
    server = Pop3Store(MAIL, capabilities=[c for c in CAPABILITIES if c != "PIPELINING"])
    good(server)
with tap.case("a server whose lines end with LF"):
    run = Session(Pop3Store(MAIL, line_end=b"\n"), "fetch", "all", "quit")
    assert run.left and run.whole() == {n: hashlib.sha256(m.replace(b"\r\n", b"\n")).hexdigest()
                                        for n, m in enumerate(MAIL, 1)}, run.ends[:2]
with tap.case("contents of every kind"):
    kinds = [b"", b"\r\n", b".\r\n", b"..\r\n.\r\n", b"a\0b\r\n", b"a\nb\n.\nc\r\n", b"a\rb\r\r\n.\r\n", b"\xff\xfe\r\n",
             b"x" * 300000 + b"\r\n", b".\r\n" * 50000, b"a\r\nb\n.\r\n+OK\r\nforged\r\n", b"no line end"]
    run = Session(Pop3Store(kinds), "fetch", "all", "quit")
    assert run.left and run.whole() == {n: hashlib.sha256(k if k.endswith(b"\r\n") or not k else k + b"\r\n").hexdigest()
                                        for n, k in enumerate(kinds, 1)}, run.ends
    assert run.the("act")["largest"] <= 65536
with tap.case("40 MB cost no memory"):
    big = [b"%076d\r\n" % i for i in range(250000)]
    big = [b"".join(big)] * 2
    run = Session(Pop3Store(big), "fetch", "all", "quit")
    assert run.left and len(run.whole()) == 2
    assert run.kilobytes < MEMORY, run.kilobytes
with tap.case("heads"):
    run = Session(Pop3Store(MAIL), "heads", "all", "quit")
    assert run.whole() == {n: hashlib.sha256(m.split(b"\r\n\r\n")[0] + b"\r\n\r\n").hexdigest()
                           for n, m in enumerate(MAIL, 1)}
with tap.case("heads without TOP: refused, and the session goes on"):
    for capabilities in ([c for c in CAPABILITIES if c != "TOP"], None):
        run = Session(Pop3Store(MAIL, capabilities=capabilities, top=False), "heads", 1, "fetch", 1, "quit")
        assert run.kind == "perm" and "TOP" in run.why, run.failed
        assert run.left and run.got[1]["got"] == "whole"
with tap.case("removal"):
    server = Pop3Store(MAIL)
    run = Session(server, "fetch", "all", "delete", 3, 5, 7, "quit")
    assert run.left and len(server.removed) == 3 and len(server.order) == 17
    assert server.order[2][1] == MAIL[3]
with tap.case("nothing is removed without QUIT"):
    server = Pop3Store(MAIL)
    Session(server, "delete", "all")
    assert server.order and not server.removed

# ---- lies of listings ----
LISTINGS = {
    "STAT counts too many": (dict(stat=(99, 1)), False),
    "STAT counts too few": (dict(stat=(3, 10 ** 30)), True),
    "STAT is no number": (dict(stat=(-1, -1)), True),
    "LIST in disorder": (dict(list_lines=lambda l: l[::-1]), True),
    "UIDL in disorder": (dict(uidl_lines=lambda l: l[::-1]), True),
    "doubled numbers": (dict(list_lines=lambda l: l + l[:5]), False),
    "numbers that are none": (dict(list_lines=lambda l: l + ["0 1", "-1 1", "4294967296 1", "99999999999999999999 1", "x",
                                                              "", " "]), False),
    "sizes that are none": (dict(list_lines=lambda l: ["%d -1" % n for n in range(1, 20)] +
                                 ["20 99999999999999999999999"]), True),
    "empty UIDLs": (dict(uidl_lines=lambda l: [x.split()[0] for x in l]), False),
    "UIDLs of 10,000 octets": (dict(uidl_lines=lambda l: [x + "u" * 10000 for x in l]), False),
    "UIDLs of 100,000 octets": (dict(uidl_lines=lambda l: [x + "u" * 100000 for x in l]), False),
    "UIDLs with blanks": (dict(uidl_lines=lambda l: [x + " and more" for x in l]), True),
    "one UIDL for all": (dict(uidl_lines=lambda l: ["%s same" % x.split()[0] for x in l]), True),
    "UIDLs of messages that are not there": (dict(uidl_lines=lambda l: l + ["77 x", "4294967295 y"]), False),
    "sizes that are wrong": (dict(sizes={n: (n * 7919) % 1000 for n in range(1, 21)}), True),
    "a size of nothing": (dict(sizes={n: 0 for n in range(1, 21)}), True),
}
for name, (switches, complete) in LISTINGS.items():
    with tap.case("listing: " + name):
        run = good(Pop3Store(MAIL, **switches))
        assert Session(Pop3Store(MAIL, **switches), "list", "quit").the("listed")["complete"] is complete
with tap.case("listing: gaps"):
    server = Pop3Store(MAIL, list_lines=lambda l: l[:5] + l[8:])
    run = Session(server, "list", "fetch", "all", "quit")
    assert run.left and run.the("listed")["complete"] is False
    assert run.whole() == {n: h for n, h in HASHES.items() if n not in (6, 7, 8)}
with tap.case("listing: UIDLs that are not there for all"):
    run = Session(Pop3Store(MAIL, uidl_lines=lambda l: l[::2]), "list", "quit")
    assert [i["name"] == "" for i in run.items] == [False, True] * 10 and run.the("listed")["complete"] is False
with tap.case("listing: ten million messages"):
    fails(Script(*login(), ("expect", "CAPA"), ("send", "-ERR"), ("expect", "STAT"), ("send", "+OK 1 1"),
                 ("expect", "LIST"), ("send", "+OK"),
                 ("flood", b"".join(b"%d 100\r\n" % i for i in range(1, 100000)), 100)),
          "lists more messages than can be")
with tap.case("listing: a line without an end"):
    fails(Script(*login(), ("expect", "CAPA"), ("send", "-ERR"), ("expect", "STAT"), ("send", "+OK 1 1"),
                 ("expect", "LIST"), ("send", "+OK"), ("flood", b"x" * 65536, 1000)), "a line without an end")
with tap.case("capabilities without an end"):
    fails(Script(("send", "+OK"), ("expect", "CAPA"), ("send", "+OK"), ("flood", b"CAPABILITY\r\n" * 1000, 1000)),
          "more capabilities than can be")
with tap.case("a greeting without an end"):
    fails(Script(("flood", b"+OK hello " * 1000, 100)), "a line without an end")

# ---- lies of messages ----
with tap.case("a message that is refused, one that has gone: others go on"):
    server = Pop3Store(MAIL, refuse={3: "[SYS/PERM] that one is broken", 5: "message deleted by another client"})
    run = Session(server, "fetch", "all", "quit")
    assert run.left and run.got[3]["got"] == "refused" and "broken" in run.got[3]["words"]
    assert run.got[5]["got"] == "vanished" and len(run.whole()) == 18
with tap.case("a message that is removed by somebody in the middle"):
    run = Session(Pop3Store(MAIL, expunge={15: 2}), "fetch", "all", "quit", window=3)
    assert run.left and run.got[15]["got"] == "vanished" and len(run.whole()) == 19
with tap.case("a message that was announced with 3 GB"):
    run = Session(Pop3Store(MAIL, sizes={4: 3 << 30}), "fetch", "all", "quit")
    assert run.left and run.got[4]["got"] == "refused" and len(run.whole()) == 19
with tap.case("a message that is longer than the limit, whatever was announced"):
    run = fails(Pop3Store(MAIL, endless={4: b"more and more\r\n" * 1000}), "message 4", "longer than the limit",
                max=50000000)
    assert run.got[4]["got"] == "refused" and sorted(run.whole()) == [1, 2, 3]
with tap.case("a message whose only line does not end"):
    run = fails(Pop3Store(MAIL, endless={4: b"x" * 100000}), "longer than the limit", max=50000000)
with tap.case("a message without an end, and then silence"):
    script = login() + listing([10, 10]) + (("expect", "RETR 1"), ("raw", b"+OK\r\nA: b\r\n\r\ntext"), ("stall", 60))
    run = fails(Script(*script), "did not answer in time", kind="temp", code=errno.ETIMEDOUT, timeout=3000)
    assert not run.ends
with tap.case("no line end before the dot"):
    script = login() + listing([10, 10]) + (("expect", "RETR 1"), ("raw", b"+OK\r\nA: b\r\n\r\nc.\r\n"), ("stall", 60))
    run = fails(Script(*script), "message 1", "does not end it with a line that holds only a dot", timeout=5000)
    assert run.got[1]["got"] == "refused"
with tap.case("a reply too many: no message gets the content of another"):
    run = fails(Pop3Store(MAIL, raw={4: b"+OK\r\n" + stuffed(MAIL[3]) + b"+OK again\r\n"}), "a reply where message 5")
    assert run.whole() == {n: HASHES[n] for n in (1, 2, 3, 4)}
with tap.case("junk between two messages"):
    run = fails(Pop3Store(MAIL, raw={4: b"+OK\r\n" + stuffed(MAIL[3]) + b"debug: 17\r\n"}), "debug: 17",
                "where a reply of POP3 belongs")
    assert run.whole() == {n: HASHES[n] for n in (1, 2, 3, 4)}
with tap.case("who takes the message wants no more"):
    run = Session(Pop3Store(MAIL), "fetch", "all", "quit", stop=300)
    assert run.kind == "limit"

# ---- the end ----
with tap.case("QUIT that fails, that is not answered, that is answered at length"):
    server = Pop3Store(MAIL, quit="err")
    run = Session(server, "delete", 1, "quit")
    assert not run.left and "may still be there" in run.why and run.kind == "temp"
    run = Session(Pop3Store(MAIL, quit="silent"), "delete", 1, "quit", timeout=1000)
    assert not run.left and run.failed["code"] == errno.ETIMEDOUT
    assert Session(Pop3Store(MAIL, quit="more"), "delete", 1, "quit").left
with tap.case("DELE that is refused"):
    server = Pop3Store(MAIL, refuse_dele={2: "not that one"})
    run = Session(server, "delete", 1, 2, 3, "quit")
    assert run.left and run.the("act")["refused"] == "message 2: not that one" and len(server.removed) == 2

# ---- time ----
with tap.case("silence"):
    listener, port = silent_listener()
    fails(port, "did not answer in time", kind="temp", code=errno.ETIMEDOUT, timeout=1000)
    listener.close()
with tap.case("one octet at a time hits the timeout of the command"):
    fails(Pop3Store(MAIL, drip=0.05), "did not answer in time", kind="temp", code=errno.ETIMEDOUT, timeout=1500)
with tap.case("one octet at a time hits the deadline of the source"):
    fails(Pop3Store(MAIL, drip=0.02), "deadline of source old", kind="temp", code=errno.ETIMEDOUT, timeout=60000,
          deadline=2000)
with tap.case("a slow server that gets on is not late"):
    # It may be held up itself for some seconds, between two of its pieces.
    server = Pop3Store([b"x" * 1600000 + b"\r\n"], chunk=40000, pause=0.4)
    run = Session(server, "fetch", "all", "quit", timeout=8000)
    assert run.left and len(run.whole()) == 1 and run.the("act")["ms"] > 12000, run.rows
with tap.case("the server goes away after any number of octets: what was whole is whole"):
    for after in list(range(1, 400, 23)) + [1000, 2000, 3000, 5000]:
        run = Session(Pop3Store(MAIL, close_after=after), "fetch", "all", "quit")
        assert not run.left and run.kind == "temp", (after, run.failed)
        assert all(HASHES[n] == h for n, h in run.whole().items())

# ---- logging in ----
for error, kind, code, words in (
        ("[AUTH] no", "config", 0, "refuses the password of office: \"[AUTH] no\""),
        ("[IN-USE] locked", "temp", errno.EBUSY, "while the mailbox is in use elsewhere"),
        ("[SYS/TEMP] disk", "temp", 0, "does not let office log in now"),
        ("[SYS/PERM] gone", "config", 0, "ask the provider"),
        ("[LOGIN-DELAY 120] not yet", "temp", errno.EUSERS, "log in now"),
        ("mailbox locked by another process", "temp", errno.EBUSY, "in use elsewhere"),
        ("too many connections", "temp", errno.EUSERS, "too many connections"),
        ("what is PASS s3cret", "config", 0, "what is PASS ******"),
        ("what is " + base64.b64encode(b"\0office\0s3cret").decode(), "config", 0, "what is ****")):
    with tap.case("a login that is refused: " + error.replace("s3cret", "…")):
        run = fails(Pop3Store(MAIL, login_error=error), words, kind=kind, code=code)
        assert run.delay == (120000 if "DELAY" in error else 0)
        assert base64.b64encode(b"\0office\0s3cret").decode() not in run.why + run.log
with tap.case("a password that was refused is not sent again"):
    server = Pop3Store(MAIL, login_error="[AUTH] no")
    Session(server, "list")
    assert [c.split()[0] for c in server.commands] == ["CAPA", "AUTH"], server.commands
with tap.case("APOP, for those who ask"):
    server = Pop3Store(MAIL)
    good(server, auth="APOP")
    assert not any(c.startswith(("USER", "PASS", "AUTH")) for c in server.commands)
for auth in ("PLAIN", "LOGIN", "USER"):
    with tap.case("log in with " + auth):
        good(Pop3Store(MAIL), auth=auth)
with tap.case("one session at a time"):
    server = Pop3Store(MAIL, lock=True)
    server.holder = "another"
    fails(server, "locked by another session", kind="temp", code=errno.EBUSY)

# ---- TLS ----
authority = Authority(area.mkdir("tls"))
stranger = Authority(area.mkdir("stranger"))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(authority.cert, authority.key)
with tap.case("implicit TLS"):
    good(Pop3Store(MAIL, tls=context), tls="implicit", ca=authority.ca)
with tap.case("STLS"):
    server = Pop3Store(MAIL, starttls=context)
    good(server, tls="starttls", ca=authority.ca)
    assert server.commands[:3] == ["CAPA", "STLS", "CAPA"]
with tap.case("STLS that the server does not list, or does not do: no password is sent"):
    server = Pop3Store(MAIL, capabilities=[c for c in CAPABILITIES if c != "STLS"], starttls=context)
    fails(server, "does not offer STLS", kind="config", tls="starttls", ca=authority.ca)
    assert server.commands == ["CAPA"]
    server = Pop3Store(MAIL)
    fails(server, "refuses STLS", kind="config", tls="starttls", ca=authority.ca)
    assert server.commands == ["CAPA", "STLS"]
with tap.case("an unknown authority"):
    server = Pop3Store(MAIL, starttls=context)
    fails(server, "unknown authority", kind="config", tls="starttls", ca=stranger.ca)
    assert not any(c.startswith(("USER", "AUTH")) for c in server.commands)
with tap.case("words that were slipped in before the handshake"):
    script = Script(("send", "+OK"), ("expect", "CAPA"), ("send", "+OK\r\nSTLS\r\n."), ("expect", "STLS"),
                    ("send", "+OK\r\n+OK forged"), ("tls", context), ("stall", 2))
    fails(script, "unencrypted behind its answer", tls="starttls", ca=authority.ca)
with tap.case("a server of another kind"):
    fails(Script(("send", "* OK IMAP4rev1 ready"), ("stall", 2)), "does not greet as a POP3 server does")
    fails(Script(("send", "220 smtp.example.net ESMTP"), ("stall", 2)), "check host, port and tls")
    fails(Script(("garbage", 3000), ("stall", 2)))

tap.done()
