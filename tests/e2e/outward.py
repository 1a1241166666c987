"""What rules send: redirects, answers, notifications, copies of them, and the news of a rejection. Dovecot is the store."""

import email
import email.policy
import email.utils
import os
import re
import smtplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.pop import Pop  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.relay_server import RelayServer  # noqa: E402

INFO = "info@office.example"
ANNA = "anna@example.com"
RULES = """
require ["fileinto", "vacation", "enotify", "fcc", "mailbox", "copy", "reject", "imap4flags", "editheader",
         "redirect-dsn", "redirect-deliverby"];

if header :contains "subject" "forward" { redirect "boss@example.net"; }
elsif header :contains "subject" "both" { redirect :copy "boss@example.net"; fileinto :create "Kept"; }
elsif header :contains "subject" "changed" { addheader "X-New" "yes"; redirect "boss@example.net"; }
elsif header :contains "subject" "asking" {
    redirect :notify "success,failure" :ret "full" :bytimerelative 600 :bymode "return" :bytrace "boss@example.net";
}
elsif header :contains "subject" "tell" {
    notify :fcc "Told" :create :message "New: mail" "mailto:pager@example.net?body=come%0Asoon";
}
elsif header :contains "subject" "alarming" {
    notify :fcc "Told" :create :message "Refused: mail" "mailto:pager@example.net?body=who%20was%20it";
    reject "go away";
}
elsif header :contains "subject" "foreign" { reject "Nicht ins B\u00fcro"; }
elsif header :contains "subject" "unwanted" { reject "not here"; }
else { vacation :days 1 :fcc "Sent" :create :flags "\\\\Seen" "Wir sind im B\u00fcro nicht da."; }
"""

tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("outward")
dovecot = Dovecot(area)
dovecot.start()


def make(name, server, relay=None, **config):
    settings = {"host": "127.0.0.1", "port": server.port, "tls": "none", "retry_min": "500ms", "retry_max": "1s"}
    settings.update(relay or {})
    dovecot.empty("office")
    ferry = Ferry(area, dovecot, rules=RULES, name=name, config=dict({"relay": settings}, **config))
    tap.logs[:] = [ferry.logs]
    return ferry.at_noon()


def data(ident, subject, more="", to=INFO, body="Hello\r\n"):
    return ("Message-ID: <%s@example.com>\r\nFrom: Anna <%s>\r\nTo: %s\r\nSubject: %s\r\n"
            "Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n%s\r\n%s" % (ident, ANNA, to, subject, more, body))


def send(ferry, text, sender=ANNA, to=INFO, mail=(), rcpt=()):
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.sendmail(sender, to, text, list(mail), list(rcpt))


def parsed(mail):
    return email.message_from_bytes(mail.data, policy=email.policy.default)


def one(server, to):
    wait_for("the mail to %s at the relay" % to, lambda: server.of(to))
    got = server.of(to)
    assert len(got) == 1, got
    return got[0]


def folder(name):
    return dovecot.messages("office").get(name, [])


def settled(ferry):
    ferry.drained()


ASKED = ("RET=full", "ENVID=Q+51+2B7")  # its spelling is kept (RFC 3461, 5.2.1)
OFFERS = ("PIPELINING", "8BITMIME", "SIZE 10000000", "DSN", "DELIVERBY 60")

with tap.case("check: rules that send need a relay"):
    server = RelayServer(OFFERS)
    ferry = make("plain", server)
    relay = ferry.config.pop("relay")
    ferry.save()
    p = ferry.command("check")
    for what in ("redirect", "notify", "vacation"):
        assert re.search(r"office.sieve:\d+:\d+: error: `%s' can't be used" % what, p.stderr), (what, p.stderr)
    ferry.save(relay=relay)
    assert ferry.command("check", check=True)
    ferry.start()

