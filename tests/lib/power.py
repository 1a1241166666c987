"""
Power cuts: mailferry over peers/lying.c, which notes what is written and synced;
and what would be on the disk after a cut, worked out from that.
"""

import mmap
import os
import re
import shutil
import stat
import struct

from lib.area import BUILD, PROGRAMS

WRITE, TRUNCATE, CREATE, UNLINK, RENAME, MKDIR, SYNC, SAID = range(1, 9)
NAMES = {WRITE: "write", TRUNCATE: "truncate", CREATE: "create", UNLINK: "unlink", RENAME: "rename",
         MKDIR: "mkdir", SYNC: "sync", SAID: "said"}
HEAD = struct.Struct("=QQQQQ")
RECORD = struct.Struct("=IIQQQII")
ROOT = 4000
FIRST = (HEAD.size + ROOT + 7) & ~7
BLOCK = 4096
JOURNAL = 1 << 30  # sparse


class Record:
    def __init__(self, pos, kind, inode, at, n, name, name2, data):
        self.pos, self.kind, self.inode, self.at, self.n = pos, kind, inode, at, n
        self.name, self.name2, self.data = name, name2, data

    def __repr__(self):
        return "%d %s %d %d %d %s %s" % (self.pos, NAMES[self.kind], self.inode, self.at, self.n, self.name, self.name2)


class Journal:
    """Programs in `bin` (area.bin from then on) of which spool and receiver write under the library's eyes."""

    def __init__(self, area, root, programs=("mailferry-spool", "mailferry-receiver")):
        self.root = root
        built = area.bin
        self.bin = area.mkdir("lying")
        area.mkdir("lying", "real")
        for p in PROGRAMS:
            shutil.copy(os.path.join(built, p), os.path.join(self.bin, "real" if p in programs else "", p))
            if p in programs:
                shutil.copy(os.path.join(BUILD, "tests", "peers", "under"), os.path.join(self.bin, p))
        shutil.copy(os.path.join(BUILD, "tests", "peers", "lying.so"), self.bin)
        for at, _, files in os.walk(self.bin):
            for f in files:
                os.chmod(os.path.join(at, f), 0o755)
        path = os.path.join(self.bin, "journal")
        with open(path, "wb") as f:
            f.truncate(JOURNAL)
        area.own(path)
        area._bin = self.bin
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), JOURNAL)
        self.begin(0)

    def begin(self, cut_at):
        """Empty again; the power fails before operation CUT_AT (0: never)."""
        # The pages go, and with them the marks of records that are complete.
        self.file.truncate(0)
        self.file.truncate(JOURNAL)
        root = os.path.realpath(self.root).encode()
        self.map[:HEAD.size] = HEAD.pack(FIRST, 1, cut_at, 0, JOURNAL)
        self.map[HEAD.size:HEAD.size + len(root) + 1] = root + b"\0"

    def _head(self):
        return HEAD.unpack(self.map[:HEAD.size])

    @property
    def ops(self):
        return self._head()[1]

    @property
    def is_dark(self):
        return self._head()[3] != 0

    def cut(self, n=0):
        """The power fails now, or in N operations."""
        at = self.ops + n
        self.map[16:24] = struct.pack("=Q", at)
        return at

    def records(self):
        tail = self._head()[0]
        at = FIRST
        while at < tail:
            length, kind, inode, where, n, name, name2 = RECORD.unpack(self.map[at:at + RECORD.size])
            if length == 0:  # its writer was killed between its turn and its word: nothing of it counts
                return
            p = at + RECORD.size
            text = self.map[p:p + name].decode(), self.map[p + name:p + name + name2].decode()
            data = self.map[p + name + name2:p + name + name2 + n] if kind in (WRITE, SAID) else b""
            yield Record(at, kind, inode, where, n, *text, data)
            at += length


class File:
    """What is on the disk for certain, and what may be there besides, in order."""

    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.pending = []

    @staticmethod
    def apply(data, r, keep=lambda block: True):
        if r.kind == TRUNCATE:
            del data[r.at:]
            data.extend(bytes(r.at - len(data)))
            return
        for at in range(0, len(r.data), BLOCK):
            piece = r.data[at:at + BLOCK]
            if keep(at):
                data.extend(bytes(max(0, r.at + at - len(data))))
                data[r.at + at:r.at + at + len(piece)] = piece

    def sync(self, before):
        while self.pending and self.pending[0].pos < before:
            self.apply(self.data, self.pending.pop(0))


