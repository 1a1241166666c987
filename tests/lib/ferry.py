"""The daemon under test: its configuration, its life and death, and its command line."""

import json
import mmap
import os
import re
import signal
import struct
import subprocess
import time

from lib.area import answers, free_port, wait_for


def libconfig(value, depth=0):
    """Python data as libconfig text: dict → group, list → list, str, bool, int."""
    pad = "  " * depth
    if isinstance(value, dict):
        if depth == 0:
            return "".join("%s = %s;\n" % (k, libconfig(v, 1)) for k, v in value.items())
        return "{\n" + "".join("%s%s = %s;\n" % (pad, k, libconfig(v, depth + 1)) for k, v in value.items()) \
            + pad[2:] + "}"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(libconfig(v, depth) for v in value) + " ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')


def merge(into, more):
    """Deep update; a value of None removes the key."""
    for k, v in more.items():
        if v is None:
            into.pop(k, None)
        elif isinstance(v, dict) and isinstance(into.get(k), dict):
            merge(into[k], v)
        else:
            into[k] = v
    return into


class Steps:
    """The file behind MAILFERRY_STEPS: steps counted so far, and the one that kills."""

    def __init__(self, area, name="steps"):
        self.path = area.write(name, bytes(16))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 16)

    def set(self, fatal):
        self.map[:] = struct.pack("=qq", 0, fatal)

    @property
    def done(self):
        return struct.unpack("=qq", self.map[:])[0]


