"""`mailferry login` as a person uses it: a program that is read, typed into, and waited for; and a browser."""

import os
import re
import select
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request


class Login:
    """Runs it on a pseudo terminal (TTY) or on pipes. `text` is all that it has said."""

    last = None

    def __init__(self, ferry, *args, tty=False):
        # One that a failed case left behind would hold the directory of tokens.
        if Login.last is not None and Login.last.process.poll() is None:
            ferry.area.kill(Login.last.process)
        Login.last = self
        argv = [os.path.join(ferry.area.bin, "mailferry"), "login", "-c", ferry.file] + list(args)
        self.area, self.text = ferry.area, ""
        if tty:
            self.fd, inner = os.openpty()
            self.process = ferry.area.start(argv, env=ferry.env, stdin=inner, stdout=inner, stderr=inner)
            os.close(inner)
            self.input = self.fd
        else:
            self.process = ferry.area.start(argv, env=ferry.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT)
            self.fd, self.input = self.process.stdout.fileno(), self.process.stdin.fileno()

    def _read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # a terminal whose other side is gone
            return False
        self.text += data.decode("utf-8", "replace")
        return data != b""

    def wait(self, pattern, seconds=120):
        """Waits until it has said that; the match."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                return found
            if not self._read(0.2) or time.monotonic() > end:
                found = re.search(pattern, self.text)
                if found:
                    return found
                raise AssertionError("it did not say %r: %s" % (pattern, self.text))

    def type(self, text):
        """As fast as it takes it."""
        data = text.encode()
        while data:
            data = data[os.write(self.input, data[:512]):]

    def url(self):
        return self.wait(r"(?m)^    (https://\S+)\s").group(1)

    def end(self, seconds=180):
        """Its exit status."""
        end = time.monotonic() + seconds
        while self._read(0.2):
            if time.monotonic() > end:
                raise AssertionError("it does not end: " + self.text)
        return self.process.wait(120)


class Browser:
    """Follows the sign-in up to the address that it would come back to."""

    def __init__(self, ca):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args):
                return None

        context = ssl.create_default_context(cafile=ca)
        self.opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context))

    def sign_in(self, url):
        try:
            self.opener.open(url, timeout=120)
        except urllib.error.HTTPError as e:
            if e.code == 302:
                return e.headers["Location"]
            raise AssertionError("the sign-in page says: " + e.read().decode())
        raise AssertionError("the sign-in page does not send the browser back")

    def come_back(self, url):
        """(status, page) of what listens there."""
        parts = urllib.parse.urlsplit(url)
        return get(parts.port, (parts.path or "/") + "?" + parts.query, "%s:%d" % (parts.hostname, parts.port))


def get(port, target, host=None, raw=None):
    """A bare GET to this machine: (status, page), or (0, "") when it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        data = b""
        try:
            s.sendall(raw if raw is not None else
                      ("GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n" % (target, host or "127.0.0.1:%d" % port)).encode())
            while piece := s.recv(65536):
                data += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    status = re.match(rb"HTTP/1.1 (\d+)", data)
    return int(status.group(1)) if status else 0, data.decode("utf-8", "replace")
