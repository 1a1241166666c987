"""The supervisor: new configuration, clean stop, roles that die."""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import answers, free_port, kill_each, wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "reload")
ferry, store = office.ferry, office.store
sent = []


def send(to="scans", port=None, size=0):
    ident = "<%d@example.org>" % len(sent)
    c = Client(port or ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address(to)], message(ident, size=size)))
    sent.append(ident)
    try:
        c.quit()
    except OSError:  # it has its 250, whatever happens behind it
        pass


def roles(name):
    return {pid for pid, line in ferry.children().items() if "mailferry-" + name in line.split(" ")[0]}


with tap.case("it works before"):
    office.start()
    send()
    ferry.drained()

with tap.case("a better configuration is taken over by SIGHUP: new rules, new listener, running sessions live on"):
    old = Client(ferry.smtp)
    old.hello()
    port = free_port()
    ferry.write("office.sieve", 'require ["fileinto", "mailbox"]; fileinto :create "New";')
    ferry.save(listeners={"more": {"address": "127.0.0.1:%d" % port}})
    ferry.reload()
    wait_for("the new listener", lambda: answers(port))
    send(port=port)
    wait_for("mail in the new folder", lambda: store.count().get("New") == 1)
    ident = "<old@example.org>"
    sent.append(ident)
    old.deliver(Item(ident, [address("scans")], message(ident)))
    old.quit()
    ferry.drained()

with tap.case("one SIGHUP after the other turns no client away"):
    for _ in range(25):
        for _ in range(4):
            ferry.process.send_signal(signal.SIGHUP)
            time.sleep(0.005)
        send()
    wait_for("one receiver alone", lambda: len(roles("receiver")) == 1)
    ferry.drained()

with tap.case("a wrong configuration is told, and the old one stays"):
    before = len(ferry.log_text())
    ferry.save(nonsense="x")
    ferry.reload()
    wait_for("the complaint", lambda: "nonsense" in ferry.log_text()[before:])
    ferry.config.pop("nonsense")
    ferry.save()
    count = store.count().get("New")
    send(port=port)
    wait_for("mail by the old rules", lambda: store.count().get("New") == count + 1)

with tap.case("wrong rules are told with line and column, and the old ones stay"):
    before = len(ferry.log_text())
    ferry.write("office.sieve", "keep;\nfrobnicate;\n")
    ferry.reload()
    wait_for("the complaint", lambda: "office.sieve:2:1" in ferry.log_text()[before:])
    count = store.count().get("New")
    send()
    wait_for("mail by the old rules", lambda: store.count().get("New") == count + 1)
    ferry.write("office.sieve", 'require ["fileinto", "mailbox"]; fileinto :create "New";')

with tap.case("mail of an account that is taken out of the configuration says so, and is filed when it is named again"):
    # Nothing else is to be in the queue: the spool is started again, and what a store has in hand then is looked for.
    ferry.drained()
    other = dict(ferry.account, addresses=["@other.example"], port=free_port())
    other.pop("rules")
    ferry.save(accounts={"other": other})
    ferry.reload()

    def send_other():
        ident = "<other@example.org>"
        c = Client(ferry.smtp)
        c.hello()
        try:
            c.deliver(Item(ident, ["x@other.example"], message(ident)))
        except Exception:
            return False
        sent.append(ident)
        c.quit()
        return True
    wait_for("the new account", send_other, every=0.3)
    del ferry.config["accounts"]["other"]
    ferry.save()
    ferry.reload()
    words = "names no such account"
    wait_for("the reason", lambda: words in ferry.command("queue").stdout)
    assert "is tried now" not in ferry.command("queue").stdout
    status = ferry.command("status")
    assert words in status.stdout, status.stdout
    assert words in ferry.command("queue", "show", ferry.queue()[0]["delivery"]).stdout
    assert ferry.command("status", "--check").returncode == 2
    ferry.save(accounts={"other": dict(other, port=ferry.account["port"])})
    ferry.reload()
    ferry.drained()
    # That the account is fine again is recorded behind what was filed.
    wait_for("all to be fine", lambda: ferry.command("status", "--check").returncode == 0)
    del ferry.config["accounts"]["other"]
    ferry.save()
    ferry.reload()

for role in ("receiver", "spool", "connect"):
    with tap.case("a killed %s is started again" % role):
        victims = wait_for("a " + role, lambda: roles(role))
        kill_each(victims)
        wait_for("a new " + role, lambda: roles(role) and not roles(role) & victims)

        def send_now():
            try:
                send()
                return True
            except Exception:
                return False
        wait_for("the service to be whole", send_now, every=0.3)
        ferry.drained()

with tap.case("a spool whose part has changed is started again, however many accounts there are"):
    old = roles("spool")
    names = ["account-with-a-name-as-long-as-a-name-may-be-in-the-file-%04d" % i for i in range(999)]
    ferry.save(accounts={n: {"host": "127.0.0.1", "user": n, "password": "x", "addresses": ["%s@many.example" % n]}
                         for n in names})
    ferry.reload()
    wait_for("another spool", lambda: roles("spool") and not roles("spool") & old)
    old = roles("spool")
    ferry.save(accounts={n: None for n in names})
    ferry.reload()
    wait_for("another spool", lambda: roles("spool") and not roles("spool") & old)
    wait_for("the service to be whole", send_now, every=0.3)
    ferry.drained()

with tap.case("a stop while a message is coming in parks cleanly; nothing of it is kept"):
    c = Client(ferry.smtp)
    c.hello()
    c.mail(Item("<half@example.org>", [address("scans")], b""))
    c.send(b"Subject: half\r\n\r\nhalf a mess")
    ferry.process.send_signal(signal.SIGTERM)
    status = ferry.process.wait(120)
    left = ferry.children()
    ferry.kill()
    assert status == 0 and not left, (status, left)
    rest = c.read_to_end()
    assert rest == b"" or rest.startswith(b"421"), rest

with tap.case("a stop waits for nobody who waits for the greeting"):
    port = free_port()
    ferry.save(listeners={"slow": {"address": "127.0.0.1:%d" % port, "greeting_delay": "60s"}})
    ferry.start()
    waiting, early = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
    early.sendall(b"EHLO early.example\r\n")
    wait_for("the sessions", lambda: 2 == sum("event=connected" in line and "listener=slow" in line
                                              for line in ferry.log_text().splitlines()))
    assert ferry.stop() == 0
    for s in (waiting, early):
        said = b""
        while piece := s.recv(1000):
            said += piece
        assert said.endswith(b"421 4.3.2 The service is stopping, try again later\r\n") or said.startswith(b"554 "), said
        s.close()
    assert "event=role-killed" not in ferry.log_text()
    ferry.save(listeners={"slow": None})

with tap.case("a stop while the store is away keeps the mail for the next start"):
    ferry.start()
    store.stop()
    send(size=100000)
    send()
    assert ferry.stop() == 0
    store.start()
    ferry.start()
    ferry.drained()

with tap.case("all is there once"):
    have = sorted(m.id for messages in store.messages().values() for m in messages)
    assert have == sorted(sent), (have, sent)

with tap.case("roles do not outlive a killed supervisor"):
    pids = set(ferry.children())
    assert len(pids) > 2
    os.kill(ferry.process.pid, signal.SIGKILL)
    ferry.process.wait()
    wait_for("the roles to end", lambda: not ferry.children())
    ferry.process = None

store.stop()
tap.done()
