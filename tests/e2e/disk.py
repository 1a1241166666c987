"""A full disk under the spool: senders are told to come again, nothing is lost, and it recovers by itself."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

unshare = ["unshare", "-m"]
if os.geteuid() == 0 and not os.environ.get("MAILFERRY_TEST_MOUNTS") and \
        subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode == 0:
    # A mount namespace of our own: the small file system goes when this program goes.
    os.environ["MAILFERRY_TEST_MOUNTS"] = "1"
    os.execvp("unshare", unshare + [sys.executable, "-B"] + sys.argv)

from lib.area import wait_for  # noqa: E402
from lib.office import Office, address  # noqa: E402
from lib.sender import Client, Item, Refused, message  # noqa: E402
from lib.tap import Skip, Tap  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))
office = Office(tap, "disk")
area, store, ferry = office.area, office.store, office.ferry
disk = area.mkdir("disk")
NAMES = ["a spool of 80 MB takes mail until its reserve, then answers 452 4.3.1",
         "what was taken drains with the disk as it is, and intake opens again",
         "with not one octet left, 452 or 451 and no residue; the same mail is taken once there is room"]
try:
    if not os.environ.get("MAILFERRY_TEST_MOUNTS"):
        raise Skip("needs root and a mount namespace, for a small file system")
    p = area.run(["mount", "-t", "tmpfs", "-o", "size=80m,mode=0755,uid=%d,gid=%d" % (
        area.user.pw_uid, area.user.pw_gid), "tmpfs", disk], unprivileged=False)
    if p.returncode != 0:
        raise Skip("may not mount here: " + p.stderr.strip())
except Skip as e:
    for name in NAMES:
        tap.skip(name, str(e))
    tap.done()
area.closers.append(lambda: area.run(["umount", "-l", disk], unprivileged=False))
ferry.save(spool=os.path.join(disk, "spool"), reserve="16M", limits={"message_size": "16M"})
acked = []


def send(ident, size):
    c = Client(ferry.smtp)
    try:
        c.hello()
        c.deliver(Item(ident, [address("big")], message(ident, size=size)))
        acked.append(ident)
        c.quit()
    finally:
        c.close()


def files():
    return sorted(os.path.join(d, f) for d, _, fs in os.walk(os.path.join(disk, "spool")) for f in fs)


def room():
    return os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize


with tap.case(NAMES[0]):
    ferry.start()
    at_start = room()
    refused = None
    for i in range(30):
        try:
            send("<big-%d@example.org>" % i, 4 << 20)
        except Refused as e:
            refused = e
            break
    assert refused is not None and refused.code == 452 and "4.3.1" in refused.text, refused
    assert len(acked) >= 3, acked
    tap.diag("%d messages of 4 MB taken, then: %s" % (len(acked), refused.text))
    assert "space" in ferry.log_text() or "full" in ferry.log_text() or "room" in ferry.log_text()
    assert len(ferry.queue()) == len(acked)

with tap.case(NAMES[1]):
    store.start()
    ferry.command("queue", "retry", "--all")
    ferry.drained()
    assert sorted(m.id for m in store.messages()["Big"]) == sorted(acked)
    wait_for("the room that there was", lambda: room() > at_start - (1 << 20))
    send("<after@example.org>", 1 << 20)
    ferry.drained()

with tap.case(NAMES[2]):
    before = files()
    filler = os.path.join(disk, "filler")
    with open(filler, "wb", buffering=0) as f:  # else the last piece may fail when it is closed
        try:
            while True:
                f.write(bytes(1 << 16))
        except OSError:
            pass
    for ident, size in (("<full-1@example.org>", 0), ("<full-2@example.org>", 1 << 20)):
        try:
            send(ident, size)
            raise AssertionError("it was taken")
        except Refused as e:
            assert e.code in (451, 452), e.text
    wait_for("no residue", lambda: all(f in before or f.endswith(("-wal", "-shm")) for f in files()))
    os.unlink(filler)

    def once_more():
        try:
            for ident, size in (("<full-1@example.org>", 0), ("<full-2@example.org>", 1 << 20)):
                if ident not in acked:
                    send(ident, size)
            return True
        except (Refused, OSError):
            return False
    wait_for("intake to open", once_more, every=0.3)
    ferry.drained()
    assert sorted(m.id for m in store.messages()["Big"]) == sorted(acked)
    assert ferry.stop() == 0

store.stop()
tap.done()
