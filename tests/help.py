"""What a command can be told stands in its --help and in mailferry(1), what a script can use in mailferry-rules(7)."""

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

EXTENSION = re.compile(r'struct sieve_extension \w+ = \{\s*(?:\.name = )?"([^"]+)"')
WORD = re.compile(r'\{ "([a-z_]+)", SIEVE_(?:CONTROL|ACTION|TEST)')
TAGS = re.compile(r"struct sieve_(?:tag|match_type|address_part) \w+\[\] = \{(.*?)\n\};", re.S)
TAG = re.compile(r'\{ (?:\.name = )?"([a-z]+)"')


def help_of(command):
    return subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, timeout=300, check=True).stdout


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rules(tap):
    """Words of the language, from the tables of the engine."""
    tables = "".join(read(path) for path in sorted(glob.glob(os.path.join(SOURCE, "src", "sieve", "*.c"))))
    manual, notes = (read(os.path.join(SOURCE, "docs", name)) for name in ("mailferry-rules.7", "rules.md"))
    extensions, words = set(EXTENSION.findall(tables)), set(WORD.findall(tables))
    tags = {tag for table in TAGS.findall(tables) for tag in TAG.findall(table)}
    listed = manual[manual.index(".Sh EXTENSIONS"):manual.index(".Sh FOLDERS")]
    table = notes[notes.index("## Extensions"):notes.index("## What the standards leave open")]
    with tap.case("each extension is in the lists of mailferry-rules(7) and docs/rules.md"):
        assert len(extensions) >= 40, sorted(extensions)
        missing = [e for e in extensions if not re.search(r"Q[qo] %s\b" % re.escape(e), listed)]
        assert not missing, "not in mailferry-rules(7): %s" % missing
        missing = [e for e in extensions if "`%s`" % e not in table]
        assert not missing, "not in docs/rules.md: %s" % missing
    with tap.case("each command, test and tag is in mailferry-rules(7)"):
        assert len(words) >= 55 and len(tags) >= 60, (sorted(words), sorted(tags))
        missing = [w for w in words if not re.search(r"(\bIc|,) (\w+ , )?%s\b" % w, manual)]
        missing += [t for t in tags if not re.search(r"(:|, )%s\b" % t, manual)]
        assert not missing, missing


def main():
    tap = Tap()
    rules(tap)
    manual = read(os.path.join(SOURCE, "docs", "mailferry.1"))
    seen = 0
    for path in sorted(glob.glob(os.path.join(SOURCE, "src", "cmd", "*.c"))):
        text = read(path)
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
