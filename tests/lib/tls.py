"""SMTP over TLS with the records in the test's hand, and certificates to show."""

import os
import socket
import ssl
import subprocess
import time

from lib.sender import Client

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def context(ca=None, version=None, cert=None, ciphers=None):
    """What a client goes by. Without CA it takes any certificate."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = ca is not None
    c.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        c.load_verify_locations(ca)
    if ciphers:
        c.set_ciphers(ciphers)
    if version:
        c.minimum_version = c.maximum_version = version
    if cert:
        c.load_cert_chain(*cert)
    return c


class TlsClient(Client):
    """
    A client that can be secured: at once (IMPLICIT), or by starttls(). What is
    sent afterwards is sealed by `seal`, in as many records as there are pieces, so
    that a test can cut what it likes before it goes out by `raw`.
    """

    def __init__(self, port, ctx=None, name="mail.office.example", implicit=False, session=None, **kw):
        super().__init__(port, **kw)
        self.ctx = ctx or context()
        self.name = name
        self.session = session
        self.tls = None
        if implicit:
            self.secure()

    def secure(self, behind=b""):
        """BEHIND goes in one piece with the end of the handshake."""
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.ctx.wrap_bio(self.inward, self.outward, server_hostname=self.name, session=self.session)
        self._run(self.tls.do_handshake)
        self.raw(self.seal(behind) if behind else self.outward.read())
        return self

    def starttls(self, greeted=False):
        if not greeted:
            self.hello()
        self.command("STARTTLS", 220)
        return self.secure()

    def _run(self, call):
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                self.raw(self.outward.read())
                data = self.sock.recv(65536)
                if data:
                    self.inward.write(data)
                else:
                    self.inward.write_eof()

    def raw(self, data):
        if data:
            self.sock.sendall(data)

    def seal(self, *pieces):
        """A record for each piece, as octets."""
        for piece in pieces:
            self.tls.write(piece)
        return self.outward.read()

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        self.raw(self.seal(data) if self.tls else data)

    def receive(self):
        """b"" at an orderly end; ConnectionError where it is cut off."""
        if not self.tls:
            return self.sock.recv(65536)
        try:
            return self._run(lambda: self.tls.read(65536))
        except ssl.SSLZeroReturnError:
            return b""
        except (ssl.SSLEOFError, ssl.SSLError) as e:
            raise ConnectionError(str(e))

    def line(self):
        while b"\n" not in self.rest:
            more = self.receive()
            if not more:
                raise ConnectionError("closed by the server")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def read_to_end(self):
        data, self.rest = self.rest, b""
        try:
            while True:
                more = self.receive()
                if not more:
                    return data
                data += more
        except ConnectionError:
            return data

    def goodbye(self):
        """Our close_notify."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.raw(self.outward.read())

    def peer_names(self):
        """Names in the certificate that was shown."""
        der = self.tls.getpeercert(True)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], input=der,
                              capture_output=True, check=True).stdout.decode()
        return [w.strip().partition(":")[2] for w in text.splitlines()[1].split(",")]


def client_hello():
    """The first octets of a client's handshake."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = context().wrap_bio(inward, outward)
    try:
        t.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outward.read()


def self_signed(ferry, base, names, days=30, key=EC):
    """BASE.pem and BASE.key beside the configuration of FERRY, for NAMES; DAYS may be negative."""
    d = ferry.area.mkdir("made-" + base)
    run = lambda *args: subprocess.run(("openssl",) + args, check=True, cwd=d, capture_output=True)  # noqa: E731
    run("req", "-x509", *key, "-keyout", "k", "-out", "c", "-days", str(max(days, 1)), "-subj", "/CN=" + names[0],
        "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names))
    if days <= 0:
        # Only `openssl ca' lets dates lie in the past.
        run("req", "-new", "-key", "k", "-subj", "/CN=" + names[0], "-out", "r")
        with open(os.path.join(d, "conf"), "w") as f:
            f.write("[ca]\ndefault_ca = x\n[x]\ndatabase = index\nserial = serial\nnew_certs_dir = .\npolicy = p\n"
                    "default_md = sha256\nx509_extensions = e\n[p]\ncommonName = supplied\n"
                    "[e]\nsubjectAltName = %s\n" % ",".join("DNS:" + n for n in names))
        with open(os.path.join(d, "serial"), "w") as f:
            f.write("01\n")
        open(os.path.join(d, "index"), "w").close()
        at = lambda days: time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))  # noqa: E731
        run("ca", "-batch", "-selfsign", "-config", "conf", "-keyfile", "k", "-in", "r", "-out", "c", "-notext",
            "-startdate", at(days - 60), "-enddate", at(days))
    for name, source, mode in ((".pem", "c", 0o644), (".key", "k", 0o600)):
        with open(os.path.join(d, source), "rb") as f:
            ferry.write(base + name, f.read(), mode)


def closes(sock, seconds=120):
    """All octets until the other side closes; an error if it does not."""
    sock.settimeout(seconds)
    data = b""
    try:
        while True:
            more = sock.recv(65536)
            if not more:
                return data
            data += more
    except (ConnectionError, socket.timeout) as e:
        if isinstance(e, socket.timeout):
            raise AssertionError("the server does not close; it said %r" % data)
        return data
