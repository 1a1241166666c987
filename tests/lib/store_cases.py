"""
What every store is tried with: the way chosen, folders, flags, dates, octets,
a full mailbox, and answers that are lost. tests/e2e/store_*.py say what the
store is and how it differs.
"""

import base64
import email.utils
import random
import re
import time

from lib.area import Area, wait_for
from lib.ferry import Ferry
from lib.reconcile import check
from lib.sender import Item, Sender, message
from lib.server import Missing
from lib.tap import Skip
from lib.wire import Wire

RULES = """require ["fileinto", "envelope", "mailbox", "imap4flags"];
if envelope :localpart "to" "scans" { fileinto :create "Scans"; }
elsif envelope :localpart "to" "alarm" { fileinto :create "Panel/Alarms"; }
elsif envelope :localpart "to" "news" { fileinto :create "Lists/News & more"; }
elsif envelope :localpart "to" "umlaut" { fileinto :create "B\u00fcro/\u00dcbersicht \u20ac"; }
elsif envelope :localpart "to" "flags" { fileinto :create :flags ["\\\\Seen", "\\\\Flagged"] "Flags"; }
elsif envelope :localpart "to" "keyword" { fileinto :create :flags ["\\\\Seen", "bill"] "Keywords"; }
"""
FOLDERS = {"office": "INBOX", "scans": "Scans", "alarm": "Panel/Alarms", "news": "Lists/News & more",
           "umlaut": "B\u00fcro/\u00dcbersicht \u20ac", "flags": "Flags"}
# What a server might change on its way: dots, blanks at line ends, tabs, bytes of other character sets, long lines.
BODY = "\r\n.\r\n..\r\n trailing \t \r\n\tr\u00e9sum\u00e9 \u20ac \r\n" + "x" * 990 + "\r\n{5}\r\na OK done\r\n\r\n"


class Traits:
    """How a store differs. The defaults are a good one."""

    def __init__(self, path="LITERAL+", prefix="", separator="/", answer=b"APPENDUID", uids=True, keywords=True,
                 parks=False, from_lines=True, limit=None, account=None, adds=(), subscribes=True,
                 breaks=False, headers=("kept", "kept")):
        self.path = path                  # the way that mailferry has to choose
        self.prefix = prefix              # of the personal name space
        self.separator = separator
        self.answer = answer              # octets of a good answer to APPEND
        self.uids = uids                  # APPENDUID
        self.keywords = keywords          # takes keywords that are of nobody's list
        self.parks = parks                # what is in doubt may stay so, and wait for a person
        self.from_lines = from_lines      # "From " at the beginning of a line is kept
        self.limit = limit                # called with kilobytes, sets a quota
        self.account = account or {}      # keys of the account that it needs
        self.adds = adds                  # header lines of its own, which are no octets of the message
        self.subscribes = subscribes      # tells subscriptions
        self.headers = headers            # octets over 127, a line without a colon: "kept", "changed", "attached", "waits"
        self.breaks = breaks              # killed, it may leave a folder that it can't read itself

    def name(self, folder):
        if folder == "INBOX":
            return folder
        return self.prefix + folder.replace("/", self.separator)


