"""
A POP3 mailbox in memory, honest but for what its switches say. It keeps what it
is asked, and removes at QUIT what was marked, as RFC 1939 has it.

Switches (keywords of Pop3Store, and attributes that may be changed between
sessions); N is a message's number, from 1:

    capabilities    lines of CAPA; None: it does not know CAPA
    stat            (count, octets) that STAT tells instead
    list_lines      function of the honest lines of LIST, for those that it tells
    uidl_lines      the same for UIDL; None: it does not know UIDL
    sizes           {N: size} that LIST tells instead
    refuse          {N: text of -ERR to RETR}
    refuse_dele     {N: text of -ERR to DELE}
    raw             {N: octets of the whole reply to RETR, dot line included}
    endless         {N: octets that are said again and again, and no end}
    line_end        b"\\n": of everything that it says
    login_error     text of -ERR to whatever logs in; a list: one a try, None to let in
    quit            "ok", "err" (and nothing is removed), "silent" (and all is), "more" (words behind the bye)
    drip            seconds between two octets, once logged in
    chunk, pause    octets in one write (0: all), and seconds between two
    top             False: it does not know TOP
    close_after     octets said, over all replies of a session, after which it closes; a list: one a session
    lock            one session at a time: others get [IN-USE]
    greeting        instead of "+OK ready"
    expunge         {N: M}: message N is gone when message M has been sent
"""

import base64
import hashlib
import socket
import ssl
import threading
import time

from .listener import Listener

CAPABILITIES = ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "USER", "SASL PLAIN LOGIN", "EXPIRE NEVER", "STLS")


def stuffed(content):
    """As RETR sends it."""
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Closed(Exception):
    pass


class Pop3Store(Listener):
    capabilities = CAPABILITIES
    stat = line_end = login_error = close_after = greeting = list_lines = None
    quit, drip, chunk, pause, lock, top = "ok", 0, 0, 0, False, True

    def __init__(self, mail=(), uidls=None, user="office", password="s3cret", tls=None, starttls=None, **switches):
        self.user, self.password = user, password
        self.tls, self.starttls = tls, starttls
        self.mail = {}           # uidl → content; several may share one: [(uidl, content)] is the order
        self.order = []
        self.sizes, self.refuse, self.refuse_dele, self.raw, self.endless, self.expunge = {}, {}, {}, {}, {}, {}
        self.uidl_lines = lambda lines: lines
        for i, content in enumerate(mail):
            self.add(content, uidls[i] if uidls else None)
        for name, value in switches.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.commands = []       # all that was heard, in order
        self.retrieved = []      # contents' UIDLs, as they were sent whole
        self.removed = []        # UIDLs, at QUIT
        self.logins = self.open = self.most_open = 0
        self.failures = []       # what went wrong in here
        self.mutex = threading.RLock()
        self.holder = None
        self.listen()

    def add(self, content, uidl=None):
        self.order.append((uidl or "%s%d" % (hashlib.sha1(content).hexdigest()[:12], len(self.order)), content))

    def serve(self, sock, number):
        with self.mutex:
            self.open += 1
            self.most_open = max(self.open, self.most_open)
        session = Pop3Session(self, sock, number)
        try:
            session.run()
        except (OSError, ssl.SSLError, Closed, ValueError):
            pass
        except Exception as e:  # noqa: B902: told to the test
            self.failures.append(repr(e))
        finally:
            with self.mutex:
                self.open -= 1
                if self.holder is session:
                    self.holder = None
            try:
                session.sock.close()
            except OSError:
                pass


