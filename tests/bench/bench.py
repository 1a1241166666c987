"""
`make bench`: what mailferry does beside its neighbours, measured in one run on
one machine, so that only ratios are worth keeping. Prints tables, and what it
could not measure.

`make bench PARTS="acceptance sessions large"` runs these parts only: messages taken in, many sessions at once, large
messages; `rules` times scripts of many rules. Words behind `acceptance` choose among its cases: plain or starttls, 8K or 100K, 1, 20, 50 or 200 sessions, new or
reused connections: PARTS="acceptance plain 8K 20 50". Words behind `store`
choose among its cases: loopback or 25ms, 8K or mix, multiappend or plain, rounds=N, and goal, which leaves out
all but mailferry and what it is held against: PARTS="store 25ms plain goal rounds=5".
Words behind `relay` (mail to others): loopback or 50ms, rounds=N: PARTS="relay 50ms".
Words behind `fetch`: pop3 or imap, loopback or 50ms or unchanged, rounds=N, messages=N, many=N, and goal, which leaves
out all but mailferry: PARTS="fetch imap loopback".
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bench.acceptance import acceptance, acceptance_words  # noqa: E402
from bench.fetch import fetch, fetch_words  # noqa: E402
from bench.relay import relay, relay_words  # noqa: E402
from bench.report import goals, missed, say  # noqa: E402
from bench.rules import rules  # noqa: E402
from bench.sessions import large, sessions  # noqa: E402
from bench.store import store, store_words  # noqa: E402
from lib.area import Area  # noqa: E402

PARTS = {"acceptance": acceptance, "store": store, "relay": relay, "fetch": fetch, "sessions": sessions, "large": large, "rules": rules}


def main(words):
    parts = [w for w in words if w in PARTS] or list(PARTS)
    words = [w for w in words if w not in PARTS]
    wrong = set(store_words(words)).intersection(fetch_words(words), acceptance_words(words), relay_words(words))
    if wrong:
        sys.exit("bench: unknown: %s; there are %s" % (" ".join(sorted(wrong)), ", ".join(PARTS)))
    area = Area("bench")
    began = time.monotonic()
    kind = subprocess.run(["stat", "-f", "-c", "%T", area.dir], capture_output=True, text=True).stdout.strip()
    say("mailferry bench: %d processors, spools and stores on %s in %s" % (
        len(os.sched_getaffinity(0)), kind, os.path.dirname(area.dir)))
    if kind in ("tmpfs", "ramfs"):
        say("That file system is memory: syncing costs nothing there. Set TMPDIR to a folder on a disk.")
    for name in parts:
        say()
        try:
            PARTS[name](area)
        except (RuntimeError, AssertionError, OSError) as e:
            missed.append("%s: %s" % (name, e))
    say("\n%.0f s in all." % (time.monotonic() - began))
    for text in goals:
        say("Goal missed: " + text)
    for text in missed:
        say("Not measured: " + text)
    sys.exit(1 if missed else 0)


main(sys.argv[1:])
