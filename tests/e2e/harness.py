"""The tests' own tools: each must notice what it is there to notice."""

import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import libconfig  # noqa: E402
from lib.mailbox import mutf7_decode, mutf7_encode  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from lib.reconcile import reconcile  # noqa: E402
from lib.sender import Item, Sender, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from lib.wire import commands  # noqa: E402


class Peer:
    """An SMTP server of a few lines that keeps each message it answers, and counts how often it got it."""

    def __init__(self):
        self.port = free_port()
        self.got = {}
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self._session, args=(s,), daemon=True).start()

    def _session(self, s):
        try:
            f = s.makefile("rwb")
            self._say(f, b"220 peer")
            while line := f.readline():
                verb = line[:4].upper().strip()
                self._say(f, b"354 go on" if verb == b"DATA" else b"250 ok")
                if verb == b"DATA":
                    lines = []
                    while (line := f.readline()) and line != b".\r\n":
                        lines.append(line[1:] if line.startswith(b".") else line)
                    if not line:
                        return
                    text = b"".join(lines)
                    self.got[text] = self.got.get(text, 0) + 1
                    self._say(f, b"250 kept")
        except OSError:
            pass
        finally:
            s.close()

    @staticmethod
    def _say(f, text):
        f.write(text + b"\r\n")
        f.flush()


tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
area = Area("harness")
store = Dovecot(area)
tap.logs.append(store.logs)

with tap.case("libconfig text"):
    text = libconfig({"a": {"b": [1, "x\"y"], "c": True}, "d": "e\\f"})
    assert text == 'a = {\n  b = [ 1, "x\\"y" ];\n  c = true;\n};\nd = "e\\\\f";\n', text

for name, options in (("one by one", {}), ("pipelined", {"pipeline": True}),
                      ("pipelined, three a connection", {"pipeline": True, "per_connection": 3})):
    with tap.case("the sender gets a 250 for each message through a proxy that cuts: " + name):
        peer = Peer()
        proxy = Proxy(peer.port, cut=0.8, low=500, high=20000, seed=len(name)).start()
        items = [Item("<%d@x>" % i, ["a@office.example", "b@office.example"],
                      message("<%d@x>" % i, body=".\r\n..dots\r\nend\r\n.\r\n", size=3000)) for i in range(60)]
        sender = Sender(proxy.port, items, sessions=5, **options).run(120)
        proxy.stop()
        assert len(sender.acked) == 60 and not sender.refused
        assert set(peer.got) == {i.data for i in items}, "a message was changed on the way"
        assert proxy.cuts > 0 and sender.resent > 0, "the proxy cut nothing"

with tap.case("who has a number that a process of the test had before is left alone"):
    p = area.start(["true"])
    p.wait()
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        p.pid = stranger.pid
        area.kill(p)
        assert stranger.poll() is None, stranger.returncode
    finally:
        stranger.kill()
        stranger.wait()

with tap.case("folder names in modified UTF-7 (RFC 3501, section 5.1.3)"):
    for plain, coded in (("a/b", "a/b"), ("R&D", "R&-D"), ("Entwürfe", "Entw&APw-rfe"),
                         ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"), ("é", "&AOk-")):
        assert mutf7_encode(plain) == coded and mutf7_decode(coded) == plain, (mutf7_encode(plain), coded)

with tap.case("Dovecot starts, keeps what it was given through kill -9, and is listed"):
    store.start()
    m = store.connect()
    m.create('"Scans &- f&AOQ-xes"')
    m.append('"Scans &- f&AOQ-xes"', "(\\Seen)", None, message("<1@x>"))
    m.append("INBOX", "", None, message("<2@x>", subject="other"))
    store.kill()
    store.start()
    got = store.messages()
    assert [(x.id, x.subject) for x in got["INBOX"]] == [("<2@x>", "other")], got
    assert [(x.id, b"\\Seen" in x.flags) for x in got["Scans & fäxes"]] == [("<1@x>", True)], got
    assert store.count() == {"INBOX": 1, "Scans & fäxes": 1}

with tap.case("a fetch of whole messages gives back what was appended"):
    assert store.messages(body=True)["INBOX"][0].raw == message("<2@x>", subject="other")

with tap.case("reconciliation finds the lost, the doubled and the misplaced"):
    m = store.connect()
    for ident in ("<3@x>", "<3@x>", "<9@x>"):
        m.append("INBOX", "", None, message(ident))
    m.logout()
    items = [Item("<%d@x>" % n, "a@x", b"", folders=f) for n, f in
             ((1, "Scans & fäxes"), (2, "INBOX"), (3, "INBOX"), (4, "INBOX"), (5, "INBOX"), (2, "Scans & fäxes"))]
    wrong = reconcile(items, {"<%d@x>" % n: "250" for n in (1, 2, 3, 4)}, store.messages())
    assert sorted(w.split(" ")[0] + w.split(" ")[1] for w in wrong) == \
        ["doubled:<3@x>", "lost:<2@x>", "lost:<4@x>", "misplaced:<9@x>"], wrong

with tap.case("what a client said is read as commands, whatever its literals hold"):
    said = (b"a1 LOGIN x y\r\na2 APPEND A {5+}\r\n{3}\r\n {4+}\r\nab\r\n\r\na3 APPEND B {2}\r\nhi\r\n"
            b"a4 NOOP\r\na5 APPEND C {9}\r\ncut")
    assert commands(said) == [("LOGIN", []), ("APPEND", ["+", "+"]), ("APPEND", [""]), ("NOOP", [])], commands(said)

with tap.case("an emptied store is empty"):
    store.empty()
    assert store.count() == {"INBOX": 0}

store.stop()
tap.done()
