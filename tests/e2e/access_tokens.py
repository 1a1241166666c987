"""Mail is filed with access tokens alone, through expiry, cuts, faults of the provider and the end of a sign-in."""

import base64
import collections
import copy
import datetime
import json
import os
import random
import re
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.load import mixture  # noqa: E402
from lib.mailbox import mutf7_decode, mutf7_encode  # noqa: E402
from lib.office import FOLDERS, RULES, address  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.reconcile import check  # noqa: E402
from lib.sender import Client, Item, Sender, message  # noqa: E402
from lib.signing_in import Browser, Login  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_store import Session, Store  # noqa: E402
from peers.imap_wire import Gone  # noqa: E402
from peers.token_server import TokenServer, unb64url  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
area = Area("tokens")
area.bin  # copied before there are threads
server = TokenServer(area).start()
server.add_client("ferry-client")
server.add_client("app", secret="open sesame")
store = Dovecot(area, tokens=server, users={"office": "-", "admin": "-"})
proxy = Proxy(store.tls_port, 0).start()
OAUTH = {"grant": "user", "client_id": "ferry-client", "scope": "imap offline_access", "ca_file": server.ca,
         "authorization_endpoint": server.url("/authorize"), "token_endpoint": server.url("/token")}
ferry = Ferry(area, store, RULES, tls="implicit",
              config={"operator": "boss@admin.example",
                      "accounts": {"office": {"password_file": None, "oauth": OAUTH, "port": proxy.port,
                                              "retry_min": "500ms", "retry_max": "1s"}}})
admin = copy.deepcopy(ferry.account)
del admin["rules"]
admin.update(user="admin", addresses=["@admin.example"], port=store.tls_port)
ferry.save(accounts={"admin": admin})
# The operator is told once a day: where the daemon lives it is about noon, and it stays this day.
offset = (12 - time.gmtime().tm_hour + 36) % 24 - 12
ferry.env["TZ"] = "TST%+d" % -offset
tap.logs += [ferry.logs, store.logs, lambda: str(server.requests[-5:])]
browser = Browser(server.ca)
serial = 0


def send(to=address("office")):
    global serial
    serial += 1
    ident = "<token-%d@example.org>" % serial
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [to], message(ident)))
    c.quit()
    return ident


def arrives(*idents, user="office"):
    wait_for("the messages", lambda: all(any(m.id == i for f in store.messages(user).values() for m in f)
                                         for i in idents))


def sign_in(user):
    server.user = user
    login = Login(ferry, "--no-steps", user)
    browser.come_back(browser.sign_in(login.url()))
    assert login.end() == 0, login.text
    server.user = "office"


def refreshes():
    return len([r for r in server.seen(grant_type="refresh_token") if r.status == 200])


def notices():
    return [m for m in store.messages("admin", body=True)["INBOX"] if m.subject.startswith("mailferry:")]


store.start()
sign_in("office")
sign_in("admin")

with tap.case("mail is filed with a token that was got for it"):
    ferry.start()
    arrives(send())
    wait_for("a login by token in Dovecot's log", lambda: re.search(r"method=(XOAUTH2|OAUTHBEARER)", area.read("dovecot/info")))
    assert "method=PLAIN" not in area.read("dovecot/info")

with tap.case("the token expires in mid-session, and the store hangs up: the next login has a new one"):
    ferry.stop()
    # Refreshed when less than a minute is left: every login needs a new one.
    server.lifetime = 10
    ferry.start()
    arrives(send())
    before = refreshes()
    for _ in range(2):
        time.sleep(server.lifetime + 1)
        store.restart()
        arrives(send())
    assert refreshes() >= before + 2, (before, refreshes())
    assert not [r for r in server.requests if r.answer and r.status == 400], "a refresh token was used twice"

with tap.case("tokens of ten seconds, and cuts: nothing is lost, nothing doubled"):
    seed = int(os.environ.get("MAILFERRY_TEST_SEED", time.time()))
    tap.diag("seed %d" % seed)
    store.empty()
    proxy.random, proxy.low, proxy.high, proxy.cut = random.Random(seed), 2000, 100000, 0.5
    items = mixture(200, random.Random(seed), prefix="short")
    sender = Sender(ferry.smtp, items, sessions=4, pause=0.05, seed=seed).run(180)
    time.sleep(server.lifetime)
    proxy.cut = 0
    ferry.drained()
    check(items, sender.acked, store.messages())
    server.lifetime = 3600



class ExpiringSession(Session):
    """As Exchange Online has it: a session ends with its token, whatever the client is about."""
    until = None

    def do_authenticate(self, tag, rest):
        words = base64.b64decode(rest.split(" ", 1)[1]).decode()
        claims = json.loads(unb64url(words.split("Bearer ")[1].split(".")[1]))
        if claims["sub"] != "office" or claims["exp"] < time.time():
            self.say("%s NO AUTHENTICATE failed." % tag)
            return
        self.authenticated, self.until = True, claims["exp"]
        self.store.logins += 1
        self.say("%s OK AUTHENTICATE completed." % tag)

    def line(self):
        line = super().line()
        if self.until is not None and time.time() > self.until:
            self.store.fired["expired"] += 1
            self.say("* BYE Session invalidated - AccessTokenExpired")
            raise Gone()
        return line


class ExpiringStore(Store):
    session_class = ExpiringSession
    capabilities = "IMAP4rev1 SASL-IR AUTH=XOAUTH2 UIDPLUS LITERAL+ NAMESPACE"


