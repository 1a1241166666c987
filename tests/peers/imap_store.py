"""
A small IMAP store in memory, with real folders and faults on order. It does
what an APPEND needs and no more, but keeps to RFC 3501 where it does, so that a
test can make it fail in one exact way and then count what it holds.
"""

import base64
import collections
import re
import socket
import ssl
import struct
import threading
import time
import traceback

from .imap_append import Append
from .imap_folders import FolderCommands, split_arguments
from .imap_wire import GARBAGE, Gone, Wire
from .listener import Listener



class Folder:
    def __init__(self, uidvalidity):
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.messages = {}  # uid -> (flags, date, octets)
        self.noselect = False
        self.nonexistent = False
        self.noinferiors = False
        self.uses = []  # "\\Junk"
        self.told = 0        # UIDNEXT by STATUS, on a store whose STATUS is old
        self.gap = 0         # UIDs that are skipped before each message
        self.read_only = False

    def add(self, flags, date, octets):
        self.uidnext += self.gap
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = (flags, date, octets)
        return uid


class Fault:
    """
    KIND of failure for one message of an APPEND. AT: its number (from 1, over all connections, each time that it is
    offered), or MATCH: octets that it holds; TIMES: how often. The rest are options of the kind, see imap_append.Append.
    """

    def __init__(self, kind, at=None, match=None, times=1, **options):
        self.kind, self.at, self.match, self.times, self.options = kind, at, match, times, options

    def get(self, name, otherwise=None):
        return self.options.get(name, otherwise)


