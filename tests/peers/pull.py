"""Runs the puller program (tests/peers/puller.c) against an IMAP server, and reads what it says."""

import hashlib
import json
import os
import subprocess

from lib.area import BUILD

PULLER = os.path.join(BUILD, "tests/peers/puller")


class Pull:
    """The driver on PORT, told to do WORDS; OPTIONS are keys and values before them. With START it runs on."""

    def __init__(self, port, *words, start=False, seconds=300, fds=(), **options):
        command = [PULLER, "port", str(port)]
        for key, value in options.items():
            for v in value if isinstance(value, (list, tuple)) else [value]:
                command += [key, str(v)]
        command += [str(w) for w in words]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                        errors="surrogateescape", pass_fds=fds)
        self.seconds = seconds
        self.events = []
        if not start:
            self.finish()

    def finish(self):
        try:
            out, self.log = self.process.communicate(timeout=self.seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the puller hangs; it said: %s" % self.process.communicate()[0][-2000:])
        self.events += [json.loads(line) for line in out.splitlines()]
        assert self.process.returncode == 0, "puller ended with %d: %s%s" % (self.process.returncode, self.log[-3000:],
                                                                           out[-2000:])
        return self

    def wait_for(self, kind):
        """Reads on until such an event, of a process that was started."""
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == kind:
                return self.events[-1]
        raise AssertionError("no %s: %s" % (kind, self.events[-5:]))

    def go_on(self):
        """Behind a `pause'."""
        self.process.stdin.write("x")
        self.process.stdin.flush()
        return self

    def all(self, kind):
        return [e for e in self.events if e["event"] == kind]

    def one(self, kind):
        found = self.all(kind)
        assert len(found) == 1, (kind, found, self.events[-5:], self.log)
        return found[0]

    @property
    def error(self):
        """The reason, where there has to be one."""
        return self.one("error")

    def fine(self):
        assert not self.all("error") and not self.all("refused"), self.events[-5:]
        return self

    @property
    def megabytes(self):
        return self.one("ended")["kilobytes"] / 1024


def sha(octets):
    return hashlib.sha256(octets).hexdigest()


def fetched(pull):
    return {e["uid"]: e for e in pull.all("message")}


def everything(server, **options):
    options.setdefault("timeout", 20000)
    pull = Pull(server.port, "enter", "INBOX", "list", 1, "fetch", "leave", **options)
    assert pull.megabytes < 60, pull.megabytes
    assert not server.failures, server.failures
    return pull


def comes(server, pull, but=()):
    """All messages but those came as they are."""
    got = fetched(pull)
    for uid, mail in server.inbox.mail.items():
        if uid not in but:
            assert got[uid]["got"] == "whole" and got[uid]["hash"] == sha(mail.octets), (uid, got.get(uid))
    return got


def ends(server, *words, error="protocol", **options):
    """The session ends with a reason that holds the words."""
    pull = everything(server, **options)
    assert pull.error["class"] == error, pull.error
    for word in words:
        assert word in pull.error["text"], pull.error
    assert not pull.all("left")
    return pull
