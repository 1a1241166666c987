#!/usr/bin/env python3
"""
Scripts and messages made at random: what `mailferry try` says must happen, beside
what Dovecot's `sieve-test` (Debian: dovecot-sieve) says. Each difference is a bug
of one of them; docs/rules.md explains those that are not ours.

    sieve_differential.py [--seed N] [--pairs N] [--keep FOLDER] [--program src/mailferry]

FOLDER keeps script and message of each pair that differs. Exit status 1 when one
does.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.pigeonhole import SieveTest, plan  # noqa: E402
from soak import sieve_pairs, sieve_probes  # noqa: E402

NAME_SHOWN = 100
seen = []  # what came of the pairs


def mine(program, script, message, sender, recipient):
    """The same shape as lib.pigeonhole.plan gives; None: the script does not compile."""
    done = subprocess.run([program, "try", "--json", "--from", sender, "--to", recipient, script, message],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode != 0:
        return None, done.stderr.decode()
    told = json.loads(done.stdout)
    actions = []
    for a in told["actions"]:
        kind, flags = a["action"], tuple(sorted(f.lower() for f in a.get("flags", [])))
        target = a.get("mailbox") or a.get("address") or a.get("reason") or ""
        if kind == "keep" or (kind == "fileinto" and target.upper() == "INBOX"):
            kind, target = "fileinto", "INBOX"
        actions.append((kind, target if kind != "vacation" else "", flags, a.get("create", False), a.get("copy", False)))
    keep = tuple(sorted(f.lower() for f in told["keep_flags"])) if told.get("keep_flags") else ()
    return (actions, keep if told["implicit_keep"] else None), told["error"]


def comparable(plan_made, failed):
    """
    Without what the two say in other words: a discard beside other actions, the
    case of a domain, a flag that stands twice, and :copy, which only says whether
    there is an implicit keep. sieve-test cuts long names.
    """
    actions, implicit = plan_made
    if failed:
        return "kept by an error"
    if len(actions) > 1:
        actions = [a for a in actions if a[0] != "discard"]
    return ([(kind, target.lower() if kind == "redirect" else target[:NAME_SHOWN], tuple(sorted(set(flags))), create and target != "INBOX")
             for kind, target, flags, create, _ in actions], None if implicit is None else tuple(sorted(set(implicit))))


def apart(ours, theirs, script):
    """The lines of a probe that one of them found true."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return ""
    marks = [{f for a in x[0] if a[1] == "INBOX" for f in a[2]} for x in (ours, theirs)]
    with open(script, encoding="utf-8") as f:
        lines = f.read().splitlines()
    told = ["%s: %s\n" % ("mailferry" if f in marks[0] else "sieve-test", line)
            for f in sorted(marks[0] ^ marks[1]) for line in lines if 'addflag "%s";' % f in line]
    return "".join(told)


def compare(area, other, program, seed):
    r, probe = random.Random(seed), seed % 2 == 1
    pool = sieve_probes if probe else sieve_pairs
    script, message = os.path.join(area, "pair.sieve"), os.path.join(area, "pair.eml")
    with open(script, "w", encoding="utf-8") as f:
        asks = sieve_probes.Probe(r) if probe else sieve_pairs.Script(r)
        f.write(asks.text())
    with open(message, "w", encoding="utf-8", newline="") as f:
        f.write((sieve_probes.OddMessage(r, asks.counts) if probe else sieve_pairs.Message(r)).text())
    for path in (script, message):
        os.chmod(path, 0o644)
    sender = "%s@%s" % (r.choice(pool.LOCALS), r.choice(pool.DOMAINS))
    recipient = "%s@%s" % (r.choice(pool.LOCALS), r.choice(pool.DOMAINS))
    made, error = mine(program, script, message, sender, recipient)
    out, errors, good = other.run(script, message, sender, recipient)
    if b"Panic: " in errors:
        seen.append("crashed")
        return None
    if not good and b"Performed actions" not in out and b"final result" not in errors:
        theirs = "refused"
    else:
        theirs = comparable(plan(out, not good), not good)
    ours = "refused" if made is None else comparable(made, error is not None)
    seen.append("refused" if ours == "refused" else "failed" if ours == "kept by an error" else "kept" if not ours[0] else "acted")
    if ours == theirs:
        return None
    return "mailferry:  %s %s\nsieve-test: %s %s\n%s" % (
        ours, error or "", theirs, errors.decode(errors="replace")[:500], apart(ours, theirs, script))


def differences(program, first, pairs, keep=None):
    """(seed, text) of each pair that differs."""
    area = tempfile.mkdtemp(prefix="mailferry-sieve.")
    os.chmod(area, 0o755)
    try:
        folder = os.path.join(area, "pigeonhole")
        os.mkdir(folder)
        other = SieveTest(folder)
        for seed in range(first, first + pairs):
            text = compare(folder, other, program, seed)
            if text is None:
                continue
            if keep is not None:
                os.makedirs(keep, exist_ok=True)
                for end in (".sieve", ".eml"):
                    shutil.copy(os.path.join(folder, "pair" + end), os.path.join(keep, str(seed) + end))
            yield seed, text
    finally:
        shutil.rmtree(area, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--keep")
    parser.add_argument("--program", default=os.path.join(os.environ.get("top_builddir") or os.getcwd(), "src", "mailferry"))
    o = parser.parse_args()
    if shutil.which("sieve-test") is None:
        sys.exit("sieve-test is not installed (Debian: dovecot-sieve)")
    n = 0
    for seed, text in differences(o.program, o.seed, o.pairs, o.keep):
        print("pair %d:\n%s" % (seed, text))
        n += 1
    print("%d pairs (%s), %d differ" % (
        o.pairs, ", ".join("%d %s" % (seen.count(w), w) for w in ("acted", "kept", "failed", "refused", "crashed")), n))
    sys.exit(1 if n else 0)


if __name__ == "__main__":
    main()
