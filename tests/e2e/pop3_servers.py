"""
POP3 of real servers at the level of the driver (tests/peers/popper): listings,
contents octet for octet, removal, every way to log in, sessions that are cut
anywhere.
"""

import errno
import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.courier import Courier  # noqa: E402
from lib.cyrus import Cyrus  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.server import Missing  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.pop3_run import Session  # noqa: E402

MESSAGES = 120
tap = Tap(300)
area = Area("pop3")
dice = random.Random(int(os.environ.get("MAILFERRY_TEST_SEED", "1")))


def message(i):
    lines = dice.choice((3, 20, 20, 100, 2000))
    return (b"From: someone@example.org\r\nSubject: message %d\r\nMessage-ID: <%d@example.org>\r\n\r\n" % (i, i) +
            b"".join(dice.choice((b"", b".", b"..", b".text", b"text.", b"w" * 70, b"caf\xc3\xa9")) + b"\r\n" for _ in range(lines)))


MAIL = [message(i) for i in range(MESSAGES)]
HASHES = {hashlib.sha256(m).hexdigest() for m in MAIL}


def fill(server):
    m = server.connect()
    for content in MAIL:
        status, text = m.append("INBOX", None, None, content)
        assert status == "OK", text
    m.logout()


def session(*args, **options):
    """One that gets in: a server may keep the mailbox locked for a moment when a session before it has ended."""
    def inside():
        run = Session(*args, **options)
        return run.failed is None or run.failed["code"] != errno.EBUSY or run.whole() or run.items, run
    return wait_for("the mailbox to be free", lambda: (lambda good, run: run if good else None)(*inside()))


def check(server, mechanism):
    kind = type(server).__name__
    with tap.case("%s: what is listed comes whole, at any window" % kind):
        names = None
        for window in (1, 3, 100):
            run = session(server.pop3_port, "list", "fetch", "all", "quit", window=window)
            assert run.failed is None and run.left, run.why
            assert mechanism in run.log, run.log
            assert run.the("listed")["complete"] and len(run.items) == MESSAGES
            assert sorted(run.whole().values()) == sorted(HASHES)
            assert [i["size"] for i in run.items] == [run.got[i["item"]]["octets"] for i in run.items]
            assert all(i["name"] for i in run.items) and len({i["name"] for i in run.items}) == MESSAGES
            assert names in (None, [i["name"] for i in run.items])
            names = [i["name"] for i in run.items]
    with tap.case("%s: heads" % kind):
        run = session(server.pop3_port, "heads", "all", "quit")
        assert set(run.whole().values()) == {hashlib.sha256(m.split(b"\r\n\r\n")[0] + b"\r\n\r\n").hexdigest() for m in MAIL}
    with tap.case("%s: a wrong password" % kind):
        run = Session(server.pop3_port, "list", password="wr0ng!")
        assert run.kind == "config" and "refuses the password of office" in run.why and "wr0ng!" not in run.why + run.log
    with tap.case("%s: sessions that are cut anywhere" % kind):
        proxy = Proxy(server.pop3_port, cut=1, low=200, high=400000, seed=dice.randrange(1000), terse=1).start()
        got, failures = {}, 0
        for _ in range(12):
            run = Session(proxy, "fetch", "all", "quit")
            failures += run.failed is not None
            assert run.failed is None or run.kind == "temp", run.failed
            for n, h in run.whole().items():
                assert h in HASHES and got.setdefault(n, h) == h
        assert failures > 1, failures
        proxy.stop()
    with tap.case("%s: nothing is removed by a session that breaks, and what is by one that ends" % kind):
        run = session(server.pop3_port, "delete", "all")
        assert len(session(server.pop3_port, "list", "quit").items) == MESSAGES
        run = session(server.pop3_port, "delete", *range(1, 51), "quit")
        assert run.left and run.the("act")["refused"] == "", run.rows
        left = session(server.pop3_port, "list", "quit")
        assert [i["name"] for i in left.items] == names[50:]


for kind, mechanism in ((Cyrus, "auth=PLAIN"), (Courier, 'auth="USER and PASS"')):
    try:
        server = kind(area, pop3=True).start()
    except Missing as missing:
        tap.skip(kind.__name__, str(missing))
        continue
    tap.logs.append(server.logs)
    fill(server)
    check(server, mechanism)
    server.stop()

server = Dovecot(area, pop3=True, mechanisms="plain login cram-md5 scram-sha-1 scram-sha-256",
                 users={"office": "s3cret"}).start()
tap.logs.append(server.logs)
fill(server)
for tls, port in (("implicit", server.pop3s_port), ("starttls", server.pop3_port)):
    with tap.case("Dovecot: TLS (%s)" % tls):
        run = Session(port, "fetch", "all", "quit", tls=tls, ca=server.ca)
        assert run.left and set(run.whole().values()) == HASHES, run.why
for auth in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "USER"):
    with tap.case("Dovecot: log in with %s" % auth):
        run = Session(server.pop3_port, "list", "quit", auth=auth)
        assert run.left and len(run.items) == MESSAGES, run.why
        run = Session(server.pop3_port, "list", "quit", auth=auth, password="wr0ng!")
        assert run.kind == "config" and "refuses the password" in run.why, run.failed
check(server, "auth=SCRAM-SHA-256")
server.stop()

tap.done()
