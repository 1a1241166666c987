"""More sources than may be fetched at once: they take turns, and one that hangs keeps its place only until its deadline."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.sender import message  # noqa: E402
from lib.sync import RAN, SOURCE, Sync, plan  # noqa: E402
from lib.tap import Tap  # noqa: E402

AT_ONCE, N = 50, 58  # cmd/fetcher.c

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
pop = Pop([message("<one@example.org>")])
common = {"protocol": "pop3", "host": "localhost", "port": pop.port, "tls": "none", "user": "old", "timeout": "10m",
          "password_file": "old.password", "account": "office", "to": "scans@office.example"}
office = Office(tap, "crowd", config={"sources": {"s%02d" % i: common for i in range(N)}})
ferry, store = office.ferry, office.store
ferry.write("old.password", "secret\n", 0o600)
control = ferry.path("control")


def states():
    found = {}
    for row in plan(control).values():
        found[row["state"]] = found.get(row["state"], 0) + 1
    return found


with tap.case("as many as may be are fetched at once, the others wait for their turn"):
    office.start()
    pop.hold("UIDL")
    s = Sync(control)
    wait_for("the crowd", lambda: states() == {"runs": AT_ONCE, "queued": N - AT_ONCE} and len(pop.now) == AT_ONCE, 240)
    waiting = {name for name, row in plan(control).items() if row["state"] == "queued"}

with tap.case("who asks for one that waits is told when its turn comes"):
    late = Sync(control, sorted(waiting)[0])
    assert late.until(SOURCE, state=0)["name"] == sorted(waiting)[0]

with tap.case("when there are places, all of them run"):
    pop.release()
    last, status = s.done()
    assert status == 0, [e for e in s.events if e["end"] != "ok"]
    assert len([e for e in s.events if e["kind"] == RAN]) == N
    assert late.done()[1] == 0
    assert len(pop.runs) == N, len(pop.runs)
    ferry.drained()
    assert store.count()["Scans"] == N

with tap.case("who has waited longest is first"):
    pop.hold("UIDL")
    first = Sync(control, *sorted(set(plan(control)) - {"s00", "s01"})[:AT_ONCE])
    wait_for("a full house", lambda: states().get("runs") == AT_ONCE and len(pop.now) == AT_ONCE, 240)
    one = Sync(control, "s01")
    one.until(SOURCE, "s01")
    wait_for("s01 in the queue", lambda: plan(control)["s01"]["state"] == "queued")
    zero = Sync(control, "s00")
    wait_for("s00 in the queue", lambda: plan(control)["s00"]["state"] == "queued")
    # One place: the killed one's.
    victim = next(pid for pid, line in ferry.children().items() if line.split(" ")[0].endswith("/mailferry-fetch"))
    os.kill(victim, 9)
    wait_for("s01 to run", lambda: plan(control)["s01"]["state"] == "runs")
    assert plan(control)["s00"]["state"] == "queued"
    pop.release()
    for job in (first, one, zero):
        job.done()

assert ferry.stop() == 0
store.stop()
tap.done()
