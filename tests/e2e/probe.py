"""mailferry probe: what it says of a good store and of bad ones, with and without a daemon, and that it leaves no trace."""

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import free_port, kill_each, wait_for  # noqa: E402
from lib.dovecot import LOCAL, Authority, silent_listener  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_script import Script  # noqa: E402
from peers.imap_store import Store  # noqa: E402

EXTRA = """
namespace inbox {
  mailbox Spam {
    auto = create
    special_use = \\Junk
  }
  mailbox Sent {
    auto = create
  }
}
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=1G
  quota_vsizes = yes
}
"""

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
office = Office(tap, "probe", tls="implicit", dovecot={"extra": EXTRA})
area, store, ferry = office.area, office.store, office.ferry
store.start()
good_port = ferry.account["port"]
other = Authority(area.mkdir("other"))
area.own(other.ca)
os.chmod(other.ca, 0o644)


def set_account(**changes):
    ferry.save(accounts={"office": changes})


def openssl(*args, data=None):
    return subprocess.run(("openssl",) + args, check=True, capture_output=True, input=data).stdout


def fingerprint():
    text = openssl("x509", "-in", store.authority.cert, "-noout", "-fingerprint", "-sha256").decode()
    return text.split("=")[1].strip()


def pin():
    """As the manual tells people to read it from their server."""
    key = openssl("x509", "-in", store.authority.cert, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "der", data=key)
    return openssl("base64", data=openssl("dgst", "-sha256", "-binary", data=der)).decode().strip()


def probe(*args, status=0):
    p = ferry.command("probe", *args)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    assert "s3cret" not in p.stdout + p.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", p.stdout + p.stderr), (p.stdout, p.stderr)
    return p


def facts(*args, status=0):
    return json.loads(probe("--json", *args, status=status).stdout)


def has(text, *words):
    for w in words:
        assert re.search(w, text), "no %s in:\n%s" % (w, text)


with tap.case("one screen says what a good store is like"):
    m = store.connect()
    m.create("Projects/Roof")
    m.logout()
    p = probe("office")
    tap.diag(p.stdout)
    has(p.stdout, r"reached +127\.0\.0\.1:%d: \d+ ms" % good_port, r"encrypted +TLSv1\.[23], ", "issued by mailferry test",
        re.escape(fingerprint()), re.escape(pin()), r"logged in +as office, by PLAIN", r"server +Dovecot", "MULTIAPPEND",
        "UIDPLUS", r"quota .*1\.0 GB", r"folders +4: Spam .\\Junk., Sent .\\Sent, by its name., ", "Projects/Roof", "the TLS session was resumed")
    assert p.stderr == "", p.stderr

with tap.case("the same as JSON"):
    f = facts()
    assert f["pin_sha256"] == pin() and f["certificate_sha256"] == fingerprint(), f
    assert f["resumed"] == 1 and f["separator"] == "/" and f["quotas"][0]["resource"] == "STORAGE", f
    assert {x["name"]: x["use"] for x in f["folders"]}["Spam"] == "\\Junk", f["folders"]
    assert "Projects/Roof" in [x["name"] for x in f["folders"]] and all(s["good"] for s in f["steps"]), f
    assert "UIDPLUS" in f["capabilities"].split() and "failed" not in f, f

with tap.case("with STARTTLS, and without TLS, which it says"):
    set_account(tls="starttls", port=store.port)
    f = facts()
    assert f["tls_version"].startswith("TLSv1.") and f["resumed"] == 1, f
    assert [s["step"] for s in f["steps"]][:4] == ["connect", "encrypt", "greeting", "login"]
    set_account(tls="none", port=store.port)
    has(probe().stdout, r"encrypted +NO")
    set_account(tls="implicit", port=good_port)


def send(ident):
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address("office")], message(ident)))
    c.quit()


def mark():
    """Two messages in INBOX, one of which its owner has marked as deleted and not removed."""
    m = store.connect()
    m.append("INBOX", "", None, b"Message-ID: <kept@example.org>\r\n\r\nkept\r\n")
    m.append("INBOX", "\\Deleted", None, b"Message-ID: <marked@example.org>\r\n\r\nmarked\r\n")
    m.logout()


with tap.case("--write files a message, finds it and removes it, and only it"):
    store.empty()
    mark()
    p = probe("--write")
    tap.diag(p.stdout)
    has(p.stdout, r"written into INBOX: \d+ ms", r"found by its UID \d+, which the store told, and header", r"removed: \d+ ms")
    assert sorted(m.id for m in store.messages()["INBOX"]) == ["<kept@example.org>", "<marked@example.org>"]