with tap.case("redirect: wrapped, from the recipient, and not kept"):
    text = data("forward-1", "forward this")
    send(ferry, text, mail=ASKED, rcpt=("NOTIFY=SUCCESS", "ORCPT=rfc822;first@far.example"))
    mail = one(server, "boss@example.net")
    # The sender is another one, and hears of it what is ours (RFC 3461, 5.2.7.1).
    assert "RET=HDRS" in mail.arguments and not [a for a in mail.arguments if "Q+51" in a] and mail.notify == [""], (
        mail.arguments, mail.notify)
    m = parsed(mail)
    assert mail.sender == INFO, mail.sender
    assert m["From"] == INFO and m["Reply-To"] == ANNA and m["To"] == "boss@example.net", m.items()
    assert m["Subject"] == "Fwd: forward this" and m["Auto-Submitted"] == "auto-generated", m.items()
    cover, attached = m.iter_parts()
    assert ANNA in cover.get_content() and attached.get_content_type() == "message/rfc822"
    assert text.encode() in mail.data, mail.data
    settled(ferry)
    assert folder("INBOX") == [], folder("INBOX")
    p = ferry.command("trace", "<forward-1@example.com>", check=True)
    caused = re.search(r"caused +(\S+)", p.stdout).group(1)
    assert "redirect (line " in ferry.command("trace", caused, check=True).stdout

with tap.case("redirect :copy: filed, too; with a null sender it goes on without one"):
    server.taken.clear()
    send(ferry, data("both-1", "both ways"), sender="")
    mail = one(server, "boss@example.net")
    assert mail.sender == "", mail.sender
    settled(ferry)
    assert [x.subject for x in folder("Kept")] == ["both ways"]

with tap.case("redirect of what the rules changed"):
    server.taken.clear()
    send(ferry, data("changed-1", "changed"))
    back = one(server, "boss@example.net").data
    assert b"\r\nX-New: yes\r\n" in back

with tap.case("redirect asks for reports and for delivery by a time, of a relay that knows them"):
    server.taken.clear()
    send(ferry, data("asking-1", "asking"))
    mail = one(server, "boss@example.net")
    by = [re.fullmatch(r"BY=(\d+);RT", a) for a in mail.arguments if a.startswith("BY=")]
    assert "RET=FULL" in mail.arguments and by and 300 < int(by[0].group(1)) <= 600, mail.arguments
    assert mail.notify == ["NOTIFY=SUCCESS,FAILURE"], mail.notify
    settled(ferry)

with tap.case("a loop: what was redirected before is filed with a note"):
    again = back.replace(b"Subject: Fwd: changed", b"Subject: Fwd: forward")
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.sendmail("boss@example.net", INFO, again)
    settled(ferry)
    assert [x.subject for x in folder("INBOX")] == ["Fwd: forward"], folder("INBOX")
    assert len(server.of("boss@example.net")) == 1
    assert "redirected for this recipient before" in ferry.command("trace", INFO, check=True).stdout

with tap.case("redirect = \"resend\": as it is, with the sender as it came"):
    ferry.save(relay={"redirect": "resend", "redirect_sender": "sender"})
    ferry.stop()
    ferry.start()
    server.taken.clear()
    text = data("forward-2", "forward that", to="info@office.example, list@example.org")
    send(ferry, text)
    mail = one(server, "boss@example.net")
    assert mail.sender == ANNA, mail.sender
    m = parsed(mail)
    assert mail.data.endswith(text.encode()), mail.data
    assert m["Resent-From"] == INFO and m["Resent-To"] == "boss@example.net", m.items()
    settled(ferry)

