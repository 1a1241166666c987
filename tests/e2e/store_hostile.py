"""
Stores that are not who they should be, or that break the protocol. Each time
the account waits with a reason in plain words, nothing of a password or a
message is given away, and memory and time stay bounded.
"""

import os
import ssl
import subprocess
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import Area  # noqa: E402
from lib.dovecot import LOCAL, Authority  # noqa: E402
from lib.tap import Tap  # noqa: E402
from peers.imap_script import Script  # noqa: E402
from peers.imap_store import Store  # noqa: E402
from peers.run import Run, largest_child  # noqa: E402

tap = Tap(300)
area = Area("hostile")
good = Authority(area.mkdir("good"))
other = Authority(area.mkdir("other"))


def context(authority, **options):
    warnings.simplefilter("ignore")  # old versions are meant
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(authority.cert, authority.key)
    for key, value in options.items():
        setattr(c, key, value)
    return c


def waits(server, *words, **options):
    """Nothing is sent, and the reason holds the words. Returns the run."""
    run = Run(server, messages=3, holds=2, **options)
    assert run.states() == {"queued": 3}, "%s\n%s" % (run.states(), run.log[-2000:])
    assert run.account["holds"] > 0, run.account
    for word in words:
        assert word in run.account["reason"], run.account["reason"]
    assert "secret" not in run.log and "secret" not in run.account["reason"]
    return run


# ---- TLS ----
for tls in ("implicit", "starttls"):
    with tap.case("TLS (%s): an authority from ca_file, the right name" % tls):
        store = Store(**{"tls" if tls == "implicit" else "starttls": context(good)},
                      capabilities=Store.capabilities + " STARTTLS")
        run = Run(store, messages=5, tls=tls, ca=good.ca, size=200000)
        assert run.states() == {"done": 5} and len(store.octets()) == 5, run.account

    with tap.case("TLS (%s): an unknown authority" % tls):
        store = Store(**{"tls" if tls == "implicit" else "starttls": context(good)},
                      capabilities=Store.capabilities + " STARTTLS")
        waits(store, "signed by an unknown authority (mailferry test authority)", "ca_file", tls=tls, ca=other.ca)
        assert store.logins == 0

with tap.case("TLS: a certificate for another name"):
    stranger = Authority(area.mkdir("stranger"), ["DNS:imap.example.org", "DNS:*.example.com"])
    waits(Store(tls=context(stranger)), "imap.example.org, *.example.com", "not for localhost", tls="implicit",
          ca=stranger.ca)

with tap.case("TLS: a certificate that has expired"):
    old = Authority(area.mkdir("old"))
    subprocess.run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-out", "server.pem", "-days", "-1", "-extfile", "ext"], cwd=old.dir, check=True, capture_output=True)
    waits(Store(tls=context(old)), "expired on ", tls="implicit", ca=old.ca)

with tap.case("TLS: nothing older than TLS 1.2"):
    server = context(good, maximum_version=ssl.TLSVersion.TLSv1_1, minimum_version=ssl.TLSVersion.TLSv1)
    server.set_ciphers("ALL:@SECLEVEL=0")
    waits(Store(tls=server), "only old versions of TLS", tls="implicit", ca=good.ca)

with tap.case("TLS: a server that does not speak it"):
    waits(Script(("send", "* OK plain"), ("stall", 1)), "does not speak TLS", tls="implicit", ca=good.ca)

with tap.case("TLS: a server that falls silent in the handshake"):
    waits(Script(("stall", 60)), "did not answer in time", tls="implicit", ca=good.ca, timeout=2000)

with tap.case("STARTTLS: not offered"):
    server = Store()
    waits(server, "does not offer STARTTLS", tls="starttls", ca=good.ca)
    assert server.logins == 0

with tap.case("STARTTLS: refused"):
    waits(Script(("send", "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi"), ("expect", "CAPABILITY"),
                 ("send", "* CAPABILITY IMAP4rev1 STARTTLS"), ("send", "{tag} OK"), ("expect", "STARTTLS"),
                 ("send", "{tag} NO not today"), ("stall", 1)), "refuses STARTTLS", tls="starttls", ca=good.ca)

with tap.case("STARTTLS: bytes behind the answer are no part of the encrypted session"):
    server = Script(("send", "* OK hi"), ("expect", "CAPABILITY"), ("send", "* CAPABILITY IMAP4rev1 STARTTLS"),
                    ("send", "{tag} OK"), ("expect", "STARTTLS"),
                    ("raw", b""), ("send", "{tag} OK\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN"), ("tls", context(good)), ("stall", 1))
    waits(server, "unencrypted", tls="starttls", ca=good.ca)

with tap.case("STARTTLS: PREAUTH, to keep the client from asking for it"):
    waits(Script(("send", "* PREAUTH welcome"), ("stall", 1)), "PREAUTH", tls="starttls", ca=good.ca)

# ---- the protocol ----
HELLO = (("send", "* OK hi"), ("expect", "CAPABILITY"), ("send", "* CAPABILITY IMAP4rev1 NAMESPACE"), ("send", "{tag} OK done"),
         ("expect", "LOGIN"), ("send", "{tag} OK in"), ("expect", "CAPABILITY"), ("send", "* CAPABILITY IMAP4rev1 NAMESPACE"),
         ("send", "{tag} OK done"))
