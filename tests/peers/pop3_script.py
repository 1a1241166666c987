"""
A POP3 server that follows a script (the steps of imap_script.py), and the usual way to where it becomes interesting.
"""

from peers.imap_script import Script  # noqa: F401

CAPABILITIES = ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "USER", "SASL PLAIN")


def capa(capabilities=CAPABILITIES):
    return (("expect", "CAPA"), ("send", "+OK\r\n" + "".join(c + "\r\n" for c in capabilities) + "."))


def login(capabilities=CAPABILITIES):
    """Up to the reply to AUTH."""
    return (("send", "+OK ready"),) + capa(capabilities) + (("expect", "AUTH PLAIN"), ("send", "+OK"))


def listing(sizes, uidls=None, capabilities=CAPABILITIES):
    """What comes behind the login: CAPA, STAT, LIST and UIDL in one go."""
    uidls = uidls or ["u%d" % (i + 1) for i in range(len(sizes))]
    return capa(capabilities) + (
        ("expect", "STAT"), ("send", "+OK %d %d" % (len(sizes), sum(sizes))),
        ("expect", "LIST"), ("send", "+OK\r\n" + "".join("%d %d\r\n" % (i + 1, s) for i, s in enumerate(sizes)) + "."),
        ("expect", "UIDL"), ("send", "+OK\r\n" + "".join("%d %s\r\n" % (i + 1, u) for i, u in enumerate(uidls)) + "."))