with tap.case("what the sender asked about reports goes on with him; of several addresses none says that it has arrived"):
    to = "ORCPT=rfc822;first+2Bx@far.example"
    for subject, asked, rcpt, arguments, notify in (
            ("forward", ASKED, ("NOTIFY=SUCCESS,FAILURE", to), {"RET=FULL", ASKED[1]}, "NOTIFY=SUCCESS,FAILURE " + to),
            ("forward", (), (), set(), "ORCPT=rfc822;" + INFO),
            ("forward", ASKED[1:], ("NOTIFY=never",), {ASKED[1]}, "NOTIFY=NEVER ORCPT=rfc822;" + INFO),
            ("both", ASKED, ("NOTIFY=SUCCESS,FAILURE,DELAY", to), {"RET=FULL", ASKED[1]}, "NOTIFY=FAILURE,DELAY " + to),
            ("both", (), ("NOTIFY=SUCCESS",), set(), "NOTIFY=NEVER ORCPT=rfc822;" + INFO)):
        server.taken.clear()
        serial = "%s-%d" % (subject, len(server.commands))
        send(ferry, data(serial, subject), mail=asked, rcpt=rcpt)
        mail = one(server, "boss@example.net")
        got = {a for a in mail.arguments if a.startswith(("RET", "ENVID"))}
        assert got == arguments and mail.notify == [notify], (subject, rcpt, mail.arguments, mail.notify)
        settled(ferry)
    # What the rule asks is asked for the owner of the rule (RFC 6009, 6.1), who hears nothing of what the sender asked.
    server.taken.clear()
    send(ferry, data("asking-1", "asking"), mail=("RET=HDRS", ASKED[1]), rcpt=("NOTIFY=NEVER", to))
    mail = one(server, "boss@example.net")
    assert mail.sender == INFO and mail.notify == ["NOTIFY=SUCCESS,FAILURE"], (mail.sender, mail.notify)
    assert "RET=FULL" in mail.arguments and ASKED[1] not in mail.arguments, mail.arguments
    settled(ferry)
    # A relay that does not offer it hears nothing of it (5.2.2).
    server.offers.remove("DSN")
    ferry.stop()
    ferry.start()
    server.taken.clear()
    send(ferry, data("forward-5", "forward"), mail=ASKED, rcpt=(to,))
    mail = one(server, "boss@example.net")
    assert mail.notify == [""] and not [a for a in mail.arguments if a.startswith(("RET", "ENVID"))], mail.arguments
    settled(ferry)
    server.offers.append("DSN")
    ferry.stop()
    ferry.start()

with tap.case("two addresses of one account have the same rules: it goes on once"):
    server.taken.clear()
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.sendmail(ANNA, [INFO, "sales@office.example"], data("forward-4", "forward once"))
    one(server, "boss@example.net")
    settled(ferry)
    time.sleep(1)
    assert len(server.taken) == 1, server.taken

with tap.case("vacation: one answer a period, with a copy of it in a folder"):
    server.taken.clear()
    dovecot.empty("office")
    send(ferry, data("question-1", "question", "References: <0@example.com>\r\n"))
    mail = one(server, ANNA)
    m = parsed(mail)
    assert mail.sender == "" and mail.notify == ["NOTIFY=NEVER"], (mail.sender, mail.notify)
    assert m["From"] == INFO and m["To"] == ANNA and m["Subject"] == "Auto: question", m.items()
    assert m["Auto-Submitted"] == "auto-replied" and m["In-Reply-To"] == "<question-1@example.com>", m.items()
    assert m["References"].split() == ["<0@example.com>", "<question-1@example.com>"], m.items()
    assert "Wir sind im B\u00fcro nicht da." in m.get_content(), m.get_content()
    settled(ferry)
    assert [x.subject for x in folder("INBOX")] == ["question"]
    sent = folder("Sent")
    assert [x.subject for x in sent] == ["Auto: question"] and b"\\Seen" in sent[0].flags, sent
    for n in range(3):
        send(ferry, data("question-again-%d" % n, "again"))
    ferry.stop()
    ferry.start()
    send(ferry, data("question-later", "later"))
    settled(ferry)
    time.sleep(1)
    assert len(server.of(ANNA)) == 1, server.taken
    assert len(folder("INBOX")) == 5 and len(folder("Sent")) == 1

with tap.case("vacation: never to lists, programs, the null sender, oneself, and who did not write to us by name"):
    server.taken.clear()
    for n, (sender, more, to) in enumerate((
            ("ben@example.com", "List-Id: <x.example.com>\r\n", INFO), ("ben@example.com", "Precedence: bulk\r\n", INFO),
            ("ben@example.com", "Auto-Submitted: auto-generated\r\n", INFO), ("", "", INFO),
            ("MAILER-DAEMON@example.com", "", INFO), ("owner-list@example.com", "", INFO), (INFO, "", INFO),
            ("ben@example.com", "", "everybody@example.com"))):
        send(ferry, data("automatic-%d" % n, "automatic", more, to=to), sender=sender)
    settled(ferry)
    time.sleep(1)
    assert server.taken == [], [(x.sender, x.recipients) for x in server.taken]
    send(ferry, data("person", "person"), sender="ben@example.com")
    one(server, "ben@example.com")

with tap.case("notify: told to whom the URI names, and filed"):
    server.taken.clear()
    send(ferry, data("tell-1", "tell me"))
    mail = one(server, "pager@example.net")
    m = parsed(mail)
    assert m["Subject"] == "New: mail" and m["Auto-Submitted"].startswith("auto-notified; owner-email="), m.items()
    assert m.get_content() == "come\nsoon\n" or m.get_content().split() == ["come", "soon"], m.get_content()
    settled(ferry)
    assert [x.subject for x in folder("Told")] == ["New: mail"]
    assert "tell me" in [x.subject for x in folder("INBOX")]

