"""mailferry login: each way to sign in, each way in which it can go wrong, and the first look into the mailbox."""

import os
import re
import socket
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.office import address  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.signing_in import Browser, Login, get  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_words import Words  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
area = Area("login")
area.bin  # copied before there are threads
server = TokenServer(area).start()
store = Dovecot(area, tokens=server)
server.add_client("ferry-client")
OAUTH = {"grant": "user", "client_id": "ferry-client", "scope": "imap offline_access",
         "authorization_endpoint": server.url("/authorize"), "token_endpoint": server.url("/token"),
         "device_endpoint": server.url("/device"), "ca_file": server.ca}
ferry = Ferry(area, store, tls="implicit",
              config={"accounts": {"office": {"password_file": None, "oauth": OAUTH, "retry_min": "10m",
                                              "retry_max": "1h"}}})
tap.logs += [ferry.logs, store.logs, lambda: str(server.requests[-5:])]
browser = Browser(server.ca)
store.start()
# A mailbox that two at once open for the first time may tell one of them no UIDVALIDITY, and that mail waits then.
store.count()
serial = 0


def send():
    global serial
    serial += 1
    ident = "<login-%d@example.org>" % serial
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, [address("office")], message(ident)))
    c.quit()
    return ident


def there(ident):
    return any(m.id == ident for folder in store.messages().values() for m in folder)


def set_oauth(**changes):
    ferry.save(accounts={"office": {"oauth": changes}})


def good(login):
    status = login.end()
    assert status == 0 and "All is well" in login.text, (status, login.text[-1500:])


def bad(login, *words):
    status = login.end()
    assert status != 0 and "All is well" not in login.text, (status, login.text)
    for word in words:
        assert re.search(word, login.text), (word, login.text[-1500:])


