"""
A kill at every step, as steps.py has it, with rules that do more than file a
message: copies in other words, small and large, are taken in together with the
message that they are made of, and what is remembered is remembered when the
message is there, and not before: a sender who comes again after a death has
sent no duplicate.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.deaths import Deaths, Run, all_filed  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.office import address  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Item, Sender, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "envelope", "mailbox", "editheader", "duplicate", "copy"];
if duplicate { fileinto :create "Again"; stop; }
if envelope :localpart "to" "scans" { fileinto :create :copy "Scans"; }
addheader "X-Office" "seen";
if envelope :localpart "to" "alarm" { fileinto :create :copy "Alarms"; addheader "X-Alarm" "yes"; }
fileinto :create "Edited";
"""
# What a message for each becomes: the folders of it and its copies.
KINDS = (("a", "office", 0, ["Edited"]), ("b", "scans", 200000, ["Scans", "Edited"]), ("c", "alarm", 100, ["Alarms", "Edited"]))
WORKERS = 4
MORE = 300  # further runs at most, until the step was met that only such rules have

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("rules-steps")
store = Dovecot(area, users={"w%d" % n: "s3cret" for n in range(WORKERS)})
store.start()
assert area.bin  # before there are threads
tap.logs.append(store.logs)


class Edited(Run):
    def __init__(self, worker, name):
        self.user = "w%d" % worker
        self.ferry = Ferry(area, store, RULES, {"accounts": {"office": {"user": self.user}}}, name=name)
        store.empty(self.user)
        self.items = []
        for kind, to, size, folders in KINDS:
            ident = "<%s.%s@example.org>" % (name, kind)
            self.items.append(Item(ident, [address(to)], message(ident, to=address(to), size=size), folders=folders))
        self.sender = Sender(self.ferry.smtp, self.items, sessions=1, pipeline=True).start()

    def live(self):
        wait_for("the run or its death", lambda: not self.ferry.alive() or
                 (self.sender.finished() and all_filed(self.ferry)), 240)

    def check(self):
        self.sender.wait()
        self.ferry.drained()
        there = store.messages(self.user)
        check(self.items, self.sender.acked, there)
        for m in there.get("Edited", []):
            kind = m.id.split("@")[0][-1]
            assert b"X-Office: seen" in m.raw and (b"X-Alarm: yes" in m.raw) == (kind == "c"), m
        for folder in ("Scans", "Alarms"):
            for m in there.get(folder, []):
                assert b"X-Alarm" not in m.raw and (b"X-Office" in m.raw) == (folder == "Alarms"), m


with tap.case("killed at every step: copies and memory come with the message"):
    deaths = Deaths(tap, Edited, WORKERS)
    deaths.everywhere(5)
    assert not deaths.not_met({"intake: before a further message is written"}, MORE, 0.5)

with tap.case("what caused a message, and what it caused, is told"):
    store.empty("w0")
    ferry = Ferry(area, store, RULES, {"accounts": {"office": {"user": "w0"}}}, name="told")
    ferry.start()
    try:
        ident = "<told.c@example.org>"
        sender = Sender(ferry.smtp, [Item(ident, [address("alarm")], message(ident, to=address("alarm")), folders=[])])
        sender.start().wait()
        ferry.drained()
        rows = [json.loads(line) for line in ferry.command("trace", "--json", "told.c").stdout.splitlines()]
        parents = [r for r in rows if r["caused_by"] is None]
        assert len(rows) == 3 and len(parents) == 1, rows
        parent = parents[0]
        assert [d["folder"] for d in parent["deliveries"]] == [], parent
        assert sorted(parent["caused"].split()) == sorted(r["id"] for r in rows if r is not parent), rows
        assert {r["caused_by"] for r in rows if r is not parent} == {parent["id"]}, rows
        assert {d["folder"] for r in rows for d in r["deliveries"]} == {"Alarms", "Edited"}, rows
        text = ferry.command("trace", parent["id"]).stdout
        assert re.search("caused +" + parent["caused"].split()[0], text), text
        # Other octets with the same id: a duplicate by now.
        again = message(ident, to=address("alarm"), size=500)
        Sender(ferry.smtp, [Item(ident, [address("alarm")], again, folders=[])]).start().wait()
        ferry.drained()
        assert {f: len(m) for f, m in store.messages("w0").items() if m} == {"Alarms": 1, "Edited": 1, "Again": 1}
    finally:
        ferry.stop()

store.stop()
tap.done()
