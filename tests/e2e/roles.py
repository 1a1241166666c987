"""The roles as processes: whom they run as, what they hold, what happens when one dies, who may use the control socket."""

import os
import signal
import socket
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import answers, kill_each, wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "roles")
ferry, store, area = office.ferry, office.store, office.area
sent = []
control = ferry.config["control"]


def send(to="scans"):
    ident = "<%d@example.org>" % len(sent)
    sent.append(ident)
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address(to)], message(ident)))
    c.quit()


def roles(name=""):
    return {pid for pid, line in ferry.children().items()
            if os.path.basename(line.split(" ")[0]).startswith("mailferry-" + name)}


def program():
    return os.path.join(area.bin, "mailferry")


def proc(pid, name, mode="r"):
    with open("/proc/%d/%s" % (pid, name), mode) as f:
        return f.read()


def status(pid, key):
    for line in proc(pid, "status").splitlines():
        if line.startswith(key + ":"):
            return line.split()[1:]
    return None


def run(*args, **kw):
    """`mailferry run` that is expected to end by itself."""
    return area.run([program(), "run", "-c", ferry.file] + list(args), timeout=180, **kw)


def check_roles(user):
    looked = 0
    for pid in roles():
        try:
            check_role(pid, user)
            looked += 1
        except (FileNotFoundError, ProcessLookupError, IndexError):
            pass  # a store that has left for want of mail, or a child that has found its host
    assert looked >= 3, ferry.children()


def check_role(pid, user):
    assert set(status(pid, "Uid")) == {str(user.pw_uid)}, status(pid, "Uid")
    assert set(status(pid, "Gid")) == {str(user.pw_gid)}, status(pid, "Gid")
    assert os.stat("/proc/%d/status" % pid).st_uid == 0 or user.pw_uid == os.stat("/proc/%d/status" % pid).st_uid
    assert status(pid, "NoNewPrivs") == ["1"]
    core = [l for l in proc(pid, "limits").splitlines() if l.startswith("Max core file size")][0]
    assert core.split()[4:6] == ["0", "0"], core
    try:
        environ = proc(pid, "environ", "rb").strip(b"\0")
    except PermissionError:
        return  # DUMPABLE=0 hides it from those who may not trace, which is the point
    assert all(v.startswith(b"TZ=") for v in environ.split(b"\0") if v), environ


# ---- what does not start ----
with tap.case("a wrong rule: all errors with file and line, exit 78, nothing is left running"):
    good = area.read(os.path.join(ferry.name, "office.sieve"))
    ferry.write("office.sieve", "frobnicate;\nif tru { keep; }\n")
    p = run()
    assert p.returncode == 78, (p.returncode, p.stderr)
    assert "office.sieve:1:1" in p.stderr and "office.sieve:2:" in p.stderr, p.stderr
    ferry.write("office.sieve", good)

with tap.case("a port that is taken: the listener, its address and what to do, exit 69"):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", ferry.smtp))
        other.listen()
        p = run()
    assert p.returncode == 69, (p.returncode, p.stderr)
    assert "listener lan" in p.stderr and str(ferry.smtp) in p.stderr, p.stderr

# ---- an unprivileged daemon ----
with tap.case("the service manager is told when it is ready, and when it stops"):
    store.start()
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(area.path("notify"))
    area.own(area.path("notify"))
    manager.settimeout(120)
    ferry.env["NOTIFY_SOCKET"] = area.path("notify")
    ferry.start()
    assert manager.recv(1000).startswith(b"READY=1\n")
    ferry.reload()
    assert manager.recv(1000).startswith(b"RELOADING=1\n")
    assert manager.recv(1000).startswith(b"READY=1\n")
    assert ferry.stop() == 0
    assert manager.recv(1000).startswith(b"STOPPING=1\n")
    del ferry.env["NOTIFY_SOCKET"]

with tap.case("a control socket that a killed daemon left is replaced; the new one is for its user alone"):
    ferry.start()
    ferry.kill()
    assert os.path.exists(control)
    ferry.start()
    st = os.stat(control)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600, oct(st.st_mode)

with tap.case("it announces itself and its addresses"):
    wait_for("event=ready", lambda: "event=ready" in ferry.log_text())
    assert "event=listening listener=lan address=127.0.0.1:%d" % ferry.smtp in ferry.log_text()

with tap.case("a second daemon on the same control socket is refused, and the first lives on"):
    p = run()
    assert p.returncode == 75 and "another mailferry" in p.stderr, (p.returncode, p.stderr)
    send()
    ferry.drained()

with tap.case("roles can't be traced, leave no core, and have an empty environment"):
    check_roles(area.user)

