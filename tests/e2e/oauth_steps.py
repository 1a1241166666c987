"""
A kill at every step of a refresh token's way to the disk (lib/deaths.py): the
whole daemon dies at the step that the test names. After each death the sign-in
is still good and mail is filed, once. The provider ends the old refresh token as
soon as the new one is used, as large ones do: a client that used a token which
it had not written down would lose the sign-in here.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area, wait_for  # noqa: E402
from lib.deaths import Deaths, Run, steps_of_source  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

WORKERS = 4
MORE = 200  # further runs at most, until every step was met

tap = Tap(1500)
tap.need(("dovecot", "dovecot-imapd"), ("openssl", "openssl"))
area = Area("oauth-steps")
assert area.bin  # before there are threads
provider = TokenServer(area, "provider")
provider.lenient = True
provider.add_client()
store = Dovecot(area, tokens=provider)
store.start()
provider.start()
tap.logs.append(store.logs)
OAUTH = {"grant": "user", "client_id": "ferry-client", "ca_file": provider.ca, "token_endpoint": provider.url("/token"),
         "authorization_endpoint": provider.url("/authorize")}


def grant_file(ferry):
    return os.path.join(ferry.config["spool"] + "-tokens", "grants", "office.token")


def prepare(ferry, user):
    """A sign-in of long ago: the role refreshes it as soon as it starts."""
    grants = os.path.dirname(grant_file(ferry))
    os.makedirs(grants)
    for path in (os.path.dirname(grants), grants):
        area.own(path)
        os.chmod(path, 0o700)
    area.write(os.path.relpath(grant_file(ferry), area.dir), json.dumps({
        "version": 1, "serial": 1, "binding": "ferry-client " + provider.url("/token"), "signed_in": 1, "refreshed": 1,
        "refresh_token": provider.refresh_token(user=user)}), 0o600)


def check(ferry, user):
    """The daemon as it is started after the death: mail goes."""
    ident = "<%s@example.org>" % ferry.name
    c = Client(ferry.smtp)
    c.hello()
    c.deliver(Item(ident, ["office@office.example"], message(ident)))
    c.quit()
    ferry.drained()
    have = [m.id for messages in store.messages(user).values() for m in messages]
    if have.count(ident) != 1:
        raise AssertionError("filed %d times: %s" % (have.count(ident), have))
    if "sign-in-lost" in ferry.log_text():
        raise AssertionError("the sign-in is lost")
    with open(grant_file(ferry)) as f:
        stored = json.load(f)["refresh_token"]
    with provider.lock:
        newest = [t for t, g in provider.grants.items() if g["user"] == user][-1]
    if stored != newest:
        raise AssertionError("the refresh token on disk is not the newest, and mail was filed")


class Refreshed(Run):
    def __init__(self, worker, name):
        self.user = "w%d" % worker
        self.ferry = Ferry(area, store, "", {"accounts": {"office": {
            "user": self.user, "password_file": None, "rules": None, "oauth": OAUTH}}}, name=name, tls="implicit")
        prepare(self.ferry, self.user)

    def live(self):
        wait_for("the refresh or the death",
                 lambda: not self.ferry.alive() or "event=access-token" in self.ferry.log_text(), 240)

    def check(self):
        check(self.ferry, self.user)


with tap.case("killed at every step of a refresh, no sign-in is lost and no mail is doubled"):
    named = steps_of_source("token: ")
    assert len(named) >= 5, named
    deaths = Deaths(tap, Refreshed, WORKERS)
    deaths.everywhere(4)
    left = deaths.not_met(named, MORE)
    assert not left, "never reached: %s" % left

store.stop()
tap.done()
