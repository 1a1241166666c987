"""Certificates and keys in files: what is refused, what is only told, and what becomes of a change."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from lib.tls import TlsClient, context, self_signed  # noqa: E402

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
office = Office(tap, "tls_files", config={"operator": "office@office.example"})
ferry, store = office.ferry, office.store
for base, names, days in (("main", ["mail.office.example"], 30), ("other", ["else.example"], 90),
                          ("old", ["mail.office.example"], -2), ("soon", ["mail.office.example"], 90),
                          ("new", ["new.office.example", "mail.office.example"], 90)):
    self_signed(ferry, base, names, days)
people = Authority(office.area.mkdir("people"), ["DNS:mail.office.example"])


def read(path):
    with open(path) as f:
        return f.read()


def pem(name):
    return read(ferry.path(name))


main = {"certificate": "main.pem", "key": "main.key"}
ferry.save(certificates={"main": main}, listeners={"lmtp": {"tls": "none"}})


def check(listener=None, **certificate):
    """What `mailferry check` says with that changed in the certificate: status, all its words."""
    config = dict(ferry.config, certificates={"main": dict(main, **certificate)} if certificate is not None else None)
    if listener:
        config["listeners"] = dict(ferry.config["listeners"], lan=dict(ferry.config["listeners"]["lan"], **listener))
    kept, ferry.config = ferry.config, config
    try:
        ferry.save()
        p = ferry.command("check")
        return p.returncode, p.stdout + p.stderr
    finally:
        ferry.config = kept
        ferry.save()


with tap.case("check tells which certificate is for which names, until when, and who shows it"):
    status, text = check()
    assert status == 0, text
    assert "certificate main: for mail.office.example, and for whoever asks for another name; until 20" in text, text
    assert "listener lan (127.0.0.1:%d): STARTTLS" % ferry.smtp in text and "): no TLS" in text, text

with tap.case("what can't be used is refused with file, line and what to do"):
    ferry.write("open.key", pem("main.key"), 0o644)
    ferry.write("closed.pem", pem("main.pem"), 0o600)
    ferry.write("empty.pem", "", 0o644)
    ferry.write("words.pem", "nothing\n", 0o644)
    ferry.write("broken.pem", pem("main.pem").replace("M", "*", 4), 0o644)
    ferry.write("backwards.pem", read(people.ca) + read(people.cert))
    ferry.write("strangers.pem", pem("main.pem") + pem("other.pem"))
    ferry.write("trailing.pem", pem("main.pem") + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ferry.write("ca.key", read(os.path.join(people.dir, "ca.key")), 0o600)
    locked = subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", ferry.path("main.key")],
                            capture_output=True, check=True).stdout
    ferry.write("locked.key", locked, 0o600)
    weak = subprocess.run("openssl req -x509 -newkey rsa:1024 -nodes -keyout /dev/stdout -subj /CN=weak -days 9",
                          shell=True, capture_output=True, check=True).stdout
    ferry.write("weak.pem", weak, 0o600)
    for change, words in (({"key": "open.key"}, ("key `certificates.main.key'", "everybody may read", "chmod")),
                          ({"key": "missing.key"}, ("key `certificates.main.key'", "missing.key")),
                          ({"key": "locked.key"}, ("passphrase", "openssl pkey")),
                          ({"key": "closed.pem"}, ("holds no private key",)),
                          ({"key": "other.key"}, ("other.key", "not that of the first certificate", "main.pem")),
                          ({"certificate": "empty.pem"}, ("empty.pem",)),
                          ({"certificate": "words.pem"}, ("no PEM file",)),
                          ({"certificate": "broken.pem"}, ("broken.pem", "no certificate")),
                          ({"certificate": "backwards.pem", "key": "ca.key"}, ("certificate 1 is not by certificate 2",)),
                          ({"certificate": "strangers.pem"}, ("certificate 1 is not by certificate 2", "fullchain.pem")),
                          ({"certificate": "trailing.pem"}, ("behind certificate 1",)),
                          ({"certificate": "weak.pem", "key": "weak.pem"}, ("too weak",)),
                          ({"certificate": None}, ("certificates.main.certificate", "missing"))):
        made = dict(main, **change)
        made = {k: v for k, v in made.items() if v is not None}
        kept, ferry.config = ferry.config, dict(ferry.config, certificates={"main": made})
        ferry.save()
        p = ferry.command("check")
        ferry.config = kept
        text = p.stdout + p.stderr
        assert p.returncode == 78 and ferry.file in text, (change, text)
        for word in words:
            assert word in text, (change, word, text)
    ferry.save()

with tap.case("keys of listeners that don't fit are refused"):
    for change, words in (({"legacy_tls": True}, "everybody may connect"),
                          ({"legacy_tls": True, "networks": ["0.0.0.0/0"]}, "everybody may connect"),
                          ({"tls": "none", "legacy_tls": True}, "no TLS"),
                          ({"tls": "none", "client_ca": people.ca}, "no TLS"),
                          ({"client_ca": ferry.path("main.key")}, "client_ca"),
                          ({"tls": "always"}, "starttls")):
        status, text = check(listener=change)
        assert status == 78 and words in text, (change, text)
    kept, ferry.config = ferry.config, dict(ferry.config)
    ferry.config.pop("certificates")
    ferry.config["listeners"] = dict(ferry.config["listeners"], lan=dict(ferry.config["listeners"]["lan"], tls="required"))
    ferry.save()
    p = ferry.command("check")
    ferry.config = kept
    ferry.save()
    assert p.returncode == 78 and "give the group certificates" in p.stdout + p.stderr, p.stderr

with tap.case("what a person should know is told: expired, soon expiring, without its chain, for everybody and open"):
    for change, words in (({"certificate": "old.pem", "key": "old.key"}, "it has expired on"),
                          ({"certificate": people.cert, "key": "people.key"}, "only the certificate itself")):
        if "people" in change["key"]:
            ferry.write("people.key", read(people.key), 0o600)
        status, text = check(**change)
        assert status == 0 and "warning: certificate `main': " in text and words in text, (change, text)
    kept, ferry.config = ferry.config, dict(ferry.config)
    ferry.config.pop("certificates")
    ferry.config["listeners"] = {"mx": {"address": "0.0.0.0:%d" % free_port()}}
    ferry.save()
    p = ferry.command("check")
    ferry.config = kept
    ferry.save()
    assert p.returncode == 0 and "it has no TLS" in p.stderr, p.stderr


def shown():
    c = TlsClient(ferry.smtp).starttls()
    names = c.peer_names()
    c.close()
    return names


def replace(certificate, key):
    ferry.write("main.key", key, 0o600)
    ferry.write("main.pem", certificate)


with tap.case("an expired certificate is served all the same, and the operator is told"):
    fine = pem("main.pem"), pem("main.key")
    replace(pem("old.pem"), pem("old.key"))
    office.start()
    assert shown() == ["mail.office.example"]
    wait_for("the notice", lambda: [m for m in store.messages("office").get("INBOX", [])
                                    if m.subject == "mailferry: certificate main is not valid"], 150)
    assert "event=certificate" in ferry.log_text()

with tap.case("files that change are taken up without a word; the session that is there goes on"):
    c = TlsClient(ferry.smtp).starttls()
    c.command("EHLO a", 250)
    mark = len(ferry.log_text())
    replace(pem("new.pem"), pem("new.key"))
    wait_for("the new certificate", lambda: shown() == ["new.office.example", "mail.office.example"], 150)
    assert "event=file-changed" in ferry.log_text()[mark:] and "event=reloaded" in ferry.log_text()[mark:]
    c.deliver(Item("<lives-on@example.org>", [address("scans")], message("<lives-on@example.org>")))
    c.quit()

with tap.case("a bad change leaves the old certificate, a line in the log, and a notice"):
    mark = len(ferry.log_text())
    ferry.write("main.key", pem("other.key"), 0o600)
    wait_for("the complaint", lambda: "event=reload-failed" in ferry.log_text()[mark:], 150)
    assert shown() == ["new.office.example", "mail.office.example"]
    assert ferry.log_text()[mark:].count("not that of the first certificate") == 1, ferry.log_text()[mark:]
    wait_for("the notice", lambda: [m for m in store.messages("office").get("INBOX", [])
                                    if "main.key has changed and can't be used" in m.subject], 60)
    before = ferry.log_text().count("event=reload-failed")
    ferry.write("main.pem", pem("other.pem"))
    wait_for("the other half", lambda: shown() == ["else.example"], 150)
    assert ferry.log_text().count("event=reload-failed") == before

with tap.case("all that was accepted is filed"):
    ferry.drained()

store.stop()
tap.done()
