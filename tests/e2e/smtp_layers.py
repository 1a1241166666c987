"""Extensions upon each other: chunks, PROXY headers, LMTP, AUTH and milters with TLS below them."""

import base64
import os
import re
import socket
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import milter as mi  # noqa: E402
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from lib.tls import TlsClient, client_hello, closes, context, self_signed  # noqa: E402
from peers.imap_store import Store  # noqa: E402

LAN = ["127.0.0.0/8"]
CLIENT = "198.51.100.7"
V1 = b"PROXY TCP4 198.51.100.7 192.0.2.25 41234 25\r\n"
V2 = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(CLIENT) + socket.inet_aton("192.0.2.25") +
      struct.pack(">HH", 41234, 25))

tap = Tap(600)
tap.need(("openssl", "openssl"))
area = Area("layers")
store = Store(user="office", password="s3cret")
milter = mi.Milter(area, "milter")
lax = mi.Milter(area, "lax")
NAMES = ("starttls", "implicit", "front", "frontls", "must", "several", "filtered", "lax")
ports = {name: free_port() for name in NAMES}
f = Ferry(area, store, config={
    "limits": {"message_size": "1M", "guesses": 200},
    "users": "users",
    "certificates": {"main": {"certificate": "main.pem", "key": "main.key"},
                     "wild": {"certificate": "wild.pem", "key": "wild.key"},
                     "rsa": {"certificate": "rsa.pem", "key": "rsa.key"}},
    "milters": {"milter": {"address": milter.address},
                "lax": {"address": lax.address, "on_failure": "accept"}}})
self_signed(f, "main", ["mail.office.example"])
self_signed(f, "wild", ["*.example.net"])
self_signed(f, "rsa", ["mail.office.example"], key=("-newkey", "rsa:2048", "-nodes"))
people = Authority(area.mkdir("people"))
KEYS = {
    "starttls": {"tls": "starttls"}, "implicit": {"tls": "implicit"},
    "front": {"tls": "starttls", "proxy": LAN, "networks": ["198.51.100.0/24"], "chunking": True},
    "frontls": {"tls": "implicit", "proxy": LAN, "networks": ["198.51.100.0/24"], "chunking": True},
    "must": {"tls": "required", "protocol": "lmtp", "auth": "required"},
    "several": {"tls": "starttls", "client_ca": people.ca},
    "filtered": {"tls": "starttls", "milters": ["milter"], "client_ca": people.ca, "auth": "offered"},
    "lax": {"tls": "starttls", "milters": ["lax"]},
}
f.save(listeners=dict({"lan": {"networks": LAN}, "lmtp": {"networks": LAN, "auth": "offered"}}, **{
    name: dict({"address": "127.0.0.1:%d" % ports[name], "networks": LAN}, **KEYS[name]) for name in NAMES}))
tap.logs.append(f.logs)
password = f.command("user", "add", "gate", check=True).stdout.strip()
f.start()

ca = f.path("main.pem")
serial = 0


def fresh(body=None, size=0):
    """A message that was never sent: its id and its octets."""
    global serial
    serial += 1
    ident = "<layers-%d@x>" % serial
    return ident, message(ident, body=body, size=size)


def secured(name, header=b"", ctx=None, lmtp=False, sni="mail.office.example"):
    """A session under TLS on that listener, greeted."""
    implicit = KEYS[name]["tls"] == "implicit" if name in KEYS else False
    c = TlsClient(f.lmtp if name == "lmtp" else ports[name], ctx or context(ca), name=sni, lmtp=lmtp)
    c.send(header)
    if implicit:
        c.secure()
        c.offered = c.hello()
    else:
        c.hello()
        c.starttls(greeted=True)
        c.offered = c.command(("LHLO" if lmtp else "EHLO") + " test.example.org", 250)
    return c


def begin(c, *to):
    c.command("MAIL FROM:<a@b.example>", 250)
    for rcpt in to or ("<me@office.example>",):
        c.command("RCPT TO:" + rcpt, 250)


def chunk(data, last=True):
    return b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data


def one(ident):
    f.drained()
    got = [o for o in store.octets() if ident.encode() in o]
    assert len(got) == 1, (ident, got)
    return got[0]


def none(ident):
    f.drained()
    assert not [o for o in store.octets() if ident.encode() in o], ident


