"""What an operator can see of waiting mail, and do to it."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
# The store is down at first, and stays so until the end of the waiting is tested. Nothing is tried again by itself meanwhile.
office = Office(tap, "queue", config={"accounts": {"office": {"retry_min": "1h", "retry_max": "1h"}}})
ferry, store = office.ferry, office.store
names = ("one", "two", "three")


def ident(name):
    return "<%s@example.org>" % name


def row_of(name):
    """The queue's row of a message; whatever its keys are called, the subject stands in it."""
    rows = [r for r in ferry.queue() if "Subject " + name in json.dumps(r)]
    assert len(rows) <= 1, rows
    return rows[0] if rows else None


def key_of(name):
    return str(row_of(name)["id"])


def state_of(name):
    row = row_of(name)
    return row and row["state"]


def trace(word):
    return ferry.command("trace", word, check=True).stdout


with tap.case("mail waits while the store is away, and says why"):
    ferry.start()
    c = Client(ferry.smtp)
    c.hello()
    for n in names:
        c.deliver(Item(ident(n), [address("scans")], message(ident(n), subject="Subject " + n)))
    c.quit()
    rows = ferry.queue()
    assert len(rows) == 3, rows
    # Behind the first try there is a second one soon.
    wait_for("a reason in the queue", lambda: re.search("localhost.*; next try in [0-9]+m", ferry.command("queue").stdout))

with tap.case("status says what waits and why, for people, programs and monitors"):
    text = ferry.command("status", check=True).stdout
    assert "office" in text and "held" in text and "localhost" in text, text
    row = ferry.rows("status")[0]
    assert row["account"] == "office" and row["state"] == "held" and not row["person"], row
    assert sum(row["deliveries"].values()) == 3 and row["oldest"] and row["last_filed"] is None, row
    p = ferry.command("status", "--check")
    assert p.returncode == 1 and p.stdout.startswith("MAILFERRY WARNING - 1 of 1 accounts held"), (p.returncode, p.stdout)
    assert len(p.stdout.splitlines()) == 1 and "| waiting=3 " in p.stdout and p.stdout.count("|") == 1, p.stdout
    p = ferry.command("status", "--check", "--frobnicate")
    assert p.returncode == 3, (p.returncode, p.stderr)

with tap.case("the plain list has a line for each message, and the reason"):
    text = ferry.command("queue", "list", check=True).stdout
    for n in names:
        assert "Subject " + n in text or key_of(n) in text, text
    # But for the ages, the time of the next try, and how wide these are.
    lists = [re.sub(" +", " ", re.sub(r"next try in [0-9]+[smh]|it is tried now|\b[0-9]+[smh]\b", "#", t))
             for t in (text, ferry.command("queue", check=True).stdout)]
    assert lists[0] == lists[1], "`queue' alone should list\n" + "\n".join(lists)

with tap.case("show tells all about one"):
    text = ferry.command("queue", "show", key_of("one"), check=True).stdout
    for word in ("sender@example.org", address("scans"), "Scans", ident("one").strip("<>"), "Subject one"):
        assert word in text, "%s is missing in:\n%s" % (word, text)
    shown = ferry.command("queue", "show", key_of("one"), "--json", check=True).stdout
    assert ident("one").strip("<>") in json.dumps(json.loads(shown)), shown

with tap.case("hold and delete say what they did; delete wants to be sure"):
    # Its store may be at work on it just then.
    wait_for("one to be held", lambda: "held" in ferry.command("queue", "hold", key_of("one")).stdout, 60)
    assert state_of("one") == "held", row_of("one")
    gone = key_of("two")
    p = ferry.command("queue", "delete", gone)
    assert p.returncode != 0 and "--yes" in p.stderr and row_of("two"), (p.returncode, p.stderr)
    wait_for("two to be deleted", lambda: ferry.command("queue", "delete", "--yes", gone).returncode == 0, 60)
    assert row_of("two") is None, row_of("two")

