"""
What a store may do to a delivery: each row makes a store in memory fail in one
exact way, runs a worker over twenty messages until nothing moves any more, and
counts: none lost, none doubled, and the record says the same as the folder.
"""

import concurrent.futures
import email
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.run import Run  # noqa: E402

tap = Tap(600)


def case(words, row):
    with tap.case(words):
        row()


def identities(store, folder=None):
    found = {}
    for octets in store.octets(folder):
        ident = re.search(rb"SMTP id (\w+);", octets)
        if ident is not None:
            found[ident.group(1).decode()] = found.get(ident.group(1).decode(), 0) + 1
    return found


def settled(store, run, folder=None, parked=0, quarantined=0, messages=20):
    """All done exactly once, but for so many that wait for a person."""
    found = identities(store, folder)
    doubled = [i for i, n in found.items() if n > 1]
    assert not doubled, "doubled: %s\n%s" % (doubled, run.log[-3000:])
    want = {"done": messages - parked - quarantined, "parked": parked, "quarantined": quarantined}
    want = {k: v for k, v in want.items() if v}
    assert run.states() == want, "%s\n%s\n%s" % (run.states(), run.log[-3000:], [r for r in run.rows if r["state"] != "done"][:3])
    lost = [r["id"] for r in run.rows if r["state"] == "done" and r["id"] not in found]
    assert not lost, "lost: %s\n%s" % (lost, run.log[-3000:])


WAYS = {
    "LITERAL+": "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE AUTH=PLAIN",
    "LITERAL-": "IMAP4rev1 LITERAL- UIDPLUS NAMESPACE AUTH=PLAIN",
    "synchronising": "IMAP4rev1 UIDPLUS NAMESPACE AUTH=PLAIN",
    "plainest": "IMAP4rev1",
}


def fault(kind, **options):
    """The seventh APPEND fails so, in each way to send and with both ways to hang up."""
    def one(way, reset):
        store = Store(capabilities=WAYS[way])
        store.fail(kind, at=7, reset=reset, **options)
        run = Run(store)
        settled(store, run)
        store.close()

    def row():
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(one, way, reset) for way in WAYS for reset in (False, True)]:
                future.result()
    return row


for kind, words in (
        ("drop-before-plus", "row 1: drops before the continuation"),
        ("drop-mid-literal", "row 2: drops in the middle of a literal"),
        ("drop-after-literal", "row 2: drops after the last byte, nothing stored"),
        ("store-then-drop", "row 2: stores, then drops without an answer"),
        ("bye-before-plus", "row 4: BYE instead of a continuation"),
        ("bye-then-ok", "row 4: BYE, then a tagged OK, which counts"),
        ("ok-without-uid", "row 5: OK without a UID, and without a text"),
        ("wrong-tag", "row 6: an answer with a wrong tag"),
        ("garbage", "row 6: garbage for an answer"),
        ("no", "row 7: NO without a code, nothing stored"),
        ("ok-throttled", "row 9: [THROTTLED] in an OK is success"),
        ("exists-before-plus", "row 27: untagged data before the continuation"),
        ("bad", "row 34: BAD, nothing stored"),
        ("bad-before-literal", "row 34: BAD to a literal that is on its way")):
    case(words, fault(kind))
case("row 7: NO without a code, though it stored", fault("no", stored=True))
case("row 34: BAD, though it stored", fault("bad", stored=True))


def silence():
    for kind in ("silence-mid-literal", "store-then-silence"):
        store = Store()
        store.fail(kind, at=7)
        begin = time.monotonic()
        run = Run(store, timeout=500)
        settled(store, run)
        # Ten times the settle time must pass before silence is believed.
        assert kind == "store-then-silence" or time.monotonic() - begin > 3.4, "%.1f s" % (time.monotonic() - begin)
        store.close()


case("row 3: silence in the middle and after the end", silence)


def late():
    # Many messages are on their way when the connection dies. The first look comes two seconds later, the store commits one of
    # them half a second behind that look, and the settle time ends another half second later.
    store = Store()
    store.fail("late-commit", at=7, seconds=2.5)
    run = Run(store, settle=3000)
    settled(store, run)
    assert "doubled" not in run.log


