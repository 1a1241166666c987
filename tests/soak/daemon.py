"""
One seed of the soak with all of mailferry: mail comes in over SMTP, is spooled
and filed into a store that fails as the plan says, while any of the programs,
or all at once, are killed. What was acknowledged must be there, once.
"""

import collections
import os
import random
import signal
import time

from lib.area import Area, wait_for
from lib.ferry import Ferry
from lib.load import mixture
from lib.office import FOLDERS, RULES
from lib.sender import Sender

from .one import Run, Wrong
from .plan import Plan

ROLES = ("all", "all", "mailferry run", "mailferry-receiver", "mailferry-spool", "mailferry-store", "mailferry-store", "mailferry-connect")


class DaemonPlan(Plan):
    """Nothing that justifies more than a wait: no user, no gaps, no message that is refused for good."""

    def draw_mail(self):
        super().draw_mail()
        self.folders = sorted(FOLDERS.values())
        self.missing = self.folders

    def draw_faults(self):
        super().draw_faults()
        self.user = self.gaps = False
        self.moves, self.poison, self.big = [], None, 0
        self.faults = [(k, o) for k, o in self.faults if "match" not in o and not k.startswith("kill") and not any(
            word in o.get("text", "") + o.get("reply", "") for word in ("TOOBIG", "size", "NOPERM", "CANNOT"))]
        self.kills = [(self.dice.choice(ROLES), self.dice.uniform(0.05, 1.0)) for _ in range(self.dice.choice((0, 1, 2, 3)))]

    def __str__(self):
        return super().__str__() + "".join("\n%s is killed after %.2f s" % k for k in self.kills)


class DaemonRun(Run):
    kind = "daemon"

    def __init__(self, seed, authority, seconds=200, programs=None):
        super().__init__(seed, authority, seconds, DaemonPlan(seed))
        self.area = Area("soak-daemon")
        self.area._bin = programs
        self.store.user, self.store.password = "office", "s3cret"
        self.store.ca, self.store.tls_port = authority.ca, self.store.port
        p = self.plan
        self.ferry = Ferry(self.area, self.store, RULES, tls=p.tls, config={"accounts": {"office": {
            "settle": "100ms", "timeout": "2s", "retry_min": "50ms", "retry_max": "300ms", "window": p.options["window"],
            "batch": p.options["batch"], "connections": p.options["connections"]}}})
        self.items = mixture(len(p.mail), random.Random(seed), "soak")

    def run(self):
        ferry = self.ferry
        try:
            ferry.start()
            sender = Sender(ferry.smtp, self.items, sessions=3, pipeline=self.plan.chance(0.5), pause=0.01, seed=self.plan.seed).start()
            for role, pause in self.plan.kills:
                time.sleep(pause)
                self.kill_role(role)
            wait_for("the sender to finish", sender.finished, max(1, self.deadline - time.monotonic()))
            sender.wait(30)
            ferry.drained(max(1, self.deadline - time.monotonic()))
            self.store.happened(None)
            self.account(sender)
            if ferry.stop() != 0:
                raise Wrong("mailferry did not end in order")
            self.note()
            return self.store.fired
        except AssertionError as e:
            raise Wrong(str(e)) from e
        finally:
            self.log = ferry.log_text()
            ferry.kill()
            self.area.close()
            self.store.close()
            self.dir.cleanup()

    def kill_role(self, role):
        self.deaths += 1
        if role == "all":
            self.ferry.kill()
            self.store.outlive(seconds=30)
            self.ferry.start()
            return
        for pid, line in self.ferry.children().items():
            if role in line:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if role == "mailferry run":
            self.ferry.process.wait()
            # The roles end with it.
            wait_for("the roles to end", lambda: not [p for p, line in self.ferry.children().items() if "defunct" not in line], 30)
            self.ferry.kill()
            self.store.outlive(seconds=30)
            self.ferry.start()

    def account(self, sender):
        have, wrong = collections.Counter(), ["against the RFCs: " + v for v in self.store.violations]
        for name, folder in self.store.folders.items():
            for _, _, octets in folder.messages.values():
                head = octets.split(b"\r\n\r\n")[0]
                ident = [line[12:].decode().strip() for line in head.split(b"\r\n") if line.lower().startswith(b"message-id: ")]
                if ident and ident[0].startswith("<soak"):
                    have[ident[0], name] += 1
                    item = next(i for i in self.items if i.id == ident[0])
                    if not octets.endswith(item.data.split(b"\r\n\r\n", 1)[1]):
                        wrong.append("other octets: %s in %s" % (ident[0], name))
        wrong += ["refused: %s" % r for r in sender.refused.items()]
        for item in self.items:
            for folder in item.folders:
                n = have.pop((item.id, self.wire(folder.replace("&", "&-"))), 0)
                if n != 1:
                    wrong.append("%d times: %s in %s" % (n, item.id, folder))
        wrong += ["misplaced: %s in %s, %d times" % (i, f, n) for (i, f), n in have.items()]
        if wrong:
            raise Wrong("\n".join(wrong[:40]))
