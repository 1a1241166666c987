"""Runs of sources: asked for, attached to, hung, killed, refused; and what the schedule says of each."""

import contextlib
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port, wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.sync import ACCOUNT, COPY, DONE, DRY, INT64_MAX, LINE, RAN, Refused, SOURCE, Sync, plan  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
pops = {}
expected = {}


def process_state(pid):
    """R, S, T, Z…, or None when there is none."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def mails(name, n, size=0):
    made = []
    for _ in range(n):
        ident = "<%s.%d@example.org>" % (name, len(expected))
        expected[ident] = 1
        made.append(message(ident, size=size))
    return made


def source(name, pop, **more):
    pops[name] = pop
    return dict({"protocol": "pop3", "host": "localhost", "port": pop.port, "tls": "none", "user": "old",
                 "password_file": "old.password", "account": "office", "to": "scans@office.example", "timeout": "10m"},
                **more)


office = Office(tap, "runs", config={
    "operator": "alarm@office.example",
    "sources": {"old": source("old", Pop(mails("old", 3))), "other": source("other", Pop(mails("other", 2)))}})
ferry, store = office.ferry, office.store
ferry.write("old.password", "secret\n", 0o600)
control = ferry.path("control")


def sync(*names, **how):
    return Sync(control, *names, **how)


def filed():
    """Every message that was fetched is in its folder, once."""
    ferry.drained()
    got = {}
    for m in store.messages().get("Scans", []):
        got[m.id] = got.get(m.id, 0) + 1
    assert got == expected, (sorted(set(expected) ^ set(got)), {k: v for k, v in got.items() if v > 1})


def fetcher(name):
    """Process id of NAME's fetcher: one at a time is enough here."""
    pids = [pid for pid, line in ferry.children().items() if line.split(" ")[0].endswith("/mailferry-fetch")]
    assert len(pids) == 1, (name, ferry.children())
    return pids[0]


@contextlib.contextmanager
def case(name):
    """One that fails leaves servers that answer, and nothing at them that was not fetched."""
    with tap.case(name):
        try:
            yield
        except Exception:
            for pop in pops.values():
                pop.release()
                pop.login = pop.drip = None
            if ferry.alive():
                wait_for("what is left to come", lambda: sync("old", "other").done()[1] == 0)
            raise


with case("without times, nothing is fetched; a sync fetches all sources and files their mail"):
    office.start()
    rows = plan(control)
    assert {n: (r["state"], r["next"]) for n, r in rows.items()} == {n: ("waits", INT64_MAX) for n in ("old", "other")}, rows
    last, status = sync().done()
    assert status == 0, (status, last)
    assert (last[RAN, "old"]["messages"], last[RAN, "other"]["messages"]) == (3, 2), last
    assert last[ACCOUNT, "office"]["filed"] == 5 and last[ACCOUNT, "office"]["waiting"] == 0, last
    filed()

with case("what was fetched is not fetched again, and a named source is the only one that runs"):
    before = len(pops["other"].runs)
    pops["old"].messages += mails("old", 1)
    pops["old"].uids.append("new")
    last, status = sync("old").done()
    assert status == 0 and last[RAN, "old"]["messages"] == 1 and (RAN, "other") not in last, last
    assert len(pops["other"].runs) == before
    filed()

with case("a name that is not known, a copy of a POP3 mailbox, an account in a dry run: refused in words"):
    for names, how, words in ((["nobody"], {}, "nobody"), (["old"], {"mode": COPY, "copy_to": "office"}, "POP3"),
                              (["old"], {"mode": COPY, "copy_to": "nowhere"}, "nowhere"),
                              (["office"], {"mode": DRY}, "office")):
        try:
            sync(*names, **how)
        except Refused as e:
            assert words in str(e), e
        else:
            raise AssertionError("not refused: %s" % names)

with case("a dry run tells of each message and changes nothing"):
    pops["old"].messages += mails("old", 2)
    pops["old"].uids += ["dry1", "dry2"]
    s = sync("old", mode=DRY)
    last, status = s.done()
    lines = [e for e in s.events if e["kind"] == LINE]
    assert status == 0 and len(lines) == 2 and {e["into"] for e in lines} == {"Scans"}, (status, lines)
    assert ferry.queue() == []
    last, status = sync("old").done()
    assert last[RAN, "old"]["messages"] == 2, last
    filed()

