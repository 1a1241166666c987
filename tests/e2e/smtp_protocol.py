"""The receiver on real sockets: time, limits, and clients that behave badly. No store is needed."""

import os
import resource
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

BEGIN = b"EHLO c.example.org\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@office.example>\r\n"


class Receiver(Ferry):
    """A mailferry whose store can't be reached: what it takes stays in the queue."""

    def __init__(self, area, name, **limits):
        super().__init__(area, None, name=name, port=9, config={"limits": limits, "accounts": {"office": {"rules": None}}})
        self.unix = self.path("lmtp")
        self.save(listeners={"local": {"address": "unix:" + self.unix, "protocol": "lmtp"}})

    def pid(self, role="receiver"):
        return next((p for p, line in self.children().items() if ("mailferry-" + role) in line), None)

    def memory(self, what="VmHWM"):
        with open("/proc/%d/status" % self.pid()) as f:
            return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))

    def sanitized(self):
        """Sanitizers keep memory of their own: then only growth without end would show."""
        with open("/proc/%d/maps" % self.pid()) as f:
            return "libasan" in f.read()

    def cpu(self):
        with open("/proc/%d/stat" % self.pid()) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, **kw):
        c = Client(self.smtp, **kw)
        c.expect(220)
        return c

    def begun(self):
        """A client that has been told to send its message."""
        c = self.client()
        c.send(BEGIN)
        for _ in range(3):
            c.expect(250)
        c.command("DATA", 354)
        return c


class Few(Receiver):
    """Started with few descriptors and no right to more."""

    def launch(self):
        self.process = self.area.start(["sh", "-c", 'ulimit -n 60; exec "$0" run -c "$1"',
                                        os.path.join(self.area.bin, "mailferry"), self.file], log=self.log, env=self.env)
        return self


def whole(c):
    """All that is still said, up to the server's close."""
    return c.read_to_end().decode()


def expect(text, *parts):
    for part in parts:
        assert part in text, "%r is not in %r" % (part, text)


