"""The same mail in two mailboxes of STORE's user old and of a POP3 server, whose originals go after delivery."""

from .pop import Pop
from .sender import message


class Originals:
    def __init__(self, store):
        self.store, self.pop = store, Pop(password="s3cret")

    def sources(self):
        """For the configuration of lib/office.py."""
        def one(protocol, port):
            return {"protocol": protocol, "host": "localhost", "tls": "none", "port": port, "user": "old",
                    "password_file": "office.password", "account": "office", "to": "office@office.example",
                    "delete": "after-delivery"}
        return {"imap": one("imap", self.store.port), "pop": one("pop3", self.pop.port)}

    def add(self, subjects):
        """A message of each of the SUBJECTS to both, with the kind in front of the subject."""
        m = self.store.connect("old")
        for s in subjects:
            ident = s.replace(" ", ".")
            m.append("INBOX", None, None, message("<imap.%s@example.org>" % ident, subject="imap " + s))
            self.pop.add(message("<pop.%s@example.org>" % ident, subject="pop " + s))
        m.logout()

    def left(self):
        """The subjects of what is left at the sources, without the kind."""
        imap = sorted(m.subject.split(None, 1)[1] for m in self.store.messages("old")["INBOX"])
        pop3 = sorted(m.split(b"Subject: pop ")[1].split(b"\r\n")[0].decode() for m in self.pop.messages)
        assert imap == pop3, (imap, pop3)
        return imap
