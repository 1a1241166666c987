"""
Logging in: every mechanism against a real Dovecot and against a peer of our
own, the strongest first, what servers get wrong, what they refuse, and access
tokens. A password that was refused is sent once; nothing of it shows anywhere.
"""

import os
import re
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.dovecot import Authority, Dovecot  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_sasl import SaslStore  # noqa: E402
from peers.run import Run  # noqa: E402

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
area = Area("authenticate")
authority = Authority(area.mkdir("authority"))
card = authority.client("user")
ALL = ["LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
SECRETS = ("secret", "s3cret", "tok-")


def context(version=None, client=False, only=None):
    """CLIENT: asks for a certificate; ONLY: insists on one by this authority."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(authority.cert, authority.key)
    if version:
        c.maximum_version = version
    if client:
        c.load_verify_locations(authority.ca)
        c.verify_mode = ssl.CERT_OPTIONAL
    if only:
        c.load_verify_locations(only.ca)
        c.verify_mode = ssl.CERT_REQUIRED
    return c


def server(mechanisms, tls=True, version=None, client=False, only=None, **options):
    return SaslStore(mechanisms, certificate=authority.cert, tls=context(version, client, only) if tls else None, **options)


def run(store, messages=2, tls=True, seconds=60, **options):
    options.setdefault("timeout", 20000)  # machines are slow
    if tls:
        options.update(tls="implicit", ca=authority.ca)
    r = Run(store, messages=messages, seconds=seconds, **options)
    for secret in SECRETS:
        assert secret not in r.log and secret not in r.account["reason"], r.log
    return r


def filed(store, mechanism, **options):
    """Mail gets through, by this mechanism and in one attempt. Returns the run."""
    r = run(store, **options)
    assert r.states() == {"done": 2}, "%s: %s" % (r.account, r.log[-3000:])
    assert store.succeeded and set(store.succeeded) == {mechanism}, store.succeeded
    assert not store.violations, store.violations
    return r


def waits(store, *words, **options):
    """Nothing is sent, and the reason holds the words."""
    options.setdefault("holds", 1)
    r = run(store, messages=2, **options)
    assert r.states() == {"queued": 2}, r.states()
    for word in words:
        assert word in r.account["reason"], r.account["reason"]
    assert not store.violations, store.violations
    return r


# ---- Dovecot ----
MASTER = """
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 external
ssl_ca = <%s
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
ssl_cert_username_field = commonName
%s
passdb {
  driver = passwd-file
  master = yes
  args = scheme=PLAIN username_format=%%u %s
}
passdb {
  driver = static
  args = nopassword=y
  mechanisms = external
}
"""
masters = area.write("masters", "admin:s3cret\n", 0o644)


def dovecot(name, more=""):
    return Dovecot(area, name=name, extra=MASTER % (authority.ca, more, masters))


def methods(store):
    """User and mechanism of each login that Dovecot wrote down so far."""
    return re.findall(r"Login: user=<([^>]*)>, method=([^,]*),", area.read(store.name + "/info"))


def into_dovecot(store, mechanism, tls=True, **options):
    before = len(methods(store))
    if tls:
        options.update(tls="implicit", ca=store.ca)
    options.setdefault("user", "office")
    at = type("Port", (), {"port": store.tls_port if tls else store.port})
    r = Run(at, messages=2, password="s3cret", seconds=60, timeout=20000, **options)
    assert r.states() == {"done": 2}, "%s\n%s" % (r.account, r.log[-3000:])
    new = wait_for("Dovecot's log", lambda: methods(store)[before:])
    assert {m for _, m in new} == {mechanism}, new
    assert {u for u, _ in new} == {"office"}, new
    assert "s3cret" not in r.log


for title, more in (("", ""), (", without SASL-IR", "imap_capability = IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE\n")):
    store = dovecot("dovecot" + str(len(more)), more).start()
    tap.logs = [store.logs]
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        with tap.case("Dovecot%s: %s" % (title, mechanism)):
            into_dovecot(store, mechanism, auth=mechanism)
    with tap.case("Dovecot%s: the strongest by itself" % title):
        into_dovecot(store, "SCRAM-SHA-256")
        into_dovecot(store, "SCRAM-SHA-256", tls=False)
    with tap.case("Dovecot%s: EXTERNAL with a client certificate" % title):
        cert, key = authority.client("office")
        into_dovecot(store, "EXTERNAL", client_certificate=cert, client_key=key)
    with tap.case("Dovecot%s: login_as" % title):
        into_dovecot(store, "PLAIN", login_as="admin", auth="PLAIN")
    store.stop()
tap.logs = []

# ---- the peer: which mechanism ----
for tls in (True, False):
    for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        for ir in (True, False):
            with tap.case("%s%s%s" % (name, "" if tls else " in the clear", "" if ir else ", without SASL-IR")):
                store = server([name], tls=tls, ir=ir)
                filed(store, name, tls=tls)
                assert set(store.initial) == {ir and name not in ("LOGIN", "CRAM-MD5")}, store.initial

with tap.case("no AUTH= at all: the LOGIN command"):
    store = server([], extra=None)
    assert run(store).states() == {"done": 2} and set(store.attempts) == {"LOGIN command"}, store.attempts
with tap.case("no AUTH= that we know: the LOGIN command"):
    store = server(["GSSAPI", "NTLM"], extra=None)
    assert run(store).states() == {"done": 2} and set(store.attempts) == {"LOGIN command"}, store.attempts
with tap.case("nothing at all"):
    waits(server(["GSSAPI"]), "no way to log in with a password", "it offers: GSSAPI")
with tap.case("the strongest of all, bound to the channel by the certificate"):
    store = server(ALL)
    filed(store, "SCRAM-SHA-256-PLUS")
    # tls-exporter first, which this server does not know.
    assert store.headers[:2] == ["p=tls-exporter", "p=tls-server-end-point"], store.headers
with tap.case("TLS 1.2: bound by tls-unique"):
    store = server(ALL, version=ssl.TLSVersion.TLSv1_2)
    filed(store, "SCRAM-SHA-256-PLUS")
    assert set(store.headers) == {"p=tls-unique"}, store.headers
with tap.case("SCRAM-SHA-1-PLUS before SCRAM-SHA-256"):
    filed(server(["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"]), "SCRAM-SHA-1-PLUS")
with tap.case("no -PLUS is offered: the server is told that we could"):
    store = server(["SCRAM-SHA-256"])
    filed(store, "SCRAM-SHA-256")
    assert set(store.headers) == {"y"}, store.headers
with tap.case("in the clear: nothing to bind to"):
    store = server(ALL, tls=False)
    filed(store, "SCRAM-SHA-256", tls=False)
    assert set(store.headers) == {"n"}, store.headers
with tap.case("auth demands one"):
    filed(server(ALL), "CRAM-MD5", auth="CRAM-MD5")
    waits(server(["PLAIN"]), "does not offer SCRAM-SHA-256, which auth of account office demands", auth="SCRAM-SHA-256")
with tap.case("-PLUS behind a TLS proxy: SCRAM-SHA-256 by configuration"):
    store = server(ALL)
    filed(store, "SCRAM-SHA-256", auth="SCRAM-SHA-256")
    assert set(store.headers) == {"n"}, store.headers

# ---- two names, certificates ----
for name in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
    with tap.case("login_as by " + name):
        store = server([name, "LOGIN", "CRAM-MD5"], logins_as=[("ad,min=", "user")])
        filed(store, name, login_as="ad,min=")
        assert set(store.mailboxes) == {("ad,min=", "user")}, store.mailboxes
with tap.case("login_as, and only mechanisms that know one name"):
    waits(server(["LOGIN", "CRAM-MD5"], extra=None), "in which login_as can stand beside user", login_as="admin")
with tap.case("login_as may not open the mailbox"):
    store = server(["PLAIN"], logins_as=[("admin", "other")])
    waits(store, "knows admin but does not let it into the mailbox of user", "AUTHORIZATIONFAILED", login_as="admin")
with tap.case("EXTERNAL, without a password"):
    store = server(ALL + ["EXTERNAL"], client=True)
    filed(store, "EXTERNAL", client_certificate=card[0], client_key=card[1])
with tap.case("EXTERNAL: a certificate of somebody else does not open the mailbox"):
    cert, key = authority.client("other")
    store = server(["EXTERNAL"], client=True)
    waits(store, "does not take the client certificate for user", "AUTHORIZATIONFAILED", client_certificate=cert, client_key=key)
    assert not store.mailboxes, store.mailboxes
with tap.case("a certificate of ours, and the server has no EXTERNAL: the password"):
    filed(server(["PLAIN"], client=True), "PLAIN", client_certificate=card[0], client_key=card[1])

with tap.case("the server insists on a certificate, and we have none"):
    waits(server(["PLAIN"], only=authority), "wants to see a certificate of ours", "client_certificate and client_key")
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    with tap.case("the server does not know who signed ours (%s)" % version.name):
        cert, key = authority.client("stranger", stranger=True)
        waits(server(["PLAIN"], only=authority, version=version), "does not accept our certificate (", "unknown ca",
              client_certificate=cert, client_key=key)

# ---- mechanisms that are offered and not there ----
with tap.case("one that is refused as unknown gives way to the next, in the same session"):
    store = server(ALL, rejected={"SCRAM-SHA-256-PLUS": "NO unsupported mechanism", "SCRAM-SHA-1-PLUS": "BAD what?",
                                  "SCRAM-SHA-256": "NO [CANNOT] not today", "SCRAM-SHA-1": "BAD what?"})
    filed(store, "CRAM-MD5")
    assert len(store.attempts) == len(set(store.attempts)) + 1, store.attempts  # two bindings of the first
    assert store.connections == 1, store.connections
with tap.case("-PLUS is refused as unknown: the server must say that it has it, or take SCRAM without"):
    store = server(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], rejected={"SCRAM-SHA-256-PLUS": "NO unsupported"})
    waits(store, "server-does-support-channel-binding", "somebody may stand between")
    assert "y" in store.headers and "PLAIN" not in store.attempts, store.attempts
with tap.case("all are refused as unknown"):
    store = server(["PLAIN", "LOGIN"], rejected={"PLAIN": "NO unsupported", "LOGIN": "BAD no"})
    waits(store, "takes none of the ways to log in that it offers (PLAIN LOGIN)", "the last answer was")
with tap.case("PLAIN with an initial response is refused as such: the LOGIN command"):
    store = server(["PLAIN"], rejected={"PLAIN": "BAD unknown command"}, extra=None)
    assert run(store).states() == {"done": 2} and store.attempts[:2] == ["PLAIN", "LOGIN command"], store.attempts

# ---- refusals ----
for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
    with tap.case("a wrong password by %s is sent once in a session, and a person must act" % name):
        store = server([name, "LOGIN"] if name != "LOGIN" else ["LOGIN"])
        waits(store, "refuses the password of user", "correct user or password", password="wrong")
        assert store.logins == store.connections, (store.logins, store.connections)
with tap.case("refused for want of room: it may pass"):
    store = server(["SCRAM-SHA-256", "PLAIN"], rejected={"SCRAM-SHA-256": "NO [UNAVAILABLE] later"})
    waits(store, "does not let user log in now", "[UNAVAILABLE] later")
    assert "PLAIN" not in store.attempts, store.attempts
with tap.case("refused without a code, after the password was sent: a wrong password"):
    store = server(["SCRAM-SHA-1", "LOGIN"])
    waits(store, "refuses the password", password="wrong")
    assert "LOGIN" not in store.attempts, store.attempts

for name, ir in (("PLAIN", True), ("PLAIN", False), ("LOGIN", True), ("XOAUTH2", True), (None, True)):
    with tap.case("a server that repeats what it was sent gives nothing away: %s%s" % (name, "" if ir else ", later")):
        store = server([name] if name else [], twist="echo", extra=None if name is None else "LOGINDISABLED", ir=ir)
        if name == "XOAUTH2":
            store.wrong = "tok-old"
            r = waits(store, "what is", "***", tokens="tok-old")
        else:
            store.wrong = "wrong-secret"
            r = waits(store, "what is", "***", password="wrong-secret")
        for coded in ("AHVzZXIA", "d3Jvbmctc2Vj", "dXNlcj11c2Vy"):  # base64 of what leads to it
            assert coded not in r.account["reason"] and coded not in r.log, r.account["reason"]

# ---- servers that are not who they should be ----
for twist, words in (("signature", ("does not know the password",)), ("skip-signature", ("without a proof",)),
                     ("early-ok", ("without a proof",)), ("iterations", ("2000000000 iterations", "are the most")),
                     ("nonce", ("does not continue ours",)), ("extension", ("an extension",)),
                     ("not-base64", ("not base64",)), ("long", ("octets of text",)),
                     ("binding-differs", ("is not the one that we have", "TLS proxy"))):
    with tap.case("SCRAM: " + twist):
        store = server(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], twist=twist)
        waits(store, *words)
        assert set(store.attempts) <= {"SCRAM-SHA-256-PLUS"}, store.attempts
        assert store.octets() == []
for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"):
    with tap.case("challenges without end: " + name):
        more = {"tokens": "tok-new"} if "OAUTH" in name else {}
        if name == "EXTERNAL":
            more = {"client_certificate": card[0], "client_key": card[1]}
        store = server([name], twist="endless", client=name == "EXTERNAL")
        waits(store, "breaks the rules" if "SCRAM" in name else "more than", **more)

# ---- access tokens ----
for name in ("OAUTHBEARER", "XOAUTH2"):
    for ir in (True, False):
        with tap.case("%s%s" % (name, "" if ir else ", without SASL-IR")):
            store = server([name, "PLAIN"], ir=ir)
            r = filed(store, name, tokens="tok-new")
            assert "afresh" not in r.log, r.log
    with tap.case("%s: a stale token is replaced, on the same connection" % name):
        store = server([name])
        r = filed(store, name, tokens="tok-old,tok-new")
        assert r.log.count("asked for afresh") == 1 and store.connections == 1, r.log
    with tap.case("%s: the fresh token is refused too" % name):
        store = server([name])
        r = waits(store, "refuses the access token of user, and a fresh one too", "(invalid_token)", "mailferry login office",
                  tokens="tok-old")
        assert store.logins == 2 * store.connections, (store.logins, store.connections)
    with tap.case("%s: the server hangs up on a stale token" % name):
        store = server([name], token_drop=True)
        r = run(store, tokens="tok-old,tok-new")
        assert r.states() == {"done": 2} and store.connections == 2, r.account
        assert "there is a fresh one for the next connection" in r.log and r.log.count("afresh") == 1, r.log
    with tap.case("%s: the server has trouble of its own" % name):
        store = server([name], token_error={"status": "503"})
        waits(store, "does not let user log in now", "(503)", tokens="tok-old")
with tap.case("OAUTHBEARER before XOAUTH2; never a password"):
    filed(server(["PLAIN", "XOAUTH2", "OAUTHBEARER"]), "OAUTHBEARER", tokens="tok-new")
    store = server(["PLAIN", "LOGIN"])
    waits(store, "does not take access tokens", "it offers: PLAIN LOGIN", tokens="tok-new")
    assert store.attempts == [], store.attempts
with tap.case("no token can be had: the server is not bothered"):
    store = server(["XOAUTH2"])
    waits(store, "there is no token for this account", tokens="-")
    assert store.attempts == [], store.attempts

tap.done()
