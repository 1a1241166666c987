"""Many rules: what a message costs, how that grows, and what the same script costs Pigeonhole's sieve-test."""

import os
import subprocess
import time

from bench.report import goal, missed, say
from lib.area import BUILD
from lib.pigeonhole import SieveTest

KINDS = {"contains": "header :contains", "is": "address :is", "matches": "header :matches", "regex": "header :regex"}
COUNTS = (10, 100, 1000, 10000)
GOAL_MS = 2.0  # 10,000 header :contains; about one, on a machine that does other things too
ROUNDS = 3


def message(path):
    """50 KB, with the header that mail has today."""
    lines = ["Received: from a%d.example by b%d.example; Thu, 26 Nov 2026 10:00:00 +0000" % (i, i) for i in range(6)]
    lines += ["X-Field-%d: value number %d of this message" % (i, i) for i in range(20)]
    lines += ["From: Some Body <some.body@supplier.example>", "To: Office <office@office.example>",
              "Subject: Your invoice number 4711 of November, thank you for your order", "Message-ID: <x@y.example>", ""]
    lines += ["The quick brown fox jumps over the lazy dog and other words."] * 800
    with open(path, "w", newline="") as f:
        f.write("\r\n".join(lines) + "\r\n")


def engine(kind, n, path):
    """Milliseconds: to compile, of the first message, of each after it."""
    rows = [subprocess.run([os.path.join(BUILD, "tests", "bench", "rules"), kind, str(n), path], check=True,
                           capture_output=True, text=True).stdout.split() for _ in range(ROUNDS)]
    return [min(float(r[i]) for r in rows) for i in range(3)]


def whole(run):
    """Milliseconds that a command takes, which compiles the script too; None: it failed."""
    best = None
    for _ in range(ROUNDS):
        began = time.monotonic()
        if not run():
            return None
        took = 1000 * (time.monotonic() - began)
        best = took if best is None else min(best, took)
    return best


def text(ms):
    return "%10s" % "-" if ms is None else "%10.3f" % ms


def rules(area):
    folder = os.path.join(area.dir, "pigeonhole")
    os.mkdir(folder)
    os.chmod(area.dir, 0o755)
    other = SieveTest(folder)
    path, script = os.path.join(folder, "50k.eml"), os.path.join(folder, "rules.sieve")
    message(path)
    say("Rules: milliseconds of a processor for a message of 50 KB, none of whose rules matches.")
    say("The last two columns are whole commands, which start and compile the script too.")
    say("%-18s %7s %10s %10s %10s %10s %10s" % ("", "rules", "compile", "first", "each", "try", "sieve-test"))
    for kind, name in KINDS.items():
        for n in COUNTS:
            try:
                compiled, first, each = engine(kind, n, path)
            except subprocess.CalledProcessError as e:
                missed.append("rules: %s: %s" % (name, e.stderr.strip()[:200]))
                break
            with open(script, "w") as f:
                subprocess.run([os.path.join(BUILD, "tests", "bench", "rules"), kind, str(n), "-"], check=True, stdout=f)
            mine = whole(lambda: subprocess.run([os.path.join(BUILD, "src", "mailferry"), "try", script, path],
                                                stdout=subprocess.DEVNULL).returncode == 0)
            theirs = None if other.program is None else whole(lambda: other.run(script, path)[2])
            mark = goal("10,000 rules of header :contains", each, GOAL_MS, least=False, unit=" ms") \
                if (kind, n) == ("contains", 10000) else ""
            say("%-18s %7d %10.3f %10.3f %10.3f%1s%s %s" % (name, n, compiled, first, each, mark, text(mine), text(theirs)))
    if other.program is None:
        missed.append("rules: sieve-test is not installed (package dovecot-sieve)")