class Directory:
    def __init__(self):
        self.names = {}
        self.pending = []  # (position, name, object or None)

    def sync(self, before):
        while self.pending and self.pending[0][0] < before:
            _, name, thing = self.pending.pop(0)
            self.set(self.names, name, thing)

    @staticmethod
    def set(names, name, thing):
        if thing is None:
            names.pop(name, None)
        else:
            names[name] = thing


class Disk:
    """The directory ROOT as it stands now, all of it safe; then follow() the journal, and rebuild()."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.by_inode = {}
        self.now = {}  # path → object, as programs see it
        self.top = self._read(self.root)

    def _read(self, path):
        st = os.lstat(path)
        if stat.S_ISDIR(st.st_mode):
            thing = Directory()
            for name in os.listdir(path):
                found = self._read(os.path.join(path, name))
                if found is not None:
                    thing.names[name] = found
        elif stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                thing = File(f.read())
        else:
            return None
        self.by_inode[st.st_ino] = self.now[path] = thing
        return thing

    def _link(self, pos, path, thing):
        directory, name = os.path.split(path)
        self.now[directory].pending.append((pos, name, thing))
        if thing is None:
            self.now.pop(path, None)
        else:
            self.now[path] = thing

    def step(self, r):
        if r.kind in (WRITE, TRUNCATE):
            thing = self.by_inode.get(r.inode)
            if isinstance(thing, File):
                thing.pending.append(r)
        elif r.kind in (CREATE, MKDIR):
            thing = File() if r.kind == CREATE else Directory()
            self.by_inode[r.inode] = thing
            self._link(r.pos, r.name, thing)
        elif r.kind == UNLINK:
            self._link(r.pos, r.name, None)
        elif r.kind == RENAME:
            thing = self.now[r.name]
            self._link(r.pos, r.name2, thing)
            self._link(r.pos, r.name, None)
        elif r.kind == SYNC and r.inode in self.by_inode:
            self.by_inode[r.inode].sync(r.at)

    def follow(self, journal):
        for r in journal.records():
            self.step(r)
        return self

    # ---- after the cut ----
    def rebuild(self, area, dice, luck):
        """
        Writes what is left. LUCK: "none" of what was not synced, "some" of it (of each directory and each file the
        first so many changes), or "torn" (of each file any blocks of any changes).
        """
        for name in os.listdir(self.root):
            path = os.path.join(self.root, name)
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        self._write(area, self.root, self.top, dice, luck)

    def _write(self, area, path, thing, dice, luck):
        some = dice.randint(0, len(thing.pending)) if luck != "none" else 0
        if isinstance(thing, Directory):
            names = dict(thing.names)
            for _, name, what in thing.pending[:some]:
                thing.set(names, name, what)
            if path != self.root:
                os.mkdir(path, 0o700)
                area.own(path)
            for name, what in names.items():
                self._write(area, os.path.join(path, name), what, dice, luck)
            return
        data = bytearray(thing.data)
        for r in thing.pending if luck == "torn" else thing.pending[:some]:
            File.apply(data, r, (lambda block: dice.random() < 0.5) if luck == "torn" else (lambda block: True))
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, 0o600)
        area.own(path)


def said_too_early(journal):
    """
    Ids in 250s that left before a sync of the log that holds them had ended, how many 250s there were, and syncs of the
    log. A message stands in the log from the write on that holds its id.
    """
    words = re.compile(rb"Ok: queued as ([0-9a-z]{16})")
    waiting, safe, early, said, syncs, log = [], [], [], 0, 0, None
    for r in journal.records():
        if r.kind == CREATE and r.name.endswith("-wal"):
            log = r.inode
        elif r.kind == WRITE and r.inode == log:
            waiting.append(r)
        elif r.kind == SYNC and r.inode == log:
            syncs += 1
            safe += [w.data for w in waiting if w.pos < r.at]
            waiting = [w for w in waiting if w.pos >= r.at]
        elif r.kind == SAID:
            for ident in words.findall(r.data):
                said += 1
                if not any(ident in text for text in reversed(safe)):
                    early.append(ident.decode())
    return early, said, syncs