with case("who asks while a run is under way is attached to it, and no two runs overlap"):
    pops["old"].messages += mails("old", 2)
    pops["old"].uids += ["a1", "a2"]
    pops["old"].hold("RETR")
    runs = len(pops["old"].runs)
    first = sync("old")
    first.until(SOURCE, "old", 1)
    assert pops["old"].hanging.wait(120)
    second, third = sync("old"), sync("old", "other")
    assert second.until(SOURCE, "old", 1)["attached"]
    third.until(RAN, "other")
    assert plan(control)["old"]["state"] == "runs"
    pops["old"].release()
    for s in (first, second, third):
        last, status = s.done()
        assert status == 0 and last[RAN, "old"]["messages"] == 2, last
    assert len(pops["old"].runs) == runs + 1, "there were two runs"
    filed()

with case("a copy to another account is not taken for the one under way; source and account go meanwhile"):
    hang = socket.create_server(("127.0.0.1", 0))
    tree = {"protocol": "imap", "host": "localhost", "port": hang.getsockname()[1], "tls": "none", "user": "old",
            "password_file": "old.password", "account": "office", "to": "scans@office.example", "timeout": "10m"}
    ferry.save(accounts={"second": dict(ferry.config["accounts"]["office"], user="second", addresses=["@second.example"])},
               sources={"tree": tree, "leaf": dict(tree, account="second", to="scans@second.example")})
    ferry.reload()
    wait_for("the source", lambda: "tree" in plan(control))
    leaf = sync("leaf")
    leaf.until(SOURCE, "leaf", 1)
    first = sync("tree", mode=COPY, copy_to="office")
    first.until(SOURCE, "tree", 1)
    last, status = sync("tree", mode=COPY, copy_to="second").done()
    assert status == 78 and "is being copied to office" in last[RAN, "tree"]["words"], (status, last)
    s = sync("tree", mode=COPY, copy_to="office")
    assert s.until(SOURCE, "tree", 1)["attached"]
    ferry.save(sources={"tree": None, "leaf": None}, accounts={"second": None})
    ferry.reload()
    for each in (first, s):
        last, status = each.done()
        assert status == 78 and "no longer" in last[RAN, "tree"]["words"], (status, last)
    # Its account, too, is one that nobody speaks of any more.
    last, status = leaf.done()
    assert status == 78 and "no longer" in last[RAN, "leaf"]["words"], (status, last)
    wait_for("the source to go", lambda: "tree" not in plan(control))
    hang.close()

with case("who hangs up ends nothing"):
    pops["old"].messages += mails("old", 2)
    pops["old"].uids += ["b1", "b2"]
    pops["old"].hold("RETR")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    s.close()
    pops["old"].release()
    wait_for("the end of the run", lambda: plan(control)["old"]["state"] == "waits")
    filed()

with case("kill -9 of the fetcher in the middle of a run: told in words, and the next run goes on exactly there"):
    pops["old"].messages += mails("old", 3)
    pops["old"].uids += ["c1", "c2", "c3"]
    pops["old"].hold("RETR")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    os.kill(fetcher("old"), signal.SIGKILL)
    e = s.until(RAN, "old")
    assert e["end"] == "server-away" and "signal 9" in e["words"], e
    _, status = s.done()
    assert status == 75, status
    row = plan(control)["old"]
    assert row["state"] == "held" and row["failures"] == 1 and "signal 9" in row["words"], row
    pops["old"].release()
    last, status = sync("old").done()
    assert status == 0 and last[RAN, "old"]["messages"] == 3, last
    assert plan(control)["old"]["failures"] == 0
    filed()

with case("a server that hangs is left at the deadline, and others go on meanwhile"):
    ferry.save(sources={"old": {"deadline": "15s"}})
    ferry.reload()
    pops["old"].messages += mails("old", 1)
    pops["old"].uids += ["d1"]
    pops["other"].messages += mails("other", 1)
    pops["other"].uids += ["d2"]
    pops["old"].hold("UIDL")
    s = sync()
    assert s.until(RAN)["name"] == "other"
    e = s.until(RAN, "old")
    assert e["end"] == "server-away" and e["words"], e
    _, status = s.done()
    assert status == 75
    assert plan(control)["old"]["state"] == "held"

