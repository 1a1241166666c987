"""The load that smtp-source brings, and what it sends."""

import time

from lib.office import address

SIZE = 8192
RULES = 'require ["fileinto", "mailbox"]; fileinto :create "Bench";'


def source(area, port, sessions, reused, count):
    """Messages a second, as smtp-source brings them in. It counts a message when it has read the 250."""
    program, env = area.tool("smtp-source")
    argv = [program, "-s", str(sessions), "-m", str(count), "-l", str(SIZE), "-C", "20",
            "-f", "bench@example.org", "-t", address("office")] + (["-d"] if reused else [])
    began = time.monotonic()
    p = area.run(argv + ["127.0.0.1:%d" % port], env=env)
    if p.returncode != 0:
        raise RuntimeError("smtp-source: " + (p.stderr.strip().splitlines() or ["?"])[-1])
    return count / (time.monotonic() - began)