case("row 35: a commit after the connection died, within the settle time", late)


def too_late():
    store = Store()
    store.fail("late-commit", at=20, seconds=1.5)
    store.delay = 0.2
    run = Run(store, settle=100, window=1)
    time.sleep(2)
    found = identities(store)
    assert run.states() == {"done": 20} and set(found) == {r["id"] for r in run.rows}, run.states()


case("row 35: a commit beyond the settle time loses nothing", too_late)


def early():
    # An OK instead of the continuation: no byte of the message was sent, so the message is not stored.
    store = Store(capabilities=WAYS["plainest"])
    store.fail("refuse-before-plus", at=7, reply="OK done")
    settled(store, Run(store))


case("row 6: OK to a message that was not sent", early)


def throttle():
    store = Store()
    store.fail("no", at=3, text="Request is throttled. Suggested Backoff Time: 1500 milliseconds")
    begin = time.monotonic()
    run = Run(store)
    settled(store, run)
    assert run.account["holds"] == 1 and "Suggested Backoff Time" in run.account["reason"], run.account
    assert time.monotonic() - begin >= 1.4


case("row 8: a throttle with a time is obeyed", throttle)


def codes():
    for text, state, words in (
            ("[TOOBIG] too big", "quarantined", "too big"),
            ("[LIMIT] message size exceeds the limit", "quarantined", "message size"),
            ("[OVERQUOTA] Quota exceeded", "done", ""),
            ("[LIMIT] too many appends this hour", "done", ""),
            ("[INUSE] locked", "done", "")):
        store = Store()
        store.fail("no", at=3, text=text)
        run = Run(store)
        settled(store, run, quarantined=1 if state == "quarantined" else 0)
        assert run.of(3)["state"] == state and words in run.of(3)["reason"], run.of(3)
        store.close()


case("rows 10, 11, 13: codes that say \"not stored\"", codes)


def full():
    # No room for one message: the others pass, and the account is not held.
    store = Store()
    store.fail("no", match=b"delivery00000003", text="[OVERQUOTA] Quota exceeded", times=2)
    run = Run(store)
    settled(store, run)
    assert run.account["holds"] == 0, run.account
    # No room at all: the account waits; what is much smaller may be tried, and each is tried again.
    store = Store()
    store.fail("no", match=b"delivery", text="Over quota", times=3)
    run = Run(store, window=1)
    settled(store, run)
    assert run.account["holds"] > 0 and "Over quota" in run.account["reason"], run.account


case("row 11: a full mailbox", full)


def said():
    # What the store says of itself counts, whatever became of the message.
    for text, words in (("[UNAVAILABLE] later", "later"), ("Server Unavailable. 15", "15"),
                        ("User is authenticated but not connected.", "licence")):
        store = Store()
        store.fail("no", at=1, text=text)
        run = Run(store, window=1, messages=3)
        settled(store, run, messages=3)
        assert run.account["holds"] > 0 and words in run.account["reason"], run.account
        store.close()


case("rows 7, 28: a store that has trouble of its own is left alone for a while", said)


def errors():
    # Some stores hang up on a connection with ten errors.
    store = Store()
    store.fail("no", match=b"delivery", text="no", times=15)
    run = Run(store, messages=10, retry=20)
    settled(store, run, messages=10)
    assert store.connections > 1, store.connections


case("row 28: a connection with many errors is not used any longer", errors)


def wrapped():
    for way in (*WAYS.values(), WAYS["LITERAL+"] + " MULTIAPPEND"):
        store = Store(capabilities=way)
        store.fail("no", match=b"12:00:00 +0000\r\nMessage-ID: <3@test.example>", text="Message contains bare newlines", times=99)
        run = Run(store)
        settled(store, run)
        assert "as the attachment" in run.of(3)["reason"] and "bare newlines" in run.of(3)["reason"], run.of(3)
        octets, = [o for o in store.octets() if b"delivery00000003" in o]
        found = email.message_from_bytes(octets)
        text, original = found.get_payload()
        assert "Message contains bare newlines" in text.get_payload() and found["Subject"] == "number 3.", octets
        assert original.get_payload(decode=True).startswith(b"Message-ID: <3@test.example>\r\nSubject: number 3.\r\n\r\nxxx")
        assert len(original.get_payload(decode=True)) == 500 and not store.violations, store.violations
        store.close()
    # Refused so too: a person must look.
    store = Store()
    store.fail("no", match=b"delivery00000003", text="Message contains invalid header", times=99)
    run = Run(store)
    settled(store, run, quarantined=1)
    assert run.of(3)["state"] == "quarantined" and "as an attachment too" in run.of(3)["reason"], run.of(3)


