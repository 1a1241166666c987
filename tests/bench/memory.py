"""Peak memory: started, with a thousand idle sessions, with large messages."""

import os
import subprocess
import sys

from bench.report import missed, peak, say, show_peak
from bench.source import RULES
from lib.area import wait_for
from lib.dovecot import Dovecot
from lib.ferry import Ferry
from lib.office import address
from lib.sender import Client, Item, message


def memory(area):
    store = Dovecot(area, name="large").start()
    say("Peak memory of all roles together\n")
    config = {"limits": {"sessions": 3000, "sessions_per_address": 3000, "message_size": "64M",
                         "unaccepted": "1G", "unaccepted_per_address": "1G"}}
    ferry = Ferry(area, store, RULES, name="idle", config=config).start()
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

    ferry = Ferry(area, store, RULES, name="memory", config=config).start()
    senders = [subprocess.Popen([sys.executable, "-B", os.path.abspath(sys.argv[0]), "--send", str(ferry.smtp), str(n)])
               for n in range(10)]
    failed = sum(p.wait() != 0 for p in senders)
    accepted = peak(ferry)
    wait_for("the large messages in the store", lambda: store.count().get("Bench", 0) >= 10 - failed, 180)
    show_peak("ten of 50 MB, taken in", accepted)
    show_peak("ten of 50 MB, filed", peak(ferry))
    if failed:
        missed.append("%d of ten 50 MB messages were not taken:\n%s" % (failed, ferry.logs(5)))
    ferry.kill()
    store.stop()


def send_one(port, n):
    """In a process of its own, as Python's threads would take turns."""
    c = Client(port, timeout=300)
    c.hello()
    c.deliver(Item("x", [address("office")], message("<large-%d@example.org>" % n, size=50 << 20)))
    c.quit()
