"""The house rules that a compiler does not check: layers, names, and notes of the folders."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.tap import Tap  # noqa: E402

LAYERS = "base msg config net ipc sieve reply spool intake smtp imap oauth fetch store relay role cmd".split()
top = os.environ.get("top_srcdir", ".")
build = os.environ.get("top_builddir", ".")
tap = Tap()


def sources():
    for layer in LAYERS:
        folder = os.path.join(top, "src", layer)
        for name in sorted(os.listdir(folder)):
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    yield layer, layer + "/" + name, f.read()


with tap.case("every folder of src is a layer, and has a note"):
    there = sorted(d for d in os.listdir(os.path.join(top, "src")) if os.path.isdir(os.path.join(top, "src", d))
                   and any(n.endswith(".c") for n in os.listdir(os.path.join(top, "src", d))))
    assert there == sorted(LAYERS), there
    for layer in LAYERS:
        assert os.path.exists(os.path.join(top, "src", layer, "README.md")), layer

with tap.case("a folder includes only folders above it"):
    wrong = []
    for layer, path, text in sources():
        for included in re.findall(r'^#include "([a-z]+)/', text, re.M):
            if included not in LAYERS or LAYERS.index(included) > LAYERS.index(layer):
                wrong.append("%s includes %s/" % (path, included))
    assert not wrong, wrong

with tap.case("no external name is defined twice: the linker would take either without a word"):
    symbols = subprocess.run(["nm", "-A", os.path.join(build, "src", "libmailferry.a")], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, universal_newlines=True, check=True).stdout
    seen, twice = set(), set()
    for line in symbols.splitlines():
        words = line.split()
        # Sanitizers make names of their own.
        if len(words) >= 2 and words[-2] in "TDRB" and not words[-1].startswith("__"):
            (twice if words[-1] in seen else seen).add(words[-1])
    assert len(seen) > 100 and not twice, sorted(twice)

with tap.case("calls that the house does not use"):
    banned = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|alloca|gets|pthread_create|longjmp)\s*\(")
    wrong = ["%s: %s" % (path, m.group(1)) for _, path, text in sources() for m in [banned.search(text)] if m]
    assert not wrong, wrong

tap.done()
