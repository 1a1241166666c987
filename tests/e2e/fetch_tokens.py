"""Sources that take no password: signed in to as accounts are, fetched with access tokens, and held when the sign-in is over."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.signing_in import Browser, Login  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"), ("/usr/lib/dovecot/pop3", "dovecot-pop3d"), ("openssl", "openssl"))
area = Area("fetch_tokens")
area.bin  # copied before there are threads
server = TokenServer(area).start()
server.add_client("ferry-client")
store = Dovecot(area)
cloud = Dovecot(area, name="cloud", tokens=server, users={"old": "-"}, pop3=True)
OAUTH = {"grant": "user", "client_id": "ferry-client", "scope": "mail offline_access", "ca_file": server.ca,
         "authorization_endpoint": server.url("/authorize"), "token_endpoint": server.url("/token")}
SOURCE = {"host": "localhost", "user": "old", "account": "office", "to": "x@office.example", "ca_file": cloud.ca,
          "oauth": OAUTH, "every": "1s", "jitter": "0s"}
ferry = Ferry(area, store, tls="implicit", config={"sources": {
    "map": dict(SOURCE, protocol="imap", port=cloud.tls_port),
    "pop": dict(SOURCE, protocol="pop3", port=cloud.pop3s_port, to="y@office.example")}})
tap.logs += [ferry.logs, store.logs, cloud.logs, lambda: str(server.requests[-5:])]
browser = Browser(server.ca)
serial = 0


def put():
    global serial
    serial += 1
    m = cloud.connect("old")
    m.append("INBOX", None, None, b"From: a@example.org\r\nMessage-ID: <%d@example.org>\r\n\r\nhello\r\n" % serial)
    m.logout()
    return "<%d@example.org>" % serial


def copies(ident):
    return sum(m.id == ident for f in store.messages().values() for m in f)


def sign_in(name):
    server.user = "old"
    login = Login(ferry, "--no-steps", name)
    browser.come_back(browser.sign_in(login.url()))
    assert login.end() == 0, login.text
    return login.text


store.start()
cloud.start()

with tap.case("check knows them; login signs in, and looks into the mailbox"):
    ferry.command("check", check=True)
    put()
    assert "which has 1 folder." in sign_in("map")
    assert "which has 1 message." in sign_in("pop")

with tap.case("both fetch, with tokens alone"):
    before = len(area.read("cloud/info"))
    ferry.start()
    first = "<1@example.org>"
    # Two sources read the one mailbox: each brings it.
    wait_for("the first message by both", lambda: copies(first) == 2, 90)
    for protocol in ("pop3", "imap"):
        wait_for("a login by token by " + protocol, lambda: re.search(
            protocol + r".*method=(XOAUTH2|OAUTHBEARER)", area.read("cloud/info")[before:]))

with tap.case("the sign-in is over: the source is held, and status says what to do"):
    ferry.save(sources={"pop": None})
    server.lifetime = 5
    ferry.stop()
    server.revoke()
    ferry.start()
    wait_for("status to tell", lambda: "mailferry login map" in ferry.command("status").stdout, 90)

with tap.case("signed in again, it goes on, and fetches nothing twice"):
    second = put()
    server.lifetime = 3600
    sign_in("map")
    wait_for("the second message", lambda: copies(second) == 1, 90)
    assert copies(first) == 2
    assert ferry.stop() == 0

with tap.case("no secret is in the log"):
    # Access tokens are JSON in base64 (RFC 7519).
    assert "eyJ" not in ferry.log_text(), ferry.logs()

server.stop()
tap.done()
