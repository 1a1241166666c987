"""The test token server and the Dovecot that demands its tokens: each must refuse what is wrong."""

import base64
import hashlib
import imaplib
import json
import os
import secrets
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.token_server import ASSERTION_GRANT, ASSERTION_TYPE, BREAKS, DEVICE_GRANT, REFUSALS  # noqa: E402
from peers.token_server import TokenServer, b64url  # noqa: E402

tap = Tap(300)
tap.need(("openssl", "openssl"), ("dovecot", "dovecot-imapd"))
area = Area("tokens")
server = TokenServer(area).start()
context = ssl.create_default_context(cafile=server.ca)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context))


def ask(path, timeout=120, **form):
    """(status, answer): JSON, or the redirect's parameters for /authorize."""
    data = urllib.parse.urlencode(form)
    try:
        if path == "/authorize":
            r = opener.open(server.url(path) + "?" + data, timeout=timeout)
        else:
            r = opener.open(server.url(path), data.encode(), timeout=timeout)
    except urllib.error.HTTPError as e:
        r = e
    if r.status == 302 and path == "/authorize":
        return 302, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(r.headers["Location"]).query))
    end, text = time.monotonic() + timeout, b""
    while piece := r.read1(65536):
        text += piece
        # A server that drips or floods without end.
        assert time.monotonic() < end and len(text) < 1 << 20, "it does not end"
    text = text.decode()
    return r.status, json.loads(text) if text.startswith("{") else text


def jwt(key, header, **claims):
    text = b64url(json.dumps(header).encode()) + "." + b64url(json.dumps(claims).encode())
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if header["alg"] == "PS256" else []
    return text + "." + b64url(subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, *pss], check=True,
                                              input=text.encode(), capture_output=True).stdout)


def refused(error, result):
    assert result[0] >= 400 and result[1].get("error") == error, result


server.add_client("public")
server.add_client("secret", secret="open sesame")
redirect = "http://127.0.0.1:1234/"

with tap.case("authorization code: PKCE is checked, a code works once, for its client and its redirect"):
    verifier = secrets.token_urlsafe(48)
    challenge = b64url(hashlib.sha256(verifier.encode()).digest())

    def code(**changes):
        form = dict(response_type="code", client_id="public", redirect_uri=redirect, state="s", code_challenge=challenge,
                    code_challenge_method="S256")
        form.update(changes)
        return ask("/authorize", **form)

    def redeem(code, **changes):
        form = dict(grant_type="authorization_code", client_id="public", redirect_uri=redirect, code=code,
                    code_verifier=verifier)
        form.update(changes)
        return ask("/token", **form)

    status, back = code()
    assert status == 302 and back["state"] == "s", back
    refused("invalid_grant", redeem(back["code"], code_verifier="x" * 43))
    refused("invalid_grant", redeem(back["code"]))
    refused("invalid_grant", redeem(code()[1]["code"], redirect_uri=redirect + "x"))
    one = code()[1]["code"]
    status, answer = redeem(one)
    assert status == 200 and answer["refresh_token"] and answer["expires_in"] == 3600, answer
    refused("invalid_grant", redeem(one))
    assert code(code_challenge_method="plain")[1]["error"] == "invalid_request"
    assert code(redirect_uri="https://elsewhere.example/")[0] == 400
    server.consent = {"error": "access_denied"}
    assert code()[1] == {"state": "s", "error": "access_denied"}
    server.consent = True

with tap.case("refresh: with rotation the old token ends, without it stays; a revoked one is refused"):
    old = server.refresh_token("public")
    status, answer = ask("/token", grant_type="refresh_token", client_id="public", refresh_token=old)
    assert status == 200 and answer["refresh_token"] != old
    refused("invalid_grant", ask("/token", grant_type="refresh_token", client_id="public", refresh_token=old))
    server.rotate = False
    for _ in range(2):
        status, again = ask("/token", grant_type="refresh_token", client_id="public",
                            refresh_token=answer["refresh_token"])
        assert status == 200 and "refresh_token" not in again
    server.rotate = True
    server.revoke()
    refused("invalid_grant", ask("/token", grant_type="refresh_token", client_id="public",
                                 refresh_token=answer["refresh_token"]))

with tap.case("client credentials with a secret: in the form, or as HTTP Basic, and not without"):
    good = dict(grant_type="client_credentials", client_id="secret", scope="x")
    assert ask("/token", client_secret="open sesame", **good)[0] == 200
    refused("invalid_client", ask("/token", client_secret="wrong", **good))
    refused("invalid_client", ask("/token", **good))
    refused("invalid_client", ask("/token", grant_type="client_credentials", client_id="public"))

