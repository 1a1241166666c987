"""Logging in: clients that offices have, with every mechanism; guessing; the file of users and its command."""

import base64
import hashlib
import hmac
import os
import pty
import re
import shutil
import smtplib
import ssl
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

MAIL = ("-f", "scanner@office.example", "-t", "me@office.example")
FAIL2BAN = r"^.*\bevent=auth-failed client=\[?(?P<host>[0-9A-Fa-f:.]+)\]?:\d+ user="


def ssl_pair(area):
    """A key and a certificate for localhost, or None."""
    key, cert = area.path("server.key"), area.path("server.pem")
    p = area.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                  "-out", cert])
    if p.returncode != 0:
        raise AssertionError(p.stderr)
    os.chmod(key, 0o600)
    return cert, key


class Office(Ferry):
    """A store that can't be reached: what is taken waits. One listener for each way to log in."""

    def __init__(self, area):
        super().__init__(area, None, port=9, config={"accounts": {"office": {"rules": None}}})
        self.plain, self.must, self.secure = free_port(), free_port(), free_port()
        self.cert, self.key = ssl_pair(area)
        networks = ["127.0.0.0/8"]
        self.save(users="users", certificates={"main": {"certificate": self.cert, "key": self.key}},
                  limits={"guesses": 200, "guesses_per_user": 200},
                  listeners={
                      "old": {"address": "127.0.0.1:%d" % self.plain, "networks": networks, "auth": "offered",
                              "auth_plaintext": True, "tls": "none"},
                      "must": {"address": "127.0.0.1:%d" % self.must, "networks": networks, "auth": "required",
                               "auth_plaintext": True, "tls": "none"},
                      "secure": {"address": "127.0.0.1:%d" % self.secure, "auth": "required", "tls": "starttls"},
                  })

    def waiting(self):
        return len(self.queue())


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise Skip("%s is not installed" % name)
    return path


def ask(ferry, args, lines):
    """The command on a terminal of its own; what it showed, and its status."""
    argv = [os.path.join(ferry.area.bin, "mailferry")] + list(args) + ["-c", ferry.file]
    pid, fd = pty.fork()
    if pid == 0:
        if ferry.area.root:
            os.setgroups([])
            os.setgid(ferry.area.user.pw_gid)
            os.setuid(ferry.area.user.pw_uid)
        os.execv(argv[0], argv)
    shown = b""
    for prompt, line in lines:
        while prompt not in shown:
            shown += os.read(fd, 1000)
        time.sleep(0.2)  # a terminal that is not hidden yet would echo: that is what is looked for
        os.write(fd, line + b"\n")
        shown_before, shown = shown, b""
        assert line not in shown_before, shown_before
    try:
        while True:
            more = os.read(fd, 1000)
            if not more:
                break
            shown += more
    except OSError:
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return shown.decode("utf-8", "replace"), status


