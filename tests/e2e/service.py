"""What a service manager and the daemon have to do with each other: sockets, words, the watchdog, credentials, stops."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import SOURCE, answers, wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "service", config={"stop_timeout": "15s", "receivers": 2})
area, ferry = office.area, office.ferry
office.store.start()
serial = 0


def item(size=0):
    global serial
    serial += 1
    ident = "<%d@example.org>" % serial
    return Item(ident, [address("office")], message(ident, "case %d" % serial, size=size), folders=["INBOX"])


def half(port=None):
    """A client in the middle of a message: (client, what is left to send)."""
    c = Client(port or ferry.smtp, timeout=60)
    c.hello()
    i = item(3000)
    c.mail(i)
    c.send(i.wire[:1000])
    return c, i, i.wire[1000:]


def pids(role):
    return {p for p, line in ferry.children().items() if "mailferry-" + role in line}


# ---- stopping ----
with tap.case("a stop lets a message that is being sent end, and tells all others to come back"):
    ferry.start()
    idle = Client(ferry.smtp, timeout=60)
    idle.hello()
    begun = Client(ferry.smtp, timeout=60)
    begun.hello()
    begun.command("MAIL FROM:<a@example.org>", 250)
    c, i, rest = half()
    slow, j, _ = half()
    ferry.process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    assert idle.reply()[0] == 421
    wait_for("the sockets to be closed", lambda: not answers(ferry.smtp))
    c.send(rest)
    c.expect(250)
    assert c.reply()[0] == 421
    # Between two messages it is told, too.
    begun.send("RSET\r\n")
    assert [begun.reply()[0], begun.reply()[0]] == [250, 421]
    assert slow.reply()[0] == 421
    assert time.monotonic() - start >= 14, "the limit is fifteen seconds"
    assert ferry.process.wait(180) == 0
    ferry.process = None
    ferry.start()
    slow.close()
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(j)
    c.quit()
    ferry.drained()
    ids = sorted(m.id for m in office.store.messages()["INBOX"])
    assert ids == sorted([i.id, j.id]), ids

with tap.case("a reload keeps sessions: one goes on in the middle of DATA, and takes more messages afterwards"):
    c, i, rest = half()
    before = pids("receiver")
    ferry.reload()
    wait_for("two new receivers", lambda: len(pids("receiver") - before) == 2)
    wait_for("the old ones to leave but for the one that is wanted", lambda: len(pids("receiver") & before) == 1)
    c.send(rest)
    c.expect(250)
    j = item()
    c.deliver(j)
    c.quit()
    wait_for("the old one to leave", lambda: not pids("receiver") & before)
    ferry.drained()
    ids = [m.id for m in office.store.messages()["INBOX"]]
    assert ids.count(i.id) == ids.count(j.id) == 1, ids
    assert ferry.stop() == 0

# ---- words to the manager ----
class Manager:
    """Listens all the time: the kernel keeps as few as ten words, and more than these are lost."""

    def __init__(self, name):
        self.address = "\0" + name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.words = queue.Queue()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        while data := self.socket.recv(2000):
            self.words.put(data)

    def told(self, seconds=60):
        """The next words; queue.Empty when there are none for so long."""
        return dict(line.split("=", 1) for line in self.words.get(timeout=seconds).decode().splitlines())

    def forget(self):
        """Until nothing comes any more just now."""
        try:
            while True:
                self.told(0.1)
        except queue.Empty:
            pass

    def stop(self):
        self.socket.sendto(b"", self.address)
        self.listener.join()
        self.socket.close()


with tap.case("the manager is told of start, reload, a wrong configuration and stop; by an abstract socket as well"):
    name = "mailferry-test-%d" % os.getpid()
    manager = Manager(name)
    told = manager.told
    ferry.env["NOTIFY_SOCKET"] = "@" + name
    ferry.start()
    words = told()
    assert words["READY"] == "1" and "2 listeners, 1 accounts" in words["STATUS"], words
    before = pids("receiver")
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    ferry.reload()
    words = told()
    assert words["RELOADING"] == "1" and now <= int(words["MONOTONIC_USEC"]) <= now + 60 * 10**6, (now, words)
    assert told()["READY"] == "1"
    assert len(pids("receiver") - before) == 2, "it was said before the new receivers were there"
    good = area.read("ferry/mailferry.conf")
    ferry.write("mailferry.conf", good + "nonsense = 1;\n", 0o600)
    ferry.reload()
    assert told()["RELOADING"] == "1"
    words = told()
    assert words["READY"] == "1" and "wrong" in words["STATUS"], words
    ferry.write("mailferry.conf", good, 0o600)
    assert ferry.stop() == 0
    assert told()["STOPPING"] == "1"

with tap.case("a manager that has no room for a word just now hears it later, and in its place"):
    busy = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    busy.bind("\0" + name + "-busy")
    busy.settimeout(60)
    ferry.env["NOTIFY_SOCKET"] = "@" + name + "-busy"

    def fill():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            try:
                while True:
                    s.sendto(b"X=1", busy.getsockname())
            except BlockingIOError:
                pass

    def heard():
        words = b"X=1"
        while words == b"X=1":
            words = busy.recv(2000)
        return words.split(b"\n")[0]

    fill()
    before = ferry.log_text().count("event=ready")
    ferry.start()
    wait_for("readiness", lambda: ferry.log_text().count("event=ready") > before)
    assert heard() == b"READY=1"
    fill()
    before = pids("receiver")
    ferry.reload()
    wait_for("new receivers alone", lambda: len(pids("receiver")) == 2 and not pids("receiver") & before)
    assert [heard(), heard()] == [b"RELOADING=1", b"READY=1"]
    assert ferry.stop() == 0
    assert heard() == b"STOPPING=1"
    busy.close()
    ferry.env["NOTIFY_SOCKET"] = "@" + name

with tap.case("the watchdog hears of the supervisor while its loop goes round, and not when it hangs"):
    ferry.env["WATCHDOG_USEC"] = "400000"
    ferry.start()
    while told().get("READY") != "1":
        pass
    for _ in range(5):
        assert told() == {"WATCHDOG": "1"}
    ferry.process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    manager.forget()  # what was said before
    try:
        raise AssertionError("it says %r and hangs" % told(1.5))
    except queue.Empty:
        pass
    ferry.process.send_signal(signal.SIGCONT)
    assert told() == {"WATCHDOG": "1"}
    assert ferry.stop() == 0
    # Meant for another process: not for us.
    ferry.env["WATCHDOG_PID"] = "1"
    ferry.start()
    while told().get("READY") != "1":
        pass
    try:
        raise AssertionError("it says %r" % told(1.5))
    except queue.Empty:
        pass
    assert ferry.stop() == 0
    manager.stop()
    for key in ("WATCHDOG_USEC", "WATCHDOG_PID", "NOTIFY_SOCKET"):
        ferry.env.pop(key)

# ---- sockets from the manager ----
def handed(sockets, names):
    """Starts it as systemd would, with these sockets as descriptors from 3 on."""
    n = len(sockets)

    def arrange():
        for k, s in enumerate(sockets):
            os.dup2(s.fileno(), 200 + k)
        for k in range(n):
            os.dup2(200 + k, 3 + k)

    before = ferry.log_text().count("event=ready")
    ferry.process = area.start(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=%d LISTEN_FDNAMES=%s exec "$0" run -c "$1"' % (n, names),
         os.path.join(area.bin, "mailferry"), ferry.file],
        log=ferry.log, env=ferry.env, preexec_fn=arrange, pass_fds=range(3, 3 + n))
    wait_for("readiness", lambda: ferry.log_text().count("event=ready") > before)


def listen(host, port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(100)
    return s


with tap.case("sockets from the manager: by address and by name; they stay when the daemon is started again"):
    path = area.path("ferry", "sock")
    ferry.save(listeners={"local": {"address": "unix:" + path, "protocol": "lmtp"},
                          "elsewhere": {"address": "127.0.0.1:1"}})
    by_address = listen("127.0.0.1", ferry.smtp)
    by_name = listen("127.0.0.1", 0)
    local = socket.socket(socket.AF_UNIX)
    local.bind(path)
    local.listen(10)
    os.chmod(path, 0o666)
    stray = listen("127.0.0.1", 0)
    all_of_them = [by_address, by_name, local, stray]
    handed(all_of_them, "mailferry.socket:elsewhere:mailferry.socket:stray")
    text = ferry.log_text()
    assert "event=socket-not-used name=stray" in text, text[-3000:]
    port = by_name.getsockname()[1]
    for where in (ferry.smtp, port):
        c = Client(where)
        c.hello()
        c.deliver(item())
        c.quit()
    c = Client(0, host=path, lmtp=True, family=socket.AF_UNIX)
    c.hello()
    c.deliver(item())
    c.quit()
    # A reload finds them again.
    before = pids("receiver")
    ferry.reload()
    wait_for("new receivers", lambda: len(pids("receiver") - before) == 2 and not pids("receiver") & before)
    c = Client(port)
    c.hello()
    c.deliver(item())
    c.quit()
    # Clients that come while nobody is there wait, and are served.
    assert ferry.stop() == 0
    assert os.path.exists(path), "the name of a socket that is not ours was removed"
    waiting = Client(ferry.smtp, timeout=60)
    handed(all_of_them, "mailferry.socket:elsewhere:mailferry.socket:stray")
    waiting.hello()
    waiting.deliver(item())
    waiting.quit()
    ferry.drained()
    assert ferry.stop() == 0
    for s in all_of_them:
        s.close()
    os.unlink(path)
    ferry.save(listeners={"local": None, "elsewhere": None})

# ---- credentials ----
with tap.case("files can come from the manager's credentials; a name that is none is an error with its line"):
    area.mkdir("credentials")
    area.write("credentials/office-password", "s3cret\n", 0o400)
    ferry.env["CREDENTIALS_DIRECTORY"] = area.path("credentials")
    ferry.save(accounts={"office": {"password_file": "credential:office-password"}})
    ferry.start()
    c = Client(ferry.smtp)
    c.hello()
    i = item()
    c.deliver(i)
    c.quit()
    ferry.drained()
    assert i.id in [m.id for m in office.store.messages()["INBOX"]]
    assert ferry.stop() == 0
    for text, said in (("credential:../x", "is no name of a credential"), ("credential:", "is no name of a credential")):
        ferry.save(accounts={"office": {"password_file": text}})
        p = ferry.command("check")
        assert p.returncode != 0 and said in p.stderr + p.stdout, (p.stdout, p.stderr)
    del ferry.env["CREDENTIALS_DIRECTORY"]
    ferry.save(accounts={"office": {"password_file": "credential:office-password"}})
    p = ferry.command("check")
    assert p.returncode != 0 and "CREDENTIALS_DIRECTORY" in p.stderr + p.stdout, (p.stdout, p.stderr)

# ---- the units ----
with tap.case("systemd finds nothing wrong with the units"):
    tap.need_here("systemd-analyze", "systemd")
    for unit in ("mailferry.service", "mailferry.socket"):
        with open(os.path.join(SOURCE, "conf", unit + ".in")) as f:
            text = f.read()
        assert "@bindir@/mailferry" in text or unit.endswith("socket")
        # It looks whether the program is there.
        area.write(unit, text.replace("@bindir@/mailferry", "/bin/true"))
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", area.path("mailferry.service"),
                        area.path("mailferry.socket")], capture_output=True, text=True)
    said = [l for l in p.stderr.splitlines() if "mailferry" in l]
    assert p.returncode == 0 and not said, p.stderr
    p = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=40",
                        area.path("mailferry.service")], capture_output=True, text=True)
    if "unrecognized option" not in p.stderr and "Unknown" not in p.stderr:
        tap.diag(p.stdout.strip().splitlines()[-1])
        assert p.returncode == 0, p.stdout[-500:]
office.area.close()
tap.done()
