"""What a command can be told stands in its --help and in mailferry(1)."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.tap import Tap  # noqa: E402

SOURCE = os.environ["top_srcdir"]
PROGRAM = os.path.join(os.environ["top_builddir"], "src", "mailferry")
OPTION = re.compile(r'\{ "([a-z][a-z-]*)", (?:no|required|optional)_argument')
COMMAND = re.compile(r"^int command_(\w+)\(const struct command", re.M)


def help_of(command):
    return subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout


def main():
    tap = Tap()
    with open(os.path.join(SOURCE, "docs", "mailferry.1")) as f:
        manual = f.read()
    seen = 0
    for path in sorted(glob.glob(os.path.join(SOURCE, "src", "cmd", "*.c"))):
        with open(path) as f:
            text = f.read()
        options, commands = OPTION.findall(text), COMMAND.findall(text)
        if not options or not commands:
            continue
        seen += 1
        with tap.case("mailferry %s: each option is explained" % commands[0]):
            told = help_of(commands[0])
            missing = [o for o in options if not re.search(r"--%s\b" % re.escape(o), told)]
            assert not missing, "not in --help: %s" % missing
            missing = [o for o in options if not re.search(r"Fl -%s\b" % re.escape(o), manual)]
            assert not missing, "not in mailferry(1): %s" % missing
    with tap.case("there are commands with options"):
        assert seen >= 5, seen
    tap.done()


if __name__ == "__main__":
    main()
