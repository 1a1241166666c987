"""Every way in which a message may go to a store, and what must hold at the end of each."""

import concurrent.futures
import re

from peers.imap_store import Store
from peers.run import Run

PARALLEL = 12  # most of a run is waiting

WAYS = {}
for _literals in ("LITERAL+", "LITERAL-", ""):
    for _several in ("MULTIAPPEND", ""):
        for _uids in ("UIDPLUS", ""):
            _words = [w for w in (_several, _literals, _uids) if w]
            if _several and not _literals:
                continue  # literals that must ask are never sent together
            WAYS[" ".join(_words) or "synchronising"] = " ".join(["IMAP4rev1 NAMESPACE AUTH=PLAIN"] + _words)
WAYS["plainest"] = "IMAP4rev1"
BATCHES = [w for w in WAYS if "MULTIAPPEND" in w]
STREAMS = [w for w in WAYS if "LITERAL" in w]
ASKS = [w for w in WAYS if "LITERAL" not in w]

QUICK = {"settle": 60, "retry": 20, "retry_max": 150}


def identities(store, folder=None):
    """How often each delivery is there."""
    found = {}
    for octets in store.octets(folder):
        ident = re.search(rb"SMTP id (\w+);", octets)
        if ident is not None:
            found[ident.group(1).decode()] = found.get(ident.group(1).decode(), 0) + 1
    return found


def settled(store, run, folder=None, parked=0, quarantined=0, messages=20):
    """All done exactly once, but for so many that wait for a person."""
    found = identities(store, folder)
    doubled = [i for i, n in found.items() if n > 1]
    assert not doubled, "doubled: %s\n%s" % (doubled, run.log[-3000:])
    want = {"done": messages - parked - quarantined, "parked": parked, "quarantined": quarantined}
    want = {k: v for k, v in want.items() if v}
    assert run.states() == want, "%s\n%s\n%s" % (run.states(), run.log[-3000:], [r for r in run.rows if r["state"] != "done"][:3])
    lost = [r["id"] for r in run.rows if r["state"] == "done" and r["id"] not in found]
    assert not lost, "lost: %s\n%s" % (lost, run.log[-3000:])
    assert not store.violations, store.violations[:3]


def together(jobs):
    """Runs the functions side by side; the first failure counts."""
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()


def each(ways, one, *variants):
    """Calls ONE(way, variant) for each of them, and says for which one it failed."""
    def job(way, variant):
        try:
            one(way, *variant)
        except Exception as e:
            raise AssertionError("%s %s: %s" % (way, variant, e)) from e
    together([lambda w=w, v=v: job(w, v) for w in ways for v in (variants or ((),))])


def fails(kind, ways=WAYS, at=7, check=None, options=None, store_options=None, **fault):
    """The AT-th message that is offered fails so, in each way to send, by an orderly end and by a reset."""
    def one(way, reset):
        store = Store(capabilities=WAYS[way])
        for key, value in (store_options or {}).items():
            assert hasattr(store, key), key
            setattr(store, key, value)
        store.fail(kind, at=at, reset=reset, **fault)
        run = Run(store, **{**QUICK, **(options or {})})
        assert store.fired[kind] or kind in ("refuse-before-plus", "bad-before-literal"), "nothing failed"
        store.happened(None)
        settled(store, run)
        if check is not None:
            check(way, store, run)
        store.close()
    return lambda: each(ways, one, (False,), (True,))
