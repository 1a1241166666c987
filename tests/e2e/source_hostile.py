"""
Servers of mail that lie, break the protocol or are slow, and the driver that
reads from them: each time there is a plain reason, every other message comes,
and memory and time stay bounded.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_source import Folder, Source, drip, for_uid, message, once  # noqa: E402
from peers.imap_wire import Gone  # noqa: E402
from peers.pull import Pull, comes, ends, everything, fetched  # noqa: E402

tap = Tap(600)
MB = 1024 * 1024

# ---- a good server, in odd ways ----
for held in (0, 3, 1000):
    with tap.case("all comes, with the tags of %d commands held back" % held):
        server = Source(120)
        server.hold_tags = held
        pull = everything(server, window=40).fine()
        comes(server, pull)
        assert pull.one("listed") == {"event": "listed", "n": 120, "complete": True}

with tap.case("octet by octet"):
    server = Source(3, size=300)
    server.chunk = 1
    comes(server, everything(server).fine())

with tap.case("no message, and a folder that was never full"):
    pull = everything(Source(0)).fine()
    assert pull.one("listed") == {"event": "listed", "n": 0, "complete": True}

with tap.case("gaps of billions of UIDs cost few commands"):
    server = Source(0)
    for uid in (1, 2, 3000000000, 3000000001, 4294967294):
        server.inbox.add(message(uid), uid=uid)
    pull = everything(server).fine()
    comes(server, pull)
    assert [e["uid"] for e in pull.all("item")] == [1, 2, 3000000000, 3000000001, 4294967294]
    assert server.count("UID FETCH") < 60, server.count("UID FETCH")

with tap.case("many messages, and gaps between crowds"):
    server = Source(0)
    for start in (1, 500000, 900000, 4000000):
        for i in range(1500):
            server.inbox.add(b"x", uid=start + i * 2)
    pull = Pull(server.port, "enter", "INBOX", "list", 1, "present").fine()
    assert [e["n"] for e in pull.all("listed")] == [6000, 6000] and all(e["complete"] for e in pull.all("listed"))
    assert server.count("UID FETCH") < 80, server.count("UID FETCH")

with tap.case("nothing above the last UID: the answer to n:* is not taken for new"):
    server = Source(5)
    pull = Pull(server.port, "enter", "INBOX", "list", 6).fine()
    assert pull.one("listed")["n"] == 0 and pull.one("listed")["complete"]

with tap.case("a part of the list that is refused: what it lacks is not gone"):
    for start in (1, 6):
        server = Source(20)
        server.on["UID FETCH"] = once(lambda s, t, w: s.done(t, "NO [SERVERBUG] not now") or True)
        pull = Pull(server.port, "enter", "INBOX", "list", start).fine()
        assert pull.one("listed")["n"] == 0 and not pull.one("listed")["complete"]

with tap.case("flags that others change while UIDs are listed"):
    server = Source(20)
    server.on["UID FETCH"] = lambda s, t, w: s.respond(1, w) or s.say("* 7 FETCH (FLAGS (\\Seen) UID 7)") and False
    pull = Pull(server.port, "enter", "INBOX", "present").fine()
    assert pull.one("listed") == {"event": "listed", "n": 20, "complete": True}, pull.one("listed")

with tap.case("unasked data between all others"):
    server = Source(20)

    def noise(session, tag, words):
        session.say("* 7 FETCH (FLAGS (\\Seen) UID 7 MODSEQ (12345678901234567890))")
        session.say('* 8 FETCH (FLAGS (\\Seen $x) UID 8 X-OTHER ("a" (b {3}\r\nx)y) NIL) EMAILID (m1))')
        session.say("* OK [HIGHESTMODSEQ 99999999999999999999] more")
        session.say("* OK still here")
        session.say("* 20 EXISTS")
        session.say("* VANISHED (EARLIER) 900:910")
        session.say('* STATUS "INBOX" (MESSAGES 3)')
        session.say("* XUNKNOWN {4}\r\n\0\r\n) (((")
        session.say("* NO [ALERT] the disk is nearly full")
        return False
    server.on["UID FETCH"] = noise
    comes(server, everything(server).fine())

with tap.case("flags: those that a client may set, never \\Recent; broken ones are left out"):
    server = Source(0)
    server.inbox.add(b"x", flags="\\Recent \\Seen $Label1 \\*  \\Strange kw \\answered")
    assert everything(server).fine().one("item")["flags"] == "\\Seen $Label1 kw \\answered"

with tap.case("8,000 keywords are cut, and do no harm"):
    server = Source(0)
    server.inbox.add(b"x", flags=" ".join("k%d" % i for i in range(8000)))
    flags = everything(server).fine().one("item")["flags"]
    assert 4000 < len(flags) <= 8192 and flags.startswith("k0 k1 ")

with tap.case("dates with one digit, other zones, and broken ones"):
    for date, ms in ((" 1-Feb-2021 00:00:00 +0100", 1612134000000), ("31-Dec-2020 23:00:00 -0130", 1609461000000), ("x", 0),
                     ("99-Foo-2021 00:00:00 +0000", 0)):
        server = Source(0)
        server.inbox.add(b"x", date=date)
        assert everything(server).fine().one("item")["date"] == ms, date

with tap.case("bodies in quotes, and as a literal8"):
    server = Source(0)
    server.inbox.add(b'a "quoted\\ one')
    server.inbox.add(b"second")
    server.on["UID FETCH"] = lambda s, tag, w: (
        for_uid(1, lambda s, t, w: s.say('* 1 FETCH (BODY[] "a \\"quoted\\\\ one" UID 1)') or s.done(t) or True)(s, tag, w) or
        for_uid(2, lambda s, t, w: s.put(b"* 2 FETCH (UID 2 BODY[] ~{6}\r\nsecond)\r\n") or s.done(t) or True)(s, tag, w))
    comes(server, everything(server).fine())

with tap.case("NULs, bare line ends and what looks like answers within a body stay as they are"):
    server = Source(0)
    server.inbox.add(b"a\0b\nc\rd\r\n.\r\n..\r\n* 1 EXPUNGE\r\n)\r\n1 OK done\r\n* BYE\r\n" + bytes(range(256)) * 300)
    comes(server, everything(server).fine())

# ---- one message that makes trouble, and all others ----
def gives(text, begun=False):
    return lambda s, tag, w: s.say(text) or s.done(tag) or True


for name, answer, got, words in (
        ("a message that is gone", lambda s, t, w: s.done(t) or True, "vanished", ""),
        ("a message that is gone, said so", lambda s, t, w: s.done(t, "NO [EXPUNGEISSUED] gone") or True, "vanished", ""),
        ("NO for one message", lambda s, t, w: s.done(t, "NO [SERVERBUG] can't read it") or True, "refused", "can't read it"),
        ("NIL in its place", gives("* 3 FETCH (UID 3 BODY[] NIL)"), "refused", "NIL"),
        ("an empty body where there are octets", gives('* 3 FETCH (UID 3 BODY[] "")'), "refused", "no octet"),
        ("another message in its place", gives('* 9 FETCH (UID 9999 BODY[] "other")'), "refused", "UID 9999"),
        ("another message, named behind the body", gives('* 9 FETCH (BODY[] "other" UID 9999)'), "refused", "UID 9999"),
        ("a body without a UID", gives('* 3 FETCH (BODY[] "x")'), "refused", "does not say which"),
        ("the body twice", lambda s, t, w: s.respond(3, w) or s.respond(3, w) or s.done(t) or True, "whole", ""),
        ("another section of it", gives('* 3 FETCH (UID 3 BODY[TEXT] "x" BODY[]<0> "y" RFC822 "z")'), "refused", "does not give it"),
        ("only its UID", gives("* 3 FETCH (UID 3)"), "refused", "does not give it"),
        ("only its flags, and it is gone", gives("* 3 FETCH (UID 3 FLAGS (\\Deleted))"), "vanished", ""),
):
    for held in (0, 50):
        with tap.case("%s%s" % (name, ", tags held back" if held else "")):
            server = Source(8)
            server.hold_tags = held
            server.on["UID FETCH"] = for_uid(3, answer)
            pull = everything(server, window=5).fine()
            one = comes(server, pull, but=(3,))[3]
            assert one["got"] == got and words in one["words"], one

with tap.case("EXPUNGE of others while bodies come"):
    server = Source(30)

    def expunge(session, tag, words):
        for uid in (20, 21):
            session.expunge([uid])
        return False
    server.on["UID FETCH"] = once(for_uid(10, expunge))
    server.on["UID FETCH"] = for_uid(10, lambda s, t, w: 20 in s.folder.mail and expunge(s, t, w))
    pull = everything(server, window=3).fine()
    got = comes(server, pull)
    assert got[20]["got"] == got[21]["got"] == "vanished", (got[20], got[21])

with tap.case("expunged while the list is told: not complete, nothing is wrong"):
    server = Source(50)
    server.on["UID FETCH"] = once(lambda s, t, w: s.say("* 60 EXISTS") or False)
    pull = Pull(server.port, "enter", "INBOX", "list", 1).fine()
    assert pull.one("listed")["n"] == 50 and not pull.one("listed")["complete"]

with tap.case("3 GB announced: refused before it is read, by name"):
    server = Source(8)
    server.on["UID FETCH"] = for_uid(3, lambda s, t, w: s.put(b"* 3 FETCH (UID 3 BODY[] {3221225472}\r\n" + b"x" * 100000)
                                     or True)
    pull = ends(server, "UID 3", "3221225472", max=50 * MB)
    assert fetched(pull)[3]["got"] == "refused" and "3221225472" in fetched(pull)[3]["words"]
    assert fetched(pull)[2]["got"] == "whole"

for size in ("99999999999999999999999", "18446744073709551616", "4294967296"):
    with tap.case("a literal of %s octets" % size):
        server = Source(3)
        server.on["UID FETCH"] = for_uid(2, lambda s, t, w: s.say("* 2 FETCH (UID 2 BODY[] {%s}" % size) or True)
        assert fetched(ends(server, "UID 2"))[2]["got"] == "refused"

with tap.case("3 GB announced of something that nobody asked for"):
    server = Source(3)
    server.on["UID FETCH"] = for_uid(2, lambda s, t, w: s.say("* 2 FETCH (X-JUNK {3221225472}") or True)
    ends(server, "3221225472")

for name, body, size in (("shorter", b"x" * 900, 1000), ("longer", b"x" * 1100, 1000)):
    with tap.case("a literal that is %s than announced: told of that message" % name):
        server = Source(6)
        server.on["UID FETCH"] = for_uid(4, lambda s, t, w: s.respond(4, w, body=body, size=size) or s.done(t) or True)
        pull = ends(server, "UID 4")
        assert fetched(pull)[4]["got"] == "refused", fetched(pull)[4]
        assert all(fetched(pull)[u]["got"] == "whole" for u in (1, 2, 3))

with tap.case("a literal that never ends"):
    server = Source(3)

    def endless(session, tag, words):
        session.put(b"* 2 FETCH (UID 2 BODY[] {500000}\r\n")
        drip(session, b"x" * 100, 0.2)
    server.on["UID FETCH"] = for_uid(2, endless)
    pull = ends(server, "UID 2", error="temp", deadline=8000)
    assert 2 not in fetched(pull)

with tap.case("silence within a body"):
    server = Source(3)
    server.on["UID FETCH"] = for_uid(2, lambda s, t, w: s.put(b"* 2 FETCH (UID 2 BODY[] {5000000}\r\nxxx") or time.sleep(600))
    # What 5,000,000 octets may take at the slowest does not count for silence: the puller would be given up before.
    ends(server, "UID 2", error="temp", timeout=8000)

with tap.case("a body that drips"):
    server = Source(3)

    def dripping(session, tag, words):
        session.put(b"* 2 FETCH (UID 2 BODY[] {1000}\r\n")
        drip(session, b"x" * 1000, 0.1)
    server.on["UID FETCH"] = for_uid(2, dripping)
    pull = ends(server, "UID 2", error="temp", timeout=8000)
    assert 2 not in fetched(pull)

with tap.case("one octet a second from the greeting on: the deadline holds"):
    server = Source(3)
    server.chunk, server.pause = 1, 1.0
    begin = time.monotonic()
    pull = Pull(server.port, "enter", "INBOX", "fetch", deadline=3000)
    assert pull.error["class"] == "temp" and time.monotonic() - begin < 60, pull.events

# ---- what breaks the session ----
for name, line, words in (
        ("a negative UID", "* 3 FETCH (UID -3 FLAGS () RFC822.SIZE 5)", "-3"),
        ("UID 0", "* 3 FETCH (UID 0 FLAGS () RFC822.SIZE 5)", "UID"),
        ("a UID beyond 32 bits", "* 3 FETCH (UID 4294967296 FLAGS () RFC822.SIZE 5)", "4294967296"),
        ("a size that is negative", "* 3 FETCH (UID 3 FLAGS () RFC822.SIZE -5)", "size"),
        ("a size beyond 63 bits", "* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 99999999999999999999)", "size"),
        ("two UIDs in one response", "* 3 FETCH (UID 3 UID 4 RFC822.SIZE 5)", "two UIDs"),
        ("UIDs that descend", "* 3 FETCH (UID 9 RFC822.SIZE 5)\r\n* 4 FETCH (UID 8 RFC822.SIZE 5)", "ascend"),
        ("a list without an end", "* 3 FETCH (UID 3 FLAGS (\\Seen", "UID 3"),
        ("a response without an end", "* 3 FETCH (UID 3 RFC822.SIZE 5", "UID 3"),
        ("a string without an end", '* 3 FETCH (UID 3 INTERNALDATE "17-Jul', "UID 3"),
        ("nested lists without end", "* 3 FETCH (UID 3 X " + "(" * 10000 + ")", "deep"),
        ("EXISTS beyond all bounds", "* 99999999999999999999 EXISTS", "99999999999999999999"),
        ("ten million messages and one", "* 10000001 EXISTS", "10000001"),
        ("another UIDVALIDITY in the middle", "* OK [UIDVALIDITY 8] changed", "UIDVALIDITY"),
        ("UIDVALIDITY 0 in the middle", "* OK [UIDVALIDITY 0] changed", "UIDVALIDITY"),
        ("a NUL in a line", "* 3 FETCH (UID 3\0 RFC822.SIZE 5)", "control character"),
        ("a line without an end", "* " + "x" * 70000, "without an end"),
        ("an empty line", "", "empty line"),
        ("no IMAP at all", "HTTP/1.1 400 Bad Request", "no IMAP response"),
        ("a tag that nobody gave", "5 OK done", "out of order"),
        ("a request to continue that nobody wants", "+ go on", "not promised"),
):
    with tap.case("in the list: " + name):
        server = Source(3)
        server.on["UID FETCH"] = once(lambda s, t, w: s.say(line) or s.done(t) or True)
        ends(server, words)

with tap.case("BYE in the middle of a list"):
    server = Source(3)

    def goodbye(session, tag, words):
        session.say("* BYE [UNAVAILABLE] going down for maintenance")
        raise Gone()
    server.on["UID FETCH"] = goodbye
    ends(server, "going down for maintenance", error="temp")

with tap.case("BYE in the middle of a body"):
    server = Source(3)

    def cut(session, tag, words):
        session.put(b"* 2 FETCH (UID 2 BODY[] {5000}\r\nxxx")
        raise Gone()
    server.on["UID FETCH"] = for_uid(2, cut)
    pull = ends(server, "UID 2", error="temp")
    assert fetched(pull)[1]["got"] == "whole" and 2 not in fetched(pull)

with tap.case("a throttle is told apart"):
    server = Source(3)

    def slower(session, tag, words):
        session.say("* BYE [THROTTLED] Account exceeded command or bandwidth limits")
        raise Gone()
    server.on["UID FETCH"] = slower
    assert ends(server, "bandwidth limits", error="temp").error["code"] == 87, "EUSERS"

for reply, code in (("NO [LIMIT] too many simultaneous connections", 87), ("NO [UNAVAILABLE] Temporary authentication failure", 0),
                    ("NO Request is throttled. Suggested Backoff Time: 299960 milliseconds", 87)):
    with tap.case("a login that is put off: " + reply):
        server = Source(1, capabilities="IMAP4rev1")
        server.on["LOGIN"] = lambda s, t, w: s.done(t, reply) or True
        pull = Pull(server.port, "leave")
        assert pull.error["class"] == "temp" and pull.error["code"] == code and reply[3:20] in pull.error["text"], pull.error
        assert pull.all("delay") == ([{"event": "delay", "ms": 299960}] if "Backoff" in reply else []), pull.events

with tap.case("BYE that says it is away is no throttle"):
    server = Source(3)

    def away(session, tag, words):
        session.say("* BYE [UNAVAILABLE] back soon")
        raise Gone()
    server.on["UID FETCH"] = away
    assert ends(server, "back soon", error="temp").error["code"] != 87

with tap.case("BAD to a FETCH ends, with the server's words"):
    server = Source(3)
    server.on["UID FETCH"] = for_uid(2, lambda s, t, w: s.done(t, "BAD what is BODY?") or True)
    ends(server, "UID 2", "what is BODY?")

with tap.case("answers out of order"):
    server = Source(5)
    waiting = []

    def swap(session, tag, words):
        waiting.append(tag)
        if len(waiting) == 2:
            session.done(waiting[1])
            session.done(waiting[0])
        return True
    server.on["UID FETCH"] = lambda s, t, w: "BODY" in w and swap(s, t, w)
    ends(server, "out of order")

with tap.case("unasked data for ever"):
    server = Source(3)

    def flood(session, tag, words):
        while True:
            session.put(b"* 5 FETCH (FLAGS (\\Seen) UID 5)\r\n" * 5000)
    server.on["UID FETCH"] = flood
    ends(server, "more than was asked for", timeout=200000)

with tap.case("new messages for ever are listed no further than the deadline"):
    server = Source(3)

    def grow(session, tag, words):
        uid = 1
        while True:
            session.say("* %d FETCH (UID %d FLAGS () RFC822.SIZE 5)" % (uid, uid))
            uid += 1
            time.sleep(0.005)
    server.on["UID FETCH"] = grow
    ends(server, error="temp", deadline=3000)

# ---- folders ----
for name, hook, words in (
        ("no UIDVALIDITY", lambda s, t, w: s.say("* 3 EXISTS") or s.done(t) or True, "no UIDVALIDITY"),
        ("UIDVALIDITY 0", lambda s, t, w: s.say("* 3 EXISTS\r\n* OK [UIDVALIDITY 0] x") or s.done(t) or True, "UIDVALIDITY"),
        ("UIDVALIDITY that is huge", lambda s, t, w: s.say("* 3 EXISTS\r\n* OK [UIDVALIDITY 4294967296] x") or s.done(t) or
         True, "UIDVALIDITY"),
        ("no EXISTS", lambda s, t, w: s.say("* OK [UIDVALIDITY 5] x") or s.done(t) or True, "number of messages"),
        ("NO", lambda s, t, w: s.done(t, "NO [NOPERM] not for you") or True, "not for you"),
):
    with tap.case("a folder with %s is told, and the next one goes" % name):
        server = Source(3)
        server.folders["Bad"] = Folder()
        server.on["EXAMINE"] = lambda s, t, w: w.startswith('"Bad"') and hook(s, t, w)
        pull = Pull(server.port, "enter", "Bad", "enter", "INBOX", "list", 1)
        assert words in pull.one("refused")["text"] and pull.one("refused")["class"] == "perm", pull.events
        assert pull.one("listed")["n"] == 3

with tap.case("names with line ends, NULs or no text are not taken; others are, each once"):
    server = Source(1)
    server.on["LIST"] = lambda s, t, w: w.startswith('"" "*"') and (s.put(
        b'* LIST () "/" {9}\r\nbad\r\nname\r\n* LIST () "/" {7}\r\nbad\0nul\r\n* LIST () "/" "good"\r\n* LIST () "/" "good"\r\n'
        b'* LIST (\\Noselect) "/" "no"\r\n* LIST (\\NonExistent) "/" "gone"\r\n* LIST () "/" "&AOQ-&AOQ-"\r\n'
        b'* LIST () "/" "\xff\xfe"\r\n* LIST () "/" "\xc3\xa4"\r\n* LIST () "/" inbox\r\n') or s.done(t) or True)
    pull = Pull(server.port, "folders", folder="*").fine()
    assert [e["name"] for e in pull.all("folder")] == ["good", "&AOQ-&AOQ-", "\u00e4", "INBOX"], pull.events

with tap.case("a name that would be longer than what can be remembered"):
    server = Source(1)
    long = "&" + "TgBOAE4A" * 450 + "-"
    server.on["LIST"] = lambda s, t, w: w.startswith('"" "*"') and (s.say('* LIST () "/" "%s"' % long) or s.done(t) or True)
    pull = Pull(server.port, "folders", folder="*").fine()
    assert [e["name"] for e in pull.all("folder")] == [long], pull.events

with tap.case("UTF8=ACCEPT: names go as UTF-8 in both directions, and as modified UTF-7 without it"):
    for capabilities, name in (("IMAP4rev1 ENABLE UTF8=ACCEPT", "Caf\u00e9"), ("IMAP4rev1", "Caf&AOk-")):
        server = Source(1, capabilities=capabilities)
        server.folders[name] = Folder()
        server.folders[name].add(b"x")
        pull = Pull(server.port, "folders", "enter", "Caf\u00e9", "list", 1, "move", "Caf\u00e9/\u00fc", folder="*").fine()
        assert [e["name"] for e in pull.all("folder")] == ["INBOX", "Caf\u00e9"] and pull.one("listed")["n"] == 1
        assert name + ("/\u00fc" if name == "Caf\u00e9" else "/&APw-") in server.folders, server.folders.keys()

with tap.case("200,000 folders: no more than can be handled, with a reason"):
    server = Source(1)
    server.on["LIST"] = lambda s, t, w: w.startswith('"" "*"') and (s.put(
        b"".join(b'* LIST () "/" f%d\r\n' % i for i in range(200000))) or s.done(t) or True)
    pull = Pull(server.port, "folders", folder="*")
    assert pull.error["class"] == "config" and "name fewer" in pull.error["text"] and pull.megabytes < 100

tap.done()
