"""mailferry as a client of the store part: from a full queue, and from SMTP to the folder."""

import calendar
import os
import time

from bench.clients import Figure, own_run, peak_of
from lib.area import free_port, wait_for
from lib.ferry import Ferry
from lib.office import address

TICK = os.sysconf("SC_CLK_TCK")
SESSIONS = 20


def cpu_of(ferry):
    """Seconds that the roles, and those that they have waited for, have used so far."""
    total = 0
    for pid in ferry.children():
        try:
            with open("/proc/%d/stat" % pid) as f:
                total += sum(map(int, f.read().rpartition(")")[2].split()[11:15]))
        except OSError:
            pass
    return total / TICK


def connections(port):
    """How many connections to PORT of this machine there are, ours among them."""
    far = "0100007F:%04X" % port
    with open("/proc/net/tcp") as f:
        return sum(line.split()[2] == far for line in f)


def stamp(line):
    """The time of a line of the log, in seconds since the epoch."""
    text = line.partition(b"time=")[2][:24].decode()
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:23])


class Log:
    """Reads on in a log as it grows; knows how many deliveries it told of by EVENT, and when the last was."""

    def __init__(self, path, event="filed"):
        self.event = b"event=%s " % event.encode()
        self.file = open(path, "rb")
        self.rest = b""
        self.filed = 0
        self.last = b""

    def read(self):
        lines = (self.rest + self.file.read()).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if self.event in line:
                self.filed += 1
                self.last = line
        return self.filed


class Peak:
    """The most memory that any process of ROLE has had, in KB."""

    def __init__(self, ferry, role="mailferry-store"):
        self.ferry = ferry
        self.role = role
        self.most = 0
        self.pid = None

    def look(self):
        size = peak_of(self.pid)
        if size is None:
            self.pid = next((p for p, line in self.ferry.children().items() if self.role in line), None)
            size = peak_of(self.pid)
        self.most = max(self.most, size or 0)


def settled(ferry, count, began, cpu, event="filed", role="mailferry-store"):
    """Waits until COUNT are where they go and settled in the spool, as the log says, and looks on as little as it can."""
    log, peak = Log(ferry.area.path(ferry.log), event), Peak(ferry, role)

    def all_filed():
        peak.look()
        return log.read() >= count
    try:
        wait_for("%d deliveries in the log" % count, all_filed, 600, every=0.02)
        peak.look()
    except AssertionError as e:
        raise RuntimeError("%s: there were %d\n%s" % (e, log.filed, ferry.logs(5)))
    return Figure(stamp(log.last) - began, cpu_of(ferry) - cpu, count, peak.most)


def _ferry(area, folder, port, account):
    rules = 'require ["fileinto", "mailbox"];\nif address :domain "from" "example.org" { fileinto :create "%s"; }\n'
    config = {"accounts": {"office": dict(account, retry_min="1h", retry_max="1h")}}
    return Ferry(area, None, rules % folder, name="ferry-" + folder, port=port, config=config).start()


def queued(**account):
    """All mail waits in the spool for a store that is away. The clock runs from the first connection, when it is back."""
    def run(area, mails, count, port, folder):
        ferry = _ferry(area, folder, free_port(), account)
        try:
            own_run(area, "feed", ferry.smtp, mails.file, count, address("office"), SESSIONS)
            time.sleep(0.3)
            os.sync()
            ferry.save(accounts={"office": {"port": port}})
            cpu, before = cpu_of(ferry), connections(port)
            ferry.reload()
            wait_for("mailferry's connection to the store", lambda: connections(port) > before, 30, every=0.002)
            return settled(ferry, count, time.time(), cpu)
        finally:
            ferry.kill()
    return run


def whole_way(**account):
    """The clock runs from the first SMTP connection."""
    def run(area, mails, count, port, folder):
        ferry = _ferry(area, folder, port, account)
        try:
            cpu, began = cpu_of(ferry), time.time()
            own_run(area, "feed", ferry.smtp, mails.file, count, address("office"), SESSIONS)
            return settled(ferry, count, began, cpu)
        finally:
            ferry.kill()
    return run
