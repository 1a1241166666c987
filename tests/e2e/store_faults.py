"""
What a store may do to an APPEND, in every way that messages can go: several in
a command, one after the other without asking, each asking first; with and
without UIDs in the answers. Each row makes a store in memory fail in one exact
way, runs a worker until nothing moves any more, and counts: none lost, none
doubled, and the record says the same as the folder. What the rows are called
is in the case's name; store_faults_folder.py and store_faults_account.py have
the rest.
"""

import email
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.run import Run  # noqa: E402
from peers.ways import ASKS, BATCHES, QUICK, STREAMS, WAYS, each, fails, identities, settled, together  # noqa: E402

tap = Tap(900)


def case(words, row):
    begin = time.monotonic()
    with tap.case(words):
        row()
    tap.diag("%.1f s" % (time.monotonic() - begin))


# ---- the connection ends ----
case("row 1: drops before the continuation", fails("drop-before-plus"))
case("row 2: drops in the middle of a literal", fails("drop-mid-literal"))
case("row 2: drops behind the first octet of a literal", fails("drop-mid-literal", after=1))
case("row 2: drops after the last byte, nothing stored", fails("drop-after-literal"))
case("row 2: stores, then drops without an answer", fails("store-then-drop"))
case("row 4: BYE instead of a continuation", fails("bye-before-plus"))
case("row 4: BYE in the middle of a literal", fails("bye-mid-literal"))
case("row 4: BYE instead of an answer", fails("bye"))
case("row 4: BYE, then a tagged OK, which counts", fails("bye-then-ok"))


def silence():
    def one(way, kind):
        store = Store(capabilities=WAYS[way])
        store.fail(kind, at=7)
        begin = time.monotonic()
        run = Run(store, timeout=2000, **{**QUICK, "settle": 200})
        settled(store, run)
        # Ten times the settle time must pass before silence is believed.
        assert kind == "store-then-silence" or time.monotonic() - begin > 3.5, "%.1f s" % (time.monotonic() - begin)
        store.close()
    each(WAYS, one, ("silence-mid-literal",), ("silence-after-literal",), ("store-then-silence",))


case("row 3: silence in the middle, at the end, and after it was stored", silence)


def silent_commands():
    def one(verb, then):
        store = Store()
        store.fail_command(verb, then)
        store.fail("drop-after-literal", at=7)
        settled(store, Run(store, timeout=1500, **QUICK))
        assert store.fired["%s: %s" % (verb, then)] == 1, store.fired
        store.close()
    each(("CAPABILITY", "AUTHENTICATE", "LIST", "NAMESPACE", "STATUS", "EXAMINE", "UID", "CLOSE"), one,
         ("silence",), ("deaf",), ("drop",), ("reset",), ("bye",), ("garbage",), ("wrong-tag",), ("NO [UNAVAILABLE] not now",))


case("rows 3, 4, 6: silence, the end, garbage and a wrong tag at every other command", silent_commands)


def cut_anywhere():
    def one(way, side, after, then):
        store = Store(capabilities=WAYS[way])
        store.damages = {1: {"side": side, "after": after, "then": then}, 2: {"side": side, "after": after + 777, "then": then}}
        settled(store, Run(store, timeout=2000, **QUICK))
        store.close()
    each(("MULTIAPPEND LITERAL+ UIDPLUS", "LITERAL-", "synchronising"), one,
         *[(side, after, then) for side, places in (("client", (1, 40, 150, 400, 1000, 3333, 9000)), ("store", (1, 30, 200, 400, 500, 900)))
           for after in places for then in ("close", "reset", "garbage")],
         ("client", 2500, "silence"), ("client", 2500, "deaf"), ("store", 420, "silence"))


case("rows 1 to 6: cuts, silence and garbage at many places of either direction", cut_anywhere)


def slowly():
    def one(way, chunk, pause):
        store = Store(capabilities=WAYS[way])
        store.chunk, store.pause = chunk, pause
        store.fail("store-then-drop", at=7)
        settled(store, Run(store, **QUICK))
        store.close()
    each(WAYS, one, (1, 0), (3, 0.0002))


