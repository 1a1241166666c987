"""
A server that follows a script, whatever the client says. Steps:

    ("send", text)          text with CRLF added; "{tag}" is the tag of the last command
    ("raw", octets)         as they are
    ("drip", octets, s)     one octet every s seconds
    ("flood", octets, n)    the octets n times, as fast as the client takes them
    ("garbage", n)          n octets of no meaning, the same each time
    ("expect", word)        reads one line; it must hold the word
    ("take", n)             reads n octets, whatever they are
    ("cut", n)              reads n octets, then resets the connection, and what follows them is lost
    ("stall", s)            says nothing
    ("tls", context)        a TLS handshake
    ("reset",) ("close",)   the end; so does the end of the script

Each connection runs the script from its start.
"""

import random
import re
import socket
import ssl
import struct
import time

from .listener import Listener


class Script(Listener):
    def __init__(self, *steps):
        self.steps = steps
        self.failures = []
        self.heard = []
        self.listen()

    def serve(self, sock, number):
        buffer, tag = b"", ""
        try:
            for step in self.steps:
                verb, arguments = step[0], step[1:]
                if verb == "send":
                    sock.sendall(arguments[0].replace("{tag}", tag).encode() + b"\r\n")
                elif verb == "raw":
                    sock.sendall(arguments[0])
                elif verb == "drip":
                    for octet in arguments[0]:
                        sock.sendall(bytes([octet]))
                        time.sleep(arguments[1])
                elif verb == "flood":
                    for _ in range(arguments[1]):
                        sock.sendall(arguments[0])
                elif verb == "expect":
                    while b"\n" not in buffer:
                        data = sock.recv(65536)
                        if not data:
                            return
                        buffer += data
                    line, buffer = buffer.split(b"\n", 1)
                    text = line.decode("latin-1")
                    self.heard.append(text)
                    tag = re.match(r"\S*", text).group(0)
                    if arguments[0] not in text:
                        self.failures.append("expected %r, got %r" % (arguments[0], text))
                        return
                elif verb == "garbage":
                    dice = random.Random(arguments[0])
                    sock.sendall(bytes(dice.randrange(256) for _ in range(arguments[0])))
                elif verb in ("take", "cut"):
                    while len(buffer) < arguments[0]:
                        data = sock.recv(65536)
                        if not data:
                            return
                        buffer += data
                    buffer = buffer[arguments[0]:]
                    if verb == "cut":
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                elif verb == "stall":
                    time.sleep(arguments[0])
                elif verb == "tls":
                    sock = arguments[0].wrap_socket(sock, server_side=True)
                elif verb == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                else:
                    return
        except (OSError, ssl.SSLError):
            pass
        finally:
            sock.close()