class Store(Listener):
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
        self.atomic = True    # is a MULTIAPPEND stored as a whole, or each message when its literal ends?
        self.appends = 0      # APPEND commands seen
        self.offered = 0      # messages in them
        self.batches = 0      # APPENDs that came whole and held several
        self.damages = {}     # number of a connection (from 1) -> what is wrong with its line, see imap_wire
        self.chunk, self.pause = 0, 0.0  # octets that a reply is cut into, and seconds between them
        self.sessions_max = None  # logged in at a time
        self.sessions = 0
        self.most_sessions = 0
        self.sessions_reply = "NO [LIMIT] too many connections"  # or "BYE ..."
        self.pending = []     # commits that wait for an event: [event, connection, function]
        self.command_faults = []
        self.fired = collections.Counter()  # faults that happened
        self.live = {}        # number -> session
        self.kill = lambda: None  # kills the client, for faults that ask for it
        self.stored = 0       # messages, ever
        self.vanished = []    # stored into a folder that was deleted in the middle of the command
        self.on_stored = None  # called behind each command that stored some, with the lock held
        self.violations = []  # what the client did against the RFCs
        self.logins = 0
        self.commands = []    # verbs, in order
        self.login_reply = None
        self.create_reply = None  # to every CREATE, or a function of the name that may give None
        self.namespace_reply = None  # what stands behind NAMESPACE
        self.fold = False     # is "invoices" the same folder as "Invoices"?
        self.demand_parents = False
        self.strip_blanks = False  # does CREATE cut blanks off?
        self.plain_uses = False  # are uses told in a LIST that does not ask for them?
        self.use_reply = None    # to CREATE with a use
        self.list_tail = ""      # behind each LIST response
        self.notes = {}       # of a folder, "" of the store: {entry: value}, by GETMETADATA (RFC 5464)
        self.folder_limit = None  # of one message, told by STATUS
        self.status_reply = None
        self.stale = 0        # by how much STATUS and EXAMINE tell too low a UIDNEXT
        self.frozen = False   # does STATUS tell the UIDNEXT that it told first?
        self.tell_uidnext = True  # does EXAMINE tell it?
        self.keyword_reply = None  # to a message with flags that are no system flags
        self.merge = False    # is a message that has the Message-ID of another thrown away?
        self.blind = False    # does SEARCH find nothing?
        self.repeat = 1       # how often FETCH lists each message
        self.fetch_reply = None
        self.partial = True   # does FETCH know <0.N>?
        self.greeting = "* OK ready"
        self.listen()

    # ---- for tests ----
    def create(self, name):
        with self.lock:
            self.validity += 1
            self.folders[name] = Folder(self.validity)
            return self.folders[name]

    def fail(self, kind, **options):
        with self.lock:
            self.faults.append(Fault(kind, **options))

    def fail_command(self, verb, then, at=None, times=1):
        """
        The next TIMES commands VERB (or that with number AT among them) end so: "drop", "reset", "silence", "deaf",
        "garbage", "bye", "wrong-tag", or a text: the reply, behind the tag.
        """
        with self.lock:
            self.command_faults.append({"verb": verb, "then": then, "at": at, "times": times, "seen": 0})

    def offer(self):
        with self.lock:
            self.offered += 1
            return self.offered

    def put(self, folder, offer):
        """With the lock held."""
        if self.merge:
            same = re.search(rb"(?im)^Message-ID:.*", offer.octets).group(0)
            for uid, message in folder.messages.items():
                if same in message[2]:
                    offer.stored = uid
                    return
        offer.stored = folder.add(offer.flags, offer.date, offer.octets)
        self.stored += 1
        if folder not in self.folders.values():
            self.vanished.append(offer.octets)

    def was_stored(self):
        """With the lock held, behind the last message of a command."""
        if self.on_stored is not None:
            self.on_stored()

    def later(self, when, session, commit):
        """COMMIT happens WHEN seconds from now, or when another, later connection than SESSION does that (see happened)."""
        if isinstance(when, str):
            with self.lock:
                self.pending.append([when, session.number, commit])
        else:
            threading.Timer(when, commit).start()

    def happened(self, event, number=None):
        """
        EVENT, on connection NUMBER (None: the end of a test). Behind a FETCH every commit is due that still waits: whoever has
        looked once sees it when he looks again.
        """
        with self.lock:
            due = [p for p in self.pending if number is None or (event in (p[0], "fetch") and number > p[1])]
            self.pending = [p for p in self.pending if p not in due]
            for p in due:
                p[2]()
        return len(due)

    def octets(self, name=None):
        """All messages, of one folder or of all."""
        with self.lock:
            folders = self.folders.values() if name is None else [self.folders[name]]
            return [m[2] for f in folders for m in f.messages.values()]

    # ---- serving ----
    def serve(self, sock, number):
        session = self.session_class(self, sock, number)
        with self.lock:
            self.live[number] = session
        reset = False
        try:
            session.run()
        except Gone as gone:
            reset = gone.reset
        except (OSError, ssl.SSLError):
            pass
        except (ValueError, IndexError, AttributeError, TypeError):
            session.blame("something to trip over: " + traceback.format_exc())
            if not session.innocent:
                traceback.print_exc()
        if session.counted:
            with self.lock:
                self.sessions -= 1
        try:
            if reset:
                session.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            session.wire.sock.close()
        except OSError:
            pass
        with self.lock:
            del self.live[number]
        session.ended.set()

    def outlive(self, number=None, seconds=20):
        """
        Waits for the sessions whose client is gone (older ones than NUMBER; None: for all sessions, gone or not): they may
        still carry out what they were sent, but not later than anybody looks.
        """
        end = time.monotonic() + seconds
        with self.lock:
            sessions = [s for n, s in self.live.items() if number is None or (n < number and s.wire.abandoned())]
        for session in sessions:
            session.ended.wait(max(0, end - time.monotonic()))

    def take_command_fault(self, verb):
        with self.lock:
            for fault in self.command_faults:
                if fault["verb"] != verb or fault["times"] <= 0:
                    continue
                fault["seen"] += 1
                if fault["at"] is None or fault["at"] == fault["seen"]:
                    fault["times"] -= 1
                    self.fired["%s: %s" % (verb, fault["then"])] += 1
                    return fault["then"]
        return None

    def take_fault(self, number, octets):
        """For message NUMBER: at its head (OCTETS None), or by what it holds."""
        with self.lock:
            for fault in self.faults:
                if fault.times <= 0:
                    continue
                if (octets is None and fault.at == number) or (octets is not None and fault.match is not None and fault.match in octets):
                    fault.times -= 1
                    self.fired[fault.kind] += 1
                    return fault
        return None


