"""
The store in memory behind every mechanism that mailferry knows, written from
the RFCs and not from the client: SCRAM (RFC 5802, 7677) with its channel
bindings, OAUTHBEARER and XOAUTH2 (RFC 7628), EXTERNAL, CRAM-MD5, PLAIN, LOGIN.
`twist` names the one thing that the server does wrong.
"""

import base64
import hashlib
import hmac
import json
import os
import ssl

from .imap_store import Session, Store

TWISTS = ("signature", "skip-signature", "early-ok", "iterations", "nonce", "endless", "not-base64", "long", "extension",
          "binding-differs", "echo")


def b64(data):
    return base64.b64encode(data).decode()


def plain_name(text):
    """RFC 5801, 4."""
    return text.replace("=2C", ",").replace("=3D", "=")


class SaslStore(Store):
    """
    MECHANISMS in the order in which they are offered. REJECTED: answers to AUTHENTICATE NAME, before anything else.
    BINDINGS: the types that -PLUS knows. TOKENS: the good ones. LOGINS_AS: who may log in, for whom: {(who, mailbox)}.
    """

    def __init__(self, mechanisms, twist=None, ir=True, rejected=None, bindings=("tls-server-end-point", "tls-unique"),
                 tokens=("tok-new",), logins_as=(), extra="LOGINDISABLED", certificate=None, token_error=None,
                 token_drop=False, iterations=4096, **options):
        assert twist is None or twist in TWISTS
        self.twist, self.rejected, self.bindings, self.tokens = twist, rejected or {}, bindings, tokens
        self.logins_as, self.certificate, self.iterations = set(logins_as), certificate, iterations
        self.token_error = token_error or {"status": "invalid_token", "scope": "mail"}
        self.token_drop = token_drop
        self.wrong = ""       # what "echo" repeats, beside the last line
        self.attempts = []    # mechanisms, as they were tried
        self.initial = []     # whether each came with an initial response
        self.succeeded = []   # mechanisms that ended well
        self.headers = []     # GS2 headers of SCRAM
        self.mailboxes = []   # who was let in, to which mailbox
        words = ["IMAP4rev1", "LITERAL+", "UIDPLUS", "NAMESPACE"] + ["AUTH=" + m for m in mechanisms]
        super().__init__(capabilities=" ".join(words + (["SASL-IR"] if ir else []) + ([extra] if extra else [])), **options)
        self.mechanisms = mechanisms


class Refused(Exception):
    """The text of the NO."""


class Unable(Refused):
    """Before it came to a password."""


