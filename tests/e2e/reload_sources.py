"""New configurations of sources, under way: added, changed, removed, and wrong ones."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.sync import plan  # noqa: E402
from lib.tap import Tap  # noqa: E402

RULES = """require ["fileinto", "mailbox"];
if header :contains "subject" "one" { fileinto :create "One"; }
elsif header :contains "subject" "two" { fileinto :create "Two"; }
"""

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "reload_sources", RULES)
ferry, store = office.ferry, office.store
first, second = Pop(password="s3cret"), Pop(password="s3cret")
sent = 0


def source(pop, **more):
    return dict({"protocol": "pop3", "host": "localhost", "tls": "none", "port": pop.port, "user": "old",
                 "password_file": "office.password", "account": "office", "to": "office@office.example",
                 "every": "1s", "jitter": "0s"}, **more)


def mail(pop, subject):
    """One more message at POP; returns its id."""
    global sent
    sent += 1
    ident = "<%d@example.org>" % sent
    pop.add(("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s\r\nMessage-ID: %s\r\n\r\nhello\r\n"
             % (subject, ident)).encode())
    return ident


def filed(folder, n):
    wait_for("%d in %s" % (n, folder), lambda: store.count().get(folder, 0) >= n, 120)
    assert store.count()[folder] == n, store.count()


def told(before, *words):
    wait_for(words[0], lambda: all(w in ferry.log_text()[before:] for w in words))


def reload():
    """Returns once the new configuration is in force."""
    before = ferry.log_text().count("event=reloaded")
    ferry.reload()
    wait_for("the reload", lambda: ferry.log_text().count("event=reloaded") > before)


def renew():
    """Returns once nothing goes by the old configuration any more: a run that is under way ends with what it began with."""
    reload()
    old = set(fetchers())
    wait_for("the runs of before to end", lambda: not old & set(fetchers()))


def fetchers():
    return {pid: line for pid, line in ferry.children().items() if "mailferry-fetch" in line.split(" ")[0]}


with tap.case("a daemon without sources gets one"):
    office.start()
    assert plan(ferry.path("control")) == {}
    mail(first, "one")
    ferry.save(sources={"old": source(first)})
    reload()
    filed("One", 1)
    assert list(plan(ferry.path("control"))) == ["old"]

with tap.case("a wrong file is told with file and line, and the source goes on as it was"):
    before = len(ferry.log_text())
    ferry.save(sources={"old": {"delete": "soon"}})
    ferry.reload()
    told(before, "key `sources.old.delete'")
    mail(first, "one")
    filed("One", 2)
    ferry.save(sources={"old": {"delete": None}})

with tap.case("it is changed: another server, another name, its memory is its own"):
    ferry.save(sources={"old": {"port": second.port}})
    renew()
    mail(second, "two")
    filed("Two", 1)
    wait_for("no session at the first", lambda: not first.now)
    runs = len(first.runs)
    seen = len(second.runs)
    wait_for("more runs at the second", lambda: len(second.runs) > seen + 2)
    assert len(first.runs) == runs

with tap.case("new rules are those of the next run"):
    ferry.write("office.sieve", 'require ["fileinto", "mailbox"]; fileinto :create "Three";')
    renew()
    mail(second, "two")
    filed("Three", 1)
    ferry.write("office.sieve", RULES)

with tap.case("a second beside it; one that hangs holds up neither it nor a reload"):
    second.hold("UIDL")
    second.hanging.wait(60)
    ferry.save(sources={"new": source(first)})
    reload()
    # To another source of that name everything at the first server is new.
    filed("One", 4)
    mail(first, "one")
    filed("One", 5)
    rows = plan(ferry.path("control"))
    assert set(rows) == {"old", "new"} and rows["old"]["state"] == "runs", rows

with tap.case("the one that hangs is removed: its process ends"):
    assert len(fetchers()) >= 1
    ferry.save(sources={"old": None})
    reload()
    wait_for("the session at the second to end", lambda: all("mailferry-fetch" in x for x in fetchers().values()) and
             list(plan(ferry.path("control"))) == ["new"], 60)
    second.release()
    wait_for("no session at the second", lambda: not second.now)
    runs = len(second.runs)
    mail(first, "one")
    filed("One", 6)
    assert len(second.runs) == runs

with tap.case("it comes back, and remembers what it had fetched"):
    ferry.save(sources={"old": source(second)})
    reload()
    mail(second, "two")
    filed("Two", 2)
    wait_for("a run without news", lambda: len(second.runs) > runs + 2)
    filed("Two", 2)
    filed("Three", 1)

with tap.case("an account gets times: its mail waits, and goes when they are taken away"):
    ferry.save(accounts={"office": {"at": "0 0 29 2 *"}})
    reload()
    # The store that filed the last of the mail may still run, and would file this.
    wait_for("its store to leave", lambda: plan(ferry.path("control")).get("office", {}).get("state") == "waits")
    mail(first, "one")
    wait_for("it waits", lambda: len(ferry.queue()) == 1)
    seen = len(first.runs)
    wait_for("some more runs", lambda: len(first.runs) > seen + 2)
    assert len(ferry.queue()) == 1 and store.count()["One"] == 6, store.count()
    ferry.save(accounts={"office": {"at": None}})
    reload()
    filed("One", 7)

with tap.case("without any, nothing is fetched, and it stops in good order"):
    ferry.save(sources=None)
    reload()
    assert plan(ferry.path("control")) == {}
    wait_for("no fetcher", lambda: not fetchers())
    ferry.drained()
    assert ferry.stop() == 0
    first.stop()
    second.stop()

tap.done()
