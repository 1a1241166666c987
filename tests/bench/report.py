"""What the parts of the bench print, and what they could not measure."""

import os

missed = []


def say(text=""):
    print(text, flush=True)


def peak(ferry):
    """Peak resident memory of each role in KB, and of all (pages shared between them are counted in each)."""
    result = {}
    for pid, line in ferry.children().items():
        try:
            with open("/proc/%d/status" % pid) as f:
                fields = dict(line.split(":", 1) for line in f)
            name = os.path.basename(line.split(" ")[0])
            result[name] = result.get(name, 0) + int(fields["VmHWM"].split()[0])
        except (OSError, KeyError):
            pass
    return result


def show_peak(name, sizes):
    say("%-28s %7.1f MB   %s" % (name, sum(sizes.values()) / 1024, ", ".join(
        "%s %.1f" % (n.replace("mailferry-", ""), kb / 1024) for n, kb in sorted(sizes.items()))))