class Cases:
    """Runs the cases of `tap` on the store that `make(area)` gives, not started yet."""

    def __init__(self, tap, title, make, traits):
        self.tap, self.title, self.traits = tap, title, traits
        self.n = 0
        try:
            self.area = Area("store")
            self.store = make(self.area)
        except Missing as e:
            self.store = None
            self.missing = str(e)
            return
        self.store.start()
        self.wire = Wire(self.store.port, traits.answer).start()
        user = next(iter(self.store.users))
        self.ferry = Ferry(self.area, None, RULES, port=self.wire.port,
                           config={"accounts": {"office": dict(traits.account, user=user)}})
        self.ferry.start()
        tap.logs += [self.ferry.logs, self.store.logs]

    def items(self, n, names=None, size=0, body=BODY):
        self.n += 1
        made = []
        for i in range(n):
            name = (names or sorted(FOLDERS))[i % len(names or FOLDERS)]
            ident = "<%d.%d.%s@example.org>" % (self.n, i, name)
            to = name + "@office.example"
            made.append(Item(ident, [to], message(ident, "Case %d" % self.n, to, size, body=body),
                             folders=[self.traits.name(FOLDERS.get(name, "Keywords"))]))
        return made

    def deliver(self, items, seconds=120):
        """Sends them, waits until all are settled, and returns what the store has then of them."""
        sender = Sender(self.ferry.smtp, items, sessions=4).run()
        assert not sender.refused, sender.refused
        self.settle(seconds)
        mine = {item.id for item in items}
        stored = {f: [m for m in ms if m.id in mine] for f, ms in self.store.messages(body=True).items()}
        check(items, sender.acked, stored)
        return stored

    def settle(self, seconds):
        """Until the queue is empty. Where the store leaves no better way, what is parked is sent again by a person."""
        def settled():
            rows = self.ferry.queue()
            if rows and self.traits.parks and all(row["state"] == "parked" for row in rows):
                for row in rows:
                    self.parked.append(row["reason"])
                self.ferry.command("queue", "retry", "--again", "--all")
                return False
            return not rows
        self.parked = []
        try:
            wait_for("the queue to drain", settled, seconds, every=0.2)
        except AssertionError as e:
            raise AssertionError("%s:\n%s" % (e, "\n".join(map(str, self.ferry.queue()[:5]))))

    def run(self, *cases):
        """All cases, or those named."""
        for case in cases or (self.folders, self.octets, self.headers, self.flags, self.keywords, self.dates, self.uids, self.full,
                              self.lost_answers, self.cut_literal, self.killed_session, self.killed_server):
            with self.tap.case("%s: %s" % (self.title, case.__doc__)):
                if self.store is None:
                    raise Skip(self.missing)
                case()
        if self.store is not None:
            assert self.ferry.stop() == 0
            self.wire.stop()
            self.store.stop()
            self.area.close()
            del self.tap.logs[-2:]

    # ---- the cases ----
    def folders(self):
        "mail goes the expected way into folders, nested ones and such with other letters, made and subscribed"
        items = self.items(60, size=3000)
        # So that many wait, and go together where the store can.
        self.wire.closed = True
        self.wire.cut_all()
        sender = Sender(self.ferry.smtp, items, sessions=4).run()
        self.wire.closed = False
        self.ferry.command("queue", "retry", "--account", "office")
        self.settle(120)
        check(items, sender.acked, self.store.messages())
        assert self.wire.path() == self.traits.path, self.wire.path()
        m = self.store.connect()
        status, data = m.lsub()
        m.logout()
        subscribed = b"\n".join(x for x in data if x).decode()
        assert ("Scans" in subscribed and "Alarms" in subscribed) == self.traits.subscribes, subscribed
        self.tap.diag("%s: %s" % (self.title, self.wire.path()))

    def octets(self):
        "the octets are those that were sent, below the lines that were added; also of large mail"
        items = self.items(6) + self.items(2, size=3 << 20)
        stored = self.deliver(items)
        by_id = {m.id: m for ms in stored.values() for m in ms}
        for item in items:
            raw = self.without_additions(by_id[item.id].raw)
            assert raw.endswith(item.data), raw[:3000]
        if self.traits.from_lines:
            items = self.items(1, body="From here to there\r\n>From above\r\n")
            raw = next(m.raw for ms in self.deliver(items).values() for m in ms)
            assert self.without_additions(raw).endswith(items[0].data), raw

    def without_additions(self, raw):
        for name in self.traits.adds:
            raw = re.sub(rb"(?m)^" + name + rb":.*\r\n", b"", raw, count=1)
        return raw

    def headers(self):
        "headers that break the rules arrive as they are, or as a store is known to treat them"
        for headers, what in zip(("X-Odd: r\u00e9sum\u00e9\r\n", "no colon here\r\n"), self.traits.headers):
            if what == "waits":
                continue
            item = self.items(1, ["scans"])[0]
            item.data = message(item.id, headers=headers)
            raw = self.without_additions(next(m.raw for ms in self.deliver_any(item) for m in ms))
            kept = raw.endswith(item.data)
            attached = base64.b64encode(item.data)[:60] in raw
            assert what == ("kept" if kept else "attached" if attached else "changed"), raw

    def deliver_any(self, item):
        """Sends one, whose Message-ID need not be found again; returns what is new, a list for each folder."""
        before = self.store.messages(body=True)
        Sender(self.ferry.smtp, [item], sessions=1).run()
        self.settle(120)
        after = self.store.messages(body=True)
        return [[m for m in ms if m.uid not in {b.uid for b in before.get(f, [])}] for f, ms in after.items()]

    def flags(self):
        "flags of the rules are set"
        for m in self.deliver(self.items(2, ["flags"]))[self.traits.name("Flags")]:
            assert {b"\\Seen", b"\\Flagged"} <= set(m.flags), m.flags

    def keywords(self):
        "keywords are set where the store has them; where not, the message comes without"
        for m in self.deliver(self.items(2, ["keyword"]))[self.traits.name("Keywords")]:
            assert (b"bill" in m.flags) == self.traits.keywords, m.flags
            assert b"\\Seen" in m.flags, m.flags

    def dates(self):
        "INTERNALDATE is when the message came in"
        for m in self.deliver(self.items(2, ["scans"]))[self.traits.name("Scans")]:
            came = email.utils.parsedate_to_datetime(re.sub(r"^ ", "0", m.date).replace("-", " ")).timestamp()
            received = email.utils.parsedate_to_datetime(m.headers["Received"].rpartition(";")[2]).timestamp()
            assert abs(came - received) < 2 and abs(came - time.time()) < 300, (m.date, m.headers["Received"])

    def uids(self):
        "the UID that the store gave is in the record, where it tells"
        items = self.items(3, ["scans"])
        stored = {m.id: m for m in self.deliver(items)[self.traits.name("Scans")]}
        for item in items:
            delivery = self.ferry.rows("trace", item.id)[0]["deliveries"][0]
            assert delivery.get("uid") == (stored[item.id].uid if self.traits.uids else None), delivery

    def full(self):
        "a full mailbox: mail waits with the store's words, and goes on when there is room"
        if self.traits.limit is None:
            raise Skip("this server has no quota of its own")
        self.traits.limit(self.store, 200)
        items = self.items(6, ["scans"], size=100000)
        sender = Sender(self.ferry.smtp, items, sessions=1).run()

        def words():
            said = [r["reason"] for r in self.ferry.queue() if r["reason"]] + self._held().splitlines()
            return [s for s in said if re.search("quota|full|exceed", s, re.I)]
        said = wait_for("the store's words in the queue", words)
        assert self.ferry.queue()
        self.tap.diag("%s: %s" % (self.title, said[0]))
        self.traits.limit(self.store, 1 << 20)
        self.ferry.command("queue", "retry", "--all")
        self.settle(120)
        mine = {item.id for item in items}
        check(items, sender.acked, {f: [m for m in ms if m.id in mine] for f, ms in self.store.messages().items()})

    def _held(self):
        """Why the account takes nothing now, as the listing says it."""
        p = self.ferry.command("queue", "list")
        return p.stderr + p.stdout

    def _disturbed(self, disturb, times, what, seconds=180, least=1):
        """
        Sends while DISTURB is done again and again; nothing may be lost or doubled. DISTURB says whether it hit. With fewer hits
        than LEAST, which is a matter of who comes first, all of it again; and where the store was known to break itself.
        """
        hits = rounds = 0
        while hits < least and rounds < 10:
            broken = self.store.broke_itself()
            rounds += 1
            try:
                hits += self._disturbed_once(disturb, times, seconds)
            except AssertionError as e:
                if self.store.broke_itself() == broken:
                    raise
                self.tap.diag("%s lost track of its own mail: %s" % (self.title, e))
                for row in self.ferry.queue():
                    self.ferry.insist("delete", "--yes", row["id"])
        self.tap.diag("%s: %s %d times" % (self.title, what, hits))
        assert hits >= least, "%s only %d times" % (what, hits)

    def _disturbed_once(self, disturb, times, seconds):
        dice = random.Random(self.n)
        items = self.items(90, size=4000)
        sender = Sender(self.ferry.smtp, items, sessions=2, pause=0.05).start()
        hits, cuts, told, n = 0, self.wire.cuts, None, 0
        # One that says that it hit nothing may go on until it does.
        while n < times or (told == 0 and hits == 0 and n < 20 * times):
            time.sleep(0.2 + dice.random() * 0.4)
            told = disturb(dice)
            hits += told or 0
            n += 1
        sender.wait()
        acked = sender.acked
        try:
            self.settle(40 if self.traits.breaks else seconds)
        except AssertionError:
            if not self.traits.breaks:
                raise
            waiting = {row["message_id"]: row["reason"] or "" for row in self.ferry.queue()}
            self.tap.diag("%s: %d wait: %s" % (self.title, len(waiting), max(waiting.values())))
            acked = {i: text for i, text in acked.items() if i not in waiting}
        if self.parked:
            self.tap.diag("%s: %d waited for a person: %s" % (self.title, len(self.parked), self.parked[0]))
        mine = {item.id for item in items}
        stored = {f: [m for m in ms if m.id in mine] for f, ms in self.store.messages().items()}
        check(items, acked, stored)
        return hits + self.wire.cuts - cuts

    def lost_answers(self):
        "answers that never come: looked for, found, not doubled"
        def swallow(dice):
            self.wire.swallows += 1
        self._disturbed(swallow, 4, "answers lost", least=2)

    def cut_literal(self):
        "the connection breaks in the midst of a message: sent again, once"
        def cut(dice):
            self.wire.break_in(dice.randrange(200, 4000))
        self._disturbed(cut, 4, "connections cut")

    def killed_session(self):
        "the process that serves the connection is killed again and again: nothing lost, nothing doubled"
        # Dovecot takes a dead process's lock away after two minutes. Until then another may wait for it with messages in hand, and
        # store them long after its client gave up: ten times `settle' is how long a store that fell silent may take for that.
        self.ferry.save(accounts={"office": {"settle": "13s"}})
        self.ferry.reload()
        self._disturbed(lambda dice: self.store.kill_sessions(), 8, "processes killed", 400)
        self.ferry.save(accounts={"office": {"settle": "5s"}})
        self.ferry.reload()

    def killed_server(self):
        "the server is killed, and started again: nothing lost, nothing doubled"
        def kill(dice):
            self.store.kill()
            self.store.start()
            return 1
        self._disturbed(kill, 2, "server killed")
