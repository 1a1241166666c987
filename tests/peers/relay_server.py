"""An SMTP server that takes mail to send, and misbehaves on request."""

import base64
import json
import socket
import ssl
import threading

from lib.area import free_port, hang_up


class Mail:
    def __init__(self, sender, arguments):
        self.sender, self.arguments = sender, arguments
        self.recipients = []
        self.notify = []  # arguments of each RCPT
        self.data = b""


class RelayServer:
    """
    `taken` are the messages that were answered 250, or would have been: `lost`
    of them are taken without an answer (the connection is closed instead).
    `answers` gives a reply to a recipient, `ends` to the next ends of data, `stages` to the next commands of a name
    ("banner" for the greeting); behind one that begins with 421 the connection is closed.
    CERTIFICATE: paths of one and its key; it is shown behind STARTTLS, or at once with IMPLICIT.
    TOKENS: says of an access token whether it is good; who logs in then has one.
    """

    def __init__(self, offers=("PIPELINING", "8BITMIME", "SIZE 10000000", "DSN"), password=None, port=0,
                 certificate=None, implicit=False, tokens=None):
        self.offers, self.password = list(offers), password
        self.implicit, self.tokens, self.stages = implicit, tokens, {}
        self.context = None
        if certificate is not None:
            self.show(*certificate)
        self.taken, self.logins, self.commands = [], [], []
        self.answers, self.ends = {}, []
        self.lost = self.cut = self.greet_421 = 0
        self.mail_answer = None
        self.lock = threading.Lock()
        self.connections = []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port or free_port()))  # not one that another client may be given meanwhile
        self.socket.listen(50)
        self.port = self.socket.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def show(self, certificate, key):
        """From now on."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def stage(self, name):
        """The reply that a command gets instead of its own, or None."""
        with self.lock:
            replies = self.stages.get(name)
            return replies.pop(0) if replies else None

    def hang_up(self):
        for c in self.connections:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        hang_up(self.socket, self.acceptor)
        self.hang_up()

    def of(self, recipient):
        """The messages that this recipient got."""
        with self.lock:
            return [m for m in self.taken if recipient in m.recipients]

    def _accept(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(c)
            threading.Thread(target=self._guard, args=(c,), daemon=True).start()

    def _guard(self, c):
        session = Session(self, c)
        try:
            session.run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            session.c.close()

    def count(self, name):
        """True so many times as the attribute says."""
        with self.lock:
            n = getattr(self, name)
            if n > 0:
                setattr(self, name, n - 1)
            return n > 0


class Session:
    def __init__(self, server, c):
        self.server, self.c = server, c
        self.mail = None

    def secure(self, context):
        if context is not None:
            self.c = context.wrap_socket(self.c, server_side=True)
        self.secured = context is not None
        self.file = self.c.makefile("rb")

    def say(self, text):
        self.c.sendall(text.encode() + b"\r\n")

    def line(self):
        text = self.file.readline(8192)
        if not text.endswith(b"\r\n"):
            raise EOFError
        return text[:-2].decode("utf-8", "replace")

    def run(self):
        self.secure(self.server.context if self.server.implicit else None)
        if self.server.count("greet_421"):
            self.say("421 4.3.2 too busy")
            return
        greeting = self.server.stage("banner") or "220 relay.example.net ESMTP"
        self.say(greeting)
        if greeting.startswith("421"):
            return
        while True:
            line = self.line()
            verb, _, rest = line.partition(" ")
            with self.server.lock:
                self.server.commands.append(line)
            handler = getattr(self, "on_" + verb.lower(), None)
            instead = self.server.stage(verb.upper())
            if instead is not None:
                self.say(instead)
                if instead.startswith("421"):
                    return
            elif handler is None:
                self.say("502 5.5.1 what?")
            elif handler(rest) is False:
                return

    def on_ehlo(self, rest):
        lines = ["relay.example.net"] + self.server.offers
        if self.server.context is not None and not self.secured:
            lines.append("STARTTLS")
        if self.server.password is not None:
            lines.append("AUTH PLAIN LOGIN")
        if self.server.tokens is not None:
            lines.append("AUTH XOAUTH2 OAUTHBEARER")
        self.c.sendall("".join("250%s%s\r\n" % ("-" if i + 1 < len(lines) else " ", s)
                               for i, s in enumerate(lines)).encode())

    def on_helo(self, rest):
        self.say("250 relay.example.net")

    def on_starttls(self, rest):
        if self.server.context is None or self.secured:
            self.say("503 5.5.1 no")
            return
        self.say("220 2.0.0 go")
        self.secure(self.server.context)

    def with_token(self, mechanism, text):
        """RFC 7628, 3.1, and its older brother."""
        fields = dict(f.partition("=")[::2] for f in text.split("\1") if "=" in f)
        user = fields["user"] if mechanism == "XOAUTH2" else text.partition("a=")[2].partition(",")[0]
        token = fields["auth"].partition(" ")[2]
        good = self.server.tokens(token)
        self.server.logins.append((mechanism, user, token))
        if good:
            self.say("235 2.7.0 welcome")
            return
        error = {"status": "401" if mechanism == "XOAUTH2" else "invalid_token", "schemes": "bearer"}
        self.say("334 " + base64.b64encode(json.dumps(error).encode()).decode())
        self.line()
        self.say("535 5.7.8 that token is not good")

    def on_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if not initial:
            self.say("334 ")
            initial = self.line()
        if mechanism in ("XOAUTH2", "OAUTHBEARER"):
            self.with_token(mechanism, base64.b64decode(initial).decode())
            return
        _, user, password = base64.b64decode(initial).decode().split("\0")
        self.server.logins.append((mechanism, user, password))
        if password == self.server.password:
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 not with that word")

    def on_mail(self, rest):
        address, _, arguments = rest[len("FROM:"):].partition(" ")
        if self.server.mail_answer:
            self.say(self.server.mail_answer)
            return
        self.mail = Mail(address.strip("<>"), arguments.split())
        self.say("250 2.1.0 ok")

    def on_rcpt(self, rest):
        if self.mail is None:
            self.say("503 5.5.1 MAIL first")
            return
        recipient, _, arguments = rest[len("TO:"):].partition(" ")
        recipient = recipient.strip("<>")
        answer = self.server.answers.get(recipient, "250 2.1.5 ok")
        if answer.startswith("2"):
            self.mail.recipients.append(recipient)
            self.mail.notify.append(arguments)
        self.say(answer)

    def on_data(self, rest):
        if self.mail is None or not self.mail.recipients:
            self.say("503 5.5.1 nobody to send it to")
            return
        self.say("354 go")
        lines = []
        while True:
            text = self.file.readline(1 << 20)
            if self.server.count("cut"):
                return False
            if not text.endswith(b"\r\n"):
                raise EOFError
            if text == b".\r\n":
                break
            lines.append(text[1:] if text.startswith(b".") else text)
        self.mail.data = b"".join(lines)
        with self.server.lock:
            answer = self.server.ends.pop(0) if self.server.ends else None
            if answer is None or answer.startswith("2"):
                self.server.taken.append(self.mail)
                n = len(self.server.taken)
        self.mail = None
        if self.server.count("lost"):
            return False
        self.say(answer or "250 2.0.0 Ok: queued as R%d" % n)

    def on_rset(self, rest):
        self.mail = None
        self.say("250 2.0.0 ok")

    def on_quit(self, rest):
        self.say("221 2.0.0 bye")
        return False
