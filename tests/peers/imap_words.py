"""A store that knows a few answers: a table from a command's verb to the lines it gets, "{tag}" being the command's tag."""

from .listener import Listener

GOOD = {"CAPABILITY": ["* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=PLAIN", "{tag} OK done"], "NOOP": ["{tag} OK done"],
        "LOGOUT": ["* BYE then", "{tag} OK done"]}


class Words(Listener):
    def __init__(self, **answers):
        self.answers = dict(GOOD, **answers)
        self.listen()

    def serve(self, sock, number):
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