with tap.case("--write beside a running daemon, which goes on"):
    ferry.start()
    assert facts("--write")["test_left"] == 0
    send("<beside@example.org>")
    ferry.drained()
    assert facts("--write")["test_left"] == 0
    assert sorted(m.id for m in store.messages()["INBOX"]) == ["<beside@example.org>", "<kept@example.org>",
                                                              "<marked@example.org>"]
    assert ferry.stop() == 0

# ---- trust ----
def sessions():
    return re.findall(r"event=logged-in .*session=(\w+)", ferry.log_text()[before:])


def hang_up():
    """The store's end of the connection goes away, as it does when a client has been idle for long."""
    ps = area.run(["ps", "-o", "pid=,args=", "-g", str(store.process.pid)]).stdout
    kill_each([int(line.split()[0]) for line in ps.splitlines() if line.rstrip().endswith("/imap")])


with tap.case("the daemon's next connection resumes its TLS session"):
    before = len(ferry.log_text())
    ferry.save(log_level="debug")
    ferry.start()
    try:
        # On a machine that stands still for ten seconds, the store's program may leave in between, and its tickets too.
        for n in range(5):
            send("<again-%d@example.org>" % n)
            ferry.drained()
            if "resumed" in sessions():
                break
            hang_up()
            time.sleep(1.2)  # a connection that was used just now is not asked whether it is still good
        assert sessions()[0] == "new" and sessions()[-1] == "resumed", sessions()
        assert ferry.stop() == 0
    finally:
        ferry.kill()
        ferry.save(log_level=None)

with tap.case("a pin alone is enough, whoever signed the certificate and for whatever name"):
    set_account(ca_file=None, pin_sha256=[pin()])
    store.rename(("DNS:imap.example.net",))
    store.restart()
    set_account(pin_sha256=["A" * 43 + "=", "sha256//" + pin()])
    has(probe().stdout, re.escape(pin()) + ".*which is what is trusted")

with tap.case("with ca_file too, both must be right"):
    set_account(ca_file=store.ca)
    has(probe(status=78).stderr, "is for imap.example.net, not for localhost")
    store.rename(LOCAL)
    store.restart()
    has(probe(status=78).stderr, "another key than pin_sha256")
    set_account(pin_sha256=pin())
    probe()

with tap.case("the server's key changes: mail waits with the new pin in the reason, and goes when it is set"):
    set_account(ca_file=None, retry_min="10m", retry_max="1h")
    store.rename(LOCAL)
    store.restart()
    ferry.start()
    send("<changed@example.org>")
    wait_for("the reason", lambda: "another key" in ferry.command("queue").stdout)
    has(ferry.command("queue", "list", "--json").stdout, "another key than pin_sha256", re.escape(pin()))
    set_account(pin_sha256=pin())
    ferry.reload()
    ferry.drained()
    assert "<changed@example.org>" in [m.id for m in store.messages()["INBOX"]]
    assert ferry.stop() == 0
    set_account(ca_file=store.ca, pin_sha256=None, retry_min="1s", retry_max="2s")

# ---- what is wrong: (name, change, status, the step that fails, words) ----
silent, silent_port = silent_listener()
babble = Script(("send", "220 \x1b[31mmail.example.net\x1b[0m ESMTP"), ("stall", 1))
FAULTS = (
    ("wrong password", {"user": "nobody-there"}, 78, "login", ["refuses the password", "nobody-there"]),
    ("unknown authority", {"ca_file": other.ca}, 78, "encrypt", ["unknown authority .mailferry test authority", "ca_file"]),
    ("nobody listens", {"port": free_port()}, 69, "connect", ["refused", "check host and port"]),
    ("no such host", {"host": "store.invalid"}, 69, "connect", ["store.invalid"]),
    ("a store that is silent", {"port": silent_port, "timeout": "6s"}, 75, "encrypt", ["did not answer in time"]),
    ("no TLS on this port", {"port": store.port}, 78, "encrypt", ["does not speak TLS from the first octet", "starttls"]),
    ("no IMAP server", {"port": babble.port, "tls": "none"}, 76, "greeting", ["did not greet as an IMAP server"]),
)
for name, change, status, step, words in FAULTS:
    with tap.case("what to do: " + name):
        kept = json.loads(json.dumps(ferry.config))
        try:
            set_account(**change)
            p = probe(status=status)
            tap.diag(p.stderr)
            has(p.stderr, "account office: %s: " % step, *words)
            has(p.stdout, r"FAILED after \d+ ms")
            f = facts(status=status)
            assert f["failed"] == step and f["status"] == status and re.search(words[0], f["why"]), f
        finally:
            ferry.config = kept
            ferry.save()