def head_of(octets):
    """What stands in front of the message as it was sent, unfolded."""
    return re.sub(rb"\r\n[ \t]+", b" ", octets[:octets.index(b"From: ")]).decode()


def content(octets):
    return octets[octets.index(b"From: "):]


# ---- chunks under TLS ----

with tap.case("chunks under STARTTLS and under TLS from the first octet, however records and segments are cut"):
    for name in ("starttls", "implicit"):
        for way in range(4):
            ident, data = fresh(body="one\r\n.\r\n..\r\nQUIT\r\nlast\r\n")
            c = secured(name)
            assert "CHUNKING" in c.offered, c.offered
            begin(c)
            wire = chunk(data[:50], last=False) + chunk(data[50:51], last=False) + chunk(data[51:])
            if way == 0:                # a record for all
                c.send(wire)
            elif way == 1:              # a record for each octet, all in one segment
                c.raw(c.seal(*[wire[i:i + 1] for i in range(len(wire))]))
            elif way == 2:              # one record in segments of 7 octets
                sealed = c.seal(wire)
                for i in range(0, len(sealed), 7):
                    c.raw(sealed[i:i + 7])
            else:                       # the cut between records lies within the command, and within the octets
                c.raw(c.seal(wire[:3], wire[3:9], wire[9:]))
            for _ in range(3):
                c.expect(250)
            c.command("QUIT", 221)
            got = one(ident)
            assert content(got) == data, (name, way, got)
            assert "with ESMTPS id" in head_of(got), got

