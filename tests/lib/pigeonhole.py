"""Dovecot's Sieve, by its `sieve-test` (Debian: dovecot-sieve): what it would do with a message, in the words of our plans."""

import os
import re
import shutil
import subprocess

CONFIG = """mail_location = maildir:{dir}/mail
mail_home = {dir}/home
postmaster_address = postmaster@office.example
hostname = office.example
protocols =
"""


class SieveTest:
    """In FOLDER, which others may write to: sieve-test does nothing for root."""

    def __init__(self, folder):
        self.program = shutil.which("sieve-test")
        self.folder = folder
        self.config = os.path.join(folder, "dovecot.conf")
        self.user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(folder, 0o777)
        with open(self.config, "w") as f:
            f.write(CONFIG.format(dir=folder))

    def run(self, script, message, sender=None, recipient=None):
        """Its output and errors, and whether the script ran without an error."""
        # What another script was compiled to, at the same second.
        binary = os.path.splitext(script)[0] + ".svbin"
        if os.path.exists(binary):
            os.unlink(binary)
        args = [self.program, "-c", self.config, "-x", "+editheader +regex +spamtest +spamtestplus +virustest"]
        args += [] if sender is None else ["-f", sender]
        args += [] if recipient is None else ["-r", recipient, "-a", recipient]
        done = subprocess.run(args + [script, message], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                              env={"HOME": self.folder, "PATH": os.environ.get("PATH", "")}, **self.user)
        return done.stdout, done.stderr, done.returncode == 0


def plan(out, failed):
    """What that output says, as [(action, target, flags, create, copy)], and whether there is an implicit keep."""
    actions = []
    text = out.decode(errors="surrogateescape")
    for line in text.splitlines():
        m = re.match(r" \* store message in folder: (.*)$", line)
        if m:
            actions.append(["fileinto", m.group(1), (), False, False])
        elif line.startswith(" * redirect message to: <"):
            actions.append(["redirect", line[len(" * redirect message to: <"):-1], (), False, False])
        elif line.startswith(" * reject message with reason: "):
            actions.append(["reject", line[len(" * reject message with reason: "):], (), False, False])
        elif line == " * discard":
            actions.append(["discard", "", (), False, False])
        elif line.startswith(" * send vacation message"):
            actions.append(["vacation", "", (), False, False])
        elif actions and line.startswith("        + add IMAP flags: "):
            actions[-1][2] = tuple(sorted(line.split(": ", 1)[1].lower().split()))
        elif actions and line.startswith("        + create mailbox"):
            actions[-1][3] = True
        elif actions and line.startswith("        + preserve implicit keep"):
            actions[-1][4] = True
    kept = "Implicit keep:\n\n  (none)" not in text
    implicit = None
    if kept:
        # It is told as an action behind that title.
        at = text.find("Implicit keep:")
        stored = re.findall(r"add IMAP flags: (.*)", text[at:])
        implicit = tuple(sorted(stored[0].lower().split())) if stored else ()
        before = text[:at]
        actions = actions[:len(re.findall(r"^ \* ", before, re.M))]
    return [tuple(a) for a in actions], (() if failed else implicit)
