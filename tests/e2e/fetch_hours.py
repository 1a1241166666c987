"""Accounts with times, push, and a sync without a daemon."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.sync import ACCOUNT, RAN, SOURCE, Sync, plan  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "hours", dovecot={"users": {"office": "s3cret", "box": "b0x"}}, config={
    "sources": {"box": {"protocol": "imap", "host": "localhost", "port": 1, "tls": "none", "user": "box",
                        "password_file": "box.password", "account": "office", "to": "scans@office.example",
                        "push": True, "jitter": "0s"}}})
ferry, store = office.ferry, office.store
ferry.write("box.password", "b0x\n", 0o600)
ferry.save(sources={"box": {"port": store.port}})
control = ferry.path("control")
count = [0]


def send():
    count[0] += 1
    ident = "<sent.%d@example.org>" % count[0]
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address("office")], message(ident)))
    c.quit()


def put():
    """A message in the source's mailbox."""
    count[0] += 1
    ident = "<put.%d@example.org>" % count[0]
    m = store.connect("box")
    m.append("INBOX", "", None, message(ident))
    m.logout()
    return ident


def folder(name):
    return sorted(m.id for m in store.messages().get(name, []))


def fetcher():
    return [pid for pid, line in ferry.children().items() if line.split(" ")[0].endswith("/mailferry-fetch")]


def idle():
    return wait_for("the fetcher to wait for news", lambda: plan(control)["box"]["state"] == "idle" and fetcher())


def waits():
    """Until no store runs for the account: it waits for its time."""
    wait_for("its store to leave", lambda: plan(control).get("office", {}).get("state") == "waits")


put_ids = []
with tap.case("push: what lies there is fetched, then what comes is fetched as it comes"):
    store.start()
    put_ids.append(put())
    ferry.start()
    first = idle()
    assert len(first) == 1
    put_ids.append(put())
    wait_for("the news", lambda: folder("Scans") == sorted(put_ids))
    assert idle() == first, "another process"

with tap.case("who asks while it waits: the same process runs now"):
    last, status = Sync(control, "box").done()
    assert status == 0 and last[RAN, "box"]["end"] == "ok", last
    assert idle() == first

with tap.case("a reload replaces the process that waits"):
    ferry.reload()
    wait_for("another process", lambda: plan(control)["box"]["state"] == "idle" and set(fetcher()).isdisjoint(first))
    put_ids.append(put())
    wait_for("the news", lambda: folder("Scans") == sorted(put_ids))

with tap.case("one that is killed while it waits comes back"):
    now = idle()
    since = plan(control)["box"]["since"]
    os.kill(now[0], signal.SIGKILL)
    # The next one may wait for news, too, before we look.
    wait_for("its end to be seen", lambda: plan(control)["box"]["since"] != since)
    last, status = Sync(control, "box").done()
    assert status == 0, last
    wait_for("another process", lambda: plan(control)["box"]["state"] == "idle" and set(fetcher()).isdisjoint(now))

with tap.case("an account with times: its mail waits, the schedule says until when, and somebody who asks gets it filed"):
    ferry.save(sources={"box": {"push": False}}, accounts={"office": {"at": "0 0 1 1 *"}})
    ferry.reload()
    waits()  # the store that filed the last of the news may still run, and would file these
    send()
    send()
    row = plan(control)["office"]
    assert row["state"] == "waits" and row["next"] > time.time() * 1000, row
    assert len(ferry.queue()) == 2 and folder("INBOX") == []
    s = Sync(control, "office")
    last, status = s.done()
    assert status == 0 and last[ACCOUNT, "office"]["filed"] == 2, last
    assert len(folder("INBOX")) == 2

with tap.case("what comes then waits again, also when somebody asked for nothing, and over a restart"):
    waits()
    last, status = Sync(control, "office").done()
    assert status == 0 and last[ACCOUNT, "office"]["filed"] == 0, last
    waits()
    send()
    row = plan(control)["office"]
    assert row["state"] == "waits" and row["next"] > time.time() * 1000, row
    assert len(ferry.queue()) == 1 and len(folder("INBOX")) == 2
    assert ferry.stop() == 0
    ferry.start()
    wait_for("its time", lambda: plan(control)["office"]["next"] > time.time() * 1000)
    last, status = Sync(control, "box").done()  # fetches for office, and so files it
    assert status == 0 and last[ACCOUNT, "office"]["filed"] >= 1, last
    assert len(folder("INBOX")) == 3

with tap.case("without its times it is filed as it comes"):
    waits()
    send()
    ferry.save(accounts={"office": {"at": None}})
    ferry.reload()
    ferry.drained()
    assert len(folder("INBOX")) == 4

with tap.case("a held account is tried for who asks, and the sync says why it is still held"):
    ferry.write("office.password", "wrong\n", 0o600)
    ferry.save(accounts={"office": {"retry_min": "1h", "retry_max": "2h"}})
    ferry.reload()
    send()
    wait_for("the hold", lambda: "event=account-held" in ferry.log_text())
    last, status = Sync(control, "office").done()
    e = last[ACCOUNT, "office"]
    assert e["held"] and e["words"] and e["waiting"] == 1 and status in (75, 78), (e, status)
    ferry.write("office.password", "s3cret\n", 0o600)
    ferry.reload()
    ferry.drained()

assert ferry.stop() == 0
store.stop()
tap.done()
