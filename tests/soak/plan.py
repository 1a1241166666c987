"""
What one seed of the soak draws: a store, the mail for it, and what goes wrong.

A plan says what it justifies. Without anything of that kind every delivery must end as done, once:

user       somebody moves, deletes or renames on the store: a delivery that was in doubt then may be parked, and what the
           user deleted is missing
gaps       the store skips UIDs, makes its folders anew, or its SEARCH is blind: nothing proves an absence, so a delivery in
           doubt may be parked
big        the store calls so many messages too big: as many may be quarantined
poison     the store never takes this message, or dies of it: it is quarantined
attempts   a delivery whose bytes were sent six times or more without success may be quarantined

A store never commits later than the settle time allows; late commits follow the first look, so the second one sees them.
"""

import random

BASE = "IMAP4rev1"
ATTEMPTS = 6  # store/recover.h, RECOVER_GIVE_UP

# NO and BAD texts: may the store have kept the message all the same?
REFUSALS = (
    ("Unexpected exception", True), ("[UNAVAILABLE] backend", True), ("[SERVERBUG] oops", True), ("[CONTACTADMIN] call us", True),
    ("[THROTTLED] slow", True), ("Request is throttled. Suggested Backoff Time: 30 milliseconds", True), ("[ALERT] disk", True),
    ("", True), ("[OVERQUOTA] full", False), ("[LIMIT] too many this hour", False), ("[INUSE] locked", False),
    ("[TRYCREATE] gone", False), ("[NOPERM] not here", False), ("[EXPIRED] password", False), ("[PRIVACYREQUIRED] no", False),
)
AT_HEAD = ("drop-before-plus", "bye-before-plus", "refuse-before-plus", "bad-before-literal", "exists-before-plus", "no-early")
WITHIN = ("drop-mid-literal", "bye-mid-literal", "no-mid-literal", "silence-mid-literal")
AT_END = ("drop-after-literal", "drop-after-literal", "store-then-drop", "late-commit", "late-commit", "bye", "no", "no", "no", "no", "bad", "bye-then-ok", "ok-without-uid", "ok-throttled",
          "wrong-tag", "odd-tag", "garbage", "out-of-order", "silence-after-literal", "store-then-silence")
DEATHS = ("kill-mid-literal", "kill-before-commit", "kill-after-commit", "kill-after-answer")
EVENTS = ("accept", "login", "status", "examine", "fetch", "fetch", "fetch", "fetch", "fetch", "check")
VERBS = ("CAPABILITY", "LOGIN", "AUTHENTICATE", "LIST", "NAMESPACE", "STATUS", "EXAMINE", "UID", "CLOSE", "NOOP", "COMPRESS")
ENDS = ("drop", "reset", "bye", "garbage", "wrong-tag", "NO not now", "NO [UNAVAILABLE] later", "BAD what?", "silence")