with tap.case("a role that dies is told with the signal, and started again; mail goes on"):
    for name in ("receiver", "connect", "spool"):
        before = len(ferry.log_text())
        victims = roles(name)
        kill_each(victims)
        wait_for("a new " + name, lambda: roles(name) and not roles(name) & victims)
        text = wait_for("its death in the log", lambda: [
            l for l in ferry.log_text()[before:].splitlines() if "event=role-died" in l and "kind=" + name in l])
        assert "signal 9" in text[0], text
        wait_for("the service", lambda: answers(ferry.smtp))
        wait_for("the spool", lambda: ferry.command("queue", "list").returncode == 0)

with tap.case("a store that dies in its work is started again, and nothing is doubled"):
    for n in range(20):
        send()
        kill_each(roles("store"))
    ferry.drained()
    have = sorted(m.id for messages in store.messages().values() for m in messages)
    assert have == sorted(sent), (have, sent)

with tap.case("a role that is asked by a signal to end does not: only the supervisor's word counts"):
    pid = roles("spool")
    for p in pid:
        os.kill(p, signal.SIGTERM)
        os.kill(p, signal.SIGINT)
    send()
    ferry.drained()
    assert roles("spool") == pid

with tap.case("nonsense on the control socket harms nobody"):
    for data in (b"", b"x", b"\0" * 100000, os.urandom(1000), b"\1\0\1\0\1\0\0\0"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(control)
            s.send(data)
    crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(200)]
    for s in crowd:
        s.setblocking(False)
        try:
            s.connect(control)
        except BlockingIOError:
            pass
    for s in crowd:
        s.close()
    wait_for("the control socket to be useful", lambda: ferry.command("queue", "list").returncode == 0)
    assert ferry.alive()

with tap.case("SIGTERM ends it in order, with status 0, and the control socket is gone"):
    assert ferry.stop() == 0
    assert not os.path.exists(control)
    assert "event=stopped" in ferry.log_text()

with tap.case("without a daemon, a command says what to do and exits 69"):
    p = ferry.command("queue", "list")
    assert p.returncode == 69 and control in p.stderr and "not running" in p.stderr, (p.returncode, p.stderr)

# ---- a daemon that root started ----
with tap.case("started by root, every role runs as the configured user, and only root may use the control socket"):
    if os.geteuid() != 0:
        raise Skip("only root can try this")
    spool = ferry.path("spool-of-root")
    ferry.save(user=area.user.pw_name, spool=spool, control=ferry.path("control-of-root"))
    os.chown(ferry.dir, 0, 0)
    os.chmod(ferry.dir, 0o755)
    before = len(ferry.log_text())
    ferry.process = area.start([program(), "run", "-c", ferry.file], unprivileged=False, log=ferry.log,
                               env=dict(os.environ, SECRET="in the environment"))
    wait_for("all roles", lambda: not ferry.alive() or "event=ready" in ferry.log_text()[before:])
    assert ferry.alive(), ferry.logs()
    check_roles(area.user)
    assert set(status(ferry.process.pid, "Uid")) == {"0"}
    for pid in roles():
        assert status(pid, "CapEff") == ["0000000000000000"] and not status(pid, "Groups")[1:], proc(pid, "status")
    st = os.stat(spool)
    assert st.st_uid == area.user.pw_uid and stat.S_IMODE(st.st_mode) == 0o700, st
    st = os.stat(ferry.config["control"])
    assert st.st_uid == 0 and stat.S_IMODE(st.st_mode) == 0o600, st
    send()
    p = area.run([program(), "queue", "-c", ferry.file], unprivileged=False)
    assert p.returncode == 0, p.stderr
    wait_for("the mail", lambda: sorted(m.id for ms in store.messages().values() for m in ms) == sorted(sent))
    assert ferry.stop() == 0

with tap.case("started by root, it refuses to run its roles as root or as nobody known"):
    if os.geteuid() != 0:
        raise Skip("only root can try this")
    for user in ("root", "no-such-user-here"):
        ferry.save(user=user)
        p = run(unprivileged=False)
        assert p.returncode == 78 and "user" in p.stderr, (p.returncode, p.stderr)

with tap.case("started by root, it gives no directory to the roles' user that holds other things than a spool"):
    if os.geteuid() != 0:
        raise Skip("only root can try this")
    foreign = area.path("foreign")
    os.makedirs(os.path.join(foreign, "somebody"))
    ferry.save(user=area.user.pw_name, spool=foreign)
    p = run(unprivileged=False)
    assert p.returncode == 78 and "foreign holds other things" in p.stderr, (p.returncode, p.stderr)
    assert os.stat(foreign).st_uid == 0

store.stop()
tap.done()