class Ferry:
    """
    One mailferry with one account `office` on the given store (a Dovecot, or
    a host and port), one SMTP and one LMTP listener. `rules` is Sieve text;
    `config` is merged over the configuration made here.
    """

    def __init__(self, area, store, rules="", config=None, name="ferry", tls="none", port=None, spool=None):
        self.area = area
        self.name = name
        self.process = None
        self.smtp = free_port()
        self.lmtp = free_port()
        self.dir = area.mkdir(name)
        self.log = name + "/log"
        self.env = dict(os.environ)
        self.env.pop("MAILFERRY_STEPS", None)
        self.steps = None
        self.tries = False  # what the sandbox refuses, so that lines that tell of it are right
        account = {
            "host": "localhost", "port": port or (store.tls_port if tls == "implicit" else store.port), "tls": tls,
            "user": "office", "password_file": "office.password",
            "addresses": ["@office.example"], "rules": "office.sieve",
            "retry_min": "1s", "retry_max": "2s",
            # How late the store may still file what a connection brought that has ended: it may wait for a turn and for the
            # disk, and where it is later than that, a message is doubled.
            "settle": "5s",
        }
        if tls != "none":
            account["ca_file"] = store.ca
        self.config = {
            "hostname": "mail.office.example",
            "spool": spool or self.path("spool"),
            "control": self.path("control"),
            "limits": {"sessions_per_address": 2000, "sessions": 2000},
            "listeners": {
                "lan": {"address": "127.0.0.1:%d" % self.smtp},
                "lmtp": {"address": "127.0.0.1:%d" % self.lmtp, "protocol": "lmtp"},
            },
            "accounts": {"office": account},
        }
        merge(self.config, config or {})
        self.write("office.password", "s3cret\n", 0o600)
        self.write("office.sieve", rules)
        self.save()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, data, mode=0o644):
        return self.area.write(os.path.join(self.name, name), data, mode)

    @property
    def file(self):
        return self.path("mailferry.conf")

    @property
    def account(self):
        return self.config["accounts"]["office"]

    def save(self, **changes):
        """Writes the configuration, with changes kept from now on."""
        merge(self.config, changes)
        self.write("mailferry.conf", libconfig(self.config), 0o600)

    def at_noon(self):
        """Where the daemon lives it is about noon: what it counts by the day does not begin anew while a test runs."""
        self.env["TZ"] = "TST%+d" % -((12 - time.gmtime().tm_hour + 36) % 24 - 12)
        return self

    # ---- life ----
    def use_steps(self, fatal):
        self.steps = self.steps or Steps(self.area, self.name + "/steps")
        self.steps.set(fatal)
        self.env["MAILFERRY_STEPS"] = self.steps.path

    def launch(self):
        """Starts it without waiting for anything. One that a failed case left behind makes way."""
        if self.alive():
            self.kill()
        self.process = self.area.start([os.path.join(self.area.bin, "mailferry"), "run", "-c", self.file],
                                       log=self.log, env=self.env)
        return self

    def start(self, seconds=120):
        """Starts it and waits until it greets. Fails if it ends instead."""
        self.launch()
        wait_for("mailferry to greet", lambda: not self.alive() or answers(self.smtp), seconds)
        if not self.alive():
            raise AssertionError("mailferry ended with status %s\n%s" % (self.process.poll(), self.logs()))
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=120):
        """An orderly stop, and its exit status. One that hangs is a failure."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("mailferry did not stop within %d s of SIGTERM" % seconds)
        self.kill()
        self.check_sandbox()
        return status

    def check_sandbox(self):
        """What a role needs is in its list: nothing of it was refused, in any test."""
        refused = [line for line in self.log_text().splitlines()
                   if "event=call-refused" in line or "event=role-forbidden" in line]
        assert not refused or self.tries, refused[:5]

    def kill(self):
        """SIGKILL to the supervisor and all roles at once: the power cut."""
        if self.process is not None:
            self.area.kill(self.process)
            self.process = None

    def reload(self):
        """Returns when it has read the configuration: stores and fetchers are new from then on, receivers soon after."""
        def answered():
            assert self.alive(), "mailferry ended with status %s\n%s" % (self.process.poll(), self.logs())
            return len(re.findall("event=(?:reloaded|reload-failed) ", self.log_text())) > before
        before = len(re.findall("event=(?:reloaded|reload-failed) ", self.log_text()))
        self.process.send_signal(signal.SIGHUP)
        wait_for("the reload", answered, every=0.02)

    def renew(self):
        """The same, and returns when new receivers take all new sessions: the old ones have left, so no session may be open."""
        old = self.receivers()
        self.reload()
        wait_for("the old receivers to leave", lambda: not self.receivers() & old, every=0.02)

    def receivers(self):
        return {pid for pid, line in self.children().items() if "mailferry-receiver" in line.split(" ")[0]}

    def logs(self, lines=60):
        return self.area.tail(self.log, lines)

    def log_text(self):
        return self.area.read(self.log)

    def children(self, group=None):
        """Processes of this instance's group, or of another: pid → command line."""
        wanted = group or (self.process.pid if self.process is not None else None)
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    of = int(f.read().rpartition(")")[2].split()[2])
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            except (OSError, IndexError, ValueError):
                continue
            if of == wanted and line:
                found[int(pid)] = line
        return found

    def spooled(self):
        """The octets of each file of the spool; some of them are there for the time of writing only."""
        for folder, _, names in os.walk(self.config["spool"]):
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        yield f.read()
                except FileNotFoundError:
                    pass

    # ---- the command line ----
    def command(self, *args, check=False, input=None, timeout=180):
        argv = [os.path.join(self.area.bin, "mailferry")] + list(args)
        if "-c" not in args:
            argv += ["-c", self.file]
        p = self.area.run(argv, env=self.env, timeout=timeout, **({"input": input} if input is not None else {}))
        if check and p.returncode != 0:
            raise AssertionError("%s exited %d: %s%s" % (" ".join(argv), p.returncode, p.stdout, p.stderr))
        return p

    def insist(self, *args):
        """A command about the queue, again while a store is just at work on what it is about."""
        def done():
            p = self.command("queue", *args)
            if p.returncode != 0 and "try again in a moment" in p.stderr:
                return None
            assert p.returncode == 0, "queue %s exited %d: %s%s" % (" ".join(args), p.returncode, p.stdout, p.stderr)
            return p
        return wait_for("queue %s" % " ".join(args), done)

    def rows(self, *args):
        """The objects that a `--json` command prints, whether as a list or one a line."""
        text = self.command(*args, "--json", check=True).stdout.strip()
        if not text:
            return []
        if text.startswith("["):
            return json.loads(text)
        try:
            return [json.loads(text)]
        except ValueError:
            return [json.loads(line) for line in text.splitlines()]

    def queue(self):
        return self.rows("queue", "list")

    def drained(self, seconds=180):
        """Waits until nothing is in the queue."""
        end = time.monotonic() + seconds
        while True:
            p = self.command("queue", "list", "--json")
            rows = None
            if p.returncode == 0:
                text = p.stdout.strip()
                rows = text.splitlines() if text not in ("", "[]") else []
            if rows == []:
                return
            if time.monotonic() > end:
                raise AssertionError("the queue did not drain within %d s:\n%s%s" % (seconds, p.stdout, p.stderr))
            time.sleep(0.1)
