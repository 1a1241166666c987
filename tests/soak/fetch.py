"""
One seed of the soak of fetching: a POP3 and an IMAP mailbox are drained through
the rules into a store, and all three misbehave as the plan says, while any of
the programs, or all at once, are killed. In the end each message that ever was
at a source is in its folders once, or is left there for a reason; and no
original had gone before its policy allowed it.
"""

import collections
import os
import random
import signal
import threading
import time

from lib.area import Area, wait_for
from lib.ferry import Ferry
from lib.sender import message
from peers.imap_source import Folder, Source
from peers.imap_wire import Gone
from peers.pop3_store import Pop3Store

from .daemon import DaemonPlan, DaemonRun
from .one import Run, Wrong

ROLES = ("all", "all", "mailferry run", "mailferry-fetch", "mailferry-fetch", "mailferry-fetch", "mailferry-spool", "mailferry-store",
         "mailferry-connect")
POLICIES = {"keep": {}, "at-once": {"delete": "at-once"}, "after-delivery": {"delete": "after-delivery"}, "mark": {"mark_seen": True},
            "move": {"move_to": "Done"}}
RULES = """require ["fileinto", "mailbox"];
if header :contains "subject" "scan" { fileinto :create "Scans"; }
elsif header :contains "subject" "alarm" { fileinto :create "Panel/Alarms"; fileinto :create "Scans"; }
elsif header :contains "subject" "junk" { discard; }
"""
FOLDERS = {"letter": ["INBOX"], "scan": ["Scans"], "alarm": ["Panel/Alarms", "Scans"], "junk": []}
SKIPPED = 61440  # octets: what is larger is left
EVENTS = ("mail", "mail", "kill", "kill", "cut", "cut", "cut", "rename", "lie", "refuse", "quit", "user", "step")


class FetchPlan(DaemonPlan):
    def draw_mail(self):
        super().draw_mail()
        self.missing = self.folders = ["Panel/Alarms", "Scans"]
        self.old_mail = min(self.old_mail, 3)

    def draw_faults(self):
        super().draw_faults()
        self.pop, self.imap = self.dice.choice(("keep", "at-once", "after-delivery")), self.dice.choice(sorted(POLICIES))
        self.note, self.top, self.uidplus = self.chance(0.5), self.chance(0.85), self.chance(0.8)
        self.condstore, self.hold = self.chance(0.6), self.dice.choice((0, 0, 3))
        self.events = [(self.dice.uniform(0.02, 0.8), self.dice.choice(EVENTS)) for _ in range(self.dice.randrange(2, 9))]

    def __str__(self):
        return super().__str__() + "\npop3 %s, imap %s, note %s, TOP %s, UIDPLUS %s, CONDSTORE %s, tags held %d\nevents: %s" % (
            self.pop, self.imap, self.note, self.top, self.uidplus, self.condstore, self.hold,
            ", ".join("%s %.2f" % (what, pause) for pause, what in self.events))


class Box(dict):
    """Messages of an IMAP folder that tell when the fetcher removes one."""

    def __init__(self, removed):
        super().__init__()
        self.removed = removed

    def __delitem__(self, uid):
        self.removed(self[uid].octets)
        super().__delitem__(uid)


class Order(list):
    """The same of a POP3 mailbox."""

    removed = None

    def remove(self, entry):
        self.removed(entry[1])
        super().remove(entry)


