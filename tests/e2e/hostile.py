"""What hostile and broken clients say, on real sockets: in clear, after STARTTLS and under TLS from the start, whole and
in pieces. Each row tells what is answered, whether the session goes on, and how many messages are kept."""

import os
import re
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.tap import Tap  # noqa: E402

HELLO = b"EHLO c.example\r\n"
MAIL = b"MAIL FROM:<a@b.example>\r\n"
ENVELOPE = MAIL + b"RCPT TO:<me@office.example>\r\n"
BODY = b"From: a@b.example\r\nSubject: x\r\n\r\nbody"
END = b"\r\n.\r\n"
SIZE_MAX = 100 * 1024

# What must not end a message.
FALSE_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\n.\r", b"\r.\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"]


class Row:
    """`steps`: (what is sent, the codes of all replies to it). `said` must stand in one of them. `closed`: the server
    ends it. `on` the listener; `kept`: messages in the queue afterwards. `pieces`: the last step is also sent cut at each
    octet, or only in and near the octets given here."""

    def __init__(self, name, *steps, said=None, closed=False, on="mx", kept=0, pieces=True):
        self.name, self.steps, self.said, self.closed = name, steps, said, closed
        self.on, self.kept, self.pieces = on, kept, pieces

    def cuts(self):
        last = self.steps[-1][0]
        if isinstance(self.pieces, bytes):
            at = last.index(self.pieces)
            return [*range(at - 1, at + len(self.pieces) + 2), *range(len(last) - 6, len(last))]
        return range(1, len(last)) if self.pieces else ()


def to_data(*more):
    """A row's steps up to the 354, and then these."""
    return ((HELLO, [250]), (ENVELOPE, [250, 250]), (b"DATA\r\n", [354])) + more


def header(lines, body=b"x"):
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def smuggled(false_end):
    """A message that would be two to a server that ends it there."""
    return BODY + false_end + MAIL + b"RCPT TO:<me@office.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx" + END