def command_line(t, ferry):
    with t.case("without the file, check says how to make it"):
        p = ferry.command("check")
        assert p.returncode == 78 and "mailferry user add" in p.stderr, p.stderr
    with t.case("user add prints a password of 130 bits, and nothing else on standard output"):
        p = ferry.command("user", "add", "scanner", check=True)
        assert re.fullmatch(r"[a-z2-7]{6}(-[a-z2-7]{5}){4}\n", p.stdout), p.stdout
        ferry.password = p.stdout.strip()
        p = ferry.command("user", "add", "both", "--sha1", check=True)
        ferry.both = p.stdout.strip()
    with t.case("the file is for its owner only, and holds no password"):
        mode = os.stat(ferry.path("users"))
        assert stat.S_IMODE(mode.st_mode) == 0o600, oct(mode.st_mode)
        text = open(ferry.path("users")).read()
        assert ferry.password not in text and "scanner SCRAM-SHA-256$4096:" in text, text
        assert not [n for n in os.listdir(ferry.dir) if n.startswith("users.")], os.listdir(ferry.dir)
    with t.case("a password of one's own is asked for twice, and not shown"):
        shown, status = ask(ferry, ["user", "add", "jörg", "--ask"], [(b"Password: ", b"correct horse"),
                                                                       (b"Once more: ", b"correct horse")])
        assert status == 0 and "correct" not in shown, (status, shown)
        assert "jörg SCRAM-SHA-256$100000:" in open(ferry.path("users")).read()
        shown, status = ask(ferry, ["user", "password", "jörg", "--ask"], [(b"Password: ", b"correct horse"),
                                                                            (b"Once more: ", b"other horse")])
        assert status == 65 and "differ" in shown, (status, shown)
    with t.case("or is the first line of standard input"):
        ferry.command("user", "password", "jörg", "--ask", input="battery staple\nmore\n", check=True)
        assert ferry.command("user", "test", "jörg", input="battery staple\n").returncode == 0
        assert ferry.command("user", "test", "jörg", input="correct horse\n").returncode == 77
        p = ferry.command("user", "password", "jörg", "--ask", input="short\n")
        assert p.returncode == 65 and "8 characters" in p.stderr, p.stderr
    with t.case("what can't be done is said, and changes nothing"):
        before = open(ferry.path("users")).read()
        for args, word in ((("add", "scanner"), "is there already"), (("password", "nobody"), "no user nobody"),
                           (("remove", "scanner", "nobody"), "nothing was changed"), (("add", "a b"), "blanks"),
                           (("add", ""), "octets"), (("add", "#a"), "begin"), (("add",), "missing"),
                           (("add", "a", "b"), "one name"), (("frob", "a"), "unknown action"), ((), "say what to do"),
                           (("list", "x"), "no name"), (("add", "x", "--rounds", "1"), "4096")):
            p = ferry.command("user", *args)
            assert p.returncode in (64, 65) and word in p.stderr, (args, p.returncode, p.stderr)
        assert open(ferry.path("users")).read() == before
    with t.case("list names them"):
        names = [r["name"] for r in ferry.rows("user", "list")]
        assert names == ["both", "jörg", "scanner"], names
        assert "SCRAM-SHA-1" in ferry.command("user", "list", check=True).stdout
    with t.case("a name is the same in each of its forms"):
        ferry.command("user", "add", "o\u0308ffice", check=True)
        p = ferry.command("user", "add", "\u00f6ffice")
        assert p.returncode == 65 and "is there already" in p.stderr, p.stderr
        ferry.command("user", "remove", "o\u0308ffice", check=True)
        assert len(ferry.rows("user", "list")) == 3
    with t.case("mode and owner are kept, a symbolic link stays one"):
        os.chmod(ferry.path("users"), 0o640)
        os.rename(ferry.path("users"), ferry.path("real-users"))
        os.symlink("real-users", ferry.path("users"))
        # As root, where the tests are.
        argv = [os.path.join(ferry.area.bin, "mailferry"), "user"]
        for args in (["add", "gone"], ["remove", "gone"]):
            p = ferry.area.run(argv + args + ["-c", ferry.file], unprivileged=False)
            assert p.returncode == 0, p.stderr
        st = os.stat(ferry.path("real-users"))
        assert os.path.islink(ferry.path("users")) and stat.S_IMODE(st.st_mode) == 0o640, oct(st.st_mode)
        assert (st.st_uid, st.st_gid) == (ferry.area.user.pw_uid, ferry.area.user.pw_gid), st
    with t.case("twenty at once lose nobody"):
        argv = [os.path.join(ferry.area.bin, "mailferry")]
        running = [ferry.area.start(argv + ["user", "add", "n%d" % i, "-c", ferry.file], log="adds") for i in range(20)]
        assert all(p.wait(120) == 0 for p in running)
        assert len(ferry.rows("user", "list")) == 23
        ferry.command("user", "remove", *["n%d" % i for i in range(20)], check=True)
    with t.case("a bad line is told with its place"):
        good = open(ferry.path("users")).read()
        ferry.write("users", good + "broken SCRAM-SHA-256$1:a$b:c\n", 0o600)
        p = ferry.command("check")
        assert p.returncode == 78 and re.search(r"users:\d+: the number of rounds", p.stderr), p.stderr
        ferry.write("users", good, 0o644)
        p = ferry.command("check")
        assert p.returncode == 78 and "everybody may read" in p.stderr, p.stderr
        ferry.write("users", good, 0o600)
        p = ferry.command("check", check=True)
        assert "learns the passwords" in p.stdout + p.stderr, p.stdout + p.stderr


