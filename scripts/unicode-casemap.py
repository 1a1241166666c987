#!/usr/bin/env python3
"""Makes src/sieve/casemap_table.h of UnicodeData.txt (Debian: package unicode-data), for i;unicode-casemap (RFC 5051).

usage: scripts/unicode-casemap.py [/usr/share/unicode/UnicodeData.txt] >src/sieve/casemap_table.h
"""

import functools
import sys

path = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode/UnicodeData.txt"
title, parts = {}, {}
with open(path, encoding="ascii") as f:
    for line in f:
        field = line.rstrip("\n").split(";")
        code = int(field[0], 16)
        # An empty titlecase mapping is the uppercase one (UAX 44).
        mapped = field[14] or field[12]
        if mapped:
            title[code] = int(mapped, 16)
        if field[5]:
            parts[code] = [int(x, 16) for x in field[5].split() if not x.startswith("<")]


@functools.lru_cache(maxsize=None)
def decomposed(code):
    return tuple(c for part in parts[code] for c in decomposed(part)) if code in parts else (code,)


def fold(code):
    """Title case first (2, step 2(a)), then its parts and theirs (2(b)), which keep their case."""
    return decomposed(title.get(code, code))


folds = {c: fold(c) for c in sorted(set(title) | set(parts)) if c >= 0x80 and fold(c) != (c,)}

# Runs of characters that all move by the same distance, every one or every other of them.
runs, single = [], [(c, f[0]) for c, f in folds.items() if len(f) == 1]
for c, to in single:
    if runs:
        first, last, step, delta = runs[-1]
        if to - c == delta and (c - last == step or (first == last and c - last <= 2)):
            runs[-1] = (first, c, c - last, delta)
            continue
    runs.append((c, c, 1, to - c))

pool, places, strings = bytearray(), {}, []
for c, f in folds.items():
    if len(f) == 1:
        continue
    text = "".join(map(chr, f)).encode()
    if text not in places:
        at = pool.find(text)
        places[text] = at if at >= 0 else len(pool)
        if at < 0:
            pool += text
    strings.append((c, places[text], len(text)))


def table(kind, name, rows, per):
    print("static const %s %s[] = {" % (kind, name))
    for i in range(0, len(rows), per):
        print("\t" + " ".join(r + "," for r in rows[i:i + per]))
    print("};\n")


print("/* Made by scripts/unicode-casemap.py of UnicodeData.txt; not to be edited. */")
print("/* clang-format off */\n")
table("struct casemap_run", "runs", ["{%#x,%#x,%d,%d}" % r for r in runs], 5)
table("struct casemap_string", "strings", ["{%#x,%d,%d}" % s for s in strings], 7)
table("unsigned char", "pool", [str(b) for b in pool], 28)