class Plan:
    def __init__(self, seed):
        self.seed = seed
        self.dice = random.Random(seed)
        self.user = self.gaps = False
        self.big = 0
        self.poison = None
        self.draw_store()
        self.draw_mail()
        self.draw_client()
        self.draw_faults()

    def chance(self, p):
        return self.dice.random() < p

    # ---- the store ----
    def draw_store(self):
        words = [BASE]
        self.literals = self.dice.choice(("LITERAL+", "LITERAL+", "LITERAL-", None))
        words += [self.literals] if self.literals else []
        for word, p in (("MULTIAPPEND", 0.75), ("UIDPLUS", 0.7), ("NAMESPACE", 0.7), ("AUTH=PLAIN", 0.5), ("COMPRESS=DEFLATE", 0.3)):
            words += [word] if self.chance(p) else []
        self.tls = self.dice.choices(("none", "implicit", "starttls"), (6, 2, 1))[0]
        words += ["STARTTLS"] if self.tls == "starttls" else []
        self.capabilities = " ".join(words)
        self.atomic = "MULTIAPPEND" not in words or self.chance(0.6)
        self.separator, self.prefix = self.dice.choice((("/", ""), (".", ""), (".", "INBOX.")))
        if "NAMESPACE" not in words:
            self.prefix = ""  # nobody could know it
        self.partial = self.chance(0.8)
        self.stale = self.dice.choice((0, 0, 0, 1, 3))
        self.frozen = self.chance(0.15)
        self.tell_uidnext = self.chance(0.8)
        self.repeat = self.dice.choice((1, 1, 1, 2))
        self.chunk = self.dice.choice((0, 0, 0, 0, 0, 0, 1, 17))
        self.old_mail = self.dice.choice((0, 0, 3, 150))
        self.sessions_max = self.dice.choice((None, None, 1, 2))
        self.sessions_reply = self.dice.choice(("NO [LIMIT] too many connections", "BYE too many connections"))

    # ---- the mail ----
    def draw_mail(self):
        n = self.dice.choice((1, 2, 5, 12, 12, 25, 25, 40))
        self.folders = self.dice.choice((["INBOX"], ["INBOX"], ["INBOX", "Work"], ["INBOX", "Work", "Work/Deep", "Scans"]))
        self.mail = []
        for _ in range(n):
            size = self.dice.choice((200, 500, 500, 500, 3000, 3900, 4200, 9000, 70000))
            if self.chance(0.01):
                size = 1500000
            flags = self.dice.choice(("", "", "", "", "", "", "\\Seen", "\\Seen \\Flagged", "\\Seen Invoice"))
            self.mail.append({"folder": self.dice.choice(self.folders), "flags": flags, "size": size})
        self.missing = [f for f in self.folders if f != "INBOX" and self.chance(0.2)]  # the worker may make them
        self.forged = self.chance(0.5)

    # ---- the client ----
    def draw_client(self):
        self.options = {"settle": 50, "timeout": 1500, "retry": 20, "retry_max": 120,
                        "window": self.dice.choice((1, 2, 5, 32, 32, 64)), "batch": self.dice.choice((1, 2, 3, 10, 10, 50)),
                        "connections": self.dice.choice((1, 1, 2, 3))}
        if self.chance(0.5):
            self.options["compress"] = "yes"

    # ---- what goes wrong ----
    def draw_faults(self):
        self.faults, self.commands, self.damages, self.steps, self.moves = [], [], {}, [], []
        n = self.dice.choice((0, 1, 2, 3, 3, 4, 6))
        for _ in range(n):
            self.dice.choice((self.draw_fault, self.draw_fault, self.draw_fault, self.draw_damage, self.draw_command, self.draw_step))()
        if self.chance(0.04):
            self.draw_poison()
        if self.chance(0.10):
            self.draw_user()
        if self.chance(0.05):
            self.gaps = self.dice.choice(("gap", "validity", "blind"))
        self.quiet_down()

    def draw_fault(self):
        where = self.dice.choice((AT_HEAD, WITHIN, WITHIN, AT_END, AT_END, AT_END, AT_END, DEATHS))
        kind = self.dice.choice(where)
        options = {"at": self.dice.randrange(1, len(self.mail) + 2 + len(self.mail) // 3)}
        if where is WITHIN or kind == "kill-mid-literal":
            options["after"] = self.dice.choice((0, 1, 50, 199, 400, 3000))
        if kind in ("drop-mid-literal", "drop-after-literal", "store-then-drop", "drop-before-plus", "late-commit"):
            options["reset"] = self.chance(0.5)
        if kind.startswith(("silence", "store-then-silence")):
            options["deaf"] = self.chance(0.3)
        text, doubtful = self.dice.choice(REFUSALS if self.chance(0.6) else REFUSALS[:3])
        if kind in ("no", "no-mid-literal", "no-early"):
            options["text"] = text
        if kind == "no" and self.chance(0.1):
            options["text"], doubtful = self.dice.choice(("[TOOBIG] too big", "[LIMIT] size")), False
            self.big += 1
        if kind == "refuse-before-plus":
            options["reply"] = self.dice.choice(("NO " + text, "BAD what?", "OK done", "NO [CANNOT] keyword"))
        if kind in ("bad", "drop-before-plus", "bye-before-plus", "drop-mid-literal", "bye-mid-literal", "drop-after-literal", "late-commit",
                    "bye", "silence-mid-literal", "silence-after-literal") or (kind == "no" and doubtful):
            # A store that is not atomic, or commits after its answer or its end.
            keep = self.dice.choice(("none", "all", "all", "prefix", "subset"))
            if kind == "late-commit" and keep == "none":
                keep = "all"
            if keep != "none":
                options["keep"] = keep
                if kind == "late-commit" or self.chance(0.7):
                    options["late"] = self.dice.choice(EVENTS)
        self.faults.append((kind, options))

    def draw_damage(self):
        after = int(10 ** self.dice.uniform(0, 5.5))
        if self.chance(0.7):
            after = self.dice.randrange(1, 400 + sum(m["size"] for m in self.mail))
        self.damages[self.dice.choice((1, 1, 2, 3, 4))] = {
            "side": self.dice.choice(("client", "client", "store")), "after": after,
            "then": self.dice.choice(("close", "reset", "close", "reset", "garbage", "silence", "deaf"))}
        damage = list(self.damages.values())[-1]
        if damage["side"] == "store":
            damage["after"] = int(10 ** self.dice.uniform(0, 3.7))

    def draw_command(self):
        verb, then = self.dice.choice(VERBS), self.dice.choice(ENDS)
        self.commands.append((verb, then, self.dice.randrange(1, 5)))

    def draw_step(self):
        self.steps.append(self.dice.randrange(1, 12 + 3 * len(self.mail)))

    def draw_poison(self):
        if len(self.mail) < 2:
            return
        self.poison = self.dice.randrange(len(self.mail))
        kind = self.dice.choice(("drop-after-literal", "drop-mid-literal", "no", "toobig"))
        options = {"match": b"delivery%08d" % (self.poison + 1), "times": 100000}
        if kind == "toobig":
            kind, options["text"] = "no", "[TOOBIG] too big"
        self.faults.append((kind, options))

    def draw_user(self):
        """When so many messages are stored, the user does that."""
        self.user = True
        self.stale, self.tell_uidnext = 0, True  # a UIDNEXT that hides what was there and is gone: no look can tell
        for _ in range(self.dice.choice((1, 2, 3))):
            self.moves.append((self.dice.randrange(1, len(self.mail) + 1), self.dice.choice(("move", "delete", "rename", "remake", "drop"))))

    def quiet_down(self):
        """Silence costs seconds, and more the more octets are on their way: one a run, and small messages then."""
        n = 0
        for i, (kind, options) in enumerate(self.faults):
            if "silence" in kind:
                n += 1
                if n > 1:
                    self.faults[i] = (kind.replace("silence", "drop"), options)
        for damage in self.damages.values():
            if damage["then"] in ("silence", "deaf"):
                n += 1
                if n > 1:
                    damage["then"] = "close"
        for i, (verb, then, at) in enumerate(self.commands):
            if then == "silence":
                n += 1
                if n > 1:
                    self.commands[i] = (verb, "drop", at)
        if n > 0:
            for m in self.mail:
                m["size"] = min(m["size"], 4200)

    def __str__(self):
        lines = ["seed %d: %s%s%s" % (self.seed, self.capabilities, "" if self.atomic else ", not atomic", ", TLS" if self.tls != "none" else "")]
        lines.append("store: " + ", ".join("%s=%r" % (k, getattr(self, k)) for k in (
            "separator", "prefix", "partial", "stale", "frozen", "tell_uidnext", "repeat", "chunk", "old_mail", "sessions_max", "sessions_reply")))
        lines.append("mail: %d in %s, missing %s%s; client %s" % (
            len(self.mail), self.folders, self.missing, ", forged" if self.forged else "", self.options))
        lines += ["fault: %s %s" % f for f in self.faults]
        lines += ["command: %s %s at %d" % c for c in self.commands]
        lines += ["damage: connection %d %s" % d for d in sorted(self.damages.items())]
        lines += ["killed at step %d of run %d" % (s, i) for i, s in enumerate(self.steps, 1)]
        lines += ["user: %s after %d messages" % (m[1], m[0]) for m in self.moves]
        justified = [w for w in ("user", "gaps", "big") if getattr(self, w)] + (["poison %d" % (self.poison + 1)] if self.poison is not None else [])
        lines.append("justifies: " + (", ".join(justified) or "nothing"))
        return "\n".join(lines)
