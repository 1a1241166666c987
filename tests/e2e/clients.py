"""Programs and devices that hand in mail, as offices have them: each sends a message, in clear and by TLS, and it is kept
once."""

import os
import smtplib
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bench.postfix import Postfix  # noqa: E402
from lib.area import Area, find_program, free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.exim import Exim  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

RELAYING = """
default_transport = smtp
relay_transport = smtp
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = encrypt
smtp_tls_CAfile = {ca}
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""


def message(ident, body="Hello,\n\n.a line with a dot in front\n.\n\nend\n"):
    return "From: a@b.example\nTo: me@office.example\nSubject: %s\nMessage-ID: <%s@b.example>\n\n%s" % (ident, ident, body)


class Office(Ferry):
    def __init__(self, area, authority):
        self.tls = free_port()
        self.soft = free_port()
        super().__init__(area, None, port=9, config={
            "accounts": {"office": {"rules": None}},
            "certificates": {"main": {"certificate": authority.cert, "key": authority.key}},
            "listeners": {
                "lan": {"tls": "starttls"},
                "tls": {"address": "127.0.0.1:%d" % self.tls, "tls": "implicit"},
                "scanner": {"address": "127.0.0.1:%d" % self.soft, "networks": ["127.0.0.0/8"], "bare_newlines": "accept"},
            }})

    def kept(self, ident):
        """The log lines that tell of the message being taken; with TLS told in them where it was used."""
        rows = [r for r in self.rows("queue", "list") if ident + "@b.example" in str(r)]
        assert len(rows) == 1, "%s is kept %d times" % (ident, len(rows))


def run(area, *args, stdin=None):
    p = area.run(list(args), input=stdin)
    assert p.returncode == 0, "%s ended with %d: %s" % (args[0], p.returncode, p.stdout + p.stderr)
    return p.stdout + p.stderr


def main():
    tap = Tap()
    area = Area("clients")
    authority = Authority(area.mkdir("authority"))
    area.own(authority.key)
    os.chmod(area.path("authority"), 0o755)
    office = Office(area, authority)
    tap.logs.append(office.logs)
    office.start()
    trust = ssl.create_default_context(cafile=authority.ca)

    with tap.case("Python's smtplib, in clear, by STARTTLS and by TLS from the start"):
        for ident, start in (("py-clear", None), ("py-starttls", "starttls"), ("py-tls", "tls")):
            s = smtplib.SMTP_SSL("localhost", office.tls, context=trust, timeout=240) if start == "tls" else \
                smtplib.SMTP("localhost", office.smtp, timeout=240)
            with s:
                if start == "starttls":
                    s.starttls(context=trust)
                s.sendmail("a@b.example", ["me@office.example"], message(ident))
            office.kept(ident)

    with tap.case("curl"):
        tap.need_here("curl", "curl")
        for ident, url, more in (("curl-clear", "smtp://localhost:%d" % office.smtp, []),
                                 ("curl-starttls", "smtp://localhost:%d" % office.smtp, ["--ssl-reqd"]),
                                 ("curl-tls", "smtps://localhost:%d" % office.tls, [])):
            path = area.write(ident, message(ident).replace("\n", "\r\n"))
            run(area, "curl", "--silent", "--show-error", "--max-time", "240", "--cacert", authority.ca, "--mail-from", "a@b.example",
                "--mail-rcpt", "me@office.example", "--upload-file", path, *more, url)
            office.kept(ident)

    with tap.case("msmtp"):
        tap.need_here("msmtp", "msmtp")
        for ident, more in (("msmtp-clear", ["--port=%d" % office.smtp, "--tls=off"]),
                            ("msmtp-starttls", ["--port=%d" % office.smtp, "--tls=on", "--tls-starttls=on"]),
                            ("msmtp-tls", ["--port=%d" % office.tls, "--tls=on", "--tls-starttls=off"])):
            run(area, "msmtp", "--host=localhost", "--from=a@b.example", "--auth=off", "--tls-trust-file=" + authority.ca,
                "--tls-crl-file=", *more, "me@office.example", stdin=message(ident))
            office.kept(ident)

    with tap.case("swaks in its modes"):
        tap.need_here("swaks", "swaks")
        for ident, more in (("swaks", []), ("swaks-pipeline", ["--pipeline"]), ("swaks-helo", ["--protocol", "SMTP"]),
                            ("swaks-lmtp", ["--protocol", "LMTP", "--port", str(office.lmtp)])):
            args = ["swaks", "--timeout", "120", "--server", "127.0.0.1", "--from", "a@b.example", "--to", "me@office.example",
                    "--header", "Message-Id: <%s@b.example>" % ident]
            if "--port" not in more:
                args += ["--port", str(office.smtp)]
            run(area, *args, *more)
            office.kept(ident)

    with tap.case("a printer that ends its lines with a bare LF, says HELO and never QUIT"):
        with socket.create_connection(("127.0.0.1", office.soft), timeout=240) as s:
            f = s.makefile("rwb")
            for line, code in ((None, b"220"), (b"HELO Front desk printer\n", b"250"), (b"MAIL FROM: <printer@office.example>\n", b"250"),
                               (b"RCPT TO: <me@office.example>\n", b"250"), (b"DATA\n", b"354"),
                               (message("printer").encode() + b"\r\n.\r\n", b"250")):
                if line:
                    f.write(line)
                    f.flush()
                got = f.readline()
                assert got.startswith(code), (line, got)
        office.kept("printer")

    with tap.case("Postfix hands on, under TLS that it verifies, several messages a connection"):
        try:
            postfix = Postfix(area, authority, RELAYING.format(port=office.smtp, ca=authority.ca),
                              "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nscache unix - - n - 1 scache\n")
        except RuntimeError as e:
            raise Skip(str(e)) from e
        tap.logs.append(lambda: area.tail("postfix.log", 30))
        try:
            for i in range(20):
                with smtplib.SMTP("127.0.0.1", postfix.port, timeout=240) as s:
                    s.sendmail("a@b.example", ["me@office.example"], message("postfix-%d." % i))
            wait_for("Postfix to hand on", lambda: sum("<postfix-" in str(r) for r in office.rows("queue", "list")) >= 20, 240)
            for i in range(20):
                office.kept("postfix-%d." % i)
        finally:
            postfix.stop()

    with tap.case("Exim hands on, under TLS that it verifies, several messages a connection"):
        try:
            exim = Exim(area, office.smtp, authority.ca)
        except RuntimeError as e:
            raise Skip(str(e)) from e
        tap.logs.append(lambda: area.tail("exim/mainlog", 30))
        for i in range(20):
            exim.queue("a@b.example", "me@office.example", message("exim-%d." % i))
        exim.hand_on()
        assert exim.waiting() == 0, area.read("exim/mainlog")
        for i in range(20):
            office.kept("exim-%d." % i)
        lines = [x for x in area.read("exim/mainlog").splitlines() if " => " in x]
        assert len(lines) == 20 and all("X=TLS1.3" in x and "CV=yes" in x for x in lines), lines

    office.stop()
    tap.done()


if __name__ == "__main__":
    main()