with tap.case("from: every message of ours bears the relay's address"):
    ferry.save(relay={"redirect": "wrap", "redirect_sender": "from", "from": "ferry@office.example"})
    ferry.stop()
    ferry.start()
    server.taken.clear()
    send(ferry, data("forward-3", "forward it"))
    mail = one(server, "boss@example.net")
    assert mail.sender == "ferry@office.example" and parsed(mail)["From"] == "ferry@office.example"
    settled(ferry)

with tap.case("the relay is away: what is to be sent waits in the queue, visibly, and the mail is filed"):
    port = server.port
    server.close()
    send(ferry, data("tell-2", "tell later"))
    wait_for("the filing", lambda: "tell later" in [x.subject for x in folder("INBOX")])
    waiting = [r for r in ferry.queue() if r["folder"] == "pager@example.net"]
    assert len(waiting) == 1 and waiting[0]["account"] == "relay", ferry.queue()
    ferry.kill()
    server = RelayServer(OFFERS, port=port)
    ferry.start()
    mail = one(server, "pager@example.net")
    settled(ferry)
    time.sleep(1)
    assert len(server.of("pager@example.net")) == 1

with tap.case("killed right behind the 250: nothing is done twice, and what was under way to the relay waits for a person"):
    server.taken.clear()
    dovecot.empty("office")
    for n in range(6):
        send(ferry, data("killed-%d" % n, "both killed %d" % n))
        ferry.kill()
        ferry.start()
    wait_for("the end of it", lambda: all(r["state"] == "parked" for r in ferry.queue()))
    all_of_them = ["both killed %d" % n for n in range(6)]
    assert sorted(x.subject for x in folder("Kept")) == all_of_them
    sent = sorted(parsed(x)["Subject"] for x in server.taken)
    assert len(set(sent)) == len(sent), sent
    waiting = [r["subject"] for r in ferry.queue()]
    assert set(sent) | set(waiting) == {"Fwd: " + x for x in all_of_them}, (sent, waiting)
    for r in ferry.queue():
        ferry.command("queue", "delete", r["delivery"], "--yes", check=True)

with tap.case("rejected among others who take it: kept, and where the operator wants it, the sender is told"):
    server.taken.clear()
    other = {"addresses": ["other@office.example"], "rules": "other.sieve"}
    ferry.write("other.sieve", "keep;\n")
    ferry.save(accounts={"other": dict(ferry.account, **other)})
    ferry.save(relay={"notices": True})
    ferry.stop()
    ferry.start()
    text = data("unwanted-1", "unwanted")
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        assert c.sendmail(ANNA, [INFO, "other@office.example"], text) == {}
    mail = one(server, ANNA)
    m = parsed(mail)
    assert mail.sender == "" and m.get_content_type() == "multipart/report", m.items()
    words, fields, header = m.iter_parts()
    assert "not here" in words.get_content() and fields.get_content_type() == "message/disposition-notification"
    assert b"Disposition: automatic-action/MDN-sent-automatically; deleted" in mail.data, mail.data
    settled(ferry)
    # Alone it is refused in the dialogue, and nobody is told twice.
    server.taken.clear()
    try:
        send(ferry, data("unwanted-2", "unwanted"))
        raise AssertionError("taken")
    except smtplib.SMTPDataError as e:
        assert e.smtp_code == 550 and b"not here" in e.smtp_error, e
    with smtplib.SMTP("127.0.0.1", ferry.smtp, timeout=60) as c:
        c.sendmail("owner-list@example.com", [INFO, "other@office.example"], data("unwanted-3", "unwanted"))
    settled(ferry)
    time.sleep(1)
    assert server.taken == [], server.taken