case("replies cut at every octet, and dripping", slowly)

# ---- answers ----
case("row 5: OK without a UID, and without a text", fails("ok-without-uid"))


def wrong_uids():
    def one(way, uids):
        store = Store(capabilities=WAYS[way])
        store.fail("uid-wrong", at=7, uids=uids)
        settled(store, Run(store, **QUICK))
        store.close()
    each([w for w in WAYS if "UIDPLUS" in w], one, ("1 0",), ("99 1:*",), ("99",), ("99 1:4000000000",), ("99 5,4,x",), ("99 " + "7," * 3000 + "7",))


case("row 5: OK with UIDs that make no sense", wrong_uids)
case("row 6: an answer with the tag of the next command", fails("wrong-tag"))
case("row 6: an answer with a tag that nobody gave", fails("odd-tag"))
case("row 6: garbage for an answer", fails("garbage"))
case("row 6: answers out of order", fails("out-of-order"))
case("row 7: NO without a code, nothing stored", fails("no"))
case("row 7: NO without a code, though it stored", fails("no", stored=True))
case("row 7: NO in the middle of a literal, then the end", fails("no-mid-literal"))
case("row 9: [THROTTLED] in an OK is success", fails("ok-throttled"))
case("row 27: untagged data before the continuation", fails("exists-before-plus"))


def early():
    def one(way, reply):
        # An OK instead of the continuation: no byte of the message was sent, so the message is not stored.
        store = Store(capabilities=WAYS[way])
        store.fail("refuse-before-plus", at=7, reply=reply)
        settled(store, Run(store, **QUICK))
        assert store.fired["refuse-before-plus"] == 1
        store.close()
    each(ASKS, one, ("OK done",), ("NO Unexpected exception",), ("BAD what?",), ("NO [UNAVAILABLE] later",))


case("row 6: an answer to a message that was not sent", early)


def throttle():
    def one(way, status):
        store = Store(capabilities=WAYS[way])
        store.fail(status, at=3, text="Request is throttled. Suggested Backoff Time: 1500 milliseconds")
        begin = time.monotonic()
        run = Run(store, **QUICK)
        settled(store, run)
        assert run.account["holds"] >= 1 and "Suggested Backoff Time" in run.account["reason"], run.account
        assert time.monotonic() - begin >= 1.4
        store.close()
    each(WAYS, one, ("no",), ("bad",))


case("row 8: a throttle with a time is obeyed, on NO and on BAD", throttle)


def codes():
    def one(way, text, state, words):
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"delivery00000003", text=text, times=1000 if state == "quarantined" else 1)
        run = Run(store, **QUICK)
        settled(store, run, quarantined=1 if state == "quarantined" else 0)
        assert run.of(3)["state"] == state and words in run.of(3)["reason"], run.of(3)
        store.close()
    each(WAYS, one,
         ("[TOOBIG] too big", "quarantined", "too big"),
         ("[LIMIT] message size exceeds the limit", "quarantined", "message size"),
         ("[OVERQUOTA] Quota exceeded", "done", ""),
         ("[LIMIT] too many appends this hour", "done", ""),
         ("[INUSE] locked", "done", ""),
         ("[UNAVAILABLE] a part is down", "done", ""),
         ("[SERVERBUG] oops", "done", ""))


case("rows 7, 10, 11, 13: what a code says is done to the one message, and no other", codes)


def full():
    def one(way):
        # No room for one message: the others pass, and the account is not held.
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"delivery00000003", text="[OVERQUOTA] Quota exceeded", times=2)
        run = Run(store, **QUICK)
        settled(store, run)
        assert run.account["holds"] == 0 or way in BATCHES, run.account
        store.close()
        # No room at all: the account waits; what is much smaller may be tried, and each is tried again.
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"delivery", text="Over quota", times=8)
        run = Run(store, window=1, batch=1, **QUICK)
        settled(store, run)
        assert run.account["holds"] > 0 and "Over quota" in run.account["reason"], run.account
        store.close()
    each(WAYS, one)


case("row 11: a full mailbox", full)


