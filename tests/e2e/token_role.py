"""
The token role and the connector alone, with a provider that misbehaves and with
askers at its sockets that were taken over: who gets what, what a broken provider
does to one account and to the others, what is on disk.
"""

import json
import os
import re
import select
import signal
import socket
import ssl
import stat
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import ipc  # noqa: E402
from lib.area import Area, wait_for  # noqa: E402
from lib.ferry import libconfig  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.token_server import BREAKS, REFUSALS, TokenServer  # noqa: E402

SECRET = "the-secret-of-the-client"
tap = Tap(600)
tap.need(("openssl", "openssl"))
area = Area("token-role")
tap.logs.append(lambda: area.tail("log", 100))
provider = TokenServer(area, "provider").start()
provider.add_client("ferry-client", secret=SECRET)
other = TokenServer(area, "other").start()
other.add_client("ferry-client", secret=SECRET)


def oauth(grant, server=provider, **more):
    keys = {"grant": grant, "client_id": "ferry-client", "client_secret": SECRET, "ca_file": server.ca,
            "token_endpoint": server.url("/token")}
    if grant == "user":
        keys["authorization_endpoint"] = server.url("/authorize")
    if grant == "device":
        keys["device_endpoint"] = server.url("/device")
    keys.update(more)
    return keys


class Roles:
    """A token role and its connector, started by us as the supervisor does."""

    count = 0

    def __init__(self, grants=None, **accounts):
        """GRANTS: the token directory's name, one of its own when none is given."""
        Roles.count += 1
        self.accounts = {n: {"user": "office", "host": "localhost", "port": 9, "oauth": o} for n, o in accounts.items()}
        text = libconfig({"accounts": self.accounts})
        self.config = re.sub(r'"[^"]*"', lambda m: m.group(0).replace("\n", r"\n"), text)
        self.directory = area.mkdir(grants or "grants-%d" % Roles.count)
        os.chmod(self.directory, 0o700)
        self.connector = ipc.Role(area, "connect", self.config)
        self.start()

    def start(self):
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        link = self.connector.peer("token")
        self.token = ipc.Role(area, "token", self.config, connect=link.fileno(), token_directory=directory)
        link.close()
        os.close(directory)

    def asker(self, role="store", account=""):
        return ipc.TokenClient(self.token.peer(role, account))

    def stop(self):
        self.token.supervisor.close()
        assert self.token.process.wait(180) == 0
        self.connector.supervisor.close()
        assert self.connector.process.wait(180) == 0


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def browse(url):
    """Where the provider sends the browser back to."""
    context = ssl.create_default_context(cafile=provider.ca)
    browser = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context))
    try:
        browser.open(url, timeout=120)
    except urllib.error.HTTPError as e:
        return e.headers["Location"]
    raise AssertionError("no redirect")


def read_grant(account):
    with open(area.path("grants", account + ".token")) as f:
        return json.load(f)


def log_text():
    return area.read("log")


def patiently(asker, account, refused=0, seconds=60):
    """Asks until there is a token, however long the back-off is."""
    got = []
    wait_for("a token for " + account, lambda: got.append(asker.get(account, refused)) or got[-1][0], seconds, 0.3)
    return got[-1]


# ---- who may ask for what ----
roles = Roles("grants", **{"s%d" % n: oauth("application") for n in range(10)}, u=oauth("user"))

with tap.case("ten stores of one client ask at once: the provider is asked once, over TLS that is verified"):
    askers = [roles.asker("store", "s%d" % n) for n in range(10)]
    for n, a in enumerate(askers):
        a.send(a.GET, "s%d" % n, (a.SERIAL, 0))
    tokens = [a.hear()[1] for a in askers]
    assert all(f.get(a.ACCESS) for f, a in zip(tokens, askers)), tokens
    assert len({f[askers[0].ACCESS] for f in tokens}) == 1
    assert len(provider.seen()) == 1, provider.requests
    left = tokens[0][askers[0].EXPIRES] / 1000 - time.time()
    assert 3000 < left <= 3601, left

with tap.case("a store that asks for another's token is put out, and so is one that wants to sign in; others are served"):
    for kind, account in ((ipc.TokenClient.GET, "s1"), (ipc.TokenClient.SIGN_IN, "s0"), (ipc.TokenClient.CODE, "s0"),
                          (ipc.TokenClient.WAIT, "s0"), (99, "s0")):
        bad = roles.asker("store", "s0")
        assert bad.ask(kind, account, (bad.URL, "http://127.0.0.1:1/")) == (None, {}), (kind, account)
    assert askers[3].get("s3")[0]

