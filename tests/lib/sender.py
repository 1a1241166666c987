"""
An SMTP sender that keeps the other half of the bargain: it notes each message
whose 250 it has read, and sends every other one again, byte for byte, until it
has one. What the daemon acknowledged is therefore exactly known.
"""

import collections
import random
import socket
import threading
import time


class Item:
    """One message to send. `data` has CRLF line ends; dots are stuffed here."""

    def __init__(self, ident, rcpts, data, mail_from="sender@example.org", folders=()):
        self.id = ident
        self.rcpts = [rcpts] if isinstance(rcpts, str) else list(rcpts)
        self.data = data
        self.mail_from = mail_from
        self.folders = [folders] if isinstance(folders, str) else list(folders)
        self.tries = 0

    @property
    def wire(self):
        data = self.data.replace(b"\r\n.", b"\r\n..")
        if data.startswith(b"."):
            data = b"." + data
        return data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def message(ident, subject="test", to="office@office.example", size=0, headers="", body=None):
    """A plain message with Message-ID <ident>; at least SIZE octets long."""
    head = ("From: Sender <sender@example.org>\r\nTo: <%s>\r\nSubject: %s\r\n"
            "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: %s\r\n%s\r\n" % (to, subject, ident, headers))
    text = (head + (body if body is not None else "Hello.\r\n")).encode()
    line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ +/\r\n"
    missing = size - len(text)
    return text + line * max(0, -(-missing // len(line)))


class Refused(Exception):
    """The server said no. `code` is the reply's, `text` all its lines."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
        self.text = text


class Client:
    """A plain SMTP or LMTP dialogue over a socket; what it sends is up to the test."""

    def __init__(self, port, host="127.0.0.1", timeout=120, lmtp=False, family=socket.AF_INET):
        self.lmtp = lmtp
        self.rest = b""
        if family == socket.AF_UNIX:
            self.sock = socket.socket(family)
            self.sock.settimeout(timeout)
            self.sock.connect(host)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\n" not in self.rest:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("closed by the server")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        """The next reply: (code, all its text)."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(lines)

    def expect(self, code):
        got, text = self.reply()
        if got != code:
            raise Refused(got, text)
        return text

    def command(self, line, code=None):
        self.send(line + "\r\n")
        return self.expect(code) if code else self.reply()

    def hello(self):
        self.expect(220)
        return self.command("LHLO test.example.org" if self.lmtp else "EHLO test.example.org", 250)

    def mail(self, item):
        """One pipelined transaction, as far as the go-ahead for DATA. Returns accepted recipients."""
        lines = ["MAIL FROM:<%s>" % item.mail_from] + ["RCPT TO:<%s>" % r for r in item.rcpts] + ["DATA"]
        self.send("".join(line + "\r\n" for line in lines))
        first = self.reply()
        accepted, refused = [], first if first[0] != 250 else None
        for r in item.rcpts:
            code, text = self.reply()
            if code == 250:
                accepted.append(r)
            elif refused is None:
                refused = (code, text)
        code, text = self.reply()
        if code != 354:
            raise Refused(*(refused or (code, text)))
        return accepted

    def deliver(self, item):
        self.mail(item)
        self.send(item.wire)
        return self.expect(250)

    def read_to_end(self):
        """All bytes until the server closes."""
        data, self.rest = self.rest, b""
        try:
            while True:
                more = self.sock.recv(65536)
                if not more:
                    return data
                data += more
        except ConnectionError:
            return data

    def quit(self):
        try:
            self.command("QUIT")
        finally:
            self.close()

    def close(self):
        self.sock.close()


class Sender:
    """
    Sends ITEMS over SESSIONS parallel connections until each has its 250.
    `per_connection` messages go over one connection (0: as many as there are).
    With `pipeline`, the next transaction's commands follow the end of data in
    one write, so that a reply can be lost together with those behind it.
    """

    def __init__(self, port, items, sessions=4, per_connection=0, pipeline=False, pause=0.0, seed=1, timeout=120):
        self.port = port
        self.todo = collections.deque(items)
        self.total = len(items)
        self.sessions = sessions
        self.per_connection = per_connection
        self.pipeline = pipeline
        self.pause = pause
        self.timeout = timeout
        self.random = random.Random(seed)
        self.acked = {}
        self.refused = {}
        self.busy = 0
        self.connections = 0
        self.resent = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = []

    # ---- control ----
    def start(self):
        self.threads = [threading.Thread(target=self._session, daemon=True) for _ in range(self.sessions)]
        for t in self.threads:
            t.start()
        return self

    def finished(self):
        with self.lock:
            return len(self.acked) + len(self.refused) >= self.total

    def run(self, seconds=300):
        self.start()
        self.wait(seconds)
        return self

    def wait(self, seconds=300):
        end = time.monotonic() + seconds
        for t in self.threads:
            t.join(max(0.0, end - time.monotonic()))
        if not self.finished():
            self.stop()
            raise AssertionError("after %d s only %d of %d messages are acknowledged, %d refused%s" % (
                seconds, len(self.acked), self.total, len(self.refused),
                "".join("\n%s: %s" % x for x in list(self.refused.items())[:3])))

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(self.timeout + 5)

    # ---- the work of one session ----
    def _take(self):
        with self.lock:
            if not self.todo:
                return None
            item = self.todo.popleft()
            self.busy += 1
            item.tries += 1
            self.resent += item.tries > 1
            return item

    def _settle(self, item, ack=None, refusal=None):
        with self.lock:
            self.busy -= 1
            if ack is not None:
                self.acked[item.id] = ack
            elif refusal is not None:
                self.refused[item.id] = refusal
            else:
                self.todo.append(item)

    def _session(self):
        while not self.stopping.is_set() and not self.finished():
            try:
                self._connection()
            except (OSError, Refused, ValueError):
                with self.lock:
                    wait = self.random.uniform(0.02, 0.1)
                time.sleep(wait)

    def _connection(self):
        if not self.todo:  # the last ones are under way elsewhere, and may come back
            time.sleep(0.02)
            return
        c = Client(self.port, timeout=self.timeout)
        with self.lock:
            self.connections += 1
        try:
            c.hello()
            (self._pipelined if self.pipeline else self._plain)(c)
            c.quit()
        finally:
            c.close()

    def _plain(self, c):
        sent = 0
        while not self.stopping.is_set() and not (self.per_connection and sent >= self.per_connection):
            item = self._take()
            if item is None:
                return
            try:
                self._settle(item, ack=c.deliver(item))
            except Refused as e:
                self._settle(item, refusal=e.text if e.code >= 500 else None)
                if e.code == 421:
                    raise
                c.command("RSET", 250)
            except BaseException:
                self._settle(item)
                raise
            sent += 1
            if self.pause:
                time.sleep(self.pause)

    def _pipelined(self, c):
        """End of data, and at once MAIL, RCPT and DATA of the next; its 354 comes with this one's 250."""
        item = self._take()
        if item is None:
            return
        ahead = None
        sent = 0
        try:
            c.mail(item)
            while item is not None:
                sent += 1
                full = self.per_connection and sent >= self.per_connection
                ahead = None if full or self.stopping.is_set() else self._take()
                text = item.wire
                if ahead is not None:
                    text += b"".join([b"MAIL FROM:<%s>\r\n" % ahead.mail_from.encode()] +
                                     [b"RCPT TO:<%s>\r\n" % r.encode() for r in ahead.rcpts] + [b"DATA\r\n"])
                if self.pause:
                    time.sleep(self.pause)
                c.send(text)
                code, reply = c.reply()
                self._settle(item, ack=reply if code == 250 else None, refusal=reply if code >= 500 else None)
                item = None
                if ahead is not None:
                    for _ in range(1 + len(ahead.rcpts)):
                        c.expect(250)
                    c.expect(354)
                item, ahead = ahead, None
        finally:
            for left in (item, ahead):
                if left is not None:
                    self._settle(left)
