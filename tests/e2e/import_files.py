"""Coming from fetchmail and getmail: their files become a configuration, and what they fetched is not fetched again."""

import os
import poplib
import re
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.office import Office  # noqa: E402
from lib.tap import Tap  # noqa: E402

FETCHMAILRC = """# A household's.
set daemon 300
set postmaster "root"
defaults proto pop3 timeout 60
poll pop.example.org port 995 uidl no dns
  user "eric" there with password "s3cret-of-eric" is esr here options ssl no keep fetchall limit 200000
  user anna there has pass 's3;cret-of-anna' is anna here keep ssl mda "/usr/bin/procmail"
skip imap.example.net via mail.example.net proto imap:
  user hans is hans here folder INBOX "Sent Items" keep
poll all.example.org localdomains office.example envelope "Delivered-To"
  user all pass s3cret-of-all to info=anna hans * here ssl
"""
GETMAILRC = """[retriever]
type = SimpleIMAPSSLRetriever
server = imap.example.org
username = jeff
password = s3cret-of-jeff
mailboxes = ("INBOX", "Lists")
%s
[destination]
type = Maildir
path = ~/Maildir/
[options]
read_all = false
%s
"""

tap = Tap(600)
tap.need(("dovecot", "dovecot-imapd"))
if not os.path.exists("/usr/lib/dovecot/pop3"):
    print("1..0 # SKIP Dovecot has no POP3. On Debian: apt-get install dovecot-pop3d, or scripts/check")
    sys.exit(0)
office = Office(tap, "import", dovecot={"pop3": True, "users": {"office": "s3cret", "old": "s3cret", "more": "s3cret",
                                                             "third": "s3cret"}})
area, ferry, store = office.area, office.ferry, office.store
for folder in ("fetchmail", "getmail", "raw", "one", "two", "three", "passwords"):
    area.mkdir(folder)


def source(name, protocol, **more):
    return dict({"protocol": protocol, "host": "localhost", "tls": "none", "user": name, "password_file": "office.password",
                 "port": store.pop3_port if protocol == "pop3" else store.port, "account": "office",
                 "to": "office@office.example"}, **more)


def fill_in(text, name):
    """What a person would do with the lines that are marked."""
    count = iter(range(1000))
    text = text.replace('host = ""', 'host = "imap.office.example"').replace('user = ""', 'user = "office"')
    text = re.sub(r'addresses = \[ "" \]', lambda m: 'addresses = [ "a%d@office.example" ]' % next(count), text)
    text = re.sub(r'"([^"@]*)@"', r'"\1@office.example"', text)
    for path in re.findall(r'password_file = "([^"]+)"', text):
        if not path.startswith("/"):
            area.write("%s/%s" % (name, path), "s3cret\n", 0o600)
    return area.write("%s/mailferry.conf" % name, 'hostname = "mail.office.example";\n' + text, 0o600)


def check(file):
    p = ferry.command("check", "-c", file)
    assert p.returncode == 0, (p.stdout, p.stderr, open(file).read())


def put(user, n, first=0, folder="INBOX"):
    m = store.connect(user)
    if folder != "INBOX":
        m.create(folder)
    for i in range(first, first + n):
        m.append(folder, None, None, ("From: a@example.org\r\nTo: b@example.org\r\nSubject: %s %s %d\r\nMessage-ID: "
                                      "<%s.%s.%d@example.org>\r\n\r\nHello.\r\n" % (user, folder, i, user, folder, i)).encode())
    m.logout()


def uidls(user):
    m = poplib.POP3("127.0.0.1", store.pop3_port, timeout=120)
    m.user(user)
    m.pass_(store.users[user])
    found = [line.split()[1].decode() for line in m.uidl()[1]]
    m.quit()
    return found


def uids(user, folder="INBOX"):
    m = store.connect(user)
    m.select(folder, readonly=True)
    validity = m.untagged_responses["UIDVALIDITY"][0].decode()
    found = m.uid("SEARCH", "ALL")[1][0].decode().split()
    m.logout()
    return validity, found


def subjects(folder="INBOX"):
    return sorted(m.subject for m in store.messages("office").get(folder, []))


with tap.case("a fetchmailrc becomes a configuration that check takes, once it is filled in"):
    rc = area.write("fetchmailrc", FETCHMAILRC, 0o600)
    p = ferry.command("import", "fetchmailrc", rc)
    assert p.returncode == 0 and p.stderr == "", p
    assert "s3cret" not in p.stdout and "s3;cret" not in p.stdout, p.stdout
    # Keeping and removing are as they were, and it is said where removing was fetchmail's own choice.
    eric, anna, rest = re.split(r"^\t(?:pop-example-org-anna|imap-example-net) = \{", p.stdout, flags=re.M)
    assert 'delete = "at-once"' in eric and "keep = true;" in anna and "delete" not in anna.split("account =")[1], p.stdout
    assert "%s:7: mda" % rc in re.sub(r"\n\t*# ", " ", anna), anna
    check(fill_in(p.stdout, "fetchmail"))