with tap.case("nonsense on an asker's socket ends that socket"):
    for data in (b"x", b"\0" * 5000, os.urandom(1000), ipc.frame(1), ipc.frame(1, (1, b"\0s0"))):
        bad = roles.asker("store", "s0")
        bad.sock.send(data)
        assert bad.sock.recv(1000) == b""
    assert askers[3].get("s3")[0]

with tap.case("one that does not read its answers holds up nobody"):
    deaf = roles.asker("store", "s0")
    deaf.sock.settimeout(0.2)
    try:
        for n in range(3000):
            deaf.send(deaf.GET, "s0")
    except OSError:
        pass
    assert askers[4].get("s4")[0]
    deaf.sock.close()

with tap.case("a token that was refused is replaced once; who complains of the old one gets the new one"):
    first = askers[0].get("s0")
    assert askers[1].get("s1") == first
    new = askers[0].get("s0", first[1])
    assert new[0] and new[0] != first[0], (first, new)
    assert askers[1].get("s1", first[1]) == new
    assert askers[0].get("s0", new[1]) == new, "one as young as that is not refused for its age"
    assert len(provider.seen()) == 2

with tap.case("an account for which nobody has signed in: a person must act, and is told how"):
    kind, fields = roles.asker("store", "u").ask(ipc.TokenClient.GET, "u")
    assert fields[ipc.TokenClient.CLASS] == 4 and "mailferry login u" in fields[ipc.TokenClient.TEXT], fields

# ---- a person signs in ----
with tap.case("a person signs in by browser: PKCE, state, and the refresh token is on disk, closed to others"):
    admin = roles.asker("admin")
    kind, fields = admin.ask(admin.SIGN_IN, "u", (admin.URL, "http://127.0.0.1:12345/"))
    assert kind == admin.PLEASE, (kind, fields)
    back = browse(fields[admin.URL])
    kind, fields = admin.ask(admin.CODE, "u", (admin.URL, re.sub("state=[^&]*", "state=forged", back)))
    assert "another sign-in" in fields[admin.TEXT], fields
    kind, fields = admin.ask(admin.CODE, "u", (admin.URL, back))
    assert (kind, fields) == (admin.DONE, {}), (kind, fields)
    assert ipc.hear(roles.token.supervisor)[0] == ipc.LIFT
    grant = read_grant("u")
    assert grant["refresh_token"] in provider.grants, grant
    assert stat.S_IMODE(os.stat(area.path("grants", "u.token")).st_mode) == 0o600
    user = roles.asker("store", "u")
    before = len(provider.requests)
    assert user.get("u")[0]
    assert len(provider.requests) == before, "the sign-in brought a token"

with tap.case("a refresh token that is rotated is on disk before the access token is out"):
    for _ in range(3):
        # A new role has no access token in hand, and asks for one.
        roles.stop()
        roles = Roles("grants", **{n: a["oauth"] for n, a in roles.accounts.items()})
        before = set(provider.grants)
        assert roles.asker("store", "u").get("u")[0]
        assert list(provider.grants) == [read_grant("u")["refresh_token"]] and set(provider.grants) != before

with tap.case("a sign-in that another client made is not sent to the provider"):
    before = len(provider.requests)
    roles.stop()
    changed = {n: dict(a["oauth"]) for n, a in roles.accounts.items()}
    changed["u"]["token_endpoint"] = provider.url("/elsewhere")
    roles = Roles("grants", **changed)
    why = roles.asker("store", "u").get("u")[2]
    assert "another client_id or endpoint" in why and len(provider.requests) == before, why
    changed["u"]["token_endpoint"] = provider.url("/token")
    roles.stop()
    roles = Roles("grants", **changed)
    assert roles.asker("store", "u").get("u")[0]

with tap.case("a refusal of the person, and of the organisation, in words"):
    admin = roles.asker("admin")
    for refusal, words in (({"error": "access_denied"}, "whoever signed in refused"),
                           ({"error": "invalid_client", "error_description": "AADSTS65001: not consented"},
                            "consent is missing")):
        provider.consent = refusal
        kind, fields = admin.ask(admin.SIGN_IN, "u", (admin.URL, "http://127.0.0.1:12345/"))
        kind, fields = admin.ask(admin.CODE, "u", (admin.URL, browse(fields[admin.URL])))
        assert words in fields[admin.TEXT], fields
    provider.consent = True
    assert roles.asker("store", "u").get("u")[0], "the sign-in of before still counts"
    roles.stop()

