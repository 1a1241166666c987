"""The account at the end: what was acknowledged against what the store has."""

import collections


def reconcile(items, acked, stored):
    """
    ITEMS: sender.Item with the folders each belongs into; ACKED: ids with a
    250; STORED: folder → messages, as Dovecot.messages gives it. Every
    acknowledged message must be in each of its folders exactly once; one that
    was never acknowledged may be there once or not at all; nothing else may be
    there. Returns a list of what is wrong, one line each.
    """
    have = collections.Counter((m.id, folder) for folder, messages in stored.items() for m in messages)
    wrong = []
    for item in items:
        for folder in item.folders:
            n = have.pop((item.id, folder), 0)
            if n > 1:
                wrong.append("doubled: %s is %d times in %s" % (item.id, n, folder))
            elif n == 0 and item.id in acked:
                wrong.append("lost: %s was acknowledged (%s) and is not in %s" % (item.id, acked[item.id], folder))
    wrong += ["misplaced: %s is %d times in %s" % (ident, n, folder) for (ident, folder), n in sorted(have.items())]
    return wrong


def check(items, acked, stored):
    wrong = reconcile(items, acked, stored)
    if wrong:
        raise AssertionError("%d of %d messages are wrong:\n%s" % (len(wrong), len(items), "\n".join(wrong[:40])))
