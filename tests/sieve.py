"""The rules engine's own tests: each file of tests/sieve/ is run by tests/svtest."""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.tap import Tap  # noqa: E402

FOLDER = os.path.join(os.environ["top_srcdir"], "tests", "sieve")
PROGRAM = os.path.join(os.environ["top_builddir"], "tests", "svtest")
SECONDS = 600


def run(*args):
    done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    return done.returncode, done.stdout.decode(errors="replace")


tap = Tap()
for path in sorted(glob.glob(os.path.join(FOLDER, "*", "*.svtest"))):
    name = os.path.relpath(path, FOLDER)
    # What the runner itself must tell as a failure.
    wrong = name.startswith("runner/") and os.path.basename(name).startswith("fails-")
    with tap.case(name):
        status, text = run(*(["--expect-failure"] if wrong else []), path)
        assert status == 0, text
        passed, failed = (int(n) for n in text.splitlines()[-1].replace(" passed, ", " ").split()[:2])
        assert (failed if wrong else passed) > 0, text
        assert wrong or failed == 0, text
with tap.case("a failure is told with file, line, test and reason"):
    path = os.path.join(FOLDER, "runner", "fails-all.svtest")
    assert run(path)[1].splitlines()[0] == path + ":6: At once: at once"
    path = os.path.join(FOLDER, "runner", "fails-in-a-test.svtest")
    first, last = run(path)[1].splitlines()
    assert first.startswith(path + ":6:") and first.endswith(' (in the test "Two that can\'t be")'), first
    assert last == "0 passed, 1 failed", last
with tap.case("several files a call: the worst counts"):
    good, bad = (os.path.join(FOLDER, "runner", n) for n in ("state.svtest", "fails-all.svtest"))
    assert run(good, good)[0] == 0
    assert run(good, bad)[0] == run(bad, good)[0] == 1
    assert run("--expect-failure", bad, good)[0] == 1
tap.done()
