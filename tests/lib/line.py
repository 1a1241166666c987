"""The line between a client and a server: one that is counted, and one that is slow."""

import socket
import threading
import time


class Counter:
    """A relay that counts what the client sends: its turns, which are round trips, and octets both ways."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.turns, self.sent, self.got, self.said = 0, 0, 0, b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            last = [server]
            threading.Thread(target=self._pump, args=(client, server, last, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, last, False), daemon=True).start()

    def _pump(self, a, b, last, from_client):
        try:
            while data := a.recv(65536):
                if from_client:
                    self.turns += last[0] is not a
                    self.sent += len(data)
                    self.said += data
                else:
                    self.got += len(data)
                last[0] = a
                b.sendall(data)
        except OSError:
            pass
        finally:
            for s in (a, b):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Drip:
    """A relay whose server's octets come one a second."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._drip, args=(client,), daemon=True).start()

    def _drip(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self._send, args=(client, server), daemon=True).start()
        try:
            while octet := server.recv(1):
                client.sendall(octet)
                time.sleep(1)
        except OSError:
            pass
        server.close()
        client.close()

    def _send(self, client, server):
        try:
            while data := client.recv(4096):
                server.sendall(data)
        except OSError:
            pass
