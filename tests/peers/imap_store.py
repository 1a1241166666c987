"""
A small IMAP store in memory, with real folders and faults on order. It does
what an APPEND needs and no more, but keeps to RFC 3501 where it does, so that a
test can make it fail in one exact way and then count what it holds.
"""

import base64
import re
import socket
import ssl
import struct
import threading
import time

SELECTABLE = "\\HasNoChildren"


class Gone(Exception):
    """The connection is to be closed. RESET: with a TCP reset."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset


class Folder:
    def __init__(self, uidvalidity):
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.messages = {}  # uid -> (flags, date, octets)
        self.noselect = False
        self.read_only = False

    def add(self, flags, date, octets):
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = (flags, date, octets)
        return uid


class Fault:
    """
    KIND of failure for one APPEND. AT: its number (from 1, over all connections), or MATCH: octets that its message
    holds; TIMES: how often. The rest are options of the kind, see Session.append.
    """

    def __init__(self, kind, at=None, match=None, times=1, **options):
        self.kind, self.at, self.match, self.times, self.options = kind, at, match, times, options

    def get(self, name, otherwise=None):
        return self.options.get(name, otherwise)


class Store:
    capabilities = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE AUTH=PLAIN"

    def __init__(self, user="user", password="secret", separator="/", prefix="", tls=None, starttls=None,
                 capabilities=None, delay=0.0):
        self.user, self.password = user, password
        self.separator, self.prefix = separator, prefix
        self.tls, self.starttls = tls, starttls  # ssl contexts
        if capabilities is not None:
            self.capabilities = capabilities
        self.delay = delay  # before each answer
        self.lock = threading.RLock()
        self.validity = 1000
        self.folders = {}
        self.subscribed = set()
        self.create("INBOX")
        self.faults = []
        self.appends = 0      # APPEND commands seen
        self.connections = 0
        self.logins = 0
        self.commands = []    # verbs, in order
        self.login_reply = None
        self.create_reply = None
        self.status_reply = None
        self.fetch_reply = None
        self.partial = True   # does FETCH know <0.N>?
        self.greeting = "* OK ready"
        self.closing = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    # ---- for tests ----
    def create(self, name):
        with self.lock:
            self.validity += 1
            self.folders[name] = Folder(self.validity)
            return self.folders[name]

    def fail(self, kind, **options):
        with self.lock:
            self.faults.append(Fault(kind, **options))

    def octets(self, name=None):
        """All messages, of one folder or of all."""
        with self.lock:
            folders = self.folders.values() if name is None else [self.folders[name]]
            return [m[2] for f in folders for m in f.messages.values()]

    def close(self):
        self.closing = True
        self.listener.close()

    # ---- serving ----
    def _serve(self):
        while not self.closing:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self._session, args=(sock,), daemon=True).start()

    def _session(self, sock):
        session = Session(self, sock)
        reset = False
        try:
            session.run()
        except Gone as gone:
            reset = gone.reset
        except (OSError, ssl.SSLError, ValueError):
            pass
        try:
            if reset:
                session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            session.sock.close()
        except OSError:
            pass

    def take_fault(self, number, octets):
        with self.lock:
            for fault in self.faults:
                if fault.times <= 0:
                    continue
                if fault.at is not None and fault.at != number:
                    continue
                if fault.match is not None and (octets is None or fault.match not in octets):
                    continue
                if fault.at is None and fault.match is None and octets is None:
                    continue
                fault.times -= 1
                return fault
        return None


def split_arguments(text):
    """Atoms, quoted strings and parenthesised lists (as text)."""
    out, i = [], 0
    while i < len(text):
        if text[i] == " ":
            i += 1
        elif text[i] == '"':
            word, i = "", i + 1
            while text[i] != '"':
                if text[i] == "\\":
                    i += 1
                word += text[i]
                i += 1
            out.append(word)
            i += 1
        elif text[i] == "(":
            end = text.index(")", i)
            out.append(text[i:end + 1])
            i = end + 1
        else:
            end = text.find(" ", i)
            end = len(text) if end < 0 else end
            out.append(text[i:end])
            i = end
    return out


class Session:
    def __init__(self, store, sock):
        self.store, self.sock = store, sock
        self.buffer = b""
        self.folder = None
        self.authenticated = False

    # ---- bytes ----
    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone()
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > 1000000:
                raise Gone()
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def read(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def say(self, text):
        self.sock.sendall(text.encode("utf-8", "surrogateescape") + b"\r\n")

    # ---- commands ----
    def run(self):
        if self.store.tls is not None:
            self.sock = self.store.tls.wrap_socket(self.sock, server_side=True)
        self.say(self.store.greeting)
        while True:
            line = self.line()
            if self.store.delay:
                time.sleep(self.store.delay)
            parts = line.split(" ", 2)
            if len(parts) < 2:
                self.say("* BAD what?")
                continue
            tag, verb, rest = parts[0], parts[1].upper(), parts[2] if len(parts) > 2 else ""
            with self.store.lock:
                self.store.commands.append(verb)
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler is None:
                self.say("%s BAD unknown command" % tag)
            elif not self.authenticated and verb not in ("CAPABILITY", "LOGIN", "AUTHENTICATE", "STARTTLS", "NOOP", "LOGOUT"):
                self.say("%s BAD log in first" % tag)
            else:
                handler(tag, rest)

    def do_capability(self, tag, rest):
        self.say("* CAPABILITY " + self.store.capabilities)
        self.say(tag + " OK done")

    def do_noop(self, tag, rest):
        self.say(tag + " OK done")

    def do_logout(self, tag, rest):
        self.say("* BYE good bye")
        self.say(tag + " OK done")
        raise Gone()

    def do_starttls(self, tag, rest):
        if self.store.starttls is None:
            self.say(tag + " BAD no TLS here")
            return
        self.say(tag + " OK begin")
        self.sock = self.store.starttls.wrap_socket(self.sock, server_side=True)
        self.buffer = b""

    def login(self, tag, user, password):
        self.store.logins += 1
        if self.store.login_reply is not None:
            self.say("%s %s" % (tag, self.store.login_reply))
        elif (user, password) == (self.store.user, self.store.password):
            self.authenticated = True
            self.say(tag + " OK logged in")
        else:
            self.say(tag + " NO [AUTHENTICATIONFAILED] Authentication failed.")

    def do_login(self, tag, rest):
        words = split_arguments(rest)
        self.login(tag, *words[:2])

    def do_authenticate(self, tag, rest):
        if rest.upper() != "PLAIN":
            self.say(tag + " NO no such mechanism")
            return
        self.say("+ ")
        _, user, password = base64.b64decode(self.line()).decode().split("\0")
        self.login(tag, user, password)

    def do_namespace(self, tag, rest):
        s = self.store
        self.say('* NAMESPACE (("%s" "%s")) NIL NIL' % (s.prefix, s.separator))
        self.say(tag + " OK done")

    def do_list(self, tag, rest):
        s = self.store
        reference, pattern = split_arguments(rest)[:2]
        if pattern == "":
            self.say('* LIST (\\Noselect) "%s" ""' % s.separator)
        else:
            regex = re.compile(re.escape(reference + pattern).replace("\\*", ".*").replace("%", "[^%s]*" % re.escape(s.separator)) + "$")
            with s.lock:
                for name, folder in sorted(s.folders.items()):
                    if regex.match(name):
                        self.say('* LIST (%s) "%s" "%s"' % ("\\Noselect" if folder.noselect else SELECTABLE, s.separator, name))
        self.say(tag + " OK done")

    def find(self, name):
        if name.upper() == "INBOX":
            name = "INBOX"
        return self.store.folders.get(name)

    def do_status(self, tag, rest):
        name, items = split_arguments(rest)[:2]
        with self.store.lock:
            folder = self.find(name)
            if self.store.status_reply is not None:
                self.say("%s %s" % (tag, self.store.status_reply))
            elif folder is None or folder.noselect:
                self.say(tag + " NO [NONEXISTENT] no such folder")
            else:
                self.say('* STATUS "%s" (UIDVALIDITY %d UIDNEXT %d)' % (name, folder.uidvalidity, folder.uidnext))
                self.say(tag + " OK done")

    def do_create(self, tag, rest):
        name = split_arguments(rest)[0]
        with self.store.lock:
            if self.store.create_reply is not None:
                self.say("%s %s" % (tag, self.store.create_reply))
            elif name in self.store.folders:
                self.say(tag + " NO [ALREADYEXISTS] it is there")
            else:
                self.store.create(name)
                self.say(tag + " OK done")

    def do_subscribe(self, tag, rest):
        self.store.subscribed.add(split_arguments(rest)[0])
        self.say(tag + " OK done")

    def do_examine(self, tag, rest):
        with self.store.lock:
            folder = self.find(split_arguments(rest)[0])
            if folder is None or folder.noselect:
                self.folder = None
                self.say(tag + " NO [NONEXISTENT] no such folder")
                return
            self.folder = folder
            self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
            self.say("* OK [PERMANENTFLAGS ()] none")
            self.say("* %d EXISTS" % len(folder.messages))
            self.say("* 0 RECENT")
            self.say("* OK [UIDVALIDITY %d] ok" % folder.uidvalidity)
            self.say("* OK [UIDNEXT %d] ok" % folder.uidnext)
            self.say(tag + " OK [READ-ONLY] done")

    do_select = do_examine

    def do_close(self, tag, rest):
        self.folder = None
        self.say(tag + " OK done")

    def do_uid(self, tag, rest):
        verb, rest = rest.split(" ", 1)
        if self.folder is None:
            self.say(tag + " BAD no folder is open")
        elif verb.upper() == "FETCH":
            if "<" in rest and not self.store.partial:
                self.say(tag + " BAD partial?")
            else:
                self.fetch(tag, rest.split(" ", 1)[0], re.search(r"<0\.(\d+)>", rest))
        elif verb.upper() == "SEARCH":
            word = rest.split()[-1].encode()
            with self.store.lock:
                hits = [str(u) for u, m in sorted(self.folder.messages.items()) if word in m[2].split(b"\r\n\r\n")[0]]
            self.say("* SEARCH" + "".join(" " + h for h in hits))
            self.say(tag + " OK done")
        else:
            self.say(tag + " BAD unknown command")

    def fetch(self, tag, numbers, partial):
        if self.store.fetch_reply is not None:
            self.say("%s %s" % (tag, self.store.fetch_reply))
            return
        with self.store.lock:
            uids = sorted(self.folder.messages)
            first, _, last = numbers.partition(":")
            first = int(first)
            last = (uids[-1] if uids else 0) if last == "*" else int(last or first)
            if last < first:
                first, last = last, first
            out = b""
            for number, uid in enumerate(uids, 1):
                if not first <= uid <= last:
                    continue
                header = self.folder.messages[uid][2].split(b"\r\n\r\n")[0] + b"\r\n"
                lines = b"".join(m.group(0) for m in re.finditer(rb"(?im)^Received:.*\r\n([ \t].*\r\n)*", header)) + b"\r\n"
                origin = b""
                if partial:
                    lines, origin = lines[:int(partial.group(1))], b"<0>"
                out += b"* %d FETCH (UID %d BODY[HEADER.FIELDS (RECEIVED)]%s {%d}\r\n%s)\r\n" % (number, uid, origin, len(lines), lines)
        self.sock.sendall(out)
        self.say(tag + " OK done")

    # ---- APPEND ----
    def do_append(self, tag, rest):
        s = self.store
        with s.lock:
            s.appends += 1
            number = s.appends
        match = re.match(r"(.*) \{(\d+)(\+?)\}$", rest)
        words = split_arguments(match.group(1))
        name, size, plus = words[0], int(match.group(2)), match.group(3) == "+"
        flags = words[1] if len(words) > 1 and words[1].startswith("(") else "()"
        date = words[-1]
        fault = s.take_fault(number, None)
        kind = fault.kind if fault else ""
        if kind == "drop-before-plus":
            raise Gone(fault.get("reset", False))
        if kind == "bye-before-plus":
            self.say("* BYE busy, come back")
            raise Gone()
        if kind == "refuse-before-plus" and not plus:
            self.say("%s %s" % (tag, fault.get("reply")))
            return
        if kind == "bad-before-literal" and plus:
            # The literal that is on its way is read as commands.
            self.say(tag + " BAD what is this?")
            return
        if not plus:
            if kind == "exists-before-plus":
                self.say("* 5 EXISTS")
            self.say("+ go on")
        if kind == "drop-mid-literal":
            self.read(size // 2)
            raise Gone(fault.get("reset", False))
        if kind == "silence-mid-literal":
            self.read(size // 2)
            time.sleep(fault.get("seconds", 3600))
            raise Gone()
        octets = self.read(size)
        self.line()
        fault = fault or s.take_fault(number, octets)
        self.finish(tag, name, flags, date, octets, fault)

    def finish(self, tag, name, flags, date, octets, fault):
        s = self.store
        kind = fault.kind if fault else ""
        with s.lock:
            folder = self.find(name)
            if kind == "drop-after-literal":
                raise Gone(fault.get("reset", False))
            if kind == "late-commit":
                threading.Timer(fault.get("seconds", 0.5), lambda: folder.add(flags, date, octets)).start()
                raise Gone(fault.get("reset", False))
            if kind == "no":
                if fault.get("stored"):
                    folder.add(flags, date, octets)
                self.say("%s NO %s" % (tag, fault.get("text", "Unexpected exception")))
                return
            if kind == "bad":
                if fault.get("stored"):
                    folder.add(flags, date, octets)
                self.say(tag + " BAD what is this?")
                return
            if folder is None or folder.noselect:
                self.say(tag + " NO [TRYCREATE] no such folder")
                return
            if folder.read_only:
                self.say(tag + " NO [NOPERM] read only")
                return
            uid = folder.add(flags, date, octets)
            answer = "%s OK [APPENDUID %d %d] stored" % (tag, folder.uidvalidity, uid)
        if kind == "store-then-drop":
            raise Gone(fault.get("reset", False))
        if kind == "store-then-silence":
            time.sleep(fault.get("seconds", 3600))
            raise Gone()
        if kind == "bye-then-ok":
            self.say("* BYE closing")
            self.say(answer)
            raise Gone()
        if kind == "ok-without-uid":
            answer = tag + " OK"
        if kind == "wrong-tag":
            answer = "%d OK stored" % (int(tag) + 1)
        if kind == "garbage":
            answer = "!!% \x01 (("
        if kind == "ok-throttled":
            answer = tag + " OK [THROTTLED] stored"
        self.say(answer)