with tap.case("raw, it is refused with the lines that a person has to fill in"):
    raw = area.write("raw/mailferry.conf", p.stdout, 0o600)
    refused = ferry.command("check", "-c", raw)
    assert refused.returncode == 78 and "host" in refused.stderr, refused

with tap.case("--passwords writes them for their owner only, and leaves files that are there"):
    mine = area.write("passwords/pop-example-org.password", "mine\n", 0o600)
    p = ferry.command("import", "fetchmailrc", rc, "--passwords", area.path("passwords"))
    assert p.returncode == 0 and "was left as it is" in p.stderr, p
    assert open(mine).read() == "mine\n"
    anna = area.path("passwords/pop-example-org-anna.password")
    assert open(anna).read() == "s3;cret-of-anna\n" and stat.S_IMODE(os.stat(anna).st_mode) == 0o600
    assert 'password_file = "%s"' % anna in p.stdout and "s3;cret" not in p.stdout, p.stdout
    p = ferry.command("import", "fetchmailrc", rc, "--passwords", area.path("nowhere"))
    assert p.returncode == 73 and "nowhere" in p.stderr, p

with tap.case("getmailrc files become one configuration"):
    one = area.write("one/getmailrc", GETMAILRC % ("", "delete_after = 30"), 0o600)
    two = area.write("two/getmailrc", GETMAILRC % ("use_peek = false", ""), 0o600)
    three = area.write("three/getmailrc", GETMAILRC % ("move_on_delete = Old", "delete = true"), 0o600)
    p = ferry.command("import", "getmailrc", one, two, three)
    assert p.returncode == 0, p
    for words in ('delete = "30d"', "mark_seen = true", 'move_to = "Old"', 'folders = [ "INBOX", "Lists" ]'):
        assert words in p.stdout, p.stdout
    check(fill_in(p.stdout, "getmail"))

with tap.case("what can't be read is an error with file and line; the rest is printed all the same"):
    bad = area.write("bad", "poll a.example.org\nuser x bogus keep\n", 0o600)
    p = ferry.command("import", "fetchmailrc", bad)
    assert p.returncode == 65 and '%s:2: "bogus"' % bad in p.stderr and "keep = true;" in p.stdout, p
    assert ferry.command("import", "fetchmailrc", area.path("missing")).returncode == 66
    assert ferry.command("import", "fetchmailrc", bad, bad).returncode == 64
    assert ferry.command("import", "fdmrc", bad).returncode == 64
    assert ferry.command("import").returncode == 64

store.start()
put("old", 6)
put("more", 4)
put("more", 4, folder="Lists/a")
ferry.save(sources={"old": source("old", "pop3"), "more": source("more", "imap", folders=["INBOX", "Lists/a"])})
ids = area.write("fetchids", "".join("old@localhost %s\n" % u for u in uidls("old")[:4]) + "stranger@elsewhere 1\n", 0o644)

with tap.case("without a daemon, a spool is opened for it"):
    one = area.write("one-id", open(ids).readline())
    p = ferry.command("import", "fetchmailrc", "--state", one, check=True)
    assert "source old: 1 message " in p.stdout and "known already" not in p.stdout, p
    p = ferry.command("import", "fetchmailrc", "--state", one, check=True)
    assert "1 of them was known already" in p.stdout, p

ferry.start()
with tap.case("fetchmail's memory becomes that of the source with its user and host, again and again"):
    p = ferry.command("import", "fetchmailrc", "--state", ids)
    assert p.returncode == 65 and "source old: 4 messages" in p.stdout and "1 of them was known" in p.stdout, p
    assert "stranger@elsewhere" in p.stderr and "--of 'stranger@elsewhere'" in p.stderr, p
    p = ferry.command("import", "fetchmailrc", "--state", ids, "old", check=True)
    assert "source old: 4 messages" in p.stdout and "4 of them were known already" in p.stdout, p

with tap.case("a memory under another name is taken when it is named"):
    other = area.write("other", "x@label 1\ny@label 2\n")
    p = ferry.command("import", "fetchmailrc", "--state", other, "old")
    assert p.returncode == 65 and "x@label: 1 message" in p.stderr, p
    p = ferry.command("import", "fetchmailrc", "--state", other, "old", "--of", "x@label", check=True)
    assert "source old: 1 message of x@label" in p.stdout, p
    assert ferry.command("import", "fetchmailrc", "--state", other, "more").returncode == 64  # IMAP
    assert ferry.command("import", "fetchmailrc", "--state", other, "none").returncode == 64
    garbage = area.write("garbage", "\0\1\2 nothing\n" * 10)
    assert ferry.command("import", "fetchmailrc", "--state", garbage, "old").returncode == 65