def login(ferry, mechanism, user, password, port=None):
    """smtplib by hand, so that each mechanism is the one that is meant."""
    s = smtplib.SMTP("127.0.0.1", port or ferry.plain, "client.example", timeout=60)
    s.ehlo()
    if mechanism == "PLAIN":
        code, _ = s.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0%s\0%s" % (user.encode(), password.encode())).decode())
    else:
        s.docmd("AUTH", "LOGIN")
        s.docmd(base64.b64encode(user.encode()).decode())
        code, _ = s.docmd(base64.b64encode(password.encode()).decode())
    s.close()
    return code


def scram_plus(ferry, digest, version, kind, password, spoil=False):
    """SCRAM-…-PLUS by hand: the code at the end, and whether the server has proved that it knows the password."""
    context = ssl.create_default_context(cafile=ferry.cert)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    s = smtplib.SMTP("localhost", ferry.secure, "client.example", timeout=60)
    s.starttls(context=context)
    s.ehlo()
    name = {"sha256": "SCRAM-SHA-256-PLUS", "sha1": "SCRAM-SHA-1-PLUS"}[digest]
    assert name in s.esmtp_features["auth"].split(), s.esmtp_features
    binding = s.sock.get_channel_binding("tls-unique") if kind == "tls-unique" else \
        hashlib.sha256(s.sock.getpeercert(True)).digest()
    if spoil:
        binding = bytes([binding[0] ^ 1]) + binding[1:]
    header = b"p=" + kind.encode() + b",,"
    bare = b"n=both,r=" + base64.b64encode(os.urandom(12))
    code, text = s.docmd("AUTH", name + " " + base64.b64encode(header + bare).decode())
    assert code == 334, (code, text)
    first = base64.b64decode(text)
    nonce, salt, rounds = (f[2:] for f in first.split(b","))
    final = b"c=" + base64.b64encode(header + binding) + b",r=" + nonce
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(salt), int(rounds))
    key = hmac.digest(salted, b"Client Key", digest)
    said = bare + b"," + first + b"," + final
    proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.new(digest, key).digest(), said, digest)))
    code, text = s.docmd(base64.b64encode(final + b",p=" + base64.b64encode(proof)).decode())
    known = code == 334 and base64.b64decode(text) == b"v=" + base64.b64encode(
        hmac.digest(hmac.digest(salted, b"Server Key", digest), said, digest))
    if code == 334:
        code, text = s.docmd("")
    s.close()
    return code, known


