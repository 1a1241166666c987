"""
The driver of IMAP sources removes, marks and moves what it was asked for, and nothing
else, whatever the server says meanwhile.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_source import Folder, Source, message, once  # noqa: E402
from peers.imap_wire import Gone  # noqa: E402
from peers.pull import Pull, comes, everything  # noqa: E402

tap = Tap(600)

# ---- removing and moving ----
with tap.case("UIDVALIDITY flips between reading and removing: nothing is touched"):
    server = Source(3)

    def flip(session, tag, words):
        server.inbox.uidvalidity = 8
        return False
    server.on["SELECT"] = flip
    pull = Pull(server.port, "enter", "INBOX", "list", 1, "remove")
    assert "UIDVALIDITY" in pull.error["text"] and server.count("UID STORE") == 0

with tap.case("a folder that is only for reading"):
    server = Source(3)
    server.read_only = True
    pull = Pull(server.port, "write", "INBOX", "list", 1, "remove", "mark", "move", "Old")
    assert [("only for reading" in e["refused"]) for e in pull.all("changed")] == [True] * 3, pull.events
    assert not [c for c in server.commands if c[0] in ("UID STORE", "UID MOVE", "UID COPY")]

with tap.case("only what was asked for is removed, and by UID"):
    server = Source(10)
    server.inbox.mail[5].flags = "\\Deleted"
    pull = Pull(server.port, "enter", "INBOX", "list", 1, "some", "2,3,4,7", "remove", "leave").fine()
    assert sorted(server.inbox.mail) == [1, 5, 6, 8, 9, 10]
    assert ("UID EXPUNGE", "2:4,7") in server.commands and not pull.one("changed")["marked"]
    assert not {"EXPUNGE", "CLOSE"} & {v for v, _ in server.commands}

with tap.case("without UIDPLUS they are only marked"):
    server = Source(3, capabilities="IMAP4rev1")
    pull = Pull(server.port, "write", "INBOX", "list", 1, "remove").fine()
    assert pull.one("changed")["marked"] and len(server.inbox.mail) == 3
    assert all(m.flags == "\\Deleted" for m in server.inbox.mail.values())
    assert not {"EXPUNGE", "CLOSE", "UID EXPUNGE"} & {v for v, _ in server.commands}

with tap.case("thousands of UIDs with gaps go in lines that servers take"):
    server = Source(0)
    for i in range(3000):
        server.inbox.add(b"x", uid=4000000000 + i * 3)
    pull = Pull(server.port, "write", "INBOX", "list", 1, "remove", quiet=1).fine()
    assert not server.inbox.mail and all(len(w) < 1000 for _, w in server.commands)

with tap.case("NO to the removal is told with the server's words"):
    server = Source(3)
    server.on["UID EXPUNGE"] = lambda s, t, w: s.done(t, "NO [NOPERM] never") or True
    pull = Pull(server.port, "write", "INBOX", "list", 1, "remove").fine()
    assert "never" in pull.one("changed")["refused"]

for capabilities in ("IMAP4rev1 UIDPLUS MOVE", "IMAP4rev1 UIDPLUS", "IMAP4rev1"):
    with tap.case("moved into a folder that is made for it (%s)" % capabilities):
        server = Source(5, capabilities=capabilities)
        before = [m.octets for u, m in server.inbox.mail.items() if u > 2]
        pull = Pull(server.port, "write", "INBOX", "list", 3, "move", "Old/Mail").fine()
        assert [m.octets for m in server.folders["Old/Mail"].mail.values()] == before
        assert len(server.inbox.mail) == (2 if "UIDPLUS" in capabilities else 5)
        assert pull.one("changed")["marked"] == ("UIDPLUS" not in capabilities)

with tap.case("a COPY whose answer was lost is not made again"):
    server = Source(5, capabilities="IMAP4rev1 UIDPLUS")
    server.folders["Old"] = Folder()
    server.folders["Old"].add(message(1), date="1-Jan-2020 00:00:00 +0000")  # the same again, of another day
    server.inbox.mail[3].octets = b"Subject: %s\r\n\r\nno Message-ID\r\n" % (b"x" * 400000)
    server.inbox.mail[4].octets = b"Subject: a\r\n\r\nalarm\r\n"

    def lost(session, tag, words):
        session.copy(tag, words)
        raise Gone(True)
    server.on["UID COPY"] = once(lost)
    pull = Pull(server.port, "write", "INBOX", "list", 1, "move", "Old")
    assert pull.error["class"] == "temp" and len(server.folders["Old"].mail) == 6 and len(server.inbox.mail) == 5
    del server.on["UID COPY"]
    server.inbox.add(message(77))
    server.inbox.add(b"Subject: b\r\n\r\nalarm\r\n")  # another alarm of the same second and size
    Pull(server.port, "write", "INBOX", "list", 1, "move", "Old").fine()
    assert not server.inbox.mail and len(server.folders["Old"].mail) == 8

with tap.case("a COPYUID that is too long: what it does not say for certain is seen to by the next run"):
    server = Source(0, capabilities="IMAP4rev1 UIDPLUS")
    for i in range(100):
        server.inbox.add(message(i), uid=4000000000 + i)
    pull = Pull(server.port, "write", "INBOX", "list", 1, "move", "Old").fine()
    assert 0 < len(server.inbox.mail) < 100 and "the next run" in pull.one("changed")["refused"], pull.events
    pull = Pull(server.port, "write", "INBOX", "list", 1, "move", "Old").fine()
    assert not server.inbox.mail and len(server.folders["Old"].mail) == 100
    assert pull.one("changed")["refused"] == "", pull.events

with tap.case("a COPYUID of other messages: none goes"):
    server = Source(5, capabilities="IMAP4rev1 UIDPLUS")
    server.folders["Old"] = Folder()
    server.on["UID COPY"] = lambda s, t, w: (s.copy(t, w), s.done(t, "OK [COPYUID 7 900:901 1:2] done"))[0] is not None
    pull = Pull(server.port, "write", "INBOX", "list", 1, "move", "Old").fine()
    assert len(server.inbox.mail) == 5 and "the next run" in pull.one("changed")["refused"], pull.events

with tap.case("the handler has had enough in the middle of a message"):
    server = Source(5)
    pull = everything(server, quit_after=100)
    assert pull.error["class"] == "limit", pull.error

with tap.case("a slow handler is not the server's fault"):
    server = Source(2, size=200)
    comes(server, everything(server, slow=5000, timeout=3000, window=1).fine())

tap.done()