def main():
    tap = Tap()
    area = Area("smtp")
    f = Receiver(area, "short", command_timeout="2s", commands=1000000)
    tap.logs.append(f.logs)
    f.start()

    with tap.case("a silent client is told and closed"):
        start = time.monotonic()
        expect(whole(f.client()), "421 4.4.2 ")
        assert 1.5 < time.monotonic() - start < 60

    with tap.case("a command that trickles in gets no more time"):
        c = f.client()
        start = time.monotonic()
        said = b""
        c.sock.settimeout(0.5)
        while b"\n" not in said and time.monotonic() - start < 60:
            c.send("N")
            try:
                said += c.sock.recv(1000)
            except TimeoutError:
                pass
        expect(said.decode(), "421 4.4.2 ")

    with tap.case("a message that falls silent, or trickles, or lasts too long"):
        # Whose commands are not hurried: it is not they that are tried, and we may be held up between them.
        g = Receiver(area, "slow", data_timeout="2s", message_timeout="6s")
        tap.logs.append(g.logs)
        g.start()
        start = time.monotonic()
        c = g.begun()
        c.send("Subject: x\r\n")
        expect(whole(c), "421 4.4.2 ")
        assert time.monotonic() - start < 60
        for pause, size, least in ((0.4, 1, 1.5), (0.3, 3000, 5)):
            start = last = time.monotonic()
            longest = 0
            c = g.begun()
            c.sock.settimeout(0.01)
            got = b""
            while b"421" not in got and time.monotonic() - start < 60:
                now = time.monotonic()
                longest, last = max(longest, now - last), now
                try:
                    c.send(b"x" * size)
                    got += c.sock.recv(1000)
                except TimeoutError:
                    pass
                time.sleep(pause)
            expect(got.decode(), "421 4.4.2 ")
            # Unless we were held up ourselves for as long as it waits.
            assert least < time.monotonic() - start or longest > 1.5, (size, time.monotonic() - start)
        assert g.stop() == 0

    with tap.case("a client that never reads is bounded and closed"):
        before = f.memory("VmRSS")
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", f.smtp))
        s.settimeout(1)
        start = time.monotonic()
        closed = False
        while not closed and time.monotonic() - start < 120:
            try:
                s.sendall(b"HELP\r\n" * 1000)
            except TimeoutError:
                pass
            except OSError:
                closed = True
        assert closed, "still open"
        assert f.memory("VmRSS") - before < (20000 if f.sanitized() else 2000), "memory grew"
        s.close()
    assert f.stop() == 0

    # From here on nobody is hurried.
    f = Receiver(area, "calm", sessions_per_address=20, commands=1000000)
    tap.logs.append(f.logs)
    f.start()

    with tap.case("the session too many of an address is told so"):
        clients = wait_for("a place for each", lambda: all_come(f, 20))
        c = Client(f.smtp)
        expect(whole(c), "421 4.7.0 ")
        clients.pop().close()
        wait_for("a place to become free", lambda: whole_first(f) == "220")
        for c in clients:
            c.close()

    with tap.case("who talks before the greeting is refused"):
        os.kill(f.pid(), signal.SIGSTOP)
        try:
            c = Client(f.smtp)
            c.send(BEGIN)
        finally:
            os.kill(f.pid(), signal.SIGCONT)
        text = whole(c)
        expect(text, "554 5.5.0 ")
        assert "220" not in text

    with tap.case("a message behind DATA in the same segment is not taken"):
        c = f.client()
        c.send(BEGIN + b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
        expect(whole(c), "554 5.5.0 ")

    with tap.case("a bare line end in a message closes, and its sender can read why"):
        c = f.begun()
        c.send(b"Subject: x\r\n\r\nx\n.\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<me@office.example>\r\nDATA\r\nx\r\n.\r\n")
        text = whole(c)
        expect(text, "521 5.5.2 ")
        assert "250" not in text

    with tap.case("a line of 20 MB without an end is cut off"):
        c = f.client()
        before = f.memory()
        try:
            for _ in range(200):
                c.send(b"x" * 100000)
        except OSError:
            pass
        else:
            raise AssertionError("all of it was taken")
        assert f.memory() - before < 2000
        c.close()

    with tap.case("LMTP over a UNIX socket, also one left by a killed process"):
        for _ in range(2):
            c = Client(0, host=f.unix, lmtp=True, family=socket.AF_UNIX)
            c.hello()
            c.mail(Item("<u@x>", ["a@office.example", "b@office.example"], b""))
            c.send(message("<u@x>") + b".\r\n")
            c.expect(250)
            c.expect(250)
            c.close()
            f.kill()
            f.start()

    with tap.case("what is dropped before its end is not kept"):
        c = f.begun()
        c.send(message("<dropped@x>"))
        c.close()
        c = f.client()
        c.send("EHLO x\r\n")
        c.expect(250)
        c.quit()
        assert "<dropped@x>" not in f.command("queue", "list", "--json").stdout

    with tap.case("dropped before the 250 and sent again, it is kept once"):
        data = message("<once@x>")
        os.kill(f.pid("spool"), signal.SIGSTOP)
        try:
            c = f.begun()
            c.send(data + b".\r\n")
            time.sleep(0.5)
            c.close()
        finally:
            os.kill(f.pid("spool"), signal.SIGCONT)
        def again(leave):
            c = f.begun()
            c.send(data + b".\r\n")
            c.expect(250)
            getattr(c, leave)()
            return len([r for r in f.rows("queue", "list") if "once@x" in str(r)])

        # Whoever closes may be a proxy: only a command that comes after the 250 shows at once that it was read.
        assert again("close") == 1
        assert again("quit") == 1
        # That the QUIT came is recorded with the next commit; from then on the same words are a new message.
        wait_for("the confirmation", lambda: again("quit") == 2)

    with tap.case("a command that was sent before the 250 was read does not show that it was"):
        def again(how):
            c = Client(0, host=f.unix, lmtp=True, family=socket.AF_UNIX)
            c.hello()
            c.mail(Item("<u@x>", ["a@office.example"], b""))
            c.send(message("<crossed@x>") + b".\r\n")

            def lie_there(n):
                wait_for("%d replies" % n, lambda: c.sock.recv(4096, socket.MSG_PEEK).count(b"\r\n") == n, every=0.01)
            lie_there(1)
            if how == "read":
                c.expect(250)
                c.command("NOOP", 250)
                c.close()
            elif how == "unread":
                c.send("NOOP\r\n")
                lie_there(2)
                c.close()
            else:  # gone by the time it is looked at, and the reply with it
                os.kill(f.pid(), signal.SIGSTOP)
                try:
                    c.send("NOOP\r\n")
                    c.close()
                finally:
                    os.kill(f.pid(), signal.SIGCONT)
            return len([r for r in f.rows("queue", "list") if "crossed@x" in str(r)])

        for how in ("unread", "unread", "gone", "gone", "read"):
            assert again(how) == 1, how
        # From the next commit on it is another message.
        wait_for("the confirmation", lambda: again("read") == 2)

    with tap.case("while the spool is away mail is refused, and then taken again in the same session"):
        os.kill(f.pid("spool"), signal.SIGKILL)
        seen = set()

        def taken():
            with_client = f.client()
            try:
                with_client.send(BEGIN)
                for _ in range(3):
                    with_client.expect(250)
                code, text = with_client.command("DATA")
                seen.add(code)
                if code != 354:
                    expect(text, "451 4.3.0 ")
                    return False
                with_client.send(message("<back@x>") + b".\r\n")
                try:
                    return with_client.reply()[0] == 250
                except ConnectionError:
                    return False
            finally:
                with_client.close()

        wait_for("the spool to be back", taken)
    assert f.stop() == 0

    with tap.case("a spool that was stalled until the receiver gave it up is used again"):
        g = Receiver(area, "stalled", sessions=2000, sessions_per_address=2000)
        g.start()
        wait_for("its start", lambda: g.pid("spool"))
        os.kill(g.pid("spool"), signal.SIGSTOP)
        clients = []
        try:
            try:
                while len(clients) < 1500:
                    c = g.begun()
                    c.send(b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 820 + b".\r\n")
                    clients.append(c)
            except Refused as refused:
                expect(str(refused), "451")
            # It may not have read them all yet.
            wait_for("the receiver to give it up", lambda: "event=spool-gone" in g.log_text())
        finally:
            os.kill(g.pid("spool"), signal.SIGCONT)
        tap.diag("%d messages waited" % len(clients))
        for c in clients:
            c.close()

        def taken_again():
            c = g.client()
            c.send(BEGIN)
            for _ in range(3):
                c.expect(250)
            if c.command("DATA")[0] != 354:
                return False
            c.send(message("<again@x>") + b".\r\n")
            return c.reply()[0] == 250

        wait_for("mail to be taken again", taken_again)
        assert g.stop() == 0

    few = Few(area, "few")
    tap.logs.append(few.logs)
    few.start()
    with tap.case("out of descriptors it pauses, does not spin, and comes back"):
        held = [socket.create_connection(("127.0.0.1", few.smtp)) for _ in range(80)]
        wait_for("the pause", lambda: "accept-paused" in few.log_text())
        before = few.cpu()
        time.sleep(2)
        assert few.cpu() - before < 0.5, "it spins"
        for s in held:
            s.close()
        wait_for("a greeting", lambda: whole_first(few) == "220")
    assert few.stop() == 0

    g = Receiver(area, "large", message_size="200M", unaccepted="1G", unaccepted_per_address="1G")
    g.save(listeners={"far": {"address": "127.0.0.1:%d" % g.lmtp, "protocol": "smtp", "networks": ["192.0.2.0/24"]},
                      "lmtp": None})
    tap.logs.append(g.logs)
    g.start()

    with tap.case("a client outside the listener's networks is sent away"):
        expect(whole(Client(g.lmtp)), "554 5.7.1 ")

    with tap.case("a message of 100 MB takes no more memory than one of 10 KB"):
        peak = []
        for size in (10_000, 100_000_000):
            for _ in range(2):
                c = g.begun()
                block = b"x" * 76 + b"\r\n"
                c.send(b"Subject: x\r\n\r\n")
                for _ in range(max(1, size // 780_000)):
                    c.send(block * min(10_000, size // 78))
                c.send(b".\r\n")
                c.expect(250)
                c.quit()
            peak.append(g.memory())
        assert peak[1] - peak[0] < 2000, peak

    with tap.case("a thousand idle sessions take a few kilobytes each"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
        before = g.memory("VmRSS")
        clients = []
        for _ in range(1000):
            c = g.client()
            c.command("EHLO x", 250)
            clients.append(c)
        grown = g.memory("VmRSS") - before
        tap.diag("%d KB for 1,000 sessions, %d KB in all" % (grown, g.memory("VmRSS")))
        assert grown < 6000, grown
        assert g.sanitized() or g.memory("VmRSS") < 12000
        for c in clients:
            c.close()

    with tap.case("a stop answers idle sessions and ends"):
        c = g.client()
        assert g.stop() == 0
        expect(whole(c), "421 4.3.2 ")
    tap.done()


def all_come(f, n):
    """So many clients at once; none while the end of earlier ones is not noticed yet."""
    clients = [Client(f.smtp) for _ in range(n)]
    if [c.reply()[0] for c in clients] == [220] * n:
        return clients
    for c in clients:
        c.close()
    return None


def whole_first(f):
    c = Client(f.smtp)
    try:
        return str(c.reply()[0])
    finally:
        c.close()


if __name__ == "__main__":
    main()
