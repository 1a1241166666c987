"""
Which folder a rule's name means: on a store in memory that names, hides,
refuses and makes folders in all the ways that stores have.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.mailbox import mutf7_encode  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.run import Run  # noqa: E402

tap = Tap(300)
PLAIN = Store.capabilities
USES = PLAIN + " SPECIAL-USE LIST-EXTENDED"
MAKES = USES + " CREATE-SPECIAL-USE"


def store_with(folders=(), capabilities=PLAIN, **options):
    """FOLDERS: names (UTF-8), or pairs of a name and its uses."""
    store = Store(capabilities=capabilities, **{k: options.pop(k) for k in ("separator", "prefix") if k in options})
    for folder in folders:
        name, uses = folder if isinstance(folder, tuple) else (folder, [])
        store.create(mutf7_encode(name)).uses = list(uses)
    for key, value in options.items():
        assert hasattr(store, key), key
        setattr(store, key, value)
    return store


def run_on(store, **options):
    return Run(store, seconds=100, timeout=60000, **options)  # machines are slow


def filed(store, wanted, folder, note="", messages=3, people=None, **options):
    """FOLDER of the rules is WANTED (on the wire) on STORE: all there, once, and the record says so."""
    run = run_on(store, messages=messages, folder=folder, **options)
    count = {n: len(f.messages) for n, f in store.folders.items() if f.messages}
    assert count == {wanted: messages}, "%s: %s\n%s\n%s" % (folder, count, run.rows[:1], run.log[-2000:])
    assert run.states() == {"done": messages}, run.states()
    if people is not None:
        assert run.of(1)["folder"] == people, run.of(1)
    assert note in run.of(1)["reason"] or note in run.log, "%r\n%s" % (run.of(1), run.log[-1500:])
    assert not store.violations, store.violations
    store.close()
    return run


with tap.case("a rule names a folder by its use: the store tells it in LIST, if asked or by itself"):
    for options in ({"capabilities": USES}, {"plain_uses": True}, {"capabilities": USES, "plain_uses": True}):
        filed(store_with(["Junk", ("Werbemüll", ["\\Junk"]), "Spam"], **options), "Werbem&APw-ll", "\\Junk",
              "on this store \\Junk is Werbemüll", people="Werbemüll")
    # Announced, and refused: the plain LIST will do.
    filed(store_with([("Bin", ["\\Trash"])], capabilities=PLAIN + " SPECIAL-USE", plain_uses=True), "Bin", "\\TRASH")
    # As Gmail has it, with names of older extensions.
    gmail = [("[Gmail]/All Mail", ["\\All"]), ("[Gmail]/Spam", ["\\Junk"]), ("[Gmail]/Starred", ["\\Flagged"])]
    for use, name in (("\\All", "[Gmail]/All Mail"), ("\\Junk:Spam", "[Gmail]/Spam"), ("\\flagged", "[Gmail]/Starred")):
        filed(store_with(gmail, capabilities=USES), name, use)
    filed(store_with([("Mist", ["\\Spam"])], plain_uses=True), "Mist", "\\Junk")

with tap.case("what is another's, or all people's, is for no use of ours (RFC 8579, 4 and 7)"):
    for reply, theirs, ours in (('(("" "/")) NIL (("All/" "/"))', "All/Bin", "Spam"),
                                ('(("" "/")) (("Users/" "/")) NIL', "Users/ben/Bin", "Spam"),
                                ('(("INBOX/" "/")) NIL (("" "/"))', "Bin", "INBOX/Spam"),
                                ('(("" "/")("Zoo/" "/")) NIL NIL', "B", "Zoo/Spam")):
        for folders in ([(theirs, ["\\Junk"] if theirs != "B" else []), (ours, ["\\Junk"])],
                        [(theirs.replace("Bin", "Junk"), []), (ours, ["\\Junk"])]):
            filed(store_with(folders, capabilities=USES, namespace_reply=reply), ours, "\\Junk", people=ours.replace("INBOX/", ""))
    filed(store_with(["All/Spam"], namespace_reply='(("" "/")) NIL (("All/" "/"))'), "INBOX", "\\Junk", "no folder for \\Junk")
    filed(store_with([("All/Bin", ["\\Junk"])], capabilities=USES, namespace_reply='(("" "/")) NIL (("All/" "/"))'), "INBOX",
          "\\Junk", "no folder for \\Junk")

with tap.case("what has no attribute is known by its name, in several languages"):
    for names, use, wanted in ((["Spam"], "\\Junk", "Spam"), (["Gesendete Elemente"], "\\Sent", "Gesendete Elemente"),
                               (["Éléments supprimés"], "\\Trash", mutf7_encode("Éléments supprimés")),
                               (["x/y/Archiv", "Ablage/Archiv", "archive"], "\\Archive", "archive"),
                               (["x/y/Archiv", "Ablage/Archiv"], "\\Archive", "Ablage/Archiv"),
                               (["草稿"], "\\Drafts", mutf7_encode("草稿"))):
        filed(store_with(names), wanted, use)
    filed(store_with(["INBOX.Spam"], separator=".", prefix="INBOX."), "INBOX.Spam", "\\Junk", people="Spam")
    # Called so, but something else by attribute; and it can't be made.
    filed(store_with([("Spam", ["\\Archive"])], capabilities=USES), "INBOX", "\\Junk", "no folder for \\Junk")

with tap.case("the name behind the colon comes before a guess, and after the attribute"):
    filed(store_with(["Junk", "Quarantine"]), "Quarantine", "\\Junk:quarantine")
    filed(store_with([("Junk", ["\\Junk"]), "Quarantine"], capabilities=USES), "Junk", "\\Junk:Quarantine")
    # Of several the one that is named (RFC 8579, 4).
    filed(store_with([("Junk", ["\\Junk"]), ("Quarantine", ["\\Junk"])], capabilities=USES), "Quarantine", "\\Junk:Quarantine")
    filed(store_with([("Junk", ["\\Junk"]), ("Quarantine", ["\\Sent"])], capabilities=USES), "Junk", "\\Junk:Quarantine")
    filed(store_with(["Spam"]), "Spam", "\\Junk:Quarantine")
    filed(store_with(), "INBOX", "\\Junk:Quarantine", "may not be made")

with tap.case("a folder for a use is made, and the store is told what it is for"):
    store = store_with(capabilities=MAKES)
    filed(store, "Junk", "\\Junk", create="yes")
    assert store.folders["Junk"].uses == ["\\Junk"] and store.subscribed == {"Junk"}
    store = store_with(capabilities=MAKES)
    filed(store, "Werbem&APw-ll/neu", "\\Junk:Werbemüll/neu", create_folders="yes", people="Werbemüll/neu")
    assert store.folders["Werbem&APw-ll/neu"].uses == ["\\Junk"]
    for reply in ("NO [USEATTR] not for you", "BAD what?"):
        store = store_with(capabilities=MAKES, use_reply=reply)
        filed(store, "Archive", "\\Archive", create="yes")
        assert store.folders["Archive"].uses == []
    store = store_with()
    filed(store, "Trash", "\\Trash", create="yes")
    assert store.commands.count("CREATE") == 1

with tap.case("only the store makes \\All and the like; without leave nothing is made"):
    for use in ("\\All", "\\Flagged", "\\Important"):
        store = store_with(capabilities=MAKES)
        filed(store, "INBOX", use, "only itself can make one", create="yes")
        assert "CREATE" not in store.commands
    store = store_with(capabilities=MAKES)
    filed(store, "INBOX", "\\Junk", "none may be made")
    assert "CREATE" not in store.commands

with tap.case("names that differ in case only: the one that is there; both: the exact one"):
    for fold in (False, True):
        filed(store_with(["Invoices"], fold=fold), "Invoices", "invoices", "on this store invoices is Invoices",
              people="Invoices", create="yes")
    filed(store_with(["Invoices", "invoices"]), "invoices", "invoices", people="invoices")
    filed(store_with(["GRÜN/Äpfel"]), mutf7_encode("GRÜN/Äpfel"), "grün/äpfel", people="GRÜN/Äpfel")
    # New folders stand where the old ones are.
    store = store_with(["Work", "Work/2026"])
    filed(store, "Work/2026/May", "work/2026/May", people="Work/2026/May", create="yes")
    assert store.commands.count("CREATE") == 1
    # A store that cuts blanks off: what it made is found the next time.
    filed(store_with(strip_blanks=True), "New/Folder", "New / Folder ", people="New/Folder", create="yes", retry=20)
    filed(store_with(["New"]), "New", "New ", people="New")
    # A name that only holds others can be made a folder.
    store = store_with(["Work"])
    store.folders["Work"].noselect = True
    store.create_reply = lambda name: "OK" if name == "Work" and setattr(store.folders["Work"], "noselect", False) is None else None
    filed(store, "Work", "work", create="yes")

with tap.case("a store that wants the folders above a new one first gets them"):
    for separator, prefix in (("/", ""), (".", "INBOX."), ("\\", "")):
        store = store_with(separator=separator, prefix=prefix, demand_parents=True)
        filed(store, prefix + separator.join("ABC"), "A/B/C", create="yes", people="A/B/C")
        assert store.commands.count("CREATE") == 4, store.commands
    store = store_with(["A"], demand_parents=True)
    store.folders["A"].nonexistent = True
    filed(store, "A/B", "A/B", create="yes")

with tap.case("row 18: names that the store refuses are INBOX, with the store's words"):
    for reply in ("NO [CANNOT] reserved", "NO too long", "NO [NOPERM] not there", "NO [LIMIT] so many folders and no more",
                  "BAD bad name", "NO [ALREADYEXISTS] it is there"):
        filed(store_with(create_reply=reply), "INBOX", "New", reply.split(" ", 1)[1].split("]")[-1].strip()
              if "ALREADY" not in reply else "INBOX instead", create="yes", retry=20)
    store = store_with(["Full"])
    store.folders["Full"].noinferiors = True
    filed(store, "INBOX", "Full/x", "Full can't hold other folders", create="yes")
    assert "CREATE" not in store.commands
    # A parent that is refused: so is what was to be below it.
    store = store_with(demand_parents=True, create_reply=lambda name: "NO [NOPERM] no" if name == "A" else None)
    filed(store, "INBOX", "A/B", create="yes")

with tap.case("row 16: namespaces and separators of all kinds"):
    for reply, separator, folder, wanted, people in (
            ('(("" "/")("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL (("#news." "."))', "/", "a/b", "a/b", "a/b"),
            ('(("" "/")("#mh/" "/")) NIL NIL', "/", "#mh/a", "#mh/a", "#mh/a"),
            ('(("" "/")) NIL (("#news." "."))', "/", "#news/a/b", "#news.a.b", "#news/a/b"),
            ('(("Team." ".")("INBOX." ".")("Old." ".")) NIL NIL', ".", "a", "INBOX.a", "a"),
            ('(("Team." ".")("INBOX." ".")("Old." ".")) NIL NIL', ".", "Team/a", "Team.a", "Team/a"),
            ('(("Team/" "/")("" "/")) NIL NIL', "/", "a", "a", "a"),
            ('(("Team/" "/")("Old/" "/")) NIL NIL', "/", "a", "Team/a", "a"),
            ('NIL NIL (("" "."))', ".", "a/b", "a.b", "a/b"),
            ("NIL NIL NIL", ".", "a/b", "a.b", "a/b"),
            ('(("INBOX." ".")) NIL NIL', ".", "a", "INBOX.a", "a"),
            ('(("" NIL)) NIL NIL', None, "a/b", "a/b", "a/b"),
            ('(("mail/" "/")) (("~" "/")) NIL', "/", "a", "mail/a", "a"),
            ('(("mail/" "/")) (("~" "/")) NIL', "/", "~fred/a", "~fred/a", "~fred/a"),
            # Hostile or broken: as if nothing had been said.
            ("((", "/", "a/b", "a/b", "a/b"),
            ('(("*" "/")) NIL NIL', "/", "a/b", "a/b", "a/b"),
            ('(("%s" "/")) NIL NIL' % ("x" * 3000), "/", "a/b", "a/b", "a/b"),
            ('(("" "&")) NIL NIL', "/", "a/b", "a/b", "a/b")):
        filed(store_with(namespace_reply=reply, separator=separator), wanted, folder, people=people, create="yes")

with tap.case("lists with what newer standards added, and names that look like something else"):
    for tail in (' ("OLDNAME" ("x"))', ' ("CHILDINFO" ("SUBSCRIBED"))'):
        filed(store_with(["Work"], list_tail=tail), "Work", "work")
    for name in ("UID 99999999999", "Guid 20261126123000", "UIDNEXT 4294967296", "((((((((((((((((((((", 'a "b" \\c'):
        filed(store_with([name]), name, name, people=name)

with tap.case("a store with more folders than anybody has"):
    store = store_with()
    for i in range(30000):
        store.create("folder %05d %s" % (i, "x" * 100))
    store.create("zzz")
    filed(store, "zzz", "zzz")

UTF8 = PLAIN + " ENABLE UTF8=ACCEPT"
with tap.case("row 17: names in UTF-8 where the store offers it, else in modified UTF-7"):
    for capabilities in (PLAIN, UTF8, PLAIN + " ENABLE UTF8=ONLY", PLAIN + " UTF8=ACCEPT"):
        for name in ("Grün & Blau", "Tom & Jerry", "台北/日本語", "&APw-"):
            filed(store_with(capabilities=capabilities), mutf7_encode(name), name, people=name, create="yes")
            filed(store_with([name.upper()], capabilities=capabilities), mutf7_encode(name.upper()), name,
                  people=name.upper())
        store = store_with(["Müll"], capabilities=capabilities)
        filed(store, mutf7_encode("Müll"), "müll")
        assert ("ENABLE" in store.commands) == ("ENABLE" in capabilities), store.commands
    filed(store_with(capabilities=UTF8, separator=".", prefix="Gr&APw-n."), "Gr&APw-n.B&APY-se", "Böse", people="Böse",
          create="yes")

with tap.case("row 17: a delivery in doubt is found by a session that writes names the other way"):
    for before, after in ((PLAIN, UTF8), (UTF8, PLAIN)):
        store = store_with(["Grün & Blau"], capabilities=before)
        original = store.take_fault

        def take(number, octets, store=store, original=original, after=after):
            found = original(number, octets)
            if found is not None and octets is not None:
                store.capabilities = after
            return found
        store.take_fault = take
        store.fail("store-then-drop", match=b"delivery00000003")
        run = filed(store, mutf7_encode("Grün & Blau"), "Grün & Blau", people="Grün & Blau", messages=5)
        assert store.logins >= 2 and "doubled" not in run.log

with tap.case("row 14: CREATE never takes a name in which a delivery in doubt may lie"):
    # Message 2 gets a NO that says nothing; at that moment somebody renames the folder, and message 3 finds none.
    store = store_with(["Work"])
    original = store.take_fault

    def gone(number, octets, store=store, original=original):
        found = original(number, octets)
        if found is not None and octets is not None:
            with store.lock:
                store.folders["Old work"] = store.folders.pop("Work")
        return found
    store.take_fault = gone
    store.fail("no", match=b"delivery00000002", text="Unexpected exception")
    run = run_on(store, folder="Work", create="yes", messages=4)
    assert run.states() == {"done": 3, "parked": 1} and run.of(2)["state"] == "parked", run.rows
    assert {n: len(f.messages) for n, f in store.folders.items()} == {"INBOX": 2, "Old work": 1}
    assert "CREATE" not in store.commands and "where other mail went" in run.of(3)["reason"], run.rows
    store.close()

tap.done()
