"""
The bytes of one connection, as a server sees them: lines and literals in,
replies out, through TLS and DEFLATE, and what a bad line does to them.

A damage is a dict, or None: {"side": "client" or "store", "after": N octets (of the plain text in that direction),
"then": "close", "reset", "silence", "deaf" or "garbage"}. What came before counts: commands that are whole are carried out.
"""

import select
import socket
import ssl
import time
import zlib

GARBAGE = b"\x00\xff)) !!% {9999999999}\r\n(*\r"


class Gone(Exception):
    """The connection is to be closed. RESET: with a TCP reset."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset


class Wire:
    def __init__(self, sock, damage=None, chunk=0, pause=0.0):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.damage = sock, damage
        self.chunk, self.pause = chunk, pause  # octets in one write at most (0: all); seconds between two
        self.buffer = bytearray()
        self.got = self.sent = 0
        self.held = []
        self.on_damage = lambda what: None
        self.inflater = self.deflater = None

    def start_tls(self, context):
        """What came in plain text behind the command is no part of what follows (RFC 3501, 6.2.1)."""
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.buffer.clear()

    def start_deflate(self):
        """RFC 4978: raw DEFLATE in both directions; what was read already is compressed."""
        self.inflater = zlib.decompressobj(-15)
        self.deflater = zlib.compressobj(1, zlib.DEFLATED, -15)
        early, self.buffer = bytes(self.buffer), bytearray()
        self.buffer += self.inflater.decompress(early)

    # ---- in ----
    def ready(self):
        """Would fill() return at once?"""
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], 0)[0])

    def abandoned(self):
        """Has the client closed, or reset, the connection?"""
        try:
            poll = select.poll()
            poll.register(self.sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def fill(self):
        if self.damage and self.damage["side"] == "client" and self.got >= self.damage["after"]:
            self.break_off()
        if self.held and not self.ready():
            self.release()
        data = self.sock.recv(65536)
        if not data:
            raise Gone()
        if self.inflater is not None:
            data = self.inflater.decompress(data)
        if self.damage and self.damage["side"] == "client":
            data = data[:self.damage["after"] - self.got]
        self.got += len(data)
        self.buffer += data

    def line(self):
        at = 0
        while True:
            end = self.buffer.find(b"\n", at)
            if end >= 0:
                break
            at = len(self.buffer)
            if at > 1000000:
                raise Gone()
            self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 1]
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def read(self, n):
        while len(self.buffer) < n:
            self.fill()
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    # ---- out ----
    def say(self, text):
        self.put(text.encode("utf-8", "surrogateescape") + b"\r\n")
        if self.held and text[:1] not in "*+":
            self.release()

    def hold_back(self, text):
        """Says it behind the next tagged reply, or when the client waits."""
        self.held.append(text)

    def release(self):
        held, self.held = self.held, []
        for text in held:
            self.say(text)

    def put(self, data):
        broken = False
        if self.damage and self.damage["side"] == "store":
            room = max(0, self.damage["after"] - self.sent)
            broken = len(data) > room
            data = data[:room] if broken else data
        self.sent += len(data)
        if self.deflater is not None and data:
            data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        step = self.chunk or len(data) or 1
        for at in range(0, len(data), step):
            self.sock.sendall(data[at:at + step])
            if self.pause:
                time.sleep(self.pause)
        if broken:
            self.break_off()

    # ---- the end ----
    def break_off(self):
        then = self.damage["then"]
        self.on_damage("%s's bytes: %s" % (self.damage["side"], then))
        self.damage = None
        if then == "garbage":
            self.put(GARBAGE)
        if then == "silence":
            self.fall_silent()
        if then == "deaf":
            self.fall_silent(deaf=True)
        raise Gone(then == "reset")

    def fall_silent(self, deaf=False):
        """Says nothing until the client is gone, which ends the connection. DEAF: takes nothing in either."""
        if deaf:
            poll = select.poll()
            poll.register(self.sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
            poll.poll(10000)  # a client that was killed may not be heard of: its end waits behind what nobody takes
            raise Gone()
        self.sock.settimeout(120)
        while self.sock.recv(65536):
            pass
        raise Gone()