def rows():
    for end in FALSE_ENDS:
        yield Row("%r ends nothing" % end, *to_data((smuggled(end), [521])), said="5.5.2", closed=True, pieces=False)
        yield Row("%r ends nothing where bare line ends are taken" % end, *to_data((smuggled(end), [250])), on="lan", kept=1,
                  pieces=end)
        # The policy holds while a message that is too large is read away.
        yield Row("%r ends nothing in a message that is too large" % end,
                  *to_data((b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 1600 + smuggled(end), [521])), closed=True,
                  pieces=False)
        yield Row("%r ends nothing in one that is too large, where bare line ends are taken" % end,
                  *to_data((b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 1600 + smuggled(end), [552])), on="lan",
                  pieces=False)
    yield Row("CR LF NUL . CR LF ends nothing", *to_data((smuggled(b"\r\n\0.\r\n"), [554])), said="5.6.0",
              pieces=b"\r\n\0.\r\n")
    yield Row("a true end, and the next transaction behind it",
              *to_data((BODY + END + ENVELOPE + b"RSET\r\n", [250, 250, 250, 250])), kept=1)
    yield Row("stuffed dots", *to_data((b"Subject: x\r\n\r\n..\r\n..x\r\n...\r\n.\r\n", [250])), kept=1)

    # lines and octets
    yield Row("a command of 2,048 octets", (HELLO, [250]), (b"NOOP " + b"x" * 2041 + b"\r\n", [250]), pieces=False)
    yield Row("one more is too long", (HELLO, [250]), (b"NOOP " + b"x" * 2042 + b"\r\n", [500]), said="5.5.2", pieces=False)
    yield Row("NUL in a command", (HELLO, [250]), (b"NOOP \0x\r\n", [501]))
    yield Row("invalid UTF-8 in a command", (HELLO, [250]), (b"NOOP \xc3\x28\r\n", [500]), said="5.5.2")
    yield Row("a bare LF behind a command", (HELLO, [250]), (b"NOOP\nRSET\r\n", [521]), closed=True)
    yield Row("a browser", (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [502]), closed=True, pieces=False)
    yield Row("a browser that posts", (HELLO, [250]), (b"POST / HTTP/1.1\r\n\r\n" + MAIL, [502]), closed=True, pieces=False)
    yield Row("a page that patches", (HELLO, [250]), (b"PATCH / HTTP/1.1\r\n\r\n" + MAIL, [502]), closed=True, pieces=False)
    yield Row("a page that deletes", (HELLO, [250]), (b"DELETE / HTTP/1.1\r\n\r\n" + MAIL, [502]), closed=True, pieces=False)
    yield Row("escape sequences", (HELLO, [250]), (b"\x1b]0;x\x07\r\nMAIL FROM:<\x1b[2J@b.example>\r\n", [500, 501]))
    yield Row("DATA and message in one write", (HELLO, [250]), (ENVELOPE, [250, 250]), (b"DATA\r\n" + BODY + END, [554]),
              said="5.5.0", closed=True, pieces=False)

    # transactions
    yield Row("RCPT first", (HELLO, [250]), (b"RCPT TO:<me@office.example>\r\n", [503]))
    yield Row("DATA when all recipients failed", (HELLO, [250]), (MAIL + b"RCPT TO:<x@far.example>\r\nDATA\r\n", [250, 550, 554]),
              said="5.5.1")
    yield Row("nested MAIL", (HELLO, [250]), (ENVELOPE + MAIL, [250, 250, 503]))
    yield Row("SIZE that no number holds", (HELLO, [250]), (b"MAIL FROM:<> SIZE=99999999999999999999\r\n", [552]))
    yield Row("a parameter twice", (HELLO, [250]), (b"MAIL FROM:<> SIZE=1 SIZE=2\r\n", [501]))
    yield Row("an unknown parameter", (HELLO, [250]), (b"MAIL FROM:<> FOO=1\r\n", [555]))
    yield Row("a quoted line end in an address", (HELLO, [250]), (MAIL + b'RCPT TO:<"a\\\rX: y"@office.example>\r\n', [250, 501]))
    yield Row("addresses that ask to be sent on", (HELLO, [250]),
              (MAIL + b"RCPT TO:<a%b@office.example>\r\nRCPT TO:<x!y@office.example>\r\n"
               b"RCPT TO:<@office.example:a@far.example>\r\n", [250, 550, 550, 550]))
    yield Row("a label that is none", (HELLO, [250]), (MAIL + b"RCPT TO:<a@xn--99999999.example>\r\n", [250, 501]))
    yield Row("VRFY and EXPN tell nothing", (HELLO, [250]), (b"VRFY me\r\nEXPN all\r\n", [252, 502]))
    yield Row("a foreign domain", (HELLO, [250]), (MAIL + b"RCPT TO:<a@far.example>\r\n", [250, 550]), said="5.7.1")

    # content
    yield Row("NUL in a message", *to_data((b"Subject: x\r\n\r\na\0b" + END, [554])), said="5.6.0")
    yield Row("101 hops", *to_data((header([b"Received: from a by b; Thu, 26 Nov 2026 10:00:00 +0000"] * 101) + END, [554])),
              said="5.4.6", pieces=False)
    yield Row("100 hops", *to_data((header([b"Received: from a by b; Thu, 26 Nov 2026 10:00:00 +0000"] * 100) + END, [250])),
              kept=1, pieces=False)
    yield Row("delivered here before", *to_data((header([b"Delivered-To: me@office.example"]) + END, [554])), said="5.4.6")
    yield Row("a header block without end",
              *to_data((b"".join(b"X-%d: %s\r\n" % (i, b"y" * 60) for i in range(20000)) + END, [552])), pieces=False,
              on="large")
    yield Row("no header at all", *to_data((b">From me\r\n x\r\n.\r\n", [250])), kept=1)
    yield Row("nothing at all", *to_data((b".\r\n", [250])), kept=1)
    yield Row("only white space", *to_data((b" \t\r\n \r\n.\r\n", [250])), kept=1)
    yield Row("MIME a hundred levels deep", *to_data((nested(100) + END, [250])), kept=1, pieces=False)
    yield Row("ten thousand parts", *to_data((parts(10000) + END, [250])), kept=1, pieces=False, on="large")
    yield Row("as large as may be", *to_data((sized(SIZE_MAX), [250]), (b"NOOP\r\n", [250])), kept=1, pieces=False)
    yield Row("one octet more", *to_data((sized(SIZE_MAX + 1), [552]), (b"NOOP\r\n", [250])), pieces=False)


def nested(depth):
    text = b""
    for i in range(depth):
        text += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
    return text + b"\r\nx"


def parts(n):
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * n + b"--b--"


def sized(n):
    """A message of N octets, and its end."""
    head = b"Subject: x\r\n\r\n"
    lines, last = divmod(n - len(head), 72)
    return head + (b"y" * 70 + b"\r\n") * (lines - 1) + b"y" * (70 + last) + END


