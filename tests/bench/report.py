"""What the parts of the bench print, what they could not measure, and which goals were missed."""

import os

missed = []
goals = []


def say(text=""):
    print(text, flush=True)


def goal(what, got, wanted, least=True, unit=""):
    """Notes a figure that is not as good as it should be; returns a mark to print beside it."""
    if (got >= wanted) if least else (got <= wanted):
        return ""
    goals.append("%s: %.2f%s, wanted %s %g%s" % (what, got, unit, "at least" if least else "at most", wanted, unit))
    return "*"


def pss(children):
    """
    The memory of each program of those processes in KB: its own, and its share of what it has in common with others
    (PSS). Page cache is not in it.
    """
    result = {}
    for pid, line in children.items():
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                kb = next(int(row.split()[1]) for row in f if row.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
        name = os.path.basename(line.split(" ")[0]).replace("mailferry-", "")
        result[name] = result.get(name, 0) + kb
    return result


def show_memory(what, sizes):
    say("%-34s %7.1f MB   %s" % (what, sum(sizes.values()) / 1024, ", ".join(
        "%s %.1f" % (n, kb / 1024) for n, kb in sorted(sizes.items()))))
