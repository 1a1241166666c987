"""A proxy that remembers what the client said, and reads from it which way the client has gone."""

import re

from lib.proxy import Proxy, _reset


class Wire(Proxy):
    """
    Forwards to TARGET and keeps what clients say in `said`, a list of one
    bytearray a connection. `break_in(n)`: the next connection whose client has
    begun an APPEND is reset N octets later, within a message that is so long.
    While `closed`, whoever connects is reset.
    `swallows` of the answers that hold `swallow` never arrive: see Proxy.
    """

    def __init__(self, target, swallow=b""):
        super().__init__(target, 0, swallow=(swallow, 0))
        self.said = []
        self.limit = None
        self.closed = False

    def break_in(self, octets):
        self.limit = octets

    async def _connection(self, reader, writer):
        if self.closed:
            _reset(writer)
        else:
            await super()._connection(reader, writer)

    async def _pump(self, reader, writer, budget, catch):
        if catch == self._is_late:
            catch = self._listener()
        return await super()._pump(reader, writer, budget, catch)

    def _listener(self):
        said = bytearray()
        self.said.append(said)

        def listen(data):
            said.extend(data)
            if self.limit is None:
                return None
            at = said.find(b" APPEND ")
            if at < 0 or len(said) < at + self.limit:
                return None
            self.limit = None
            return "cut"
        return listen

    def commands(self):
        """All commands so far: (verb, literals as "+" or "")."""
        return [c for said in self.said for c in commands(bytes(said))]

    def path(self):
        """How messages went: "MULTIAPPEND", "LITERAL+" or "synchronising literals"."""
        appends = [literals for verb, literals in self.commands() if verb == "APPEND"]
        if any(len(literals) > 1 for literals in appends):
            return "MULTIAPPEND"
        return "LITERAL+" if any("+" in literals for literals in appends) else "synchronising literals"


def commands(said):
    """What one connection said, command by command; a last one that is not whole is left out."""
    found, at = [], 0
    while (end := said.find(b"\r\n", at)) >= 0:
        words = said[at:end].split(b" ", 2)
        verb = words[1].decode("ascii", "replace").upper() if len(words) > 1 else ""
        literals = []
        while (m := re.search(rb"\{(\d+)(\+?)\}$", said[at:end])):
            literals.append(m.group(2).decode())
            at = end + 2 + int(m.group(1))
            end = said.find(b"\r\n", at)
            if end < 0:
                return found
        found.append((verb, literals))
        at = end + 2
    return found
