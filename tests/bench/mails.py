"""What the store part files: mails of one size, and a mixture as an office has it; seeded, so that runs compare."""

import base64
import random

# Shares of a mixture, and from how many octets to how many: even on a logarithmic scale within each.
MIXTURE = ((0.80, 2 << 10, 20 << 10), (0.15, 20 << 10, 200 << 10), (0.04, 200 << 10, 1 << 20), (0.01, 1 << 20, 5 << 20))


def _sizes(name, count, dice):
    if name == "8K":
        return [8192] * count
    sizes = []
    for share, low, high in MIXTURE:
        sizes += [int(low * (high / low) ** dice.random()) for _ in range(int(count * share))]
    sizes[0], sizes[-1] = 2 << 10, 5 << 20
    dice.shuffle(sizes)
    return sizes


def _mail(name, n, size, dice):
    head = ("From: Scanner <bench@example.org>\r\nTo: <office@office.example>\r\nSubject: Scan %d of the bench\r\n"
            "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <%s-%d@example.org>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" % (n, name, n)).encode()
    text = base64.encodebytes(dice.randbytes((size - len(head)) * 57 // 78)).replace(b"\n", b"\r\n")
    return head + text


class Mails:
    """COUNT mails in one file, as the bench's own clients read them; `folder` makes a Maildir of the first of them."""

    def __init__(self, area, name, count):
        self.area = area
        self.name = name
        self.count = count
        self.bytes = 0
        self.file = area.path("mails-" + name)
        dice = random.Random(20260302)
        with open(self.file, "wb") as f:
            for n, size in enumerate(_sizes(name, count, dice)):
                mail = _mail(name, n, size, dice)
                f.write(b"%d\n" % len(mail) + mail)
                self.bytes += len(mail)
        area.own(self.file)

    def maildir(self, path, count):
        """PATH, relative to the area, as a Maildir with the first COUNT mails as new ones."""
        for sub in ("", "new", "cur", "tmp"):
            self.area.mkdir(path, sub)
        with open(self.file, "rb") as f:
            for n in range(count):
                mail = f.read(int(f.readline()))
                self.area.write("%s/new/%d.bench" % (path, 1000000000 + n), mail.replace(b"\r\n", b"\n"))
        return self.area.path(path)
