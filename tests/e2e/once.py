"""
A message that comes again because its 250 was not read is kept once, and one that comes again although it was read is
another message. Connections are cut at each octet around the end of data, before and after the 250, in order and by
reset; daemons and parts of them die between commit and 250. What docs/spool.md tables is tried here row by row.
"""

import os
import random
import re
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.sender import Client, Item, Refused  # noqa: E402
from lib.tap import Tap  # noqa: E402
from lib.tls import TlsClient, self_signed  # noqa: E402

FIN, RESET = "closed in order", "reset"

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "once", config={"receivers": 2, "log_level": "debug"})
ferry = office.ferry
self_signed(ferry, "main", ["mail.office.example"])
ferry.save(certificates={"main": {"certificate": "main.pem", "key": "main.key"}}, listeners={"lmtp": {"tls": "none"}})
office.start()
expected = {}  # subject → (folder → copies)
serial = 0
open_ones = []
ends_are_told = True  # not of sessions in programs that were killed


def item(named, names=("office",)):
    """A message of its own: two with the same item are the same octets."""
    global serial
    serial += 1
    subject = "case %d" % serial
    data = ("From: <panel@example.org>\r\nSubject: %s\r\n%s\r\nzone 3\r\n" % (
        subject, "Message-ID: <%d@example.org>\r\n" % serial if named else "")).encode()
    i = Item("<%d@example.org>" % serial, [address(n) for n in names], data, mail_from="panel@example.org")
    i.subject = subject
    return i


def expect(i, copies, folder="INBOX"):
    expected.setdefault(i.subject, {})[folder] = copies


def opened():
    return ferry.log_text().count("event=connected")


def closed():
    return ferry.log_text().count("event=closed")


def connect(tls=False, **more):
    c = (TlsClient if tls else Client)(ferry.lmtp if more.get("lmtp") else ferry.smtp, **more)
    c.hello()
    if tls:
        c.starttls(greeted=True)
        c.command("EHLO test.example.org", 250)
    if ends_are_told:
        wait_for("earlier sessions to end", lambda: opened() - closed() <= 1 + len(open_ones), every=0.02)
    c.before, c.mark = closed(), len(ferry.log_text())
    return c


def await_told(c):
    """Returns when the spool has been told what became of the replies to the messages that C brought, if it brought any."""
    for ticket in re.findall(r"event=reply-said .*ticket=(-?\d+)", ferry.log_text()[c.mark:]):
        wait_for("the spool to be told", lambda: "event=reply-told ticket=%s " % ticket in ferry.log_text()[c.mark:], every=0.02)


def end(c, how, named=True):
    """Returns when the other side has noticed, and has told the spool what it makes of it. A message that is NAMED is known
    again as long as nothing is told."""
    before = c.before
    if how == RESET:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    wait_for("the end of the session", lambda: closed() > before, every=0.02)
    if not named:
        await_told(c)


def send_again(i, **more):
    c = connect(**more)
    text = c.deliver(i)
    for _ in i.rcpts[1:] if more.get("lmtp") else ():
        c.expect(250)
    c.quit()
    return text.split()[-1]


# ---- each octet around the end of data, before the 250 is there ----
for how in (FIN, RESET):
    with tap.case("cut at each octet around the end of data, " + how):
        for named in (True, False):
            for left in range(0, 9):
                i = item(named)
                c = connect()
                c.mail(i)
                wire = i.wire
                c.send(wire[:len(wire) - left])
                end(c, how, named)
                send_again(i)
                expect(i, 1)

# ---- the 250 has come ----
ROWS = (
    # (named, what the client does when the 250 is there, copies in the end, with the same again)
    (True, "reads it and goes on", 2),
    (False, "reads it and goes on", 2),
    (True, "reads it and closes", 1),  # it may be a proxy: for ten minutes it is the same
    (False, "reads it and closes", 2),
    (True, "resets", 1),
    (False, "resets", 1),
    (True, "has closed its side before, and reads it", 1),
    (False, "has closed its side before, and reads it", 2),
    (True, "leaves the connection open", 1),
    (False, "leaves the connection open", 2),
)

