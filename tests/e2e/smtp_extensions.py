"""Chunks, PROXY headers, LMTP and addresses beyond ASCII on real sockets, filed into a scripted store."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
RULES = """require ["envelope", "envelope-dsn", "fileinto", "mailbox"];
if allof (envelope :is "envid" "QQ 7", envelope "notify" "delay", envelope "notify" "success", not envelope "notify" "failure",
          envelope :matches "orcpt" "rfc822;*+x@far.example", envelope "ret" "HDRS") { fileinto :create "Asked"; }
"""


def v1(client="198.51.100.7", port=41234):
    family = "TCP6" if ":" in client else "TCP4"
    ours = "2001:db8::25" if ":" in client else "192.0.2.25"
    return ("PROXY %s %s %s %d 25\r\n" % (family, client, ours, port)).encode()


def v2(client="198.51.100.7", port=41234, command=1, extra=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    body = socket.inet_pton(family, client) * 2 + struct.pack(">HH", port, 25) + extra
    return SIGNATURE + bytes([0x20 | command, 0x21 if ":" in client else 0x11]) + struct.pack(">H", len(body)) + body


def pieces(client, data, size=1):
    for i in range(0, len(data), size):
        client.send(data[i:i + size])


def chunk(data, last=True):
    return b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data


def found(store, ident):
    return [o for o in store.octets() if ident.encode() in o]


def one(store, ferry, ident):
    """The message as the store has it, without the lines that we put in front."""
    ferry.drained()
    got = found(store, ident)
    assert len(got) == 1, (ident, got)
    return got[0]


tap = Tap(300)
area = Area("extensions")
store = Store(user="office", password="s3cret",
              capabilities="IMAP4rev1 UIDPLUS NAMESPACE LITERAL+ AUTH=PLAIN ENABLE UTF8=ACCEPT")
other = Store(user="office", password="s3cret")
ports = {name: free_port() for name in ("front", "strict", "six")}
f = Ferry(area, store, RULES, {
    "limits": {"sessions_per_address": 3, "message_size": "1M"},
    "listeners": {
        "lan": {"chunking": True, "networks": ["127.0.0.0/8"]},
        "lmtp": {"chunking": True},
        "front": {"address": "127.0.0.1:%d" % ports["front"], "proxy": ["127.0.0.1"]},
        "strict": {"address": "127.0.0.1:%d" % ports["strict"], "proxy": ["127.0.0.0/8"], "networks": ["198.51.100.0/24"],
                   "chunking": False},
    },
    "accounts": {
        "office": {"addresses": ["@office.example", "jörg@büro.example"]},
        "old": {"host": "localhost", "port": other.port, "tls": "none", "user": "office",
                "password_file": "office.password", "addresses": ["@old.example"]}}})
f.save(listeners={"socket": {"address": "unix:" + f.path("lmtp.sock"), "protocol": "lmtp"},
                  "behind": {"address": "unix:" + f.path("behind.sock"), "proxy": ["unix"]}})
tap.logs.append(f.logs)
f.start()


def session(kind="lan"):
    if kind == "socket":
        c = Client(0, host=f.path("lmtp.sock"), family=socket.AF_UNIX, lmtp=True)
    else:
        c = Client(f.lmtp if kind == "lmtp" else f.smtp, lmtp=kind == "lmtp")
    c.hello()
    return c


def begin(c, *to, sender="<a@b.example>"):
    c.command("MAIL FROM:" + sender, 250)
    for rcpt in to or ("<me@office.example>",):
        c.command("RCPT TO:" + rcpt, 250)


# ---- chunks ----

with tap.case("a message in chunks is filed as it was sent, wherever the packets end"):
    data = message("<bdat-%s@x>", body="one\r\n.\r\n..\r\nlast\r\n")
    for size in (1, 7, 100000):
        ident = "<bdat-%d@x>" % size
        data = message(ident, body="one\r\n.\r\n..\r\nlast\r\n")
        c = session()
        begin(c)
        pieces(c, chunk(data[:50], last=False) + chunk(data[50:51], last=False) + chunk(data[51:]), size)
        for _ in range(3):
            c.expect(250)
        c.command("QUIT", 221)
        got = one(store, f, ident)
        assert got[got.index(b"From: "):] == data, got

with tap.case("a large one too, all pipelined"):
    data = message("<bdat-large@x>", size=500000)
    c = session()
    c.send(b"MAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<me@office.example>\r\n" +
           b"".join(chunk(data[i:i + 30000], i + 30000 >= len(data)) for i in range(0, len(data), 30000)) + b"NOOP\r\n")
    for _ in range(2 + -(-len(data) // 30000) + 1):
        c.expect(250)
    got = one(store, f, "<bdat-large@x>")
    assert got[got.index(b"From: "):] == data

with tap.case("a chunk over the size is read away, and the session goes on"):
    c = session()
    begin(c)
    c.send(chunk(b"x" * 1500000, last=False) + chunk(b"QUIT\r\n") + b"NOOP\r\n")
    assert "5.3.4" in c.expect(552) and "5.3.4" in c.expect(552)
    c.expect(250)
    begin(c)
    c.send(chunk(message("<bdat-after@x>")))
    c.expect(250)
    one(store, f, "<bdat-after@x>")

with tap.case("a size that is none ends the session"):
    for size in (b"-1 LAST", b"18446744073709551616", b"5 LASTX", b""):
        c = session()
        begin(c)
        c.send(b"BDAT " + size + b"\r\nQUIT\r\n")
        assert "5.5.4" in c.expect(521) and not c.read_to_end()

with tap.case("a connection that ends within a chunk leaves nothing"):
    c = session()
    begin(c)
    c.send(chunk(message("<bdat-cut@x>"), last=False) + b"BDAT 100 LAST\r\nsome")
    c.expect(250)
    c.close()
    c = session()
    begin(c)
    c.send(chunk(message("<bdat-next@x>")))
    c.expect(250)
    one(store, f, "<bdat-next@x>")
    assert not found(store, "<bdat-cut@x>")

with tap.case("not offered where the configuration says so: the connection ends before its octets are commands"):
    c = Client(ports["strict"])
    c.send(v1())
    assert "CHUNKING" not in c.hello()
    begin(c)
    c.send(chunk(b"RSET\r\nRSET\r\n"))
    c.expect(502)
    assert not c.read_to_end()

# ---- LMTP ----

with tap.case("LMTP by TCP and by a UNIX socket: one reply for each recipient, in order, with DATA and with BDAT"):
    for kind in ("lmtp", "socket"):
        for way in ("DATA", "BDAT"):
            ident = "<%s-%s@x>" % (kind, way)
            c = session(kind)
            c.send("MAIL FROM:<>\r\nRCPT TO:<b@office.example>\r\nRCPT TO:<no@far.example>\r\nRCPT TO:<a@old.example>\r\n")
            assert [c.reply()[0] for _ in range(4)] == [250, 250, 550, 250]
            if way == "DATA":
                c.command("DATA", 354)
                c.send(Item(ident, "", message(ident)).wire)
            else:
                c.send(chunk(message(ident)))
            assert "<b@office.example>" in c.expect(250)
            assert "<a@old.example>" in c.expect(250)
            c.command("QUIT", 221)
            one(store, f, ident)
            one(other, f, ident)

with tap.case("LMTP knows no EHLO and no HELO, and SMTP no LHLO"):
    c = Client(f.lmtp)
    c.expect(220)
    c.command("EHLO x", 500)
    c.command("HELO x", 500)
    c.command("MAIL FROM:<>", 503)
    assert "PIPELINING" in c.command("LHLO x", 250)
    c = Client(f.smtp)
    c.expect(220)
    c.command("LHLO x", 500)

# ---- PROXY ----

with tap.case("a header of a proxy names the client: in log, Received and limits, however it is cut"):
    for n, (header, client) in enumerate(((v1(), "198.51.100.7"), (v2(), "198.51.100.7"), (v1("2001:db8::7"), "IPv6:2001:db8::7"),
                                          (v2("2001:db8::7", extra=b"\x04\0\2ab"), "IPv6:2001:db8::7"),
                                          (v1("::ffff:198.51.100.7"), "198.51.100.7"))):
        for size in (1, 1000):
            ident = "<proxy-%d-%d@x>" % (n, size)
            c = Client(ports["front"])
            pieces(c, header, size)
            c.hello()
            begin(c)
            c.command("DATA", 354)
            c.send(Item(ident, "", message(ident)).wire)
            c.expect(250)
            c.command("QUIT", 221)
            assert ("[%s]" % client).encode() in one(store, f, ident)
    assert "client=198.51.100.7:41234" in f.log_text() and "::ffff:" not in f.log_text()

with tap.case("nothing behind the header is lost, and talking before the banner is still refused"):
    c = Client(ports["front"])
    c.send(v1() + b"EHLO x\r\n")
    c.expect(554)

with tap.case("a UNIX socket behind a proxy"):
    c = Client(0, host=f.path("behind.sock"), family=socket.AF_UNIX)
    c.send(v2())
    c.hello()
    c.command("QUIT", 221)
    c = Client(0, host=f.path("behind.sock"), family=socket.AF_UNIX)
    c.send("EHLO x\r\n")
    assert not c.read_to_end()

with tap.case("networks and limits hold for the client, not for the proxy"):
    c = Client(ports["strict"])
    c.send(v1("203.0.113.9"))
    c.expect(554)
    held = []
    for _ in range(3):
        c = Client(ports["strict"])
        c.send(v1("198.51.100.99"))
        c.expect(220)
        held.append(c)
    c = Client(ports["strict"])
    c.send(v2("198.51.100.99"))
    c.expect(421)
    c = Client(ports["strict"])
    c.send(v2("198.51.100.98"))
    c.expect(220)

with tap.case("the proxy's own connections are let in"):
    for header in (b"PROXY UNKNOWN\r\n", v2(command=0), SIGNATURE + b"\x20\0\0\0"):
        c = Client(ports["strict"])
        c.send(header)
        c.expect(220)
        c.close()

with tap.case("what is no header ends the connection, with one line in the log and no answer"):
    for n, bad in enumerate((b"EHLO x\r\n", b"PROXY TCP4 a b 1 2\r\n", SIGNATURE + b"\x21\x11\xff\xff", SIGNATURE + b"\x31",
                             v2(extra=b"\x03\0\4\0\0\0\0"), b"PROXY " + b"x" * 200, b"\x16\x03\x01")):
        before = f.log_text().count("proxy-header-refused")
        c = Client(ports["front"])
        c.send(bad)
        try:
            assert not c.read_to_end()
        except ConnectionError:
            pass
        wait_for("the line", lambda: f.log_text().count("proxy-header-refused") > before)
        assert f.log_text().count("proxy-header-refused") == before + 1

with tap.case("none in time, or half of one: closed after ten seconds"):
    start = time.monotonic()
    late = [Client(ports["front"]), Client(ports["front"])]
    late[1].send(v2()[:20])
    for c in late:
        assert not c.read_to_end()
    assert 3 < time.monotonic() - start < 60
    assert "did not come in time" in f.log_text()

with tap.case("from anybody else it is refused"):
    for header in (v1(), v2()):
        c = Client(f.smtp)
        c.expect(220)
        c.send(header)
        text = c.read_to_end().decode()
        assert "554 5.5.1" in text, text

# ---- SMTPUTF8 ----

UTF8 = "<jörg@xn--bro-hoa.example>"


with tap.case("SMTPUTF8 is offered once a store is known to take it, and only for its recipients"):
    wait_for("the stores to have told", lambda: "SMTPUTF8" in session().command("EHLO x", 250))

    def begun():
        """Where it has heard of the other one, too: before, it refuses nothing for its sake."""
        c = session()
        c.command("MAIL FROM:<ö@b.example> SMTPUTF8 BODY=8BITMIME", 250)
        code, text = c.command("RCPT TO:<a@old.example>")
        assert code == 250 or code == 550 and "5.6.7" in text, (code, text)
        return c if code == 550 else None
    c = wait_for("the other one, too", begun)
    c.command("RCPT TO:" + UTF8, 250)
    c.command("DATA", 354)
    data = message("<utf8@x>", subject="Grüße", to="jörg@büro.example")
    c.send(Item("<utf8@x>", "", data).wire)
    c.expect(250)
    got = one(store, f, "<utf8@x>")
    assert got[got.index(b"From: "):] == data
    head = got[:got.index(b"From: ")].decode()
    assert "with UTF8SMTP id" in head and "Return-Path: <ö@b.example>" in head and UTF8[1:-1] in head, head
    assert not store.violations, store.violations

with tap.case("either form of a domain, and letters of either case, are the same address"):
    c = session()
    c.command("MAIL FROM:<> SMTPUTF8", 250)
    for to in ("jörg@büro.example", "JÖRG@BÜRO.example", "jörg@XN--BRO-HOA.example", "jörg+x@büro.example"):
        c.command("RCPT TO:<%s>" % to, 250)
    c.command("RCPT TO:<jorg@büro.example>", 550)
    c.command("RSET", 250)

with tap.case("without the parameter, such an address is refused"):
    c = session()
    assert "5.6.7" in c.command("MAIL FROM:<ö@b.example>", 553)
    c.command("MAIL FROM:<a@b.example>", 250)
    assert "5.6.7" in c.command("RCPT TO:" + UTF8, 553)
    c.command("VRFY ö SMTPUTF8", 252)
    c.command("EXPN ö SMTPUTF8", 502)

# ---- parameters ----

with tap.case("what a sender asks about notifications reaches the rules"):
    c = session()
    c.command("MAIL FROM:<a@b.example> RET=hdrs ENVID=QQ+207", 250)
    c.command("RCPT TO:<me@office.example> NOTIFY=success,DELAY ORCPT=rfc822;you+2Bx@far.example", 250)
    c.command("DATA", 354)
    c.send(Item("<dsn@x>", "", message("<dsn@x>")).wire)
    c.expect(250)
    one(store, f, "<dsn@x>")
    assert f.rows("trace", "<dsn@x>")[-1]["deliveries"][0]["folder"] == "Asked"

with tap.case("LIMITS tells what is true"):
    assert "250-LIMITS MAILMAX=10000 RCPTMAX=100" in session().command("EHLO x", 250).replace("250 LIMITS", "250-LIMITS")
    c = session()
    c.command("MAIL FROM:<>", 250)
    for i in range(100):
        c.command("RCPT TO:<r%d@office.example>" % i, 250)
    assert "4.5.3" in c.command("RCPT TO:<r100@office.example>", 452)
    c.send(chunk(message("<hundred@x>")))
    c.expect(250)
    one(store, f, "<hundred@x>")

assert f.stop() == 0
store.close()
other.close()
tap.done()