class FetchRun(DaemonRun):
    kind = "fetch"

    def __init__(self, seed, authority, seconds=200, programs=None):
        Run.__init__(self, seed, authority, seconds, FetchPlan(seed))
        self.dice = random.Random(seed + 1)
        self.area = Area("soak-fetch")
        self.area._bin = programs
        self.store.user, self.store.password = "office", "s3cret"
        self.store.ca, self.store.tls_port = authority.ca, self.store.port
        self.wrong, self.lock = [], threading.RLock()
        self.sent = {}                         # id -> (where, kind, copies, octets)
        self.gone = collections.Counter()      # id -> how many originals were removed by the fetcher
        self.by_user = collections.Counter()   # … and by somebody else
        self.refused = set()
        p = self.plan
        self.pop = Pop3Store(user="drained", top=p.top)
        self.pop.order = Order()
        self.pop.order.removed = lambda octets: self.removed("pop", octets)
        words = "IMAP4rev1 NAMESPACE MOVE AUTH=PLAIN" + (" UIDPLUS" if p.uidplus else "") + (" CONDSTORE" if p.condstore else "")
        self.imap = Source(capabilities=words)
        self.imap.hold_tags = p.hold
        self.imap.folders = {"INBOX": self.new_folder(7), "Done": Folder(8)}
        common = {"host": "localhost", "tls": "none", "user": "drained", "password_file": "office.password", "account": "office",
                  "to": "office@office.example", "every": "1s", "timeout": "2s",
                  "skip": {"larger": "60K", "note": p.note}}
        sources = {"pop": dict(common, protocol="pop3", port=self.pop.port, **POLICIES[p.pop]),
                   "imap": dict(common, protocol="imap", port=self.imap.port, **POLICIES[p.imap])}
        self.ferry = Ferry(self.area, self.store, RULES, tls=p.tls, config={"sources": sources, "accounts": {"office": {
            "settle": "100ms", "timeout": "2s", "retry_min": "50ms", "retry_max": "300ms", "window": p.options["window"],
            "batch": p.options["batch"], "connections": p.options["connections"]}}})

    # ---- the sources ----
    def new_folder(self, uidvalidity):
        folder = Folder(uidvalidity)
        folder.mail = Box(lambda octets: self.removed("imap", octets))
        return folder

    def mail(self, n):
        for _ in range(n):
            where = self.dice.choice(("pop", "imap"))
            kind = self.dice.choice(("letter", "letter", "letter", "scan", "alarm", "junk"))
            size = self.dice.choice((0, 0, 500, 3000, 9000, 50000, 70000 if self.dice.random() < 0.3 else 0))
            ident = "<%s-%d.%08x@example.org>" % (where, len(self.sent), self.dice.getrandbits(32))
            copies = self.dice.choice((1, 1, 1, 1, 1, 2))
            data = message(ident, kind + " " + ident[1:8], size=size)
            self.sent[ident] = (where, kind, copies, data)
            uidl = self.dice.choice((None, "same-" + ident[1:-1]))
            for _ in range(copies):
                if where == "pop":
                    with self.pop.mutex:
                        self.pop.add(data, uidl)
                else:
                    self.imap.inbox.add(data)

    def is_skipped(self, ident):
        return len(self.sent[ident][3]) > SKIPPED

    def removed(self, where, octets):
        ident, policy = id_of(octets), getattr(self.plan, where)
        with self.lock:
            self.gone[ident] += 1
            if policy in ("keep", "mark"):
                self.wrong.append("removed for all that it is to be kept: " + ident)
            if self.is_skipped(ident):
                self.wrong.append("removed, and was never fetched: " + ident)
            if policy == "after-delivery" and self.gone[ident] > self.stored(ident):
                self.wrong.append("removed before it was delivered: " + ident)

    def stored(self, ident):
        """In the folder that has the fewest of it."""
        with self.store.lock:
            have = [sum(id_of(m[2]) == ident for m in self.store.folders[self.wire(f)].messages.values())
                    if self.wire(f) in self.store.folders else 0 for f in FOLDERS[self.sent[ident][1]]]
        return min(have, default=1 << 30)

    # ---- what happens ----
    def happen(self, what):
        dice = self.dice
        if what == "mail":
            self.mail(dice.randrange(1, 5))
        elif what == "kill":
            self.kill_role(dice.choice(ROLES))
        elif what == "step":
            self.ferry.kill()
            self.store.outlive(seconds=30)
            self.ferry.use_steps(dice.randrange(1, 150))
            self.start()
        elif what == "cut":
            if dice.random() < 0.5:
                self.pop.close_after = [None] * self.pop.connections + [int(10 ** dice.uniform(0, 5))] * dice.choice((1, 1, 2))
            else:
                self.imap.on[dice.choice(("UID FETCH", "UID FETCH", "UID STORE", "UID EXPUNGE", "UID MOVE", "EXAMINE", "SELECT", "LIST"))] = self.cut(
                    dice.randrange(0, 4), dice.random() < 0.5)
        elif what == "rename":
            self.rename(dice.random() < 0.5)
        elif what == "lie":
            self.pop.stat = dice.choice(((0, 0), (3, 100), (4000000000, 1 << 62)))
        elif what == "quit":
            self.pop.quit = dice.choice(("err", "silent", "more"))
        elif what == "refuse":
            with self.pop.mutex:
                if self.pop.order:
                    n = dice.randrange(len(self.pop.order)) + 1
                    self.refused.add(id_of(self.pop.order[n - 1][1]))
                    self.pop.refuse = Refusing(self.pop, self.refused)
        elif what == "user":
            self.user_deletes()

    def cut(self, after, carried_out):
        """From the command on that comes behind AFTER others: the connection breaks, once, before or after it is carried out."""
        state = {"left": after}

        def hook(session, tag, words):
            state["left"] -= 1
            if state["left"] != -1:
                return False
            if carried_out:
                verb = self.imap.commands[-1][0]
                session.say, session.done = lambda text: None, lambda *_: None
                session.put = lambda octets: None
                getattr(session, "do_" + verb.replace(" ", "_").lower())(tag, words)
            raise Gone()
        return hook

    def rename(self, pop):
        if pop:
            if self.plan.pop != "keep" or not self.plan.top or any(what == "lie" for _, what in self.plan.events):
                return  # what was asked to be removed, and was not, or is not listed, can't be told from what came anew
            with self.pop.mutex:
                self.pop.order[:] = [("r%08x" % self.dice.getrandbits(32), m) for _, m in self.pop.order]
            return
        old = self.imap.inbox
        folder = self.new_folder(old.uidvalidity + 1)
        folder.uidnext = self.dice.choice((1, 1, 1000))
        for uid in sorted(old.mail):
            folder.add(old.mail[uid].octets, flags=old.mail[uid].flags)
        self.imap.folders["INBOX"] = folder

    def user_deletes(self):
        """Somebody removes what was filed already."""
        with self.pop.mutex:
            for entry in list(self.pop.order):
                ident = id_of(entry[1])
                if self.sent[ident][2] == 1 and self.sent[ident][1] != "junk" and self.stored(ident) > 0:
                    list.remove(self.pop.order, entry)
                    self.by_user[ident] += 1
                    break
        for uid in sorted(self.imap.inbox.mail):
            ident = id_of(self.imap.inbox.mail[uid].octets)
            if self.sent[ident][2] == 1 and self.sent[ident][1] != "junk" and self.stored(ident) > 0:
                dict.__delitem__(self.imap.inbox.mail, uid)
                self.imap.inbox.modseq += 1
                self.by_user[ident] += 1
                break

    def start(self):
        """It may die at a step before it greets, or a process of the one before may be at dying still."""
        for left in range(5, 0, -1):
            try:
                self.ferry.start()
                return
            except AssertionError:
                if left == 1 or self.ferry.alive():
                    raise
                self.ferry.kill()
                self.store.outlive(seconds=30)
                time.sleep(0.2)

    def revive(self):
        self.deaths += 1
        self.ferry.kill()
        self.store.outlive(seconds=30)
        if self.ferry.steps is not None:
            self.ferry.use_steps(0)
        self.start()

    def kill_role(self, role):
        if not self.ferry.alive():
            self.revive()
        super().kill_role(role)

    # ---- the run ----
    def run(self):
        ferry = self.ferry
        try:
            self.mail(self.dice.choice((1, 5, 12, 30)))
            ferry.start()
            for pause, what in self.plan.events:
                time.sleep(pause)
                self.happen(what)
            self.pop.close_after, self.pop.stat, self.pop.quit = None, None, "ok"
            self.imap.on = {}
            if not ferry.alive() or (ferry.steps is not None and ferry.steps.done):
                self.revive()
            while self.unsettled() and not self.wrong:
                if time.monotonic() > self.deadline:
                    raise Wrong("not settled: %s" % self.unsettled())
                ferry.command("sync", "--quiet", timeout=60)
                time.sleep(0.05)
            ferry.command("sync", "--quiet", timeout=60)  # over what stays there: nothing of it comes again
            ferry.drained(max(1, self.deadline - time.monotonic()))
            self.store.happened(None)
            self.account()
            if ferry.stop() != 0:
                raise Wrong("mailferry did not end in order")
            self.note()
            self.store.fired.update({"originals removed": sum(self.gone.values()), "messages fetched": len(self.sent)})
            return self.store.fired
        except AssertionError as e:
            raise Wrong(str(e)) from e
        finally:
            self.log = ferry.log_text()
            ferry.kill()
            self.area.close()
            self.pop.close()
            self.imap.close()
            self.store.close()
            self.dir.cleanup()

    def at_source(self):
        with self.pop.mutex:
            have = collections.Counter(id_of(m) for _, m in self.pop.order)
        have.update(id_of(m.octets) for m in list(self.imap.inbox.mail.values()))
        return have

    def unsettled(self):
        """What is still to come."""
        there, left = self.at_source(), []
        if "event=original-refused source=pop" in self.ferry.log_text():
            # The connection broke at them more than once: they are asked for again in ten minutes, as the log says.
            self.refused.update(i for i, (where, _, copies, _) in self.sent.items() if where == "pop" and there[i] >= copies)
        for ident, (where, kind, copies, _) in self.sent.items():
            if self.is_skipped(ident) or ident in self.refused:
                continue
            want = copies if FOLDERS[kind] else 0
            if FOLDERS[kind] and self.stored(ident) < want:
                left.append("not filed: " + ident)
            if getattr(self.plan, where) in ("at-once", "after-delivery", "move") and there[ident]:
                if where == "imap" and not self.plan.uidplus and getattr(self.plan, where) != "move":
                    continue  # only marked
                left.append("not removed: " + ident)
        return left

    def account(self):
        have, wrong, there = collections.Counter(), list(self.wrong), self.at_source()
        wrong += ["against the RFCs: " + v for v in self.store.violations]
        for name, folder in self.store.folders.items():
            for _, _, octets in folder.messages.values():
                ident = id_of(octets)
                if ident in self.sent:
                    have[ident, name] += 1
                    if not octets.endswith(b"\r\n" + self.sent[ident][3]):
                        wrong.append("other octets: %s in %s" % (ident, name))
                elif b"a message stays at source" in octets:
                    have["notes", name] += 1
        skipped = 0
        for ident, (where, kind, copies, data) in self.sent.items():
            skipped += copies if self.is_skipped(ident) else 0
            for folder in FOLDERS[kind]:
                n = have.pop((ident, self.wire(folder)), 0)
                if n != (0 if self.is_skipped(ident) else copies) and not (ident in self.refused and n < copies):
                    wrong.append("%d times, wanted %d: %s in %s" % (n, copies, ident, folder))
            if there[ident] + self.gone[ident] + self.by_user[ident] < copies:
                wrong.append("gone from the source, nobody knows how: " + ident)
            if (self.is_skipped(ident) or getattr(self.plan, where) in ("keep", "mark")) and self.gone[ident]:
                wrong.append("it was to stay at the source: " + ident)
        notes = have.pop(("notes", "INBOX"), 0)
        if notes != (skipped if self.plan.note else 0):
            wrong.append("%d notes of %d that were skipped" % (notes, skipped))
        wrong += ["misplaced: %s in %s, %d times" % (i, f, n) for (i, f), n in have.items()]
        if wrong:
            raise Wrong("\n".join(wrong[:40]))


class Refusing(dict):
    """N is refused while the message with that number is one of those."""

    def __init__(self, pop, idents):
        super().__init__()
        self.pop, self.idents = pop, idents

    def __contains__(self, n):
        return n <= len(self.pop.order) and id_of(self.pop.order[n - 1][1]) in self.idents

    def __getitem__(self, n):
        return "it is damaged"


def id_of(octets):
    at = octets.find(b"Message-ID: ")
    return octets[at + 12:octets.find(b"\r\n", at)].decode() if at >= 0 else ""