with case("a fetcher that does not end at its deadline is killed, with that reason"):
    pops["old"].release()
    pops["old"].hold("UIDL")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    os.kill(fetcher("old"), signal.SIGSTOP)
    e = s.until(RAN, "old")
    assert e["end"] == "server-away" and "15s" in e["words"] and "deadline" in e["words"], e
    s.done()
    assert "deadline" in plan(control)["old"]["words"]
    pops["old"].release()
    last, status = sync("old").done()
    assert status == 0 and last[RAN, "old"]["messages"] == 1, last
    filed()

with case("one octet a second: the deadline holds"):
    pops["old"].messages += mails("old", 1)
    pops["old"].uids += ["e1"]
    pops["old"].drip = 1
    last, status = sync("old").done()
    assert last[RAN, "old"]["end"] == "server-away" and status == 75, last
    pops["old"].drip = None
    last, status = sync("old").done()
    assert last[RAN, "old"]["messages"] == 1, last
    filed()

with case("a credential that is refused waits for a person, who is told; a reload tries again"):
    ferry.save(sources={"old": {"every": "1d", "jitter": "0s", "deadline": None}})
    ferry.reload()
    pops["old"].login = "[AUTH] wrong password"
    e = None
    last, status = sync("old").done()
    assert last[RAN, "old"]["end"] == "refused" and "wrong password" in last[RAN, "old"]["words"] and status == 78, last
    row = plan(control)["old"]
    assert row["state"] == "held" and row["person"] and row["next"] > time.time() * 1000 + 25 * 60000, row
    wait_for("the notice", lambda: any("source old" in m.subject for m in store.messages().get("Panel/Alarms", [])))
    pops["old"].login = None
    runs = len(pops["old"].runs)
    ferry.reload()
    wait_for("another run", lambda: len(pops["old"].runs) > runs)
    wait_for("its end", lambda: plan(control)["old"]["state"] == "waits")
    assert plan(control)["old"]["failures"] == 0
    ferry.save(sources={"old": {"every": None, "jitter": None}})
    ferry.reload()

with case("a credential that is put right while a run fails of the old one: tried at once, not in half an hour"):
    class Once(str):
        def encode(self, *args):
            pops["old"].login = None
            return str.encode(self, *args)

    ferry.save(sources={"old": {"every": "1d", "jitter": "0s"}})
    ferry.reload()
    wait_for("its schedule", lambda: plan(control)["old"]["next"] != INT64_MAX)
    wait_for("no run", lambda: plan(control)["old"]["state"] == "waits")
    pops["old"].login = Once("[AUTH] wrong password")
    pops["old"].hold("PASS")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    ferry.reload()
    pops["old"].release()
    last, status = s.done()
    assert last[RAN, "old"]["end"] == "refused" and status == 78, last
    wait_for("another run", lambda: plan(control)["old"]["state"] == "waits" and plan(control)["old"]["failures"] == 0)
    ferry.save(sources={"old": {"every": None, "jitter": None}})
    ferry.reload()

with case("a run ends just as a reload has a new connector: it is heard how it ended"):
    def connectors():
        return {pid for pid, line in ferry.children().items() if line.split(" ")[0].endswith("/mailferry-connect")}

    met = False
    for _ in range(30):
        pops["old"].hold("PASS")
        s = sync("old")
        assert pops["old"].hanging.wait(120)
        pid = fetcher("old")
        before, ready = connectors(), ferry.log_text().count("event=role-ready kind=connect")
        ferry.process.send_signal(signal.SIGHUP)
        new = set()
        while not new:
            assert ferry.alive()
            new = connectors() - before
        ferry.process.send_signal(signal.SIGSTOP)
        try:
            wait_for("the stop", lambda: process_state(ferry.process.pid) == "T")
            met = ferry.log_text().count("event=role-ready kind=connect") == ready
            # The new connector says that it is ready, then the fetcher how the run went; then they are heard together.
            wait_for("the connector", lambda: any(process_state(pid) in ("S", "Z", None) for pid in new))
            pops["old"].release()
            wait_for("its end", lambda: process_state(pid) == "Z")
        finally:
            ferry.process.send_signal(signal.SIGCONT)
        last, status = s.done()
        assert last[RAN, "old"]["end"] == "ok" and status == 0, last
        wait_for("no run", lambda: plan(control)["old"]["state"] == "waits")
        if met:
            break

