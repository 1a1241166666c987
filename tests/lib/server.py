"""
What the IMAP servers that are not Dovecot have in common: their packages are
unpacked (scripts/stores) and not installed, and each runs from a copy in the
test's area, on loopback, without any privilege.
"""

import os
import shutil
import signal
import subprocess
import time

from lib.area import SOURCE, answers, free_port, ours, wait_for
from lib.mailbox import Mailbox


class Missing(RuntimeError):
    """The server can't be had here; the text says what to do."""


class Server(Mailbox):
    """
    `kind` names the folder that scripts/stores made; `program` the process
    that serves a connection. A subclass gives `argv()`, and what it needs in `prepare()`.
    """
    kind = program = ""
    libraries = ("usr/lib/x86_64-linux-gnu",)

    def __init__(self, area, name=None, users=None):
        self.area = area
        self.name = name or self.kind
        self.users = users or {"office": "s3cret"}
        self.process = None
        stores = os.environ.get("MAILFERRY_STORES") or os.path.join(SOURCE, "build/stores")
        tree = os.path.join(stores, self.kind, "tree")
        if not os.path.exists(os.path.join(stores, self.kind, "complete")):
            raise Missing("%s is missing: scripts/check fetches it, or scripts/stores FOLDER with MAILFERRY_STORES=FOLDER"
                          % self.kind)
        self.dir = area.mkdir(self.name)
        self.tree = area.path(self.name, "tree")
        shutil.copytree(tree, self.tree, symlinks=True)
        self.port = free_port()
        self.env = dict(os.environ, LD_LIBRARY_PATH=":".join(os.path.join(self.tree, d) for d in self.libraries))
        self.prepare()

    def path(self, *parts):
        return self.area.path(self.name, *parts)

    @property
    def user(self):
        return next(iter(self.users))

    def prepare(self):
        pass

    def run(self, *argv, **kw):
        """Runs one of its programs to its end."""
        p = self.area.run([os.path.join(self.tree, argv[0])] + list(argv[1:]), env=self.env, **kw)
        if p.returncode != 0:
            raise RuntimeError("%s ended with %d: %s%s" % (argv[0], p.returncode, p.stdout, p.stderr))
        return p.stdout

    # ---- life ----
    def launch(self):
        self.process = self.area.start(self.argv(), log=self.name + "/out", env=self.env)

    def start(self):
        self.launch()
        wait_for("%s to greet" % self.kind, lambda: self.process.poll() is not None or answers(self.port))
        if self.process.poll() is not None:
            raise RuntimeError("%s does not start:\n%s" % (self.kind, self.logs()))
        return self

    def stop(self, sig=signal.SIGTERM):
        """An orderly stop; what does not end in time is killed."""
        if self.process is None:
            return
        self.process.send_signal(sig)
        end = time.monotonic() + 60
        try:
            self.process.wait(60)
            while time.monotonic() < end and ours(self.process):
                os.killpg(self.process.pid, 0)
                time.sleep(0.02)
        except (subprocess.TimeoutExpired, ProcessLookupError, PermissionError):
            pass
        self.kill()

    def kill(self):
        """SIGKILL to all its processes, also those in the midst of a commit."""
        if self.process is not None:
            self.area.kill(self.process)
            self.process = None
            wait_for("%s's port to close" % self.kind, lambda: not answers(self.port, greeting=False))

    def restart(self):
        self.stop()
        return self.start()

    def group(self):
        """Its processes: pid → command line."""
        return processes(self.process.pid) if self.process else {}

    def kill_sessions(self):
        """SIGKILL to the processes that serve connections, and to no other. Returns how many there were."""
        pids = [p for p, line in self.group().items() if p != self.process.pid and self.program in line]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return len(pids)

    def logs(self):
        return self.area.tail(self.name + "/out", 40)


def processes(group):
    """Processes of a group: pid → command line."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                fields = f.read().rpartition(")")[2].split()
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                line = f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except (OSError, IndexError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found[int(pid)] = line
    return found
