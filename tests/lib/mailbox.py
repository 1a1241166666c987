"""What a store holds, read over IMAP the slow and certain way."""

import base64
import email
import email.policy
import imaplib
import re


class Message(dict):
    """One stored message: `folder`, `uid`, `id`, `subject`, `headers`, `flags`, `size`, `date` (INTERNALDATE)."""
    __getattr__ = dict.__getitem__


class Mailbox:
    """What every server of the tests has: `port` on loopback, and `users`, names with passwords."""

    def connect(self, user=None):
        user = user or next(iter(self.users))
        m = imaplib.IMAP4("127.0.0.1", self.port, timeout=120)
        m.login(user, self.users[user])
        return m

    def broke_itself(self):
        """How often it is known to have lost track of its own mail: nobody can keep messages from being doubled, or lost, then."""
        return 0

    def folders(self, user=None):
        m = self.connect(user)
        names = _folders(m)
        m.logout()
        return names

    def messages(self, user=None, body=False):
        """Every message in every folder: folder name → list of Message."""
        m = self.connect(user)
        found = {}
        for folder in _folders(m):
            status, _ = m.select(_quote(folder), readonly=True)
            if status != "OK":
                continue
            found[folder] = _fetch(m, folder, body)
        m.logout()
        return found

    def count(self, user=None):
        """Number of messages in each folder, without reading them."""
        m = self.connect(user)
        counts = {}
        for folder in _folders(m):
            status, data = m.status(_quote(folder), "(MESSAGES)")
            if status == "OK":
                counts[folder] = int(re.search(rb"MESSAGES (\d+)", data[0]).group(1))
        m.logout()
        return counts

    def empty(self, user=None):
        """Removes all messages and folders, so that the next case starts afresh."""
        m = self.connect(user)
        for folder in sorted(_folders(m), key=len, reverse=True):
            if folder.upper() == "INBOX":
                m.select("INBOX")
                m.uid("STORE", "1:*", "+FLAGS", "\\Deleted")
                m.expunge()
            else:
                m.delete(_quote(folder))
        m.logout()


def mutf7_encode(name):
    """RFC 3501, section 5.1.3."""
    out, run = "", ""
    for c in name + "\0":
        if " " <= c <= "~" or c == "\0":
            if run:
                coded = base64.b64encode(run.encode("utf-16-be")).decode()
                out += "&" + coded.rstrip("=").replace("/", ",") + "-"
                run = ""
            out += "&-" if c == "&" else c
        else:
            run += c
    return out[:-1]


def mutf7_decode(name):
    def decode(match):
        coded = match.group(1).replace(",", "/")
        return base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-16-be") if coded else "&"
    return re.sub("&([^-]*)-", decode, name)


def _quote(name):
    return '"%s"' % mutf7_encode(name).replace("\\", "\\\\").replace('"', '\\"')


def _folders(m):
    status, data = m.list()
    names = []
    for line in data:
        if isinstance(line, tuple):  # a name that came as a literal
            names.append(mutf7_decode(line[1].decode("ascii", "replace")))
            continue
        match = line and re.match(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (.*)$', line)
        if match and b"\\noselect" not in match.group(1).lower():
            name = match.group(2).decode("ascii", "replace")
            names.append(mutf7_decode(re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name))
    return names


def _fetch(m, folder, body):
    found = []
    what = "BODY.PEEK[]" if body else "BODY.PEEK[HEADER]"
    status, data = m.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE %s)" % what)
    for item in data:
        if not isinstance(item, tuple):
            continue
        info, raw = item
        headers = email.message_from_bytes(raw, policy=email.policy.compat32)
        found.append(Message(
            folder=folder, uid=int(re.search(rb"UID (\d+)", info).group(1)),
            flags=imaplib.ParseFlags(info), size=int(re.search(rb"RFC822.SIZE (\d+)", info).group(1)),
            date=re.search(rb'INTERNALDATE "([^"]*)"', info).group(1).decode(),
            id=(headers.get("Message-ID") or "").strip(), subject=str(headers.get("Subject") or ""),
            headers=headers, raw=raw))
    return found
