"""A private Cyrus IMAP server on loopback, with passwords in a SASL database of its own."""

import os
import subprocess

from lib.area import answers, free_port, wait_for
from lib.server import Server

IMAPD = """
configdirectory: {dir}/conf
partition-default: {dir}/spool
defaultpartition: default
servername: cyrus.example.net
cyrus_user: {user}
cyrus_group: {group}
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {dir}/sasldb
sasl_mech_list: PLAIN LOGIN
autocreate_quota: 0
autocreate_users: anyone
altnamespace: {alternative}
unixhierarchysep: {alternative}
virtdomains: off
lmtpsocket: {dir}/sockets/lmtp
idlesocket: {dir}/sockets/idle
notifysocket: {dir}/sockets/notify
proc_path: {dir}/proc
mboxname_lockpath: {dir}/lock
tls_sessions_db_path: {dir}/conf/tls_sessions.db
"""

MASTER = """
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {dir}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {dir}/imapd.conf" listen="127.0.0.1:{port}" prefork=0 maxchild=100
{pop3}
}}
EVENTS {{
}}
"""


POP3 = '  pop3 cmd="{bin}/pop3d -C {dir}/imapd.conf" listen="127.0.0.1:{pop3_port}" prefork=0 maxchild=100'


class Cyrus(Server):
    """`pop3`: it serves the same mail so too, on pop3_port. `classic`: the older name space, folders below INBOX with a dot between; else none and a slash, as is usual now."""
    kind, program = "cyrus", "/imapd "

    def __init__(self, area, classic=False, pop3=False, **kw):
        self.classic = classic
        self.pop3_port = free_port() if pop3 else None
        super().__init__(area, **kw)

    def prepare(self):
        group = subprocess.run(["id", "-gn", self.area.user.pw_name], capture_output=True, text=True).stdout.strip()
        values = {"dir": self.dir, "user": self.area.user.pw_name, "group": group, "port": self.port,
                  "bin": os.path.join(self.tree, "usr/lib/cyrus/bin"), "alternative": "no" if self.classic else "yes",
                  "pop3_port": self.pop3_port}
        values["pop3"] = POP3.format(**values) if self.pop3_port else ""
        for d in ("conf", "spool", "sockets", "proc", "lock"):
            self.area.mkdir(self.name, d)
        self.area.write(self.name + "/imapd.conf", IMAPD.format(**values))
        self.area.write(self.name + "/cyrus.conf", MASTER.format(**values))
        for user, password in list(self.users.items()) + [("cyrus", "s3cret")]:
            self.run("usr/sbin/saslpasswd2", "-p", "-c", "-f", self.path("sasldb"), "-u", "cyrus.example.net", user,
                     input=password)

    def start(self):
        super().start()
        if self.pop3_port:
            wait_for("Cyrus to greet by POP3", lambda: answers(self.pop3_port))
        return self

    def argv(self):
        return [os.path.join(self.tree, "usr/lib/cyrus/bin/master"), "-C", self.path("imapd.conf"), "-M",
                self.path("cyrus.conf"), "-p", self.path("pid"), "-D", "-L", self.path("log")]

    def limit(self, kilobytes):
        """A quota for the first user's mailbox."""
        self.users["cyrus"] = "s3cret"
        m = self.connect("cyrus")
        del self.users["cyrus"]
        name = "user%s%s" % ("." if self.classic else "/", self.user)
        status, text = m.setquota(name, "(STORAGE %d)" % kilobytes)
        m.logout()
        if status != "OK":
            raise RuntimeError("setquota: %s" % text)