class SaslSession(Session):
    def line(self):
        self.last = super().line()
        return self.last

    def do_login(self, tag, rest):
        self.store.attempts.append("LOGIN command")
        if self.store.twist == "echo":
            self.say("%s BAD what is %s" % (tag, rest))
            return
        super().do_login(tag, rest)

    def do_authenticate(self, tag, rest):
        s = self.store
        name, _, first = rest.partition(" ")
        name = name.upper()
        s.attempts.append(name)
        s.initial.append(bool(first))
        if name not in s.mechanisms:
            s.blame("%s is not offered" % name)
        if name in s.rejected:
            self.say("%s %s" % (tag, s.rejected[name]))
            return
        if first and "SASL-IR" not in s.capabilities.split():
            s.blame("an initial response, and no SASL-IR")
        if s.twist == "early-ok":
            self.say(tag + " OK come in")
            return
        self.first = first or None
        try:
            who, mailbox = self.mechanism(name)
            if who != mailbox and (who, mailbox) not in s.logins_as:
                raise Refused("[AUTHORIZATIONFAILED] not your mailbox")
        except Refused as no:
            if s.twist == "echo":
                no = "[AUTHENTICATIONFAILED] not %s %s, what is %s" % (s.wrong, self.last.split(" ")[-1], self.last)
            s.logins += not isinstance(no, Unable)
            self.say("%s NO %s" % (tag, no))
            return
        s.logins += 1
        s.succeeded.append(name)
        s.mailboxes.append((who, mailbox))
        self.admit(tag)

    # ---- the exchange ----
    def ask(self, data):
        """A challenge, and the answer to it."""
        s = self.store
        if s.twist == "not-base64":
            self.say("+ this is not base64!")
        elif s.twist == "long":
            self.say("+ " + "A" * 20000)
        else:
            self.say("+ " + b64(data))
        line = self.line()
        if line == "*":
            raise Refused("cancelled")
        return base64.b64decode(line)

    def begin(self):
        """The initial response, or the answer to an empty challenge."""
        if self.first is None:
            self.say("+ ")
            return base64.b64decode(self.line())
        return b"" if self.first == "=" else base64.b64decode(self.first)

    def check(self, user, password):
        s = self.store
        good = {s.user} | {who for who, _ in s.logins_as}
        if user not in good or password != s.password:
            raise Refused("[AUTHENTICATIONFAILED] no")

    def mechanism(self, name):
        s = self.store
        if s.twist == "endless":
            data = self.begin() if not name.startswith(("LOGIN", "CRAM")) else b""
            while True:
                self.ask(b"more")
        if name == "PLAIN":
            mailbox, who, password = self.begin().decode().split("\0")
            self.check(who, password)
            return who, mailbox or who
        if name == "LOGIN":
            who = self.ask(b"User Name\0").decode()
            self.check(who, self.ask(b"Password\0").decode())
            return who, who
        if name == "CRAM-MD5":
            challenge = b"<1896.697170952@imap.example.net>"
            who, _, digest = self.ask(challenge).decode().rpartition(" ")
            right = hmac.new(s.password.encode(), challenge, "md5").hexdigest()
            self.check(who, s.password if hmac.compare_digest(digest, right) else "")
            return who, who
        if name == "EXTERNAL":
            mailbox = self.begin().decode()
            shown = self.wire.sock.getpeercert() if isinstance(self.wire.sock, ssl.SSLSocket) else None
            names = [v for rdn in (shown or {}).get("subject", ()) for k, v in rdn if k == "commonName"]
            if not names:
                raise Refused("[AUTHENTICATIONFAILED] no certificate")
            return names[0], mailbox or names[0]
        if name in ("OAUTHBEARER", "XOAUTH2"):
            return self.bearer(name)
        return self.scram(name)

    # ---- access tokens ----
    def bearer(self, name):
        s = self.store
        parts = self.begin().decode().split("\1")
        if parts[-2:] != ["", ""]:
            s.blame("%s: fields end in two ^A" % name)
        fields = dict(p.split("=", 1) for p in parts[:-2][1 if name == "OAUTHBEARER" else 0:])
        if name == "OAUTHBEARER":
            flag, mailbox, rest = parts[0].split(",")
            if flag != "n" or not mailbox.startswith("a=") or rest or fields["port"] != str(s.port) or "host" not in fields:
                s.blame("OAUTHBEARER: %r" % parts)
            mailbox = plain_name(mailbox[2:])
        else:
            mailbox = fields["user"]
        if fields["auth"] not in ["Bearer " + t for t in s.tokens]:
            answer = self.ask(json.dumps(s.token_error).encode())
            if answer != (b"\1" if name == "OAUTHBEARER" else b""):
                s.blame("%s: the answer to an error is %r" % (name, answer))
            if s.token_drop:
                self.say("* BYE no")
                raise OSError("dropped")
            raise Refused("[AUTHENTICATIONFAILED] no such token")
        return mailbox, mailbox

    # ---- SCRAM ----
    def binding(self, kind):
        sock = self.wire.sock
        if kind == "tls-unique":
            return sock.get_channel_binding("tls-unique")
        with open(self.store.certificate) as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        return hashlib.sha256(der).digest()

    def scram(self, name):
        s = self.store
        plus = name.endswith("-PLUS")
        algorithm = "sha256" if "SHA-256" in name else "sha1"
        first = self.begin().decode()
        flag, authzid, bare = first.split(",", 2)
        s.headers.append(flag)
        fields = dict(f.split("=", 1) for f in bare.split(","))
        who, nonce = plain_name(fields["n"]), fields["r"]
        error = None
        if plus != flag.startswith("p="):
            s.blame("%s with %s" % (name, flag))
        if flag == "y" and any(m.endswith("-PLUS") for m in s.mechanisms):
            error = "server-does-support-channel-binding"
        kind = flag[2:]
        if plus and kind not in s.bindings:
            error = "unsupported-channel-binding-type"
        if error:
            self.ask(("e=" + error).encode())
            raise Unable("authentication failed")
        salt = os.urandom(12)
        full = nonce + b64(os.urandom(12)) if s.twist != "nonce" else "another" + b64(os.urandom(12))
        iterations = 2000000000 if s.twist == "iterations" else s.iterations
        server_first = "%sr=%s,s=%s,i=%d" % ("m=ext," if s.twist == "extension" else "", full, b64(salt), iterations)
        final = self.ask(server_first.encode()).decode()
        without, _, proof = final.rpartition(",p=")
        channel, echoed = without.split(",")
        expected = (flag + "," + authzid + ",").encode() + (self.binding(kind) if plus else b"")
        if echoed != "r=" + full:
            s.blame("SCRAM: the nonce is %s" % echoed)
        if base64.b64decode(channel[2:]) != expected or s.twist == "binding-differs":
            self.ask(b"e=channel-bindings-dont-match")
            raise Refused("authentication failed")

        def mac(key, data):
            return hmac.new(key, data, algorithm).digest()
        salted = hashlib.pbkdf2_hmac(algorithm, s.password.encode(), salt, iterations)
        message = ",".join((bare, server_first, without)).encode()
        client = mac(salted, b"Client Key")
        stored = hashlib.new(algorithm, client).digest()
        right = bytes(a ^ b for a, b in zip(client, mac(stored, message)))
        if base64.b64decode(proof) != right:
            self.ask(b"e=invalid-proof")
            raise Refused("[AUTHENTICATIONFAILED] no")
        self.check(who, s.password)
        if s.twist != "skip-signature":
            signature = mac(mac(salted, b"Server Key"), message)
            if s.twist == "signature":
                signature = bytes(b ^ 1 for b in signature)
            if self.ask(b"v=" + base64.b64encode(signature)) != b"":
                s.blame("SCRAM: the answer to the signature is not empty")
        return who, plain_name(authzid[2:]) if authzid else who


SaslStore.session_class = SaslSession
