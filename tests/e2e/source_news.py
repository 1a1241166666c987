"""
The driver of IMAP sources waits for news, and looks at folders in which nothing has
changed: nothing is missed, and it costs next to nothing.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_source import Folder, Source, message, once  # noqa: E402
from peers.imap_wire import Gone  # noqa: E402
from peers.pull import Pull, ends  # noqa: E402

tap = Tap(600)

# ---- news ----
with tap.case("IDLE: news at once, unasked data before its leave, an end by time"):
    server = Source(2)
    server.on["IDLE"] = lambda s, t, w: s.say("* 2 FETCH (FLAGS (\\Seen) UID 2)") or False
    pull = Pull(server.port, "enter", "INBOX", "wait", 300, "wait", 30000, start=True)
    pull.wait_for("waited")
    while server.count("IDLE") < 2:
        time.sleep(0.01)
    server.sessions[0].say("* 3 EXISTS")
    pull.finish().fine()
    assert [e["news"] for e in pull.all("waited")] == [False, True], pull.events
    assert not server.failures, server.failures

with tap.case("IDLE: what came between the look and the wait is news"):
    server = Source(2)
    server.on["EXAMINE"] = lambda s, t, w: (s.select(t, w, "READ-ONLY"), s.say("* 3 EXISTS"), True)[2]
    pull = Pull(server.port, "enter", "INBOX", "list", 1, "wait", 30000).fine()
    assert pull.one("waited")["news"]

with tap.case("IDLE: a wake ends the wait"):
    server = Source(2)
    r, w = os.pipe()
    pull = Pull(server.port, "enter", "INBOX", "wait", 100000, start=True, fds=(r,), wake=r)
    while server.count("IDLE") < 1:
        time.sleep(0.01)
    os.write(w, b"x")
    begin = time.monotonic()
    pull.finish().fine()
    assert not pull.one("waited")["news"] and pull.all("woken") and time.monotonic() - begin < 60

for name, hook, word in (
        ("refused", lambda s, t, w: s.done(t, "NO not here") or True, "not here"),
        ("not understood", lambda s, t, w: s.done(t, "BAD what?") or True, "what?"),
):
    with tap.case("IDLE %s: the source is to be polled" % name):
        server = Source(2)
        server.on["IDLE"] = hook
        pull = Pull(server.port, "enter", "INBOX", "wait", 5000, "list", 1)
        assert word in pull.one("refused")["text"] and pull.one("refused")["class"] == "perm"
        assert pull.one("listed")["n"] == 2

with tap.case("IDLE not offered"):
    server = Source(2, capabilities="IMAP4rev1")
    assert "does not offer IDLE" in Pull(server.port, "enter", "INBOX", "wait", 5000).one("refused")["text"]

with tap.case("IDLE: a server that is gone without a word"):
    server = Source(2)
    server.on["IDLE"] = lambda s, t, w: s.say("+ idling") or time.sleep(20) or True
    pull = Pull(server.port, "enter", "INBOX", "wait", 500, timeout=500)
    assert pull.error["class"] == "temp" and pull.error["code"] == 110, pull.error

with tap.case("IDLE: BYE"):
    server = Source(2)

    def bye(session, tag, words):
        session.say("+ idling\r\n* BYE idle for too long")
        raise Gone()
    server.on["IDLE"] = bye
    pull = Pull(server.port, "enter", "INBOX", "wait", 20000)
    assert "idle for too long" in pull.error["text"] and pull.error["class"] == "temp"

# ---- what it costs when nothing changed ----
with tap.case("an unchanged folder: one command"):
    server = Source(2000)
    pull = Pull(server.port, "enter", "INBOX", "again").fine()
    assert [e["same"] for e in pull.all("entered")] == [False, True]
    assert server.count("EXAMINE") == 2 and server.count("UID FETCH") == 0

with tap.case("120 unchanged folders: three round trips; what is done in one opens it"):
    server = Source(2)
    for i in range(120):
        server.folders["f%03d" % i] = Folder(uidvalidity=100 + i)
        for k in range(i % 3):
            server.folders["f%03d" % i].add(message(k))
    server.folders["f007"].attributes = "\\Noselect"
    names = [n for n in server.folders if n != "f007"]
    pull = Pull(server.port, "folders", *[w for n in names for w in ("enter", n)], "list", 1, "enter", "f050", "fetch", "again",
                folder="*").fine()
    assert [(e["uidvalidity"], e["exists"]) for e in pull.all("entered")[:-2]] == [
        (server.folders[n].uidvalidity, len(server.folders[n].mail)) for n in names], pull.events
    assert pull.one("listed")["n"] == 119 % 3 and pull.all("entered")[-1]["same"]
    assert server.turns < 25, server.turns
    assert server.count("EXAMINE") == 120 + 3, server.count("EXAMINE")

with tap.case("looked at in passing: a folder that can't be opened is told when it is entered; changes since then are seen"):
    server = Source(2)
    server.folders["Bad"], server.folders["Good"] = Folder(), Folder(uidvalidity=9)
    server.on["EXAMINE"] = lambda s, t, w: w.startswith('"Bad"') and (s.done(t, "NO not now") or True)
    pull = Pull(server.port, "folders", "enter", "Bad", "enter", "Good", "pause", "list", 1, "again", folder="*", start=True)
    pull.wait_for("pause")
    server.folders["Good"].add(b"new")
    pull.go_on().finish()
    assert "not now" in pull.one("refused")["text"] and pull.one("listed")["n"] == 1
    assert [(e["exists"], e["same"]) for e in pull.all("entered")] == [(0, False), (1, False)], pull.events
    pull = Pull(server.port, "folders", "enter", "Good", "pause", "list", 1, folder="*", start=True)
    pull.wait_for("pause")
    server.folders["Good"].uidvalidity = 10
    assert "UIDVALIDITY" in pull.go_on().finish().error["text"]

for name, change in (("flags", lambda f: setattr(f, "modseq", 9999)), ("a new message", lambda f: f.add(b"x")),
                     ("a message less", lambda f: f.mail.pop(1)), ("UIDVALIDITY", lambda f: setattr(f, "uidvalidity", 9))):
    with tap.case("changed: " + name):
        server = Source(5)
        server.on["EXAMINE"] = lambda s, t, w: server.count("EXAMINE") == 2 and change(server.inbox) and False
        pull = Pull(server.port, "enter", "INBOX", "again").fine()
        assert [e["same"] for e in pull.all("entered")] == [False, False], pull.events

with tap.case("a server that tells UIDNEXT by STATUS only: asked before, in one round trip, never younger than EXISTS"):
    server = Source(5)
    server.folders["Two"] = Folder()

    def mute(session, tag, words):
        if server.count("EXAMINE") == 4:
            server.inbox.add(b"between")  # STATUS has told already
        session.folder = server.inbox
        session.say("* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok" % len(server.inbox.mail))
        session.done(tag)
        return True
    server.on["EXAMINE"] = mute
    server.on["STATUS"] = lambda s, t, w: s.say('* STATUS "INBOX" (UIDVALIDITY 7 UIDNEXT %d)' % server.inbox.uidnext) or (
        s.done(t) or True)
    pull = Pull(server.port, "enter", "INBOX", "again", "again", "again", "again").fine()
    assert [e["same"] for e in pull.all("entered")] == [False, True, False, False, True], pull.events
    assert [e["uidnext"] for e in pull.all("entered")] == [6, 6, 6, 7, 7] and server.count("STATUS") == 5

with tap.case("a server that does not take (CONDSTORE) after all"):
    server = Source(5)
    server.on["EXAMINE"] = lambda s, t, w: "CONDSTORE" in w and (s.done(t, "BAD no parameters") or True)
    pull = Pull(server.port, "enter", "INBOX", "again", "list", 1).fine()
    assert [e["same"] for e in pull.all("entered")] == [False, True] and server.count("EXAMINE") == 3

tap.done()