def clients(t, ferry):
    with t.case("Python's smtplib logs in and sends"):
        for user, password in (("scanner", ferry.password), ("jörg", "battery staple")):
            before = ferry.waiting()
            s = smtplib.SMTP("127.0.0.1", ferry.must, "client.example", timeout=60)
            s.ehlo()
            assert s.has_extn("auth") and "CRAM-MD5" not in s.esmtp_features["auth"]
            if user.isascii():
                s.login(user, password)
            else:  # smtplib encodes in ASCII
                assert s.docmd("AUTH", "PLAIN " + base64.b64encode(
                    b"\0%s\0%s" % (user.encode(), password.encode())).decode())[0] == 235
            s.sendmail("scanner@office.example", ["me@office.example"], message(1))
            s.quit()
            assert ferry.waiting() == before + 1
    with t.case("CRAM-MD5 is refused"):
        s = smtplib.SMTP("127.0.0.1", ferry.plain, timeout=60)
        s.ehlo()
        assert s.docmd("AUTH", "CRAM-MD5")[0] == 504
        s.close()
    with t.case("without logging in nothing is taken where it is required, and mail is where it is offered"):
        s = smtplib.SMTP("127.0.0.1", ferry.must, timeout=60)
        s.ehlo()
        assert s.mail("a@b.example")[0] == 530
        s.close()
        s = smtplib.SMTP("127.0.0.1", ferry.plain, timeout=60)
        s.sendmail("scanner@office.example", ["me@office.example"], message(2))
        s.quit()
    for mechanism in ("PLAIN", "LOGIN"):
        with t.case("swaks, %s" % mechanism):
            p = ferry.area.run([tool("swaks"), "--server", "127.0.0.1", "--port", str(ferry.must), *MAIL, "--auth",
                                mechanism, "--auth-user", "scanner", "--auth-password", ferry.password])
            assert p.returncode == 0 and "235 2.7.0" in p.stdout, p.stdout
            p = ferry.area.run([tool("swaks"), "--server", "127.0.0.1", "--port", str(ferry.must), *MAIL, "--auth",
                                mechanism, "--auth-user", "scanner", "--auth-password", "wrong"])
            assert p.returncode == 28 and "535 5.7.8" in p.stdout, (p.returncode, p.stdout)
        with t.case("swaks, %s under STARTTLS only" % mechanism):
            args = [tool("swaks"), "--server", "127.0.0.1", "--port", str(ferry.secure), *MAIL, "--auth", mechanism,
                    "--auth-user", "scanner", "--auth-password", ferry.password]
            p = ferry.area.run(args + ["--tls"])
            assert p.returncode == 0 and "235 2.7.0" in p.stdout, p.stdout
            p = ferry.area.run(args)
            assert p.returncode == 28 and "<-  235" not in p.stdout, p.stdout
        with t.case("curl, %s" % mechanism):
            ferry.write("mail", b"Subject: by curl\r\n\r\nbody\r\n")
            base = [tool("curl"), "-sS", "--mail-from", "scanner@office.example", "--mail-rcpt", "me@office.example",
                    "-T", ferry.path("mail"), "--login-options", "AUTH=" + mechanism]
            p = ferry.area.run(base + ["smtp://127.0.0.1:%d" % ferry.must, "-u", "scanner:" + ferry.password])
            assert p.returncode == 0, p.stderr
            p = ferry.area.run(base + ["--ssl-reqd", "--cacert", ferry.cert, "smtp://localhost:%d" % ferry.secure,
                                       "-u", "scanner:" + ferry.password])
            assert p.returncode == 0, p.stderr
            p = ferry.area.run(base + ["smtp://127.0.0.1:%d" % ferry.must, "-u", "scanner:wrong"])
            assert p.returncode == 67, (p.returncode, p.stderr)
    for mechanism in ("plain", "login", "scram-sha-256", "scram-sha-1"):
        for secure in (False, True):
            with t.case("msmtp, %s%s" % (mechanism, ", STARTTLS" if secure else "")):
                args = [tool("msmtp"), "--host=localhost", "--port=%d" % (ferry.secure if secure else ferry.must),
                        "--from=scanner@office.example", "--auth=" + mechanism, "--user=both",
                        "--passwordeval=echo " + ferry.both, "me@office.example"]
                if secure:
                    args[1:1] = ["--tls=on", "--tls-starttls=on", "--tls-trust-file=" + ferry.cert]
                p = ferry.area.run(args, input="Subject: by msmtp\n\nbody\n")
                assert p.returncode == 0, p.stderr
                args[-2] = "--passwordeval=echo wrong"
                p = ferry.area.run(args, input="Subject: by msmtp\n\nbody\n")
                assert p.returncode == 77, (p.returncode, p.stderr)
    for digest, version, kind in (("sha256", "TLSv1_2", "tls-unique"), ("sha1", "TLSv1_2", "tls-unique"),
                                  ("sha256", "TLSv1_2", "tls-server-end-point"),
                                  ("sha256", "TLSv1_3", "tls-server-end-point"),
                                  ("sha1", "TLSv1_3", "tls-server-end-point")):
        with t.case("SCRAM with channel binding: %s, %s, %s" % (digest, version, kind)):
            assert scram_plus(ferry, digest, version, kind, ferry.both) == (235, True)
            assert scram_plus(ferry, digest, version, kind, "wrong") == (535, False)
            # As if somebody stood between.
            assert scram_plus(ferry, digest, version, kind, ferry.both, spoil=True) == (535, False)
    with t.case("who sent a message stands in its record, not in its header"):
        wait_for("the log", lambda: "event=authenticated" in ferry.log_text())
        row = ferry.queue()[0]
        shown = ferry.command("queue", "show", str(row["id"]), check=True).stdout
        assert ", user scanner" in shown, shown