with tap.case("an id that is not there is an error that names it"):
    for verb in ("show", "hold", "release", "retry", "delete"):
        p = ferry.command("queue", verb, "nosuchid", *["--yes"] * (verb == "delete"))
        assert p.returncode != 0 and "nosuchid" in p.stderr, (verb, p.returncode, p.stdout, p.stderr)

with tap.case("a verb that is not there is a usage error"):
    p = ferry.command("queue", "frobnicate")
    assert p.returncode == 64 and "frobnicate" in p.stderr, (p.returncode, p.stderr)

with tap.case("when the store is back, `retry' brings mail there now; the held one stays, the deleted one is gone"):
    store.start()
    ferry.command("queue", "retry", "--account", "office")  # it tells of the one that is held
    # Not by looking into the store: a folder that two open at once for the first time may tell one of them no UIDVALIDITY.
    wait_for("the third message", lambda: row_of("three") is None)
    assert [m.id for m in store.messages()["Scans"]] == [ident("three")]
    assert state_of("one") == "held", row_of("one")

with tap.case("trace knows them all, by message id, address and subject"):
    for word in (ident("three"), "three@example.org", "Subject three"):
        text = trace(word)
        assert "Scans" in text, "%s:\n%s" % (word, text)
    assert "held" in trace(ident("one")), trace(ident("one"))
    assert "deleted" in trace(ident("two")), trace(ident("two"))
    history = ferry.rows("trace", ident("one"))[0]["deliveries"][0]["history"]
    assert [h["state"] for h in history if "(queue hold)" in h["what"]][-1:] == ["held"], history
    assert "a person dropped it (queue delete)" in trace(ident("two")), trace(ident("two"))
    text = trace(address("scans"))
    for n in names:
        assert ident(n).strip("<>") in text or "Subject " + n in text, text
    rows = ferry.rows("trace", ident("three"))
    assert len(rows) == 1 and "Scans" in json.dumps(rows), rows

with tap.case("a trace that finds nothing says so"):
    p = ferry.command("trace", "nowhere@example.org")
    assert p.returncode != 0 and "nowhere@example.org" in p.stdout + p.stderr, (p.returncode, p.stdout, p.stderr)

with tap.case("a released message goes its way"):
    ferry.command("queue", "release", key_of("one"), check=True)
    ferry.drained()
    assert sorted(m.id for m in store.messages()["Scans"]) == sorted([ident("one"), ident("three")])

with tap.case("an empty queue is no error"):
    p = ferry.command("queue", "list")
    assert p.returncode == 0, p.stderr
    assert ferry.queue() == []

with tap.case("status says that all is well, and when mail was filed last"):
    # That the account is fine again is recorded behind what was filed.
    row = wait_for("the account to be fine", lambda: [r for r in ferry.rows("status") if r["state"] == "fine"])[0]
    assert row["last_filed"] and row["oldest"] is None, row
    p = ferry.command("status", "--check")
    assert p.returncode == 0 and p.stdout.startswith("MAILFERRY OK - 0 of 1 accounts held"), (p.returncode, p.stdout)

with tap.case("control characters of a sender do not reach the terminal"):
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item("<esc@example.org>", [address("scans")],
                   message("<esc@example.org>", subject="bell \x07 and \x1b[31mred")))
    c.quit()
    ferry.drained()
    text = trace("<esc@example.org>")
    assert "\x1b" not in text and "\x07" not in text, repr(text)

with tap.case("when the daemon is not running, the commands say so"):
    assert ferry.stop() == 0
    p = ferry.command("queue", "list")
    assert p.returncode != 0 and "running" in p.stderr, (p.returncode, p.stderr)
    p = ferry.command("status", "--check")
    assert p.returncode == 2 and p.stdout.startswith("MAILFERRY CRITICAL"), (p.returncode, p.stdout, p.stderr)

store.stop()
tap.done()