def said():
    # What the store says of itself counts, whatever became of the message.
    def one(way, text, words):
        store = Store(capabilities=WAYS[way])
        store.fail("no", at=1, text=text)
        run = Run(store, window=1, messages=3, **QUICK)
        settled(store, run, messages=3)
        assert run.account["holds"] > 0 and words in run.account["reason"], run.account
        store.close()
    each(WAYS, one, ("[UNAVAILABLE] later", "later"), ("Server Unavailable. 15", "15"),
         ("User is authenticated but not connected.", "licence"))


case("rows 7, 28: a store that has trouble of its own is left alone for a while", said)


def limit():
    for way in WAYS:
        store = Store(capabilities=WAYS[way] + " APPENDLIMIT=300")
        run = Run(store)
        settled(store, run, quarantined=20)
        assert store.appends == 0 and "APPENDLIMIT" in run.of(1)["reason"], run.of(1)
        store.close()


case("row 13: APPENDLIMIT is obeyed before anything is sent", limit)


def wrapped():
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"12:00:00 +0000\r\nMessage-ID: <3@test.example>", text="Message contains bare newlines", times=99)
        run = Run(store, **QUICK)
        settled(store, run)
        assert "as the attachment" in run.of(3)["reason"] and "bare newlines" in run.of(3)["reason"], run.of(3)
        octets, = [o for o in store.octets() if b"delivery00000003" in o]
        found = email.message_from_bytes(octets)
        text, original = found.get_payload()
        assert "Message contains bare newlines" in text.get_payload() and found["Subject"] == "number 3.", octets
        assert original.get_payload(decode=True).startswith(b"Message-ID: <3@test.example>\r\nSubject: number 3.\r\n\r\nxxx")
        assert len(original.get_payload(decode=True)) == 500
        store.close()
        # Refused so too: a person must look.
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"delivery00000003", text="Message contains invalid header", times=99)
        run = Run(store, **QUICK)
        settled(store, run, quarantined=1)
        assert run.of(3)["state"] == "quarantined" and "as an attachment too" in run.of(3)["reason"], run.of(3)
        store.close()
    each(WAYS, one)


case("row 20: refused for how it is written, a message goes as an attachment", wrapped)


def keywords():
    def one(way, reply):
        # A flag set is first offered by a synchronising literal; refused keywords are left out.
        store = Store(capabilities=WAYS[way])
        store.keyword_reply = reply
        run = Run(store, flags="\\Seen Rechnung \\Recent bad(word", **QUICK)
        settled(store, run)
        flags = {m[0] for m in store.folders["INBOX"].messages.values()}
        assert flags == {"(\\Seen)" if reply else "(\\Seen Rechnung)"}, flags
        assert reply is None or "without its keywords" in run.of(20)["reason"], run.of(20)
        store.close()
        # Refused with the message in hand, for certain.
        store = Store(capabilities=WAYS[way])
        store.fail("no", match=b"delivery00000001", text="[CANNOT] Invalid characters in keyword")
        run = Run(store, flags="\\Seen Rechnung", window=1, batch=1, **QUICK)
        settled(store, run)
        assert any("without its keywords" in r["reason"] for r in run.rows), run.of(1)
        store.close()
    each(WAYS, one, (None,), ("BAD Invalid keyword",), ("NO keyword is not allowed",), ("NO [CANNOT] bad keyword",), ("NO [LIMIT] too many",))


case("row 22: keywords that the store refuses; flags that may never be sent", keywords)


def too_long():
    # A store that takes LITERAL+ for granted, but not a literal so long: NO and BYE, as the RFC lets it. It asks from then on.
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.fail("no-mid-literal", at=2, text="[TOOBIG] literal too long", after=0)
        run = Run(store, size=9000, **QUICK)
        found = identities(store)
        assert all(n == 1 for n in found.values()) and not store.violations, (found, store.violations)
        assert set(run.states()) <= {"done", "quarantined"} and run.states()["done"] >= 19, run.states()
        store.close()
    each(STREAMS, one)


case("row 23: LITERAL- asks above 4,096 octets; a literal that is refused on its way stops no other mail", too_long)

