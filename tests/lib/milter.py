"""A milter that does what a test tells it, also what none may do."""

import os
import socket
import struct
import threading

from lib.area import hang_up

ADD_HEADERS, CHANGE_BODY, ADD_RCPT, DELETE_RCPT, CHANGE_HEADERS = 0x1, 0x2, 0x4, 0x8, 0x10
QUARANTINE, CHANGE_FROM, ADD_RCPT_PAR, SET_MACROS = 0x20, 0x40, 0x80, 0x100
ALL_ACTIONS = 0x1ff
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_EOH = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40
SILENT_HEADERS, NO_UNKNOWN, NO_DATA, SKIP, RCPT_REJECTED = 0x80, 0x100, 0x200, 0x400, 0x800
SILENT = 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x80
LEADING_SPACE = 0x100000

CONTINUE, ACCEPT, DISCARD, REJECT, TEMPFAIL, PROGRESS = (b"\0\0\0\1" + c for c in (b"c", b"a", b"d", b"r", b"t", b"p"))


def packet(letter, data=b""):
    return struct.pack(">I", len(data) + 1) + letter + data


def text(*parts):
    return b"".join(p + b"\0" for p in parts)


def reply(words):
    return packet(b"y", text(words))


def add_header(name, value):
    return packet(b"h", text(name, value))


def insert_header(index, name, value):
    return packet(b"i", struct.pack(">I", index) + text(name, value))


def change_header(index, name, value):
    return packet(b"m", struct.pack(">I", index) + text(name, value))


def optneg(version=6, actions=ALL_ACTIONS, protocol=0, macros=b""):
    return packet(b"O", struct.pack(">III", version, actions, protocol) + macros)


class Milter:
    """
    Listens on a UNIX socket, or on a port. ANSWERS: letter of a command → what is sent for it: octets, None for
    nothing, "close", or a function of the connection and its data that returns one of these. What is not there is
    answered with CONTINUE. TERMS is the answer to the negotiation.
    """

    def __init__(self, area, name="milter", inet=False, answers=None, terms=None):
        self.told = []
        self.connections = 0
        self.answers = answers or {}
        self.terms = terms if terms is not None else optneg()
        self.silent = 0
        self.name = name
        self.running = True
        self.open = []
        if inet:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", 0))
            self.address = "inet:127.0.0.1:%d" % self.listener.getsockname()[1]
        else:
            self.path = area.path(name + ".sock") if hasattr(area, "path") else os.path.join(area.dir, name + ".sock")
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            os.chmod(self.path, 0o777)
            self.address = "unix:" + self.path
        self.listener.listen(200)
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while self.running:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(s)
            threading.Thread(target=self.serve, args=(s, self.connections), daemon=True).start()

    def hang_up(self):
        """Closes all connections."""
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.open = []

    def stop(self):
        self.running = False
        hang_up(self.listener, self.acceptor)
        self.hang_up()

    @staticmethod
    def read(s, n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self, s, number):
        try:
            while True:
                n = struct.unpack(">I", self.read(s, 4))[0]
                data = self.read(s, n)
                letter, data = data[:1], data[1:]
                self.told.append((number, letter.decode(), data))
                if not self.answer(s, letter, data):
                    break
        except (EOFError, OSError):
            pass
        s.close()

    def answer(self, s, letter, data):
        key = letter.decode()
        if key in "AQDK" and key not in self.answers:
            return key != "Q"
        if key in self.answers:
            what = self.answers[key]
            if callable(what):
                what = what(s, data)
        elif key == "O":
            what = self.terms
        else:
            what = CONTINUE
        if what == "close":
            return False
        if what is not None:
            s.sendall(what)
        return True

    # ---- what it was told ----
    def letters(self, macros=False):
        return "".join(letter for _, letter, _ in self.told if macros or letter != "D")

    def of(self, letter):
        return [data for _, what, data in self.told if what == letter]

    def macros(self, command):
        """Those that stood in front of COMMAND, last time."""
        found = {}
        for data in self.of("D"):
            if data[:1].decode() == command:
                parts = data[1:].split(b"\0")[:-1]
                found = dict(zip(parts[::2], parts[1::2]))
        return found

    def body(self):
        return b"".join(self.of("B"))
