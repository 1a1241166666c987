"""
Where passwords come from, and that they show nowhere: five accounts with a
password from each source, one with a certificate's key, a daemon that logs all
that it can, and a look at every process of it.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
PASSWORDS = {"office": "Verbena-7f31-file", "inline": "Lavender-2c88-inline", "command": "Juniper-91ab-command",
             "credential": "Hyssop-44d0-credential", "env": "Tansy-5e6f-env"}
office = Office(tap, "secrets", rules="keep;", dovecot={"users": dict(PASSWORDS)},
                config={"log_level": "debug", "accounts": {"office": {"addresses": ["office@office.example"]}}})
area, store, ferry = office.area, office.store, office.ferry
card, key = store.authority.client("office")
sent = {name: 0 for name in PASSWORDS}
KEY_LINE = open(key).read().splitlines()[1]


def account(name, **keys):
    base = dict(ferry.account, user=name, addresses=[name + "@office.example"], password_file=None, rules=None, **keys)
    return {k: v for k, v in base.items() if v is not None}


def send():
    for name in sent:
        sent[name] += 1
        c = Client(ferry.smtp)
        c.hello()
        ident = "<%s-%d@example.org>" % (name, sent[name])
        c.deliver(Item(ident, [name + "@office.example"], message(ident)))
        c.quit()


def arrived():
    ferry.drained()
    for name in sent:
        assert store.count(name).get("INBOX") == sent[name], (name, store.count(name))


def nothing_of_it(what, text):
    for secret in list(PASSWORDS.values()) + [KEY_LINE]:
        assert secret not in text, "%s holds %s" % (what, secret)


def look():
    """Every process, while there are stores: they leave soon when they have nothing to do, and come again with mail."""
    def all_there():
        found = dict(ferry.children())
        names = " ".join(found.values())
        if "mailferry-store" not in names:
            send()
        return "mailferry-store" in names and "mailferry-receiver" in names and "mailferry run" in names and found
    pids = wait_for("all programs", all_there, every=0.5)
    seen, gone = 0, set()
    for pid in pids:
        for file in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (pid, file), "rb") as f:
                    text = f.read().decode("utf-8", "replace")
            except PermissionError:
                continue  # closed to us, which is the point
            except (FileNotFoundError, ProcessLookupError):
                gone.add(pid)
                continue
            nothing_of_it("/proc/%d/%s of %s" % (pid, file, pids[pid]), text)
            seen += 1
        try:
            with open("/proc/%d/limits" % pid) as f:
                core = [line for line in f if line.startswith("Max core file size")][0]
            assert core.split()[4:6] == ["0", "0"], core
        except (FileNotFoundError, ProcessLookupError, IndexError):
            pass
    assert seen >= len(pids) - len(gone) and len(gone) < len(pids), (seen, gone, pids)
    nothing_of_it("the log", ferry.log_text())


ferry.write("office.password", PASSWORDS["office"] + "\n", 0o600)
ferry.write("vault", PASSWORDS["command"] + "\nlogin: command\n", 0o600)
area.mkdir("credentials")
area.write("credentials/store", PASSWORDS["credential"] + "\n", 0o400)
area.own(card)
area.own(key)
os.chmod(key, 0o600)
ferry.env["CREDENTIALS_DIRECTORY"] = area.path("credentials")
ferry.env["FERRY_SECRET"] = PASSWORDS["env"]
ferry.save(accounts={
    "inline": account("inline", password=PASSWORDS["inline"]),
    "command": account("command", password_command="cat '%s'" % ferry.path("vault")),
    "credential": account("credential", password_credential="store"),
    "env": account("env", password_env="FERRY_SECRET"),
})

with tap.case("mailferry check reads them all, and says nothing of them"):
    p = ferry.command("check", check=True)
    nothing_of_it("its output", p.stdout + p.stderr)
    assert "5 accounts" in p.stdout, p.stdout

with tap.case("a password from each source logs in"):
    office.start()
    send()
    arrived()

with tap.case("no process and no log shows any of them"):
    send()
    look()
    arrived()

with tap.case("after SIGHUP they are there again, the one from the environment too"):
    before = len(ferry.log_text())
    ferry.save(accounts={"office": {"window": 7}})
    ferry.reload()
    wait_for("the reload", lambda: "event=reloaded" in ferry.log_text()[before:])
    send()
    arrived()
    send()
    look()
    arrived()

with tap.case("commands for people read no password: queue works where the vault is shut"):
    ferry.write("vault", "", 0o600)
    os.chmod(ferry.path("office.password"), 0o644)
    p = ferry.command("queue", "list", check=True)
    assert "vault" not in p.stderr and "readable" not in p.stderr and "chmod" not in p.stderr, p.stderr
    p = ferry.command("check")
    assert p.returncode == 78 and "chmod o=" in p.stderr, p.stderr
    os.chmod(ferry.path("office.password"), 0o600)
    p = ferry.command("check")
    assert p.returncode == 78 and "the first line is empty" in p.stderr, p.stderr
    nothing_of_it("its output", p.stdout + p.stderr)

with tap.case("a reload that finds no password keeps the old configuration"):
    before = len(ferry.log_text())
    ferry.reload()
    wait_for("the refusal", lambda: "password_command" in ferry.log_text()[before:])
    send()
    arrived()
    ferry.write("vault", PASSWORDS["command"] + "\n", 0o600)

with tap.case("a key of ours goes to the store alone, and does not show"):
    ferry.save(accounts={"office": {"client_certificate": card, "client_key": key, "tls": "implicit",
                                    "ca_file": store.ca, "port": store.tls_port}})
    before = len(ferry.log_text())
    ferry.reload()
    wait_for("the reload", lambda: "event=reloaded" in ferry.log_text()[before:])
    send()
    arrived()
    send()
    look()
    arrived()
    os.chmod(key, 0o644)
    p = ferry.command("check")
    assert p.returncode == 78 and "holds a secret but everybody may read it" in p.stderr, p.stderr
    nothing_of_it("its output", p.stdout + p.stderr)
    os.chmod(key, 0o600)

with tap.case("passwords that are refused do not show either"):
    area.write(store.name + "/users", "".join("%s:another\n" % name for name in PASSWORDS), 0o600)
    store.users = {name: "another" for name in PASSWORDS}
    store.restart()
    for name in sent:
        c = Client(ferry.smtp)
        c.hello()
        c.deliver(Item("<no-%s@example.org>" % name, [name + "@office.example"], message("<no-%s@example.org>" % name)))
        c.quit()
    wait_for("five refusals", lambda: all(any("account=%s " % name in line and "refuses the password" in line
                                              for line in ferry.log_text().splitlines()) for name in sent))
    for command in (("queue",), ("queue", "list", "--json"), ("trace", "office@office.example")):
        p = ferry.command(*command)
        nothing_of_it(" ".join(command), p.stdout + p.stderr)
    look()
    assert ferry.stop() == 0
    nothing_of_it("the log", ferry.log_text())

tap.done()