with case("a server that wants to be left alone is left alone"):
    pops["other"].login = "[LOGIN-DELAY] not so often"
    last, status = sync("other").done()
    assert last[RAN, "other"]["end"] == "throttled", last
    pops["other"].login = None
    last, status = sync("other").done()
    assert status == 0

with case("a certificate authority that is not there: said so, and no process starts again and again"):
    with open(store.ca, "rb") as f:
        ca = ferry.write("ca.pem", f.read())
    ferry.save(sources={"secure": source("secure", Pop(), tls="implicit", ca_file="ca.pem")})
    ferry.reload()
    wait_for("the new source", lambda: "secure" in plan(control))
    os.unlink(ca)
    last, status = sync("secure").done()
    assert last[RAN, "secure"]["end"] == "refused" and "ca.pem" in last[RAN, "secure"]["words"], last
    assert status == 78 and pops["secure"].sessions == []

with case("sources come, change and go with the configuration"):
    moved = Pop(mails("moved", 2), uids="moved")
    ferry.save(sources={"secure": None, "other": {"port": moved.port}, "third": source("third", Pop(mails("third", 1)))})
    ferry.reload()
    wait_for("the third", lambda: set(plan(control)) == {"old", "other", "third"})
    last, status = sync("other", "third").done()
    assert status == 0 and last[RAN, "third"]["messages"] == 1 and len(moved.runs) == 1, last
    filed()
    pops["third"].hold("UIDL")
    s = sync("third")
    assert pops["third"].hanging.wait(120)
    ferry.save(sources={"third": None})
    ferry.reload()
    e = s.until(RAN, "third")
    assert "configuration" in e["words"], e
    s.done()
    pops["third"].release()
    wait_for("its fetcher to leave", lambda: not any("/mailferry-fetch" in l for l in ferry.children().values()))

with case("the spool dies in the middle of a run: the next one goes on, and nothing is fetched twice"):
    pops["old"].messages += mails("old", 40)
    pops["old"].uids += ["f%d" % i for i in range(40)]
    pops["old"].hold("RETR")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    for pid, line in ferry.children().items():
        if "mailferry-spool" in line.split(" ")[0]:
            os.kill(pid, signal.SIGKILL)
    pops["old"].release()
    e = s.until(RAN, "old")
    assert e["end"] in ("spool-lost", "server-away"), e
    s.done()
    wait_for("a run that goes well", lambda: sync("old").done()[1] == 0)
    filed()

with case("one who asks and does not read harms nobody"):
    slow = [sync() for _ in range(8)]
    for _ in range(3):
        last, status = sync().done()
        assert status == 0, last
    for s in slow:
        assert s.done()[1] == 0

with case("one who does not read the lines of a dry run: the run goes on, and what is left out is counted"):
    n = 20000
    ferry.save(sources={"many": source("many", Pop([message("<m%d@example.org>" % i, subject="s" * 200) for i in range(n)]))})
    ferry.reload()
    wait_for("the source", lambda: "many" in plan(control))
    s = sync("many", mode=DRY)
    wait_for("the run", lambda: plan(control)["many"]["state"] == "runs" or pops["many"].runs)
    wait_for("its end", lambda: plan(control)["many"]["state"] == "waits", 600)
    assert sync("other").done()[1] == 0
    last, status = s.done()
    lines = [e for e in s.events if e["kind"] == LINE]
    lost = sum(e["lost"] for e in s.events if e["kind"] in (LINE, RAN))
    assert status == 0 and lost > 0 and len(lines) + lost == n, (status, len(lines), lost)
    ferry.save(sources={"many": None})
    ferry.reload()
    wait_for("the source to go", lambda: "many" not in plan(control))