def hostile(t, ferry):
    rows = (
        (b"AUTH PLAIN !\r\n", 501), (b"AUTH PLAIN a b\r\n", 501), (b"AUTH\r\n", 501), (b"AUTH PLAIN =\r\n", 501),
        (b"AUTH GSSAPI\r\n", 504), (b"AUTH PLAIN *\r\n", 501),
        (b"AUTH PLAIN " + b"A" * 12300 + b"\r\n", 500),
        (b"AUTH PLAIN " + base64.b64encode(b"root\0scanner\0x") + b"\r\n", 535),
    )
    with t.case("hostile lines, each in pieces of every size, leave the session in step"):
        for line, code in rows:
            for piece in (1, 7, 1000, len(line)):
                if piece == 1 and len(line) > 1000:
                    continue
                c = Client(ferry.plain, timeout=60)
                c.expect(220)
                c.command("EHLO x", 250)
                for at in range(0, len(line), piece):
                    c.send(line[at:at + piece])
                c.expect(code)
                c.command("NOOP", 250)
                c.close()
    with t.case("AUTH without TLS where TLS is needed for it: 538"):
        c = Client(ferry.secure, timeout=60)
        c.expect(220)
        c.command("EHLO x", 250)
        c.command("AUTH PLAIN", 538)
        c.command("AUTH LOGIN", 538)
        c.close()
    with t.case("bytes behind a line of AUTH are not taken for commands"):
        c = Client(ferry.plain, timeout=60)
        c.expect(220)
        c.command("EHLO x", 250)
        c.send(b"AUTH LOGIN\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@office.example>\r\n")
        c.expect(554)
        c.close()


