"""
Access tokens from end to end: a provider, a Dovecot that lets nobody in without
its tokens, and mail that goes on whatever becomes of tokens and of the role that
gets them.
"""

import json
import os
import secrets
import signal
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import ipc  # noqa: E402
from lib.area import Area, answers, kill_each, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

SECRET = "the-secret-of-the-client"
STORES = 10

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
area = Area("oauth")
provider = TokenServer(area, "provider").start()
provider.add_client(secret=SECRET)
slow = TokenServer(area, "slow").start()
slow.add_client(secret=SECRET)
store = Dovecot(area, tokens=provider)
store.start()
sent = []


def oauth(server, grant="application"):
    keys = {"grant": grant, "client_id": "ferry-client", "client_secret": SECRET, "ca_file": server.ca,
            "token_endpoint": server.url("/token")}
    if grant == "user":
        keys["authorization_endpoint"] = server.url("/authorize")
    return keys


def account(name, server=provider, grant="application", **more):
    return dict({"host": "localhost", "port": store.tls_port, "tls": "implicit", "ca_file": store.ca, "user": "office",
                 "addresses": ["@%s.example" % name], "oauth": oauth(server, grant), "settle": "1s", "retry_min": "1s",
                 "retry_max": "2s"}, **more)


def daemon(name, accounts):
    ferry = Ferry(area, store, "", {"accounts": dict({"office": None}, **accounts)}, name=name)
    tap.logs.insert(0, ferry.logs)
    return ferry


def send(ferry, name):
    ident = "<%d.%s@example.org>" % (len(sent), ferry.name)
    sent.append(ident)
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, ["scan@%s.example" % name], message(ident, to="scan@%s.example" % name)))
    c.quit()
    return ident


def there():
    return sorted(m.id for messages in store.messages().values() for m in messages)


def filed(ident):
    wait_for("the message", lambda: ident in there(), every=0.3)


def parent(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def roles(ferry, name):
    """Those that the supervisor started; an exchange is a child of the token role, and may outlive it."""
    return {pid for pid, line in ferry.children().items()
            if os.path.basename(line.split(" ")[0]) == "mailferry-" + name and parent(pid) == ferry.process.pid}


def void_all_tokens():
    """The provider signs with another key: what it gave before opens nothing any longer."""
    provider.key = secrets.token_bytes(32)
    provider.dovecot_keys()
    store.restart()


# ---- one client for many mailboxes ----
many = daemon("many", {"m%d" % n: account("m%d" % n) for n in range(STORES)})

with tap.case("ten stores that start at once cause one request to the provider"):
    many.start()
    idents = [send(many, "m%d" % n) for n in range(STORES)]
    many.drained()
    assert there() == sorted(idents)
    assert len(provider.seen()) == 1, provider.requests

with tap.case("tokens that are void in mid-session are replaced, once for all, and mail goes on"):
    before = len(provider.seen())
    void_all_tokens()
    idents = [send(many, "m%d" % n) for n in range(STORES)]
    many.drained()
    assert sorted(there()) == sorted(sent)
    assert "event=token-refused" in many.log_text()
    assert len(provider.seen()) == before + 1, provider.requests[before:]

with tap.case("the token role is killed again and again: it comes back, and mail goes on"):
    for n in range(3):
        victims = roles(many, "token")
        assert len(victims) == 1, many.children()
        kill_each(victims)
        wait_for("a new token role", lambda: roles(many, "token") - victims)
        send(many, "m%d" % n)
    many.drained()
    assert sorted(there()) == sorted(sent)

with tap.case("a reload takes over what changed about tokens; without oauth there is no token role"):
    before = roles(many, "token")
    many.save(accounts={"m0": {"retry_max": "3s"}})
    many.reload()
    wait_for("the reload", lambda: roles(many, "token") and not roles(many, "token") & before)
    send(many, "m0")
    many.drained()
    plain = {"oauth": None, "password": "x"}
    many.save(accounts={"m%d" % n: plain for n in range(STORES)})
    many.reload()
    wait_for("the end of the token role", lambda: not roles(many, "token"))
    assert not roles(many, "token") and many.alive()
    many.save(accounts={"m%d" % n: {"oauth": oauth(provider), "password": None} for n in range(STORES)})
    many.reload()
    wait_for("a new token role", lambda: roles(many, "token"))
    send(many, "m0")
    many.drained()
    assert sorted(there()) == sorted(sent)
    assert many.stop() == 0

# ---- one endpoint that hangs ----
with tap.case("an endpoint that hangs delays its own account only, whose mail is taken in and filed later"):
    two = daemon("two", {"fast": account("fast"), "slow": account("slow", slow)})
    slow.script = ["hung"]
    two.start()
    late = send(two, "slow")
    slow.wait_seen()
    for n in range(3):
        filed(send(two, "fast"))
        assert len(slow.seen()) == 1, "it was not until the endpoint was given up"
    assert late not in there()
    send(two, "slow")
    # Its own tokens don't open this Dovecot: that it asked again is what counts.
    slow.wait_seen(2, seconds=240)
    # What was filed is in its folder before the queue knows.
    wait_for("nothing else in the queue", lambda: len(two.queue()) == 2)
    assert two.stop() == 0

# ---- a person's sign-in ----
with tap.case("a sign-in that nobody has made, and one that is lost: the account is held with words, mail is taken in"):
    person = daemon("person", {"p": account("p", grant="user", retry_min="1h", retry_max="2h")})
    person.start()
    first = send(person, "p")

    def reason():
        return " ".join(json.dumps(r) for r in person.rows("queue", "list"))

    wait_for("the reason", lambda: "nobody has signed in for account p yet" in reason())
    assert "mailferry login p" in reason()

    def sign_in():
        """As mailferry login does, which tests/e2e/login.py tries."""
        asker = ipc.TokenClient(ipc.control(person.config["control"], "token"))
        kind, fields = asker.ask(asker.SIGN_IN, "p", (asker.URL, "http://127.0.0.1:1/"))
        assert kind == asker.PLEASE, fields
        where = provider.authorize_location(fields[asker.URL])
        assert asker.ask(asker.CODE, "p", (asker.URL, where)) == (asker.DONE, {})

    sign_in()
    filed(first)  # at once, not when the account's hour is over
    provider.revoke()
    void_all_tokens()
    second = send(person, "p")
    wait_for("the reason", lambda: "no longer valid" in reason())
    assert "mailferry login p" in reason() and "event=sign-in-lost" in person.log_text()
    third = send(person, "p")
    assert second not in there()
    sign_in()
    filed(second)
    filed(third)
    person.drained()
    assert person.stop() == 0

with tap.case("where the token role can't start, mail is taken in and says what is missing; mended, it goes by itself"):
    os.rename(person.config["spool"] + "-tokens", person.config["spool"] + "-away")
    area.write(os.path.relpath(person.config["spool"] + "-tokens", area.dir), "a file where the directory should be")
    person.start()
    fourth = send(person, "p")
    wait_for("the reason", lambda: "the role token" in reason())
    assert "event=role-not-started" in person.log_text() or "event=role-killed" in person.log_text()

    def later(minutes):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + minutes * 60))

    # Its first wait is a short one; of the next nobody would see the end.
    wait_for("a long wait", lambda: any((r["account_held_until"] or "") > later(10) for r in person.queue()))
    # Where there is none, it makes one, and that must not be in between.
    person.process.send_signal(signal.SIGSTOP)
    os.unlink(person.config["spool"] + "-tokens")
    os.rename(person.config["spool"] + "-away", person.config["spool"] + "-tokens")
    person.process.send_signal(signal.SIGCONT)
    filed(fourth)
    assert person.stop() == 0

