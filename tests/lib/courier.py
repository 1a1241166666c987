"""
A private Courier server on loopback, for IMAP and POP3. What asks for the
password there is an authentication daemon behind a path that is compiled in; so
the log-in is ours, and Courier's imapd or pop3d takes over the connection with
it, as they do in the real server.
"""

import os
import re
import socket
import threading

from lib.area import free_port, hang_up
from lib.server import Server

CAPABILITY = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
# As Debian's /etc/courier/imapd has it.
SETTINGS = {
    "IMAP_CAPABILITY": CAPABILITY, "IMAP_KEYWORDS": "1", "IMAP_ACL": "1", "IMAP_IDLE_TIMEOUT": "60",
    "IMAP_MAILBOX_SANITY_CHECK": "1", "IMAP_DISABLETHREADSORT": "0", "IMAP_CHECK_ALL_FOLDERS": "0",
    "IMAP_OBSOLETE_CLIENT": "0", "IMAP_USELOCKS": "1", "IMAP_ENHANCEDIDLE": "0", "IMAP_TRASHFOLDERNAME": "Trash",
    "IMAP_EMPTYTRASH": "Trash:7", "IMAP_MOVE_EXPUNGE_TO_TRASH": "0", "PROTOCOL": "IMAP",
}


class Courier(Server):
    """`pop3`: it serves the same mail so too, on pop3_port."""
    kind, program = "courier", "imapd"
    libraries = ("usr/lib/courier-authlib", "usr/lib", "usr/lib/x86_64-linux-gnu")

    def __init__(self, area, pop3=False, **kw):
        self.pop3_port = free_port() if pop3 else None
        super().__init__(area, **kw)

    def prepare(self):
        self.listener = self.pop3_listener = None
        self.acceptors = {}
        self.sessions = []
        # What tells it of changes in folders (gamin) is else one process for all servers of a user, and ends with the first.
        self.env["GAM_CLIENT_ID"] = os.path.basename(self.area.dir)
        self.lock = threading.Lock()
        self.area.mkdir(self.name, "home")
        self.maildirmake(self.path("home", "Maildir"))

    def maildirmake(self, *args):
        self.run("usr/bin/maildirmake.courier", *args)

    def limit(self, kilobytes):
        """A quota for the mailbox."""
        self.maildirmake("-q", "%dS" % (kilobytes * 1024), self.path("home", "Maildir"))

    # ---- life ----
    def start(self):
        self.listener = self._listen(self.port, self._login)
        if self.pop3_port:
            self.pop3_listener = self._listen(self.pop3_port, self._pop3_login)
        return self

    def _listen(self, port, login):
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.acceptors[listener] = threading.Thread(target=self._accept, args=(listener, login), daemon=True)
        self.acceptors[listener].start()
        return listener

    def stop(self, sig=None):
        self.kill()

    def kill(self):
        if self.listener is None:
            return
        listeners = [x for x in (self.listener, self.pop3_listener) if x is not None]
        self.listener = self.pop3_listener = None
        for listener in listeners:
            hang_up(listener, self.acceptors.pop(listener))
        self.kill_sessions()

    def kill_sessions(self):
        with self.lock:
            sessions, self.sessions = self.sessions, []
        alive = [p for p in sessions if p.poll() is None]
        for p in sessions:
            self.area.kill(p)
        return len(alive)

    def _accept(self, listener, login):
        while True:
            try:
                s, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=login, args=(s, peer[1], listener), daemon=True).start()

    # ---- before imapd takes over ----
    def _login(self, s, port, listener):
        try:
            with s:
                s.settimeout(120)
                s.sendall(b"* OK [CAPABILITY %s] Courier-IMAP ready.\r\n" % CAPABILITY.encode())
                while line := _line(s):
                    tag, verb, words = (line.split(" ", 2) + ["", ""])[:3]
                    if verb.upper() == "LOGIN" and self._known(words):
                        s.settimeout(None)
                        self._take_over(s, port, listener, "/usr/bin/imapd", IMAPLOGINTAG=tag, **SETTINGS)
                        return
                    s.sendall({"CAPABILITY": "* CAPABILITY %s\r\n%s OK CAPABILITY completed\r\n" % (CAPABILITY, tag),
                               "LOGOUT": "* BYE Courier-IMAP server shutting down\r\n%s OK LOGOUT completed\r\n" % tag,
                               "LOGIN": "%s NO Login failed.\r\n" % tag}
                              .get(verb.upper(), "%s NO Error in IMAP command received by server.\r\n" % tag).encode())
        except OSError:
            pass

    def _known(self, words):
        words = [re.sub(r"\\(.)", r"\1", w[1:-1]) if w.startswith('"') else w
                 for w in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', words)]
        return len(words) == 2 and self.users.get(words[0]) == words[1]

    def _pop3_login(self, s, port, listener):
        try:
            with s:
                s.settimeout(120)
                s.sendall(b"+OK Hello there.\r\n")
                user = ""
                while line := _line(s):
                    verb, _, word = line.partition(" ")
                    if verb.upper() == "PASS" and self.users.get(user) == word:
                        s.settimeout(None)
                        self._take_over(s, port, listener, "/usr/lib/courier/courier/courierpop3d", PROTOCOL="POP3")
                        return
                    user = word if verb.upper() == "USER" else user
                    s.sendall({"CAPA": b"+OK Here's what I can do:\r\nTOP\r\nUSER\r\nPIPELINING\r\nUIDL\r\n.\r\n",
                               "USER": b"+OK Password required.\r\n", "QUIT": b"+OK Better luck next time.\r\n",
                               "PASS": b"-ERR Login failed.\r\n"}.get(verb.upper(), b"-ERR Invalid command.\r\n"))
        except OSError:
            pass

    def _take_over(self, s, port, listener, program, **settings):
        env = dict(self.env, AUTHENTICATED=self.user, AUTHADDR=self.user, HOME=self.path("home"),
                   TCPREMOTEIP="127.0.0.1", TCPREMOTEPORT=str(port), **settings)
        with self.lock:
            if listener not in (self.listener, self.pop3_listener):  # stopped meanwhile
                return
            out = open(self.path("out"), "ab")
            self.area.own(self.path("out"))
            with out:
                self.sessions.append(self.area.start([self.tree + program, "Maildir"], cwd=self.path("home"),
                                                     stdin=s.fileno(), stdout=s.fileno(), stderr=out, env=env))


def _line(s):
    """One line, read octet by octet: what follows is for imapd."""
    line = b""
    while not line.endswith(b"\n"):
        more = s.recv(1)
        if not more or len(line) > 8192:
            return ""
        line += more
    return line.decode("utf-8", "replace").rstrip("\r\n")
