"""The messages between mailferry's programs (src/ipc/message.h), for tests that play one of them."""

import array
import os
import socket
import struct

# role/role.h
NAME, CONFIG, SPOOL, CONNECT, GO, READY, STOP, PEER, LIFT = 1, 2, 5, 6, 8, 9, 10, 12, 15
TOKEN, TOKEN_DIRECTORY, NOTICE = 16, 17, 18
TAG_NAME, TAG_ROLE, TAG_PARENT = 1, 2, 5


def frame(kind, *fields, ident=1):
    """One message: head, then typed fields (tag, number or text or octets)."""
    out = struct.pack("<BBHI", 1, 0, kind, ident)
    for tag, value in fields:
        if isinstance(value, int):
            data, form = struct.pack("<q", value), 1
        else:
            data, form = value.encode() if isinstance(value, str) else value, 2
        out += struct.pack("<HBBI", tag, form, 0, len(data)) + data
    return out


def parse(data):
    """(type, id, {tag: number or text}); an empty packet (the end) is (None, None, {})."""
    if not data:
        return None, None, {}
    _, _, kind, ident = struct.unpack("<BBHI", data[:8])
    fields, at = {}, 8
    while at < len(data):
        tag, form, _, n = struct.unpack("<HBBI", data[at:at + 8])
        value = data[at + 8:at + 8 + n]
        fields[tag] = struct.unpack("<q", value)[0] if form == 1 else value.decode("utf-8", "replace")
        at += 8 + n
    return kind, ident, fields


def say(to, message, *fds):
    to.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])


def hear(s):
    return parse(s.recv(200000))


def pair(seconds=120):
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for s in ends:
        s.settimeout(seconds)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return ends


class Role:
    """One of mailferry's programs, started as the supervisor starts it; we are the supervisor."""

    def __init__(self, area, name, config, log="log", **sockets):
        """SOCKETS: message type of role/role.h by name → descriptor to hand over ("connect": 7)."""
        types = {"connect": CONNECT, "spool": SPOOL, "token_directory": TOKEN_DIRECTORY}
        self.supervisor, role = pair()
        self.process = area.start([os.path.join(area.bin, "mailferry-" + name)], log=log, pass_fds=(3,),
                                  preexec_fn=lambda: os.dup2(role.fileno(), 3))
        role.close()
        say(self.supervisor, frame(NAME, (TAG_ROLE, name), (TAG_NAME, ""), (TAG_PARENT, os.getpid())))
        with open(area.write(name + ".part", config), "rb") as f:
            say(self.supervisor, frame(CONFIG), f.fileno())
        for kind, fd in sockets.items():
            say(self.supervisor, frame(types[kind]), fd)
        say(self.supervisor, frame(GO))
        assert hear(self.supervisor)[0] == READY

    def peer(self, role, account=""):
        """A socket to it, as ROLE would hold it."""
        here, there = pair()
        say(self.supervisor, frame(PEER, (TAG_ROLE, role), (TAG_NAME, account)), there.fileno())
        there.close()
        return here


def control(path, want):
    """A socket to a role of a running daemon, by its control socket (cmd/control.h)."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(120)
    s.connect(path)
    s.send(frame(1, (1, want)))
    kind, _, fields = hear(s)
    if kind != 2:
        raise AssertionError("the control socket says %s %s" % (kind, fields))
    return s


class TokenClient:
    """Somebody who asks the token role (role/token.h)."""

    GET, DONE, SIGN_IN, PLEASE, CODE, WAIT = range(1, 7)
    ACCOUNT, SERIAL, ACCESS, EXPIRES, CLASS, TEXT, URL, USER_CODE = range(1, 9)

    def __init__(self, sock):
        self.sock = sock
        self.ident = 0

    def send(self, kind, account, *fields):
        self.ident += 1
        self.sock.send(frame(kind, (self.ACCOUNT, account), *fields, ident=self.ident))

    def hear(self):
        kind, ident, fields = hear(self.sock)
        assert kind is None or ident == self.ident, (kind, ident, fields)
        return kind, fields

    def ask(self, kind, account, *fields):
        """(type, fields) of the answer; (None, {}) when it hung up."""
        try:
            self.send(kind, account, *fields)
            return self.hear()
        except (BrokenPipeError, ConnectionResetError):
            return None, {}

    def get(self, account, refused=0):
        """(token, serial, error text)"""
        kind, fields = self.ask(self.GET, account, (self.SERIAL, refused))
        assert kind in (self.DONE, None), (kind, fields)
        return fields.get(self.ACCESS), fields.get(self.SERIAL, 0), fields.get(self.TEXT)
