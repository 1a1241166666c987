"""
A POP3 server in this process, for tests of what the daemon does around a
session: it serves the same messages to everybody, remembers who came when, and
can be told to misbehave.
"""

import itertools
import socket
import threading
import time

from lib.area import hang_up


class Pop:
    """
    `messages` is a list of octets (CRLF line ends); DELE removes at QUIT. Ways:
    login: text of the answer to PASS, or None for +OK; hang: a command at which
    it says nothing more (until `release`); drip: seconds between octets of a RETR.
    """

    def __init__(self, messages=(), user="old", password="secret", uids="u"):
        self.messages = list(messages)
        self.uids = ["%s%d" % (uids, i) for i in range(len(self.messages))]
        self.serial = itertools.count()
        self.serials = []  # a number of its own for each message: UIDLs may be shared
        self.user, self.password = user, password
        self.login = None
        self.hang = None
        self.drip = None
        self.sessions = []  # dicts: began, commands, ended
        self.hanging = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def add(self, data, uid=None):
        with self.lock:
            self.messages.append(data)
            self.uids.append(uid or "u%d-%d" % (len(self.messages), time.monotonic_ns()))

    def _numbered(self):
        """The serials of all messages, also of those that a test has put there itself."""
        self.serials += [next(self.serial) for _ in self.messages[len(self.serials):]]
        return self.serials

    def release(self):
        """Those that hang go on, and none hangs any more."""
        self.hang = None
        self.released.set()

    def hold(self, command):
        self.hanging.clear()
        self.released.clear()
        self.hang = command

    @property
    def runs(self):
        """Sessions that were logged in."""
        return [s for s in self.sessions if s.get("in")]

    @property
    def now(self):
        """Sessions that are open."""
        return [s for s in self.sessions if "ended" not in s]

    def stop(self):
        self.release()
        hang_up(self.listener, self.acceptor)

    # ---- the inside ----
    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(s,), daemon=True).start()

    def _session(self, s):
        me = {"began": time.monotonic(), "commands": []}
        self.sessions.append(me)
        try:
            with s:
                s.settimeout(300)
                self._talk(s, me)
        except OSError:
            pass
        me["ended"] = time.monotonic()

    def _talk(self, s, me):
        with self.lock:
            box, uids, serials = list(self.messages), list(self.uids), list(self._numbered())
        gone = set()
        reader = s.makefile("rb")
        s.sendall(b"+OK ready\r\n")
        while True:
            line = reader.readline()
            if not line:
                return
            words = line.decode("latin-1").split()
            verb = words[0].upper() if words else ""
            me["commands"].append(verb)
            if verb == self.hang:
                self.hanging.set()
                self.released.wait(300)
            if verb == "CAPA":
                s.sendall(b"+OK\r\nUIDL\r\nTOP\r\nUSER\r\nPIPELINING\r\n.\r\n")
            elif verb == "USER":
                s.sendall(b"+OK\r\n")
            elif verb == "PASS":
                if self.login is not None:
                    s.sendall(b"-ERR " + self.login.encode() + b"\r\n")
                    continue
                me["in"] = time.monotonic()
                s.sendall(b"+OK\r\n")
            elif verb == "STAT":
                s.sendall(b"+OK %d %d\r\n" % (len(box), sum(map(len, box))))
            elif verb in ("LIST", "UIDL"):
                rows = [(i + 1, len(m) if verb == "LIST" else uids[i]) for i, m in enumerate(box)]
                if len(words) > 1:
                    s.sendall(("+OK %s %s\r\n" % rows[int(words[1]) - 1]).encode())
                else:
                    s.sendall(b"+OK\r\n" + "".join("%s %s\r\n" % r for r in rows).encode() + b".\r\n")
            elif verb in ("RETR", "TOP"):
                m = box[int(words[1]) - 1]
                if verb == "TOP":
                    m = m.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
                data = b"+OK\r\n" + m.replace(b"\r\n.", b"\r\n..") + (b"" if m.endswith(b"\r\n") else b"\r\n") + b".\r\n"
                drip = self.drip
                if drip is None:
                    s.sendall(data)
                    continue
                for i in range(len(data)):
                    s.sendall(data[i:i + 1])
                    time.sleep(drip)
            elif verb == "DELE":
                gone.add(serials[int(words[1]) - 1])
                s.sendall(b"+OK\r\n")
            elif verb in ("NOOP", "RSET"):
                s.sendall(b"+OK\r\n")
            elif verb == "QUIT":
                with self.lock:
                    keep = [x for x in zip(self.messages, self.uids, self._numbered()) if x[2] not in gone]
                    self.messages, self.uids, self.serials = ([x[i] for x in keep] for i in range(3))
                s.sendall(b"+OK\r\n")
                return
            else:
                s.sendall(b"-ERR what?\r\n")