silent.close()

# ---- a store that writes to terminals ----
with tap.case("texts of the store do nothing to the terminal"):
    evil = "\x1b]0;owned\x07\x1b[2J"
    rude = Script(("send", "* OK [CAPABILITY IMAP4rev1 LOGIN] %s" % evil), ("expect", "CAPABILITY"),
                  ("send", "* CAPABILITY IMAP4rev1 ID QUOTA"), ("send", "{tag} OK done"),
                  ("expect", "LOGIN"), ("send", "{tag} NO %s" % evil), ("stall", 5))
    set_account(tls="none", port=rude.port, timeout="1m")
    p = probe(status=78)
    has(p.stderr, "refuses the password.*owned")
    rude.close()
    set_account(tls="implicit", port=good_port, timeout=None)

# ---- untagged lines that only the probe reads: (line, what must come of it) ----
QUOTAS = (
    ('* QUOTA "" (STORAGE 10 512 MESSAGE 3 100)', [["", "STORAGE", 10, 512], ["", "MESSAGE", 3, 100]]),
    ('* QUOTA "a\\"b c" (storage 1 2)', [['a"b c', "STORAGE", 1, 2]]),
    ("* QUOTA user.office (STORAGE 18446744073709551615 18446744073709551615)",
     [["user.office", "STORAGE", 2 ** 63 - 1, 2 ** 63 - 1]]),
    ("* QUOTA x (STORAGE 1 99999999999999999999999)", []), ("* QUOTA x (STORAGE", []), ("* QUOTA x", []), ('* QUOTA "x', []),
    ('* QUOTA "x\\', []), ("* QUOTA () (STORAGE 1 2)", []), ("* QUOTA", []), ("* QUOTA x (STORAGE one two)", []),
    ("* QUOTA r (" + " ".join("R%d 1 2" % i for i in range(1000)) + ")", [["r", "R%d" % i, 1, 2] for i in range(16)]),
    ("* QUOTA \x1b[31m (\x1b[2J 1 2)", [["\x1b[31m", "\x1b[2J", 1, 2]]),
)


with tap.case("quota is read as the RFC has it, and nothing else is believed"):
    for line, want in QUOTAS:
        teller = Script(("send", "* OK ready"), ("expect", "CAPABILITY"), ("send", "* CAPABILITY IMAP4rev1 QUOTA ID"),
                        ("send", "{tag} OK done"), ("expect", "LOGIN"), ("send", "{tag} OK done"), ("expect", "CAPABILITY"),
                        ("send", "* CAPABILITY IMAP4rev1 QUOTA ID"), ("send", "{tag} OK done"),
                        ("expect", "LIST"), ("send", '* LIST () "/" ""'), ("send", "{tag} OK done"),
                        ("expect", "ID"), ("send", '* ID ("name" "St\x1b[0more" "version" "2" "x'), ("send", "{tag} OK done"),
                        ("expect", "GETQUOTAROOT"), ("send", "* QUOTAROOT INBOX x"), ("send", line), ("send", "{tag} OK done"),
                        ("expect", "LIST"), ("send", '* LIST () "/" INBOX'), ("send", "{tag} OK done"), ("expect", "LOGOUT"))
        set_account(tls="none", port=teller.port, timeout="1m")
        p = ferry.command("probe", "--json")
        assert p.returncode == 0 and not teller.failures, (line, p.stdout, p.stderr, teller.failures)
        f = json.loads(p.stdout)
        got = [[q["root"], q["resource"], q["used"], q["most"]] for q in f["quotas"]]
        assert got == want, (line, got)
        assert f["server"] == "St\x1b[0more 2", f
        teller.close()
        if want == []:
            assert "quota_note" in f, f
    set_account(tls="implicit", port=good_port, timeout=None)

with tap.case("the command line is checked"):
    p = ferry.command("probe", "nobody")
    assert p.returncode == 64 and "no account" in p.stderr, (p.returncode, p.stderr)
    assert ferry.command("probe", "--frob").returncode == 64
    assert ferry.command("probe", "a", "b").returncode == 64

