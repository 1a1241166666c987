"""Real filters from Debian, each in a private directory, with nothing of the network: rspamd, and clamd with clamav-milter."""

import os

from lib.area import answers, find_program, free_port, wait_for
from lib.tap import Skip

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def need(program):
    path = find_program(program)
    if path is None:
        raise Skip("%s is not installed" % program)
    return path


class Rspamd:
    """One process that is milter and scanner at once; no module that asks the network or redis is on."""

    def __init__(self, area, actions="reject = 15; add_header = 6;"):
        self.area = area
        self.program = need("rspamd")
        self.dir = area.mkdir("rspamd")
        self.port = free_port()
        self.address = "inet:127.0.0.1:%d" % self.port
        area.write("rspamd/tld", "com\nexample\norg\n")
        area.write("rspamd/rspamd.conf", """
options {
  pidfile = "%(d)s/pid"; filters = "regexp"; tempdir = "%(d)s"; hs_cache_dir = "%(d)s";
  cache_file = "%(d)s/symbols.cache"; control_socket = "%(d)s/control.sock mode=0600";
  history_file = "%(d)s/history"; stats_file = "%(d)s/stats.ucl"; rrd = "";
  lua = "/usr/share/rspamd/rules/rspamd.lua"; url_tld = "%(d)s/tld";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
}
logging { type = "file"; filename = "%(d)s/log"; level = "info"; }
metric { name = "default"; actions { %(actions)s } }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:%(port)d"; milter = yes; timeout = 60s; count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
modules { path = "/usr/share/rspamd/plugins"; }
milter_headers {
  use = ["x-spamd-bar", "x-spam-level", "x-spam-status", "authentication-results"];
  skip_local = false; skip_authenticated = false;
}
""" % {"d": self.dir, "port": self.port, "actions": actions})

    def start(self):
        self.process = self.area.start([self.program, "-c", os.path.join(self.dir, "rspamd.conf"), "-f"],
                                       log="rspamd/out")
        wait_for("rspamd to listen", lambda: answers(self.port, greeting=False), 180)
        return self

    def stop(self):
        self.area.kill(self.process)

    def log(self):
        return self.area.tail("rspamd/log", 20)


class Clamav:
    """clamd with a database of one signature, the test file's octets, and clamav-milter in front of it."""

    def __init__(self, area, infected="Reject"):
        self.area = area
        self.clamd, self.milter = need("clamd"), need("clamav-milter")
        self.dir = area.mkdir("clamav")
        area.mkdir("clamav/db")
        self.scan, self.port = free_port(), free_port()
        self.address = "inet:127.0.0.1:%d" % self.port
        area.write("clamav/db/test.ndb", "Test.EICAR:0:*:%s\n" % EICAR.hex())
        area.write("clamav/clamd.conf", """
DatabaseDirectory %(d)s/db
TCPSocket %(scan)d
TCPAddr 127.0.0.1
LogFile %(d)s/clamd.log
TemporaryDirectory %(d)s
Foreground yes
""" % {"d": self.dir, "scan": self.scan})
        area.write("clamav/milter.conf", """
MilterSocket inet:%(port)d@127.0.0.1
ClamdSocket tcp:127.0.0.1:%(scan)d
LogFile %(d)s/milter.log
TemporaryDirectory %(d)s
Foreground yes
OnInfected %(infected)s
%(message)s
AddHeader Replace
""" % {"d": self.dir, "port": self.port, "scan": self.scan, "infected": infected,
       "message": "RejectMsg Refused: it contains %v" if infected == "Reject" else ""})

    def start(self):
        self.processes = [self.area.start([self.clamd, "-c", os.path.join(self.dir, "clamd.conf")], log="clamav/out")]
        wait_for("clamd to listen", lambda: answers(self.scan, greeting=False), 180)
        self.processes.append(self.area.start([self.milter, "-c", os.path.join(self.dir, "milter.conf")],
                                              log="clamav/out2"))
        wait_for("clamav-milter to listen", lambda: answers(self.port, greeting=False), 120)
        return self

    def stop(self):
        for p in self.processes:
            self.area.kill(p)
