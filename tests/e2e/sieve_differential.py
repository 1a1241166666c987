"""Scripts and messages made at random: our plans beside those of Dovecot's sieve-test, where it is installed."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import BUILD  # noqa: E402
from lib.tap import Tap  # noqa: E402
from soak import sieve_differential  # noqa: E402

SEED, PAIRS = 30000, 300

if shutil.which("sieve-test") is None:
    print("1..0 # SKIP sieve-test is not installed (package dovecot-sieve)")
    sys.exit(0)

tap = Tap(300)
with tap.case("%d pairs of script and message, the same plan" % PAIRS):
    different = list(sieve_differential.differences(os.path.join(BUILD, "src", "mailferry"), SEED, PAIRS))
    assert not different, "\n".join("pair %d:\n%s" % d for d in different)
with tap.case("most of them do something"):
    assert sieve_differential.seen.count("acted") > PAIRS / 2, sieve_differential.seen
    assert sieve_differential.seen.count("refused") + sieve_differential.seen.count("crashed") < PAIRS / 20
tap.done()