# Many clients end an encrypted session without saying so in it.
TLS_ROWS = [row for row in ROWS if not row[1].startswith("has closed")]
TLS_ROWS += [(True, "says goodbye in the session, too, and closes", 1), (False, "says goodbye in the session, too, and closes", 2)]
for named, what, copies, tls in [row + (False,) for row in ROWS] + [row + (True,) for row in TLS_ROWS]:
    with tap.case("%sthe 250 comes; a client %s Message-ID %s: %s" % (
            "by TLS " if tls else "", "with" if named else "without", what, ("one message", "two messages")[copies - 1])):
        i = item(named)
        c = connect(tls=tls)
        c.mail(i)
        c.send(i.wire)
        first = None
        if what.startswith("has closed"):
            c.sock.shutdown(socket.SHUT_WR)
        if what == "resets":
            # It has come, and nobody reads it.
            wait_for("the reply", lambda: c.sock.recv(4096, socket.MSG_PEEK))
            time.sleep(0.3)  # acknowledged by now, too
        else:
            first = c.expect(250).split()[-1]
        if what.endswith("goes on"):
            # The first may have come before the other side looked what had been sent before the 250.
            c.command("NOOP", 250)
            c.command("NOOP", 250)
            await_told(c)
        if what.startswith("says goodbye"):
            c.goodbye()
        if what.endswith("open"):
            open_ones.append(c)
        else:
            end(c, RESET if what == "resets" else FIN, named)
        again = send_again(i)
        if first is not None:
            assert (first == again) == (copies == 1), (first, again)
        expect(i, copies)

with tap.case("three times the same, each 250 lost: one message, and always its first id"):
    i = item(True)
    proxy = Proxy(ferry.smtp, 0, swallow=(b"queued as", 3)).start()
    for n in range(3):
        c = Client(proxy.port)
        try:
            c.hello()
            c.deliver(i)
            raise AssertionError("the reply came through")
        except ConnectionError:
            pass
    ids = {send_again(i)}
    proxy.stop()
    assert any("event=accepted-before" in l and "as=%s" % list(ids)[0] in l for l in ferry.log_text().splitlines()), ids
    expect(i, 1)

with tap.case("it is known without regard to the client's address, and by another process"):
    for _ in range(8):
        i = item(True)
        c = connect()
        c.mail(i)
        c.send(i.wire)
        end(c, RESET)
        with socket.create_connection(("127.0.0.1", ferry.smtp), timeout=120, source_address=("127.0.0.9", 0)) as s:
            d = Client.__new__(Client)
            d.lmtp, d.rest, d.sock = False, b"", s
            d.hello()
            d.deliver(i)
            d.command("QUIT", 221)
        expect(i, 1)

with tap.case("it comes again with fewer recipients, with more, and in another order"):
    i = item(True, ("office", "scans", "news"))
    c = connect()
    c.mail(i)
    c.send(i.wire)
    end(c, RESET)
    whole = i.rcpts
    for rcpts in ([whole[1]], [whole[2], whole[0]], [whole[1], whole[0], address("alarm")]):
        i.rcpts = rcpts
        c = connect()
        c.mail(i)
        c.send(i.wire)
        end(c, RESET)
    send_again(i)
    for folder in ("INBOX", "Scans", "Lists/News & more", "Panel/Alarms"):
        expect(i, 1, folder)

with tap.case("LMTP: the client reads a part of the replies, and comes again with the rest, or with all"):
    for again in (slice(1, 3), slice(0, 3)):
        i = item(True, ("office", "scans", "news"))
        c = connect(lmtp=True)
        c.mail(i)
        c.send(i.wire)
        c.expect(250)
        end(c, RESET)
        i.rcpts = i.rcpts[again]
        send_again(i, lmtp=True)
        for folder in ("INBOX", "Scans", "Lists/News & more"):
            expect(i, 1, folder)

