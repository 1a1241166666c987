"""A server on a port of its own of 127.0.0.1, with a thread for each connection."""

import socket
import threading

from lib.area import hang_up


class Listener:
    connections = 0  # so far

    def listen(self):
        """From now on `serve` is called for each connection."""
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def serve(self, sock, number):
        """The connection is the NUMBERth, and closed by whoever serves it."""
        raise NotImplementedError

    def close(self):
        hang_up(self.listener, self.acceptor)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock, self.connections), daemon=True).start()