case("row 20: refused for how it is written, a message goes as an attachment", wrapped)


def limit():
    store = Store(capabilities=Store.capabilities + " APPENDLIMIT=300")
    run = Run(store)
    settled(store, run, quarantined=20)
    assert store.appends == 0 and "APPENDLIMIT" in run.of(1)["reason"], run.of(1)


case("row 13: APPENDLIMIT is obeyed before anything is sent", limit)


def folders():
    # Not on the store, and nobody may make it: INBOX, with a note.
    store = Store()
    run = Run(store, folder="Nowhere", flags="\\Seen")
    settled(store, run, "INBOX")
    assert run.of(1)["folder"] == "INBOX" and "Nowhere" in run.of(1)["reason"], run.of(1)
    # The rule may make it.
    store = Store()
    run = Run(store, folder="Rechnungen/Grün & Blau", create="yes")
    settled(store, run, "Rechnungen/Gr&APw-n &- Blau")
    assert store.commands.count("CREATE") == 1 and "Rechnungen/Gr&APw-n &- Blau" in store.subscribed
    # The store says that it is there, but never opens it.
    store = Store()
    store.create_reply = "NO [ALREADYEXISTS] it is there"
    run = Run(store, folder="New", create="yes")
    settled(store, run, "INBOX")
    assert "INBOX instead" in run.of(1)["reason"], run.of(1)
    # The store refuses the name.
    store = Store()
    store.create_reply = "NO [CANNOT] reserved name"
    run = Run(store, folder="New", create="yes")
    settled(store, run, "INBOX")
    assert "reserved name" in run.of(1)["reason"], run.of(1)
    # Another separator and a prefix; both spellings are one folder.
    for folder in ("A/B", "A.B", "INBOX.A.B", "inbox/A/B"):
        store = Store(separator=".", prefix="INBOX.")
        run = Run(store, folder=folder, create="yes")
        settled(store, run, "INBOX.A.B")
        assert run.of(1)["folder"] == "A/B", run.of(1)
    # A name that only holds other names can be made.
    store = Store()
    store.create("Parent").noselect = True
    run = Run(store, folder="Parent")
    settled(store, run, "INBOX")
    # A name that can't be one.
    for name in ("a//b", "/a", "a/", "50%", "bad\x01name"):
        store = Store()
        run = Run(store, folder=name, create="yes", messages=2)
        settled(store, run, "INBOX", messages=2)
        assert "folder's name" in run.of(1)["reason"], run.of(1)


case("rows 14 to 18: folders that are missing, refused, or named in other ways", folders)


def vanishes():
    store = Store()
    store.create("Work")
    store.fail("no", at=5, text="[TRYCREATE] gone")
    run = Run(store, folder="Work", create="yes")
    settled(store, run, "Work")


case("row 14: [TRYCREATE] between STATUS and APPEND", vanishes)


def read_only():
    store = Store()
    store.create("Shared").read_only = True
    run = Run(store, folder="Shared")
    settled(store, run, "INBOX")
    store = Store()
    store.folders["INBOX"].read_only = True
    run = Run(store, seconds=3)
    assert run.states() == {"queued": 20} and run.account["holds"] > 0 and "INBOX" in run.account["reason"], run.account


case("row 18: folders that take no mail: INBOX instead; INBOX itself: the account waits", read_only)


