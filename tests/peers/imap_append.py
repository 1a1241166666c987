"""
APPEND as a store carries it out: one message or many (RFC 3502), literals that
ask first and literals that do not (RFC 7888), and its faults.
"""

import re

from .imap_wire import Gone

HEAD = re.compile(r'^(?: (\([^)]*\)))?(?: ("[^"]*"))?( UTF8 \()? ?~?\{(\d+)(\+?)\}$')
LITERAL_MINUS_MAX = 4096
UNSTORED = ("no", "bad", "drop-after-literal", "bye", "silence-after-literal", "late-commit")


class Offer:
    """One message of an APPEND."""

    def __init__(self, number, flags, date, octets):
        self.number, self.flags, self.date, self.octets = number, flags, date, octets
        self.stored = None  # its UID, where it was stored before the end of the command
        self.hated = False  # the store fails because of what it is: it is never stored


class Append:
    """
    One APPEND command of SESSION. What a fault (Store.fail) may be:

    at a message's literal    drop-before-plus, bye-before-plus, refuse-before-plus (reply=; only to a literal that asks),
                              bad-before-literal (only to one that does not: it is read as commands), exists-before-plus,
                              no-early (text=; to either; what does not ask is read and thrown away)
    within it (after=N)       drop-mid-literal, silence-mid-literal, bye-mid-literal, no-mid-literal (text=)
    at the end                drop-after-literal, store-then-drop, late-commit, silence-after-literal, store-then-silence, bye,
                              no (text=), bad (text=), bye-then-ok, ok-without-uid, ok-throttled, wrong-tag, odd-tag, garbage,
                              out-of-order (its answer comes behind the next), uid-wrong (uids=text)
death of the client           kill-mid-literal (after=N), kill-before-commit, kill-after-commit, kill-after-answer

    keep= says which of the messages of the command are stored all the same: "all", "none", "prefix", "subset", or their indexes
    from 0; only those that came whole. stored=True is keep="all". late= says when: a number of seconds after the connection's
    end, or the event of another connection ("accept", "login", "status", "examine", "fetch", "check")
    that they follow.
    """

    def __init__(self, session, tag):
        self.session, self.store, self.wire, self.tag = session, session.store, session.wire, tag
        self.name = None
        self.offers = []
        self.folder = None     # once something was stored
        self.fault = None      # that the end of the command has
        self.cancelled = None  # the answer, if it is known before the end

    def run(self, rest):
        match = re.match(r'("(?:[^"\\]|\\.)*"|[^ ]+)(.*)$', rest, re.S)
        if match is None:
            return self.session.say(self.tag + " BAD no mailbox")
        name = match.group(1)
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        self.name, rest = name, match.group(2)
        while True:
            rest = self.one(rest)
            if rest is None:
                return None
            if rest == "":
                break
            if "MULTIAPPEND" not in self.store.capabilities.split():
                self.session.blame("several messages in one APPEND: %r" % rest)
                return self.session.say(self.tag + " BAD one message only")
        return self.finish()

    # ---- one message ----
    def one(self, rest):
        """Reads a message from its head on. Returns what stands behind its literal, or None when the command is over."""
        match = HEAD.match(rest)
        if match is None:
            self.session.blame("the head of a message: %r" % rest)
            self.session.say(self.tag + " BAD what is this?")
            return None
        flags, date, utf8 = match.group(1) or "()", match.group(2) or "", match.group(3)
        size, plus = int(match.group(4)), match.group(5) == "+"
        self.check_head(size, plus)
        if self.store.keyword_reply is not None and re.search(r"[( ][^\\ ()]", flags):
            if plus:
                self.cancelled = "%s %s" % (self.tag, self.store.keyword_reply)
            else:
                self.session.say("%s %s" % (self.tag, self.store.keyword_reply))
                return None
        number = self.store.offer()
        fault = self.store.take_fault(number, None)
        if fault and not self.at_head(fault, plus):
            return None
        if not plus and self.cancelled:
            self.session.say(self.cancelled)
            return None
        if not plus:
            if self.wire.buffer:
                self.session.blame("%d octets behind a literal that asks" % len(self.wire.buffer))
            self.session.say("+ go on")
        if fault and not self.within(fault, size):
            return None
        octets = self.wire.read(size)
        rest = self.wire.line()
        raw = any(c >= 0x80 for c in octets.split(b"\r\n\r\n")[0])
        if bool(utf8) != (raw and self.session.utf8):
            self.session.blame("8-bit header: %s, UTF8 data: %s, enabled: %s" % (raw, bool(utf8), self.session.utf8))
        if utf8:
            if not rest.startswith(")"):
                self.session.blame("UTF8 data is not closed: %r" % rest)
            rest = rest[1:]
        match = self.store.take_fault(number, octets)
        fault = match or fault
        if fault and fault.kind in ("drop-mid-literal", "silence-mid-literal"):  # found by its octets
            self.keep(fault)
            self.go(fault)
        self.fault = match or self.fault or fault
        self.offers.append(Offer(number, flags, date.strip('"'), octets))
        self.offers[-1].hated = match is not None and match.kind in UNSTORED
        if not self.store.atomic and not self.cancelled and not (fault and fault.kind in UNSTORED):
            self.store_early(self.offers[-1])
        return rest

    def check_head(self, size, plus):
        words = self.store.capabilities.split()
        if plus and "LITERAL+" not in words and ("LITERAL-" not in words or size > LITERAL_MINUS_MAX):
            self.session.blame("a literal of %d octets that does not ask" % size)
        if size == 0:
            self.session.blame("an empty message")
            self.cancelled = self.cancelled or self.tag + " NO empty"

    def at_head(self, fault, plus):
        """False: the command is over."""
        kind = fault.kind
        if kind == "drop-before-plus":
            self.keep(fault)
            raise Gone(fault.get("reset", False))
        if kind == "bye-before-plus":
            self.keep(fault)
            self.session.say("* BYE " + fault.get("text", "busy, come back"))
            raise Gone()
        if kind == "refuse-before-plus" and not plus:
            self.keep(fault)
            self.session.say("%s %s" % (self.tag, fault.get("reply")))
            return False
        if kind == "bad-before-literal" and plus:
            self.keep(fault)
            self.session.innocent = True
            self.session.say(self.tag + " BAD what is this?")
            return False
        if kind == "no-early":
            self.keep(fault)
            self.cancelled = "%s NO %s" % (self.tag, fault.get("text", "Unexpected exception"))
        if kind == "exists-before-plus":
            self.session.say("* 5 EXISTS")
        return True

    def within(self, fault, size):
        """False: the command is over."""
        kind = fault.kind
        if not kind.endswith("-mid-literal"):
            return True
        part = self.wire.read(min(size, fault.get("after", size // 2)))
        if kind == "kill-mid-literal":
            self.store.kill()
            self.wire.buffer[:0] = part
            return True
        self.keep(fault)
        if kind == "no-mid-literal":
            self.session.say("%s NO %s" % (self.tag, fault.get("text", "Unexpected exception")))
            raise Gone()
        self.go(fault)
        return True

    def go(self, fault):
        if fault.kind.startswith(("silence", "store-then-silence")):
            self.wire.fall_silent(fault.get("deaf", False))
        if fault.kind.startswith("bye"):
            self.session.say("* BYE " + fault.get("text", "busy, come back"))
        raise Gone(fault.get("reset", False))

    # ---- what is stored ----
    def store_early(self, offer):
        with self.store.lock:
            self.folder = self.folder or self.session.find(self.name)
            if self.folder is not None and not self.folder.noselect and not self.folder.read_only:
                self.store.put(self.folder, offer)
                self.store.was_stored()

    def chosen(self, keep):
        n = len(self.offers)
        if keep in (None, "none"):
            return []
        if keep == "all":
            return list(self.offers)
        if keep == "prefix":
            return self.offers[:max(1, n // 2)]
        if keep == "subset":
            return [o for i, o in enumerate(self.offers) if i % 3 == 1 or n == 1]
        return [o for i, o in enumerate(self.offers) if i in keep]

    def keep(self, fault, otherwise="none"):
        """Stores what the fault says is stored all the same, now or later."""
        keep = fault.get("keep", "all" if fault.get("stored") else otherwise)
        late = fault.get("late", fault.get("seconds") if fault.kind == "late-commit" else None)
        if fault.kind == "no" and len(self.offers) > 1:
            late = None  # a command that was answered is over
        offers = [o for o in self.chosen(keep) if o.stored is None and not o.hated]
        folder = self.session.find(self.name)
        if not offers or folder is None:
            return

        def commit():
            with self.store.lock:
                for o in offers:
                    self.store.put(folder, o)
                self.store.was_stored()
        if late is None:
            commit()
        else:
            self.store.later(late, self.session, commit)

    # ---- the end ----
    def finish(self):
        fault, tag = self.fault, self.tag
        self.store.batches += len(self.offers) > 1
        kind = fault.kind if fault else ""
        if self.cancelled:
            return self.session.say(self.cancelled)
        if kind in ("drop-after-literal", "late-commit", "silence-after-literal", "bye"):
            self.keep(fault, "all" if kind == "late-commit" else "none")
            self.go(fault)
        if kind in ("no", "bad"):
            self.keep(fault)
            text = fault.get("text", "Unexpected exception" if kind == "no" else "what is this?")
            return self.session.say("%s %s %s" % (tag, kind.upper(), text))
        if kind == "kill-before-commit":
            self.store.kill()
        with self.store.lock:
            answer = self.commit()
        if kind == "kill-after-commit":
            self.store.kill()
        if kind in ("store-then-drop", "store-then-silence"):
            self.go(fault)
        if kind == "bye-then-ok":
            self.session.say("* BYE closing")
            self.session.say(answer)
            raise Gone()
        if kind == "out-of-order":
            return self.wire.hold_back(answer)
        if not answer.startswith(tag + " OK"):
            kind = ""
        self.session.say({
            "ok-without-uid": tag + " OK",
            "ok-throttled": tag + " OK [THROTTLED] stored",
            "wrong-tag": "%d OK stored" % (int(tag) + 1),
            "odd-tag": "X%s OK stored" % tag,
            "garbage": "!!% \x01 ((",
            "uid-wrong": "%s OK [APPENDUID %s] stored" % (tag, fault.get("uids", "1 0") if fault else ""),
        }.get(kind, answer))
        if kind == "kill-after-answer":
            self.store.kill()
        return None

    def commit(self):
        """All or nothing; returns the answer."""
        folder = self.folder or self.session.find(self.name)
        if folder is None or folder.noselect:
            return self.tag + " NO [TRYCREATE] no such folder"
        if folder.read_only:
            return self.tag + " NO [NOPERM] read only"
        validity = folder.uidvalidity
        for o in [o for o in self.offers if o.stored is None]:
            self.store.put(folder, o)
        self.store.was_stored()
        if "UIDPLUS" not in self.store.capabilities.split():
            return self.tag + " OK stored"
        return "%s OK [APPENDUID %d %s] stored" % (self.tag, validity, uid_set([o.stored for o in self.offers]))


def uid_set(uids):
    """RFC 4315, 4: the UIDs in the order of the messages; ranges where they ascend by one."""
    out = []
    for uid in uids:
        if out and out[-1][1] == uid - 1:
            out[-1][1] = uid
        else:
            out.append([uid, uid])
    return ",".join(str(a) if a == b else "%d:%d" % (a, b) for a, b in out)
