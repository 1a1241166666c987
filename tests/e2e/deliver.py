"""The main job: 2,000 messages from 20 sessions, and messages with attachments, each in its folder exactly once."""

import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import find_program  # noqa: E402
from lib.office import FOLDERS, Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "deliver", tls="implicit")
area, store, ferry = office.area, office.store, office.ferry

with tap.case("mailferry starts on a configuration with TLS"):
    office.start()

with tap.case("2,000 messages from 20 sessions of smtp-source are each in their folder once"):
    tap.need_here("smtp-source", "postfix")
    names = ["scans", "alarm", "news", "office"]
    smtp_source, env = area.tool("smtp-source")
    sources = [area.start(
        [smtp_source, "-s", "5", "-m", "500", "-l", "4096", "-f", "panel@example.org", "-t", address(n)] +
        (["-d"] if i % 2 else []) + ["127.0.0.1:%d" % ferry.smtp],
        log="source." + n, env=env) for i, n in enumerate(names)]
    try:
        for p, n in zip(sources, names):
            assert p.wait(600) == 0, area.tail("source." + n)
    finally:
        for p in sources:
            area.kill(p)
    ferry.drained(300)
    got = store.messages()
    for n in names:
        have = collections.Counter(m.id for m in got.get(FOLDERS[n], []))
        assert len(have) == 500 and set(have.values()) == {1}, \
            "%s: %d different ones, %d in all" % (FOLDERS[n], len(have), sum(have.values()))
    assert sum(map(len, got.values())) == 2000, {f: len(m) for f, m in got.items()}

with tap.case("messages with attachments, sent by swaks, arrive octet for octet"):
    tap.need_here("swaks", "swaks")
    store.empty()
    scan = bytes(range(256)) * 1200  # 300 KB, which is over what stands in the spool's rows
    pdf = area.write("scan.pdf", scan)
    for i, n in enumerate(("scans", "office", "scans")):
        p = area.run([find_program("swaks"), "--timeout", "120", "--server", "127.0.0.1", "--port", str(ferry.smtp), "--from",
                      "scanner@example.org", "--to", address(n), "--header", "Subject: Scan %d" % i,
                      "--header", "Message-Id: <swaks-%d@example.org>" % i, "--body", "See attachment.",
                      "--attach-type", "application/pdf", "--attach", "@" + pdf])
        assert p.returncode == 0, p.stdout + p.stderr
    ferry.drained()
    got = store.messages(body=True)
    for i, folder in enumerate(("Scans", "INBOX", "Scans")):
        found = [m for m in got[folder] if m.id == "<swaks-%d@example.org>" % i]
        assert len(found) == 1, "%d copies in %s" % (len(found), folder)
        parts = [p for p in found[0].headers.walk() if p.get_content_type() == "application/pdf"]
        assert len(parts) == 1 and parts[0].get_payload(decode=True) == scan, "the attachment was changed"

with tap.case("a folder that somebody deletes while large messages are on their way is made again; nobody is asked"):
    for i in range(12):
        store.empty()
        p = area.run([find_program("swaks"), "--timeout", "120", "--server", "127.0.0.1", "--port", str(ferry.smtp), "--from",
                      "scanner@example.org", "--to", address("scans"), "--header", "Message-Id: <gone-%d@example.org>" % i,
                      "--body", "x", "--attach-type", "application/pdf", "--attach", "@" + pdf])
        assert p.returncode == 0, p.stdout + p.stderr
        ferry.drained()
        assert [m.id for m in store.messages()["Scans"]] == ["<gone-%d@example.org>" % i], store.count()

with tap.case("over LMTP each recipient has its answer, and one folder gets one copy"):
    store.empty()
    c = Client(ferry.lmtp, lmtp=True)
    c.hello()
    ident = "<lmtp@example.org>"
    c.mail(Item(ident, [address("scans"), address("big"), address("1scans")], b""))
    c.send(Item(ident, [], message(ident)).wire)
    for _ in range(3):
        c.expect(250)
    c.quit()
    ferry.drained()
    assert {f: n for f, n in store.count().items() if n} == {"Scans": 1, "Big": 1}, store.count()

with tap.case("a delivered message has the lines that its way added, and its own unchanged"):
    m = store.messages(body=True)["Big"][0]
    assert m.headers["Return-Path"] == "<sender@example.org>", m.raw
    assert m.headers["Delivered-To"] == address("big"), m.raw
    assert "mail.office.example" in m.headers["Received"], m.raw
    assert m.raw.endswith(message(ident)), m.raw

with tap.case("it stops cleanly"):
    assert ferry.stop() == 0
store.stop()
tap.done()
