"""
The sandbox in the real programs: each role, while it runs, is made to try what it may not, and sees it refused; what is
told of it; and that mail goes on.
"""

import errno
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import answers, kill_each, wait_for  # noqa: E402
from lib.dovecot import silent_listener  # noqa: E402
from lib.inject import REFUSED, inject, possible, waits  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

AT_FDCWD, SYS = -100, {signal.SIGSYS}
tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "sandbox")
ferry, store, area = office.ferry, office.store, office.area
ferry.tries = True
sent = []


def send():
    ident = "<%d@example.org>" % len(sent)
    sent.append(ident)
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address("scans")], message(ident)))
    c.quit()


def send_out():
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item("<out@example.org>", ["customer@example.net"], message("<out@example.org>"), mail_from=address("scanner")))
    c.quit()


def drop_outward():
    """What is for the relay would wait for ever. A role that is at work on it keeps it from being deleted."""
    for pid in roles("relay"):
        os.kill(pid, signal.SIGKILL)
    rows = ferry.rows("queue", "list", "--account", "relay")
    for row in rows:
        ferry.command("queue", "delete", row["id"], "--yes")
    return not rows


def log_since(n):
    return ferry.log_text()[n:]


def roles(name, group=None):
    """Of the daemon, or of a command that is a GROUP of its own."""
    return [pid for pid, line in ferry.children(group).items() if os.path.basename(line.split(" ")[0]) == "mailferry-" + name]


def role(name):
    """One that is ready and waits."""
    if name == "store":
        send()
    if name == "relay":
        send_out()
    def ready():
        """The supervisor's own: the connector has children that look up a name."""
        return [p for p in roles(name) if status(p, "PPid") == str(ferry.process.pid) and status(p, "Seccomp") == "2"
                and waits(p)]
    return wait_for("a " + name, ready)[0]


def status(pid, key):
    try:
        with open("/proc/%d/status" % pid) as f:
            return [line.split()[1] for line in f if line.startswith(key + ":")][0]
    except (OSError, IndexError):
        return None


def sandboxed():
    """Not in a build with a sanitizer, nor on a kernel without."""
    return "event=sandbox-partly" not in ferry.log_text() and possible()


KINDS = ("receiver", "spool", "connect", "store", "fetch", "relay", "token")
silent, silent_port = silent_listener()
nowhere = "https://localhost:%d/" % silent_port
ferry.save(sources={"quiet": {"protocol": "imap", "host": "localhost", "port": silent_port, "tls": "none", "user": "u",
                              "password": "p", "account": "office", "to": address("office"), "every": "1s",
                              "timeout": "1h"}},
           relay={"host": "localhost", "port": silent_port, "tls": "none", "timeout": "1h", "retry_min": "1s", "retry_max": "1s"},
           relay_for={"lan": {"networks": ["127.0.0.0/8"], "senders": ["@office.example"]}},
           accounts={"cloud": {"host": "localhost", "port": silent_port, "user": "u", "addresses": ["@cloud.example"],
                               "oauth": {"grant": "user", "client_id": "x", "authorization_endpoint": nowhere,
                                         "token_endpoint": nowhere}}})
office.start()

with tap.case("every role is confined: a filter, no new privileges, no way to other programs"):
    if not sandboxed():
        raise Skip("needs Linux on x86-64 with seccomp and Landlock, root, and a build without sanitizers")
    for kind in KINDS:
        pid = role(kind)
        assert status(pid, "NoNewPrivs") == "1" and int(status(pid, "Seccomp_filters")) >= 1, kind

with tap.case("what a role does not know fails, is told once in the log, and ends nothing"):
    if not sandboxed():
        raise Skip("as above")
    for kind in KINDS:
        pid, before = role(kind), len(ferry.log_text())
        assert inject(pid, "getpid") == pid
        assert inject(pid, "getxattr", b"/", b"user.x", 0, 0) == REFUSED, kind
        opened = inject(pid, "openat", AT_FDCWD, ferry.file.encode(), 0)
        assert opened == (-errno.EACCES if kind in ("spool", "connect", "token") else REFUSED), (kind, opened)
        assert status(pid, "Seccomp") == "2", kind

with tap.case("the spool works in its directory and nowhere else; only the connector has sockets, to ports that are named"):
    if not sandboxed():
        raise Skip("as above")
    pid = role("spool")
    inside = os.path.join(ferry.config["spool"], "tmp", "probe").encode()
    assert inject(pid, "openat", AT_FDCWD, inside, os.O_CREAT | os.O_WRONLY, 0o600) > 0
    os.unlink(inside)
    assert inject(pid, "openat", AT_FDCWD, b"/tmp/mailferry-probe", os.O_CREAT | os.O_WRONLY, 0o600) == -errno.EACCES
    pid = role("connect")
    fd = inject(pid, "socket", socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0)
    assert fd > 0, fd
    there = b"\x02\x00" + ferry.smtp.to_bytes(2, "big") + socket.inet_aton("127.0.0.1") + bytes(8)
    assert inject(pid, "connect", fd, there, 16) == -errno.EACCES
    assert inject(pid, "kill", ferry.process.pid, signal.SIGKILL) == -errno.EPERM
    assert inject(pid, "kill", role("spool"), signal.SIGKILL) == -errno.EPERM

