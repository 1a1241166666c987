"""Mixtures of messages for the tests that disturb."""

from lib.office import FOLDERS, address
from lib.sender import Item, message


def mixture(n, dice, prefix="m"):
    """
    N messages: small ones mostly, some of 20 KB, a few that are too large to
    stand in a row of the spool; to one recipient, to two with different
    folders, or to two with the same folder.
    """
    items = []
    for i in range(n):
        ident = "<%s%d.%08x@example.org>" % (prefix, i, dice.getrandbits(32))
        size = dice.choices((0, 3000, 20000, 150000), (50, 30, 15, 5))[0]
        names = dice.sample(sorted(FOLDERS), dice.choice((1, 1, 1, 2)))
        rcpts = [address(name) for name in names]
        if names[0] != "office" and dice.random() < 0.1:
            rcpts.append(address("1" + names[0]))
        data = message(ident, "Message %d" % i, rcpts[0], size, body="%s\r\n.\r\n..\r\n" % dice.random())
        items.append(Item(ident, rcpts, data, folders=[FOLDERS[name] for name in names]))
    return items
