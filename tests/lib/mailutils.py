"""A private GNU Mailutils imap4d on loopback, with a virtual domain for its only user."""

import subprocess

from lib.server import Server

CONFIG = """
mode daemon;
foreground yes;
pidfile "{dir}/pid";
max-children 100;
auth {{ authentication clear; authentication generic; authorization clear; authorization virtdomain; }};
virtdomain {{ passwd-dir "{dir}/users"; }};
mailbox {{ mailbox-type {format}; }};
logging {{ syslog no; }};
server 127.0.0.1:{port} {{ tls-mode no; }};
namespace personal {{ prefix "" {{ directory "{dir}/home"; delimiter "/"; mailbox-type {format}; }}; }};
"""


class Mailutils(Server):
    """`format`: "mbox", as Debian has it, or "maildir", how folders are kept."""
    kind, program = "mailutils", "imap4d"

    def __init__(self, area, format="mbox", **kw):
        self.format = format
        super().__init__(area, users={"office@office.example": "s3cret"}, **kw)

    def prepare(self):
        name, _, domain = self.user.partition("@")
        secret = subprocess.run(["openssl", "passwd", "-6", self.users[self.user]], capture_output=True, text=True,
                                check=True).stdout.strip()
        for d in ("users", "home"):
            self.area.mkdir(self.name, d)
        inbox = "%s://%s" % (self.format, self.path("home", "INBOX"))
        self.area.write("%s/users/%s" % (self.name, domain), "%s:%s:%d:%d::%s:/bin/sh:%s\n" % (
            name, secret, self.area.user.pw_uid, self.area.user.pw_gid, self.path("home"), inbox))
        self.area.write(self.name + "/conf", CONFIG.format(dir=self.dir, port=self.port, format=self.format))

    def argv(self):
        return [self.tree + "/usr/sbin/imap4d", "--no-site-config", "--config-file=" + self.path("conf")]
