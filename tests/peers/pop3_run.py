"""Runs popper (tests/peers/popper.c) against a POP3 server, and reads what it tells."""

import json
import os
import subprocess

from lib.area import BUILD

POPPER = os.path.join(BUILD, "tests/peers/popper")
CLASSES = ("none", "temp", "perm", "input", "config", "protocol", "limit", "system")


class Session:
    """
    One session: `acts` as popper takes them, options as its keys. `failed` is the first failure or None,
    `got` the messages by number, `items` the listing.
    """

    def __init__(self, server, *acts, seconds=180, **options):
        command = [POPPER, "port", str(server if isinstance(server, int) else server.port)]
        for key, value in options.items():
            command += [key, str(value)]
        done = subprocess.run(command + [str(a) for a in acts], capture_output=True, encoding="utf-8", errors="replace",
                              timeout=seconds)
        assert done.returncode in (0, 1), "popper ended with %d: %s" % (done.returncode, done.stderr[-3000:])
        self.log = done.stderr
        self.rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.items = [r for r in self.rows if "item" in r]
        self.ends = [r for r in self.rows if "got" in r]
        self.got = {r["number"]: r for r in self.ends}
        self.failures = [r for r in self.rows if "failed" in r]
        self.failed = self.failures[0] if self.failures else None
        self.why = self.failed["text"] if self.failed else ""
        self.kind = CLASSES[self.failed["class"]] if self.failed else "none"
        self.left = any(r.get("left") for r in self.rows)
        self.kilobytes, self.delay = self.rows[-1]["kilobytes"], self.rows[-1]["delay"]

    def the(self, key):
        """The row that has KEY."""
        return next(r for r in self.rows if key in r)

    def whole(self):
        return {n: r["sha256"] for n, r in self.got.items() if r["got"] == "whole"}