with tap.case("a browser on this machine: the port answers what belongs to the sign-in, and nothing else"):
    login = Login(ferry, "office")
    url = login.url()
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert query["code_challenge_method"] == "S256" and query["login_hint"] == "office", query
    back = browser.sign_in(url)
    port = urllib.parse.urlsplit(back).port
    code = urllib.parse.urlsplit(back).query
    state = query["state"]
    assert port == int(login.wait(r"ssh -L (\d+)").group(1))
    # A connection that says nothing stays open meanwhile.
    silent = socket.create_connection(("127.0.0.1", port))
    for target, host, want in (("/favicon.ico", None, 404), ("/?code=x&state=wrong", None, 404), ("/", None, 404),
                               ("/?code=x", None, 404), ("/other?" + code, None, 404),
                               ("/?" + code, "evil.example:%d" % port, 400), ("/?" + code, "127.0.0.1:1", 400)):
        assert get(port, target, host)[0] == want, target
    for raw in (b"POST /?%s HTTP/1.1\r\n\r\n" % code.encode(), b"\x16\x03\x01\x00\x05hello\r\n\r\n", b"GET / HTTP/9\r\n\r\n",
                b"GET /" + b"a" * 30000, b"\r\n" * 20000, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
        assert get(port, None, raw=raw)[0] in (400, 0), raw[:20]
    assert not server.seen(), "a request that was not the browser's was believed"
    status, page = browser.come_back(back)
    assert status == 200 and "is signed in" in page and "no-store" in page and state not in page.split("\r\n\r\n")[1], page
    good(login)
    silent.close()
    assert "Register an application" in login.text, "the steps are missing"

def probe():
    p = ferry.command("probe", "--write", "office")
    assert p.returncode == 0 and re.search(r"by (OAUTHBEARER|XOAUTH2)", p.stdout) and "removed" in p.stdout, (p.stdout, p.stderr)


with tap.case("mailferry probe uses it too, without a daemon"):
    probe()

with tap.case("the daemon uses the sign-in that was made without it"):
    ferry.start()
    ident = send()
    wait_for("the message", lambda: there(ident))
    assert server.seen(grant_type="refresh_token")

with tap.case("mailferry probe beside the daemon takes its token"):
    probe()

with tap.case("beside the daemon, on a terminal: an address of more than 4,096 octets is pasted, after a wrong one"):
    login = Login(ferry, "--paste", "--no-steps", "office", tty=True)
    back = browser.sign_in(login.url())
    login.wait("paste it here, and press Enter")
    assert "ssh -L" not in login.text
    login.type("http://127.0.0.1/?code=abc&state=of-another-sign-in\n")
    login.wait("another sign-in")
    login.type(back + "&session_state=" + "x" * 6000 + "\n")
    good(login)
    assert "Register an application" not in login.text
    assert "code_verifier" not in login.text

with tap.case("on pipes: pasted; nothing pasted; a browser in vain"):
    login = Login(ferry, "--paste", "office")
    login.type(browser.sign_in(login.url()) + "\n")
    good(login)
    login = Login(ferry, "--paste", "office")
    login.url()
    login.process.stdin.close()
    bad(login, "no address was pasted")

with tap.case("the person refuses: the page and the terminal say so"):
    server.consent = {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent"}
    login = Login(ferry, "office")
    status, page = browser.come_back(browser.sign_in(login.url()))
    assert status == 200 and "not signed in" in page, page
    bad(login, "did not give consent")
    server.consent = True

with tap.case("the token endpoint refuses: consent, policy and a wrong client are told apart"):
    for fault, words in (("consent", "Consent is missing"), ("blocked", "policy of the organization blocks"),
                         ("unknown_client", "correct client_id or tenant")):
        server.script = [fault]
        login = Login(ferry, "--no-steps", "office")
        browser.come_back(browser.sign_in(login.url()))
        bad(login, words)
        assert not server.script

with tap.case("a sign-in of another person: who signed in, and what to do"):
    server.user = "somebody"
    server.claims = {"upn": "somebody@office.example", "scp": "IMAP.AccessAsUser.All"}
    login = Login(ferry, "--no-steps", "office")
    browser.come_back(browser.sign_in(login.url()))
    bad(login, "not that of this mailbox", "Signed in: somebody@office.example", "Mailbox: +office")
    server.user = "office"

with tap.case("an access token that may not use IMAP: consent is missing"):
    server.user, server.claims = "somebody", {"upn": "office", "scp": "User.Read"}
    login = Login(ferry, "--no-steps", "office")
    browser.come_back(browser.sign_in(login.url()))
    bad(login, "Consent is missing")
    server.user, server.claims = "office", {}

with tap.case("invalid_grant: the account is held and says so, mail is taken in, and a new sign-in lets it go"):
    login = Login(ferry, "--no-steps", "office")
    browser.come_back(browser.sign_in(login.url()))
    good(login)
    ferry.drained()
    ferry.stop()
    server.revoke()
    ferry.start()
    idents = [send(), send()]
    wait_for("the reason in the queue", lambda: "mailferry login office" in ferry.command("queue").stdout)
    idents.append(send())
    assert len(ferry.queue()) == 3 and not any(there(i) for i in idents)
    login = Login(ferry, "--no-steps", "office")
    browser.come_back(browser.sign_in(login.url()))
    good(login)
    ferry.drained()
    assert all(there(i) for i in idents)
    assert ferry.stop() == 0

with tap.case("a daemon that has not read the file since it was changed is not signed in for another application"):
    ferry.start()
    server.add_client("another")
    set_oauth(client_id="another")
    bad(Login(ferry, "--no-steps", "office"), "another client_id.*reload")
    ferry.reload()
    wait_for("the reload", lambda: "event=reloaded" in ferry.log_text())
    login = Login(ferry, "--no-steps", "office")
    browser.come_back(browser.sign_in(login.url()))
    good(login)
    set_oauth(client_id="ferry-client")
    assert ferry.stop() == 0

with tap.case("a device code: waited for as the provider says, told when it is refused or blocked"):
    set_oauth(grant="device")
    server.device_steps = ["authorization_pending", "slow_down", "authorization_pending"]
    server.interval = 1
    login = Login(ferry, "office")
    login.wait("WDJB-MJHT")
    assert "/enter" in login.text
    good(login)
    server.device_steps = ["authorization_pending", "authorization_declined"]
    bad(Login(ferry, "--no-steps", "office"), "refused")
    server.device_steps, server.faulty, server.script = [], {"/device"}, ["blocked"]
    bad(Login(ferry, "--no-steps", "office"), "policy of the organization blocks")
    server.faulty = {"/token"}

with tap.case("application access: a secret, a wrong one, a certificate, one that the provider does not know"):
    server.add_client("app", secret="open sesame")
    key, certificate = server.key_pair("app")
    stranger, strange_certificate = server.key_pair("stranger")
    server.add_client("certified", certificate=certificate)
    ferry.write("office.secret", "open sesame\n", 0o600)
    set_oauth(grant="application", client_id="app", client_secret_file="office.secret", authorization_endpoint=None,
              device_endpoint=None)
    good(Login(ferry, "office"))
    ferry.write("office.secret", "wrong\n", 0o600)
    login = Login(ferry, "--no-steps", "office")
    bad(login, "client_secret")
    assert "wrong" not in login.text.replace("wrong secret", "")
    set_oauth(client_id="certified", client_secret_file=None, certificate_file=certificate, key_file=key)
    good(Login(ferry, "--no-steps", "office"))
    set_oauth(certificate_file=strange_certificate, key_file=stranger)
    bad(Login(ferry, "--no-steps", "office"), "does not know the certificate|upload the one")
    set_oauth(certificate_file=certificate, key_file=key)

with tap.case("what was mended at the provider counts at once: nobody waits for a back-off, no reload is needed"):
    server.script = ["consent"]
    ferry.start()
    ident = send()
    wait_for("the reason in the queue", lambda: "consent is missing" in ferry.command("queue").stdout)
    good(Login(ferry, "--no-steps", "office"))
    ferry.drained()
    assert there(ident) and not server.script
    assert ferry.stop() == 0

with tap.case("application access without a right to the mailbox, and without consent"):
    server.user, server.claims = "somebody", {"roles": ["IMAP.AccessAsApp"], "idtyp": "app"}
    bad(Login(ferry, "--no-steps", "office"), "no right to this mailbox")
    server.claims = {"roles": ["Mail.Read"], "idtyp": "app"}
    bad(Login(ferry, "--no-steps", "office"), "Consent is missing")
    server.user, server.claims = "office", {}

# ---- words of stores that are not here: (provider, what it answers, what the person must read) ----
NOT_CONNECTED = ["{tag} BAD User is authenticated but not connected."]
STORES = (
    ("IMAP switched off, as Gmail says it", "gmail",
     {"AUTHENTICATE": ["{tag} NO [ALERT] Your account is not enabled for IMAP use. Please visit your account settings page "
                       "and enable your account for IMAP access. (Failure)"]}, "IMAP is switched off"),
    ("no right to the mailbox, as Exchange Online says it", "microsoft365",
     {"AUTHENTICATE": ["{tag} OK AUTHENTICATE completed."], "LIST": NOT_CONNECTED, "NAMESPACE": NOT_CONNECTED,
      "EXAMINE": NOT_CONNECTED, "STATUS": NOT_CONNECTED},
     r"(?s)no right to this mailbox.*Add-MailboxPermission -Identity office"),
    ("a login refused without a reason, as Exchange Online does it, though the token may use IMAP", "microsoft365",
     {"AUTHENTICATE": ["{tag} NO AUTHENTICATE failed."]}, r"(?s)no right to this mailbox.*New-ServicePrincipal"),
)
for name, provider, answers, words in STORES:
    with tap.case(name):
        words_store = Words(**answers)
        ferry.save(accounts={"office": {"provider": provider, "tls": "none", "port": words_store.port, "ca_file": None,
                                        "oauth": {"tenant": "office.example"}}})
        server.claims = {"roles": ["IMAP.AccessAsApp"], "idtyp": "app"}
        bad(Login(ferry, "--no-steps", "office"), words)
        words_store.close()
server.claims = {}

with tap.case("a password account: the mailbox is tried, and an ordinary password where none is taken is told"):
    words_store = Words(AUTHENTICATE=["{tag} NO [ALERT] Application-specific password required: "
                                      "https://support.google.com/accounts/answer/185833 (Failure)"])
    ferry.account.pop("oauth")
    ferry.save(accounts={"office": {"provider": "gmail", "port": words_store.port, "password_file": "office.password"}})
    login = Login(ferry, "office")
    bad(login, "no ordinary password", "apppasswords")
    assert "with an app password" in login.text and "s3cret" not in login.text
    words_store.close()

with tap.case("the steps: for a provider, for an account, and for one whose configuration lacks what they tell of"):
    for provider, words in (("microsoft365", ["IMAP.AccessAsApp", "New-ServicePrincipal", "Add-MailboxPermission",
                                              "admin consent", "http://localhost", "block it"]),
                            ("gmail", ["apppasswords", "Internal", "7 days", "domain-wide delegation"]),
                            ("outlook.com", ["Personal Microsoft accounts"]), ("fastmail", ["app password"])):
        p = ferry.command("login", "--steps", provider)
        assert p.returncode == 0 and all(w in p.stdout for w in words), (provider, p.stdout, p.stderr)
        assert "@" not in p.stdout, re.findall(".*@.*", p.stdout)
    assert ferry.command("login", "--steps", "nowhere").returncode == 64
    ferry.save(accounts={"office": {"provider": "microsoft365", "password_file": None, "host": None, "port": None,
                                    "tls": None, "oauth": {"grant": "application"}}})
    p = ferry.command("login", "office")
    assert p.returncode == 78 and "New-ServicePrincipal -AppId CLIENT_ID" in p.stdout and "client_id" in p.stderr, p
    p = ferry.command("login", "--steps", "office")
    assert p.returncode == 0 and "-Identity office " in p.stdout, p.stdout

with tap.case("usage"):
    for args in ([], ["a", "b"], ["--device", "office"], ["--steps", "--paste", "office"]):
        assert ferry.command("login", *args).returncode == 64, args
    ferry.save(accounts={"office": {"provider": None, "host": "localhost", "password_file": "office.password",
                                    "oauth": None}})
    assert ferry.command("login", "nobody").returncode == 64

store.stop()
server.stop()
tap.done()