def moved(change, want, elsewhere=None, note="", blind=False):
    """The store keeps message 7 and hangs up; before anybody looks, CHANGE happens to its folder."""
    def row():
        store = Store()
        store.blind = blind
        store.create("Work")
        store.create("Archive")
        original = store.take_fault

        def take(number, octets):
            found = original(number, octets)
            if found is not None and octets is not None:
                threading.Timer(0.1, lambda: change(store)).start()
            return found
        store.take_fault = take
        store.fail("store-then-drop", match=b"delivery00000007")
        run = Run(store, folder="Work", window=1, settle=600)
        assert run.of(7)["state"] == want, "%s\n%s" % (run.of(7), run.log[-2000:])
        if elsewhere:
            assert run.of(7)["folder"] == elsewhere, run.of(7)
        assert note in run.of(7)["reason"], run.of(7)
        found = identities(store)
        assert all(n == 1 for n in found.values()), found
        others = [r for r in run.rows if r["id"] != run.of(7)["id"]]
        assert all(r["state"] == "done" and r["id"] in found for r in others), run.states()
        assert "CREATE" not in store.commands
    return row


def move(store):
    with store.lock:
        work, archive = store.folders["Work"], store.folders["Archive"]
        for uid in list(work.messages):
            archive.add(*work.messages.pop(uid))


def rename(store):
    with store.lock:
        store.folders["Old work"] = store.folders.pop("Work")
        store.create("Work")


def delete(store):
    with store.lock:
        work = store.folders["Work"]
        for uid in list(work.messages):
            if b"delivery00000007" in work.messages[uid][2]:
                del work.messages[uid]


case("row 36: the user moved it: found there", moved(move, "done", "Archive"))
case("row 36: the user renamed the folder: found there", moved(rename, "done", "Old work"))
case("row 36: moved, and the store's search finds nothing: found there", moved(move, "done", "Archive", blind=True))
case("row 36: renamed, and the store's search finds nothing: found there", moved(rename, "done", "Old work", blind=True))
case("row 36: the user deleted it: parked for a person, never sent again", moved(delete, "parked", note="queue retry"))


def vanishes_for_a_resend():
    # Bytes of message 7 were sent once; when it is to be sent again its folder is gone: that is a doubt, not a CREATE.
    store = Store()
    store.create("Work")
    original = store.take_fault

    def take(number, octets):
        found = original(number, octets)
        if found is not None and octets is not None:
            with store.lock:
                del store.folders["Work"]
        return found
    store.take_fault = take
    store.fail("no", match=b"delivery00000007", text="[LIMIT] not now")
    run = Run(store, folder="Work", window=1, create="yes")
    assert run.of(7)["state"] == "parked" and "queue retry" in run.of(7)["reason"], run.of(7)
    assert run.states() == {"done": 19, "parked": 1}, run.states()


case("row 36: its folder goes between two attempts", vanishes_for_a_resend)


def lying_next():
    # STATUS tells no UIDNEXT: no floor, so nothing may be sent.
    store = Store()
    store.status_reply = "OK done"
    run = Run(store, seconds=2)
    assert run.states() == {"queued": 20} and store.appends == 0, run.states()


case("row 19: no UIDNEXT, no floor, no APPEND", lying_next)


def no_fetch():
    store = Store()
    store.fetch_reply = "NO not now"
    store.fail("drop-after-literal", at=7)
    run = Run(store, seconds=4)
    assert run.states().get("in-doubt", 0) >= 1 and "parked" not in run.states(), run.states()
    assert max(identities(store).values()) == 1


case("row 19: a folder that can't be read proves nothing", no_fetch)


def mad_fetch():
    store = Store()
    store.fetch_reply = "PERHAPS"
    store.fail("drop-after-literal", match=b"delivery00000003")
    run = Run(store, messages=25, window=1, seconds=8)
    assert run.states() == {"done": 24, "in-doubt": 1}, "%s\n%s" % (run.states(), run.log[-2000:])
    assert "could not be looked for" in run.of(3)["reason"], run.of(3)


case("row 6: a look whose answer makes no sense does not stop other mail", mad_fetch)


