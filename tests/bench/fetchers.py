"""
Who fetches the mails: mailferry, and its neighbours as they are set up by
somebody who wants them fast. Each is called with a Job and returns a Figure.
"""

import os
import poplib
import shutil
import time

from bench.clients import Figure
from lib.area import answers, find_program, free_port, wait_for
from lib.ferry import Ferry

RULES = 'require ["fileinto", "mailbox"];\nif address :domain "from" "example.org" { fileinto :create "%s"; }\n'


class Job:
    """What is to be fetched: `protocol` from `port` as `user`, `count` messages; into `folder` at `far`, a port."""

    def __init__(self, area, protocol, port, user, count, far, folder):
        self.area = area
        self.protocol = protocol
        self.port = port
        self.user = user
        self.count = count
        self.far = far
        self.folder = folder


def fresh(area, name):
    shutil.rmtree(area.path(name), ignore_errors=True)
    area.mkdir(name)
    return area.path(name)


def run_to_end(area, name, argv, count, env=None, seconds=1800, fine=(0,)):
    """Runs a program to its end and takes what the kernel counted for it and all that it waited for."""
    out = area.path(name + ".out")
    if os.path.exists(out):
        os.unlink(out)
    began = time.monotonic()
    p = area.start(argv, log=name + ".out", env=dict(env or os.environ, HOME=area.path(name)))
    ended = 0
    while not ended:
        if time.monotonic() - began > seconds:
            raise RuntimeError("%s was not done after %d s" % (name, seconds))
        time.sleep(0.002)
        ended, status, usage = os.wait4(p.pid, os.WNOHANG)
    took = time.monotonic() - began
    p.returncode = os.waitstatus_to_exitcode(status)
    area.children.remove(p)
    if p.returncode not in fine:
        with open(out, errors="replace") as f:
            raise RuntimeError("%s ended with %d: %s" % (name, p.returncode, f.read()[-500:]))
    return Figure(took, usage.ru_utime + usage.ru_stime, count)


# ---- mailferry ----
def ferry_of(job, rules, name="ferry-fetch", **source):
    fresh(job.area, name)
    config = {"listeners": None, "accounts": {"office": {"retry_min": "1h", "retry_max": "1h"}}, "sources": {
        "old": dict({"protocol": job.protocol, "host": "localhost", "port": job.port, "tls": "none", "user": job.user,
                     "password_file": "office.password", "account": "office", "to": "office@office.example",
                     "keep": True}, **source)}}
    return Ferry(job.area, None, rules, config, name=name, port=job.far)


def sync(ferry, count, name="sync"):
    return run_to_end(ferry.area, name, [os.path.join(ferry.area.bin, "mailferry"), "sync", "old", "-c", ferry.file], count,
                      env=ferry.env)


def mailferry(job):
    """`mailferry sync`: from its start until all is filed and it has ended."""
    return sync(ferry_of(job, RULES % job.folder), job.count)


# ---- the neighbours ----
def mbsync(job):
    fresh(job.area, "mbsync")
    state = job.area.mkdir("mbsync", "state")
    account = "IMAPAccount %s\nHost 127.0.0.1\nPort %d\nUser %s\nPass s3cret\nSSLType None\nAuthMechs LOGIN\n\n" \
        "IMAPStore %s\nAccount %s\n\n"
    config = job.area.write("mbsync/rc", account % ("src", job.port, job.user, "src", "src")
                            + account % ("dst", job.far, "office", "dst", "dst")
                            + "Channel bench\nFar :src:INBOX\nNear :dst:%s\nSync Pull New\nSyncState %s/\n"
                            % (job.folder, state), 0o600)
    return run_to_end(job.area, "mbsync", [find_program("mbsync"), "-q", "-c", config, "bench"], job.count)


def fdm(job):
    fresh(job.area, "fdm")
    config = job.area.write("fdm/conf", "\n".join((
        'set lock-file "%s"' % job.area.path("fdm", "lock"), "set maximum-size 50M", "set queue-high 50", "set queue-low 40",
        'account "near" %s server "127.0.0.1" port %d user "%s" pass "s3cret" %s keep'
        % (job.protocol, job.port, job.user, "no-cram-md5" if job.protocol == "imap" else "no-apop"),
        'action "far" imap server "127.0.0.1" port %d user "office" pass "s3cret" folder "%s" no-cram-md5'
        % (job.far, job.folder), 'match all action "far"', "")), 0o600)
    return run_to_end(job.area, "fdm", [find_program("fdm"), "-q", "-f", config, "fetch"], job.count)


def getmail(job):
    """Into a Maildir: what reading alone costs with it. It makes a process for each message, and may miss that one's end:
    then it waits for a minute, and gives up."""
    fresh(job.area, "getmail")
    for sub in ("", "new", "cur", "tmp"):
        job.area.mkdir("getmail", "mail", sub)
    kind = "SimplePOP3Retriever" if job.protocol == "pop3" else "SimpleIMAPRetriever"
    job.area.write("getmail/getmailrc", "[retriever]\ntype = %s\nserver = 127.0.0.1\nport = %d\nusername = %s\n"
                   "password = s3cret\n\n[destination]\ntype = Maildir\npath = %s/\n\n[options]\nread_all = true\n"
                   "delete = false\nverbose = 0\n" % (kind, job.port, job.user, job.area.path("getmail", "mail")), 0o600)
    figure = run_to_end(job.area, "getmail", [find_program("getmail"), "--getmaildir", job.area.path("getmail"),
                                              "--rcfile", "getmailrc"], job.count, seconds=70)
    have = len(os.listdir(job.area.path("getmail", "mail", "new")))
    if have != job.count:
        raise RuntimeError("getmail brought %d of %d messages" % (have, job.count))
    return figure