with tap.case("getmail's memory of IMAP folders, of either age"):
    validity, all_uids = uids("more")
    inbox = area.write("oldmail-localhost-%d-more-INBOX" % store.port,
                       "".join("%s/%s\0%d\n" % (validity, u, 1700000000) for u in all_uids[:3]))
    p = ferry.command("import", "getmailrc", "--state", inbox, check=True)
    assert "source more: 3 messages of folder INBOX" in p.stdout, p
    validity, all_uids = uids("more", "Lists/a")
    lists = area.write("oldmail-localhost-%d-more-Lists.a" % store.port,
                       "".join("%s/%s\0%d\n" % (validity, u, 1700000000) for u in all_uids[:2]))
    p = ferry.command("import", "getmailrc", "--state", lists, check=True)
    assert "source more: 2 messages of folder Lists/a" in p.stdout, p
    # Once it was one file for all folders, and each line had the folder's name.
    old = area.write("oldmail-localhost-%d-more" % store.port, "%s/INBOX/%s\0%d\n" % (uids("more")[0], uids("more")[1][0], 1))
    p = ferry.command("import", "getmailrc", "--state", old, check=True)
    assert "1 of them was known already" in p.stdout, p
    renamed = area.write("state", open(lists).read())
    p = ferry.command("import", "getmailrc", "--state", renamed, "more")
    assert p.returncode == 65 and "--folder" in p.stderr, p
    p = ferry.command("import", "getmailrc", "--state", renamed, "more", "--folder", "Lists/a", check=True)
    assert "2 of them were known already" in p.stdout, p

with tap.case("what they had fetched is not fetched again, and the rest is"):
    p = ferry.command("sync")
    assert p.returncode == 0, (p.stdout, p.stderr)
    ferry.drained()
    assert subjects() == sorted(["old INBOX 4", "old INBOX 5", "more INBOX 3", "more Lists/a 2", "more Lists/a 3"]), subjects()

ferry.drained()
home = area.mkdir("home")
env = dict(os.environ, HOME=home, FETCHMAILHOME=home)
put("third", 5)
put("third", 3, folder="Lists/b")
RETRIEVER = "server = localhost\nusername = third\npassword = s3cret\ntimeout = 20\n"
PROGRAMS = {
    "fetchmail": "poll localhost proto pop3 port %d uidl user third there with password s3cret is x here keep sslproto '' "
                 'mda "/bin/cat >/dev/null"\n' % store.pop3_port,
    "pop3": "[retriever]\ntype = SimplePOP3Retriever\nport = %d\n" % store.pop3_port + RETRIEVER,
    "imap": "[retriever]\ntype = SimpleIMAPRetriever\nport = %d\n" % store.port + RETRIEVER +
            'mailboxes = ("INBOX", "Lists/b")\n'}
# getmail forks for each message and watches for the child's end only afterwards: it may miss the end, wait until its
# timeout, and give up. It has done nothing wrong to its memory then, and goes on where it was. A server that is late is no more
# to it than that.
GETMAIL_RACE = "timed out"
DESTINATION = "[destination]\ntype = Maildir\npath = %s/\n[options]\nread_all = false\n"


def nothing_comes(protocol, kind, states, rc, **more):
    """After the other program: its file and its memory, as a source that finds nothing new."""
    text = ferry.command("import", kind, rc, check=True).stdout
    assert 'user = "third"' in text and "keep = true;" in text and 'tls = "none"' in text, text
    ferry.stop()
    ferry.save(sources={"old": None, "more": None, "third": None})
    ferry.save(sources={"third": dict(source("third", protocol), **more)})
    for state in states:
        p = ferry.command("import", kind, "--state", state, check=True)
        assert "source third: " in p.stdout, p
    p = ferry.command("sync", "third", check=True)
    assert "third: nothing new" in p.stdout, p
    ferry.command("sync", "--forget", "third", "--yes", check=True)


with tap.case("after fetchmail itself"):
    tap.need_here("fetchmail", "fetchmail")
    rc = area.write("home/fetchmailrc", PROGRAMS["fetchmail"], 0o600)
    p = area.run(["fetchmail", "-f", rc, "-i", os.path.join(home, "ids")], env=env)
    assert p.returncode == 0, p
    nothing_comes("pop3", "fetchmailrc", [os.path.join(home, "ids")], rc)

with tap.case("after getmail itself, by POP3 and by IMAP"):
    tap.need_here("getmail", "getmail6")
    for folder in ("", "/cur", "/new", "/tmp"):
        area.mkdir("home/box" + folder)
    for protocol in ("pop3", "imap"):
        state = area.mkdir("home/" + protocol)
        rc = area.write("home/%s/rc" % protocol, PROGRAMS[protocol] + DESTINATION % area.path("home/box"), 0o600)
        for _ in range(20):
            p = area.run(["getmail", "-g", state, "-r", rc], env=env)
            if GETMAIL_RACE not in p.stderr:
                break
        assert p.returncode == 0, p
        more = {"folders": ["INBOX", "Lists/b"]} if protocol == "imap" else {}
        nothing_comes(protocol, "getmailrc", [os.path.join(state, f) for f in os.listdir(state) if f.startswith("oldmail")],
                      rc, **more)

ferry.stop()
area.close()
tap.done()
