"""The office scripts in rules/ make of each sample message the plan that lies beside it; and `mailferry try` itself."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.tap import Tap  # noqa: E402

SOURCE = os.environ["top_srcdir"]
PROGRAM = os.path.join(os.environ["top_builddir"], "src", "mailferry")


def run(*args, cwd=None, stdin=b""):
    return subprocess.run([PROGRAM, "try", *args], cwd=cwd, input=stdin, capture_output=True, timeout=300)


def samples(tap):
    scripts = sorted(glob.glob(os.path.join(SOURCE, "rules", "*.sieve")))
    assert scripts
    for script in scripts:
        name = os.path.basename(script)[:-len(".sieve")]
        folder = os.path.join(SOURCE, "rules", "samples", name)
        messages = sorted(f for f in os.listdir(folder) if f.endswith(".eml"))
        with tap.case("%s.sieve has samples" % name):
            assert len(messages) >= 5, messages
        options = []
        if os.path.exists(os.path.join(folder, "options")):
            with open(os.path.join(folder, "options")) as f:
                options = f.read().split()
        result = run("--json", *options, script, *messages, cwd=folder)
        lines = result.stdout.decode().splitlines()
        for message, line in zip(messages, lines):
            with tap.case("%s.sieve: %s" % (name, message)):
                with open(os.path.join(folder, message[:-len(".eml")] + ".plan.json")) as f:
                    assert line == f.read().rstrip("\n"), line
        with tap.case("%s.sieve runs over all of them" % name):
            assert (result.returncode, len(lines), result.stderr) == (0, len(messages), b""), result


class Folder:
    """A temporary folder with a script and messages."""

    def __init__(self, path, script):
        self.path = path
        self.write("t.sieve", script.encode())

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)

    def plan(self, *args, stdin=b""):
        """The JSON objects, the status and standard error."""
        result = run("--json", "t.sieve", *args, cwd=self.path, stdin=stdin)
        return [json.loads(line) for line in result.stdout.splitlines()], result.returncode, result.stderr.decode()


def command(tap, folder):
    def actions(*args, stdin=b""):
        plans, status, errors = folder.plan(*args, stdin=stdin)
        assert (status, errors) == (0, ""), (status, errors)
        return [[a["action"] for a in p["actions"]] for p in plans]

    folder.write("t.sieve", b'require "envelope"; if envelope "from" "a@b.example" { discard; }')
    folder.write("lf.eml", b"From: a@b.example\nTo: c@d.example\n\nbody\n")
    with tap.case("the sender is taken from the header"):
        assert actions("lf.eml") == [["discard"]]
        folder.write("m.eml", b"Return-Path: <>\r\nFrom: a@b.example\r\n\r\n")
        assert actions("m.eml") == [[]]
        folder.write("m.eml", b"From: x@y.example\r\nSender: a@b.example\r\n\r\n")
        assert actions("m.eml") == [["discard"]]
    with tap.case("--from replaces it"):
        assert actions("--from", "x@y.example", "lf.eml") == [[]]
        assert actions("--from", "", "lf.eml") == [[]]
        assert actions("lf.eml", "--from=<A@b.example>", "--to", "<>") == [["discard"]]
    with tap.case("so for the recipient"):
        folder.write("t.sieve", b'require "envelope"; if envelope "to" "c@d.example" { discard; }')
        assert actions("lf.eml") == [["discard"]]
        folder.write("m.eml", b"Delivered-To: c@d.example\nTo: x@y.example\n\n")
        assert actions("m.eml") == [["discard"]]
        assert actions("--to", "x@y.example", "m.eml") == [[]]
    with tap.case("line ends are CRLF whatever they are in the file"):
        folder.write("t.sieve", b"if allof (not size :over 43, not size :under 43) { discard; }")
        folder.write("crlf.eml", b"From: a@b.example\r\nTo: c@d.example\r\n\r\nbody")
        assert actions("lf.eml", "crlf.eml") == [[], []]  # 44 octets
        folder.write("t.sieve", b"if allof (not size :over 44, not size :under 44) { discard; }")
        assert actions("lf.eml", "crlf.eml") == [["discard"], ["discard"]]
    with tap.case("standard input is a message too"):
        assert actions("-", stdin=b"From: a@b.example\nTo: c@d.example\n\nbody\n") == [["discard"]]
    with tap.case("a large message is not held in memory"):
        folder.write("t.sieve", b"if size :over 20M { discard; }")
        folder.write("large.eml", b"Subject: x\n\n" + b"0123456789abcde\n" * (21 * 65536))
        assert actions("large.eml") == [["discard"]]
    with tap.case("a missing message is told, the others are tried"):
        plans, status, errors = folder.plan("lf.eml", "nosuch.eml", "lf.eml")
        assert (len(plans), status) == (2, 66) and "nosuch.eml" in errors, (plans, status, errors)
    with tap.case("a run-time error is in the plan"):
        folder.write("t.sieve", b'require "reject";\nkeep;\n reject "x";')
        plans, status, errors = folder.plan("lf.eml")
        assert status == 0 and plans[0]["implicit_keep"] is True and plans[0]["actions"] == [], plans
        assert plans[0]["error"].startswith("t.sieve:3:2: error: "), plans
    with tap.case("a script that does not compile: its errors, and 65"):
        folder.write("t.sieve", b"keep;\nfileinto 5;\nkep;\n")
        plans, status, errors = folder.plan("lf.eml")
        assert (plans, status, errors) == ([], 65, (
            't.sieve:2:1: error: "fileinto" needs the extension: expected require "fileinto"; at the top of the script\n'
            "    2 | fileinto 5;\n"
            "      | ^~~~~~~~\n"
            't.sieve:2:10: error: expected the mailbox (a string) of "fileinto", found a number\n'
            "    2 | fileinto 5;\n"
            "      |          ^\n"
            't.sieve:3:1: error: unknown command "kep": expected "keep"?\n'
            "    3 | kep;\n"
            "      | ^~~\n"
            't.sieve: at the top of the script write: require ["fileinto"];\n')), (plans, status, errors)
    with tap.case("warnings do not refuse a script"):
        folder.write("t.sieve", b'require "fileinto";\nstop;\nkeep;\n')
        plans, status, errors = folder.plan("lf.eml")
        assert (len(plans), status) == (1, 0), (plans, status)
        assert errors == (
            't.sieve:1:9: warning: "fileinto" is required and not used\n'
            '    1 | require "fileinto";\n'
            "      |         ^~~~~~~~~~\n"
            't.sieve:3:1: warning: this is never reached: "stop" in line 2 ends it\n'
            "    3 | keep;\n"
            "      | ^~~~\n"), errors
    with tap.case("a missing script: 66"):
        result = run("nosuch.sieve", "lf.eml", cwd=folder.path)
        assert result.returncode == 66 and b"nosuch.sieve" in result.stderr, result
    with tap.case("wrong usage: 64"):
        for args in ([], ["t.sieve"], ["--from"], ["--bogus", "t.sieve", "lf.eml"]):
            assert run(*args, cwd=folder.path).returncode == 64, args
    with tap.case("--explain: each line at which something happened, and what"):
        folder.write("t.sieve", b'require ["fileinto", "variables"];\n'
                                b'if header :contains "subject" ["a", "voi"] {\n'
                                b'\tset "x" "1";\n'
                                b'} elsif not exists "x" {\n'
                                b'\tif header :matches "subject" "*: *" { fileinto "F/${2}"; }\n'
                                b'}\n')
        folder.write("one.eml", b"From: a@b.example\nSubject: Invoice\n\nbody\n")
        folder.write("two.eml", "From: a@b.example\nSubject: Hé: \x1b[1mé\xff\n\nbody\n".encode("latin-1"))
        result = run("--explain", "t.sieve", "one.eml", "two.eml", cwd=folder.path)
        assert result.stdout.decode() == (
            "one.eml:\n"
            '    2 | if header :contains "subject" ["a", "voi"] {\n'
            '      |     header is true: Subject "Invoice" by the key "voi"\n'
            "      |     if: its block runs\n"
            '    3 |         set "x" "1";\n'
            '      |     ${x} is "1"\n'
            "      |     set is carried out\n"
            "one.eml: implicit keep, because nothing above took its place\n"
            "two.eml:\n"
            '    2 | if header :contains "subject" ["a", "voi"] {\n'
            '      |     header is false: Subject "H\ufffd: ?[1m\ufffd\ufffd"\n'
            "      |     if: its block is passed over\n"
            '    4 | } elsif not exists "x" {\n'
            '      |     exists is false: there is no "x"\n'
            "      |     elsif: its block runs\n"
            '    5 |         if header :matches "subject" "*: *" { fileinto "F/${2}"; }\n'
            '      |     ${1} is "H\ufffd"\n'
            '      |     ${2} is "?[1m\ufffd\ufffd"\n'
            '      |     header is true: Subject "H\ufffd: ?[1m\ufffd\ufffd" by the key "*: *"\n'
            "      |     if: its block runs\n"
            "      |     fileinto fails, and ends the run\n"
            "two.eml: the rules failed: " + result.stdout.decode().split("the rules failed: ")[1]), result.stdout.decode()
    with tap.case("--explain: what tests look at that have no keys, and what is not there"):
        folder.write("looks.sieve", b'require ["mailbox", "duplicate", "ihave", "special-use", "mboxmetadata",\n'
                                    b'"mailboxid"];\n'
                                    b'if anyof (size :over 1K, exists ["from", "x-a", "x-b"], mailboxexists ["INBOX", "Foo"],\n'
                                    b'specialuse_exists "\\\\Junk", metadataexists "INBOX" "/private/a", mailboxidexists "F1",\n'
                                    b'header "x-c" "d", ihave "nonsense", duplicate) { discard; }\n')
        folder.write("looks.eml", b"From: a@b.example\nTo: c@d.example\nMessage-ID: <1@b.example>\n\nbody\n")
        text = run("--explain", "looks.sieve", "looks.eml", cwd=folder.path).stdout.decode()
        said = re.findall(r"\|     (?!if)(.*)", text)
        assert said == ['size is false: "71"', 'exists is false: there is no "x-a"', 'mailboxexists is false: there is no "Foo"',
                        'specialuse_exists is false: there is no "\\Junk"', 'metadataexists is false: there is no "/private/a"',
                        'mailboxidexists is false: there is no "F1"', "header is false: there is nothing to compare",
                        'ihave is false: there is no "nonsense"', 'duplicate is false: "<1@b.example>"'], text
        first = json.loads(run("--explain", "--json", "looks.sieve", "looks.eml", cwd=folder.path).stdout)["explain"][1]
        assert first == {"line": 3, "test": "exists", "true": False, "compared": 1, "values": [{"missing": "x-a"}]}, first
    with tap.case("--explain: why nothing is sent"):
        folder.write("sends.sieve", b'require ["vacation", "enotify"];\nvacation "x";\nnotify "mailto:a@b.example";\n'
                                b'notify "mailto:a@b.example";\n')
        folder.write("first.eml", b"From: a@b.example\nTo: c@d.example\n\n")
        folder.write("second.eml", b"From: a@b.example\nTo: c@d.example\nList-Id: <x>\nAuto-Submitted: auto-generated\n\n")
        text = run("--explain", "--remember", "sends.sieve", "first.eml", "first.eml", "second.eml", cwd=folder.path).stdout.decode()
        first, second, third = re.split(r"(?m)^(?=\S+\.eml:$)", text)[1:]
        assert "sends no answer" not in first and "sends nothing: whoever it is for is told the same already" in first, text
        assert "vacation sends no answer: its sender got one before" in second, text
        assert "vacation sends no answer: a program sent it (Auto-Submitted)" in third, text
        assert third.count("notify sends nothing: a program sent it (Auto-Submitted)") == 2, text
        # What does nothing is not carried out.
        assert [t.count("is carried out") for t in (first, second, third)] == [2, 1, 0], text
    with tap.case("--explain --json: the same for programs, bounded"):
        plan = json.loads(run("--explain", "--json", "t.sieve", "one.eml", cwd=folder.path).stdout)
        assert plan["explain"][0] == {"line": 2, "test": "header", "true": True, "compared": 1, "values": [
            {"field": "Subject", "value": "Invoice", "key": "voi"}]}, plan
        assert [list(s)[1] for s in plan["explain"]] == ["test", "branch", "variable", "command"], plan
        folder.write("t.sieve", b"if true { }\n" * 3000)
        folder.write("one.eml", b"Subject: " + b"x" * 5000 + b"\n" + b"To: a@b.example\n" * 20 + b"\n")
        plan = json.loads(run("--explain", "--json", "t.sieve", "one.eml", cwd=folder.path).stdout)
        assert (len(plan["explain"]), plan["left_out"]) == (2000, 4000), plan["left_out"]
        folder.write("t.sieve", b'if header :contains ["to", "subject"] "q" { } if header :contains "subject" "x" { discard; }\n')
        plan = json.loads(run("--explain", "--json", "t.sieve", "one.eml", cwd=folder.path).stdout)
        first, second = plan["explain"][0], plan["explain"][2]
        assert (len(first["values"]), first["compared"]) == (10, 21), first
        assert len(second["values"][0]["value"]) == 1001 and plan["actions"][0]["line"] == 1, second
    with tap.case("--now, --auth and --env are what rules are told"):
        folder.write("t.sieve", b'require ["date", "environment"];\n'
                                b'if currentdate :is "iso8601" "2026-12-24T09:00:00+01:00" { keep; }\n'
                                b'if environment :is "vnd.office" "hall" { discard; }\n')
        assert actions("--now", "2026-12-24T09:00+01:00", "lf.eml") == [["keep"]]
        assert actions("--now", "2026-12-24T08:00Z", "--env", "vnd.office=hall", "lf.eml") == [["discard"]]
        for args in (["--now", "tomorrow"], ["--now", "2026-12-24T09:00x"], ["--env", "x"], ["--env", "=x"]):
            assert run(*args, "t.sieve", "lf.eml", cwd=folder.path).returncode == 64, args
    with tap.case("--remember: the rules know of the messages before"):
        folder.write("t.sieve", b'require "duplicate"; if duplicate :header "subject" { discard; }')
        folder.write("one.eml", b"Subject: one\n\n")
        folder.write("two.eml", b"Subject: two\n\n")
        assert actions("one.eml", "one.eml") == [[], []]
        assert actions("--remember", "one.eml", "two.eml", "one.eml") == [[], [], ["discard"]]
        folder.write("t.sieve", b'require ["duplicate", "reject"]; if duplicate :header "subject" { discard; } else { reject "x"; }')
        # What is refused while it comes was never here.
        assert actions("--remember", "one.eml", "one.eml") == [["reject"], ["reject"]]
        folder.write("t.sieve", b'require ["duplicate", "reject"]; if duplicate :header "subject" { stop; } keep; reject "x";')
        plans, status, errors = folder.plan("--remember", "one.eml", "one.eml")
        assert all("error" in p for p in plans), plans  # a run that fails remembers nothing (RFC 7352, 3)
    with tap.case("plain words for people"):
        folder.write("t.sieve", b'require ["fileinto", "mailbox", "imap4flags", "copy"];\n'
                                b'fileinto :create :copy :flags "\\\\Seen" "Invoices";')
        result = run("t.sieve", "lf.eml", cwd=folder.path)
        assert result.stdout.decode() == (
            'lf.eml: fileinto "Invoices" (flags \\Seen), created if it is missing, as a copy\n'
            "lf.eml: implicit keep\n"), result
    with tap.case("what a sender wrote does nothing to a terminal"):
        folder.write("t.sieve", b'require ["fileinto", "variables", "ihave"];\n'
                                b'if header :matches "subject" "*" { fileinto "${1}"; }\n'
                                b'if header :matches "x-text" "*" { error "${1}"; }\n')
        folder.write("hidden.eml", b"Subject: =?utf-8?q?a=C2=9B31m=E2=80=AEb?=\n\nx\n")
        folder.write("fails.eml", b"X-Text: =?utf-8?q?a=C2=9B31m=E2=80=AEb?=\n\nx\n")
        result = run("t.sieve", "hidden.eml", "fails.eml", cwd=folder.path)
        assert result.stdout.decode() == (
            'hidden.eml: fileinto "a\\u009b31m\\u202eb"\n'
            "fails.eml: the rules failed: t.sieve:3:35: error: a?31m?b\n"
            "fails.eml: implicit keep\n"), result.stdout


def main():
    tap = Tap(300)
    samples(tap)
    with tempfile.TemporaryDirectory() as path:
        command(tap, Folder(path, "keep;"))
    tap.done()


main()
