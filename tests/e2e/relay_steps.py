"""
A kill at every step of a message that goes out. No recipient may be lost; with
in_doubt = "ask" nobody gets it twice, and who has not got it is parked for a
person; with "again" nobody waits for a person, and a second copy may come.
"""

import os
import smtplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port, wait_for  # noqa: E402
from lib.deaths import Deaths, Run  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.relay_server import RelayServer  # noqa: E402

TO = ["a@example.net", "b@example.net"]

tap = Tap(1500)
area = Area("relay-steps")
assert area.bin


def send(ferry, ident):
    """True once it was answered 250."""
    data = "Message-ID: <%s@office.example>\r\nFrom: scanner@office.example\r\n\r\nx\r\n" % ident
    try:
        with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=120) as c:
            c.sendmail("scanner@office.example", TO, data)
            return True
    except (OSError, smtplib.SMTPException):
        return False


def rests(ferry):
    """Nothing will happen any more by itself."""
    p = ferry.command("queue", "list", "--json")
    return p.returncode == 0 and '"queued"' not in p.stdout and '"in-' not in p.stdout


class Relayed(Run):
    doubt = None

    def __init__(self, worker, name):
        self.server, self.ident, self.sent = RelayServer(), "%s-%s" % (self.doubt, name), False
        self.ferry = Ferry(area, None, port=free_port(), name=self.ident, config={
            "relay": {"host": "127.0.0.1", "port": self.server.port, "tls": "none", "in_doubt": self.doubt,
                      "retry_min": "300ms", "retry_max": "300ms"},
            "relay_for": {"lan": {"networks": ["127.0.0.0/8"], "senders": ["@office.example"]}}})
        tap.logs[:] = [self.ferry.logs]

    def live(self):
        end = time.monotonic() + 240
        while self.ferry.alive() and not (self.sent and rests(self.ferry)):
            if time.monotonic() > end:
                raise AssertionError("neither dead nor done")
            self.sent = self.sent or send(self.ferry, self.ident)
            time.sleep(0.02)

    def check(self):
        if not self.sent:
            wait_for("the 250", lambda: send(self.ferry, self.ident))
        wait_for("an end", lambda: rests(self.ferry))
        waiting = {r["folder"]: r["state"] for r in self.ferry.queue()}
        for to in TO:
            copies = len(self.server.of(to))
            if self.doubt == "ask":
                assert copies <= 1, (to, copies)
                assert copies == 1 or waiting.get(to) == "parked", (to, waiting)
            else:
                assert 1 <= copies <= 2 and to not in waiting, (to, copies, waiting)

    def close(self):
        self.server.close()


class Again(Relayed):
    doubt = "again"


class Ask(Relayed):
    doubt = "ask"


for kind in (Ask, Again):
    with tap.case("killed at every step, in_doubt = %s" % kind.doubt):
        deaths = Deaths(tap, kind, workers=1)
        deaths.everywhere(10)
        tap.diag("\n".join("%4d %s" % (n, where) for where, n in sorted(deaths.met.items())))

tap.done()
