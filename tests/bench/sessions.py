"""Many sessions at once: what those that do nothing cost, and whether those that hardly do anything keep others waiting."""

import resource
import threading
import time

from bench.load import Crowd, ferry, load, memory_of
from bench.report import goal, missed, say, show_memory

GOALS = {(1000, False): 20, (1000, True): 40}
HONEST = 20  # messages of the honest client


def room():
    """Every session costs a descriptor here and one there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def honest(area, port):
    """Milliseconds from the end of a message to its 250, for one client that sends one after the other."""
    got = load(area, port, 1, HONEST, 8192)
    return 1000 * got["median"], 1000 * got["p99"], 1000 * got["seconds"] / HONEST


def show_honest(area, port, what):
    median, worst, whole = honest(area, port)
    say("  %-32s 250 after %.2f ms (median), %.2f (worst); with connecting %.2f ms a message" % (what, median, worst, whole))


def idle_cost(f, seconds=3):
    """Percent of a processor that its programs take while nothing happens."""
    def spent():
        total = 0
        for pid in f.children():
            try:
                with open("/proc/%d/schedstat" % pid) as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass
        return total
    before = spent()
    time.sleep(seconds)
    return (spent() - before) / seconds / 1e7


def crowd(area, n, kind, tls):
    f = ferry(area, "%s-%d%s" % (kind, n, "-tls" if tls else ""), command_timeout="10m", data_timeout="10m",
              message_timeout="1h")
    try:
        c = Crowd(area, f.smtp, n, kind, *(["tls"] if tls else []))
        what = "%d %s sessions%s" % (n, kind, ", TLS" if tls else "")
        if c.there < n:
            missed.append("%s: only %d came in" % (what, c.there))
        sizes = memory_of(f)
        total = sum(sizes.values()) / 1024
        wanted = GOALS.get((n, tls)) if kind == "idle" else None
        mark = goal(what + ", memory", total, wanted, least=False, unit=" MB") if wanted else ""
        show_memory(what + mark, sizes)
        say("  %-32s %.2f %% of a processor" % ("meanwhile" if kind == "slow" else "doing nothing", idle_cost(f)))
        show_honest(area, f.smtp, "one honest client")
        gone = c.end()
        if gone:
            missed.append("%s: %d were closed meanwhile" % (what, gone))
    finally:
        f.kill()


def sessions(area):
    say("Sessions at once, memory (PSS) of all programs. Goals: %s\n" % ", ".join(
        "%d idle%s at most %d MB" % (n, " with TLS" if tls else "", mb) for (n, tls), mb in GOALS.items()))
    most = room() - 200
    f = ferry(area, "alone")
    show_memory("after start", memory_of(f))
    show_honest(area, f.smtp, "one client alone")
    f.kill()
    for kind, n, tls in (("idle", 1000, False), ("idle", 1000, True), ("idle", 5000, False), ("idle", 5000, True),
                         ("slow", 5000, False), ("slow", 5000, True)):
        if n > most:
            missed.append("%d sessions: only %d descriptors may be open here" % (n, most + 200))
            continue
        try:
            crowd(area, n, kind, tls)
        except (RuntimeError, OSError, AssertionError) as e:
            missed.append("%d %s sessions%s: %s" % (n, kind, ", TLS" if tls else "", e))


# ---- ten large messages ----

LARGE, OCTETS, GOAL_LARGE = 10, 50 << 20, 64


def large(area):
    say("%d messages of %d MB at once: peak memory (PSS) of all programs; goal: at most %d MB\n" % (
        LARGE, OCTETS >> 20, GOAL_LARGE))
    for words in ([], ["tls"]):
        f = ferry(area, "large" + "".join(words))
        peak = {}
        done = threading.Event()

        def watch():
            while not done.is_set():
                now = memory_of(f)
                if sum(now.values()) > sum(peak.values() or [0]):
                    peak.clear()
                    peak.update(now)
                time.sleep(0.02)
        t = threading.Thread(target=watch)
        t.start()
        try:
            got = load(area, f.smtp, LARGE, LARGE, OCTETS, *words)
        finally:
            done.set()
            t.join()
            f.kill()
        mark = goal("ten of 50 MB%s, memory" % ", TLS" * len(words), sum(peak.values()) / 1024, GOAL_LARGE, least=False,
                    unit=" MB")
        show_memory("ten of 50 MB%s%s" % (", TLS" * len(words), mark), peak)
        say("  taken in at %.0f MB a second" % (LARGE * OCTETS / 1e6 / got["seconds"]))