with tap.case("what only an attacker tries ends the role; the log names it and says what to do; mail goes on"):
    if not sandboxed():
        raise Skip("as above")
    trials = {"receiver": [("socket", 2, 1, 0), ("execve", b"/bin/sh", 0, 0)],
              "spool": [("socket", 2, 1, 0), ("ptrace", 0, 0, 0, 0)],
              "connect": [("execve", b"/bin/sh", 0, 0)],
              "store": [("connect", 3, 0, 0), ("mmap", 0, 4096, 5, 0x22, -1, 0)],
              "fetch": [("kill", 1, signal.SIGTERM), ("clone", 17, 0, 0, 0, 0)],
              "relay": [("socket", 2, 1, 0), ("execve", b"/bin/sh", 0, 0)],
              "token": [("connect", 3, 0, 0), ("ptrace", 0, 0, 0, 0)]}
    for kind, calls in trials.items():
        for call in calls:
            before, pid = len(ferry.log_text()), role(kind)
            got = inject(pid, *call)
            assert got == SYS, (kind, call, got)
            told = wait_for("its death in the log", lambda: [
                line for line in log_since(before).splitlines() if "event=role-forbidden" in line])
            assert "kind=" + kind in told[0] and "SIGSYS" in told[0] and "type=1326" in told[0], told
            wait_for("the service", lambda: answers(ferry.smtp))
            wait_for("the spool", lambda: ferry.command("queue", "list").returncode == 0)
    wait_for("the relay's mail to be gone", drop_outward)
    send()
    ferry.drained()
    found = [m.id for f in store.messages().values() for m in f]
    assert sorted(found) == sorted(sent), (found, sent)

with tap.case("so are the programs that commands start, while they wait for a server or a browser"):
    if not sandboxed():
        raise Skip("as above")
    for words, kind in ((("probe", "quiet"), "probe"), (("login", "cloud"), "login")):
        for call, what in ((("openat", AT_FDCWD, ferry.file.encode(), 0), REFUSED), (("execve", b"/bin/sh", 0, 0), SYS),
                           (("socket", 2, 1, 0), SYS), (("connect", 3, 0, 0), SYS)):
            command = area.start([os.path.join(area.bin, "mailferry"), *words, "-c", ferry.file], log="commands", env=ferry.env)
            pid = wait_for(kind, lambda: [p for p in roles(kind, command.pid) if status(p, "Seccomp") == "2" and waits(p)])[0]
            assert status(pid, "NoNewPrivs") == "1" and inject(pid, "getpid") == pid
            assert inject(pid, *call) == what, (kind, call)
            area.kill(command)

with tap.case("nothing was refused in all that but what was tried"):
    refused = [line for line in ferry.log_text().splitlines() if "event=call-refused" in line]
    assert not [line for line in refused if "getxattr" not in line and "call=openat" not in line], refused

with tap.case("programs that are replaced on disk are not mixed with those that run"):
    names = sorted(f for f in os.listdir(area.bin) if f.startswith("mailferry-"))
    if not area.root:
        raise Skip("not root: the programs under test are those of the build")
    for name in names:
        os.rename(os.path.join(area.bin, name), os.path.join(area.bin, name + ".old"))
        area.write(os.path.join(area.bin, name), "#!/bin/sh\nexit 1\n", 0o755)
    for kind in ("receiver", "connect", "spool"):
        old = set(roles(kind))
        for pid in old:
            kill_each([pid])
        wait_for("a new " + kind, lambda: roles(kind) and not set(roles(kind)) & old)
    wait_for("the service", lambda: answers(ferry.smtp))
    wait_for("the spool", lambda: ferry.command("queue", "list").returncode == 0)
    send()
    ferry.drained()
    # Started anew, it takes what is there now, and says which.
    assert ferry.stop() == 0
    for name in names:
        os.rename(os.path.join(area.bin, name + ".old"), os.path.join(area.bin, name))
    os.rename(os.path.join(area.bin, "mailferry-login"), os.path.join(area.bin, "away"))
    os.rename(os.path.join(area.bin, "mailferry-store"), os.path.join(area.bin, "mailferry-login"))
    p = area.run([os.path.join(area.bin, "mailferry"), "run", "-c", ferry.file], timeout=60)
    assert p.returncode == 78 and "mailferry-store" in p.stderr and "install all" in p.stderr, (p.returncode, p.stderr)
    os.rename(os.path.join(area.bin, "mailferry-login"), os.path.join(area.bin, "mailferry-store"))
    os.rename(os.path.join(area.bin, "away"), os.path.join(area.bin, "mailferry-login"))

with tap.case("sandbox = \"off\" is told, and takes it off"):
    ferry.save(sandbox="off")
    before = len(ferry.log_text())
    ferry.start()
    assert "event=sandbox-off" in log_since(before), log_since(before)
    wait_for("a receiver", lambda: roles("receiver"))
    assert all(status(pid, "Seccomp") == "0" and status(pid, "NoNewPrivs") == "1" for pid in roles("receiver"))
    assert ferry.stop() == 0
    p = ferry.command("check")
    assert p.returncode == 0, p.stderr

with tap.case("sandbox = \"required\" starts where the kernel has it, and is an error where it has not"):
    ferry.save(sandbox="required")
    p = ferry.command("check")
    if p.returncode == 0:
        ferry.start()
        send()
        ferry.drained()
        assert ferry.stop() == 0
    else:
        assert p.returncode == 78 and "sandbox" in p.stderr, (p.returncode, p.stderr)
    ferry.save(sandbox="perhaps")
    p = ferry.command("check")
    assert p.returncode == 78 and "sandbox" in p.stderr, (p.returncode, p.stderr)
silent.close()
tap.done()
