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
                       encoding="utf-8", timeout=60)
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

with tap.case("the sample is good once the secrets are there"):
    shutil.copy(os.path.join(SOURCE, "conf", "mailferry.conf.sample"), os.path.join(place, "sample.conf"))
    write("office.password", "s3cret\n", 0o600)
    expect(run("-c", "sample.conf", "check"), OK, "sample.conf: 2 listeners, 1 account, 0 rules files: good\n")

shutil.rmtree(place)
tap.done()