with tap.case("refused in the dialogue, and somebody is told all the same (RFC 5435, 7)"):
    server.taken.clear()
    for ident in ("alarming-1", "alarming-1"):
        try:
            send(ferry, data(ident, "alarming"))
            raise AssertionError("taken")
        except smtplib.SMTPDataError as e:
            assert e.smtp_code == 550 and b"go away" in e.smtp_error, e
    wait_for("both notices", lambda: len(server.of("pager@example.net")) == 2)
    assert parsed(server.taken[0])["Subject"] == "Refused: mail", server.taken[0].data
    settled(ferry)
    assert [x.subject for x in folder("Told")].count("Refused: mail") == 2, folder("Told")
    assert "alarming" not in [x.subject for x in folder("INBOX")]
    shown = ferry.command("trace", "<alarming-1@example.com>", check=True).stdout
    assert "reject" in shown and "caused" in shown, shown

with tap.case("words beyond ASCII: taken, told by mail, and not filed (RFC 5429, 2.2)"):
    server.taken.clear()
    send(ferry, data("foreign-1", "foreign words"))
    m = parsed(one(server, ANNA))
    assert "Nicht ins B\u00fcro" in next(m.iter_parts()).get_content(), m.as_string()
    settled(ferry)
    assert "foreign words" not in [x.subject for x in folder("INBOX")]
    try:
        send(ferry, data("foreign-2", "foreign words"), sender="owner-list@example.com")
        raise AssertionError("taken")
    except smtplib.SMTPDataError as e:
        assert e.smtp_code == 550 and b"Nicht ins B?ro" in e.smtp_error, e

with tap.case("fetched mail: rules send as for any other, and who was rejected is told"):
    server.taken.clear()
    pop = Pop(user="all@office.example", password="s3cret")
    for ident, subject, sender in (("f1", "forward fetched", ANNA), ("f2", "unwanted fetched", "carl@example.com"),
                                   ("f3", "unwanted list", "owner-list@example.com"), ("f4", "hello", "dora@example.com")):
        pop.add(("Return-Path: <%s>\r\nReceived: from a by b; %s\r\n" % (sender, email.utils.formatdate())
                 + data(ident, subject)).encode())
    # Of years ago: nobody waits for an answer.
    pop.add(("Return-Path: <emil@example.com>\r\nReceived: from a by b; Fri, 02 Jan 2015 03:04:05 +0000\r\n"
             + data("f5", "old question")).encode())
    ferry.save(sources={"all": {"protocol": "pop3", "host": "localhost", "tls": "none", "port": pop.port, "user": "all@office.example",
                                "password_file": "office.password", "account": "office", "to": INFO,
                                "delete": "after-delivery"}})
    ferry.stop()
    ferry.start()
    p = ferry.command("sync", "all")
    assert p.returncode == 0, (p.stdout, p.stderr)
    assert parsed(one(server, "boss@example.net"))["Subject"] == "Fwd: forward fetched"
    assert parsed(one(server, "carl@example.com")).get_content_type() == "multipart/report"
    assert parsed(one(server, "dora@example.com"))["Subject"] == "Auto: hello"
    settled(ferry)
    assert sorted(x.subject for x in folder("Rejected")) == ["unwanted fetched", "unwanted list"]
    assert len(server.taken) == 3, [x.recipients for x in server.taken]
    assert "older than three days" in ferry.command("trace", "<f5@example.com>", check=True).stdout
    # What was not answered is not remembered as answered.
    send(ferry, data("f6", "new question"), sender="emil@example.com")
    assert parsed(one(server, "emil@example.com"))["Subject"] == "Auto: new question"
    settled(ferry)
    ferry.stop()

with tap.case("more than a day's number: held, the operator is told, status warns, and a person lets it go"):
    server.taken.clear()
    dovecot.empty("office")
    ferry.save(limits={"rules_daily": 1}, operator=INFO)
    ferry.start()
    for n in range(2):
        send(ferry, data("many-%d" % n, "forward many %d" % n))
    wait_for("the notice", lambda: folder("INBOX"))
    # It is in its folder before the queue knows.
    wait_for("nothing else in the queue", lambda: [r["state"] for r in ferry.queue()] == ["held", "held"])
    p = ferry.command("status", "--check")
    assert p.returncode == 1 and "WARNING" in p.stdout, p.stdout
    for r in ferry.queue():
        ferry.command("queue", "release", r["delivery"], check=True)
    settled(ferry)
    assert len(server.of("boss@example.net")) == 2, server.taken
    notices = folder("INBOX")
    assert [x.subject for x in notices] == ["mailferry: mail for the relay waits for your decision"], notices
    ferry.stop()

tap.done()
