"""The connector alone, with stores at its sockets that were taken over: what one does may not stop the others."""

import array
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, free_port  # noqa: E402
from lib.tap import Tap  # noqa: E402

NAME, CONFIG, GO, READY, PEER = 1, 2, 8, 9, 12  # role/role.h
TAG_NAME, TAG_ROLE, TAG_PARENT = 1, 2, 5
OPEN, DONE, TAG_TIMEOUT = 1, 2, 2  # role/connect.h

tap = Tap(120)
area = Area("connector")


def frame(kind, *fields):
    """One message of ipc/message.h: head, then typed fields."""
    out = struct.pack("<BBHI", 1, 0, kind, 1)
    for tag, value in fields:
        data = struct.pack("<q", value) if isinstance(value, int) else value.encode()
        out += struct.pack("<HBBI", tag, 1 if isinstance(value, int) else 2, 0, len(data)) + data
    return out


def say(to, message, *fds):
    to.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])


def pair():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for s in ends:
        s.settimeout(120)
    return ends


def peer(supervisor, account):
    here, there = pair()
    say(supervisor, frame(PEER, (TAG_ROLE, "store"), (TAG_NAME, account)), there.fileno())
    there.close()
    return here


def ask(store, account):
    say(store, frame(OPEN, (1, account), (TAG_TIMEOUT, 2000)))


ACCOUNT = '%s = { host = "127.0.0.1"; port = %d; tls = "none"; };'
config = area.write("part", "accounts = { %s %s };" % (
    ACCOUNT % ("bad", free_port()), ACCOUNT % ("good", free_port())))
supervisor, role = pair()
process = area.start([os.path.join(area.bin, "mailferry-connect")], log="log", pass_fds=(3,), unprivileged=False,
                     preexec_fn=lambda: os.dup2(role.fileno(), 3))
role.close()
tap.logs.append(lambda: area.tail("log"))

with tap.case("it starts with its part of the configuration"):
    say(supervisor, frame(NAME, (TAG_ROLE, "connect"), (TAG_NAME, ""), (TAG_PARENT, os.getpid())))
    with open(config, "rb") as f:
        say(supervisor, frame(CONFIG), f.fileno())
    say(supervisor, frame(GO))
    assert struct.unpack("<H", supervisor.recv(4096)[2:4])[0] == READY

with tap.case("a store that never reads its answers is left alone; another is answered"):
    bad, good = peer(supervisor, "bad"), peer(supervisor, "good")
    bad.settimeout(0.2)
    end = time.monotonic() + 12
    while time.monotonic() < end:
        try:
            ask(bad, "bad")
        except OSError:
            time.sleep(0.1)
    ask(good, "good")
    answer = good.recv(4096)
    assert struct.unpack("<H", answer[2:4])[0] == DONE and b"127.0.0.1" in answer, answer

with tap.case("a store that asks for another's connection is put out"):
    bad = peer(supervisor, "bad")
    ask(bad, "good")
    assert bad.recv(4096) == b""
    ask(good, "good")
    assert good.recv(4096)

with tap.case("it ends with its supervisor's socket"):
    supervisor.close()
    assert process.wait(120) == 0

tap.done()
