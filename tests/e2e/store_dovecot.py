"""mailferry on Dovecot: what the other stores are tried with, and a quota."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.dovecot import Dovecot  # noqa: E402
from lib.server import processes  # noqa: E402
from lib.store_cases import Cases, Traits  # noqa: E402
from lib.tap import Tap  # noqa: E402

QUOTA = """
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=%dK
}
"""


class Limited(Dovecot):
    """With a quota, and sessions that can be killed."""

    def __init__(self, area):
        super().__init__(area, extra=QUOTA % (1 << 20))

    def limit(self, kilobytes):
        text = re.sub("storage=[0-9]+K", "storage=%dK" % kilobytes, self.area.read(self.name + "/dovecot.conf"))
        self.area.write(self.name + "/dovecot.conf", text)
        self.restart()

    def kill_sessions(self):
        pids = [p for p, line in processes(self.process.pid).items() if line.endswith("/imap")]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return len(pids)


tap = Tap(900)
tap.need(("dovecot", "dovecot-imapd"))
Cases(tap, "Dovecot", Limited, Traits(path="MULTIAPPEND", limit=Limited.limit)).run()
tap.done()
