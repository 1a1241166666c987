"""Durable acceptance beside Postfix, and beside a sink that keeps nothing."""

from bench.postfix import Postfix
from bench.report import missed, say
from bench.source import RULES, source
from lib.area import answers, find_program, free_port, wait_for
from lib.ferry import Ferry

LOADS = [(sessions, reused) for sessions in (1, 20, 50) for reused in (False, True)]
SECONDS = 3


def rates(area, port):
    """For each load a short run, which warms up and tells how many messages will take SECONDS, and then those."""
    result = []
    for sessions, reused in LOADS:
        guess = source(area, port, sessions, reused, 100 + 4 * sessions)
        result.append(source(area, port, sessions, reused, max(100 + 4 * sessions, int(guess * SECONDS))))
    return result


def ferry_rates(area):
    """The store is away, so that this is acceptance alone."""
    ferry = Ferry(area, None, RULES, name="accept", config={"log_level": "warning"}, port=free_port()).start()
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


def acceptance(area):
    say("Durable acceptance, messages of 8 KB a second (smtp-source)")
    say("mailferry: synced into its spool, store away. Postfix: synced into its queue, transport discard.")
    say("smtp-sink: keeps nothing; what the load generator and loopback can do at most.\n")
    if not find_program("smtp-source"):
        missed.append("acceptance: smtp-source is missing (scripts/check fetches it)")
        return
    table = {}
    for name, measure in (("mailferry", lambda: ferry_rates(area)), ("Postfix", lambda: postfix_rates(area)),
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