def guesses(t, ferry):
    with t.case("failures are slow, then the session ends"):
        c = Client(ferry.plain, timeout=60)
        c.expect(220)
        c.command("EHLO x", 250)
        begun = time.monotonic()
        for _ in range(4):
            c.command("AUTH PLAIN AHgAeA==", 535)
        assert time.monotonic() - begun > 1 + 2 + 4 + 8 - 1
        c.command("AUTH PLAIN AHgAeA==", 421)
        c.close()
    with t.case("the log has one line a failure, which fail2ban reads and a client can't forge"):
        evil = "x\nevent=auth-failed client=198.51.100.9:1 user="
        login(ferry, "PLAIN", evil, "x")
        login(ferry, "PLAIN", 'a" client=198.51.100.9:1 user="', "x")
        lines = [line for line in ferry.log_text().splitlines() if "event=auth-failed" in line]
        assert len(lines) >= 7, lines
        for line in lines:
            m = re.match(FAIL2BAN, line)
            assert m and m.group("host") == "127.0.0.1", line
        assert not any("198.51.100.9" in (re.match(FAIL2BAN, x) or [""])[0] for x in ferry.log_text().splitlines())
    with t.case("the filter in the manual is the one that was tried"):
        text = open(os.path.join(os.environ["top_srcdir"], "docs", "users.md")).read()
        regex = re.search(r"^\s*failregex = (.*)$", text, re.M).group(1)
        regex = regex.replace("<HOST>", r"(?P<host>[0-9A-Fa-f:.]+)")
        for line in ferry.log_text().splitlines():
            m = re.search(regex, line)
            assert bool(m) == ("event=auth-failed" in line and " role=receiver event=auth-failed " in line), line
            assert m is None or m.group("host") == "127.0.0.1", line
        # What a client can have written into other lines is not taken for one.
        forged = "time=2026-01-02T03:04:05.678Z level=warning role=receiver event=auth-failed client=198.51.100.9:1 user="
        for start in ("time=x level=info role=receiver event=unknown-recipient from=\"a ", "mail mailferry[1]: time=x from=\" "):
            assert re.search(regex, start + forged) is None
        for start in ("", "mail mailferry[1]: "):
            assert re.search(regex, start + forged).group("host") == "198.51.100.9"
    with t.case("no secret is in the log"):
        log = ferry.log_text()
        assert ferry.password not in log and "battery" not in log
        assert base64.b64encode(b"\0scanner\0" + ferry.password.encode()).decode() not in log
    with t.case("limits hold over connections; who is known here still gets in"):
        ferry.save(limits={"guesses": 3}, log_level="debug")
        ferry.stop()
        ferry.start()
        assert login(ferry, "PLAIN", "scanner", ferry.password) == 235
        for _ in range(3):
            assert login(ferry, "LOGIN", "both", "wrong") == 535
        assert login(ferry, "PLAIN", "both", ferry.both) == 421
        assert login(ferry, "PLAIN", "scanner", ferry.password) == 235
    with t.case("no secret is in the log of every step"):
        c = Client(ferry.secure)
        c.hello()
        # A device that does not look whether it may go on.
        c.command("AUTH LOGIN", 538)
        c.command(base64.b64encode(ferry.password.encode()).decode(), 500)
        c.command("QUIT", 221)
        log = ferry.log_text()
        assert "level=debug" in log and ferry.password not in log
        assert base64.b64encode(b"\0scanner\0" + ferry.password.encode()).decode() not in log
        assert base64.b64encode(ferry.password.encode()).decode() not in log
    ferry.save(limits={"guesses": 200}, log_level="info")


def reloads(t, ferry):
    with t.case("a new user is taken up with SIGHUP; a bad file changes nothing"):
        ferry.stop()
        ferry.start()
        new = ferry.command("user", "add", "late", check=True).stdout.strip()
        ferry.renew()
        assert login(ferry, "PLAIN", "late", new) == 235
        good = open(ferry.path("users")).read()
        ferry.write("users", good + "late twice\n", 0o600)
        ferry.reload()
        wait_for("the reload to fail", lambda: "event=reload-failed" in ferry.log_text())
        assert login(ferry, "PLAIN", "late", new) == 235
        ferry.write("users", good, 0o600)
    with t.case("and without a word within two minutes"):
        ferry.command("user", "remove", "late", check=True)
        wait_for("the user to be gone", lambda: login(ferry, "PLAIN", "late", new) == 535, 150)


def main():
    area = Area("smtp-auth")
    t = Tap()
    try:
        ferry = Office(area)
        t.logs.append(ferry.logs)
        command_line(t, ferry)
        ferry.start()
        clients(t, ferry)
        hostile(t, ferry)
        guesses(t, ferry)
        reloads(t, ferry)
        with t.case("it stops in order"):
            assert ferry.stop() == 0
    finally:
        area.close()
    t.done()


if __name__ == "__main__":
    main()