with tap.case("client credentials with a certificate, and a service account: the signature is checked"):
    key, cert = server.key_pair("app")
    stranger, strange_cert = server.key_pair("stranger")
    server.add_client("certified", certificate=cert)
    server.services["robot@example.net"] = cert
    der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "der"], capture_output=True).stdout
    now = int(time.time())

    def claims(**changes):
        c = dict(iss="certified", sub="certified", aud=server.url("/token"), exp=now + 600, jti=secrets.token_hex(8))
        c.update(changes)
        return c

    def certified(assertion):
        return ask("/token", grant_type="client_credentials", client_id="certified", scope="x",
                   client_assertion_type=ASSERTION_TYPE, client_assertion=assertion)

    header = {"alg": "PS256", "x5t#S256": b64url(hashlib.sha256(der).digest())}
    good = jwt(key, header, **claims())
    assert certified(good)[0] == 200
    refused("invalid_client", certified(good))
    assert certified(jwt(key, {"alg": "RS256", "x5t": b64url(hashlib.sha1(der).digest())}, **claims()))[0] == 200
    refused("invalid_client", certified(jwt(stranger, header, **claims())))
    refused("invalid_client", certified(jwt(key, {"alg": "RS256", "x5t": "AAAA"}, **claims())))
    refused("invalid_client", certified(jwt(key, header, **claims(aud="https://elsewhere.example/"))))
    refused("invalid_client", certified(jwt(key, header, **claims(exp=now - 600))))
    service = dict(claims(iss="robot@example.net", sub="office"), scope="mail")
    assert ask("/token", grant_type=ASSERTION_GRANT, assertion=jwt(key, {"alg": "RS256"}, **service))[0] == 200
    refused("invalid_client", ask("/token", grant_type=ASSERTION_GRANT,
                                  assertion=jwt(stranger, {"alg": "RS256"}, **dict(service, jti="1"))))

with tap.case("device code: pending, slow down, then a token, once"):
    server.device_steps = ["authorization_pending", "slow_down"]
    status, device = ask("/device", client_id="public", scope="x")
    assert status == 200 and device["user_code"] and device["interval"] == 1
    form = dict(grant_type=DEVICE_GRANT, client_id="public", device_code=device["device_code"])
    refused("authorization_pending", ask("/token", **form))
    refused("slow_down", ask("/token", **form))
    assert ask("/token", **form)[1]["refresh_token"]
    refused("invalid_grant", ask("/token", **form))

with tap.case("faults: each is what it says, once, and then the server is well again"):
    server.revoke()
    token = server.refresh_token("public")
    server.rotate = False
    form = dict(grant_type="refresh_token", client_id="public", refresh_token=token)
    for word, (status, error, _, headers) in REFUSALS.items():
        server.script = [word]
        result = ask("/token", **form)
        assert result[0] == status and result[1]["error"] == error, (word, result)
    for word in BREAKS:
        server.script = [word]
        try:
            result = ask("/token", timeout=10, **form)
        except Exception as e:  # noqa: which one differs with the fault
            result = (0, e)
        assert result[0] != 200 or "access_token" not in result[1], (word, result)
        server.chunked = not server.chunked
        assert ask("/token", **form)[1]["access_token"], word

store = Dovecot(area, tokens=server)
tap.logs.append(store.logs)
store.start()

def login(token, user="office", mechanism="XOAUTH2"):
    words = "user=%s\1auth=Bearer %s\1\1" if mechanism == "XOAUTH2" else "n,a=%s,\1auth=Bearer %s\1\1"
    m = imaplib.IMAP4("127.0.0.1", store.port, timeout=60)
    try:
        return m.authenticate(mechanism, lambda _: (words % (user, token)).encode() if not _ else b"")[0]
    except imaplib.IMAP4.error:
        return "NO"

with tap.case("Dovecot lets in who has a token, by XOAUTH2 and OAUTHBEARER, and nobody else"):
    assert login(server.access_token()) == "OK"
    assert login(server.access_token(), mechanism="OAUTHBEARER") == "OK"
    for bad in (server.access_token(lifetime=-1), server.access_token("another"), server.access_token()[:-2],
                server.access_token(iss="https://elsewhere.example/"), "s3cret"):
        assert login(bad) == "NO", bad
    m = imaplib.IMAP4("127.0.0.1", store.port, timeout=60)
    try:
        m.login("office", "s3cret")
        raise AssertionError("the password got in")
    except imaplib.IMAP4.error:
        pass
    assert base64.b64encode(server.key).decode() in area.read("tokens/keys/default/HS256/default")
store.stop()

server.stop()
tap.done()
