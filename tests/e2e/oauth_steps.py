"""
A kill at every step of a refresh token's way to the disk (src/base/step.h): the
whole daemon dies at the step that the test names. After each death the sign-in
is still good and mail is filed, once. The provider ends the old refresh token as
soon as the new one is used, as large ones do: a client that used a token which
it had not written down would lose the sign-in here.
"""

import collections
import concurrent.futures
import itertools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import SOURCE, Area, wait_for  # noqa: E402
from lib.dovecot import Dovecot  # noqa: E402
from lib.ferry import Ferry  # noqa: E402
from lib.sender import Client, Item, message  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.token_server import TokenServer  # noqa: E402

WORKERS = 4
STEPS_MAX = 120

tap = Tap(900)
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
free = list(range(WORKERS))
serial = itertools.count()
killed_at = collections.Counter()
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
    ferry.drained(90)
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


def run(fatal):
    """One run that dies at step number FATAL. (did it, error text)"""
    user = "w%d" % free.pop()
    ferry = Ferry(area, store, "", {"accounts": {"office": {"user": user, "password_file": None, "rules": None,
                                                            "oauth": OAUTH}}},
                  name="%s-%d-%d" % (user, next(serial), fatal), tls="implicit")
    died = False
    try:
        prepare(ferry, user)
        ferry.use_steps(fatal)
        ferry.launch()
        wait_for("the refresh or the death", lambda: not ferry.alive() or "event=access-token" in ferry.log_text(), 90)
        died = not ferry.alive()
        if not died:
            ferry.stop()
        ferry.kill()
        ferry.use_steps(0)
        ferry.start()
        check(ferry, user)
        if ferry.stop() != 0:
            raise AssertionError("it did not stop cleanly")
        return died, None
    except Exception as e:
        return died, "%s: %s\n%s" % (type(e).__name__, e, ferry.logs(60))
    finally:
        ferry.kill()
        for where in re.findall(r'killed-at-step.*where="([^"]*)"', ferry.log_text()):
            killed_at[where] += 1
        free.append(int(user[1:]))


def steps_of_source():
    found = set()
    for folder, _, files in os.walk(os.path.join(SOURCE, "src")):
        for f in files:
            if f.endswith(".c"):
                with open(os.path.join(folder, f)) as text:
                    found |= set(re.findall(r'\bstep\("(token: [^"]+)"\)', text.read()))
    return found


with tap.case("killed at every step of a refresh, no sign-in is lost and no mail is doubled"):
    named = steps_of_source()
    assert len(named) >= 5, named
    wrong, n = [], 1
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        # Processes interleave, so a number is now this step and now that: on until all were met.
        while named - set(killed_at) and n < STEPS_MAX and len(wrong) < 3:
            numbers = range(n, n + 2 * WORKERS)
            for fatal, (died, error) in zip(numbers, pool.map(run, numbers)):
                if error:
                    wrong.append("step %d: %s" % (fatal, error))
            n = n + 2 * WORKERS if died else 1
    tap.diag("deaths: " + ", ".join("%s %d" % x for x in sorted(killed_at.items())))
    assert not wrong, "\n".join(wrong)
    assert not named - set(killed_at), "never reached: %s" % (named - set(killed_at))

store.stop()
tap.done()