# ---- several messages in a command ----
case("row 33: killed in mid-commit: the front of a batch is stored", fails("drop-after-literal", BATCHES, keep="prefix"))
case("row 33: killed in mid-commit: some of a batch are stored", fails("drop-after-literal", BATCHES, keep="subset"))
case("row 33: NO to a batch, and its front is stored", fails("no", BATCHES, keep="prefix"))
case("row 33: NO to a batch, and some of it are stored", fails("no", BATCHES, keep="subset"))
case("row 33: NO to a batch, some of it are stored, and STATUS does not know it yet",
     fails("no", BATCHES, keep="subset", store_options={"frozen": True}))
case("row 33: BAD to a batch, and some of it are stored", fails("bad", BATCHES, keep="subset"))
case("row 33: the end within a batch of a store that keeps each message at once",
     fails("drop-mid-literal", BATCHES, store_options={"atomic": False}))
case("row 33: NO to a batch of a store that keeps each message at once", fails("no", BATCHES, store_options={"atomic": False}))
case("row 33: NO at a message's head, in the middle of a batch", fails("no-early", BATCHES, text="Unexpected exception"))

# ---- bodies taken for commands ----
case("row 34: BAD, nothing stored", fails("bad"))
case("row 34: BAD, though it stored", fails("bad", stored=True))
case("row 34: BAD to a literal that is on its way", fails("bad-before-literal", STREAMS))
case("row 34: the same, and the message forges commands and answers", fails("bad-before-literal", STREAMS, options={"forged": "yes"}))
case("row 34: a BAD to the very first message", fails("bad-before-literal", STREAMS, at=1, options={"forged": "yes"}))

# ---- late commits ----
for event in ("accept", "login", "examine", "fetch", "check"):
    case("row 35: stored after the connection died, behind the next %s" % event.upper(), fails("late-commit", late=event))
case("row 35: some of a batch, behind the first look", fails("late-commit", BATCHES, keep="subset", late="fetch"))
case("row 35: half a message was sent, and those before it are stored behind the first look",
     fails("drop-mid-literal", BATCHES, keep="all", late="fetch"))


def late():
    # By the clock: the store commits when it has been looked for already, and long before the settle time ends.
    store = Store()
    store.fail("late-commit", at=7, seconds=2.5)
    run = Run(store, settle=10000)
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


# ---- one message to blame ----
def poison():
    def one(way, kind, text):
        store = Store(capabilities=WAYS[way])
        store.fail(kind, match=b"delivery00000004", times=100000, text=text)
        run = Run(store, seconds=100, **QUICK)
        settled(store, run, quarantined=1)
        assert run.of(4)["state"] == "quarantined", run.of(4)
        store.close()
    each(WAYS, one, ("drop-after-literal", ""), ("drop-mid-literal", ""), ("no", "I do not like it"), ("bad", "what?"),
         ("no", "[UNAVAILABLE] try later"), ("no", "Suggested Backoff Time: 50 milliseconds"))


case("row 37: a message on which the store hangs up, or that it refuses each time", poison)


# ---- looks ----
def looks():
    def one(partial, repeat, tell):
        store = Store()
        store.partial, store.repeat, store.tell_uidnext = partial, repeat, tell
        store.fail("store-then-drop", at=3)
        if partial:  # a header that nobody should have to read whole
            store.folders["INBOX"].add("()", "", b"Received: from x\r\n" * 20000 + b"\r\n")
            threading.Timer(0.1, lambda: store.folders["INBOX"].add("()", "", b"Received: from x\r\n" * 20000 + b"\r\n")).start()
        settled(store, Run(store, size=20000))
        store.close()
    together([lambda p=p, r=r, t=t: one(p, r, t) for p in (True, False) for r in (1, 2) for t in (True, False)])


case("row 19: looks read the front of large headers, into folders that list twice and tell no UIDNEXT", looks)


def large():
    def one(way):
        store = Store(capabilities=WAYS[way])
        run = Run(store, messages=4, size=3000000)
        settled(store, run, messages=4)
        sizes = {len(o) for o in store.octets()}
        assert min(sizes) > 3000000, sizes
        store.close()
    each(WAYS, one)


case("large messages ask before they are sent", large)

tap.done()
