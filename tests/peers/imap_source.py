"""
A small IMAP server in memory that is read from: what a source of mail needs and
no more, answered as RFC 9051 has it, until a test says otherwise.

    server.on["UID FETCH"] = lambda session, tag, words: …   True: it was answered

WORDS is the command line behind the verb, as text. A session can say(text),
put(octets), and has the server's folders. `hold_tags` N: tagged replies wait
until N commands were answered or the client waits, as Dovecot does.
"""

import re
import threading
import time

from .imap_wire import Gone, Wire
from .listener import Listener

VERBS = ("UID FETCH", "UID STORE", "UID EXPUNGE", "UID MOVE", "UID COPY", "UID SEARCH")


class Mail:
    def __init__(self, octets, flags="", date="17-Jul-2020 02:44:25 +0000"):
        self.octets, self.flags, self.date = octets, flags, date


class Folder:
    def __init__(self, uidvalidity=7, attributes=""):
        self.uidvalidity, self.attributes = uidvalidity, attributes
        self.mail = {}  # uid -> Mail
        self.uidnext = 1
        self.modseq = 1

    def add(self, octets, uid=None, **kw):
        uid = uid or self.uidnext
        self.mail[uid] = Mail(octets, **kw)
        self.uidnext = max(self.uidnext, uid + 1)
        self.modseq += 1
        return uid

    def within(self, words):
        """UIDs of a set, those that are there, ascending."""
        found = set()
        top = max(self.mail, default=0)
        for part in words.split(","):
            ends = [top if e == "*" else int(e) for e in part.split(":")]
            low, high = min(ends), max(ends)
            found.update(u for u in self.mail if low <= u <= high)
        return sorted(found)

    def number(self, uid):
        return sorted(self.mail).index(uid) + 1


class Source(Listener):
    capabilities = "IMAP4rev1 UIDPLUS NAMESPACE IDLE CONDSTORE MOVE AUTH=PLAIN"

    def __init__(self, mails=0, size=2000, capabilities=None, separator="/"):
        self.capabilities = capabilities or self.capabilities
        self.separator = separator
        self.folders = {"INBOX": Folder()}
        for i in range(mails):
            self.inbox.add(message(i, size))
        self.on = {}
        self.commands = []   # (verb, words)
        self.hold_tags = 0
        self.read_only = False
        self.turns = 0       # how often a command had to be waited for
        self.greeting = "* OK ready"
        self.chunk, self.pause = 0, 0.0
        self.sessions = []
        self.failures = []
        self.listen()

    @property
    def inbox(self):
        return self.folders["INBOX"]

    def count(self, verb):
        return sum(v == verb for v, _ in self.commands)

    def serve(self, sock, number):
        session = Session(self, sock)
        self.sessions.append(session)
        try:
            session.run()
        except (Gone, OSError):
            pass
        except Exception as e:  # noqa: a slip of the server's must be seen
            self.failures.append(e)
            raise
        finally:
            sock.close()


