"""
A private place for one test: a directory, ports, an unprivileged user, and the
processes started in it. Everything ends with the program that made it, however
that ends (short of SIGKILL).

Started as root, servers run as `nobody`, as the daemon's own roles would, and
the programs under test are copied beside each other into the area, because the
build tree may be closed to that user.
"""

import atexit
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("mailferry", "mailferry-receiver", "mailferry-spool", "mailferry-store", "mailferry-connect",
            "mailferry-fetch", "mailferry-relay", "mailferry-probe", "mailferry-token", "mailferry-login")
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("top_builddir") or os.getcwd()

_areas = []
_ports = []


def _end(signum, frame):
    sys.exit(128 + signum)


for _s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_s, _end)


@atexit.register
def _clean():
    for area in list(_areas):
        area.close()


def free_port():
    """
    A loopback port that no other test holds. It lies below the ephemeral range:
    there, a client that polls for a server which is down can be given the very
    port as its own and talk to itself. An abstract socket of the port's name
    reserves it among tests for as long as this program lives.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(12000, 32000)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind("\0mailferry-test-port-%d" % port)
        except OSError:
            mark.close()
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                mark.close()
                continue
        _ports.append(mark)
        return port
    raise RuntimeError("no free port")


def wait_for(what, test, seconds=120, every=0.1):
    """Polls TEST until it is true and returns its value; deadlines are generous, as machines are slow."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("gave up waiting %d s for %s" % (seconds, what))
        time.sleep(every)


def answers(port, host="127.0.0.1", greeting=True):
    """Does a server greet there?"""
    try:
        with socket.create_connection((host, port), timeout=30) as s:
            return not greeting or s.recv(1) != b""
    except OSError:
        return False


def kill_each(pids, sig=signal.SIGKILL):
    """Some of them may have ended since they were looked up, as the connector's children do that look up a name."""
    for pid in pids:
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def hang_up(listener, thread):
    """Closes it when THREAD, which waits in accept(), has left: else that would be there with a descriptor that is another's next."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    thread.join(60)
    listener.close()


def find_program(name):
    """Full path of a system program; also where scripts/check unpacked Postfix's tools."""
    tools = os.environ.get("MAILFERRY_TOOLS", "")
    places = [os.path.join(tools, d) for d in ("usr/sbin", "usr/bin")] if tools else []
    places += os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/usr/local/sbin", "/sbin"]
    return shutil.which(name, path=":".join(places))


def living(group):
    """The processes of a group that have not ended: pid by pid, none where there is no such group."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                state, _, its_group = f.read().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state not in "ZX":
            yield int(pid)


def ours(p):
    """
    Is the group that P began still P's? When P has been waited for and all others of its group have ended, its number is free,
    and that of another, of another test perhaps, some ten thousand processes later. As long as there are others, it is not.
    """
    return p.poll() is None or not os.path.exists("/proc/%d" % p.pid)


class Area:
    def __init__(self, name="test", keep=False, parent=None):
        self.keep = keep
        self.children = []
        self.closers = []
        self.root = os.geteuid() == 0
        self.user = pwd.getpwnam("nobody") if self.root else pwd.getpwuid(os.geteuid())
        self.dir = tempfile.mkdtemp(prefix="mailferry-%s-" % name, dir=parent)
        self.own(self.dir)
        os.chmod(self.dir, 0o755)
        self._bin = None
        _areas.append(self)

    # ---- files ----
    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def own(self, path):
        if self.root:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def mkdir(self, *parts):
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        self.own(path)
        return path

    def write(self, name, data, mode=0o644):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        os.chmod(path, mode)
        self.own(path)
        return path

    def read(self, name):
        try:
            with open(self.path(name), "rb") as f:
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def tail(self, name, lines=60):
        text = self.read(name).splitlines()
        return "--- %s (last %d of %d lines)\n%s" % (name, min(lines, len(text)), len(text), "\n".join(text[-lines:]))

    # ---- programs ----
    def tool(self, name):
        """
        A program of Postfix, and the environment that it needs: (path, env).
        An unpacked one is copied here, where an unprivileged user can reach it.
        """
        path, env = find_program(name), dict(os.environ)
        unpacked = os.environ.get("MAILFERRY_TOOLS")
        if not path or not unpacked or not path.startswith(unpacked):
            return path, env
        if not os.path.exists(self.path("tools")):
            self.mkdir("tools")
            for folder in ("usr/sbin", "usr/lib/postfix"):
                for f in os.listdir(os.path.join(unpacked, folder)):
                    if f.startswith("smtp-") or f.endswith(".so"):
                        shutil.copy(os.path.join(unpacked, folder, f), self.path("tools"))
        env["LD_LIBRARY_PATH"] = self.path("tools")
        return self.path("tools", name), env

    @property
    def bin(self):
        """Where the programs under test stand beside each other."""
        if self._bin is None:
            built = os.path.join(BUILD, "src")
            if not os.access(os.path.join(built, "mailferry"), os.X_OK):
                raise RuntimeError("%s/mailferry is not there: run make first" % built)
            if self.root:
                there = self.mkdir("bin")
                for p in PROGRAMS:
                    shutil.copy(os.path.join(built, p), there)
                    os.chmod(os.path.join(there, p), 0o755)
                built = there
            self._bin = built
        return self._bin

    def start(self, argv, log=None, unprivileged=True, group=True, **kw):
        """Starts a process in a session of its own; its output goes to the log file. It ends with the area."""
        if self.root and unprivileged:
            kw.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        kw.setdefault("cwd", self.dir)
        kw.setdefault("stdin", subprocess.DEVNULL)
        out = None
        if log:
            out = open(self.path(log), "ab")
            self.own(self.path(log))
            kw.update(stdout=out, stderr=subprocess.STDOUT)
        try:
            p = subprocess.Popen(argv, start_new_session=group, **kw)
        finally:
            if out:
                out.close()
        self.children.append(p)
        return p

    def run(self, argv, unprivileged=True, timeout=300, **kw):
        """Runs a program to its end and returns its CompletedProcess with text output."""
        if self.root and unprivileged:
            kw.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        kw.setdefault("cwd", self.dir)
        if "input" not in kw:
            kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(argv, capture_output=True, timeout=timeout, text=True, errors="replace", **kw)

    def kill(self, p, sig=signal.SIGKILL):
        """Signals the whole group of a process started here and takes its status."""
        if ours(p):
            try:
                os.killpg(p.pid, sig)
            except (ProcessLookupError, PermissionError):
                pass
        if sig == signal.SIGKILL:
            p.wait()
            # The others of the group die at their own time, and hold sockets and locks until then.
            while ours(p) and any(living(p.pid)):
                time.sleep(0.01)
            if p in self.children:
                self.children.remove(p)

    def leave(self):
        """Lets the processes live on, and the directory stay, when this program ends."""
        self.keep = True
        self.children.clear()
        _areas.remove(self)

    def close(self):
        if self not in _areas:
            return
        _areas.remove(self)
        for p in list(self.children):
            self.kill(p)
        for close in reversed(self.closers):
            close()
        if not self.keep and not os.environ.get("MAILFERRY_TEST_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