with tap.case("the program that meets the store runs unprivileged, and ends with the command"):
    if not area.root:
        tap.diag("not root: it runs as we do")
    silent, silent_port = silent_listener()
    set_account(port=silent_port, timeout="1h")
    ferry.save(user=area.user.pw_name)
    p = area.start([os.path.join(area.bin, "mailferry"), "probe", "-c", ferry.file], log="probing",
                   unprivileged=not area.root)

    def child():
        out = subprocess.run(["ps", "-ww", "-o", "pid=,uid=,args=", "--ppid", str(p.pid)], capture_output=True, text=True).stdout
        return [line.split(None, 2) for line in out.splitlines() if "/bin/mailferry-probe" in line]
    wait_for("the probe", child)
    (pid, uid, args), = child()
    assert int(uid) == area.user.pw_uid, (pid, uid, args)
    assert args.strip() == os.path.join(area.bin, "mailferry-probe"), args
    p.kill()
    p.wait()
    wait_for("its end", lambda: not os.path.exists("/proc/" + pid))
    set_account(port=good_port, timeout=None)
    silent.close()


# ---- a store in memory, which can do less and worse ----
def with_store(other, *args, status=0):
    kept = json.loads(json.dumps(ferry.config))
    try:
        set_account(tls="none", port=other.port, user="user", timeout="1m")
        ferry.write("office.password", "secret\n", 0o600)
        return probe(*args, status=status)
    finally:
        ferry.write("office.password", "s3cret\n", 0o600)
        ferry.config = kept
        ferry.save()
        other.close()


with tap.case("a store that tells no UIDs: the message is found by its header among those that came meanwhile"):
    s = Store(capabilities="IMAP4rev1 AUTH=PLAIN NAMESPACE APPENDLIMIT=20000000", separator=".", prefix="INBOX.")
    s.folders["INBOX"].add("", None, b"Received: from x by y; z\r\n\r\nbefore\r\n")
    p = with_store(s, "--write")
    has(p.stdout, "asks first", "found by its UID 2 and header", "STILL THERE", "19.1 MB: 20000000 octets",
        "parted by .; all below INBOX., which mailferry adds", "quota +the store does not tell")
    flags = [m[0] for _, m in sorted(s.folders["INBOX"].messages.items())]
    assert flags == ["", "(\\Seen \\Deleted)"], flags
    assert not s.violations and "EXPUNGE" not in s.commands and "CLOSE" not in s.commands, (s.violations, s.commands)

with tap.case("with UIDPLUS nothing is left of it"):
    s = Store()
    p = with_store(s, "--write")
    has(p.stdout, "which the store told", r"removed: \d+ ms")
    assert not s.folders["INBOX"].messages and "CLOSE" not in s.commands, (s.folders["INBOX"].messages, s.commands)

# ---- the store says no, or goes, in the middle: (what, verb, how, status, step, words) ----
for what, verb, how, status, step, words in (
        ("it takes no message", "APPEND", "NO [OVERQUOTA] the mailbox is full", 73, "write", "mailbox is full"),
        ("it does not open INBOX", "EXAMINE", "NO [NOPERM] not yours", 73, "find", "not yours"),
        ("it hangs up", "LIST", "drop", 75, "ask|list folders", "closed the connection"),
        ("it talks garbage", "SELECT", "garbage", 76, "remove", ".")):
    with tap.case("the step that fails is named: " + what):
        s = Store()
        s.fail_command(verb, how)
        p = with_store(s, "--write", status=status)
        tap.diag(p.stderr)
        has(p.stderr, "account office: (%s): .*%s" % (step, words))
        assert ("may still be in INBOX" in p.stdout) == (step in ("find", "remove")), p.stdout

store.stop()

with tap.case("Dovecot without UIDPLUS: the test message stays, marked, and it says so"):
    plain = Office(tap, "plain", dovecot={"extra": "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+\n}\n"})
    plain.store.start()
    p = plain.ferry.command("probe", "--write", check=True)
    has(p.stdout, "STILL THERE", "without waiting .LITERAL", "no UIDPLUS",
        "the store does not tell UIDs")
    left, = plain.store.messages()["INBOX"]
    assert b"\\Deleted" in left.flags and left.subject == "mailferry probe", left
    plain.store.stop()

tap.done()
