"""
A private Dovecot 2.3 on loopback, run without any privilege: the stand-in for a
hosted mailbox. It listens in the clear (STARTTLS offered) and with TLS, has its
own certificate authority, and any number of users with plain passwords.
"""

import imaplib
import os
import signal
import socket
import subprocess
import threading
import time

from lib.area import answers, find_program, free_port, hang_up, ours, wait_for
from lib.mailbox import Mailbox

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
info_log_path = {dir}/info
instance_name = {dir}
protocols = {protocols}
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_process_limit = 400
default_client_limit = 4000
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = {location}
mail_fsync = {fsync}
mail_max_userip_connections = 100
mail_attachment_detection_options =
lock_method = fcntl
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
ssl_dh =
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = "{prefix}"
}}
passdb {{
{passdb}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  user = {user}
}}
service auth-worker {{
  user = {user}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 200
}}
{extra}
"""


POP3 = """
service pop3-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
service pop3 {{
  process_limit = 200
}}
"""

PASSWORDS = """  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users"""

# Tokens are checked here, with the key of the server that signs them, which is not asked.
TOKENS = """  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2.conf"""
OAUTH2 = """introspection_mode = local
local_validation_key_dict = fs:posix:prefix={keys}
username_attribute = sub
issuers = {issuer}
"""

LOCAL = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


class Authority:
    """A certificate authority of the test's own, and one server certificate from it for localhost."""

    def __init__(self, directory, names=LOCAL):
        self.dir = directory
        self.ca = os.path.join(directory, "ca.pem")
        self.cert = os.path.join(directory, "server.pem")
        self.key = os.path.join(directory, "server.key")

        self._openssl("req", "-x509", *self._new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                      "-subj", "/CN=mailferry test authority")
        self.issue(names)

    _new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

    def _openssl(self, *args):
        subprocess.run(("openssl",) + args, check=True, cwd=self.dir, capture_output=True)

    def issue(self, names):
        """A server certificate for these names, in place of the one before."""
        with open(os.path.join(self.dir, "ext"), "w") as f:
            f.write("subjectAltName = %s\nbasicConstraints = CA:FALSE\n" % ",".join(names))
        self._openssl("req", *self._new_key, "-keyout", "server.key", "-out", "server.csr",
                      "-subj", "/CN=imap.example.net")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", "server.pem", "-days", "30", "-extfile", "ext")

    def client(self, name, stranger=False):
        """A certificate for a client called NAME: paths of certificate and key. A STRANGER's is signed by itself."""
        base = "client-%s" % name
        if stranger:
            self._openssl("req", "-x509", *self._new_key, "-keyout", base + ".key", "-out", base + ".pem", "-days", "30",
                          "-subj", "/CN=" + name)
            return os.path.join(self.dir, base + ".pem"), os.path.join(self.dir, base + ".key")
        self._openssl("req", *self._new_key, "-keyout", base + ".key", "-out", base + ".csr", "-subj", "/CN=" + name)
        self._openssl("x509", "-req", "-in", base + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", base + ".pem", "-days", "30")
        return os.path.join(self.dir, base + ".pem"), os.path.join(self.dir, base + ".key")


class Dovecot(Mailbox):
    def __init__(self, area, name="dovecot", fsync="optimized", separator="/", prefix="", users=None,
                 location="maildir:~/Maildir", extra="", tokens=None,
                 pop3=False, mechanisms="plain login"):
        """With TOKENS (a peers.token_server.TokenServer), nobody gets in but with one of its access tokens. With POP3,
        it serves the same mail so too, on pop3_port and pop3s_port."""
        self.area = area
        self.name = name
        self.users = users or {"office": "s3cret"}
        self.tokens = tokens
        self.process = None
        if not find_program("dovecot"):
            raise RuntimeError("Dovecot is missing. On Debian: apt-get install dovecot-imapd dovecot-pop3d")
        self.dir = area.mkdir(name)
        area.mkdir(name, "mail")
        self.port = free_port()
        self.tls_port = free_port()
        if pop3:
            self.pop3_port, self.pop3s_port = free_port(), free_port()
            extra += POP3.format(port=self.pop3_port, tls_port=self.pop3s_port)
        self.authority = Authority(self.dir)
        self._own()
        group = subprocess.run(["id", "-gn", area.user.pw_name], capture_output=True, text=True).stdout.strip()
        area.write(name + "/users", "".join("%s:%s\n" % u for u in self.users.items()), 0o600)
        if tokens:
            area.write(name + "/oauth2.conf", OAUTH2.format(keys=tokens.dovecot_keys(), issuer=tokens.issuer), 0o600)
        self.config = area.write(name + "/dovecot.conf", CONFIG.format(
            protocols="imap pop3" if pop3 else "imap",
            mechanisms="xoauth2 oauthbearer" if tokens else mechanisms,
            passdb=(TOKENS if tokens else PASSWORDS).format(dir=self.dir),
            dir=self.dir, user=area.user.pw_name, group=group, port=self.port, tls_port=self.tls_port,
            location=location, fsync=fsync, separator=separator, prefix=prefix, extra=extra))

    @property
    def ca(self):
        return self.authority.ca

    def _own(self):
        for f in os.listdir(self.dir):
            self.area.own(os.path.join(self.dir, f))

    def rename(self, names):
        """A new certificate, for these names; seen by those who connect after the next start."""
        self.authority.issue(names)
        self._own()

    # ---- life ----
    def start(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()  # a case that failed has left it
        # A port or socket of the one before may need a moment to become free.
        for attempt in range(5):
            self.process = self.area.start([find_program("dovecot"), "-F", "-c", self.config], log=self.name + "/out")
            end = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < end:
                if answers(self.port):
                    return self
                time.sleep(0.02)
            self.kill()
            time.sleep(0.3)
        raise RuntimeError("Dovecot does not start:\n" + self.logs())

    def stop(self):
        """An orderly stop: its processes finish what they have in hand. What does not end in time is killed."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 60
        try:
            self.process.wait(60)
            while time.monotonic() < end and ours(self.process):
                os.killpg(self.process.pid, 0)  # its children outlive it for a moment
                time.sleep(0.02)
        except (subprocess.TimeoutExpired, ProcessLookupError, PermissionError):
            pass
        self.kill()

    def kill(self):
        """SIGKILL to all its processes, also those in the midst of a commit."""
        if self.process is not None:
            self.area.kill(self.process)
            self.process = None
            wait_for("Dovecot's port to close", lambda: not answers(self.port, greeting=False))

    def restart(self):
        self.stop()
        return self.start()

    def broke_itself(self):
        """How often has it lost track of its own mail? Killed between two writes, Dovecot may give one UID to two messages, and
        show again what it had said is not there."""
        return self.area.read(self.name + "/log").count("Broken file")

    def logs(self):
        return self.area.tail(self.name + "/log", 40) + "\n" + self.area.tail(self.name + "/out", 10)

    def connect(self, user=None):
        if not self.tokens:
            return super().connect(user)
        user = user or next(iter(self.users))
        m = imaplib.IMAP4("127.0.0.1", self.port, timeout=120)
        words = "user=%s\1auth=Bearer %s\1\1" % (user, self.tokens.access_token(user, 600))
        m.authenticate("XOAUTH2", lambda _: words.encode())
        return m


class Silent:
    """
    Accepts connections and never speaks: a store that hangs. It takes them all and keeps them, as a backlog is full some time,
    and then nobody can connect any more, which is another trouble.
    """

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", free_port()), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.kept = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                self.kept.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self):
        hang_up(self.listener, self.acceptor)
        for s in self.kept:
            s.close()


def silent_listener():
    """Returns what to close, and a port."""
    silent = Silent()
    return silent, silent.port
