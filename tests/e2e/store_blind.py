"""Dovecot's index does not know of a message that lies in the folder, as after the death of one of its processes: it is found."""

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import wait_for  # noqa: E402
from lib.office import Office  # noqa: E402
from lib.sender import Client, Item  # noqa: E402
from lib.tap import Tap  # noqa: E402
from lib.wire import Wire  # noqa: E402

tap = Tap(300)
tap.need(("dovecot", "dovecot-imapd"))


class Door(Wire):
    """Closes when it has swallowed something: nobody looks before it is opened again."""

    def _is_swallowed(self, data):
        self.closed = super()._is_swallowed(data) or self.closed
        return self.closed


def send(office, ident):
    c = Client(office.ferry.smtp)
    c.hello()
    c.deliver(Item(ident, ["info@office.example"],
                   b"Message-ID: %s\r\nSubject: x\r\n\r\nx\r\n" % ident.encode()))
    c.quit()


def index_files(maildir):
    return [n for n in os.listdir(maildir) if n.startswith("dovecot")]


with tap.case("a message that only the directory shows is found, and not sent again"):
    office = Office(tap, "blind", rules="")
    proxy = Door(office.store.port, b"APPENDUID").start()
    office.ferry.save(accounts={"office": {"port": proxy.port, "settle": "1h", "retry_min": "1s", "retry_max": "1s"}})
    office.start()
    send(office, "<first@example.org>")
    office.ferry.drained()
    # Dovecot trusts the times of a directory once they lie some seconds back, and writes them down when somebody looks.
    time.sleep(3)
    assert office.store.count() == {"INBOX": 1}, office.store.count()
    office.store.messages()
    maildir = next(d for d, subs, _ in os.walk(office.store.dir) if "new" in subs and "cur" in subs)
    office.store.stop()
    kept = office.area.mkdir("kept")
    for name in index_files(maildir):
        shutil.copy2(os.path.join(maildir, name), kept)
    times = {d: os.stat(os.path.join(maildir, d)) for d in ("new", "cur")}
    there = {d: set(os.listdir(os.path.join(maildir, d))) for d in ("new", "cur")}
    office.store.start()
    proxy.swallows = 1
    send(office, "<second@example.org>")
    wait_for("the doubt", lambda: [r for r in office.ferry.queue() if r["state"] == "in-doubt"])
    office.store.stop()
    found = [os.path.join(maildir, d, n) for d in ("new", "cur")
             for n in set(os.listdir(os.path.join(maildir, d))) - there[d]]
    late = [p for p in found if b"<second@" in open(p, "rb").read()]
    assert len(late) == 1, found
    os.rename(late[0], os.path.join(maildir, "new", os.path.basename(late[0]).split(":")[0]))
    for name in index_files(maildir):
        os.unlink(os.path.join(maildir, name))
    for name in os.listdir(kept):
        shutil.copy2(os.path.join(kept, name), maildir)
        os.chown(os.path.join(maildir, name), os.stat(maildir).st_uid, os.stat(maildir).st_gid)
    for d, st in times.items():
        os.utime(os.path.join(maildir, d), ns=(st.st_atime_ns, st.st_mtime_ns))
    office.store.start()
    proxy.closed = False
    office.ferry.save(accounts={"office": {"settle": "1s"}})
    office.ferry.reload()
    # It may be at work on it just now, and says so.
    wait_for("the retry", lambda: office.ferry.command("queue", "retry", "--all").returncode == 0)
    office.ferry.drained(120)
    ids = sorted(m.id for m in office.store.messages()["INBOX"])
    assert ids == ["<first@example.org>", "<second@example.org>"], ids
    assert office.ferry.log_text().count("result=found") == 1
    assert office.ferry.stop() == 0
    proxy.stop()
    office.area.close()
tap.done()