with tap.case("a device code: polled at the provider's pace until the person has agreed"):
    provider.device_steps = ["authorization_pending", "slow_down", "authorization_pending"]
    roles = Roles(d=oauth("device"))
    admin = roles.asker("admin")
    kind, fields = admin.ask(admin.SIGN_IN, "d")
    assert kind == admin.PLEASE and fields[admin.USER_CODE] == "WDJB-MJHT", fields
    device = next(iter(provider.devices.values()))
    assert admin.ask(admin.WAIT, "d") == (admin.DONE, {})
    gaps = [b - a for a, b in zip(device["asked"], device["asked"][1:])]
    assert len(gaps) == 3 and gaps[0] > 0.9 and gaps[1] > 5 and gaps[2] > 5, gaps
    assert roles.asker("store", "d").get("d")[0]
    roles.stop()

# ---- proofs ----
with tap.case("a certificate instead of a secret"):
    key, certificate = provider.key_pair("ferry")
    os.chmod(key, 0o644)
    provider.add_client("certified", certificate=certificate)
    with open(key) as k, open(certificate) as c:
        keys = {"client_id": "certified", "secret_certificate": c.read(), "secret_key": k.read()}
    raw = oauth("application", **keys)
    del raw["client_secret"]
    roles = Roles(c=raw)
    token, _, why = roles.asker("store", "c").get("c")
    assert token, why
    assert "client_assertion" in provider.requests[-1].form and "client_secret" not in provider.requests[-1].form
    roles.stop()

# ---- a provider that misbehaves ----
WORDS = {
    "busy": "Too many requests", "error500": "AADSTS90033", "unavailable": "Try again", "huge": "too large",
    "endless_header": "too large", "reset": "", "cut": "ends too early", "garbage": "", "not_json": "no JSON",
    "no_token": "no access token that can be used", "deep_json": "no JSON", "redirect": "not followed",
    "invalid_client": "client secret has expired", "wrong_secret": "the secret's value, not its id",
    "unknown_client": "correct client_id or tenant", "consent": "consent is missing",
    "blocked": "Conditional Access policy", "scope": "correct scope",
}
with tap.case("every fault is told in words, harms its account alone, and passes"):
    assert set(WORDS) | {"hung", "drip", "invalid_grant"} == set(BREAKS) | set(REFUSALS)
    names = {"f%d" % n: word for n, word in enumerate(WORDS)}
    # Each account has its own client, so that each asks for itself.
    for n in names:
        provider.add_client(n, secret=SECRET)
    roles = Roles(good=oauth("application", other), **{n: oauth("application", client_id=n) for n in names})
    good = roles.asker("store", "good")
    wrong = []
    for n, word in names.items():
        provider.script = [word]
        token, _, why = roles.asker("store", n).get(n)
        if token or WORDS[word] not in why or "account " + n not in why:
            wrong.append((word, why))
        assert not provider.script
        if not good.get("good")[0]:
            wrong.append((word, "and another account suffers"))
    assert not wrong, wrong
    # What may pass is tried again by itself when it is asked for.
    for n, word in names.items():
        if word in BREAKS or word in ("busy", "error500", "unavailable"):
            patiently(roles.asker("store", n), n)
    roles.stop()

with tap.case("a provider that hangs, or drips, holds up one account and no other, and is left after half a minute"):
    for n in ("hangs", "drips", "asks"):
        provider.add_client(n, secret=SECRET)
    roles = Roles(hangs=oauth("application", client_id="hangs"), drips=oauth("application", client_id="drips"),
                  asks=oauth("application", client_id="asks"), good=oauth("application", other))
    late = []
    for n, fault in (("hangs", "hung"), ("drips", "drip")):
        provider.script = [fault]
        late.append(roles.asker("store", n))
        late[-1].send(late[-1].GET, n)
        provider.wait_seen(client_id=n)
    began = time.monotonic()
    assert roles.asker("store", "asks").get("asks")[0]
    assert roles.asker("store", "good").get("good")[0]
    # They were not until those two were given up.
    assert not select.select([a.sock for a in late], [], [], 0)[0]
    for a in late:
        why = a.hear()[1][a.TEXT]
        assert "did not answer in time" in why, why
    assert time.monotonic() - began < 120
    roles.stop()

with tap.case("a certificate that cannot be verified: no secret is sent, and the words say what to do"):
    before = len(other.requests)
    roles = Roles(a=oauth("application", other, ca_file=provider.ca))
    token, _, why = roles.asker("store", "a").get("a")
    assert not token and "certificate" in why and len(other.requests) == before, why
    roles.stop()

