"""
What a store, or its user, may do to the folder that a delivery is for: missing,
refused, closed, renumbered, moved between send and look. A row makes a store in
memory do it, and counts as store_faults.py does; folders.py has the names.
"""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.run import Run  # noqa: E402
from peers.ways import QUICK, WAYS, each, identities, settled  # noqa: E402

tap = Tap(600)


def case(words, row):
    with tap.case(words):
        row()


# ---- which folder ----
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


def exists():
    # Somebody else makes it at the same moment: CREATE is refused, and the folder is there.
    store = Store()

    def made_by_another(session, tag, rest):
        store.create("New")
        session.say(tag + " NO [ALREADYEXISTS] it is there")
    plain = store.session_class

    class Busy(plain):
        def do_create(self, tag, rest):
            made_by_another(self, tag, rest)
    store.session_class = Busy
    run = Run(store, folder="New", create="yes")
    settled(store, run, "New")
    assert store.commands.count("CREATE") == 1


case("row 15: [ALREADYEXISTS] on CREATE is success", exists)


def vanishes():
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.create("Work")
        store.fail("no", at=5, text="[TRYCREATE] gone")
        run = Run(store, folder="Work", create="yes", **QUICK)
        settled(store, run, "Work")
        store.close()
    each(WAYS, one)


case("row 14: [TRYCREATE] between STATUS and APPEND", vanishes)


def taken_away():
    def one(way, create):
        # Really gone, before any byte of a message was sent: made anew once, or INBOX.
        store = Store(capabilities=WAYS[way])
        store.create("Work")
        original = store.take_fault

        def take(number, octets):
            if octets is None and number == 8:
                with store.lock:
                    store.folders.pop("Work", None)
            return original(number, octets)
        store.take_fault = take
        run = Run(store, folder="Work", **QUICK, **({"create": "yes"} if create else {}))
        found = identities(store)
        assert all(n == 1 for n in found.values()), found
        waiting = [r for r in run.rows if r["state"] == "parked"]
        gone = {r["id"] for r in run.rows if r["state"] == "done" and r["id"] not in found}
        assert {r["state"] for r in run.rows} <= {"done", "parked"}, run.states()
        # What went with the folder was in it. A batch in which it went is a doubt.
        assert len(gone) <= 7 and len(waiting) <= 13 and store.commands.count("CREATE") <= 1, (gone, run.states())
        assert all("queue retry" in r["reason"] for r in waiting), waiting[:1]
        store.close()
    each(WAYS, one, (True,), (False,))


case("row 14: the folder is deleted while mail for it is sent", taken_away)


def read_only():
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.create("Shared").read_only = True
        run = Run(store, folder="Shared", **QUICK)
        settled(store, run, "INBOX")
        store.close()
        store = Store(capabilities=WAYS[way])
        store.folders["INBOX"].read_only = True
        run = Run(store, holds=2)
        assert run.states() == {"queued": 20} and run.account["holds"] > 0 and "INBOX" in run.account["reason"], run.account
        store.close()
    each(WAYS, one)


case("row 18: folders that take no mail: INBOX instead; INBOX itself: the account waits", read_only)


# ---- numbers ----
def lying_next():
    # STATUS tells no UIDNEXT: no floor, so nothing may be sent.
    store = Store()
    store.status_reply = "OK done"
    run = Run(store, seconds=2)
    assert run.states() == {"queued": 20} and store.appends == 0, run.states()


case("row 19: no UIDNEXT, no floor, no APPEND", lying_next)


def stale():
    def one(way, kind, keep, frozen):
        store = Store(capabilities=WAYS[way])
        store.stale, store.frozen = (0, True) if frozen else (3, False)
        store.repeat = 2
        for i in range(5):
            store.folders["INBOX"].add("()", "", b"Received: by old.example id old%d\r\n\r\n" % i)
        store.fail(kind, at=7, keep=keep)
        settled(store, Run(store, **QUICK))
        store.close()
    each(WAYS, one, *[(kind, keep, frozen) for kind in ("drop-after-literal", "no", "bad") for keep in ("none", "all", "subset")
                      for frozen in (False, True)])


case("row 19: a stale UIDNEXT, and UIDs that are listed twice", stale)


