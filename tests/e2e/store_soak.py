"""
A short part of the soak (tests/soak): stores, mail and faults drawn from seeds,
each run to its end and accounted for. `make soak SEEDS=2000` runs many more.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.tap import Tap  # noqa: E402
from soak.soak import Soak  # noqa: E402

FIRST, SEEDS, WHOLE = int(os.environ.get("MAILFERRY_TEST_SEED") or 1), 60, 8

tap = Tap(600)
with tap.case("%d seeds from %d on: nothing lost, nothing doubled, all of them end" % (SEEDS, FIRST)):
    soak = Soak(range(FIRST, FIRST + SEEDS), tap.diag)
    assert soak.run(), "seeds that failed: %s" % soak.failed
    # A soak in which nothing happens proves nothing.
    assert soak.happened["programs killed"] > 5 and soak.happened["messages offered"] > 300, soak.happened
    assert len(soak.happened) > 30, soak.happened
with tap.case("a few seeds with all of mailferry, any of its programs killed"):
    soak = Soak(range(FIRST, FIRST + WHOLE), tap.diag, whole=True)
    assert soak.run(), "seeds that failed: %s" % soak.failed
tap.done()
