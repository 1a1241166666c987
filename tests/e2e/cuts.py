"""Connections are cut at random octets: from the senders, to the store, and both; nothing may be lost or doubled."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Sender  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))

for name, of_sender, of_store, tls in (("from the senders", 0.7, 0.0, "none"), ("to the store", 0.0, 1.0, "none"),
                                       ("on both sides, with TLS", 0.5, 0.8, "implicit")):
    seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
    dice = random.Random(seed)
    with tap.case("connections are cut " + name):
        tap.diag("seed %d" % seed)
        office = Office(tap, "cuts", tls=tls)
        store_proxy = Proxy(office.store.port if tls == "none" else office.store.tls_port, of_store, 20, 40000, seed,
                            terse=20)
        office.ferry.account["port"] = store_proxy.port
        # A cut log-in or an unreachable store makes the account wait; the test has not that much time.
        office.ferry.save(accounts={"office": {"retry_min": "1s", "retry_max": "1s"}})
        store_proxy.start()
        office.start()
        # Softly too: a proxy that swallows a 250, acknowledges it and then closes in order looks like a client that
        # has read it and leaves without QUIT. What is sent again soon after that must still be known.
        smtp_proxy = Proxy(office.ferry.smtp, of_sender, 20, 300000, seed + 1).start()
        items = mixture(600, dice)
        sender = Sender(smtp_proxy.port, items, sessions=6, pipeline=True, per_connection=20, pause=0.02, seed=seed)
        sender.run()
        smtp_proxy.stop()
        # A store that is cut off takes its time; on a busy machine, more of it.
        if of_store:
            wait_for("cuts", lambda: store_proxy.cuts >= 4 or not office.ferry.queue(), 240, 0.5)
        store_proxy.cut = 0.2
        office.ferry.drained(240)
        tap.diag("%d cuts from %d senders' connections, %d from %d to the store; %d sent again" % (
            smtp_proxy.cuts, smtp_proxy.connections, store_proxy.cuts, store_proxy.connections, sender.resent))
        assert not sender.refused, sender.refused
        check(items, sender.acked, office.store.messages())
        assert smtp_proxy.cuts + store_proxy.cuts >= 4, "the proxies cut next to nothing"
        assert office.ferry.stop() == 0
        store_proxy.stop()
    office.area.close()

# ---- aimed cuts: (name, proxy, keys of the account, how many cuts at least) ----
ALONE = {"window": 1, "batch": 1, "retry_min": "100ms", "retry_max": "1s"}
AIMED = (
    ("the answers to ten APPENDs are lost", {"swallow": (b"APPENDUID", 10)}, {"settle": "1s", **ALONE}, 10),
    # Behind a batch whose answer is lost the store may have the next one in hand.
    ("the answers to two batches are lost", {"swallow": (b"APPENDUID", 2)}, {}, 2),
    ("the store stores three of them seconds after the connection died",
     {"late": (b"APPEND ", 3), "delay": 2}, {"settle": "20s", **ALONE}, 3),
    ("the store stores a batch seconds after the connection died",
     {"late": (b"APPEND ", 1), "delay": 2}, {"settle": "20s"}, 1),
)
for name, aim, keys, cuts in AIMED:
    with tap.case(name):
        office = Office(tap, "cuts")
        proxy = Proxy(office.store.port, 0, **aim).start()
        office.ferry.save(accounts={"office": {"port": proxy.port, **keys}})
        office.start()
        items, acked = [], {}
        # Where all of it was there before the first was sent, it went together, and one answer stood for all.
        while proxy.cuts < cuts and len(items) < 400:
            some = mixture(40, random.Random(len(items)), prefix="aimed")
            acked.update(Sender(office.ferry.smtp, some, sessions=4, pause=0.05).run().acked)
            items += some
            office.ferry.drained(240)
        assert proxy.cuts == cuts, proxy.cuts
        check(items, acked, office.store.messages())
        # What became of those is told by trace, step by step; of the others there is nothing to tell, or that they waited
        # because the connection broke twice at their folder.
        told = [d["history"] for r in office.ferry.rows("trace", "aimed") for d in r["deliveries"]]
        told = [[s for s in steps if s["state"] != "queued" or "was busy with" not in s["what"]]
                for steps in told if any(s["state"] == "in-doubt" for s in steps)]
        assert cuts <= len(told) and (len(told) < 40 or keys.get("window") != 1), len(told)
        for steps in told:
            assert [s["n"] for s in steps] == sorted({s["n"] for s in steps}), steps
            assert steps[0]["state"] == "in-flight" and "sent to" in steps[0]["what"], steps
            assert steps[-1]["state"] == "done" and steps[-1]["attempts"] <= 1 + sum(s["state"] == "in-flight" for s in steps[1:]), steps
            assert any(s["state"] == "in-doubt" for s in steps[1:]), steps
        assert office.ferry.log_text().count("event=looked") >= cuts
        assert office.ferry.stop() == 0
        proxy.stop()
    office.area.close()
tap.done()