class Session(FolderCommands):
    def __init__(self, store, sock, number):
        self.store, self.number = store, number
        self.wire = Wire(sock, store.damages.get(number), store.chunk, store.pause)
        self.wire.on_damage = lambda what: store.fired.update([what])
        self.folder = None
        self.authenticated = False
        self.counted = False  # among the store's sessions
        self.innocent = False  # what comes now is a message that is taken for commands
        self.ended = threading.Event()

    def say(self, text):
        self.wire.say(text)

    def line(self):
        return self.wire.line()

    def blame(self, words):
        """The client did something against the RFCs."""
        if not self.innocent:
            with self.store.lock:
                self.store.violations.append(words)

    # ---- commands ----
    def run(self):
        self.store.happened("accept", self.number)
        if self.store.tls is not None:
            self.wire.start_tls(self.store.tls)
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
            then = self.store.take_command_fault(verb)
            if then is not None and self.misbehave(tag, then):
                continue
            if handler is None:
                self.say("%s BAD unknown command" % tag)
            elif not self.authenticated and verb not in ("CAPABILITY", "LOGIN", "AUTHENTICATE", "STARTTLS", "NOOP", "LOGOUT"):
                self.say("%s BAD log in first" % tag)
            else:
                handler(tag, rest)

    def misbehave(self, tag, then):
        """False: the command is carried out all the same."""
        if then in ("silence", "deaf"):
            self.wire.fall_silent(then == "deaf")
        if then in ("drop", "reset"):
            raise Gone(then == "reset")
        if then == "bye":
            self.say("* BYE busy, come back")
            raise Gone()
        if then == "garbage":
            self.wire.put(GARBAGE)
            return False
        self.say("X%s OK done" % tag if then == "wrong-tag" else "%s %s" % (tag, then))
        return True

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
        self.wire.start_tls(self.store.starttls)

    def do_compress(self, tag, rest):
        if "COMPRESS=DEFLATE" not in self.store.capabilities.split() or rest.upper() != "DEFLATE":
            self.say(tag + " BAD no such compression")
        elif self.wire.deflater is not None:
            self.say(tag + " NO [COMPRESSIONACTIVE] it is on")
        else:
            self.say(tag + " OK begin")
            self.wire.start_deflate()

    def login(self, tag, user, password):
        self.store.logins += 1
        if self.store.login_reply is not None:
            self.say("%s %s" % (tag, self.store.login_reply))
        elif (user, password) == (self.store.user, self.store.password):
            self.admit(tag)
        else:
            self.say(tag + " NO [AUTHENTICATIONFAILED] Authentication failed.")

    def admit(self, tag):
        """The password is right: is there room for one more?"""
        s = self.store
        with s.lock:
            full = s.sessions_max is not None and s.sessions >= s.sessions_max
            if not full:
                self.authenticated = self.counted = True
                s.sessions += 1
                s.most_sessions = max(s.most_sessions, s.sessions)
        if not full:
            s.happened("login", self.number)
            self.say(tag + " OK logged in")
        elif s.sessions_reply.startswith("BYE"):
            self.say("* " + s.sessions_reply)
            raise Gone()
        else:
            self.say("%s %s" % (tag, s.sessions_reply))

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

    def do_examine(self, tag, rest):
        self.store.outlive(self.number)
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
            if self.store.tell_uidnext:
                self.say("* OK [UIDNEXT %d] ok" % max(1, folder.uidnext - self.store.stale))
            self.say(tag + " OK [READ-ONLY] done")
        self.store.happened("examine", self.number)

    do_select = do_examine

    def do_check(self, tag, rest):
        self.store.happened("check", self.number)
        self.say(tag + " OK done")

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
                found = sorted(self.folder.messages.items()) if not self.store.blind else []
                hits = [str(u) for u, m in found if word in m[2].split(b"\r\n\r\n")[0]]
            self.say("* SEARCH" + "".join(" " + h for h in hits))
            self.say(tag + " OK done")
        elif verb.upper() == "STORE":
            uid, flags = int(rest.split(" ", 1)[0]), re.search(r"\(([^)]*)\)", rest).group(1)
            with self.store.lock:
                if uid in self.folder.messages:
                    old, date, octets = self.folder.messages[uid]
                    self.folder.messages[uid] = ("(%s)" % (old.strip("()") + " " + flags).strip(), date, octets)
            self.say(tag + " OK done")
        elif verb.upper() == "EXPUNGE":
            with self.store.lock:
                for uid in [int(u) for u in rest.split(",")]:
                    if "\\Deleted" in self.folder.messages.get(uid, ("",))[0]:
                        del self.folder.messages[uid]
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
                row = b"* %d FETCH (UID %d BODY[HEADER.FIELDS (RECEIVED)]%s {%d}\r\n%s)\r\n" % (number, uid, origin, len(lines), lines)
                out += row * self.store.repeat
        self.wire.put(out)
        self.say(tag + " OK done")
        self.store.happened("fetch", self.number)

    def do_append(self, tag, rest):
        with self.store.lock:
            self.store.appends += 1
        Append(self, tag).run(rest)


Store.session_class = Session
