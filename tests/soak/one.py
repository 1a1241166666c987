"""One seed: a worker on a store that fails as its plan says, killed and started again, then the account of it."""

import collections
import json
import os
import re
import ssl
import struct
import subprocess
import tempfile
import time

from lib.area import BUILD
from peers.imap_store import Store

from .plan import ATTEMPTS, Plan

WORKER = os.path.join(BUILD, "tests/peers/worker")
FILLER = b"x" * 70 + b"\r\n"
FORGED = (b"1 NOOP\r\n2 APPEND INBOX {3}\r\n* BYE\r\n* 1 FETCH (UID 1)\r\n+ go on\r\n3 OK [APPENDUID 1001 1] stored\r\n4 EXAMINE INBOX\r\n"
          b"5 UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (RECEIVED)])\r\n")
SYSTEM_FLAGS = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"}


class Wrong(Exception):
    """The promise was broken, or the run did not end."""


def expected(number, size, forged):
    """The octets that tests/peers/fake_spool.c makes of a delivery."""
    prefix = ("Received: from client.example by mail.office.example with SMTP id delivery%08d;\r\n"
              "\tMon, 23 Nov 2026 12:00:00 +0000\r\n" % number).encode()
    head = b"Message-ID: <%d@test.example>\r\nSubject: number %d.\r\n\r\n" % (number, number)
    pattern = FORGED if forged else FILLER
    return prefix + (head + pattern * (size // len(pattern) + 1))[:size]


class Run:
    def __init__(self, seed, authority, seconds=60, plan=None):
        self.plan, self.authority = plan or Plan(seed), authority
        self.deadline = time.monotonic() + seconds
        self.dir = tempfile.TemporaryDirectory(prefix="mailferry-soak-")
        self.process = None
        self.deleted = set()  # ids that the user has deleted
        self.moves = sorted(self.plan.moves)
        self.renumbered = False
        self.deaths = 0
        self.log = ""
        self.store = self.make_store()

    # ---- the store ----
    def make_store(self):
        p, options = self.plan, {}
        if p.tls != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.authority.cert, self.authority.key)
            options["tls" if p.tls == "implicit" else "starttls"] = context
        store = Store(separator=p.separator, prefix=p.prefix, capabilities=p.capabilities, **options)
        for name in ("atomic", "partial", "stale", "frozen", "tell_uidnext", "repeat", "chunk", "sessions_max", "sessions_reply", "damages"):
            setattr(store, name, getattr(p, name))
        for name in p.folders:
            if name not in p.missing and name != "INBOX":
                store.create(self.wire(name))
        for folder in store.folders.values():
            for i in range(p.old_mail):
                folder.add("()", "", b"Received: by old.example id old%d\r\nSubject: old\r\n\r\n" % i)
            folder.gap = 1 if p.gaps == "gap" else 0
        for kind, options in p.faults:
            store.fail(kind, **options)
        for verb, then, at in p.commands:
            store.fail_command(verb, then, at=at)
        store.blind = p.gaps == "blind"
        store.kill = self.kill
        store.on_stored = self.on_stored
        return store

    def wire(self, name):
        p = self.plan
        if name == "INBOX":
            return name
        return p.prefix + name.replace("/", p.separator)

    def on_stored(self):
        while self.moves and self.moves[0][0] <= self.store.stored:
            self.user(self.moves.pop(0)[1])
        if self.plan.gaps == "validity" and not self.renumbered and self.store.stored >= max(1, len(self.plan.mail) // 2):
            self.renumbered = True
            for folder in self.store.folders.values():
                folder.uidvalidity += 500

    def user(self, what):
        """With the store's lock held."""
        store, dice = self.store, self.plan.dice
        name = dice.choice(sorted(store.folders))
        folder = store.folders[name]
        there = sorted(folder.messages)
        some = [u for u in there if dice.random() < 0.5]
        if what == "delete":
            for uid in some:
                self.deleted |= ids(folder.messages.pop(uid)[2])
        elif what == "move":
            other = store.folders.get("Elsewhere") or store.create("Elsewhere")
            for uid in some if folder is not other else []:
                other.add(*folder.messages.pop(uid))
        elif what == "remake":
            folder.uidvalidity += 500
        elif name != "INBOX" and what == "rename":
            store.folders["Renamed %d" % folder.uidvalidity] = store.folders.pop(name)
        elif name != "INBOX" and what == "drop":
            for message in store.folders.pop(name).messages.values():
                self.deleted |= ids(message[2])

    # ---- the worker ----
    def kill(self):
        process = self.process
        if process is not None and process.poll() is None:
            process.kill()

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def command(self):
        p = self.plan
        with open(self.path("deliveries"), "w") as f:
            for m in p.mail:
                f.write("%s\t%s\t%d\tcreate\n" % (m["folder"], m["flags"], m["size"]))
        command = [WORKER, "port", str(self.store.port), "deliveries", self.path("deliveries"), "state", self.path("state"), "seconds", "100"]
        for key, value in p.options.items():
            command += [key, str(value)]
        if p.tls != "none":
            command += ["tls", p.tls, "ca", self.authority.ca]
        if p.forged:
            command += ["forged", "yes"]
        return command

    def once(self, fatal):
        """True when the worker came through alive."""
        with open(self.path("steps"), "wb") as f:
            f.write(struct.pack("=qq", 0, fatal))
        with open(self.path("log"), "ab") as log, open(self.path("out"), "wb") as out:
            self.process = subprocess.Popen(self.command() + ["steps", self.path("steps")], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=log, start_new_session=True)
            try:
                status = self.process.wait(max(1, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Wrong("it does not end") from None
        if status == -9:
            self.deaths += 1
            self.store.outlive(seconds=30)
            return False
        if status != 0:
            raise Wrong("the worker ended with %d" % status)
        return True

    def run(self):
        """Raises Wrong. Returns what happened: a Counter."""
        try:
            steps = list(self.plan.steps)
            while not self.once(steps.pop(0) if steps else 0):
                pass
            while steps:  # a later worker, with nothing to do, or only looks
                self.once(steps.pop(0))
            self.store.happened(None)
            with open(self.path("out")) as f:
                rows = [json.loads(line) for line in f]
            self.account(rows[:-1])
            self.note()
            return self.store.fired
        finally:
            self.kill()
            self.store.close()
            with open(self.path("log"), errors="replace") as f:
                self.log = f.read()
            self.dir.cleanup()

    def note(self):
        store = self.store
        store.fired.update({"programs killed": self.deaths, "APPENDs": store.appends, "batches": store.batches,
                            "messages offered": store.offered, "connections": store.connections})

    # ---- the account ----
    def account(self, rows):
        plan, store = self.plan, self.store
        found = collections.defaultdict(list)  # id -> [(folder, uid, flags, date, octets)]
        for name, folder in store.folders.items():
            for uid, message in folder.messages.items():
                for ident in ids(message[2]):
                    found[ident].append((name, uid) + message)
        for octets in store.vanished:
            self.deleted |= ids(octets)
        wrong = ["against the RFCs: " + v for v in store.violations]
        big = plan.big
        for number, (row, mail) in enumerate(zip(rows, plan.mail), 1):
            copies, state = found.get(row["id"], []), row["state"]
            where = "%s is %s (%s), and in %s" % (row["id"], state, row["reason"], [c[:2] for c in copies])
            if len(copies) > 1:
                wrong.append("doubled: " + where)
            if state == "done":
                if not copies and row["id"] not in self.deleted:
                    wrong.append("lost: " + where)
                elif copies:
                    wrong += self.check(number, row, mail, copies[0], where)
            elif state == "parked":
                if not (plan.user or plan.gaps):
                    wrong.append("parked without cause: " + where)
            elif state == "quarantined":
                if copies:
                    wrong.append("quarantined, but there: " + where)
                if plan.poison == number - 1 or row["attempts"] >= ATTEMPTS:
                    continue
                big -= 1
                if big < 0:
                    wrong.append("quarantined without cause: " + where)
            else:
                wrong.append("left over: " + where)
        if plan.poison is not None and rows[plan.poison]["state"] != "quarantined" and not (plan.user or plan.gaps):
            wrong.append("poison: %s" % rows[plan.poison])
        if wrong:
            raise Wrong("\n".join(wrong))

    def check(self, number, row, mail, copy, where):
        name, uid, flags, date, octets = copy
        plan, wrong = self.plan, []
        if octets != expected(number, mail["size"], plan.forged):
            wrong.append("other octets (%d): %s" % (len(octets), where))
        want = set(mail["flags"].split())
        got = set(flags.strip("()").split())
        if got != want and got != want & SYSTEM_FLAGS:
            wrong.append("flags %s: %s" % (flags, where))
        if date != "21-Sep-2026 14:13:20 +0000":
            wrong.append("date %s: %s" % (date, where))
        if plan.user:
            return wrong
        if self.wire(row["folder"]) != name:
            wrong.append("another folder than %s: %s" % (row["folder"], where))
        validity = self.store.folders[name].uidvalidity
        if row["uid"] and row["uidvalidity"] == validity and row["uid"] != uid:
            wrong.append("another UID than %d: %s" % (row["uid"], where))
        return wrong


def ids(octets):
    return {m.group(1).decode() for m in re.finditer(rb"(?m)^Received: .* id (delivery\d+);", octets.split(b"\r\n\r\n")[0])}
