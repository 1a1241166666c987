"""`mailferry sync' and the schedule, by the control socket of a running daemon (cmd/sync.h, role/fetch.h)."""

import socket

from lib.ipc import frame, parse

FETCH, DRY, COPY = 0, 1, 2
SOURCE, PROGRESS, LINE, RAN, ACCOUNT, DONE = range(200, 206)
ENDS = ["ok", "server-away", "refused", "throttled", "protocol-error", "spool-full", "spool-lost"]
STATES = ["waits", "queued", "runs", "idle", "held"]
INT64_MAX = (1 << 63) - 1


class Refused(Exception):
    pass


def _control(path, want, *fields):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(120)
    s.connect(path)
    s.send(frame(1, (1, want), *fields))
    kind, _, answer = parse(s.recv(200000))
    if kind != 2:
        s.close()
        raise Refused(answer.get(2))
    return s


class Sync:
    """A run that was asked for: iterate over its events, (kind, fields)."""

    def __init__(self, path, *names, mode=FETCH, copy_to=None):
        fields = [(100, mode)] + [(200, n) for n in names]
        if copy_to:
            fields.append((101, copy_to))
        self.sock = _control(path, "sync", *fields)
        self.events = []

    def next(self):
        kind, _, f = parse(self.sock.recv(200000))
        assert kind is not None, "the daemon hung up: %s" % self.events[-3:]
        e = dict(kind=kind, name=f.get(200, ""), state=f.get(201), words=f.get(202, ""), attached=f.get(203) == 1,
                 messages=f.get(103), octets=f.get(105), end=ENDS[f.get(123, 0)], lost=f.get(204, 0), waiting=f.get(205), filed=f.get(206),
                 stuck=f.get(207), next=f.get(208), held=f.get(209) == 1, status=f.get(210), subject=f.get(116),
                 into=f.get(120), why=f.get(122))
        self.events.append(e)
        return e

    def until(self, kind, name=None, state=None):
        while True:
            e = self.next()
            if e["kind"] == kind and (name is None or e["name"] == name) and (state is None or e["state"] == state):
                return e

    def done(self):
        """All events by (kind, name), the newest each; and the exit status."""
        e = self.until(DONE)
        self.sock.close()
        return {(x["kind"], x["name"]): x for x in self.events}, e["status"]

    def close(self):
        self.sock.close()


def plan(path):
    """name → row of the schedule."""
    s, rows = _control(path, "sources"), {}
    while True:
        kind, _, f = parse(s.recv(200000))
        assert kind == 300, kind
        if not f.get(300):
            s.close()
            return rows
        rows[f[300]] = dict(source=f[301] == 1, state=STATES[f[302]], since=f[303], next=f[304], failures=f[305],
                            person=f[306] == 1, words=f.get(307, ""), messages=f.get(103))
