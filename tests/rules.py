"""The office scripts in rules/ make of each sample message the plan that lies beside it; and `mailferry try` itself."""

import glob
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.tap import Tap  # noqa: E402

SOURCE = os.environ["top_srcdir"]
PROGRAM = os.path.join(os.environ["top_builddir"], "src", "mailferry")


def run(*args, cwd=None, stdin=b""):
    return subprocess.run([PROGRAM, "try", *args], cwd=cwd, input=stdin, capture_output=True, timeout=60)


def samples(tap):
    scripts = sorted(glob.glob(os.path.join(SOURCE, "rules", "*.sieve")))
    assert scripts
    for script in scripts:
        name = os.path.basename(script)[:-len(".sieve")]
        folder = os.path.join(SOURCE, "rules", "samples", name)
        messages = sorted(f for f in os.listdir(folder) if f.endswith(".eml"))
        with tap.case("%s.sieve has samples" % name):
            assert len(messages) >= 5, messages
        result = run("--json", script, *messages, cwd=folder)
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
        lines = errors.splitlines()
        assert (plans, status, len(lines)) == ([], 65, 2), (plans, status, errors)
        assert lines[0].startswith("t.sieve:2:1: error: ") and lines[1].startswith("t.sieve:3:1: error: "), errors
    with tap.case("a missing script: 66"):
        result = run("nosuch.sieve", "lf.eml", cwd=folder.path)
        assert result.returncode == 66 and b"nosuch.sieve" in result.stderr, result
    with tap.case("wrong usage: 64"):
        for args in ([], ["t.sieve"], ["--from"], ["--bogus", "t.sieve", "lf.eml"]):
            assert run(*args, cwd=folder.path).returncode == 64, args
    with tap.case("plain words for people"):
        folder.write("t.sieve", b'require ["fileinto", "mailbox", "imap4flags", "copy"];\n'
                                b'fileinto :create :copy :flags "\\\\Seen" "Invoices";')
        result = run("t.sieve", "lf.eml", cwd=folder.path)
        assert result.stdout.decode() == (
            'lf.eml: fileinto "Invoices" (flags \\Seen), created if it is missing, as a copy\n'
            "lf.eml: implicit keep\n"), result


def main():
    tap = Tap(120)
    samples(tap)
    with tempfile.TemporaryDirectory() as path:
        command(tap, Folder(path, "keep;"))
    tap.done()


main()
