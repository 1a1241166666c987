"""
A small OAuth 2.0 server on loopback, over TLS: an authorization endpoint that
consents or refuses as the test says, a token endpoint with every grant that
mailferry knows (authorization code with PKCE, refresh token with and without
rotation, client credentials with a secret or a signed assertion, device code,
signed assertion as the grant), and faults on request. Its access tokens are
signed (RFC 7519), so that Dovecot can check them by itself.

It runs in threads of the test program: the test sets its attributes, puts
faults into `script`, and reads `requests`.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lib.area import free_port
from lib.dovecot import Authority

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# name → status, error, description, further headers. The words are those of large providers.
REFUSALS = {
    "invalid_grant": (400, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.", {}),
    "invalid_client": (401, "invalid_client", "AADSTS7000222: The provided client secret keys are expired.", {}),
    "wrong_secret": (401, "invalid_client", "AADSTS7000215: Invalid client secret provided.", {}),
    "unknown_client": (400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.", {}),
    "consent": (400, "invalid_grant", "AADSTS65001: The user or administrator has not consented to use the "
                                      "application.", {}),
    "blocked": (400, "invalid_grant", "AADSTS53003: Access has been blocked by Conditional Access policies.", {}),
    "scope": (400, "invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid.",
              {}),
    "busy": (429, "temporarily_unavailable", "Too many requests.", {"Retry-After": "2"}),
    "error500": (500, "server_error", "AADSTS90033: A transient error has occurred.", {}),
    "unavailable": (503, "temporarily_unavailable", "Try again.", {"Retry-After": "1"}),
}
# The other words that `script` may hold: what a broken server or network does.
BREAKS = ("drip", "huge", "endless_header", "hung", "reset", "cut", "garbage", "not_json", "no_token", "deep_json",
          "redirect")


class Refused(Exception):
    """Answered with an error of RFC 6749, section 5.2."""

    def __init__(self, error, description="", status=400):
        super().__init__(error, description)
        self.error, self.description, self.status = error, description, status


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Request(dict):
    """What came: `path`, `form` (a dict), `headers`, and what became of it: `status`, `answer`."""
    __getattr__ = dict.__getitem__


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32
    allow_reuse_address = True

    def get_request(self):
        s, where = self.socket.accept()
        # The handshake is left to the connection's own thread: a silent client holds up nobody.
        return self.context.wrap_socket(s, server_side=True, do_handshake_on_connect=False), where

    def handle_error(self, request, client_address):
        self.owner.troubles.append((client_address, "connection ended"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def setup(self):
        self.request.settimeout(20)
        self.request.do_handshake()
        super().setup()

    def log_message(self, *args):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        form = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.serve(url.path, form)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.serve(urllib.parse.urlsplit(self.path).path,
                   dict(urllib.parse.parse_qsl(body, keep_blank_values=True)))

    def serve(self, path, form):
        owner = self.server.owner
        request = Request(path=path, form=form, headers=dict(self.headers.items()), method=self.command, status=0,
                          answer=None)
        owner.come += 1
        with owner.lock:
            fault = owner.script.pop(0) if owner.script and path in owner.faulty else None
            try:
                status, answer, headers = owner.answer(request, fault)
            except Refused as e:
                status, headers = e.status, {}
                answer = {"error": e.error, "error_description": e.description}
            request.update(status=status, answer=answer)
            owner.requests.append(request)
            owner.lock.notify_all()
        if fault in BREAKS:
            getattr(self, "break_" + fault)(answer)
        else:
            self.reply(status, answer, headers)

    def reply(self, status, answer, headers):
        body = (json.dumps(answer) if isinstance(answer, dict) else answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8" if isinstance(answer, dict)
                         else "text/html; charset=utf-8")
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.owner.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 7):
                piece = body[at:at + 7]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    # ---- what broken servers do; ANSWER is what a good one would have said ----
    def start(self, length):
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length)

    def break_drip(self, answer):
        self.start(100000)
        while not self.server.owner.stopping.wait(0.2):
            self.wfile.write(b" ")

    def break_huge(self, answer):
        self.start(1 << 40)
        self.wfile.write(b'{"access_token":"')
        while not self.server.owner.stopping.is_set():
            self.wfile.write(b"a" * 65536)

    def break_endless_header(self, answer):
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.owner.stopping.is_set():
            self.wfile.write(b"X-Filler: " + b"a" * 8000 + b"\r\n")

    def break_hung(self, answer):
        self.close_connection = True
        self.server.owner.stopping.wait(600)

    def break_reset(self, answer):
        self.close_connection = True
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()

    def break_cut(self, answer):
        """The grant was used up, and the answer is lost half-way."""
        body = json.dumps(answer).encode()
        self.start(len(body))
        self.wfile.write(body[:len(body) // 2])

    def break_garbage(self, answer):
        self.close_connection = True
        self.wfile.write(os.urandom(3000))

    def break_not_json(self, answer):
        self.reply(200, "<html>Welcome to the hotel's network. Please log in.</html>", {})

    def break_no_token(self, answer):
        self.reply(200, {"token_type": "Bearer", "expires_in": 3600}, {})

    def break_deep_json(self, answer):
        self.reply(200, "[" * 30000, {})

    def break_redirect(self, answer):
        self.reply(302, "moved", {"Location": "https://localhost:1/elsewhere"})


class TokenServer:
    """
    Attributes that a test may set at any time: `script` (faults for the next
    requests to the paths in `faulty`, in their order; None: no fault),
    `lifetime` of access tokens in seconds, `rotate` (a refresh gives a new
    refresh token, and the old one ends; with `lenient` only when the new one is
    used), `consent` (True, or the parameters of
    a refusal), `device_steps` (errors until the device code is granted),
    `user` (whose mailbox tokens open), `claims` (further ones in each access
    token), `chunked`.
    """

    def __init__(self, area, name="tokens"):
        self.area = area
        self.dir = area.mkdir(name)
        self.port = free_port()
        self.authority = Authority(self.dir)
        for f in os.listdir(self.dir):
            area.own(os.path.join(self.dir, f))
        os.chmod(self.authority.ca, 0o644)
        self.lock = threading.Condition()
        self.stopping = threading.Event()
        self.script, self.faulty = [], {"/token"}
        self.requests, self.troubles = [], []
        self.come = 0       # requests that are here, also those whose answer waits for the lock
        self.lifetime, self.rotate, self.lenient, self.chunked = 3600, True, False, False
        self.consent, self.user, self.claims = True, "office", {}
        self.device_steps, self.interval = [], 1
        self.clients = {}   # id → {"secret": text or None, "certificate": path or None}
        self.services = {}  # e-mail of a service account → path of its public key
        self.codes, self.devices, self.grants, self.assertions = {}, {}, {}, set()
        self.key = secrets.token_bytes(32)
        self.server = None

    # ---- life ----
    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority.cert, self.authority.key)
        self.stopping.clear()
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.context, self.server.owner = context, self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        if self.stop not in self.area.closers:
            self.area.closers.append(self.stop)
        return self

    def stop(self):
        if self.server is not None:
            self.stopping.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def ca(self):
        return self.authority.ca

    @property
    def issuer(self):
        return "https://localhost:%d" % self.port

    def url(self, path):
        return self.issuer + path

    # ---- for tests ----
    def add_client(self, ident="ferry-client", secret=None, certificate=None):
        self.clients[ident] = {"secret": secret, "certificate": certificate}
        return ident

    def key_pair(self, name, days=365):
        """A private key and its certificate, as an operator makes them for an application: (key, certificate)."""
        key, cert = os.path.join(self.dir, name + ".key"), os.path.join(self.dir, name + ".pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                        "-days", str(days), "-subj", "/CN=mailferry"], check=True, capture_output=True)
        for path in (key, cert):
            self.area.own(path)
        os.chmod(key, 0o600)
        return key, cert

    def refresh_token(self, client="ferry-client", user=None):
        """One as if somebody had logged in."""
        token = "rt-" + secrets.token_urlsafe(24)
        self.grants[token] = {"client": client, "user": user or self.user}
        return token

    def authorize_location(self, url):
        """Where a browser that opens URL is sent back to; the person behind it agrees."""
        form = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True))
        with self.lock:
            return self.authorize(Request(path="/authorize", form=form))[2]["Location"]

    def revoke(self):
        """No refresh token is good any longer: a changed password, a removed consent."""
        with self.lock:
            self.grants.clear()

    def seen(self, path="/token", **form):
        """Requests to PATH whose form has these values."""
        with self.lock:
            return [r for r in self.requests
                    if r.path == path and all(r.form.get(k) == v for k, v in form.items())]

    def wait_seen(self, n=1, path="/token", seconds=120, **form):
        end = time.monotonic() + seconds
        with self.lock:
            while True:
                found = [r for r in self.requests
                         if r.path == path and all(r.form.get(k) == v for k, v in form.items())]
                if len(found) >= n:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError("no %d requests to %s with %s in %d s" % (n, path, form, seconds))
                self.lock.wait(left)

    def access_token(self, user=None, lifetime=None, **claims):
        now = int(time.time())
        body = {"iss": self.issuer, "sub": user or self.user, "aud": "imap", "iat": now, "nbf": now - 60,
                "exp": now + (self.lifetime if lifetime is None else lifetime), "jti": secrets.token_hex(8)}
        body.update(self.claims)
        body.update(claims)
        text = b64url(b'{"alg":"HS256","typ":"JWT"}') + "." + b64url(json.dumps(body).encode())
        return text + "." + b64url(hmac.new(self.key, text.encode(), hashlib.sha256).digest())

    def dovecot_keys(self):
        """The directory of keys with which Dovecot checks the tokens by itself: a prefix for its fs:posix dict."""
        folder = os.path.join(self.dir, "keys", "default", "HS256")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "default")
        with open(path, "w") as f:
            f.write(base64.b64encode(self.key).decode())
        for place in (os.path.join(self.dir, "keys"), os.path.dirname(folder), folder, path):
            self.area.own(place)
        return os.path.join(self.dir, "keys") + "/"

    # ---- the endpoints; called with the lock held ----
    def answer(self, request, fault):
        if fault in REFUSALS:
            status, error, description, headers = REFUSALS[fault]
            return status, {"error": error, "error_description": description}, headers
        if fault is not None and fault not in BREAKS:
            raise AssertionError("the script holds an unknown word: %s" % fault)
        # A connection that breaks before anything was done, against one that breaks when the grant is used up.
        if fault in BREAKS and fault != "cut":
            return 0, {}, {}
        at = {"/authorize": self.authorize, "/token": self.token, "/device": self.device}.get(request.path)
        if at is None:
            return 404, "There is nothing here.", {}
        return at(request)

    def authorize(self, request):
        form = request.form
        where = urllib.parse.urlsplit(form.get("redirect_uri", ""))
        if form.get("client_id") not in self.clients:
            return 400, "AADSTS700016: the application is unknown", {}
        if where.scheme != "http" or where.hostname not in ("127.0.0.1", "localhost", "::1"):
            return 400, "AADSTS50011: the redirect URI is not one of the application's", {}
        back = {"state": form.get("state", "")}
        if form.get("response_type") != "code":
            back.update(error="unsupported_response_type")
        elif form.get("code_challenge_method") != "S256" or not re.fullmatch("[A-Za-z0-9_-]{43}",
                                                                              form.get("code_challenge", "")):
            back.update(error="invalid_request", error_description="PKCE with S256 is required")
        elif self.consent is not True:
            back.update(self.consent)
        else:
            code = "code-" + secrets.token_urlsafe(16)
            self.codes[code] = {"client": form["client_id"], "redirect": form["redirect_uri"],
                                "challenge": form["code_challenge"], "user": self.user}
            back.update(code=code)
        back = {k: v for k, v in back.items() if v is not None}
        return 302, "moved", {"Location": form["redirect_uri"] + "?" + urllib.parse.urlencode(back)}

    def device(self, request):
        self.client_of(request, public=True)
        code = "device-" + secrets.token_urlsafe(16)
        self.devices[code] = {"client": request.form["client_id"], "steps": list(self.device_steps), "asked": []}
        return 200, {"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": self.url("/enter"),
                     "expires_in": 300, "interval": self.interval}, {}

    def token(self, request):
        grants = {"authorization_code": self.grant_code, "refresh_token": self.grant_refresh,
                  "client_credentials": self.grant_client, DEVICE_GRANT: self.grant_device,
                  ASSERTION_GRANT: self.grant_assertion}
        grant = grants.get(request.form.get("grant_type"))
        if grant is None:
            raise Refused("unsupported_grant_type")
        user, refresh = grant(request)
        answer = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": self.access_token(user)}
        if refresh:
            answer["refresh_token"] = refresh
        return 200, answer, {"Cache-Control": "no-store"}

    def client_of(self, request, public=False):
        """Who asks: by a secret, an assertion, or (a public client) by name alone."""
        form, basic = request.form, request.headers.get("Authorization", "")
        ident, secret = form.get("client_id"), form.get("client_secret")
        if basic.startswith("Basic "):
            ident, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            ident, secret = urllib.parse.unquote_plus(ident), urllib.parse.unquote_plus(secret)
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            claims = self.check_assertion(form.get("client_assertion", ""),
                                          lambda c: self.clients.get(c.get("iss"), {}).get("certificate"))
            if claims.get("sub") != claims["iss"] or ident not in (None, claims["iss"]):
                raise Refused("invalid_client", "iss, sub and client_id differ", 401)
            return claims["iss"]
        client = self.clients.get(ident)
        if client is None:
            raise Refused("invalid_client", "AADSTS700016: Application was not found in the directory.", 401)
        if client["secret"] is not None and secret != client["secret"]:
            raise Refused("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        if client["secret"] is None and (client["certificate"] or not public):
            raise Refused("invalid_client", "AADSTS7000218: The request body must contain client_assertion or "
                                            "client_secret.", 401)
        return ident

    def check_assertion(self, text, key_of):
        """Claims of a JWT that its issuer's key has signed (RFC 7523, section 3), each used once."""
        parts = text.split(".")
        if len(parts) != 3:
            raise Refused("invalid_client", "the assertion is not a JWT", 401)
        header, claims = (json.loads(unb64url(p)) for p in parts[:2])
        certificate = key_of(claims)
        if certificate is None:
            raise Refused("invalid_client", "AADSTS700027: no key is known for this issuer", 401)
        pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
        extra = {"RS256": [], "PS256": pss}.get(header.get("alg"))
        if extra is None:
            raise Refused("invalid_client", "alg %s is not known" % header.get("alg"), 401)
        if "x5t" in header or "x5t#S256" in header:
            der = subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "der"], check=True,
                                 capture_output=True).stdout
            for name, digest in (("x5t", hashlib.sha1), ("x5t#S256", hashlib.sha256)):
                if header.get(name, b64url(digest(der).digest())) != b64url(digest(der).digest()):
                    raise Refused("invalid_client", "AADSTS700027: the certificate with this thumbprint is not "
                                                    "registered", 401)
        signature, public = os.path.join(self.dir, "assertion.sig"), os.path.join(self.dir, "assertion.pub")
        with open(signature, "wb") as f:
            f.write(unb64url(parts[2]))
        with open(public, "wb") as f:
            f.write(subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True,
                                   capture_output=True).stdout)
        good = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, *extra, "-signature", signature],
                              input=(parts[0] + "." + parts[1]).encode(), capture_output=True).returncode == 0
        now = time.time()
        if not good:
            raise Refused("invalid_client", "AADSTS700027: the signature of the assertion is wrong", 401)
        if claims.get("aud") != self.url("/token") or not now - 60 < claims.get("exp", 0) <= now + 3660:
            raise Refused("invalid_client", "AADSTS700024: audience or time of the assertion is wrong", 401)
        if "jti" in claims and claims["jti"] in self.assertions:
            raise Refused("invalid_client", "the assertion was used before", 401)
        self.assertions.add(claims.get("jti"))
        return claims

    # ---- grants: the user whose mailbox the token opens, and a refresh token or None ----
    def new_refresh(self, client, user):
        token = "rt-" + secrets.token_urlsafe(24)
        self.grants[token] = {"client": client, "user": user}
        return token

    def grant_code(self, request):
        form = request.form
        client = self.client_of(request, public=True)
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code["client"] != client or code["redirect"] != form.get("redirect_uri"):
            raise Refused("invalid_grant", "AADSTS70008: the code is not good, or was used before")
        verifier = form.get("code_verifier", "")
        if not re.fullmatch("[A-Za-z0-9._~-]{43,128}", verifier) or \
                b64url(hashlib.sha256(verifier.encode()).digest()) != code["challenge"]:
            raise Refused("invalid_grant", "AADSTS501481: the code_verifier does not match the code_challenge")
        return code["user"], self.new_refresh(client, code["user"])

    def grant_refresh(self, request):
        client = self.client_of(request, public=True)
        old = request.form.get("refresh_token", "")
        grant = self.grants.get(old)
        if grant is None or grant["client"] != client:
            raise Refused("invalid_grant", "AADSTS700082: The refresh token is not good any longer.")
        self.grants.pop(grant.pop("before", None), None)
        if not self.rotate:
            return grant["user"], None
        new = self.new_refresh(client, grant["user"])
        if self.lenient:
            self.grants[new]["before"] = old
        else:
            del self.grants[old]
        return grant["user"], new

    def grant_client(self, request):
        self.client_of(request)
        return self.user, None

    def grant_device(self, request):
        client = self.client_of(request, public=True)
        device = self.devices.get(request.form.get("device_code", ""))
        if device is None or device["client"] != client:
            raise Refused("invalid_grant", "the device code is not known")
        device["asked"].append(time.monotonic())
        step = device["steps"].pop(0) if device["steps"] else None
        if step is not None:
            raise Refused(step)
        del self.devices[request.form["device_code"]]
        return self.user, self.new_refresh(client, self.user)

    def grant_assertion(self, request):
        claims = self.check_assertion(request.form.get("assertion", ""), lambda c: self.services.get(c.get("iss")))
        if not claims.get("scope"):
            raise Refused("invalid_scope", "the assertion names no scope")
        return claims.get("sub") or self.user, None
