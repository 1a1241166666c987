"""
Probes: scripts that ask many things of one message, of the odd sort, and tell each
that is true by a flag, and what variables hold by the names of folders. What
docs/rules.md says of Pigeonhole is left out.
"""

import base64
import quopri

from soak.sieve_pairs import listed, quote

REQUIRE = ["fileinto", "copy", "imap4flags", "envelope", "variables", "relational", "subaddress", "body", "date", "index",
           "comparator-i;ascii-numeric", "encoded-character", "editheader", "regex", "enotify", "mime", "foreverypart",
           "extracttext", "ihave", "mailbox"]
WORDS = ["alpha", "Alpha", "ALPHA", "beta", "a", "b", "x y", "one two", "ü", "Ü", "10", "9", "010", "2026", "a@b.example", "tag",
         "list", "ALPHA beta", "=?utf-8?q?alpha?=", "<x@y>", ";", "\\x", '"q"', ""]
LOCALS = ["ann", "Ann", "ann+tag", "ann+Tag+two", "ann+", "+tag", "a.b", "x", '"a b"', '"ann+tag"', '"a\\"b"', "ann-tag"]
DOMAINS = ["a.example", "A.Example", "b.example", "sub.a.example", "[192.0.2.1]", "localhost"]
TEXT_FIELDS = ["Subject", "X-Note", "X-Dup", "X-Number", "X-Missing", "Received", "Content-Type", "X-Empty"]
ADDRESS_FIELDS = ["From", "To", "Cc", "Bcc", "Reply-To", "Sender", "Resent-From", "Resent-To"]
DATE_FIELDS = ["Date", "Resent-Date", "X-Date", "Received", "X-Missing"]
DATES = ["Thu, 26 Nov 2026 10:00:30 +0100", "26 Nov 2026 23:59:59 -0830", "Sat, 29 Feb 2020 00:00:00 +0000", "1 Jan 2000 00:00 +0000",
         "Fri, 31 Dec 1999 23:30:00 -0100", "Wed, 01 Mar 2028 12:34:56 +1345", "Thu, 26 Nov 2026 10:00:30 GMT",
         "26 Nov 2026 10:00:30 EST", "Thu, 26 Nov 26 10:00:30 +0000", "Thu, 26 Nov 2026 10:00:30 +0100 (CET)", "yesterday", ""]
PARTS = {
    "year": ["2026", "2020", "1999", "2000"], "month": ["11", "02", "12", "01", "03"], "day": ["26", "29", "31", "01", "27"],
    "date": ["2026-11-26", "2020-02-29", "1999-12-31", "2000-01-01"], "julian": ["61370", "58908", "51544"],
    "hour": ["10", "09", "23", "00"], "minute": ["00", "30", "59"], "second": ["30", "00", "59", "56"],
    "time": ["10:00:30", "09:00:30", "00:00:00"], "zone": ["+0100", "+0000", "-0830", "+1345"], "weekday": ["4", "6", "5", "0"],
    "iso8601": ["2026-11-26T10:00:30+01:00", "2020-02-29T00:00:00+00:00"], "std11": ["Thu, 26 Nov 2026 10:00:30 +0100"],
}
TYPES = ["text", "text/plain", "text/html", "multipart", "message", "message/rfc822", "application", "image", "text/calendar"]
FLAGS = ["\\\\Seen", "\\\\Flagged", "work", "WORK", "\\\\Answered", "$Forwarded", "a b", ""]