with tap.case("rules that refuse it by now are not asked again; the first id is"):
    i = item(True)
    c = connect()
    c.mail(i)
    c.send(i.wire)
    first = c.expect(250).split()[-1]
    end(c, RESET)
    while open_ones:
        open_ones.pop().close()
    rules = office.area.read(os.path.join(ferry.name, "office.sieve"))
    ferry.write("office.sieve", 'require "reject"; reject "Go away";')
    ferry.renew()
    try:
        send_again(item(True))
        raise AssertionError("the new rules are not in force")
    except Refused as e:
        assert e.code == 550, e
    assert send_again(i) == first
    expect(i, 1)
    ferry.write("office.sieve", rules)
    ferry.renew()

with tap.case("it is known after a restart"):
    i = item(True)
    j = item(False)
    for one in (i, j):
        c = connect()
        c.mail(one)
        c.send(one.wire)
        end(c, RESET)
    assert ferry.stop() == 0
    ferry.start()
    for one in (i, j):
        send_again(one)
        expect(one, 1)

# ---- deaths ----
ends_are_told = False


def begun(i):
    """A session that may send I. That one receiver has a spool again says nothing of the other."""
    def session():
        try:
            c = connect()
            c.mail(i)
            return c
        except (OSError, Refused):
            return None
    return wait_for("a session that may send", session)


dice = random.Random(int(os.environ.get("MAILFERRY_TEST_SEED", time.time())))
for victim in ("receiver", "spool", "all"):
    with tap.case("killed while it decides: %s" % victim):
        for n in range(6):
            i = item(True)
            c = begun(i)
            c.send(i.wire)
            time.sleep(dice.choice((0, 0.0005, 0.002, 0.01)))
            if victim == "all":
                ferry.kill()
            else:
                for pid, line in ferry.children().items():
                    if "mailferry-" + victim in line:
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except ProcessLookupError:
                            pass
            try:
                c.reply()
            except OSError:
                pass
            c.close()
            if victim == "all":
                ferry.start()
            deadline = time.monotonic() + 60
            while True:
                try:
                    send_again(i)
                    break
                except (OSError, Refused):
                    assert time.monotonic() < deadline, "nobody takes it any more"
                    time.sleep(0.1)
            expect(i, 1)

with tap.case("killed at each step up to the one between the commit and the 250"):
    assert ferry.stop() == 0
    mark = len(ferry.log_text())
    # Steps of the programs interleave: a number that was another's this time is the one in between next time.
    for tries in range(150):
        step = 1 + tries % 15
        ferry.use_steps(0)
        ferry.start()
        i = item(True)
        c = connect()
        c.mail(i)
        ferry.steps.set(step)
        c.send(i.wire)
        try:
            read = c.reply()[0] == 250
        except OSError:
            read = False
        c.close()
        ferry.kill()
        ferry.env.pop("MAILFERRY_STEPS")
        if not read:
            ferry.start()
            send_again(i)
            ferry.kill()
        expect(i, 1)
        if "accepted, 250 not yet said" in ferry.log_text()[mark:]:
            break
    else:
        raise AssertionError("that step was not met")
    tap.diag("after %d tries" % (tries + 1))
    ferry.start()

with tap.case("in the end each is there as often as it should be"):
    ferry.drained(240)
    have = {}
    for folder, messages in office.store.messages().items():
        for m in messages:
            have.setdefault(m.subject, {}).setdefault(folder, 0)
            have[m.subject][folder] += 1
    wrong = []
    for subject, folders in expected.items():
        for folder, copies in folders.items():
            n = have.get(subject, {}).get(folder, 0)
            if n != copies:
                wrong.append("%s in %s: %d, not %s" % (subject, folder, n, copies))
    assert not wrong, "\n".join(wrong)
    assert ferry.stop() == 0
office.area.close()
tap.done()