def renumbered():
    def one(way, kind, blind):
        # All is there, but under another UIDVALIDITY: nothing may be sent again without a person, unless it is seen.
        store = Store(capabilities=WAYS[way])
        store.blind = blind
        store.fail(kind, match=b"delivery00000007")

        def stored():
            if b"delivery00000007" in b"".join(store.octets()):
                store.folders["INBOX"].uidvalidity = 7777
        store.on_stored = stored
        run = Run(store, **QUICK)
        settled(store, run, parked=run.states().get("parked", 0))
        if kind == "store-then-drop":
            assert run.of(7)["state"] == "done", run.of(7)
        store.close()
    each(WAYS, one, ("store-then-drop", False), ("store-then-drop", True))


case("row 19: another UIDVALIDITY between send and look", renumbered)


def no_fetch():
    store = Store()
    store.fetch_reply = "NO not now"
    store.fail("drop-after-literal", at=7)
    run = Run(store, seconds=10)
    assert run.states().get("in-doubt", 0) >= 1 and "parked" not in run.states(), run.states()
    assert max(identities(store).values()) == 1


case("row 19: a folder that can't be read proves nothing", no_fetch)


def mad_fetch():
    store = Store()
    store.fetch_reply = "PERHAPS"
    store.fail("drop-after-literal", match=b"delivery00000003")
    run = Run(store, messages=25, window=1, seconds=20)
    assert run.states() == {"done": 24, "in-doubt": 1}, "%s\n%s" % (run.states(), run.log[-2000:])
    assert "could not be looked for" in run.of(3)["reason"], run.of(3)


case("row 6: a look whose answer makes no sense does not stop other mail", mad_fetch)


# ---- the user ----
def moved(change, want, elsewhere=None, note="", blind=False):
    """The store keeps message 7 and hangs up; before anybody looks, CHANGE happens to its folder."""
    def one(way):
        store = Store(capabilities=WAYS[way])
        store.blind = blind
        store.create("Work")
        store.create("Archive")
        changed = []

        def stored():
            if not changed and b"delivery00000007" in b"".join(store.octets("Work")):
                changed.append(True)
                change(store)
        store.on_stored = stored
        store.fail("store-then-drop", match=b"delivery00000007")
        run = Run(store, folder="Work", window=1, batch=1, **QUICK)
        assert changed and run.of(7)["state"] == want, "%s\n%s" % (run.of(7), run.log[-2000:])
        if elsewhere:
            assert run.of(7)["folder"] == elsewhere, run.of(7)
        assert note in run.of(7)["reason"], run.of(7)
        found = identities(store)
        assert all(n == 1 for n in found.values()), found
        others = [r for r in run.rows if r["id"] != run.of(7)["id"]]
        assert all(r["state"] == "done" and r["id"] in found for r in others), run.states()
        assert "CREATE" not in store.commands
        store.close()
    return lambda: each(WAYS, one)


def move(store):
    work, archive = store.folders["Work"], store.folders["Archive"]
    for uid in list(work.messages):
        archive.add(*work.messages.pop(uid))


def rename(store):
    store.folders["Old work"] = store.folders.pop("Work")
    store.create("Work")


def delete(store):
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
    # Bytes of message 7 were sent once; when it is to be sent again its folder is gone: that is a doubt, not a CREATE. What was
    # in flight behind it may share its fate, though no byte of it was sent.
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
    assert set(run.states()) == {"done", "parked"} and run.states()["done"] >= 6, run.states()
    assert all(n == 1 for n in identities(store).values())


case("row 36: its folder goes between two attempts", vanishes_for_a_resend)


def merged():
    # The store keeps one of several messages with the same Message-ID. All are done; a look that finds none sends it again,
    # which the store merges once more.
    def one(way, kind):
        store = Store(capabilities=WAYS[way])
        store.merge = True
        if kind:
            store.fail(kind, match=b"delivery00000004")
        run = Run(store, one_id="yes", **QUICK)
        assert run.states() == {"done": 20}, (run.states(), run.log[-1500:])
        assert len(store.octets()) == 1, len(store.octets())
        store.close()
    each(WAYS, one, (None,), ("store-then-drop",), ("drop-after-literal",))


case("row 38: a store that merges messages with equal Message-ID", merged)

tap.done()