class Probe:
    """As sieve_pairs.Script: text()."""

    def __init__(self, r):
        self.r = r
        self.edits = r.random() < 0.3
        self.counts = r.random() < 0.5  # addresses, so that all of them must be some
        self.n = 0

    def kind(self, count=True, order=True):
        """A match type and its comparator."""
        r = self.r
        choices = ["", ":is", ":contains", ":matches", ":regex"] + [":value"] * order + [":count"] * count
        kind = r.choice(choices)
        if kind in (":value", ":count"):
            kind += ' "%s"' % r.choice(["gt", "ge", "lt", "le", "eq", "ne"])
            return kind + ' :comparator "%s"' % ("i;ascii-numeric" if ":count" in kind or r.random() < 0.5 else "i;octet")
        if kind in ("", ":is", ":contains", ":matches") and r.random() < 0.4:
            kind += ' :comparator "%s"' % r.choice(["i;octet", "i;ascii-casemap"] + ["i;ascii-numeric"] * (kind in ("", ":is")))
        return kind

    def key(self, kind, pool):
        r = self.r
        if ":count" in kind:
            return str(r.randint(0, 4))
        if ":matches" in kind:
            word = r.choice(pool)
            return r.choice(["*", word + "*", "*" + word, "*%s*" % word, "%s?" % word, "a*e", "*@*", "*a*b*", word]
                            if "*" not in word else ["*"])
        if ":regex" in kind:
            return r.choice(["^a", "e$", ".", "^$", "[0-9]+", "(a|b).*", "^[^@]*@", "al.ha", "x|y", "a{1,2}", "[[:alpha:]]+", "b+"])
        if "numeric" in kind:
            # What is no number is as large as any other that is none, also an empty string; to sieve-test that is none.
            return r.choice(["0", "9", "10", "010", "2026", "4294967297", "10 pages"])
        word = r.choice(pool)
        return word[:r.randint(1, 3)] if ":contains" in kind and r.random() < 0.4 else word

    def keys(self, kind, pool):
        return listed(self.r, [quote(self.key(kind, pool)) for _ in range(self.r.randint(1, 2))])

    def index(self, kind):
        # sieve-test counts none of what :index leaves.
        if ":count" in kind:
            return ""
        return self.r.choice(["", "", ":index 1", ":index 2", ":index 3", ":index 1 :last", ":last :index 2"])

    def fields(self, pool):
        return listed(self.r, [quote(self.r.choice(pool)) for _ in range(self.r.randint(1, 2))])

    # ---- tests ----
    def header(self):
        kind = self.kind()
        return "header %s %s %s %s" % (kind, self.index(kind), self.fields(TEXT_FIELDS + ["To"]), self.keys(kind, WORDS))

    def address_pool(self):
        bare = [x.replace('"', "") for x in LOCALS]
        return bare + DOMAINS + ["%s@%s" % (x, y) for x in bare[:6] for y in DOMAINS[:3]] + ["tag", "ann", "Tag+two", ""]

    def part(self):
        return self.r.choice(["", "", ":all", ":localpart", ":domain", ":user", ":detail"])

    def address(self):
        kind = self.kind(count=self.counts)
        return "address %s %s %s %s %s" % (self.part(), kind, self.index(kind), self.fields(ADDRESS_FIELDS),
                                           self.keys(kind, self.address_pool()))

    def envelope(self):
        kind = self.kind()
        return "envelope %s %s %s %s" % (kind, self.part(), listed(self.r, [quote(self.r.choice(["from", "to", "FROM"]))]),
                                         self.keys(kind, self.address_pool()))

    def date(self):
        kind, part = self.kind(count=False), self.r.choice(list(PARTS))
        # sieve-test takes the first field whatever :index says.
        zone = self.r.choice([':zone "+0000"', ':zone "-0830"', ':zone "+1345"', ":originalzone"])
        return "date %s %s %s %s %s" % (kind, zone, quote(self.r.choice(DATE_FIELDS)), quote(part),
                                           self.keys(kind, PARTS[part]))

    def hasflag(self):
        kind = self.kind(order=False)
        while ":regex" in kind:  # a backslash in front of a letter is no POSIX expression
            kind = self.kind(order=False)
        names = self.r.choice(["", "", '"f1"', '["f1", "f2"]'])
        pool = [f for f in FLAGS if " " not in f and f]
        if ":contains" in kind or ":matches" in kind:
            # sieve-test does not look for what could be no flag.
            pool = [f for f in pool if f.isalpha()]
        keys = [quote(self.key(kind, pool)).replace("\\\\\\\\", "\\\\") for _ in range(self.r.randint(1, 2))]
        return "hasflag %s %s %s" % (kind, names, listed(self.r, keys))

    def string(self):
        # Without a comparator sieve-test compares octets.
        kind = self.kind()
        if ":comparator" not in kind:
            kind += ' :comparator "%s"' % self.r.choice(["i;octet", "i;ascii-casemap"])
        values = ["${v1}", "${v2}", "${v3}", "${1}", "x${2}", "${hex: 41 6c}pha", "${hex:}", "${unicode:40}", "${0}", "a${v1}", ""]
        return "string %s %s %s" % (kind, listed(self.r, [quote(self.r.choice(values)) for _ in range(self.r.randint(1, 2))]),
                                    self.keys(kind, WORDS))

    def mime(self):
        kind = self.kind()
        look = self.r.choice([":mime", ":mime :anychild"])
        what = self.r.choice([":type", ":subtype", ":contenttype", ':param "charset"', ':param ["boundary", "name"]', ""])
        field = self.r.choice(["Content-Type", "Content-Disposition"])
        if ":param" in what:
            # sieve-test takes a parameter that is not there for an empty one.
            kind = self.r.choice([":is", ":contains"])
        pool = TYPES + ["plain", "html", "mixed", "utf-8", "iso-8859-1", "b", "attachment", "inline", "a.txt"]
        return "header %s %s %s %s %s" % (look, what, kind, quote(field), self.keys(kind, pool))

    def body(self):
        kind = self.kind(count=False)
        how = self.r.choice([":raw", ":text", "", ":content %s" % quote(self.r.choice(TYPES + ["", "multipart/mixed"]))])
        if how in ("", ":text"):
            # Where the text of HTML ends is nobody's law.
            kind = ":contains"
        return "body %s %s %s" % (how, kind, self.keys(kind, WORDS + ["Dear all", "--b", "Content-Type", "inner"]))

    def small(self):
        r = self.r
        return r.choice(["exists %s" % self.fields(TEXT_FIELDS + ADDRESS_FIELDS), "size :over %d" % r.choice([0, 300, 1000]),
                         "size :under %d" % r.choice([400, 800]), 'ihave "fileinto"', 'ihave ["fileinto", "nonsense"]'])

    def test(self):
        made = [self.header, self.header, self.address, self.address, self.address, self.envelope, self.date, self.date, self.hasflag,
                self.string, self.string, self.mime, self.small] + ([] if self.edits else [self.body, self.body])
        text = self.r.choice(made)()
        if self.r.random() < 0.1:
            text = "not " + text
        return text

    # ---- what is done before ----
    def value(self):
        return self.r.choice(["alpha", "Alpha BETA", "ÜBER", "a*b?c\\d", "${1}", "${2}-${1}", "${v1}x", "${hex:41 6C}", "${hex:4 1}",
                              "${unicode:00FC 41}", "${unicode:20ac}", "${hex: 24 7b}v1}y", "", "  x ", "Ünï Cödé", "${v2}${v1}"])

    def setup(self):
        r = self.r
        choice = r.randint(0, 9)
        if choice <= 3:
            modifiers = r.choice(["", "", ":lower", ":upper", ":lowerfirst", ":upperfirst", ":length", ":quotewildcard", ":upper :length",
                                  ":lowerfirst :upper", ":quotewildcard :lower :upperfirst", ":encodeurl", ":encodeurl :upper"])
            name, value = r.choice(["v1", "v2", "V3"]), self.value()
            # What is set from itself is empty there.
            while name in value:
                value = self.value()
            return "set %s %s %s;" % (modifiers, quote(name), quote(value).replace("\\\\\\\\", "\\\\"))
        # Of several fields sieve-test looks at an added one first.
        if choice == 4 and not self.edits:
            return 'if header :matches %s %s { set "v1" "${1}"; set "v2" "${2}"; }' % (
                self.fields(TEXT_FIELDS), quote(r.choice(["* *", "*a*", "a*b*", "*[*]*", "*;*", "*e*"])))
        if choice in (4, 5):
            return 'if address :matches %s %s { set "v1" "${1}"; set "v3" "${2}"; }' % (
                self.fields(ADDRESS_FIELDS), quote(r.choice(["*@*", "*+*@*", "a*", "*"])))
        if choice <= 7 or not self.edits:
            name = r.choice(["", "", '"f1"', '"f2"'])
            flags = [f for f in r.sample(FLAGS, r.randint(1, 2))]
            return "%s %s %s;" % (r.choice(["setflag", "addflag", "removeflag"]), name, listed(r, ['"%s"' % f for f in flags]))
        if choice == 8:
            return "addheader%s %s %s;" % (r.choice(["", " :last"]), quote(r.choice(["X-Note", "X-Dup", "X-New", "Subject"])),
                                           quote(r.choice(["alpha", "one two", "ü beta", "10", "x" * 90, "${v1}y"])))
        how = r.choice(["", ":index 1", ":index 2", ":index 1 :last", ":index 2 :last"])
        match = r.choice(["", "", ":is", ":contains", ":matches"])
        values = "" if match == "" else self.keys(match, [w for w in WORDS if w])
        return "deleteheader %s %s %s %s;" % (how, match, quote(r.choice(["X-Note", "X-Dup", "Subject", "X-Missing"])), values)

    def mark(self):
        self.n += 1
        return 'addflag "t%d";' % self.n

    def loop(self):
        """What is in each part."""
        lines = ["foreverypart {"]
        for _ in range(self.r.randint(1, 3)):
            kind = self.kind(count=False)
            what = self.r.choice([":type", ":subtype", ":contenttype", ':param "charset"', ':param "name"', ""])
            if ":param" in what:
                kind = self.r.choice([":is", ":contains"])
            pool = TYPES + ["plain", "html", "mixed", "utf-8", "b", "attachment", "a.txt"]
            lines.append("\tif header :mime %s %s %s %s { %s }" % (
                what, kind, quote(self.r.choice(["Content-Type", "Content-Disposition"])), self.keys(kind, pool), self.mark()))
        if self.r.random() < 0.5:
            lines.append('\tif header :mime :type "Content-Type" "text" { extracttext %s "v3"; %s }' % (
                self.r.choice(["", ":first 10", ":upper", ":length"]), self.r.choice(["", "break;"])))
        return lines + ["}"]

    def text(self):
        r = self.r
        lines = ["require [%s];" % ", ".join(quote(x) for x in REQUIRE)]
        for _ in range(r.randint(4, 7)):
            lines += [self.setup() for _ in range(r.randint(0, 2))]
            lines += ["if %s { %s }" % (self.test(), self.mark()) for _ in range(r.randint(2, 5))]
        if not self.edits and r.random() < 0.5:
            lines += self.loop()
        for name in ("v1", "v2", "v3"):
            lines.append('set :encodeurl "e" "${%s}"; fileinto :copy :create "%s=${e}";' % (name, name))
        return "\n".join(lines + ["keep;"]) + "\n"