class Way:
    """How a client gets to the listener called NAME: in clear, by STARTTLS or TLS at once."""

    def __init__(self, name, ports, tls=None):
        self.name, self.ports, self.tls = name, ports, tls

    def connect(self, listener):
        s = socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=120)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls == "implicit":
            s = context().wrap_socket(s, server_hostname="localhost")
        d = Dialogue(s)
        d.expect(220)
        if self.tls == "starttls":
            d.say(HELLO, [250])
            d.say(b"STARTTLS\r\n", [220])
            d.sock = context().wrap_socket(s, server_hostname="localhost")
        return d


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


class Dialogue:
    def __init__(self, sock):
        self.sock, self.rest, self.text = sock, b"", ""

    def reply(self):
        while not re.search(rb"^\d\d\d [^\n]*\n", self.rest, re.M):
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("closed by the server behind %r" % self.text[-200:])
            self.rest += more
        end = re.search(rb"^\d\d\d [^\n]*\n", self.rest, re.M).end()
        told, self.rest = self.rest[:end].decode(), self.rest[end:]
        self.text += told
        return int(told.rpartition("\r\n")[0].rpartition("\n")[2][:3])

    def expect(self, code):
        got = self.reply()
        assert got == code, "expected %d, got %d in %r" % (code, got, self.text[-500:])

    def say(self, data, codes, cut=0):
        for piece in (data[:cut], data[cut:]) if cut else (data,):
            try:
                self.sock.sendall(piece)
            except OSError:
                pass  # it closes; what it said before that is read below
        for code in codes:
            self.expect(code)

    def ended(self):
        try:
            while more := self.sock.recv(65536):
                raise AssertionError("something more was said: %r" % more)
        except (ConnectionError, ssl.SSLError):
            pass

    def close(self):
        self.sock.close()


def play(way, row, cut=0):
    d = way.connect(row.on)
    try:
        for i, (data, codes) in enumerate(row.steps):
            d.say(data, codes, cut if i == len(row.steps) - 1 else 0)
        assert row.said is None or row.said in d.text, d.text
        if row.closed:
            d.ended()
        else:
            d.say(b"NOOP still in step\r\n", [250])
    except (OSError, AssertionError) as e:
        raise AssertionError("%s, %s, cut at %d: %s\n%s" % (row.name, way.name, cut, e, d.text)) from e
    finally:
        d.close()


def main():
    tap = Tap()
    area = Area("hostile")
    authority = Authority(area.mkdir("authority"))
    area.own(authority.key)
    ports = {name: free_port() for name in ("mx", "lan", "large", "mx-tls", "lan-tls", "large-tls")}
    listeners = {"lan": None, "lmtp": None}
    for name, port in ports.items():
        if name.startswith("large"):
            continue
        listeners["l-" + name] = {"address": "127.0.0.1:%d" % port}
        if name.startswith("lan"):
            listeners["l-" + name]["bare_newlines"] = "accept"
        if name.endswith("-tls"):
            listeners["l-" + name]["tls"] = "implicit"
    f = Ferry(area, None, name="office", port=9, config={
        "accounts": {"office": {"rules": None}}, "listeners": listeners,
        "certificates": {"main": {"certificate": authority.cert, "key": authority.key}},
        "limits": {"message_size": "%dB" % SIZE_MAX, "errors": 100000}})
    f.smtp = ports["mx"]
    large = Ferry(area, None, name="large", port=9, config={
        "accounts": {"office": {"rules": None}},
        "listeners": {"lan": {"tls": "starttls"}, "tls": {"address": "127.0.0.1:%d" % ports["large-tls"], "tls": "implicit"}},
        "certificates": {"main": {"certificate": authority.cert, "key": authority.key}}})
    ports["large"] = large.smtp
    tap.logs += [f.logs, large.logs]
    f.start()
    large.start()
    plain = {n: p for n, p in ports.items() if not n.endswith("-tls")}
    tls = {n: ports[n + "-tls"] for n in plain}
    ways = [Way("in clear", plain), Way("after STARTTLS", plain, "starttls"), Way("under TLS", tls, "implicit")]

    def queue():
        return len(f.rows("queue", "list")) + len(large.rows("queue", "list"))

    kept = 0
    for row in rows():
        with tap.case(row.name):
            for way in ways:
                play(way, row)
                kept += row.kept
            for cut in row.cuts():
                play(ways[2 * (cut % 2)], row, cut)
                kept += row.kept
    with tap.case("what was answered with 250 is in the queue, and nothing else"):
        assert queue() == kept, (queue(), kept)
    large.stop()
    f.stop()
    tap.done()


if __name__ == "__main__":
    main()