def fetchmail(job):
    """Into smtp-sink, which throws all away: what reading alone costs with it."""
    program, env = job.area.tool("smtp-sink")
    if not program:
        raise RuntimeError("smtp-sink is missing; it is Postfix's")
    fresh(job.area, "fetchmail")
    port = free_port()
    sink = job.area.start([program, "127.0.0.1:%d" % port, "64"], log="sink.log", env=env)
    try:
        wait_for("smtp-sink", lambda: answers(port), 30)
        config = job.area.write("fetchmail/rc", "poll 127.0.0.1 protocol %s port %d auth password user \"%s\" password "
                                "\"s3cret\" is \"office@office.example\" here smtphost 127.0.0.1/%d sslproto \"\" keep "
                                "fetchall no rewrite\n" % (job.protocol, job.port, job.user, port), 0o600)
        argv = [find_program("fetchmail"), "-s", "-f", config, "-i", job.area.path("fetchmail", "ids"),
                "--pidfile", job.area.path("fetchmail", "pid")]
        return run_to_end(job.area, "fetchmail", argv, job.count, env=dict(env, FETCHMAILHOME=job.area.path("fetchmail")))
    finally:
        job.area.kill(sink)


def fetchmail_batch(job):
    """Into a batch of SMTP that is thrown away: without a peer that it waits for."""
    fresh(job.area, "fetchmail")
    config = job.area.write("fetchmail/rc", "poll 127.0.0.1 protocol %s port %d auth password user \"%s\" password "
                            "\"s3cret\" is \"office@office.example\" here bsmtp \"/dev/null\" sslproto \"\" keep fetchall "
                            "no rewrite\n" % (job.protocol, job.port, job.user), 0o600)
    argv = [find_program("fetchmail"), "-s", "-f", config, "-i", job.area.path("fetchmail", "ids"),
            "--pidfile", job.area.path("fetchmail", "pid")]
    return run_to_end(job.area, "fetchmail", argv, job.count,
                      env=dict(os.environ, FETCHMAILHOME=job.area.path("fetchmail")))


# ---- an unchanged mailbox, for the second time ----
# Each fetches it once without a long line, and returns what does it again by another port.
def mailferry_again(job):
    ferry = ferry_of(job, "discard;", name="ferry-again")
    sync(ferry, job.count, "first")

    def again(port):
        ferry.save(sources={"old": {"port": port}})
        return sync(ferry, job.count, "again")
    return again


def mbsync_again(job):
    fresh(job.area, "mbsync-again")
    for sub in ("state", "mail", "mail/new", "mail/cur", "mail/tmp"):
        job.area.mkdir("mbsync-again", sub)

    def run(port):
        config = job.area.write("mbsync-again/rc", "FSync no\nIMAPAccount src\nHost 127.0.0.1\nPort %d\nUser %s\nPass s3cret\n"
                                "SSLType None\nAuthMechs LOGIN\n\nIMAPStore src\nAccount src\n\nMaildirStore dst\nInbox %s\n"
                                "\nChannel bench\nFar :src:INBOX\nNear :dst:INBOX\nSync Pull New\nSyncState %s/\n"
                                % (port, job.user, job.area.path("mbsync-again", "mail"),
                                   job.area.path("mbsync-again", "state")), 0o600)
        return run_to_end(job.area, "mbsync-again", [find_program("mbsync"), "-q", "-c", config, "bench"], job.count)
    run(job.port)
    return run


def fdm_again(job):
    """By its cache of UIDLs, written here as fdm does, whose own first run would take hours; IMAP by what is not \\Seen."""
    fresh(job.area, "fdm-again")
    only = "new-only"
    if job.protocol == "pop3":
        p = poplib.POP3("127.0.0.1", job.port, timeout=120)
        p.user(job.user)
        p.pass_("s3cret")
        uids = [line.split()[1].decode() for line in p.uidl()[1]]
        p.quit()
        only += ' cache "%s"' % job.area.write("fdm-again/cache", "".join("%d %s\n" % (len(u), u) for u in uids), 0o600)

    def run(port):
        config = job.area.write("fdm-again/conf", "\n".join((
            'set lock-file "%s"' % job.area.path("fdm-again", "lock"), "set queue-high 50", "set queue-low 40",
            'account "near" %s server "127.0.0.1" port %d user "%s" pass "s3cret" %s %s keep'
            % (job.protocol, port, job.user, only, "no-cram-md5" if job.protocol == "imap" else "no-apop"),
            'action "drop" drop', 'match all action "drop"', "")), 0o600)
        return run_to_end(job.area, "fdm-again", [find_program("fdm"), "-q", "-f", config, "fetch"], job.count)
    run(job.port)
    return run
