"""
What a store says and does about folders: LIST with uses (RFC 5258, RFC 6154),
NAMESPACE (RFC 2342), STATUS, CREATE with a use, SUBSCRIBE, and names in UTF-8
(RFC 6855). The store keeps names in modified UTF-7.
"""

import re

from lib.mailbox import mutf7_decode, mutf7_encode


def split_arguments(text):
    """Atoms, quoted strings and parenthesised lists (as text)."""
    out, i = [], 0
    while i < len(text):
        if text[i] == " ":
            i += 1
        elif text[i] == '"':
            word, i = "", i + 1
            while text[i] != '"':
                if text[i] == "\\":
                    i += 1
                word += text[i]
                i += 1
            out.append(word)
            i += 1
        elif text[i] == "(":
            end, depth = i, 0
            while True:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
                if depth == 0:
                    break
            out.append(text[i:end])
            i = end
        else:
            end = text.find(" ", i)
            end = len(text) if end < 0 else end
            out.append(text[i:end])
            i = end
    return out


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


class FolderCommands:
    utf8 = False

    def can(self, name):
        return name in self.store.capabilities.split()

    def name_in(self, name):
        """A name that the client wrote, as the store keeps it."""
        if not name.isascii() and not self.utf8:
            self.store.blame("8-bit name %r" % name)
        if self.utf8:
            return mutf7_encode(name)
        return name

    def name_out(self, name):
        return quoted(mutf7_decode(name) if self.utf8 else name)

    def do_enable(self, tag, rest):
        if "UTF8=ACCEPT" in rest.upper().split() and (self.can("UTF8=ACCEPT") or self.can("UTF8=ONLY")):
            self.utf8 = True
            self.say("* ENABLED UTF8=ACCEPT")
        else:
            self.say("* ENABLED")
        self.say(tag + " OK done")

    def do_namespace(self, tag, rest):
        s = self.store
        if s.namespace_reply is not None:
            self.say("* NAMESPACE " + s.namespace_reply)
        else:
            separator = "NIL" if s.separator is None else quoted(s.separator)
            self.say("* NAMESPACE ((%s %s)) NIL NIL" % (self.name_out(s.prefix), separator))
        self.say(tag + " OK done")

    def attributes(self, folder, uses):
        words = []
        if folder.nonexistent:
            words.append("\\NonExistent")
        if folder.noselect and not folder.nonexistent:
            words.append("\\Noselect")
        if folder.noinferiors:
            words.append("\\NoInferiors")
        return " ".join(words + (folder.uses if uses else [])) or "\\HasNoChildren"

    def do_list(self, tag, rest):
        s = self.store
        words = split_arguments(rest)
        separator = "NIL" if s.separator is None else quoted(s.separator)
        uses = s.plain_uses
        if len(words) > 2:
            if not self.can("LIST-EXTENDED") or words[2:] != ["RETURN", "(SPECIAL-USE)"]:
                return self.say(tag + " BAD too many arguments")
            uses = True
        if words[1] == "":
            self.say('* LIST (\\Noselect) %s ""' % separator)
        else:
            pattern = self.name_in(words[0] + words[1])
            regex = re.compile(re.escape(pattern).replace("\\*", ".*").replace(
                "%", "[^%s]*" % re.escape(s.separator or "\n")) + "$", re.I if s.fold else 0)
            with s.lock:
                for name, folder in sorted(s.folders.items()):
                    if regex.match(name):
                        self.say("* LIST (%s) %s %s%s" % (self.attributes(folder, uses), separator,
                                                          self.name_out(name), s.list_tail))
        return self.say(tag + " OK done")

    def find(self, name, fold=None):
        """The folder of that name (as the client wrote it)."""
        name = self.name_in(name)
        if name.upper() == "INBOX":
            name = "INBOX"
        if self.store.fold if fold is None else fold:
            name = next((n for n in self.store.folders if n.lower() == name.lower()), name)
        folder = self.store.folders.get(name)
        return None if folder is None or folder.nonexistent else folder

    def do_status(self, tag, rest):
        name, items = split_arguments(rest)[:2]
        with self.store.lock:
            folder = self.find(name)
            if self.store.status_reply is not None:
                self.say("%s %s" % (tag, self.store.status_reply))
            elif folder is None or folder.noselect:
                self.say(tag + " NO [NONEXISTENT] no such folder")
            elif items == "(MAILBOXID)":
                self.say("* STATUS %s (MAILBOXID (F%d))" % (quoted(name), folder.uidvalidity))
                self.say(tag + " OK done")
            elif items == "(APPENDLIMIT)":
                limit = self.store.folder_limit
                self.say("* STATUS %s (APPENDLIMIT %s)" % (quoted(name), "NIL" if limit is None else limit))
                self.say(tag + " OK done")
            else:
                next_uid = max(1, folder.uidnext - self.store.stale)
                if self.store.frozen:  # what it told first
                    next_uid = folder.told = folder.told or next_uid
                self.say("* STATUS %s (UIDVALIDITY %d UIDNEXT %d)" % (quoted(name), folder.uidvalidity, next_uid))
                self.say(tag + " OK done")
        self.store.happened("status", self.number)

    def do_getmetadata(self, tag, rest):
        options, name, entries = split_arguments(rest)[:3]
        if (options, entries) != ("(MAXSIZE 1024 DEPTH infinity)", "(/private /shared)"):
            self.store.blame("GETMETADATA %s" % rest)
        notes = self.store.notes.get(name, {})
        if notes:
            self.say("* METADATA %s (%s)" % (quoted(name), " ".join("%s %s" % (n, quoted(v)) for n, v in notes.items())))
        self.say(tag + " OK done")

    def do_create(self, tag, rest):
        words = split_arguments(rest)
        name = self.name_in(words[0])
        if self.store.strip_blanks:
            name = "/".join(level.strip() for level in name.split("/"))
        use = re.match(r"\(USE \((.*)\)\)$", words[1]) if len(words) > 1 else None
        s = self.store
        with s.lock:
            answer = s.create_reply(name) if callable(s.create_reply) else s.create_reply
            parent = name.rpartition(s.separator)[0] if s.separator else ""
            if len(words) > 1 and (use is None or not self.can("CREATE-SPECIAL-USE")):
                answer = "BAD that is not known here"
            elif use is not None and s.use_reply is not None:
                answer = s.use_reply
            if answer is not None:
                self.say("%s %s" % (tag, answer))
            elif self.find(words[0]) is not None and not self.find(words[0]).noselect:
                self.say(tag + " NO [ALREADYEXISTS] it is there")
            elif s.demand_parents and parent and parent + s.separator != s.prefix and parent not in s.folders:
                self.say(tag + " NO the folder above it is missing")
            elif parent in s.folders and s.folders[parent].noinferiors:
                self.say(tag + " NO nothing can be below that")
            else:
                s.create(name).uses = use.group(1).split() if use else []
                self.say(tag + " OK done")

    def do_subscribe(self, tag, rest):
        self.store.subscribed.add(self.name_in(split_arguments(rest)[0]))
        self.say(tag + " OK done")
