"""The operator is told, once a day an account, of what only a person can mend."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

QUOTA = """
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:bytes=200000
}
"""

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "notices", tls="implicit",
                dovecot={"users": {"office": "s3cret", "admin": "4dmin", "full": "f1ll"}, "extra": QUOTA},
                config={"operator": "boss@admin.example"})
area, store, ferry = office.area, office.store, office.ferry
ferry.write("admin.sieve", 'require "fileinto"; if header :contains "subject" "mailferry:" { fileinto "Notices"; }')
ferry.write("admin.password", "4dmin\n", 0o600)
ferry.write("full.password", "f1ll\n", 0o600)
common = dict(ferry.account)
ferry.save(accounts={
    "admin": dict(common, user="admin", password_file="admin.password", addresses=["@admin.example"],
                  rules="admin.sieve", create_folders=True),
    "full": dict(common, user="full", password_file="full.password", addresses=["@full.example"]),
    "office": {"retry_min": "200ms", "retry_max": "1s"},
})
ferry.at_noon()
serial = 0


def send(to, size=2000):
    global serial
    serial += 1
    ident = "<notice-%d@example.org>" % serial
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [to], message(ident, size=size)))
    c.quit()
    return ident


def notices(user="admin", folder="Notices"):
    found = store.messages(user, body=True).get(folder, [])
    return [m for m in found if m.subject.startswith("mailferry:")]


def held(account):
    return any(r.get("account") == account for r in ferry.queue())


def count_log(pattern):
    return len(re.findall(pattern, ferry.log_text()))


store.start()

with tap.case("a password that is refused: one message, in plain words, through the operator's rules"):
    ferry.write("office.password", "wrong\n", 0o600)
    ferry.start()
    send(address("scans"))
    wait_for("the notice", notices)
    m = notices()[0]
    text = m.raw.decode()
    for word in ("account office", "office", "localhost", "password", "mailferry queue retry --account office",
                 "Nothing is lost"):
        assert word in text, (word, text)
    assert "wrong" not in text.split("\r\n\r\n", 1)[1], "it holds the password"
    assert m.headers["Auto-Submitted"] == "auto-generated" and m.headers["Message-ID"] and m.headers["Date"]
    assert m.headers["To"] == "<boss@admin.example>" and m.subject == "mailferry: account office takes no mail until you act"
    assert m.headers["Return-Path"] == "<>"
    assert all(len(line) < 998 for line in text.split("\r\n")), "a line is too long"

with tap.case("the account is refused again and again, and mailferry killed and started: still one message"):
    first = count_log("event=account-waits")
    wait_for("two more refusals", lambda: count_log("event=account-waits") >= first + 2)
    ferry.kill()
    mark = len(ferry.log_text())
    ferry.start()
    wait_for("the notice to be made again, and known", lambda: re.search(
        "event=accepted-before .*boss@admin.example", ferry.log_text()[mark:]))
    assert len(notices()) == 1, [m.subject for m in notices()]
    assert ferry.rows("trace", m.headers["Message-ID"]), "trace knows nothing of it"

with tap.case("mended: what waited is filed, and nobody is told anything"):
    ferry.write("office.password", "s3cret\n", 0o600)
    ferry.reload()
    ferry.drained()
    assert len(store.messages("office").get("Scans", [])) == 1
    assert len(notices()) == 1

with tap.case("a full mailbox is told too, another account by itself"):
    for _ in range(8):
        send("info@full.example", 40000)
    wait_for("the second notice", lambda: len(notices()) == 2)
    text = notices()[1].raw.decode()
    assert "account full takes no mail" in notices()[1].subject and re.search("quota", text, re.I), text
    assert ferry.stop() == 0

with tap.case("a notice about the operator's own account waits in its queue until it is mended"):
    ferry.write("admin.password", "wrong\n", 0o600)
    ferry.start()
    ident = send("anybody@admin.example")
    wait_for("the notice in the queue", lambda: "mailferry: account admin takes no mail" in
             ferry.command("queue", "list", "--account", "admin").stdout)
    assert len(notices()) == 2
    ferry.write("admin.password", "4dmin\n", 0o600)
    ferry.reload()
    wait_for("the third notice", lambda: len(notices()) == 3)
    assert "account admin" in notices()[2].subject
    wait_for("the message", lambda: ident in [m.id for m in store.messages("admin")["INBOX"]])
    assert ferry.stop() == 0

with tap.case("`check' refuses an operator whom no account takes, and what is no address"):
    for wrong, words in (("boss@elsewhere.example", "no account takes mail"), ("boss", "no account|expected an address"),
                         ("a b@admin.example", "expected an address")):
        ferry.save(operator=wrong)
        p = ferry.command("check")
        assert p.returncode == 78 and re.search(r"mailferry.conf:\d+: key `operator.: .*(%s)" % words, p.stderr), p.stderr
    ferry.save(operator="boss@admin.example")
    ferry.command("check", check=True)

with tap.case("without an operator nothing is made"):
    ferry.save(operator=None)
    ferry.write("office.password", "wrong\n", 0o600)
    before = len(ferry.log_text())
    ferry.start()
    send(address("scans"))
    # The full one waits, too.
    wait_for("the refusal", lambda: "event=account-waits account=office " in ferry.log_text()[before:])
    assert ferry.stop() == 0
    assert len(notices()) == 3 and "boss@" not in ferry.log_text()[before:]

store.stop()
tap.done()