class OddMessage:
    """As sieve_pairs.Message: text()."""

    def __init__(self, r, addresses):
        self.r = r
        self.broken = r.random() < 0.3
        self.addresses_only = addresses

    def odd_address(self):
        """What is no address, or only just one."""
        r = self.r
        spec = "%s@%s" % (r.choice(LOCALS), r.choice(DOMAINS))
        return r.choice(["ann", "Ann Doe", "<ann>", "ann@", "@a.example", "<>", spec + ",", "," + spec, "<@r.example:%s>" % spec,
                         "Ann D. <%s>" % spec, "<%s" % spec, "ann@@a.example", "a..b@a.example",
                         "\"%s" % spec, "ü <%s>" % spec, "ann @ a . example", "%s; %s" % (spec, spec), "list:%s" % spec,
                         "ann (c) @ (d) a.example", "<%s> (c)" % spec, "o'x@a.example", ".a@b.example"])

    def address(self):
        r = self.r
        local, domain = r.choice(LOCALS), r.choice(DOMAINS)
        spec = "%s@%s" % (local, domain)
        return r.choice([spec, "<%s>" % spec, "Ann <%s>" % spec, '"Doe, \\"Ann\\"" <%s>' % spec, "%s (Ann (Doe))" % spec,
                         "=?utf-8?b?w5w=?= <%s>" % spec, "Ann\r\n\t<%s>" % spec, "(c) %s" % spec])

    def addresses(self):
        r = self.r
        # Beside others sieve-test takes all of them for one that is none.
        if self.broken and not self.addresses_only and r.random() < 0.6:
            return self.odd_address()
        if r.random() < 0.15:
            return "friends: %s;" % ", ".join(self.address() for _ in range(r.randint(1, 2)))
        return ", ".join(self.address() for _ in range(r.randint(1, 3)))

    def words(self):
        r = self.r
        text = " ".join(r.choice([w for w in WORDS if w.isascii()]) for _ in range(r.randint(0, 3)))
        # Of a field whose first line is empty sieve-test keeps the blank that begins the second.
        folded = text + "\r\n " + r.choice(WORDS[:6]) if text.strip() else text
        return r.choice([text, text, folded, "=?utf-8?b?%s?=" % base64.b64encode("Ü beta".encode()).decode(),
                         "=?iso-8859-1?q?=FC_alpha?=", "=?utf-8?q?a?= =?utf-8?q?lpha?=", "=?utf-8?q?a?=\r\n =?utf-8?q?b?= c",
                         "=?utf-8?q?unfinished", "  " + text + "  ", "=?us-ascii*en?q?one_two?="])

    def leaf(self):
        r = self.r
        text = r.choice(["Dear all,\r\nalpha beta\r\n", "alpha\r\n", "ü alpha\r\n", "a" * 100 + "\r\n"])
        head = r.choice(["Content-Type: text/plain; charset=utf-8\r\n", "Content-Type: TEXT/Plain; charset=\"UTF-8\"\r\n",
                         "Content-Type: text/html; charset=utf-8\r\n", "Content-Type: text/calendar; charset=utf-8; name=\"a.txt\"\r\n",
                         "Content-Type: application/octet-stream; name=a.txt\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n",
                         "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: inline\r\n"])
        how = r.choice(["8bit", "quoted-printable", "base64"])
        if how == "base64":
            text = base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
        elif how == "quoted-printable":
            text = quopri.encodestring(text.encode()).decode()
        return head + "Content-Transfer-Encoding: %s\r\n\r\n%s" % (how, text)

    def broken_part(self):
        """MIME that ends too early, says too little or does not hold what it says."""
        r = self.r
        leaf = self.leaf()
        return r.choice([
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s" % leaf,
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s--b \t\r\n%s\r\n--b--" % (leaf, leaf),
            "Content-Type: multipart/mixed; boundary=b\r\n\r\nno part alpha\r\n",
            "Content-Type: multipart/mixed\r\n\r\n--b\r\n%s\r\n--b--\r\n" % leaf,
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nalpha without a header\r\n--b--\r\n",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nYWxwaGE\r\n",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nalpha=ZZ =\r\nbeta =\r\n",
            "Content-Type: text/plain; charset\r\n\r\nalpha\r\n",
            "Content-Type: text/plain; charset=utf-8; charset=us-ascii\r\n\r\nalpha\r\n",
            "Content-Type: text/plain (comment); charset=(c)utf-8\r\n\r\nalpha\r\n",
            "Content-Type: text/plain; name*=utf-8''a.txt\r\n\r\nalpha\r\n", "\r\nalpha\r\n"])

    def part(self, depth):
        r = self.r
        choice = r.random()
        if self.broken and r.random() < 0.5:
            return self.broken_part()
        if depth < 2 and choice < 0.25:
            mark = "b" * (depth + 2)
            inside = "".join("--%s\r\n%s\r\n" % (mark, self.part(depth + 1)) for _ in range(r.randint(1, 3)))
            return "Content-Type: multipart/%s; boundary=%s\r\n\r\npreamble alpha\r\n%s--%s--\r\nepilogue\r\n" % (
                r.choice(["mixed", "alternative"]), mark, inside, mark)
        if depth < 2 and choice < 0.35:
            return "Content-Type: message/rfc822\r\n\r\nFrom: inner@a.example\r\nSubject: inner alpha\r\n%s" % self.part(depth + 1)
        return self.leaf()

    def text(self):
        r = self.r
        lines = []
        for _ in range(r.randint(0, 2)):
            lines.append("Received: from a.example by b.example; " + r.choice(DATES[:6]))
        for name, chance in (("From", 1), ("To", 0.9), ("Cc", 0.5), ("Reply-To", 0.2), ("Sender", 0.2), ("Resent-From", 0.1)):
            if r.random() < chance:
                lines.append("%s: %s" % (name, self.addresses() if name in ("From", "To", "Cc") else self.address()))
                if name in ("To", "Cc") and r.random() < 0.2:
                    lines.append("%s: %s" % (name, self.addresses()))
        lines += ["Date: " + r.choice(DATES)] if r.random() < 0.9 else []
        lines += ["Resent-Date: " + r.choice(DATES)] if r.random() < 0.3 else []
        lines += ["X-Date: " + r.choice(DATES) for _ in range(r.randint(0, 2))]
        for name, most in (("Subject", 2), ("X-Note", 3), ("X-Dup", 3)):
            lines += ["%s: %s" % (name, self.words()) for _ in range(r.randint(0, most))]
        lines += ["X-Number: " + r.choice(["10", "9", "010", "x", "", "4294967297", "10 pages"])] if r.random() < 0.6 else []
        lines += ["X-Empty:"] if r.random() < 0.5 else []
        r.shuffle(lines)
        return "\r\n".join(lines) + "\r\nMIME-Version: 1.0\r\n" + self.part(0)