with tap.case("a large message in chunks under TLS, all pipelined, and what was refused is read away"):
    c = secured("starttls")
    ident, data = fresh(size=500000)
    c.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<me@office.example>\r\n" +
           b"".join(chunk(data[i:i + 30000], i + 30000 >= len(data)) for i in range(0, len(data), 30000)))
    for _ in range(2 + -(-len(data) // 30000)):
        c.expect(250)
    assert content(one(ident)) == data
    begin(c)
    c.send(chunk(b"x" * 1500000, last=False) + chunk(b"QUIT\r\n") + b"NOOP\r\n")
    assert "5.3.4" in c.expect(552) and "5.3.4" in c.expect(552)
    c.expect(250)
    c.command("QUIT", 221)

with tap.case("a session that is closed within a chunk, with and without a goodbye of TLS, leaves nothing"):
    for name in ("starttls", "implicit"):
        for goodbye in (True, False):
            ident, data = fresh()
            c = secured(name)
            begin(c)
            c.raw(c.seal(chunk(data, last=False) + b"BDAT 100 LAST\r\nsome"))
            c.expect(250)
            if goodbye:
                c.goodbye()
                c.raw(b"x" * 96)  # in clear: they are not the rest of the chunk
                assert b"250" not in closes(c.sock)
            c.close()
            none(ident)

with tap.case("chunks that were announced before STARTTLS are no part of what comes behind it"):
    c = TlsClient(ports["starttls"], context(ca))
    c.hello()
    begin(c)
    ident, data = fresh()
    c.send(chunk(data, last=False))
    c.expect(250)
    assert c.command("STARTTLS")[0] == 503
    c.command("RSET", 250)
    c.starttls(greeted=True)
    c.command("EHLO x", 250)
    c.send(chunk(b"some", last=True))
    assert "5.5.1" in c.expect(503)
    c.command("QUIT", 221)
    none(ident)

LOGIN = "AUTH PLAIN "


def plain(user, word):
    return LOGIN + base64.b64encode(("\0%s\0%s" % (user, word)).encode()).decode()


# ---- chunks and milters ----


with tap.case("what came in chunks is shown to milters as one message, and changed as they say"):
    for way in ("plain", "tls"):
        milter.answers = {"E": mi.add_header(b"X-Seen", b"yes") + mi.change_header(1, b"Subject", b"changed") +
                          mi.packet(b"b", b"another\r\n.\r\nbody") + mi.packet(b"b", b" in two parts\r\n") +
                          mi.CONTINUE}
        del milter.told[:]
        ident, data = fresh(body="first\r\n.\r\nsecond\r\n")
        c = secured("filtered") if way == "tls" else Client(ports["filtered"])
        if way == "plain":
            c.hello()
        begin(c)
        c.send(chunk(data[:60], last=False) + chunk(data[60:-3], last=False) + chunk(data[-3:]))
        for _ in range(3):
            c.expect(250)
        c.command("QUIT", 221)
        assert milter.body() == b"first\r\n.\r\nsecond\r\n", milter.body()
        assert milter.letters().count("T") == 1, milter.letters()
        got = content(one(ident))
        assert b"Subject: changed\r\n" in got and b"X-Seen: yes\r\n" in got, got
        assert got.partition(b"\r\n\r\n")[2] == b"another\r\n.\r\nbody in two parts\r\n", got
        if way == "tls":
            assert milter.macros("M").get(b"{tls_version}") == b"TLSv1.3", milter.macros("M")

with tap.case("macros tell who it is: certificate, login, TLS; and nothing of it where there is none"):
    good = people.client("scanner")
    for ctx, login in ((context(ca, cert=good), True), (context(ca, version=ssl.TLSVersion.TLSv1_2), False)):
        del milter.told[:]
        c = secured("filtered", ctx=ctx)
        if login:
            c.command(plain("gate", password), 235)
        begin(c)
        c.command("QUIT", 221)
        at = {**milter.macros("H"), **milter.macros("M")}
        want = {b"{tls_version}": c.tls.version().encode(), b"{cipher_bits}": str(c.tls.cipher()[2]).encode()}
        if login:
            want.update({b"{auth_authen}": b"gate", b"{auth_type}": b"PLAIN", b"{cert_subject}": b"CN=scanner",
                         b"{cert_issuer}": b"CN=mailferry test authority"})
        for name, value in want.items():
            assert at.get(name) == value, (name, at)
        assert at[b"{cipher}"].startswith(b"TLS_"), at
        for name in (b"{auth_authen}", b"{auth_type}", b"{cert_subject}", b"{cert_issuer}"):
            assert (name in at) == login, (name, at)
    del milter.told[:]
    c = Client(ports["filtered"])
    c.hello()
    begin(c)
    c.command("QUIT", 221)
    at = {**milter.macros("H"), **milter.macros("M")}
    assert not [name for name in at if b"tls" in name or b"cipher" in name or b"auth" in name], at

with tap.case("a milter refuses at the end: the last chunk alone is answered so, and the session goes on"):
    for answer, code in ((mi.REJECT, 550), (mi.TEMPFAIL, 451), (mi.reply(b"554 5.7.1 not this one"), 554)):
        milter.answers = {"E": answer}
        ident, data = fresh()
        c = secured("filtered")
        begin(c)
        c.send(chunk(data[:40], last=False) + chunk(data[40:]) + b"NOOP\r\n")
        c.expect(250)
        c.expect(code)
        c.expect(250)
        milter.answers = {}
        again, data = fresh()
        begin(c)
        c.send(chunk(data))
        c.expect(250)
        c.command("QUIT", 221)
        none(ident)
        one(again)

with tap.case("refused before the first octet: at DATA, and at a recipient"):
    milter.answers = {"T": mi.reply(b"550 5.7.1 no content please")}
    ident, data = fresh()
    c = secured("filtered")
    begin(c)
    c.send(chunk(data[:40], last=False) + chunk(data[40:]) + b"RSET\r\n")
    for _ in range(2):
        code, text = c.reply()
        assert code == 550 and "no content please" in text, text
    c.expect(250)
    # What follows is no part of it: neither behind its last chunk nor behind another command that begins anew.
    c.send(chunk(b"x"))
    assert "5.5.1" in c.expect(503)
    for then in (b"RSET\r\n", b"MAIL FROM:<a@b.example>\r\n", b"EHLO x\r\n"):
        begin(c)
        c.send(chunk(data[:40], last=False) + then)
        assert [c.reply()[0], c.reply()[0]] == [550, 250], then
        c.send(chunk(b"x") + b"RSET\r\n")
        assert [c.reply()[0], c.reply()[0]] == [503, 250], then
    milter.answers = {"R": mi.REJECT}
    c.command("MAIL FROM:<a@b.example>", 250)
    c.command("RCPT TO:<me@office.example>", 550)
    c.send(chunk(data) + b"RSET\r\n")
    assert c.reply()[0] == 554
    c.expect(250)
    c.command("QUIT", 221)
    milter.answers = {}
    none(ident)

with tap.case("a milter that dies between chunks, at the end of header, in the body or before its verdict"):
    for at in ("between", "T", "N", "B", "E"):
        for name, m in (("filtered", milter), ("lax", lax)):
            m.answers = {at: "close"} if at != "between" else {}
            ident, data = fresh(size=100000)
            c = secured(name)
            begin(c)
            c.send(chunk(data[:40], last=False))
            first = c.reply()[0]
            if at == "between":
                m.hang_up()
            c.send(chunk(data[40:]))
            last, text = c.reply()
            c.command("NOOP", 250)
            c.command("QUIT", 221)
            m.answers = {}
            if m is lax:
                assert (first, last) == (250, 250), (at, first, last, text)
                assert content(one(ident)) == data, at
            else:
                assert last == 451 and "4.7.1" in text, (at, first, last, text)
                none(ident)
            assert at != "T" or first == last, (first, last)

with tap.case("one that dies while it replaces the body: come back later, whatever on_failure says"):
    def half(s, data):
        s.sendall(mi.packet(b"b", b"half of it"))
        return "close"
    for name, m in (("filtered", milter), ("lax", lax)):
        m.answers = {"E": half}
        ident, data = fresh()
        c = secured(name)
        begin(c)
        c.send(chunk(data))
        c.expect(451)
        m.answers = {}
        begin(c)
        c.send(chunk(data))
        c.expect(250)
        c.command("QUIT", 221)
        assert content(one(ident)) == data

# ---- PROXY in front of TLS ----

with tap.case("a header of a proxy in front of TLS, of either version, however it is cut"):
    for name in ("frontls", "front"):
        for header in (V1, V2):
            for cut in (None, 1, 10, len(header) - 1):
                ident, data = fresh()
                c = TlsClient(ports[name], context(ca))
                for part in (header,) if cut is None else (header[:cut], header[cut:]):
                    c.raw(part)
                if name == "frontls":
                    c.secure()
                    c.hello()
                else:
                    c.starttls()
                    c.command("EHLO x", 250)
                begin(c)
                c.send(chunk(data))
                c.expect(250)
                c.command("QUIT", 221)
                head = head_of(one(ident))
                assert "[%s]" % CLIENT in head and "ESMTPS" in head and "127.0.0.1" not in head, head
    assert "client=%s:41234" % CLIENT in f.log_text()

with tap.case("header and handshake in one segment: nothing of either is lost"):
    for header in (V1, V2):
        c = TlsClient(ports["frontls"], context(ca))
        raw, c.raw = c.raw, lambda data: raw(header + data)

        def rest(data):
            c.raw = raw
            raw(header + data)
        c.raw = rest
        c.secure()
        assert "PIPELINING" in c.hello()
        c.command("QUIT", 221)

with tap.case("who is not named by the proxy is not let in, TLS or not; no header, or one within TLS, is none"):
    stranger = V1.replace(b"198.51.100.7", b"203.0.113.99")
    c = Client(ports["front"])
    c.send(stranger)
    c.expect(554)
    c = TlsClient(ports["frontls"], context(ca))
    c.raw(stranger)
    try:
        c.secure()
        raise AssertionError("a stranger was let in")
    except (ssl.SSLError, ConnectionError):
        pass
    for send in (client_hello(), b"EHLO x\r\n"):
        before = f.log_text().count("proxy-header-refused")
        c = Client(ports["frontls"])
        c.send(send)
        assert not closes(c.sock)
        wait_for("the line", lambda: f.log_text().count("proxy-header-refused") > before)
    for header in (V1, V2):
        # Where no proxy is expected, what is said under TLS names nobody.
        c = TlsClient(ports["implicit"], context(ca), implicit=True)
        c.hello()
        c.send(header)
        code, text = c.reply()
        assert code >= 500, text
        assert CLIENT not in text
        c.close()
    c = TlsClient(ports["front"], context(ca))
    c.raw(V1)
    c.starttls()
    c.send(V1)
    assert c.reply()[0] >= 500
    c.close()

with tap.case("a command behind the header, before the banner or within the STARTTLS group, is still too early"):
    c = Client(ports["front"])
    c.send(V1 + b"EHLO x\r\n")
    c.expect(554)
    c = Client(ports["front"])
    c.send(V2)
    c.hello()
    c.send(b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\n")
    said = closes(c.sock)
    assert said.startswith(b"554 5.5.0") and b"250" not in said, said

# ---- LMTP under TLS ----

with tap.case("LMTP by TCP has STARTTLS, and AUTH under it; one reply for each recipient, with DATA and with BDAT"):
    c = TlsClient(f.lmtp, context(ca), lmtp=True)
    offered = c.hello()
    assert "STARTTLS" in offered and "PLAIN" not in offered, offered
    c.command(plain("gate", password), 538)
    c = secured("lmtp", lmtp=True)
    assert "STARTTLS" not in c.offered and "PLAIN" in c.offered, c.offered
    c.command("EHLO x", 500)
    c.command(plain("gate", "wrong"), 535)
    c.command(plain("gate", password), 235)
    for way in ("DATA", "BDAT"):
        ident, data = fresh()
        c.send("MAIL FROM:<>\r\nRCPT TO:<a@office.example>\r\nRCPT TO:<no@far.example>\r\n"
               "RCPT TO:<b@office.example>\r\n")
        assert [c.reply()[0] for _ in range(4)] == [250, 250, 550, 250]
        if way == "DATA":
            c.command("DATA", 354)
            c.send(Item(ident, "", data).wire)
        else:
            c.send(chunk(data[:50], last=False))
            c.expect(250)
            c.send(chunk(data[50:]))
        assert "<a@office.example>" in c.expect(250)
        assert "<b@office.example>" in c.expect(250)
        head = head_of(one(ident))
        assert "with LMTPSA id" in head and "tls TLS_AES" in head, head
    c.command("QUIT", 221)

with tap.case("LMTP with tls and auth required: nothing goes before both are there"):
    c = TlsClient(ports["must"], context(ca), lmtp=True)
    c.hello()
    c.command("MAIL FROM:<>", 530)
    c.command("BDAT 0 LAST")
    c.close()
    c = secured("must", lmtp=True)
    assert "5.7.0" in c.command("MAIL FROM:<>", 530)
    c.command(plain("gate", password), 235)
    ident, data = fresh()
    begin(c)
    c.send(chunk(data))
    c.expect(250)
    c.command("QUIT", 221)
    assert "with LMTPSA id" in head_of(one(ident))

with tap.case("octets behind STARTTLS are never taken over LMTP either"):
    c = Client(f.lmtp, lmtp=True)
    c.hello()
    c.send(b"STARTTLS\r\nLHLO x\r\nMAIL FROM:<>\r\n")
    said = closes(c.sock)
    assert said.startswith(b"554 5.5.0") and b"250" not in said, said

# ---- certificates on both sides ----

with tap.case("each name has its certificate, and each client's certificate is told, in every pairing"):
    good, bad = people.client("scanner"), people.client("stranger", stranger=True)
    for sni, want in (("mail.office.example", "mail.office.example"), ("a.example.net", "*.example.net"),
                      (None, "mail.office.example"), ("a.b.example.net", "mail.office.example")):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for cert, word in ((good, 'certificate="CN=scanner"'), (bad, "certificate-distrusted="), (None, None)):
                mark = len(f.log_text())
                c = secured("several", ctx=context(version=version, cert=cert), sni=sni)
                assert c.peer_names()[0] == want, (sni, c.peer_names())
                line = next(x for x in f.log_text()[mark:].splitlines() if "event=secured" in x)
                assert (word or "certificate=") in line if word else "certificate" not in line, (sni, version, line)
                c.command("QUIT", 221)
    # The kind of key goes by what the client can use, with a certificate of its own or without.
    for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        c = secured("several", ctx=context(version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers, cert=good))
        assert c.tls.cipher()[0] == ciphers, c.tls.cipher()
        c.command("QUIT", 221)

with tap.case("a resumed session still knows whose certificate it was"):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx, session = context(version=version, cert=good), None
        for again in (False, True):
            mark = len(f.log_text())
            c = TlsClient(ports["several"], ctx, session=session)
            c.starttls()
            c.command("EHLO x", 250)
            c.command("QUIT", 221)
            session = c.tls.session
            assert c.tls.session_reused == again, version
            line = next(x for x in f.log_text()[mark:].splitlines() if "event=secured" in x)
            assert 'certificate="CN=scanner"' in line, line

with tap.case("all that was accepted is filed"):
    f.drained()
    assert not store.violations, store.violations

assert f.stop() == 0
store.close()
tap.done()
