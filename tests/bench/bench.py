"""
`make bench`: what mailferry does beside its neighbours, measured in one run on
one machine, so that only ratios are worth keeping. Prints tables, and what it
could not measure.
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bench.postfix import Postfix  # noqa: E402
from lib.area import Area, answers, find_program, free_port, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.office import address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402

SIZE = 8192
LOADS = [(sessions, reused) for sessions in (1, 20, 50) for reused in (False, True)]
SECONDS = 3
RULES = 'require ["fileinto", "mailbox"]; fileinto :create "Bench";'
missed = []


def say(text=""):
    print(text, flush=True)


def source(area, port, sessions, reused, count):
    """Messages a second, as smtp-source brings them in. It counts a message when it has read the 250."""
    program, env = area.tool("smtp-source")
    argv = [program, "-s", str(sessions), "-m", str(count), "-l", str(SIZE), "-C", "20",
            "-f", "bench@example.org", "-t", address("office")] + (["-d"] if reused else [])
    began = time.monotonic()
    p = area.run(argv + ["127.0.0.1:%d" % port], env=env)
    if p.returncode != 0:
        raise RuntimeError("smtp-source: " + (p.stderr.strip().splitlines() or ["?"])[-1])
    return count / (time.monotonic() - began)


def rates(area, port):
    """For each load a short run, which warms up and tells how many messages will take SECONDS, and then those."""
    result = []
    for sessions, reused in LOADS:
        guess = source(area, port, sessions, reused, 100 + 4 * sessions)
        result.append(source(area, port, sessions, reused, max(100 + 4 * sessions, int(guess * SECONDS))))
    return result


def ferry_rates(area, store):
    """The store is away, so that this is acceptance alone."""
    ferry = Ferry(area, store, RULES, name="accept", config={"log_level": "warning"}, port=free_port()).start()
    try:
        return rates(area, ferry.smtp)
    finally:
        ferry.kill()


def postfix_rates(area):
    postfix = Postfix(area)
    try:
        return rates(area, postfix.port)
    finally:
        postfix.stop()


def sink_rates(area):
    port = free_port()
    program, env = area.tool("smtp-sink")
    p = area.start([program, "127.0.0.1:%d" % port, "1000"], log="sink.log", env=env)
    try:
        wait_for("smtp-sink", lambda: answers(port), 30)
        return rates(area, port)
    finally:
        area.kill(p)


def acceptance(area, store):
    say("Durable acceptance, messages of 8 KB a second (smtp-source)")
    say("mailferry: synced into its spool, store away. Postfix: synced into its queue, transport discard.")
    say("smtp-sink: keeps nothing; what the load generator and loopback can do at most.\n")
    if not find_program("smtp-source"):
        missed.append("acceptance: smtp-source is missing (scripts/check fetches it)")
        return
    table = {}
    for name, measure in (("mailferry", lambda: ferry_rates(area, store)), ("Postfix", lambda: postfix_rates(area)),
                          ("smtp-sink", lambda: sink_rates(area))):
        try:
            table[name] = measure()
        except (RuntimeError, OSError, AssertionError, TypeError) as e:
            missed.append("acceptance of %s: %s" % (name, e))
    row = "%-28s %10s %10s %10s %12s %12s"
    say(row % ("", "mailferry", "Postfix", "smtp-sink", "/ Postfix", "/ smtp-sink"))
    for i, (sessions, reused) in enumerate(LOADS):
        got = {name: table[name][i] for name in table}

        def ratio(other):
            return "%.2f" % (got["mailferry"] / got[other]) if "mailferry" in got and other in got else "-"
        say(row % ("%2d session%s, %s" % (sessions, "s" if sessions > 1 else " ", "reused" if reused else "new"),
                   *("%.0f" % got[n] if n in got else "-" for n in ("mailferry", "Postfix", "smtp-sink")),
                   ratio("Postfix"), ratio("smtp-sink")))


def append_loop(store, count):
    """One client that APPENDs one message after another, with non-synchronising literals: nothing simpler is faster."""
    c = Client(store.port)
    c.line()

    def command(line):
        c.send(b"a " + line + b"\r\n")
        while True:
            answer = c.line()
            if answer.startswith("a "):
                if not answer.startswith("a OK"):
                    raise RuntimeError(answer)
                return
    command(b"LOGIN office s3cret")
    data = message("<bench@example.org>", size=SIZE)
    began = time.monotonic()
    for _ in range(count):
        command(b"APPEND INBOX {%d+}\r\n%s" % (len(data), data))
    return count / (time.monotonic() - began)


def filing(area, store, count=3000):
    say("\nEnd to end: from the first connection until the store has all, %d messages of 8 KB\n" % count)
    bare = append_loop(store, 1000)
    ferry = Ferry(area, store, RULES, name="filing", config={"log_level": "warning"}).start()
    try:
        watch = store.connect()
        watch.create("Bench")

        def all_there():
            status, data = watch.status("Bench", "(MESSAGES)")
            return int(data[0].rstrip(b")").split()[-1]) >= count
        began = time.monotonic()
        source(area, ferry.smtp, 20, True, count)
        wait_for("all messages in the store", all_there, 120, every=0.25)  # seldom: the question costs the store work
        rate = count / (time.monotonic() - began)
    finally:
        ferry.kill()
    say("%-28s %10.0f a second" % ("bare APPEND loop", bare))
    say("%-28s %10.0f a second   %.2f of the loop" % ("mailferry, SMTP to folder", rate, rate / bare))


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


def memory(area, store):
    say("\nPeak memory of all roles together\n")
    config = {"limits": {"sessions": 3000, "sessions_per_address": 3000, "message_size": "64M",
                         "unaccepted": "1G", "unaccepted_per_address": "1G"}}
    ferry = Ferry(area, store, RULES, name="memory", config=config).start()
    show_peak("after start", peak(ferry))
    clients = []
    for _ in range(1000):
        clients.append(Client(ferry.smtp))
    for c in clients:
        c.hello()
    show_peak("1,000 idle sessions", peak(ferry))
    for c in clients:
        c.close()
    ferry.kill()

    ferry = Ferry(area, store, RULES, name="large", config=config).start()
    senders = [subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), "--send", str(ferry.smtp), str(n)])
               for n in range(10)]
    failed = sum(p.wait() != 0 for p in senders)
    accepted = peak(ferry)
    wait_for("the large messages in the store", lambda: store.count().get("Bench", 0) >= 3000 + 10 - failed, 180)
    show_peak("ten of 50 MB, taken in", accepted)
    show_peak("ten of 50 MB, filed", peak(ferry))
    if failed:
        missed.append("%d of ten 50 MB messages were not taken:\n%s" % (failed, ferry.logs(5)))
    ferry.kill()


def send_one(port, n):
    """In a process of its own, as Python's threads would take turns."""
    c = Client(port, timeout=300)
    c.hello()
    c.deliver(Item("x", [address("office")], message("<large-%d@example.org>" % n, size=50 << 20)))
    c.quit()


def main():
    area = Area("bench")
    store = Dovecot(area)
    store.start()
    began = time.monotonic()
    kind = subprocess.run(["stat", "-f", "-c", "%T", area.dir], capture_output=True, text=True).stdout.strip()
    say("mailferry bench: %d processors, spools on %s in %s\n" % (
        len(os.sched_getaffinity(0)), kind, os.path.dirname(area.dir)))
    if kind in ("tmpfs", "ramfs"):
        say("That file system is memory: syncing costs nothing there. Set TMPDIR to a folder on a disk.\n")
    for part in (acceptance, filing, memory):
        try:
            part(area, store)
        except (RuntimeError, AssertionError, OSError) as e:
            missed.append("%s: %s" % (part.__name__, e))
    say("\n%.0f s in all." % (time.monotonic() - began))
    for text in missed:
        say("Not measured: " + text)
    sys.exit(1 if missed else 0)


if len(sys.argv) == 4 and sys.argv[1] == "--send":
    send_one(int(sys.argv[2]), int(sys.argv[3]))
else:
    main()