with tap.case("a store that ends each session with its token: batches are cut by that, and nothing is lost or doubled"):
    ferry.stop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store.authority.cert, store.authority.key)
    expiring = ExpiringStore(user="office", tls=context, delay=0.06)
    for folder in FOLDERS.values():
        expiring.create(mutf7_encode(folder))
    server.lifetime = 6
    # On a busy machine tokens may end before they are shown; nobody is to be told of that today.
    ferry.save(operator=None, accounts={"office": {"port": expiring.port, "settle": "500ms"}})
    ferry.start()
    items = mixture(250, random.Random(seed), prefix="ending")
    sender = Sender(ferry.smtp, items, sessions=4, pause=0.01, seed=seed).run(180)
    # Where a session hardly gets to work before its token ends, the rest is for one that lasts.
    wait_for("the ends of sessions", lambda: expiring.fired["expired"] >= 20 or not ferry.queue(), 240)
    server.lifetime = 3600
    ferry.drained(240)
    have = collections.Counter((re.search(rb"(?mi)^Message-ID: *(<[^>]*>)", m[2]).group(1).decode(), mutf7_decode(name))
                               for name, f in expiring.folders.items() for m in f.messages.values())
    assert have == collections.Counter((i.id, f) for i in items for f in i.folders), dict(have)
    tap.diag("%d sessions, %d of them ended with their token" % (expiring.logins, expiring.fired["expired"]))
    assert expiring.fired["expired"] >= 2 and not expiring.violations, (expiring.fired, expiring.violations)
    assert len(sender.acked) == len(items)
ferry.stop()
expiring.close()
server.lifetime = 3600
ferry.save(operator="boss@admin.example", accounts={"office": {"port": proxy.port, "settle": "1s"}})
ferry.start()

with tap.case("the token endpoint fails in every way that passes: mail waits, is filed, and nobody is told"):
    for fault in ("busy", "error500", "unavailable", "reset", "garbage", "not_json", "no_token", "deep_json", "redirect"):
        ferry.stop()
        server.script = [fault]
        ferry.start()
        ident = send()
        arrives(ident)
        assert not server.script, fault
    ferry.drained()
    assert not notices(), [m.subject for m in notices()]

with tap.case("no token endpoint at all: mail is taken in and waits with the reason, and goes when it is back"):
    ferry.stop()
    server.stop()
    ferry.start()
    ident = send()
    wait_for("the reason", lambda: re.search("localhost.*refused|refused.*localhost", ferry.command("queue").stdout))
    server.start()
    arrives(ident)

with tap.case("the sign-in ends: the operator is told once, mail is taken in, and the next sign-in lets it go"):
    ferry.stop()
    for token in [t for t, g in server.grants.items() if g["user"] == "office"]:
        del server.grants[token]
    ferry.start()
    idents = [send(), send()]
    wait_for("the notice", notices)
    text = notices()[0].raw.decode().replace("\r\n", " ")
    assert "account office" in text and "mailferry login office" in text and "AADSTS700082" in text, text
    assert "rt-" not in text and "eyJ" not in text, "a secret is in the notice"
    idents.append(send())
    ferry.kill()
    before = len(ferry.log_text())
    ferry.start()
    wait_for("the notice to be made again, and known", lambda: re.search(
        "event=accepted-before .*boss@admin.example", ferry.log_text()[before:]))
    assert len(notices()) == 1, [m.subject for m in notices()]
    sign_in("office")
    arrives(*idents)
    ferry.drained()
    assert len(notices()) == 1

with tap.case("a client secret that expires within 30 days is announced; one that lasts is not"):
    ferry.stop()
    ferry.write("office.secret", "open sesame\n", 0o600)
    day = datetime.date.today() + datetime.timedelta(days=10)
    ferry.save(accounts={"office": {"oauth": {"grant": "application", "client_id": "app", "authorization_endpoint": None,
                                              "client_secret_file": "office.secret",
                                              "client_secret_expires": day.isoformat()}}})
    ferry.start()
    arrives(send())
    wait_for("the second notice", lambda: len(notices()) == 2)
    text = notices()[1].raw.decode().replace("\r\n", " ")
    assert "soon loses its access" in notices()[1].subject, notices()[1].subject
    assert re.search("client secret of account office expires in (9|10) days", text), text
    assert "open sesame" not in text
    ferry.stop()
    ferry.save(accounts={"office": {"oauth": {"client_secret_expires": (day + datetime.timedelta(days=90)).isoformat()}}})
    before = len(ferry.log_text())
    ferry.start()
    arrives(send())
    assert "soon loses" not in ferry.log_text()[before:] and len(notices()) == 2

with tap.case("no token, code or secret is in the log, the queue's words or an argument"):
    arrives(send())
    secrets = [r.form.get(k) for r in server.requests for k in ("refresh_token", "code", "code_verifier", "client_secret",
                                                                 "client_assertion")]
    secrets += [(r.answer or {}).get(k) for r in server.requests if isinstance(r.answer, dict)
                for k in ("access_token", "refresh_token")]
    words = ferry.log_text() + ferry.command("trace", "example.org").stdout + "".join(ferry.children().values())
    assert [s for s in secrets if s] and not [s for s in secrets if s and s in words]
    assert ferry.stop() == 0

store.stop()
server.stop()
proxy.stop()
tap.done()