class Pop3Session:
    def __init__(self, store, sock, number):
        self.store, self.sock, self.number = store, sock, number
        self.buffer = b""
        self.sent = 0
        self.inside = False
        self.listed = []   # (uidl, content): of this session
        self.marked = set()
        limit = store.close_after
        if isinstance(limit, list):
            limit = limit[number - 1] if number <= len(limit) else None
        self.limit = limit
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # ---- octets ----
    def line(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise Closed()
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def put(self, data):
        s = self.store
        if s.line_end:
            data = data.replace(b"\r\n", s.line_end)
        last = self.limit is not None and self.sent + len(data) >= self.limit
        if last:
            data = data[:self.limit - self.sent]
        self.sent += len(data)
        step = 1 if s.drip and self.inside else s.chunk or len(data) or 1
        for at in range(0, len(data), step):
            self.sock.sendall(data[at:at + step])
            if s.pause or (s.drip and self.inside):
                time.sleep(s.pause or s.drip)
        if last:
            raise Closed()

    def say(self, text):
        self.put(text.encode("utf-8", "surrogateescape") + b"\r\n")

    def say_lines(self, lines):
        self.put(("+OK\r\n" + "".join(line + "\r\n" for line in lines) + ".\r\n").encode("utf-8", "surrogateescape"))

    # ---- the dialogue ----
    def run(self):
        s = self.store
        if s.tls:
            self.sock = s.tls.wrap_socket(self.sock, server_side=True)
        self.say(s.greeting or "+OK ready <%d.1@pop.example.net>" % self.number)
        while True:
            line = self.line()
            s.commands.append(line)
            verb, _, rest = line.partition(" ")
            act = getattr(self, "do_" + verb.lower(), None)
            if act is None or (verb.upper() in ("CAPA", "UIDL") and not self.knows(verb.upper())):
                self.say("-ERR what?")
            elif not self.inside and verb.upper() not in ("CAPA", "STLS", "AUTH", "USER", "PASS", "APOP", "QUIT", "UTF8"):
                self.say("-ERR log in first")
            else:
                act(rest)

    def knows(self, verb):
        return (self.store.capabilities if verb == "CAPA" else self.store.uidl_lines) is not None

    def do_capa(self, _):
        self.say_lines(self.store.capabilities)

    def do_stls(self, _):
        if not self.store.starttls:
            self.say("-ERR no certificate")
            return
        self.say("+OK begin")
        self.sock = self.store.starttls.wrap_socket(self.sock, server_side=True)
        self.buffer = b""

    def do_utf8(self, _):
        self.say("+OK")

    def do_user(self, rest):
        self.name = rest
        self.say("+OK")

    def do_pass(self, rest):
        self.admit(self.name, rest)

    def do_apop(self, rest):
        name, digest = rest.split(" ")
        stamp = "<%d.1@pop.example.net>" % self.number
        right = hashlib.md5((stamp + self.store.password).encode()).hexdigest()
        self.admit(name, self.store.password if digest == right else "")

    def do_auth(self, rest):
        name, _, first = rest.partition(" ")
        if name.upper() == "PLAIN":
            if not first:
                self.say("+ ")
                first = self.line()
            _, who, password = base64.b64decode(first).decode().split("\0")
        elif name.upper() == "LOGIN":
            self.say("+ VXNlcm5hbWU6")
            who = base64.b64decode(self.line()).decode()
            self.say("+ UGFzc3dvcmQ6")
            password = base64.b64decode(self.line()).decode()
        else:
            self.say("-ERR unsupported mechanism")
            return
        self.admit(who, password)

    def admit(self, who, password):
        s = self.store
        with s.mutex:
            error = s.login_error
            if isinstance(error, list):
                error = error.pop(0) if error else None
            if error is None and s.lock and s.holder is not None:
                error = "[IN-USE] the mailbox is locked by another session"
            if error is None and (who, password) != (s.user, s.password):
                error = "[AUTH] wrong user or password"
            if error is None:
                s.logins += 1
                s.holder = self
                self.listed = list(s.order)
                self.inside = True
        self.say("+OK" if error is None else "-ERR " + error)

    # ---- the mailbox ----
    def size(self, n):
        content = self.listed[n - 1][1]
        return self.store.sizes.get(n, len(content) + (0 if content.endswith(b"\r\n") or not content else 2))

    def here(self):
        return [n for n in range(1, len(self.listed) + 1) if n not in self.marked]

    def do_stat(self, _):
        n, octets = self.store.stat or (len(self.here()), sum(self.size(n) for n in self.here()))
        self.say("+OK %d %d" % (n, octets))

    def do_list(self, _):
        lines = ["%d %d" % (n, self.size(n)) for n in self.here()]
        self.say_lines(self.store.list_lines(lines) if self.store.list_lines else lines)

    def do_uidl(self, _):
        self.say_lines(self.store.uidl_lines(["%d %s" % (n, self.listed[n - 1][0]) for n in self.here()]))

    def number_of(self, rest):
        try:
            n = int(rest.split(" ")[0])
        except ValueError:
            n = 0
        if n in self.here():
            return n
        self.say("-ERR no such message")
        return None

    def do_retr(self, rest):
        s = self.store
        n = self.number_of(rest)
        if n is None:
            return
        if n in s.refuse:
            self.say("-ERR " + s.refuse[n])
        elif n in s.raw:
            self.put(s.raw[n])
        elif n in s.endless:
            self.say("+OK")
            while True:
                self.put(s.endless[n])
        else:
            uidl, content = self.listed[n - 1]
            self.put(b"+OK %d octets\r\n" % self.size(n) + stuffed(content))
            s.retrieved.append(uidl)
            if n in s.expunge.values():
                for gone in [g for g, after in s.expunge.items() if after == n]:
                    self.marked.add(gone)

    def do_top(self, rest):
        if not self.store.top:
            self.say("-ERR what?")
            return
        n = self.number_of(rest)
        if n is None:
            return
        head, empty, _ = self.listed[n - 1][1].partition(b"\r\n\r\n")
        self.put(b"+OK\r\n" + stuffed(head + (b"\r\n\r\n" if empty else b"")))

    def do_dele(self, rest):
        n = self.number_of(rest)
        if n is None:
            return
        if n in self.store.refuse_dele:
            self.say("-ERR " + self.store.refuse_dele[n])
            return
        self.marked.add(n)
        self.say("+OK")

    def do_noop(self, _):
        self.say("+OK")

    def do_quit(self, _):
        s = self.store
        if s.quit != "err":
            with s.mutex:
                gone = [self.listed[n - 1] for n in sorted(self.marked) if n not in s.expunge]
                for entry in gone:
                    if entry in s.order:
                        s.order.remove(entry)
                    s.removed.append(entry[0])
        if s.quit == "silent":
            self.sock.settimeout(60)
            self.sock.recv(1)
        elif s.quit == "err":
            self.say("-ERR some deleted messages were not removed")
        elif s.quit == "more":
            self.say("+OK bye\r\nand another thing\r\n+OK\r\n-ERR")
        else:
            self.say("+OK bye")
        raise Closed()