def looks():
    for partial in (True, False):
        store = Store()
        store.partial = partial
        store.fail("store-then-drop", at=3)
        if partial:  # a header that nobody should have to read whole
            store.folders["INBOX"].add("()", "", b"Received: from x\r\n" * 20000 + b"\r\n")
            threading.Timer(0.1, lambda: store.folders["INBOX"].add("()", "", b"Received: from x\r\n" * 20000 + b"\r\n")).start()
        settled(store, Run(store, size=20000))
        store.close()


case("a look reads only the front of what may be a large header", looks)


def poison():
    for kind in ("drop-mid-literal-match", "no"):
        store = Store()
        if kind == "no":
            store.fail("no", match=b"delivery00000004", times=1000, text="I do not like it")
        else:
            store.fail("drop-after-literal", match=b"delivery00000004", times=1000)
        run = Run(store, seconds=40, settle=100)
        settled(store, run, quarantined=1)
        assert run.of(4)["state"] == "quarantined", run.of(4)
        store.close()


case("row 37: a message on which the store hangs up, or that it refuses each time", poison)


def forged():
    # After BAD the literal is executed; whatever tagged lines it brings forth must not count.
    store = Store()
    store.fail("bad-before-literal", at=1)
    run = Run(store, flags="\\Seen")
    settled(store, run)


case("row 34: nothing behind a BAD is believed", forged)


def keywords():
    # A flag set is first offered by a synchronising literal; refused keywords are left out.
    store = Store()
    store.fail("refuse-before-plus", at=1, reply="NO [CANNOT] bad keyword")
    run = Run(store, flags="\\Seen Rechnung \\Recent bad(word")
    settled(store, run)
    flags = sorted({m[0] for m in store.folders["INBOX"].messages.values()})
    assert all("Recent" not in f and "bad" not in f for f in flags), flags
    assert run.account["holds"] == 0 and "without its keywords" in run.of(1)["reason"], (run.of(1), run.account)
    # Refused with the message in hand, for certain.
    store = Store()
    store.fail("no", at=1, text="[CANNOT] Invalid characters in keyword")
    run = Run(store, flags="\\Seen Rechnung", window=1)
    settled(store, run)
    assert "without its keywords" in run.of(1)["reason"], run.of(1)


case("row 22: keywords that the store refuses; flags that may never be sent", keywords)


def logins():
    store = Store(password="other")
    run = Run(store, seconds=2)
    assert run.states() == {"queued": 20} and "refuses the password" in run.account["reason"], run.account
    assert store.logins <= 3, "%d logins in two seconds" % store.logins
    store = Store()
    store.login_reply = "NO [UNAVAILABLE] backend is down"
    run = Run(store, seconds=1)
    assert "backend is down" in run.account["reason"] and run.account["attempts"] >= 2, run.account
    store = Store(capabilities="IMAP4rev1 LOGINDISABLED")
    run = Run(store, seconds=1)
    assert "no way to log in" in run.account["reason"] and store.logins == 0, run.account
    store = Store()
    store.greeting = "* BYE too many connections"
    assert "too many connections" in Run(store, seconds=1).account["reason"]
    store = Store()
    store.greeting = "* PREAUTH welcome"
    assert "PREAUTH" in Run(store, seconds=1).account["reason"]
    store = Store()
    store.greeting = "220 smtp.example ESMTP"
    assert "did not greet" in Run(store, seconds=1).account["reason"]


case("rows 24, 12, 28: logins that are refused, and why", logins)


def recording():
    store = Store()
    run = Run(store, in_flight_failures=3)
    settled(store, run)
    assert store.appends == 20, store.appends
    # A spool whose disk is full now and then: that is no fault of the messages.
    store = Store()
    run = Run(store, body_failures=3)
    settled(store, run)
    # It can't even record that the account waits: the worker must end, or it would log in without a pause.
    store = Store(password="other")
    run = Run(store, hold_failures=1000000, seconds=5)
    assert run.states() == {"queued": 20} and store.logins == 1, (run.states(), store.logins)


case("row 32: nothing is sent that could not be recorded", recording)


def large():
    store = Store()
    run = Run(store, messages=4, size=3000000)
    settled(store, run, messages=4)
    sizes = {len(o) for o in store.octets()}
    assert min(sizes) > 3000000, sizes


case("large messages ask before they are sent", large)

tap.done()
