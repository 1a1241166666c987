"""What most tests start with: an area, a Dovecot, and a mailferry whose rules sort by recipient."""

from lib.area import Area
from lib.dovecot import Dovecot
from lib.ferry import Ferry

RULES = """require ["fileinto", "envelope", "mailbox"];
# With several recipients, the rules run for each.
if envelope :localpart :matches "to" "*scans" { fileinto :create "Scans"; }
elsif envelope :localpart :matches "to" "*alarm" { fileinto :create "Panel/Alarms"; }
elsif envelope :localpart :matches "to" "*news" { fileinto :create "Lists/News & more"; }
elsif envelope :localpart :matches "to" "*big" { fileinto :create "Big"; }
"""
FOLDERS = {"scans": "Scans", "alarm": "Panel/Alarms", "news": "Lists/News & more", "big": "Big", "office": "INBOX"}


def address(name):
    return name + "@office.example"


class Office:
    """`area`, `store`, `ferry`, none of them started. Logs of both are shown when a case of TAP fails."""

    def __init__(self, tap, name, rules=RULES, config=None, dovecot=None, **ferry):
        self.area = Area(name)
        self.store = Dovecot(self.area, **(dovecot or {}))
        self.ferry = Ferry(self.area, self.store, rules, config, **ferry)
        tap.logs += [self.ferry.logs, self.store.logs]

    def start(self):
        self.store.start()
        self.ferry.start()
        return self
