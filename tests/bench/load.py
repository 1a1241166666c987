"""The bench's own SMTP clients and sink, and how mailferry is set up for them."""

import json
import os
import subprocess

from bench.clients import own_program
from bench.report import pss
from bench.source import RULES
from lib.area import answers, free_port, wait_for
from lib.dovecot import Authority
from lib.ferry import Ferry
from lib.office import address


def load(area, port, sessions, messages, octets, *words):
    """What tests/bench/load.c tells; `words`: reused, tls, full."""
    p = area.run([own_program(area, "load"), str(port), str(sessions), str(messages), str(octets), address("office")]
                 + list(words), timeout=900)
    if p.returncode != 0:
        raise RuntimeError("load: " + p.stderr.strip())
    got = json.loads(p.stdout)
    got["rate"] = got["messages"] / got["seconds"]
    return got


def authority(area):
    """One certificate for all peers of a run; an authority's directory that servers can read."""
    made = getattr(area, "bench_authority", None)
    if made is None:
        made = area.bench_authority = Authority(area.mkdir("authority"))
        for name in os.listdir(made.dir):
            area.own(os.path.join(made.dir, name))
    return made


def ferry(area, name, store=None, **limits):
    """
    A mailferry with room for many sessions. Without a store it is acceptance alone: messages stay in the spool.
    """
    keys = authority(area)
    config = {"log_level": "warning",
              "certificates": {"main": {"certificate": keys.cert, "key": keys.key}},
              "limits": dict({"sessions": 12000, "sessions_per_address": 12000, "messages": 1000000,
                              "message_size": "64M", "unaccepted": "1G", "unaccepted_per_address": "1G"}, **limits),
              "listeners": {"lan": {"networks": ["127.0.0.0/8"]}}}
    return Ferry(area, store, RULES, name=name, config=config, port=None if store else free_port()).start()


class Sink:
    """tests/bench/sink.c; with WORDS instead of a certificate, they are its own."""

    def __init__(self, area, *words):
        self.area = area
        self.port = free_port()
        keys = authority(area)
        self.process = area.start([own_program(area, "sink"), str(self.port)] + list(words or (keys.cert, keys.key)),
                                  log="own-sink.log")
        wait_for("the sink", lambda: answers(self.port), 30)

    def stop(self):
        self.area.kill(self.process)


class Crowd:
    """tests/bench/crowd.c, while it stands there; `there` is how many sessions it got."""

    def __init__(self, area, port, sessions, *words):
        self.process = subprocess.Popen([own_program(area, "crowd"), str(port), str(sessions), address("office")]
                                        + list(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("crowd: " + self.process.stderr.read().strip())
        self.there = int(line)

    def end(self):
        """How many of them the server had closed."""
        out, _ = self.process.communicate(timeout=60)
        return int(out.split()[-1]) if out.split() else 0


def memory_of(ferry_):
    """PSS of each of its programs in KB."""
    return pss(ferry_.children())
