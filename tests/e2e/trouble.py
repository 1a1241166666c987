"""What goes wrong in offices: each gives one clear line that says what to do, and mail waits until it is mended."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port, wait_for  # noqa: E402
from lib.dovecot import LOCAL, Authority, silent_listener  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "trouble", tls="implicit")
area, store, ferry = office.area, office.store, office.ferry
store.start()
good_port = ferry.account["port"]
other = Authority(area.mkdir("other"))
area.own(other.ca)
os.chmod(other.ca, 0o644)
serial = 0


def send(to="scans"):
    global serial
    serial += 1
    ident = "<trouble-%d@example.org>" % serial
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address(to)], message(ident)))
    c.quit()
    return ident


def waits(words):
    """The queue's reason, once it has all WORDS (regular expressions, without regard to case)."""
    def test():
        rows = ferry.queue()
        # Not in the whole row: an address may have the words, too.
        reason = rows[0]["account_held_for"] or "" if len(rows) == 1 else ""
        return all(re.search(w, reason, re.I) for w in words) and reason in ferry.command("queue").stdout
    try:
        wait_for("a reason with %s in the queue" % (words,), test)
    except AssertionError as e:
        raise AssertionError("%s\n%s%s" % (e, ferry.command("queue").stdout, json.dumps(ferry.queue(), indent=1)))


def one_line(words, before):
    """The log since then has a line with all the words, and does not repeat it without end."""
    lines = [line for line in ferry.log_text()[before:].splitlines() if all(re.search(w, line, re.I) for w in words)]
    assert lines, "no log line has %s" % (words,)
    assert len(lines) < 40, "%d lines like %s" % (len(lines), lines[0])
    tap.diag(lines[0])


def arrives(ident, folder="Scans"):
    # A folder that two open at once for the first time may tell one of them no UIDVALIDITY: nobody looks before it is filed.
    ferry.drained()
    assert ident in [m.id for m in store.messages().get(folder, [])], store.messages()


def trouble(name, words, spoil, mend, person=False):
    with tap.case(name):
        spoil()
        # Long enough that only the reload can end the waiting.
        set_account(retry_min="10m", retry_max="1h")
        before = len(ferry.log_text())
        ferry.start()
        try:
            ident = send()
            waits(words)
            one_line(words, before)
            check = ferry.command("status", "--check")
            assert check.returncode == (2 if person else 1), check.stdout
            assert sum(store.count().values()) == serial - 1, "it went somewhere all the same"
            mend()
            ferry.reload()
            arrives(ident)
            assert ferry.stop() == 0
        finally:
            ferry.kill()
            set_account(retry_min="1s", retry_max="2s")


def set_password(text):
    ferry.write("office.password", text, 0o600)


def set_account(**changes):
    ferry.save(accounts={"office": changes})


def set_names(names):
    store.rename(names)
    store.restart()


silent, silent_port = silent_listener()

trouble("wrong password", ["office", "password|log ?in|authenti|credential"],
        lambda: set_password("wrong\n"), lambda: set_password("s3cret\n"), person=True)
trouble("unknown certificate authority", ["certificate|authority", "localhost"],
        lambda: set_account(ca_file=other.ca), lambda: set_account(ca_file=store.ca), person=True)
trouble("wrong host name in the certificate", ["name", "localhost"],
        lambda: set_names(("DNS:imap.example.net",)), lambda: set_names(LOCAL), person=True)
trouble("store unreachable: nobody listens", ["localhost", "refused"],
        lambda: set_account(port=free_port()), lambda: set_account(port=good_port))
trouble("store silent", ["localhost|office", "time|answer"],
        lambda: set_account(port=silent_port, timeout="3s"), lambda: set_account(port=good_port, timeout=None))
trouble("host name that does not resolve", ["store\\.invalid"],
        lambda: set_account(host="store.invalid"), lambda: set_account(host="localhost"))
silent.close()

with tap.case("unknown folder without :create: INBOX, with a note"):
    ferry.write("office.sieve", 'require "fileinto"; fileinto "No such folder";')
    ferry.start()
    ident = send()
    ferry.drained()
    assert ident in [m.id for m in store.messages()["INBOX"]]
    assert "No such folder" not in store.folders()
    text = ferry.command("trace", ident, check=True).stdout
    assert "INBOX" in text and "No such folder" in text, text
    ferry.stop()

with tap.case("folder with :create is made once, and subscribed to or not, but the mail is in it"):
    ferry.write("office.sieve", 'require ["fileinto", "mailbox"]; fileinto :create "Made/By/Rule";')
    ferry.start()
    idents = [send(), send()]
    ferry.drained()
    assert sorted(m.id for m in store.messages()["Made/By/Rule"]) == sorted(idents)
    ferry.stop()

# ---- configurations that are refused: (name, what to change, words that the line must have) ----
CONFIGURATIONS = (
    ("unknown key, with the nearest one", lambda: ferry.save(hostnam="x"), ["hostnam\\b", "hostname"]),
    ("unknown key of an account", lambda: set_account(addreses=["a@office.example"]), ["addreses", "addresses"]),
    ("wrong type", lambda: set_account(port="imaps"), ["port", "65535", "imaps"]),
    ("out of range", lambda: set_account(port=70000), ["port", "65535"]),
    ("no unit", lambda: set_account(settle="soon"), ["settle", "soon"]),
    ("a bare domain star", lambda: set_account(addresses=["*"]), ["addresses"]),
    ("a rules file that is not there", lambda: set_account(rules="nowhere.sieve"), ["nowhere.sieve"]),
    ("a password that others can read", lambda: os.chmod(ferry.path("office.password"), 0o644),
     ["office.password", "chmod|others"]),
    ("libconfig's own syntax error",
     lambda: ferry.write("mailferry.conf", 'limits = { message_size = 50M; };\n', 0o600),
     ["mailferry.conf:1", "quot"]),
    ("a file that is not there", lambda: os.unlink(ferry.file), ["mailferry.conf"]),
)
for name, spoil, words in CONFIGURATIONS:
    with tap.case("wrong configuration: " + name):
        kept = json.loads(json.dumps(ferry.config))
        try:
            spoil()
            for verb in ("check", "run"):
                p = ferry.command(verb)
                assert p.returncode == 78 or (name.endswith("not there") and p.returncode), (verb, p.returncode)
                text = p.stderr + p.stdout
                for w in words + (["mailferry.conf:\\d+"] if "key" in name or "type" in name else []):
                    assert re.search(w, text), "%s: %s is missing in:\n%s" % (verb, w, text)
                if verb == "check":
                    tap.diag(text)
        finally:
            ferry.config = kept
            ferry.save()
            os.chmod(ferry.path("office.password"), 0o600)

with tap.case("rules that do not compile are refused with line and column"):
    ferry.write("office.sieve", 'require "fileinto";\nif header :contains "subject" "x" { fileinto }\n')
    for verb in ("check", "run"):
        p = ferry.command(verb)
        assert p.returncode in (65, 78) and "office.sieve:2:" in p.stderr + p.stdout, (p.returncode, p.stderr, p.stdout)
    ferry.write("office.sieve", "keep;\n")

with tap.case("a good configuration passes `check', and `route' explains"):
    ferry.command("check", check=True)
    text = ferry.command("route", "Anybody+x@OFFICE.example", check=True).stdout
    assert "office" in text and "@office.example" in text, text
    p = ferry.command("route", "stranger@elsewhere.example")
    assert p.returncode != 0, (p.returncode, p.stdout)

store.stop()
tap.done()
