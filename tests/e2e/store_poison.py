"""
A store that fails at one folder in the same way each time it is asked for it.
Mail for the others must get through meanwhile, and the rest once the folder is
mended.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from peers.imap_folders import split_arguments  # noqa: E402
from peers.imap_store import Session, Store  # noqa: E402
from peers.imap_wire import Gone  # noqa: E402
from peers.run import Run  # noqa: E402
from peers.ways import QUICK, settled, together  # noqa: E402

tap = Tap(300)
MAIL = ["Bad"] * 3 + ["Good"] * 10 + ["Bad"] * 3


def poisoned(verb, silent):
    """A store that dies of VERB for the folder Bad, until all that is for Good is there."""
    class Poisoned(Session):
        pass

    def do(self, tag, rest):
        if split_arguments(rest)[0] == "Bad" and len(self.store.octets("Good")) < MAIL.count("Good"):
            if silent:
                self.wire.fall_silent(False)
            raise Gone(False)
        getattr(Session, "do_" + verb)(self, tag, rest)
    setattr(Poisoned, "do_" + verb, do)
    store = Store()
    store.create("Bad")
    store.create("Good")
    store.session_class = Poisoned
    return store


def passes(verb, silent=False, **options):
    def one():
        store = poisoned(verb, silent)
        if verb == "examine":
            store.fail("drop-after-literal", at=1)
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("".join("%s\t\t500\n" % folder for folder in MAIL))
            f.flush()
            run = Run(store, deliveries=f.name, timeout=1000 if silent else 10000, seconds=100, **{**QUICK, **options})
        settled(store, run, messages=len(MAIL))
        store.close()
    return one


for verb, words in (("status", "it hangs up when it is asked for a folder, before anything is sent"),
                    ("examine", "it hangs up when a delivery in doubt is looked for in its folder")):
    with tap.case(words):
        together([passes(verb), passes(verb, window=1), passes(verb, silent=True)])

with tap.case("a store that takes its time for each of many folders"):
    store = Store(delay=0.2)
    with tempfile.NamedTemporaryFile("w") as f:
        for i in range(40):
            store.create("F%d" % i)
            f.write("F%d\t\t500\n" % i)
        f.flush()
        run = Run(store, deliveries=f.name, timeout=8000, seconds=100)
    settled(store, run, messages=40)
    assert store.connections == 1, run.log[-2000:]
tap.done()
