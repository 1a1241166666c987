"""
A private Postfix that queues durably and then discards: what mailferry's
acceptance is compared with. Only root can start one. It runs under two system
accounts that every Debian has, so that nothing need be created.
"""

import grp
import os
import pwd
import shutil

from lib.area import answers, find_program, free_port, wait_for

MAIN = """\
compatibility_level = 3.6
myhostname = mail.office.example
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {tools}/usr/sbin
daemon_directory = {tools}/usr/lib/postfix/sbin
shlib_directory = {tools}/usr/lib/postfix
mail_owner = mail
setgid_group = daemon
default_privs = nobody
import_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
local_recipient_maps =
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
default_process_limit = 100
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_loglevel = 0
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
"""


class Postfix:
    def __init__(self, area, keys, main="", master=""):
        """`keys`: an Authority; MAIN and MASTER are added to main.cf and master.cf. Raises RuntimeError with the reason when there can't be one here."""
        self.area = area
        self.keys = keys
        self.main, self.master = main, master
        postconf = find_program("postconf")
        if not postconf:
            raise RuntimeError("Postfix is missing (scripts/check fetches it without installing it)")
        if os.geteuid() != 0:
            raise RuntimeError("Postfix can only be started by root")
        self.tools = postconf[:-len("/usr/sbin/postconf")]
        self.port = free_port()
        self.dir = area.path("postfix")
        os.mkdir(self.dir)
        self._make()
        master = self.tools + "/usr/lib/postfix/sbin/master"
        self.process = area.start([master, "-c", self.dir, "-d"], log="postfix.log",
                                  unprivileged=False, env=dict(os.environ, MAIL_CONFIG=self.dir,
                                            LD_LIBRARY_PATH=self.tools + "/usr/lib/postfix"))
        wait_for("Postfix to greet", lambda: self.process.poll() is not None or answers(self.port))
        if self.process.poll() is not None:
            raise RuntimeError("Postfix does not start: " + area.tail("postfix.log", 5))

    def _make(self):
        owner = pwd.getpwnam("mail").pw_uid
        group = grp.getgrnam("daemon").gr_gid
        with open(os.path.join(self.dir, "main.cf"), "w") as f:
            f.write(MAIN.format(dir=self.dir, tools=self.tools, cert=self.keys.cert, key=self.keys.key) + self.main)
        with open(os.path.join(self.dir, "master.cf"), "w") as f:
            f.write(MASTER.format(port=self.port) + self.master)
        queue = os.path.join(self.dir, "queue")
        os.mkdir(queue)
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace".split():
            os.mkdir(os.path.join(queue, name), 0o700)
            os.chown(os.path.join(queue, name), owner, -1)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            os.mkdir(os.path.join(queue, name))
            os.chown(os.path.join(queue, name), owner, group)
            os.chmod(os.path.join(queue, name), mode)
        os.mkdir(os.path.join(queue, "pid"))
        data = os.path.join(self.dir, "data")
        os.mkdir(data, 0o700)
        os.chown(data, owner, -1)

    def stop(self):
        self.area.kill(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)