def message(i, size=2000):
    head = "Message-ID: <m%d@example.org>\r\nSubject: number %d\r\n\r\n" % (i, i)
    return (head + ("line %d \r\n" % i) * (max(0, size - len(head)) // (len("line %d \r\n" % i)))).encode()


class Session:
    def __init__(self, server, sock):
        self.server = server
        self.wire = Wire(sock, chunk=server.chunk, pause=server.pause)
        self.folder = None
        self.tags = []
        self.idling = None
        self.lock = threading.Lock()

    def say(self, text):
        with self.lock:
            self.wire.say(text)

    def put(self, octets):
        with self.lock:
            self.wire.put(octets)

    def done(self, tag, text="OK done"):
        self.tags.append("%s %s" % (tag, text))
        if len(self.tags) > self.server.hold_tags:
            self.release()

    def release(self):
        tags, self.tags = self.tags, []
        for t in tags:
            self.say(t)

    def run(self):
        self.say(self.server.greeting)
        while True:
            if self.tags and not self.wire.ready() and b"\n" not in self.wire.buffer:
                self.release()
            self.server.turns += b"\n" not in self.wire.buffer and not self.wire.ready()
            line = self.wire.line()
            if self.idling:
                tag, self.idling = self.idling, None
                if line.upper() != "DONE":
                    self.server.failures.append("no DONE but " + line)
                self.done(tag)
                continue
            tag, _, rest = line.partition(" ")
            verb, _, words = rest.partition(" ")
            verb = verb.upper()
            if verb == "UID":
                more, _, words = words.partition(" ")
                verb += " " + more.upper()
            self.server.commands.append((verb, words))
            hook = self.server.on.get(verb)
            if hook and hook(self, tag, words):
                continue
            getattr(self, "do_" + verb.replace(" ", "_").lower())(tag, words)
            if verb == "LOGOUT":
                return

    # ---- commands ----
    def do_capability(self, tag, words):
        self.say("* CAPABILITY " + self.server.capabilities)
        self.done(tag)

    def do_authenticate(self, tag, words):
        if len(words.split()) < 2:
            self.say("+ ")
            self.wire.line()
        self.done(tag)

    def do_login(self, tag, words):
        self.done(tag)

    do_noop = do_login

    def do_enable(self, tag, words):
        self.say("* ENABLED " + words)
        self.done(tag)

    def do_namespace(self, tag, words):
        self.say('* NAMESPACE (("" "%s")) NIL NIL' % self.server.separator)
        self.done(tag)

    def do_list(self, tag, words):
        if words.startswith('"" ""'):
            self.say('* LIST (\\Noselect) "%s" ""' % self.server.separator)
        else:
            for name, f in list(self.server.folders.items()):
                self.say('* LIST (%s) "%s" "%s"' % (f.attributes, self.server.separator, name))
        self.done(tag)

    def do_create(self, tag, words):
        self.server.folders[name_of(words)] = Folder(100 + len(self.server.folders))
        self.done(tag)

    def do_examine(self, tag, words):
        self.select(tag, words, "READ-ONLY")

    def do_select(self, tag, words):
        self.select(tag, words, "READ-ONLY" if self.server.read_only else "READ-WRITE")

    def select(self, tag, words, mode):
        self.folder = self.server.folders.get(name_of(words))
        if self.folder is None:
            self.done(tag, "NO [NONEXISTENT] there is no such mailbox")
            return
        self.say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        self.say("* %d EXISTS" % len(self.folder.mail))
        self.say("* 0 RECENT")
        self.say("* OK [UIDVALIDITY %d] ok" % self.folder.uidvalidity)
        self.say("* OK [UIDNEXT %d] ok" % self.folder.uidnext)
        if "CONDSTORE" in self.server.capabilities:
            self.say("* OK [HIGHESTMODSEQ %d] ok" % self.folder.modseq)
        self.done(tag, "OK [%s] done" % mode)

    def do_status(self, tag, words):
        folder = self.server.folders[name_of(words)]
        self.say("* STATUS %s (UIDVALIDITY %d UIDNEXT %d MESSAGES %d)" % (words.rpartition(" (")[0], folder.uidvalidity,
                                                                        folder.uidnext, len(folder.mail)))
        self.done(tag)

    def do_uid_fetch(self, tag, words):
        which, _, what = words.partition(" ")
        for uid in self.folder.within(which):
            self.respond(uid, what)
        self.done(tag)

    def respond(self, uid, what, **change):
        """One FETCH response; CHANGE: told (another UID), size (announced), body."""
        mail = self.folder.mail[uid]
        parts = ["UID %d" % change.get("told", uid)]
        if "FLAGS" in what:
            parts.append("FLAGS (%s)" % mail.flags)
        if "INTERNALDATE" in what:
            parts.append('INTERNALDATE "%s"' % mail.date)
        if "RFC822.SIZE" in what:
            parts.append("RFC822.SIZE %d" % len(mail.octets))
        body, section = mail.octets, "BODY[]"
        if "HEADER.FIELDS" in what:
            section = "BODY[HEADER.FIELDS (MESSAGE-ID)]"
            body = b"".join(re.findall(rb"(?im)^message-id:.*\r\n", body)) + b"\r\n"
        elif "HEADER" in what:
            section, body = "BODY[HEADER]", body[:body.find(b"\r\n\r\n") + 4]
        text = "* %d FETCH (%s" % (self.folder.number(uid), " ".join(parts))
        if "BODY" not in what:
            self.say(text + ")")
            return
        body = change.get("body", body)
        self.put(("%s %s {%d}\r\n" % (text, section, change.get("size", len(body)))).encode() + body + b")\r\n")

    def do_uid_store(self, tag, words):
        which, _, what = words.partition(" ")
        flag = what[what.index("(") + 1:-1]
        for uid in self.folder.within(which):
            self.folder.mail[uid].flags = (self.folder.mail[uid].flags + " " + flag).strip()
            self.folder.modseq += 1
        self.done(tag)

    def expunge(self, uids):
        for uid in uids:
            number = self.folder.number(uid)
            del self.folder.mail[uid]
            self.folder.modseq += 1
            self.say("* %d EXPUNGE" % number)

    def do_uid_expunge(self, tag, words):
        self.expunge([u for u in self.folder.within(words) if "\\Deleted" in self.folder.mail[u].flags])
        self.done(tag)

    def copy(self, tag, words):
        which, _, name = words.partition(" ")
        to = self.server.folders.get(name_of(name))
        if to is None:
            self.done(tag, "NO [TRYCREATE] there is no such mailbox")
            return None
        uids = self.folder.within(which)
        new = [to.add(self.folder.mail[u].octets, flags=self.folder.mail[u].flags, date=self.folder.mail[u].date)
               for u in uids]
        return uids, "[COPYUID %d %s %s]" % (to.uidvalidity, ",".join(map(str, uids)), ",".join(map(str, new)))

    def do_uid_copy(self, tag, words):
        done = self.copy(tag, words)
        if done:
            self.done(tag, "OK %s done" % done[1])

    def do_uid_move(self, tag, words):
        done = self.copy(tag, words)
        if done:
            self.say("* OK %s moved" % done[1])
            self.expunge(done[0])
            self.done(tag)

    def do_uid_search(self, tag, words):
        ident = re.match(r'HEADER Message-ID "(.*)"', words)
        size = re.match(r"SMALLER (\d+) LARGER (\d+)", words)
        uids = [u for u, m in self.folder.mail.items() if ident and ident.group(1).encode() in m.octets or
                size and int(size.group(2)) < len(m.octets) < int(size.group(1))]
        self.say("* SEARCH" + "".join(" %d" % u for u in sorted(uids)))
        self.done(tag)

    def do_idle(self, tag, words):
        self.say("+ idling")
        self.idling = tag

    def do_logout(self, tag, words):
        self.say("* BYE")
        self.done(tag)


def name_of(words):
    match = re.match(r'"((?:[^"\\]|\\.)*)"', words)
    return re.sub(r"\\(.)", r"\1", match.group(1)) if match else words.split()[0]


def once(function):
    """A hook that is asked until it says True."""
    state = {"done": False}

    def hook(session, tag, words):
        if state["done"]:
            return False
        state["done"] = bool(function(session, tag, words))
        return state["done"]
    return hook


def for_uid(uid, function):
    """A hook for the FETCH of one UID's body."""
    def hook(session, tag, words):
        return words.startswith("%d (BODY" % uid) and function(session, tag, words)
    return hook


def drip(session, octets, pause=1.0):
    """As slowly as that, until the client is gone."""
    for o in octets:
        session.put(bytes([o]))
        time.sleep(pause)
    raise Gone()
