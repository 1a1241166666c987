"""
A private Exim without any privilege that hands all mail on to one host. Debian's binary
insists on the account `Debian-exim`: a copy without the set-user-ID bit is told by
libnss-wrapper that this is the account that it runs under.
"""

import glob
import os
import shutil

from lib.area import find_program

CONFIG = """\
primary_hostname = relay.office.example
spool_directory = {dir}/spool
log_file_path = {dir}/%slog
deliver_drop_privilege
never_users =
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP : LD_LIBRARY_PATH
begin routers
hub:
  driver = manualroute
  route_list = * localhost::{port} byname
  self = send
  transport = hub
begin transports
hub:
  driver = smtp
  hosts_require_tls = *
  tls_verify_certificates = {ca}
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
begin retry
* * F,1h,1s
"""


def wrapper():
    """libnss-wrapper, where the system has it or scripts/check unpacked it."""
    tools = os.environ.get("MAILFERRY_TOOLS", "")
    for top in ([tools] if tools else []) + [""]:
        for path in glob.glob(top + "/usr/lib/*/libnss_wrapper.so"):
            return path
    return None


class Exim:
    def __init__(self, area, port, ca):
        """Hands on to localhost:port, whose certificate must bear that name. Raises RuntimeError when there is no Exim here."""
        program, library = find_program("exim4"), wrapper()
        if not program or not library:
            raise RuntimeError("Exim or libnss-wrapper is missing (scripts/check fetches both without installing them)")
        self.area = area
        self.dir = area.mkdir("exim")
        area.mkdir("exim", "spool")
        self.program = shutil.copyfile(program, area.path("exim", "exim4"))
        os.chmod(self.program, 0o755)
        preload = shutil.copy(library, self.dir)
        uid, gid = area.user.pw_uid, area.user.pw_gid
        passwd = area.write("exim/passwd", "root:x:0:0::/root:/bin/sh\nDebian-exim:x:%d:%d::/:/bin/false\n" % (uid, gid))
        group = area.write("exim/group", "root:x:0:\nDebian-exim:x:%d:\n" % gid)
        self.config = area.write("exim/conf", CONFIG.format(dir=self.dir, port=port, ca=ca))
        self.env = dict(os.environ, LD_PRELOAD=preload, NSS_WRAPPER_PASSWD=passwd, NSS_WRAPPER_GROUP=group)

    def run(self, *args, text=None):
        p = self.area.run([self.program, "-C", self.config] + list(args), env=self.env, input=text)
        assert p.returncode == 0, "exim %s: %s" % (" ".join(args), p.stdout + p.stderr)
        return p.stdout

    def queue(self, sender, recipient, text):
        """A message into Exim's own queue; nothing is sent yet."""
        self.run("-odq", "-f", sender, recipient, text=text)

    def hand_on(self):
        """One run through the queue, to its end; messages for one host share connections."""
        self.run("-qqff")

    def waiting(self):
        return int(self.run("-bpc").split()[0])
