"""A backup of the spool is put back where mail was fetched: what it remembers is not fetched again and not filed twice; what
it has forgotten is fetched again, rather than lost, and status says so."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import answers, wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "fetch-restored", "", dovecot={"users": {"office": "s3cret", "old": "s3cret"}})
area, store, ferry = office.area, office.store, office.ferry
spool, backup = ferry.path("spool"), ferry.path("backup")
pop = Pop(password="s3cret")
keep = [message("<keep.%d@example.org>" % i, subject="keep %d" % i) for i in range(5)]


def source(protocol, port, **more):
    return dict({"protocol": protocol, "host": "localhost", "tls": "none", "port": port, "user": "old",
                 "password_file": "office.password", "account": "office", "to": "office@office.example"}, **more)


def put(*subjects):
    m = store.connect("old")
    for s in subjects:
        m.append("INBOX", None, None, message("<%s@example.org>" % s, subject=s))
    m.logout()


def copies():
    """Message-ID → how often it is in the account."""
    found = {}
    for messages in store.messages("office").values():
        for m in messages:
            found[m.id[1:-len("@example.org>")]] = found.get(m.id[1:-len("@example.org>")], 0) + 1
    return found


def row(name):
    return {r["source"]: r for r in ferry.rows("status") if "source" in r}[name]


ferry.save(sources={"kept": source("pop3", pop.port), "drained": source("imap", store.port, delete="after-delivery")})

with tap.case("mail is fetched and the account can't take all of it: then a backup is made"):
    store.start()
    put("early")
    pop.add(keep[0], "one")
    pop.add(keep[1], "two")
    ferry.start()
    ferry.command("sync", check=True)
    ferry.command("sync", check=True)
    assert copies() == {"early": 1, "keep.0": 1, "keep.1": 1}, copies()
    assert store.count("old") == {"INBOX": 0}, store.count("old")
    # The account is left alone, so that mail waits.
    put("waits")
    ferry.save(accounts={"office": {"password_file": "wrong.password"}})
    ferry.write("wrong.password", "wrong\n", 0o600)
    assert ferry.stop() == 0
    ferry.start()
    ferry.command("sync", "drained")
    assert len(ferry.queue()) == 1, ferry.queue()
    assert store.count("old") == {"INBOX": 1}, "the original went before its delivery"
    assert ferry.stop() == 0
    area.run(["cp", "-a", spool, backup], unprivileged=False)

with tap.case("it is filed, and more is fetched, before the spool is lost"):
    ferry.save(accounts={"office": {"password_file": "office.password"}})
    pop.add(keep[2], "three")
    put("late")
    ferry.start()
    ferry.insist("retry", "--all")
    ferry.command("sync", check=True)
    ferry.drained()
    assert copies() == {"early": 1, "waits": 1, "late": 1, "keep.0": 1, "keep.1": 1, "keep.2": 1}, copies()
    ferry.kill()

with tap.case("the backup remembers: nothing that it knows is fetched or filed again"):
    shutil.rmtree(spool)
    os.rename(backup, spool)
    ferry.process = area.start([os.path.join(area.bin, "mailferry"), "run", "--restored", "-c", ferry.file],
                               log=ferry.log, env=ferry.env)
    wait_for("mailferry to greet", lambda: answers(ferry.smtp))
    assert row("kept")["restored"] and row("drained")["restored"], ferry.rows("status")
    ferry.insist("retry", "--all")
    ferry.drained()
    assert copies()["waits"] == 1, copies()
    for _ in range(3):
        ferry.command("sync", check=True)
    ferry.drained()
    found = copies()
    assert found["waits"] == found["early"] == found["keep.0"] == found["keep.1"] == 1, found

with tap.case("what it has forgotten comes again, and is not lost; originals go when they are filed"):
    assert found["keep.2"] == 2, found
    assert found["late"] in (1, 2), found  # its original was there, or had gone already
    assert store.count("old") == {"INBOX": 0}, store.count("old")
    assert len(pop.messages) == 3
    assert not row("kept")["restored"] and not row("drained")["restored"], ferry.rows("status")
    assert ferry.stop() == 0

store.stop()
tap.done()
