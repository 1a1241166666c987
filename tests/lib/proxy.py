"""
A TCP proxy that breaks things: it cuts connections after a random number of
bytes in a random direction, by reset or by silence and close. Seeded.
"""

import asyncio
import random
import socket
import struct
import threading

from lib.area import free_port


class Proxy:
    """
    Listens on `port`, forwards to TARGET. Each connection gets, with chance
    `cut`, a byte count between `low` and `high` (drawn evenly on a logarithmic
    scale, so that early and late cuts are both frequent) after which it ends.
    Which direction counts is drawn too; the answers count `terse` times, where they are that much shorter. `cut` may be changed at any time. With
    chance `soft` the end is a close in order, else a reset.

    `swallow` and `late` are aimed: (pattern, times). The first `times` answers
    of the target that hold the pattern of `swallow` never arrive: the
    connection is reset in their stead. With `late` the first `times` requests
    that hold the pattern are kept back, the client is reset, and the target
    gets what was kept `delay` seconds later.
    """

    def __init__(self, target, cut=0.5, low=1, high=200000, seed=1, swallow=(b"", 0), late=(b"", 0), delay=2,
                 soft=0.3, terse=1):
        self.target = target
        self.cut = cut
        self.low = low
        self.high = high
        self.random = random.Random(seed)
        self.swallow, self.swallows = swallow
        self.late, self.lates = late
        self.delay = delay
        self.soft = soft
        self.terse = terse
        self.port = free_port()
        self.connections = 0
        self.cuts = 0
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.live = set()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        if not self.ready.wait(30):
            raise RuntimeError("the proxy does not start")
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def cut_all(self):
        """Resets every connection there is."""
        self.loop.call_soon_threadsafe(lambda: [_reset(w) for w in list(self.live)])

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=512))
        self.ready.set()
        self.loop.run_forever()
        self.server.close()
        for w in list(self.live):
            _reset(w)

    async def _connection(self, reader, writer):
        self.connections += 1
        self.live.add(writer)
        far = None
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            self.live.add(far)
            budget = [None, None]
            if self.random.random() < self.cut:
                size = int(self.low * (self.high / self.low) ** self.random.random())
                back = self.random.randrange(2)
                budget[back] = max(self.low, int(size / self.terse)) if back else size
            hard = self.random.random() >= self.soft
            tasks = [asyncio.ensure_future(self._pump(reader, far, budget[0], self._is_late)),
                     asyncio.ensure_future(self._pump(far_reader, writer, budget[1], self._is_swallowed))]
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0] in done and isinstance(tasks[0].result(), bytes):
                self.cuts += 1
                await self._deliver_late(reader, writer, far, tasks[0].result())
            elif any(t.exception() is None and t.result() == "cut" for t in done):
                self.cuts += 1
                for w in (writer, far):
                    _reset(w) if hard else w.close()
            elif pending:  # one side has ended: the other may still have something to say
                await asyncio.wait(pending, timeout=30)
            for t in tasks:
                t.cancel()
        except OSError:
            pass
        finally:
            for w in (writer, far):
                if w is not None:
                    self.live.discard(w)
                    w.close()

    def _is_swallowed(self, data):
        if self.swallows > 0 and self.swallow in data:
            self.swallows -= 1
            return "cut"
        return None

    def _is_late(self, data):
        if self.lates > 0 and self.late in data:
            self.lates -= 1
            return data
        return None

    async def _deliver_late(self, reader, writer, far, data):
        """Collects what the client still sends, resets it, and lets the target have all of it later."""
        try:
            while more := await asyncio.wait_for(reader.read(65536), 0.5):
                data += more
        except asyncio.TimeoutError:
            pass
        _reset(writer)
        await asyncio.sleep(self.delay)
        far.write(data)
        await far.drain()
        await asyncio.sleep(1)

    async def _pump(self, reader, writer, budget, catch):
        """Forwards until the end, until BUDGET bytes have gone, or until CATCH has something to say of what it saw."""
        try:
            while budget is None or budget > 0:
                data = await reader.read(16384 if budget is None else min(16384, budget))
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return "end"
                caught = catch(data)
                if caught:
                    return caught
                writer.write(data)
                await writer.drain()
                if budget is not None:
                    budget -= len(data)
            return "cut"
        except OSError:
            return "end"


def _reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