with tap.case("tokens are renewed before they end, and a sign-in that is over is not asked for in a frenzy"):
    provider.lifetime, provider.rotate = 16, True
    refresh = provider.refresh_token()
    area.write("grants/u.token", json.dumps({
        "version": 1, "serial": 7, "binding": "ferry-client " + provider.url("/token"), "signed_in": 1, "refreshed": 1,
        "refresh_token": refresh}), 0o600)
    provider.requests.clear()
    roles = Roles("grants", u=oauth("user"))
    user = roles.asker("store", "u")
    first = user.get("u")
    assert first[0], first
    provider.wait_seen(2, seconds=60, grant_type="refresh_token")
    wait_for("the next token", lambda: user.get("u")[0] not in (None, first[0]))
    assert read_grant("u")["serial"] >= 9
    provider.revoke()
    lost = []
    wait_for("the sign-in to be lost", lambda: lost.append(user.get("u")[2]) or lost[-1])
    assert "no longer valid" in lost[-1] and "mailferry login u" in lost[-1], lost[-1]
    kind, _, fields = ipc.hear(roles.token.supervisor)
    assert kind == ipc.NOTICE and fields[1] == "u" and "mailferry login u" in fields[7], (kind, fields)
    asked = len(provider.requests)
    for _ in range(50):
        assert user.get("u")[2]
        time.sleep(0.05)
    assert len(provider.requests) == asked
    assert "event=sign-in-lost" in log_text()
    roles.stop()

with tap.case("it leaves only when what it sent is answered, so that a new refresh token gets to disk"):
    provider.lifetime = 3600
    refresh = provider.refresh_token()
    area.write("grants/u.token", json.dumps({
        "version": 1, "serial": 20, "binding": "ferry-client " + provider.url("/token"), "signed_in": 1,
        "refreshed": int(time.time() * 1000), "refresh_token": refresh}), 0o600)
    roles = Roles("grants", u=oauth("user"))
    user = roles.asker("store", "u")
    with provider.lock:  # its answer waits for us
        come = provider.come
        user.send(user.GET, "u")
        wait_for("the request", lambda: provider.come > come)
        ipc.say(roles.token.supervisor, ipc.frame(ipc.STOP))
        time.sleep(0.5)
        assert roles.token.process.poll() is None
    assert roles.token.process.wait(120) == 0
    assert read_grant("u")["refresh_token"] in provider.grants
    roles.connector.supervisor.close()

with tap.case("a killed role's child still writes what it was given, and the next role waits for that"):
    roles = Roles("grants", u=oauth("user"))
    user = roles.asker("store", "u")
    with provider.lock:
        come = provider.come
        user.send(user.GET, "u")
        wait_for("the request", lambda: provider.come > come)
        os.kill(roles.token.process.pid, signal.SIGKILL)
        roles.token.process.wait(120)
    roles.start()
    assert read_grant("u")["refresh_token"] in provider.grants
    assert roles.asker("store", "u").get("u")[0]
    roles.stop()

# ---- the connector ----
with tap.case("the connector gives the token role connections to endpoints and no others, several at once; a store none of them"):
    config = libconfig({"accounts": {n: {"host": "127.0.0.1", "port": provider.port, "tls": "none", "oauth": {
        "token_endpoint": provider.url("/token"), "device_endpoint": other.url("/device")}} for n in ("a", "b")}})
    connector = ipc.Role(area, "connect", config)

    def open_(sock, account, endpoint=None, ident=1):
        sock.send(ipc.frame(1, (1, account), (2, 5000), *([] if endpoint is None else [(6, endpoint)]), ident=ident))

    peer = connector.peer("token")
    for ident in range(1, 11):
        open_(peer, "ab"[ident % 2], 1 + ident % 2, ident)
    got = set()
    for _ in range(10):
        data, fds, _, _ = socket.recv_fds(peer, 4096, 4)
        kind, ident, fields = ipc.parse(data)
        assert kind == 2 and len(fds) == 1, (kind, fields)
        with socket.socket(fileno=fds[0]) as s:
            assert s.getpeername()[1] == (other if ident % 2 else provider).port
        got.add(ident)
    assert got == set(range(1, 11))
    for role, account, name, endpoint in (("token", "", "a", None), ("token", "", "a", 0), ("token", "", "a", 3),
                                          ("token", "", "x", 1), ("store", "a", "a", 1), ("store", "a", "b", None),
                                          ("admin", "", "a", 1), ("receiver", "", "a", None)):
        bad = connector.peer(role, account)
        open_(bad, name, endpoint)
        if (role, endpoint) == ("token", 3):
            continue  # no such endpoint: the token's own counts
        assert bad.recv(100) == b"", (role, account, name, endpoint)
    admin = connector.peer("admin")
    open_(admin, "b")
    data, fds, _, _ = socket.recv_fds(admin, 4096, 4)
    assert len(fds) == 1
    os.close(fds[0])
    connector.supervisor.close()
    assert connector.process.wait(120) == 0

with tap.case("no secret was written to the log or stands in an argument"):
    text = log_text()
    assert "event=access-token" in text
    for word in [SECRET, "eyJ"] + list(provider.grants):
        assert word not in text, word
    assert not re.search(r"\brt-", text)

tap.done()