STYLE = HELLO + (("expect", "LIST"), ("send", '* LIST (\\Noselect) "/" ""'), ("send", "{tag} OK done"), ("expect", "NAMESPACE"))

for words, steps in (
        ("a literal in the greeting", (("send", "* OK {10}"), ("stall", 1))),
        ("a greeting without an end", (("flood", b"* OK xxxxxxxx", 1000000), ("stall", 1))),
        ("a greeting octet by octet", (("drip", b"* OK " + b"x" * 100, 0.1),)),
        ("no greeting", (("stall", 3),)),
        ("the end instead of a greeting", ()),
        ("a reset instead of a greeting", (("reset",),)),
        ("CAPABILITY answered without data", (("send", "* OK hi"), ("expect", "CAPABILITY"), ("send", "{tag} OK done"), ("stall", 1))),
        ("CAPABILITY answered BAD", (("send", "* OK hi"), ("expect", "CAPABILITY"), ("send", "{tag} BAD what"), ("stall", 1))),
        ("a continuation that nobody asked for", (("send", "* OK hi"), ("expect", "CAPABILITY"), ("send", "+ go on"), ("stall", 1))),
        ("answers to commands that were not given", (("send", "* OK hi"), ("flood", b"7 OK done\r\n", 5000), ("stall", 1))),
        ("untagged lines without end", (("send", "* OK hi"), ("flood", b"* 5 EXISTS\r\n", 10000000), ("stall", 1))),
        ("a literal of 4 GiB", HELLO + (("expect", "LIST"), ("send", '* LIST () "/" {4294967296}'), ("flood", b"x" * 65536, 20000))),
        ("lists nested without end", HELLO + (("expect", "LIST"), ("flood", b"* LIST (" + b"(" * 60000, 2), ("stall", 1))),
        ("a broken NAMESPACE", STYLE + (("send", "* NAMESPACE (("), ("send", "{tag} OK done"), ("stall", 1))),
        ("a NAMESPACE that ends in the middle", STYLE + (("raw", b"* NAMESPACE ((\"\" \"/\""), ("close",))),
        ("broken PERMANENTFLAGS", STYLE + (("send", "* OK [PERMANENTFLAGS ("), ("send", "{tag} OK done"), ("stall", 1))),
        ("a literal that never comes", HELLO + (("expect", "LIST"), ("send", '* LIST () "/" {100}'), ("stall", 3))),
        ("a NUL", STYLE + (("raw", b"* NAMESPACE \0\r\n"), ("stall", 1)))):
    with tap.case("hostile: " + words):
        script = Script(*steps)
        waits(script, timeout=2000)
        script.close()
        assert not script.failures, script.failures

FLOOR = STYLE + (("send", "* NAMESPACE NIL NIL NIL"), ("send", "{tag} OK done"), ("expect", "STATUS"),
                 ("send", '* STATUS "INBOX" (UIDVALIDITY 7 UIDNEXT 5)'), ("send", "{tag} OK done"), ("expect", "APPEND"))
for tls in ("none", "implicit"):
    for words, steps in (("the first octets of a message", (("cut", 1),)), ("half of a message", (("cut", 300),)),
                         ("a message without its end of line", (("cut", 580),)),
                         ("a message, and garbage for an answer", (("take", 300), ("garbage", 2000), ("stall", 1))),
                         ("a message, and a literal for an answer", (("take", 300), ("send", "{tag} OK {100000}"), ("stall", 1)))):
        with tap.case("script (TLS %s): the store takes %s" % (tls, words)):
            script = Script(*((("tls", context(good)),) if tls != "none" else ()), *FLOOR, ("send", "+ go on"), *steps)
            run = Run(script, messages=1, seconds=4, tls=tls, **({"ca": good.ca} if tls != "none" else {}))
            # It is looked for, and the script knows no look: it must not be sent again.
            assert run.states() == {"in-doubt": 1}, (run.states(), run.log[-1500:])
            assert sum("APPEND" in h for h in script.heard) == 1, script.heard
            script.close()

with tap.case("a STATUS that tells nothing, or not a number of 32 bits"):
    for line in ("", '* STATUS "INBOX" ()', '* STATUS "INBOX" (UIDNEXT 0 UIDVALIDITY 0)', '* STATUS "INBOX" (UIDNEXT 4294967296)',
                 '* STATUS "INBOX" (MESSAGES 3)'):
        script = Script(*STYLE, ("send", "* NAMESPACE NIL NIL NIL"), ("send", "{tag} OK done"), ("expect", "STATUS"),
                        *((("send", line),) if line else ()), ("send", "{tag} OK done"), ("stall", 1))
        run = Run(script, messages=3, holds=1, timeout=2000)
        assert run.states() == {"queued": 3}, run.states()
        assert not any("APPEND" in h for h in script.heard), script.heard
        script.close()

with tap.case("memory stayed flat through all of this"):
    assert largest_child() < 120, "%.0f MB" % largest_child()
    tap.diag("at most %.0f MB" % largest_child())

tap.done()
