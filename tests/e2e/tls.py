"""TLS on listeners: what is served, to whom, and what nobody gets past it."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402
from lib.tls import TlsClient, client_hello, closes, context, self_signed  # noqa: E402

OLD = "ALL:@SECLEVEL=0"

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
office = Office(tap, "tls")
ferry, store = office.ferry, office.store
self_signed(ferry, "main", ["mail.office.example"])
self_signed(ferry, "wild", ["*.example.net", "example.net"])
self_signed(ferry, "rsa", ["mail.office.example"], key=("-newkey", "rsa:2048", "-nodes"))
people = Authority(office.area.mkdir("people"))
implicit, legacy, needed, elsewhere = free_port(), free_port(), free_port(), free_port()
LAN = ["127.0.0.0/8"]
ferry.save(
    certificates={"main": {"certificate": "main.pem", "key": "main.key"},
                  "wild": {"certificate": "wild.pem", "key": "wild.key"},
                  "rsa": {"certificate": "rsa.pem", "key": "rsa.key"}},
    receivers=2,
    listeners={"implicit": {"address": "127.0.0.1:%d" % implicit, "tls": "implicit"},
               "elsewhere": {"address": "127.0.0.1:%d" % elsewhere, "tls": "implicit", "networks": ["192.0.2.0/24"]},
               "legacy": {"address": "127.0.0.1:%d" % legacy, "networks": LAN, "legacy_tls": True},
               "needed": {"address": "127.0.0.1:%d" % needed, "tls": "required", "client_ca": people.ca},
               "lmtp": {"tls": "none"}})
office.start()
serial = 0


def item(to="scans", size=0):
    global serial
    serial += 1
    ident = "<tls-%d@example.org>" % serial
    return Item(ident, [address(to)], message(ident, size=size))


def logged(since, *words):
    return any(all(w in line for w in words) for line in ferry.log_text()[since:].splitlines())


def await_log(since, *words):
    wait_for("a log line with %s" % " ".join(words), lambda: logged(since, *words))


def receivers():
    return [p for p, line in ferry.children().items() if "mailferry-receiver" in line.split(" ")[0]]


with tap.case("STARTTLS: greeted anew, told in log and Received"):
    mark = len(ferry.log_text())
    c = TlsClient(ferry.smtp, context(ferry.path("main.pem")))
    assert "STARTTLS" in c.hello()
    c.starttls(greeted=True)
    code, text = c.command("MAIL FROM:<a@b.example>")
    assert code == 503, text
    text = c.command("EHLO again.example.org", 250)
    assert "STARTTLS" not in text and "PIPELINING" in text, text
    code, text = c.command("STARTTLS")
    assert code == 503, text
    one = item()
    c.deliver(one)
    c.command("QUIT", 221)
    assert c.receive() == b"", "no close_notify behind the last reply"
    await_log(mark, "event=secured", "version=TLSv1.3", "cipher=TLS_AES_256_GCM_SHA384", "resumed=no")
    ferry.drained()
    received = next(m.raw for m in store.messages("office", body=True)["Scans"] if m.id == one.id)
    head = re.sub(rb"\r?\n[ \t]+", b" ", received)
    assert re.search(rb"by mail\.office\.example with ESMTPS id [0-9a-z]+ for <scans@office\.example> "
                     rb"tls TLS_AES_256_GCM_SHA384 \(TLSv1\.3, 256 bits\);", head), head

with tap.case("implicit TLS: encrypted from the first octet, no STARTTLS within"):
    c = TlsClient(implicit, context(ferry.path("main.pem")), implicit=True)
    assert "STARTTLS" not in c.hello()
    code, text = c.command("STARTTLS")
    assert code == 503, text
    c.deliver(item())
    c.quit()

with tap.case("implicit TLS: whoever is turned away hears nothing in clear"):
    mark = len(ferry.log_text())
    with socket.create_connection(("127.0.0.1", elsewhere), timeout=60) as s:
        assert closes(s) == b""
    await_log(mark, "event=not-welcome", "listener=elsewhere")

with tap.case("the certificate goes by the name that the client asks for"):
    for name, want in (("mail.office.example", "mail.office.example"), ("MAIL.office.EXAMPLE", "mail.office.example"),
                       ("a.example.net", "*.example.net"), ("example.net", "*.example.net"),
                       ("a.b.example.net", "mail.office.example"), ("else.example", "mail.office.example"),
                       (None, "mail.office.example")):
        for start in (False, True):
            c = TlsClient(implicit if start else ferry.smtp, name=name, implicit=start)
            if not start:
                c.starttls()
            assert c.peer_names()[0] == want, (name, start, c.peer_names())
            c.close()

with tap.case("two certificates for one name: each client gets the kind that it can use"):
    for ciphers, kind in (("ECDHE-ECDSA-AES128-GCM-SHA256", b"id-ecPublicKey"), ("ECDHE-RSA-AES128-GCM-SHA256", b"rsaEncryption")):
        c = TlsClient(implicit, context(version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers), implicit=True)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=c.tls.getpeercert(True),
                              capture_output=True).stdout
        assert kind in text and c.tls.cipher()[0] == ciphers, (ciphers, c.tls.cipher())
        c.close()

with tap.case("old TLS: refused with words, taken where legacy_tls is set"):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        mark = len(ferry.log_text())
        try:
            TlsClient(ferry.smtp, context(version=version, ciphers=OLD)).starttls()
            raise AssertionError("%s was taken" % version)
        except (ssl.SSLError, ConnectionError):
            pass
        await_log(mark, "event=tls-failed", "legacy_tls")
        c = TlsClient(legacy, context(version=version, ciphers=OLD)).starttls()
        assert c.tls.version() == version.name.replace("_", ".").replace("TLSv1.0", "TLSv1"), c.tls.version()
        c.command("EHLO scanner", 250)
        c.deliver(item())
        c.quit()
    # No forward secrecy, no AEAD: what a scanner of 2008 has.
    for ciphers in ("AES128-SHA", "AES256-SHA256"):
        c = TlsClient(legacy, context(version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers + ":@SECLEVEL=0")).starttls()
        assert c.tls.cipher()[0] == ciphers
        c.close()
        mark = len(ferry.log_text())
        try:
            TlsClient(ferry.smtp, context(version=ssl.TLSVersion.TLSv1_2, ciphers=ciphers + ":@SECLEVEL=0")).starttls()
            raise AssertionError("%s was taken" % ciphers)
        except (ssl.SSLError, ConnectionError):
            pass
        await_log(mark, "event=tls-failed", "cipher")

with tap.case("STARTTLS out of place"):
    c = Client(ferry.smtp)
    c.expect(220)
    assert c.command("STARTTLS")[0] == 503
    c.command("EHLO a", 250)
    assert c.command("STARTTLS now")[0] == 501
    c.command("MAIL FROM:<a@b.example>", 250)
    assert c.command("STARTTLS")[0] == 503
    c.command("RCPT TO:<%s>" % address("scans"), 250)
    assert c.command("STARTTLS")[0] == 503
    c.command("RSET", 250)
    c.quit()
    c = Client(ferry.lmtp, lmtp=True)
    assert "STARTTLS" not in c.hello()
    assert c.command("STARTTLS")[0] == 502
    c.quit()

with tap.case("tls = \"required\": no mail before it"):
    c = TlsClient(needed)
    c.hello()
    for line, code in (("MAIL FROM:<a@b.example>", 530), ("RCPT TO:<x@office.example>", 530), ("DATA", 530),
                       ("VRFY x", 530), ("EXPN x", 530), ("HELP", 530), ("XYZZY", 530), ("NOOP", 250), ("RSET", 250),
                       ("HELO a", 250), ("EHLO a", 250)):
        got, text = c.command(line)
        assert got == code and (code != 530 or text.startswith("530 5.7.0 ")), (line, text)
    c.starttls(greeted=True)
    c.command("EHLO a", 250)
    c.deliver(item())
    c.quit()

with tap.case("tls = \"required\": who can't be meant is closed all the same"):
    for line, code in (("PROXY TCP4 192.0.2.7 192.0.2.1 1 25", 554), ("GET / HTTP/1.1", 502), ("BDAT\t5", 521)):
        c = TlsClient(needed)
        c.expect(220)
        c.command(line, code)
        assert c.read_to_end() == b"", line
        c.close()

with tap.case("a client's certificate is told, and never needed"):
    for stranger, words in ((False, ('certificate="CN=scanner"',)), (True, ("certificate-distrusted=",)), (None, ())):
        mark = len(ferry.log_text())
        cert = None if stranger is None else people.client("scanner", stranger)
        c = TlsClient(needed, context(cert=cert)).starttls()
        c.command("EHLO a", 250)
        await_log(mark, "event=secured", *words)
        assert stranger is False or not logged(mark, 'certificate="CN=scanner"')
        c.deliver(item())
        c.quit()


def nothing_happened(said, mark):
    """Whatever else was answered, no command behind STARTTLS was."""
    assert said.count(b"250") == 0, said
    assert not logged(mark, "event=secured"), said


with tap.case("octets behind STARTTLS are never taken, wherever they are cut"):
    whole = b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\nRSET\r\n"
    for payload in (whole, b"STARTTLS\r\n" + client_hello()):
        cuts = range(1, len(payload)) if payload is whole else (10, 11, 15, 60, len(payload) - 1)
        for cut in [len(payload), *cuts]:
            mark = len(ferry.log_text())
            c = Client(ferry.smtp)
            c.hello()
            c.send(payload[:cut])
            time.sleep(0.005)
            try:
                c.send(payload[cut:])
            except ConnectionError:
                pass
            if payload is not whole and cut == 10:
                # All that came behind the 220 is a handshake in its right place.
                c.close()
                continue
            said = closes(c.sock)
            nothing_happened(said, mark) if payload is whole else None
            assert payload is whole or b"554 5.5.0" in said or said.startswith(b"220") or not said, said
            c.close()

with tap.case("a ClientHello in the same segment as STARTTLS is refused in plain words"):
    c = Client(ferry.smtp)
    c.hello()
    c.send(b"STARTTLS\r\n" + client_hello())
    said = closes(c.sock)
    assert said.startswith(b"554 5.5.0 ") and b"\x16\x03" not in said, said

with tap.case("plain octets between the 220 and the handshake end the connection"):
    for line in (b"R", b"RSET\r\n", b"MAIL FROM:<a@b.example>\r\n", b"\r\n"):
        mark = len(ferry.log_text())
        c = Client(ferry.smtp)
        c.hello()
        c.command("STARTTLS", 220)
        c.send(line)
        said = closes(c.sock)
        assert said[:1] == b"\x15" and len(said) == 7, said
        await_log(mark, "event=tls-failed", "does not speak TLS")

with tap.case("a ClientHello on a port without TLS: one clear error, then the end"):
    for port, text in ((ferry.smtp, b"only after STARTTLS"), (ferry.lmtp, b"does not speak TLS")):
        c = Client(port)
        c.expect(220)
        c.send(client_hello())
        said = closes(c.sock)
        assert said.count(b"\r\n") == 1 and said.startswith(b"554 5.5.1") and text in said, said

with tap.case("plain SMTP where TLS is expected at once: an alert, one line in the log"):
    for line in (b"EHLO a\r\n", b"Q", b"GET / HTTP/1.0\r\n\r\n"):
        mark = len(ferry.log_text())
        c = Client(implicit)
        c.send(line)
        said = closes(c.sock)
        assert said == b"\x15\x03\x01\x00\x02\x02\x0a", said
        await_log(mark, "event=tls-failed", "does not speak TLS")

with tap.case("records and segments may be cut anywhere"):
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    for cut in range(28):
        sealed = c.seal(b"NOOP\r\n")
        c.raw(sealed[:cut])
        time.sleep(0.002)
        c.raw(sealed[cut:])
        c.expect(250)
    c.raw(c.seal(*[bytes([b]) for b in b"NOOP\r\n"]))
    c.expect(250)
    for octet in c.seal(*[bytes([b]) for b in b"NOOP\r\nNOOP\r\n"]):
        c.raw(bytes([octet]))
    c.expect(250)
    c.expect(250)
    big = item(size=300000)
    c.mail(big)
    for at in range(0, len(big.wire), 5000):
        sealed = c.seal(big.wire[at:at + 5000])
        c.raw(sealed[:2501])
        c.raw(sealed[2501:])
    c.expect(250)
    c.quit()

with tap.case("what comes in one piece with the end of the handshake is neither lost nor waited for in vain"):
    c = TlsClient(ferry.smtp)
    c.hello()
    c.command("STARTTLS", 220)
    c.secure(b"EHLO a\r\n")
    c.expect(250)
    c.quit()
    c = TlsClient(implicit)
    c.secure(b"EHLO a\r\n")
    code, text = c.reply()
    assert code == 554 and "wait for the greeting" in text, (code, text)
    c.close()

with tap.case("the end of a message is one, however records are cut; nothing else is"):
    for end, good in ((b"\r\n.\r\n", True), (b"\n.\n", False), (b"\n.\r\n", False), (b"\r\n.\n", False), (b"\r.\r", False),
                      (b"\r.\r\n", False), (b"\n.\r", False), (b"\r.\n", False), (b"\r\n.\r\r\n", False),
                      (b"\r\r\n.\r\r\n", False)):
        for cut in range(1, len(end)):
            c = TlsClient(ferry.smtp).starttls()
            c.command("EHLO a", 250)
            one = item()
            c.mail(one)
            c.raw(c.seal(one.data.rstrip(b"\r\n") + end[:cut], end[cut:] + (b"" if good else b"QUIT\r\n.\r\nQUIT\r\n")))
            code, text = c.reply()
            assert code == (250 if good else 521), (end, cut, text)
            if not good:
                assert c.read_to_end() == b""
            c.close()

with tap.case("a goodbye in the middle of a message, then plain octets: the connection ends, nothing is kept"):
    before = len(ferry.queue())
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    one = item()
    c.mail(one)
    c.raw(c.seal(one.wire[:100]))
    c.goodbye()
    try:
        c.raw(one.wire[100:] + b"QUIT\r\n")
    except ConnectionError:
        pass
    assert b"250" not in closes(c.sock)
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    c.mail(one)
    c.raw(c.seal(one.wire[:100]))
    c.raw(one.wire[100:])  # no record of this session
    assert b"250 2.0.0" not in c.read_to_end()
    assert len(ferry.queue()) <= before, "it was kept"
    assert one.id not in ferry.command("trace", one.id).stdout

with tap.case("cut off in the middle of a message: nothing is kept"):
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    one = item()
    c.mail(one)
    c.raw(c.seal(one.wire[:-2]))
    c.close()
    assert one.id not in ferry.command("trace", one.id).stdout

with tap.case("a renegotiation is refused"):
    p = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % implicit, "-tls1_2"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    p.stdin.write(b"R\n")
    p.stdin.flush()
    out = p.communicate(timeout=120)[0]
    assert b"no renegotiation" in out, out[-2000:]

with tap.case("early data and compression are off"):
    p = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % implicit], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    while b"220 " not in said:
        more = os.read(p.stdout.fileno(), 65536)
        assert more, said
        said += more
    said += p.communicate(b"QUIT\n", timeout=120)[0]
    assert b"Max Early Data: 0" in said and b"Compression: NONE" in said, said[-2500:]


def resume(session, ctx, port=None):
    """One session; is it resumed, and its own ticket."""
    c = TlsClient(port or implicit, ctx, implicit=True, session=session)
    c.hello()
    c.quit_reply = c.command("QUIT", 221)
    again, ticket = c.tls.session_reused, c.tls.session
    c.close()
    return again, ticket


with tap.case("a session is resumed in another process, and after a reload"):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        ctx = context(version=version)
        both = receivers()
        assert len(both) == 2, both
        os.kill(both[0], signal.SIGSTOP)
        try:
            again, ticket = resume(None, ctx)
            assert not again
        finally:
            os.kill(both[0], signal.SIGCONT)
        os.kill(both[1], signal.SIGSTOP)
        try:
            again, ticket = resume(ticket, ctx)
            assert again, "%s: not resumed by the other process" % version
        finally:
            os.kill(both[1], signal.SIGCONT)
        ferry.reload()
        wait_for("new receivers", lambda: len(receivers()) == 2 and not set(receivers()) & set(both))
        again, ticket = resume(ticket, ctx)
        assert again, "%s: not resumed after a reload" % version

with tap.case("a session lives on while the configuration is read anew"):
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    mark, old = len(ferry.log_text()), set(receivers())
    ferry.reload()
    await_log(mark, "event=reloaded")
    c.deliver(item())
    c.quit()
    wait_for("new receivers alone", lambda: len(receivers()) == 2 and not set(receivers()) & old)

with tap.case("swaks takes it: STARTTLS, and TLS from the first octet"):
    tap.need_here("swaks", "swaks")
    if subprocess.run(["perl", "-MNet::SSLeay", "-e", "1"], capture_output=True).returncode != 0:
        raise Skip("swaks has no TLS. On Debian: apt-get install libnet-ssleay-perl, or scripts/check")
    for args in (["--port", str(ferry.smtp), "-tls"], ["--port", str(implicit), "-tlsc"],
                 ["--port", str(needed), "-tls", "--tls-verify", "--tls-ca-path", ferry.path("main.pem")]):
        p = office.area.run(["swaks", "--server", "127.0.0.1", "--to", address("scans"), "--from", "a@b.example", *args],
                            timeout=120)
        assert p.returncode == 0, p.stdout + p.stderr

with tap.case("a flood of small records lets others have their turn"):
    old = set(receivers())
    ferry.save(receivers=1)
    ferry.reload()
    wait_for("a new receiver alone", lambda: len(receivers()) == 1 and not set(receivers()) & old)
    c = TlsClient(implicit, implicit=True)
    c.hello()
    c.command("MAIL FROM:<a@b.example>", 250)
    c.command("RCPT TO:<%s>" % address("scans"), 250)
    c.command("DATA", 354)
    # OpenSSL reads 16,709 octets at once: with records of 65 a part of one is left each time, and so always something.
    flood = c.seal(*[b"x" * 41 + b"\r\n"] * 800, b"the end\n")
    mark = len(ferry.log_text())
    os.kill(receivers()[0], signal.SIGSTOP)
    c.raw(flood)
    # Both are there when it goes on; to hear what the other says it must look a second time.
    other = socket.create_connection(("127.0.0.1", implicit))
    other.sendall(b"Q")
    os.kill(receivers()[0], signal.SIGCONT)
    await_log(mark, "event=refused", "code=521")
    await_log(mark, "event=tls-failed")
    other.close()
    text = ferry.log_text()[mark:]
    assert text.index("event=tls-failed") < text.index("event=refused"), text

with tap.case("who never comes to the end of a handshake is cut off"):
    ferry.save(receivers=2, limits={"command_timeout": "10s"})
    old = set(receivers())
    ferry.reload()
    wait_for("new receivers alone", lambda: len(receivers()) == 2 and not set(receivers()) & old)
    hello = client_hello()
    for port, started in ((implicit, True), (ferry.smtp, False)):
        c = Client(port)
        if not started:
            c.hello()
            c.command("STARTTLS", 220)
        begun = time.monotonic()
        for octet in hello[:100]:
            try:
                c.send(bytes([octet]))
            except ConnectionError:
                break
            time.sleep(0.2)
        assert b"421" not in closes(c.sock)
        assert time.monotonic() - begun < 60

with tap.case("all that was accepted is filed"):
    ferry.drained()

store.stop()
tap.done()