with case("a run that has more to say than a socket holds, and a supervisor that is slow: all of it is heard"):
    n = 4000
    ferry.save(sources={"long": source("long", Pop([message("<l%d@example.org>" % i) for i in range(n)]))})
    ferry.reload()
    wait_for("the source", lambda: "long" in plan(control))
    pops["long"].hold("UIDL")
    s = sync("long", mode=DRY)
    assert pops["long"].hanging.wait(120)
    pid = fetcher("long")
    ferry.process.send_signal(signal.SIGSTOP)
    try:
        wait_for("the stop", lambda: process_state(ferry.process.pid) == "T")
        pops["long"].release()
        wait_for("its last words", lambda: "event=fetch-ended source=long result=ok" in ferry.log_text())
        wait_for("what it does then", lambda: process_state(pid) in ("S", "Z"))
    finally:
        ferry.process.send_signal(signal.SIGCONT)
    last, status = s.done()
    lines = sum(e["kind"] == LINE for e in s.events)
    assert status == 0 and last[RAN, "long"]["end"] == "ok" and lines == n, (status, last[RAN, "long"], lines)
    ferry.save(sources={"long": None})
    ferry.reload()
    wait_for("the source to go", lambda: "long" not in plan(control))

with case("nonsense on the control socket ends that client alone"):
    for junk in (b"", b"\x01", os.urandom(200)):
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        c.connect(control)
        if junk:
            c.send(junk)
        c.close()
    assert set(plan(control)) == {"old", "other"}

with case("it stops in the middle of a run without delay, and the run is taken up after a start"):
    pops["old"].messages += mails("old", 2)
    pops["old"].uids += ["g1", "g2"]
    ferry.save(sources={"old": {"at": "0 0 1 1 *", "jitter": "0s"}})
    ferry.reload()
    wait_for("the time", lambda: plan(control)["old"]["next"] != INT64_MAX)
    when = plan(control)["old"]["next"]
    pops["old"].hold("UIDL")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    assert ferry.stop(30) == 0
    pops["old"].release()
    runs = len(pops["old"].runs)
    ferry.start()
    wait_for("the run", lambda: any(s["commands"][-1:] == ["QUIT"] for s in pops["old"].runs[runs:]))
    filed()
    assert len(pops["old"].runs) == runs + 1

with case("a restart keeps the schedule: what ran well waits for its time"):
    wait_for("the end of the run", lambda: plan(control)["old"]["state"] == "waits")
    assert plan(control)["old"]["next"] == when
    runs = len(pops["old"].runs)
    assert ferry.stop() == 0
    ferry.start()
    wait_for("what the spool knows", lambda: plan(control)["old"]["next"] == when)
    last, status = sync("other").done()
    assert status == 0 and len(pops["old"].runs) == runs

with case("kill -9 of all in the middle of a run: made again once, soon"):
    pops["old"].messages += mails("old", 2)
    pops["old"].uids += ["h1", "h2"]
    pops["old"].hold("RETR")
    s = sync("old")
    assert pops["old"].hanging.wait(120)
    ferry.kill()
    pops["old"].release()
    runs = len(pops["old"].runs)
    ferry.start()
    wait_for("the run", lambda: any(s["commands"][-1:] == ["QUIT"] for s in pops["old"].runs[runs:]))
    filed()
    assert len(pops["old"].runs) == runs + 1
    wait_for("the end of the run", lambda: plan(control)["old"]["state"] == "waits")
    assert plan(control)["old"]["next"] == when

with case("who asks one that syncs without a daemon is told when that ends, and does not change its status"):
    assert ferry.stop() == 0
    pops["other"] = moved  # since the configuration changed
    for name in ("old", "other"):
        pops[name].messages += mails(name, 1)
        pops[name].uids[len(pops[name].messages) - 1:] = ["alone"]
        pops[name].hanging.clear()
        pops[name].hold("RETR")
    alone = ferry.area.start([os.path.join(ferry.area.bin, "mailferry"), "sync", "old", "-c", ferry.file], log=ferry.log,
                             env=ferry.env)
    assert pops["old"].hanging.wait(120)
    s = sync("other")
    assert pops["other"].hanging.wait(120)
    pops["old"].release()
    last, status = s.done()
    assert status == 75 and "ask again" in s.events[-1]["words"], (status, s.events[-1])
    pops["other"].release()
    assert alone.wait(120) == 0
    ferry.start()
    last, status = sync().done()
    assert status == 0, last
    filed()

assert ferry.stop() == 0
store.stop()
tap.done()
