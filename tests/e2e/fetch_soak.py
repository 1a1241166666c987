"""
A short part of the soak of fetching (tests/soak/fetch.py): two sources, a store,
mail and faults drawn from seeds, each run to its end and accounted for.
`make soak FETCH=yes SEEDS=500` runs many more.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from soak.soak import Soak  # noqa: E402

FIRST, SEEDS = int(os.environ.get("MAILFERRY_TEST_SEED") or 1), 16

tap = Tap(600)
with tap.case("%d seeds from %d on: fetched once, filed once, no original gone too early" % (SEEDS, FIRST)):
    soak = Soak(range(FIRST, FIRST + SEEDS), tap.diag, fetch=True)
    assert soak.run(), "seeds that failed: %s" % soak.failed
    # A soak in which nothing happens proves nothing.
    assert soak.happened["programs killed"] > 3 and soak.happened["messages fetched"] > 100, soak.happened
    assert soak.happened["originals removed"] > 20, soak.happened
tap.done()
