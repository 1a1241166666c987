"""The part of scripts/quickstart that needs more than a shell: the store, the mail, and the pulled plug."""

import email.header
import email.message
import os
import re
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from lib.area import Area  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402

CONFIGURATION = """\
hostname = "mail.office.example";
spool = "spool";                             # relative to this file
control = "control";
listeners = {
  lan = { address = "127.0.0.1:%(smtp)d"; };      # a real one: "192.0.2.1:25"
};
accounts = {
  office = {
    host = "localhost"; port = %(imap)d; tls = "implicit";
    ca_file = "../dovecot/ca.pem";           # only as this store has its own authority
    user = "office"; password_file = "office.password";
    addresses = [ "@office.example" ];       # mail for anybody else is refused
    rules = "office.sieve";
    settle = "1s"; retry_min = "1s";         # short waits, for the demonstration
  };
};
"""

RULES = """\
require ["fileinto", "mailbox", "imap4flags"];

if header :contains "subject" "invoice" {
    fileinto :create "Invoices";
} elsif address :is "from" "scanner@office.example" {
    fileinto :create "Scans";
} elsif exists "list-id" {
    fileinto :create :flags "\\\\Seen" "Lists/News";
}
# All else stays in INBOX.
"""

sys.stdout.reconfigure(encoding="utf-8", errors="replace")
colour = sys.stdout.isatty()


def bold(text):
    return "\033[1m%s\033[0m" % text if colour else text


def dim(text):
    return "\033[2m%s\033[0m" % text if colour else text


def head(text):
    print("\n" + bold(text), flush=True)


def show(name, text):
    print("\n   %s" % bold(name))
    for line in text.rstrip("\n").splitlines():
        code, mark, comment = line.partition("# ")
        print("   %s %s" % (dim("|"), code + (dim(mark + comment) if mark else "")))


def mail(sender, subject, text, to="info@office.example", attachment=None, headers=()):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Message-ID"] = "<%s@example.org>" % re.sub("[^A-Za-z0-9]+", "-", subject).strip("-")
    for name, value in headers:
        m[name] = value
    m.set_content(text)
    if attachment:
        m.add_attachment(attachment, maintype="application", subtype="pdf", filename="scan.pdf")
    return m


MAIL = [
    mail("Supplier <billing@supplier.example>", "Your invoice 4711", "Payable in 30 days.\n"),
    mail("Hall scanner <scanner@office.example>", "Scan, 3 pages", "See attachment.\n",
         attachment=b"%PDF-1.4\n" + bytes(range(256)) * 1500),
    mail("Gardening weekly <news@list.example>", "What to sow in March", "Beans.\n",
         headers=[("List-Id", "<weekly.list.example>")]),
    mail("Zoë <zoe@example.org>", "Grüße aus Zürich ☀", "Bis bald!\n"),
]


def send(port, messages):
    """With Python's own SMTP client; prints each answer."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.ehlo()
        for m in messages:
            smtp.mail(re.search(r"<([^>]*)>", m["From"]).group(1))
            smtp.rcpt(str(m["To"]))
            code, text = smtp.data(m.as_bytes(policy=m.policy.clone(linesep="\r\n")))
            print("   %-42s %s" % (m["Subject"], dim("%d %s" % (code, text.decode()))), flush=True)
            if code != 250:
                raise AssertionError("the message was not taken")


def readable(value):
    return str(email.header.make_header(email.header.decode_header(value)))


def tree(store):
    found = store.messages()
    shown = set()
    for folder in sorted(found, key=lambda f: (f != "INBOX", f)):
        parts = folder.split("/")
        for depth in range(len(parts)):
            path = "/".join(parts[:depth + 1])
            if path not in shown:
                print("   %s%s" % ("   " * depth, bold(parts[depth])))
                shown.add(path)
        for m in found[folder]:
            seen = dim(" (already read)") if b"\\Seen" in m.flags else ""
            print("   %s- %s  %s%s" % ("   " * len(parts), readable(m.subject), dim("%d octets" % m.size), seen))


def main(keep):
    area = Area("quickstart", keep=keep)
    store = Dovecot(area)
    ferry = Ferry(area, store, RULES, tls="implicit")
    configuration = CONFIGURATION % {"smtp": ferry.smtp, "imap": store.tls_port}
    ferry.write("mailferry.conf", configuration, 0o600)
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True,
                             env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")).stdout.split(" ")[0]
    try:
        head("3. A store")
        store.start()
        print("   Dovecot %s on 127.0.0.1, ports %d and %d (TLS): it stands in for your hosted mailbox."
              % (version, store.port, store.tls_port))
        head("4. mailferry")
        ferry.start()
        print("   Listens for SMTP on 127.0.0.1:%d, as user %s, with this configuration and these rules:"
              % (ferry.smtp, area.user.pw_name))
        show("mailferry.conf", configuration)
        show("office.sieve", RULES)
        head("5. Four messages, sent over SMTP")
        send(ferry.smtp, MAIL)
        ferry.drained()
        head("6. The mailbox now")
        tree(store)
        head("7. Pull the plug")
        store.kill()
        print("   The store is gone, and five more messages come in:")
        more = [mail("Panel <panel@office.example>", "Alarm %d" % n, "Door open.\n") for n in range(1, 6)]
        send(ferry.smtp, more)
        ferry.kill()
        print("   Now mailferry is killed too (SIGKILL, all of it). Both are started again.")
        store.start()
        ferry.start()
        ferry.drained()
        have = [m.id for messages in store.messages().values() for m in messages]
        want = [m["Message-ID"] for m in MAIL + more]
        lost, doubled = [m for m in want if m not in have], [m for m in want if have.count(m) > 1]
        tree(store)
        print("\n   " + bold("%d sent, %d lost, %d doubled" % (len(want), len(lost), len(doubled))))
        if lost or doubled:
            raise AssertionError("this must not happen: %s" % (lost + doubled))
        head("To use it with a real mailbox")
        print("   Take conf/mailferry.conf.sample as /etc/mailferry.conf: set host, user and password_file of\n"
              "   your provider, and your domain under addresses. `mailferry check` tells what is wrong with it,\n"
              "   `mailferry run` runs it. Then let scanners, panels and your MX send to its listener.")
        if keep:
            command = "%s -c %s" % (os.path.join(area.bin, "mailferry"), ferry.file)
            head("Both are left running (--keep)")
            print("   send     swaks --server 127.0.0.1:%d --to info@office.example --from you@example.org"
                  % ferry.smtp)
            print("   read     any IMAP client on 127.0.0.1:%d, user office, password s3cret" % store.port)
            print("   ask      %s queue\n            %s trace invoice" % (command, command))
            print("   its log  %s" % area.path(ferry.log))
            print("   stop     kill %d %d; rm -r %s" % (ferry.process.pid, store.process.pid, area.dir))
            return area.leave()
        ferry.stop()
        store.stop()
        print("\n" + dim("Everything has been stopped and removed. With --keep it stays, for you to play with."))
    except Exception as e:
        print("\nThis did not go as it should: %s" % e, file=sys.stderr)
        print(ferry.logs() + "\n" + store.logs(), file=sys.stderr)
        area.keep = False
        sys.exit(1)


main("--keep" in sys.argv[1:])