with tap.case("files and directories are closed to all others"):
    tokens = person.config["spool"] + "-tokens"
    grants = os.path.join(tokens, "grants")
    for path, mode in ((tokens, 0o700), (grants, 0o700), (os.path.join(grants, "p.token"), 0o600)):
        st = os.stat(path)
        assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == area.user.pw_uid, (path, st)

# ---- a daemon that root started ----
with tap.case("started by root: no other role, though of the same user, reaches the refresh tokens by their path"):
    if os.geteuid() != 0:
        raise Skip("only root can try this")
    for path in (tokens, os.path.join(grants)):
        os.chown(path, 0, 0)
    person.save(user=area.user.pw_name, control=person.path("control-of-root"))
    os.chown(person.dir, 0, 0)
    os.chmod(person.dir, 0o755)
    for name in os.listdir(person.dir):
        if name.endswith((".conf", ".password")):
            os.chown(person.path(name), 0, 0)
    person.process = area.start([os.path.join(area.bin, "mailferry"), "run", "-c", person.file], unprivileged=False,
                                log=person.log, env=person.env)
    wait_for("the token role", lambda: roles(person, "token") and answers(person.smtp) or not person.alive())
    fifth = send(person, "p")
    filed(fifth)
    assert os.stat(tokens).st_uid == 0 and stat.S_IMODE(os.stat(tokens).st_mode) == 0o700
    assert os.stat(grants).st_uid == area.user.pw_uid
    for path in (tokens, grants, os.path.join(grants, "p.token")):
        p = area.run(["cat" if path.endswith(".token") else "ls", path])
        assert p.returncode != 0 and "denied" in p.stderr, (path, p)
    pid = roles(person, "token").pop()
    assert set(open("/proc/%d/status" % pid).read().split("Uid:")[1].split("\n")[0].split()) == {str(area.user.pw_uid)}
    # Not through the token role's descriptors either.
    p = area.run(["ls", "/proc/%d/fd/" % pid])
    assert p.returncode != 0 or not p.stdout, p
    assert person.stop() == 0

with tap.case("no secret in the log or in an argument of a program"):
    for ferry in (many, two, person):
        text = ferry.log_text()
        assert "event=access-token" in text
        for word in [SECRET, "eyJ"] + list(provider.grants):
            assert word not in text, word

store.stop()
tap.done()
