"""
What Postfix and OpenSMTPD answer to the rows of tests/e2e/hostile.py, beside mailferry: a table in Markdown. Run it as
root from a build directory; OPENSMTPD names the directory that its package was unpacked in (its users opensmtpd and opensmtpq,
and root's empty folder /var/lib/opensmtpd/empty, must exist).

    top_srcdir=.. top_builddir=. MAILFERRY_TOOLS=tools OPENSMTPD=opensmtpd python3 ../tests/bench/differential.py
"""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bench.postfix import Postfix  # noqa: E402
from e2e.hostile import SIZE_MAX, rows  # noqa: E402
from lib.area import Area, answers, free_port, wait_for  # noqa: E402
from lib.dovecot import Authority  # noqa: E402
from lib.ferry import Ferry  # noqa: E402

SECONDS = 4  # of silence: nothing more comes

SMTPD_CONF = """\
smtp max-message-size 102400
table users file:{dir}/users
listen on 127.0.0.1 port {port}
action "keep" mda "/bin/cat" virtual <users>
match from any for domain "office.example" action "keep"
"""


def replies(text):
    """The codes of the whole replies in TEXT."""
    return [m.decode() for m in re.findall(rb"^(\d\d\d)(?: [^\n]*)?\n", text.replace(b"\r\n", b"\n"), re.M)]


def pieces(data, n):
    """Commands one by one, as not every server can have them together; anything else as it is."""
    lines = [line + b"\r\n" for line in data.split(b"\r\n")[:-1]]
    return [(line, 1) for line in lines] if len(lines) == n else [(data, n)]


def ask(port, row):
    """Says what the row says, and tells the codes of the last step; `closed` when the server ends it."""
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(n):
        """N replies, or what comes until it is silent or closes."""
        got, ended = b"", False
        s.settimeout(SECONDS)
        try:
            while len(replies(got)) < n:
                more = s.recv(65536)
                if not more:
                    ended = True
                    break
                got += more
        except TimeoutError:
            pass
        except OSError:
            ended = True
        return replies(got), ended

    read(1)
    told, ended = [], False
    for data, codes in row.steps:
        told = []
        for piece, n in pieces(data, len(codes)):
            try:
                s.sendall(piece)
            except OSError:
                pass
            more, ended = read(n)
            told += more
            if ended:
                break
        if ended:
            break
    if not ended:
        # One octet beyond what is expected tells of a second message or of a close.
        try:
            s.sendall(b"NOOP\r\n")
        except OSError:
            pass
        more, ended = read(1)
        if more != ["250"]:
            told += ["then"] + more
        else:
            rest, ended = read(99) if row.closed else ([], False)
            told += rest
    s.close()
    return " ".join(told or ["nothing"]) + (" closed" if ended else "")


class OpenSmtpd:
    def __init__(self, area, where):
        self.port = free_port()
        d = area.mkdir("opensmtpd")
        area.write("opensmtpd/users", "@office.example nobody\n")
        conf = area.write("opensmtpd/smtpd.conf", SMTPD_CONF.format(dir=d, port=self.port))
        os.chown(conf, 0, 0)
        self.process = area.start([os.path.join(where, "usr/sbin/smtpd"), "-d", "-f", conf], log="opensmtpd.log",
                                  unprivileged=False)
        wait_for("OpenSMTPD", lambda: answers(self.port), 30)


def main():
    area = Area("differential")
    authority = Authority(area.mkdir("authority"))
    area.own(authority.key)
    lan = free_port()
    ferry = Ferry(area, None, name="ferry", port=9, config={
        "accounts": {"office": {"rules": None}}, "limits": {"message_size": "%dB" % SIZE_MAX, "errors": 100000},
        "listeners": {"soft": {"address": "127.0.0.1:%d" % lan, "bare_newlines": "accept"}}}).start()
    servers = [("mailferry", ferry.smtp)]
    postfix = Postfix(area, authority)
    with open(os.path.join(postfix.dir, "main.cf"), "a") as f:
        f.write("virtual_mailbox_domains = office.example\nvirtual_mailbox_maps = static:x\nvirtual_transport = discard:\n"
                "smtpd_relay_restrictions = reject_unauth_destination\nmynetworks = 192.0.2.1\n"
                "message_size_limit = %d\nsmtpd_hard_error_limit = 1000\nsmtpd_soft_error_limit = 1000\n" % SIZE_MAX)
    os.kill(postfix.process.pid, 1)
    servers.append(("Postfix", postfix.port))
    if os.environ.get("OPENSMTPD"):
        servers.append(("OpenSMTPD", OpenSmtpd(area, os.environ["OPENSMTPD"]).port))
    print("| what is sent | " + " | ".join(n for n, _ in servers) + " |")
    print("|---|" + "---|" * len(servers))
    for row in rows():
        if row.on == "large":
            continue
        told = [ask(lan if name == "mailferry" and row.on == "lan" else port, row) for name, port in servers]
        print("| %s | %s |%s" % (row.name, " | ".join(told), "" if len(set(told)) == 1 else " *"), flush=True)


if __name__ == "__main__":
    main()
