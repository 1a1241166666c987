"""mailferry check and mailferry route, as an administrator meets them: output, exit status, the manual's key list."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib.area import BUILD, SOURCE  # noqa: E402
from lib.tap import Tap  # noqa: E402

OK, USAGE, NOUSER, CONFIG = 0, 64, 67, 78
tap = Tap(120)
place = tempfile.mkdtemp(prefix="mailferry-check.")


def write(name, text, mode=0o644):
    path = os.path.join(place, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def run(*args):
    p = subprocess.run([os.path.join(BUILD, "src", "mailferry"), *args], cwd=place, capture_output=True, text=True,
                       encoding="utf-8", timeout=300)
    return p.returncode, p.stdout, p.stderr


def expect(got, status, out=None, err=None):
    assert got[0] == status, got
    assert out is None or got[1] == out, got
    assert err is None or got[2] == err, got


GOOD = """hostname = "mail.office.example";
user = "root";
listeners = { lan = { address = "127.0.0.1:2525"; }; mx = { address = "192.0.2.1:25"; networks = "192.0.2.0/24"; }; };
accounts = { office = { host = "imap.example.net"; user = "o"; password_file = "pw"; rules = "rules/a.sieve";
                        addresses = [ "@office.example", "scans@office.example" ]; };
             boss = { host = "imap.example.net"; user = "b"; password_file = "pw"; rules = "rules/a.sieve";
                      addresses = "boss@office.example"; }; };
