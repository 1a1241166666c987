"""COMPRESS=DEFLATE: what is filed over a packed line is what was sent, octet by octet; and where it is left alone."""

import collections
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Store  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
EXTRA = "protocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n"
dice = random.Random(int(os.environ.get("MAILFERRY_TEST_SEED", "4978")))
serial = 0


def letters(n):
    """Lines of text that packs a little, as base64 does, and of text that packs well."""
    lines, size = [], 0
    while size < n:
        if dice.random() < 0.5:
            line = bytes(dice.choices(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=76))
        else:
            line = b"The scanner in the hall has sent a page; it is in the folder Scans. "
        lines.append(line + b"\r\n")
        size += len(lines[-1])
    return b"".join(lines)


def mails(count, large=()):
    """What is sent, by message id."""
    global serial
    out = {}
    for i in range(count):
        serial += 1
        ident = "<packed-%d@example.org>" % serial
        size = large[i] if i < len(large) else dice.randrange(1, 20000)
        out[ident] = b"Message-ID: %s\r\nSubject: %d octets\r\n\r\n%s" % (ident.encode(), size, letters(size))
    return out


def send(ferry, what, to="office"):
    c = Client(ferry.smtp)
    c.hello()
    for ident, octets in what.items():
        c.deliver(Item(ident, [address(to)], octets))
    c.quit()


def filed(store):
    return {m.id: m.raw for box in store.messages(body=True).values() for m in box}


def arrived(store, what):
    there = filed(store)
    assert sorted(there) == sorted(what), (len(there), len(what))
    for ident, octets in what.items():
        assert there[ident].endswith(b"\r\n" + octets), "%s was changed" % ident


def log_lines(ferry):
    return re.findall(r"event=compressed .*", ferry.log_text())


for tls in ("none", "implicit", "starttls"):
    office = Office(tap, "compress", tls=tls, config={"accounts": {"office": {"compress": "on"}}}, dovecot={"extra": EXTRA})
    if tls == "starttls":
        office.ferry.save(accounts={"office": {"port": office.store.port}})
    with tap.case("all octets arrive, and the log says what was saved, with tls %s" % tls):
        office.start()
        sent = mails(40, large=(3000000, 700000))
        send(office.ferry, sent)
        office.ferry.drained()
        assert office.ferry.stop() == 0
        arrived(office.store, sent)
        lines = log_lines(office.ferry)
        tap.diag(lines)
        numbers = collections.Counter()  # over all sessions; each tells what it saved
        for line in lines:
            one = dict((k, int(v)) for k, v in re.findall(r"(\w+)=(\d+)", line))
            assert one["received"] > 0 and one["saved_percent"] < 100, line
            numbers.update(one)
        assert numbers["sent"] > 3700000 and numbers["sent_packed"] < numbers["sent"] * 0.9, numbers
        assert numbers["saved_percent"] > 10, numbers

office = Office(tap, "auto", dovecot={"extra": EXTRA})
with tap.case("auto leaves a store in our own network alone"):
    office.start()
    sent = mails(3)
    send(office.ferry, sent)
    office.ferry.drained()
    assert office.ferry.stop() == 0
    arrived(office.store, sent)
    assert not log_lines(office.ferry)
    assert "this network" in office.ferry.command("probe", check=True).stdout
    office.ferry.save(accounts={"office": {"compress": "off"}})
    assert 'compress is "off"' in office.ferry.command("probe", check=True).stdout
office.store.stop()


class Refuses(Store):
    """Offers it, and does not mean it."""
    capabilities = Store.capabilities + " COMPRESS=DEFLATE"


def with_peer(store, count):
    ferry = office.ferry
    ferry.write("office.password", "secret\n", 0o600)
    ferry.save(accounts={"office": {"compress": "on", "port": store.port, "user": "user"}})
    ferry.start()
    sent = mails(count)
    send(ferry, sent)
    ferry.drained()
    assert ferry.stop() == 0
    there = [m[2] for f in store.folders.values() for m in f.messages.values()]
    assert len(there) == count, (len(there), count)
    for octets in sent.values():
        assert any(t.endswith(b"\r\n" + octets) for t in there)


with tap.case("a store that refuses what it offered is served plainly"):
    store = Refuses()
    store.fail_command("COMPRESS", "NO [COMPRESSIONACTIVE] TLS does that", times=1000)
    with_peer(store, 5)
    assert "event=compress-refused" in office.ferry.log_text()
    store.close()

with tap.case("replies that come in single octets are unpacked all the same"):
    store = Refuses()
    store.chunk = 1
    with_peer(store, 20)
    assert "COMPRESS" in store.commands, store.commands
    store.close()

tap.done()
