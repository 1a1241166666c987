"""A store that knows a few answers: a table from a command's verb to the lines it gets, "{tag}" being the command's tag."""

import socket
import threading

GOOD = {"CAPABILITY": ["* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=PLAIN", "{tag} OK done"], "NOOP": ["{tag} OK done"],
        "LOGOUT": ["* BYE then", "{tag} OK done"]}


class Words:
    def __init__(self, **answers):
        self.answers = dict(GOOD, **answers)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        with sock, sock.makefile("rwb") as f:
            try:
                self._say(f, "* OK ready")
                while line := f.readline():
                    tag, _, rest = line.decode("latin-1").strip().partition(" ")
                    verb, _, rest = rest.partition(" ")
                    if verb.upper() == "AUTHENTICATE" and " " not in rest:
                        self._say(f, "+ ")
                        f.readline()
                    for answer in self.answers.get(verb.upper(), ["{tag} BAD what is that?"]):
                        self._say(f, answer.replace("{tag}", tag))
            except OSError:
                pass

    def _say(self, f, text):
        f.write(text.encode() + b"\r\n")
        f.flush()