"""
write("mailferry.conf", GOOD)
write("pw", "s3cret\n", 0o600)
write("rules/a.sieve", 'require "fileinto"; fileinto "Scans";\n')

with tap.case("a good configuration: one line, nothing else"):
    expect(run("check", "-c", "mailferry.conf"), OK,
           "mailferry.conf: 2 listeners, 2 accounts, 1 rules file: good\n", "")

with tap.case("errors of the configuration, all of them"):
    write("mailferry.conf", GOOD.replace('host = "imap', 'port = 99999; hots = "imap', 1))
    expect(run("-c", "mailferry.conf", "check"), CONFIG, "",
           "mailferry.conf:4: key `accounts.office.port': expected a port from 1 to 65535, got 99999\n"
           "mailferry.conf:4: key `accounts.office.hots': unknown; did you mean `host'?\n"
           "mailferry.conf:4: key `accounts.office.host': missing: expected a host name in quotes; "
           "or give provider\n")

with tap.case("a rule that does not compile, named by file, line and column"):
    write("mailferry.conf", GOOD)
    rules = write("rules/a.sieve", 'keep;\nfileinto "Scans";\n')
    got = run("-c", "mailferry.conf", "check")
    expect(got, CONFIG, "")
    # Both accounts have the script; it is told once.
    assert got[2].count(":2:1: error: ") == 1 and "rules/a.sieve:2:1: error: " in got[2], got

with tap.case("redirect is refused as long as nothing sends mail on"):
    write("rules/a.sieve", 'keep;\nif true {\n  redirect "x@example.org"; }\n')
    got = run("-c", "mailferry.conf", "check")
    expect(got, CONFIG, "")
    assert "rules/a.sieve:3:3: error: `redirect' can't be used" in got[2], got


def warned(*ends):
    """The rules are good, and warned of with just these words, in this order."""
    got = run("-c", "mailferry.conf", "check")
    expect(got, OK, "mailferry.conf: 2 listeners, 2 accounts, 1 rules file: good\n")
    lines = [line for line in got[2].splitlines() if "warning: " in line]
    assert len(lines) == len(ends), got
    for line, end in zip(lines, ends):
        assert line.endswith(end), got


with tap.case("fields that rules may not change: they are told so here, for nothing is said when they run"):
    write("mailferry.conf", GOOD + 'rules_forbid_add = [ "X-Spam-*", "S*" ];\nrules_forbid_delete = "x-spam-score";\n')
    write("rules/a.sieve", 'require ["editheader", "variables"];\naddheader "x-spam-flag" "NO";\ndeleteheader "X-Spam-Flag";\n'
          'deleteheader "X-Spam-Score";\naddheader "subject" "a"; set "n" "X-Spam-A"; addheader "${n}" "b";\n')
    warned(':2:1: warning: "addheader" does nothing to x-spam-flag: rules_forbid_add names it',
           ':4:1: warning: "deleteheader" does nothing to X-Spam-Score: rules_forbid_delete names it')
    write("mailferry.conf", GOOD)
    write("rules/a.sieve", 'require "editheader";\ndeleteheader "received";\ndeleteheader "Auto-Submitted";\n'
          'addheader "Received" "x";\n')
    warned(':2:1: warning: "deleteheader" does nothing to received: it always stays',
           ':3:1: warning: "deleteheader" does nothing to Auto-Submitted: it always stays')

with tap.case("rules that can't be read, a configuration that is not there"):
    os.unlink(os.path.join(place, "rules/a.sieve"))
    got = run("-c", "mailferry.conf", "check")
    expect(got, CONFIG, "")
    assert "mailferry.conf:4: key `accounts.office.rules': can't read " in got[2], got
    expect(run("-c", "nowhere.conf", "check"), CONFIG, "",
           "nowhere.conf: can't read nowhere.conf: No such file or directory; "
           "name the configuration with -c FILE\n")
    write("rules/a.sieve", "keep;\n")

with tap.case("a secret that everybody may read"):
    os.chmod(os.path.join(place, "pw"), 0o644)
    got = run("-c", "mailferry.conf", "check")
    expect(got, CONFIG, "")
    assert "run: chmod o= " in got[2] and "s3cret" not in got[1] + got[2], got
    os.chmod(os.path.join(place, "pw"), 0o600)

with tap.case("warnings do not fail"):
    write("mailferry.conf", 'hostname = "box"; user = "root";\n'
          'listeners = { a = { address = "0.0.0.0:25"; bare_newlines = "accept"; }; b = { address = "127.0.0.1:0"; }; };\n'
          'accounts = { o = { host = "imap.example.net"; tls = "none"; user = "o"; password_file = "pw";\n'
          'addresses = "@office.example"; }; };\n')
    got = run("-c", "mailferry.conf", "check")
    expect(got, OK, "mailferry.conf: 2 listeners, 1 account, 0 rules files: good\n")
    for words in ("listener `a': takes bare newlines", "listener `b': port 0", "account `o': tls is", "no rules",
                  "hostname `box': it has no domain"):
        assert sum("warning: " in line and words in line for line in got[2].splitlines()) == 1, (words, got)
    write("mailferry.conf", GOOD)

with tap.case("the key of an application: one that fits, one that does not, one that soon expires"):
    tap.need_here("openssl", "openssl")

    def certificate(days):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "app.key", "-out", "app.pem",
                        "-days", str(days), "-subj", "/CN=mailferry"], cwd=place, check=True, capture_output=True)
        os.chmod(os.path.join(place, "app.key"), 0o600)

    oauth = """oauth = { grant = "application"; tenant = "office.example"; client_id = "i"; certificate_file = "app.pem";
        key_file = "app.key"; };"""
    write("mailferry.conf", GOOD.replace('host = "imap.example.net"; user = "o"; password_file = "pw";',
                                         'provider = "microsoft365"; user = "o";' + oauth, 1))
    certificate(90)
    expect(run("check", "-c", "mailferry.conf"), OK, None, "")
    certificate(20)
    got = run("check", "-c", "mailferry.conf")
    assert got[0] == OK and re.search("account `office': its certificate expires in (19|20) days", got[2]), got
    with open(os.path.join(place, "app.pem")) as f:
        before = f.read()
    certificate(90)
    write("app.pem", before)
    expect(run("check", "-c", "mailferry.conf"), CONFIG, "",
           "mailferry.conf: account office: key_file is not the key of the certificate in certificate_file\n")
    write("mailferry.conf", GOOD)

with tap.case("usage"):
    for args in (("check", "x"), ("check", "--nope"), ("check", "--keys=html"), ("route",), ("route", "--nope", "x"),
                 ("route", "no-address")):
        got = run("-c", "mailferry.conf", *args)
        expect(got, USAGE, "")
        assert "usage: mailferry" in got[2], got

with tap.case("route says account, rules and why"):
    expect(run("-c", "mailferry.conf", "route", "Scans+hall@Office.Example"), OK,
           "Scans+hall@Office.Example\n  account: office (o at imap.example.net, port 993)\n"
           "  rules:   %s/rules/a.sieve\n  why:     (`+detail' ignored) scans@office.example in account office\n" % place)
    expect(run("-c", "mailferry.conf", "route", "<boss@office.example>", "x@elsewhere.example"), NOUSER)
    expect(run("-c", "mailferry.conf", "route", "a%b@office.example"), NOUSER)
    status, out, _ = run("-c", "mailferry.conf", "route", "--json", "x@office.example", "postmaster", "x@y.example")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == NOUSER and [r["match"] for r in rows] == ["domain", "postmaster", "none"], out
    assert [r["account"] for r in rows] == ["office", "boss", None], out
    assert rows[0]["configured"] == "@office.example" and rows[0]["rules"] == place + "/rules/a.sieve", out

with tap.case("the manual page has every key of the table"):
    status, out, _ = run("check", "--keys")
    assert status == OK
    keys = [line.split(":")[0] for line in out.splitlines() if ": " in line and not line.startswith("\t")]
    assert len(keys) > 30, keys
    with open(os.path.join(BUILD, "docs", "mailferry.conf.5"), encoding="utf-8") as f:
        page = f.read()
    assert "@" + "KEYS@" not in page and "@sysconfdir@" not in page
    for key in keys:
        assert "\n.It Cm %s\n" % key in page, key
    status, out, _ = run("check", "--keys=man")
    assert status == OK and out in page

with tap.case("the configuration in the manual page is good"):
    text = page.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0]
    write("manual/mailferry.conf", text)
    write("manual/office.password", "s3cret\n", 0o600)
    write("manual/office.sieve", "keep;\n")
    expect(run("-c", "manual/mailferry.conf", "check"), OK)

with tap.case("the configuration and the rules in the README are good"):
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
        blocks = [textwrap.dedent(b).strip("\n") for b in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", f.read(), re.M)]
    (text,) = [b for b in blocks if b.startswith("hostname")]
    (rules,) = [b for b in blocks if b.startswith("require")]
    write("readme/mailferry.conf", text)
    write("readme/office.password", "s3cret\n", 0o600)
    write("readme/office.sieve", rules)
    expect(run("-c", "readme/mailferry.conf", "check"), OK)

with tap.case("so are the sources in the README, in the guide and in the manual page"):
    (sources,) = [b for b in blocks if b.startswith("sources")]
    with open(os.path.join(SOURCE, "docs", "fetch.md"), encoding="utf-8") as f:
        guide = [textwrap.dedent(b).strip("\n") for b in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", f.read(), re.M)]
    (first,) = [b for b in guide if b.startswith("accounts = {")]
    (manual,) = [b.split(".Ed")[0] for b in page.split(".Bd -literal -offset indent\n") if b.startswith("sources = {")]
    write("readme/old.password", "s3cret\n", 0o600)
    said = "originals are deleted 30d after the spool has them; runs every 10m\n"
    for name, words in (("mailferry", text + "\n" + sources), ("guide", 'hostname = "mail.office.example";\n' + first),
                        ("manual", text + "\n" + manual)):
        write("readme/%s.conf" % name, words)
        got = run("-c", "readme/%s.conf" % name, "check")
        assert got[0] == OK and got[1].endswith(said), (name, got)

with tap.case("the sample is good once the secrets are there"):
    shutil.copy(os.path.join(SOURCE, "conf", "mailferry.conf.sample"), os.path.join(place, "sample.conf"))
    write("office.password", "s3cret\n", 0o600)
    expect(run("-c", "sample.conf", "check"), OK, "sample.conf: 2 listeners, 1 account, 0 rules files: good\n")

with tap.case("so it is with its sources"):
    with open(os.path.join(place, "sample.conf"), encoding="utf-8") as f:
        head, tail = f.read().split("#sources = {", 1)
    block, tail = ("#sources = {" + tail).split("\n\n", 1)
    write("sample.conf", head + re.sub("(?m)^#", "", block) + "\n\n" + tail)
    for name in ("old", "private", "collected"):
        write(name + ".password", "s3cret\n", 0o600)
    got = run("-c", "sample.conf", "check")
    assert got[0] == OK, got
    lines = got[1].splitlines()
    assert lines[0] == "sample.conf: 2 listeners, 1 account, 3 sources, 0 rules files: good", got
    assert lines[1] == ("source old: fetches info@example.net at pop.example.net (POP3, port 995) for scans@office.example in "
                        "account office; originals are deleted 30d after the spool has them; runs every 10m"), got
    assert lines[2] == ("source private: fetches INBOX, \\Junk of somebody@gmail.example at imap.gmail.com (IMAP, port 993) for "
                        "scans@office.example in account office; leaves messages larger than 20M; originals stay as they "
                        "are; runs when the server tells of mail and every 30m"), got
    assert re.fullmatch(re.escape(
        "source collected: fetches catchall@example.org at pop.example.org (POP3, port 995) for the recipients in Delivered-To, "
        "X-Original-To or Envelope-To, and what is for no account into folder Unmatched of account office; originals are "
        "deleted when they are filed; runs at \"*/15 8-18 * * mon-fri\" and \"@daily\" (next: ") +
        r"\d{4}-\d\d-\d\d \d\d:\d\d:00\)", lines[3]), got
    assert len(lines) == 4, got

SOURCES = """hostname = "mail.office.example"; user = "root";
accounts = {
    office = { host = "imap.office.example"; user = "info@office.example"; password_file = "pw"; rules = "rules/a.sieve";
               addresses = [ "info@office.example", "@office.example" ]; at = "30 6 * * *"; };
};
sources = {
    old = { protocol = "pop3"; host = "pop.example.net"; user = "u"; password_file = "pw"; every = "10m"; %s };
    own = { protocol = "imap"; host = "imap.office.example"; user = "info@office.example"; password_file = "pw";
            recipients_from = "Delivered-To"; move_to = "Read"; };
};
"""

with tap.case("what can cost mail or trust is warned of"):
    write("mailferry.conf", SOURCES % "")
    expect(run("-c", "mailferry.conf", "check"), OK, None,
           "mailferry.conf: warning: source `old': originals stay for ever, and the mailbox grows until it is full: consider "
           "delete\n"
           "mailferry.conf: warning: source `own': it has no schedule, neither every nor at nor push: nothing is fetched by "
           "itself\n"
           "mailferry.conf: warning: source `own': it reads the mailbox of account `office': what mailferry files there is not "
           "fetched again, but rules that file into the folder that is read only move mail in a circle\n")
    write("mailferry.conf", SOURCES % 'delete = "at-once"; tls = "none";')
    got = run("-c", "mailferry.conf", "check")
    for words in ("tls is \"none\"", "originals are deleted at once"):
        assert sum("warning: source `old': " + words in line for line in got[2].splitlines()) == 1, (words, got)
    assert "account office: its mail waits in the spool and is filed at \"30 6 * * *\" (next: " in got[1], got
    assert "originals are moved to Read when the spool has them; runs only by: mailferry sync own\n" in got[1], got
    write("mailferry.conf", (SOURCES % "").replace('every = "10m"', 'every = "30s"').replace(
        "own = {", 'twin = { protocol = "pop3"; every = "1h"; host = "pop.example.net"; user = "U"; password_file = "pw"; '
        'delete = "1d"; };\n    own = {'))
    got = run("-c", "mailferry.conf", "check")
    for words in ("source `old': it asks more than once a minute", "source `twin': source `old' reads the same mailbox"):
        assert sum(words in line for line in got[2].splitlines()) == 1, (words, got)

with tap.case("errors of sources have file and line"):
    write("mailferry.conf", SOURCES % 'folders = "INBOX"; keep = true; delete = "soon";')
    expect(run("-c", "mailferry.conf", "check"), CONFIG, "",
           "mailferry.conf:7: key `sources.old.delete': expected \"never\", \"at-once\", \"after-delivery\" or a time such as "
           "\"30d\", got \"soon\": write a whole number and a unit: ms, s, m, h, d or w\n"
           "mailferry.conf:7: key `sources.old.folders': POP3 has one folder only: take it away, or use protocol \"imap\"\n")

with tap.case("route knows what sources bring"):
    write("mailferry.conf", SOURCES % "")
    expect(run("-c", "mailferry.conf", "route", "old", "x@office.example"), OK,
           "old\n  account: office (info@office.example at imap.office.example, port 993)\n  rules:   %s/rules/a.sieve\n"
           "  why:     info@office.example in account office\n"
           "  sources: old (all its mail), own (what names this address in its recipients_from)\n"
           "x@office.example\n  account: office (info@office.example at imap.office.example, port 993)\n"
           "  rules:   %s/rules/a.sieve\n  why:     (whole domain) @office.example in account office\n"
           "  sources: own (what names this address in its recipients_from)\n" % (place, place))
    status, out, _ = run("-c", "mailferry.conf", "route", "--json", "info@office.example")
    assert status == OK and json.loads(out)["sources"] == ["old", "own"], out
    got = run("-c", "mailferry.conf", "route", "own")
    expect(got, USAGE, "")
    assert "source own takes recipients from each message" in got[2], got

shutil.rmtree(place)
tap.done()
