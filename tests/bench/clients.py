"""
Who files the mails: the bench's own bare clients, mailferry, and mbsync and fdm.
Each is called with what to file, how many of them, a port and a folder, and
returns a Figure.
"""

import json
import os
import shutil
import subprocess
import time

from lib.area import BUILD, find_program


class Figure:
    """One measured run. `cpu` is in seconds, of all processes of the client; `peak` in KB, of the one that files."""

    def __init__(self, seconds, cpu, messages, peak=None):
        self.seconds = seconds
        self.cpu = cpu
        self.messages = messages
        self.peak = peak

    @property
    def rate(self):
        return self.messages / self.seconds


def peak_of(pid):
    """The most resident memory that a process has had, in KB, or None."""
    try:
        with open("/proc/%s/status" % pid) as f:
            return next((int(line.split()[1]) for line in f if line.startswith("VmHWM")), None)
    except OSError:
        return None


def own_program(area, name):
    """One of tests/bench/*.c, beside the area's other programs, where an unprivileged user can reach it."""
    built = os.path.join(BUILD, "tests/bench", name)
    if not os.path.exists(built):
        raise RuntimeError("%s is not built: `make bench` does that" % name)
    there = os.path.join(area.mkdir("own"), name)
    if not os.path.exists(there):
        shutil.copy(built, there)
    return there


def own_run(area, *argv):
    p = area.run([own_program(area, argv[0])] + [str(a) for a in argv[1:]], timeout=900)
    if p.returncode != 0:
        raise RuntimeError("%s: %s" % (argv[0], p.stderr.strip()))
    got = json.loads(p.stdout)
    return Figure(got["seconds"], got["cpu"], got["messages"])


def bare(how, n=1):
    def run(area, mails, count, port, folder):
        return own_run(area, "bare", port, mails.file, count, folder, how, n)
    return run


def _neighbour(area, name, argv, count):
    """Runs a program to its end and takes what the kernel counted for it."""
    out = area.path(name + ".out")
    began = time.monotonic()
    p = area.start(argv, log=name + ".out", env=dict(os.environ, HOME=area.path(name)))
    peak, ended = None, 0
    while not ended:  # what the kernel says at the end counts our own memory, from before the program took over
        peak = peak_of(p.pid) or peak
        time.sleep(0.005)
        ended, status, usage = os.wait4(p.pid, os.WNOHANG)
    seconds = time.monotonic() - began
    p.returncode = os.waitstatus_to_exitcode(status)
    area.children.remove(p)
    if p.returncode != 0:
        with open(out, errors="replace") as f:
            raise RuntimeError("%s ended with %d: %s" % (name, p.returncode, f.read()[-300:]))
    return Figure(seconds, usage.ru_utime + usage.ru_stime, count, peak)


def _fresh(area, name):
    shutil.rmtree(area.path(name), ignore_errors=True)
    area.mkdir(name)


def mbsync(area, mails, count, port, folder):
    """Pushes a Maildir to a remote folder."""
    _fresh(area, "mbsync")
    maildir = mails.maildir("mbsync/mail", count)
    config = area.write("mbsync/rc", "\n".join((
        "IMAPAccount far", "Host 127.0.0.1", "Port %d" % port, "User office", "Pass s3cret", "SSLType None",
        "AuthMechs LOGIN", "", "IMAPStore far", "Account far", "", "MaildirStore near", "Inbox " + maildir,
        "Path %s/" % area.path("mbsync", "other"), "SubFolders Verbatim", "", "Channel bench", "Far :far:" + folder,
        "Near :near:INBOX", "Sync Push New", "SyncState %s/" % area.path("mbsync", "state"), "")), 0o600)
    area.mkdir("mbsync", "other")
    area.mkdir("mbsync", "state")
    return _neighbour(area, "mbsync", [find_program("mbsync"), "-q", "-c", config, "bench"], count)


def fdm(area, mails, count, port, folder):
    """Fetches from a Maildir into a remote folder."""
    _fresh(area, "fdm")
    maildir = mails.maildir("fdm/mail", count)
    config = area.write("fdm/conf", "\n".join((
        'set lock-file "%s"' % area.path("fdm", "lock"), 'set maximum-size 50M', 'account "near" maildir "%s"' % maildir,
        'action "far" imap server "127.0.0.1" port %d user "office" pass "s3cret" folder "%s" no-cram-md5'
        % (port, folder), 'match all action "far"', "")), 0o600)
    return _neighbour(area, "fdm", [find_program("fdm"), "-q", "-f", config, "fetch"], count)
