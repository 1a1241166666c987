/* The program mailferry: finds the subcommand and its configuration file. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/command.h"

static const struct command commands[] = {
	{ "run", "[--restored]", "run the daemon, in the foreground",
	  "Reads the configuration, opens the listeners and starts the programs that do the work. SIGTERM ends it in "
	  "order,\n"
	  "SIGHUP reads the configuration and the rules again (a wrong one is reported, and the old one stays in "
	  "force).\n"
	  "\n"
	  "  --restored  the spool directory was put back from a backup: every message in it that is not yet filed is "
	  "looked\n"
	  "              for in the store before it is sent\n",
	  command_run },
	{ "check", "[--keys | --keys=man]", "is the configuration good, with all that it names?",
	  "Reads the configuration, the secrets and the rules that it names, and compiles the rules. Prints every "
	  "error with\n"
	  "its file and line, and exits 78 when there is one.\n"
	  "\n"
	  "  --keys      print all keys with their meaning and default; --keys=man for the manual page\n",
	  command_check },
	{ "route", "[--json] ADDRESS|SOURCE", "which account and rules does an address meet, and why?",
	  "Says who is delivered mail for ADDRESS, or the mail of a source, through which rules, or that it would be\n"
	  "refused.\n",
	  command_route },
	{ "login", "[--paste] [--no-steps] NAME | --steps NAME|PROVIDER",
	  "let a person sign in for an account or a source, and try its mailbox",
	  "Prints what an administrator must do at the account's provider, lets a person sign in where the account's "
	  "grant\n"
	  "asks for one, keeps the sign-in, and tries the mailbox: what is wrong with it is said in words that say "
	  "what "
	  "to do.\n"
	  "Works beside a running daemon, which goes on with the new sign-in at once, and without one.\n"
	  "\n"
	  "  --paste     the browser is on another machine: paste the address that it ends at\n"
	  "  --no-steps  do not print the provider's steps again\n"
	  "  --steps     print only them: for an account, or for a provider such as microsoft365 or gmail\n",
	  command_login },
	{ "probe", "[--write] [--json] [ACCOUNT | SOURCE]", "is the mailbox reached, and what is it like?",
	  "Connects to the account's store (without ACCOUNT: to each in turn) as the daemon would, and shows how it is "
	  "reached,\n"
	  "its certificate, how mailferry logs in and files mail there, room, folders, and how long each step took.\n"
	  "Of a source: logs in as a fetcher does, and counts what lies in the folders that would be fetched; nothing is changed.\n"
	  "Works beside a running daemon and without one.\n"
	  "\n"
	  "  --write  also file a test message into INBOX, find it and remove it\n"
	  "  --json   one object a line\n",
	  command_probe },
	{ "try", "RULES MESSAGE… [--explain] [--json] [--from ADDRESS] [--to ADDRESS] …",
	  "what would these rules do with these messages?",
	  "Compiles the rules and runs them on each message (a file), without filing anything.\n"
	  "\n"
	  "  --explain         say why: the tests that were made, with which values, and which line did what\n"
	  "  --json            one object a line: message, actions, implicit_keep, error\n"
	  "  --from ADDRESS    the envelope sender; otherwise taken from the message\n"
	  "  --to ADDRESS      the envelope recipient; otherwise taken from the message\n"
	  "  --auth USER       who is logged in; otherwise nobody\n"
	  "  --now TIME        as if it were then, such as 2026-12-24T09:00 or 2026-12-24T09:00+01:00\n"
	  "  --env NAME=VALUE  an item of the environment; may be given several times\n"
	  "  --global FOLDER   where the global scripts are that the rules include\n"
	  "  --remember        the rules know of the messages before, as if all came one after the other\n",
	  command_try },
	{ "queue", "[list | show ID | retry … | hold … | release … | delete …]",
	  "look at mail that waits, and act on it",
	  "  list [--all] [--account NAME]   what waits, and why; --all: what is finished too\n"
	  "  show ID…                        everything that is known of a message\n"
	  "  retry ID… | --all | --account NAME [--again]\n"
	  "                                  try now. A delivery in doubt is looked for first; --again sends it again, "
	  "which\n"
	  "                                  may leave a second copy in the folder\n"
	  "  hold ID… | --all | --account NAME      keep queued mail back\n"
	  "  release ID… | --all | --account NAME   let held and quarantined mail go\n"
	  "  delete ID… [--yes]              drop what is not delivered; its record stays. Asks first, unless --yes\n"
	  "\n"
	  "ID is a queue id or the id of one delivery. With --json, list and show print one object a line.\n",
	  command_queue },
	{ "sync", "[NAME…] [--dry-run] [--quiet] [--json] | --forget SOURCE [--yes]",
	  "one run, now: fetch the sources, file what waits",
	  "Fetches the sources NAME, and files the mail that waits for the accounts NAME; without NAME all of them. The running\n"
	  "daemon does it, or, where none runs, this command. Shows how far each source is, and why messages were left.\n"
	  "Ctrl-C ends the display; the run goes on in the daemon.\n"
	  "\n"
	  "  --dry-run        say of each message what would be done with it, by which rule; change nothing anywhere\n"
	  "  --quiet          say only what somebody should look at\n"
	  "  --json           one object a line for each event\n"
	  "  --forget SOURCE  forget what was fetched from SOURCE: what is still there is fetched once more at its next run.\n"
	  "                   Says how much that is, and asks first, unless --yes\n"
	  "\n"
	  "Exit status: 0 all is well; 75 something failed for now and is tried again; 78 a person must act; 64 usage.\n",
	  command_sync },
	{ "copy", "SOURCE [--to ACCOUNT] [--dry-run] [--json]", "copy a whole mailbox, folder by folder, into an account",
	  "Copies all folders of an IMAP source into folders of the same names of ACCOUNT (else of the source's\n"
	  "account), without rules, with flags and dates.\n"
	  "May be interrupted and started again at any time: what was copied is not copied again.\n"
	  "\n"
	  "  --dry-run  say what would be copied where; change nothing anywhere\n"
	  "  --json     one object a line for each event\n",
	  command_copy },
	{ "import", "fetchmailrc FILE | getmailrc FILE… [--passwords DIRECTORY] | fetchmailrc|getmailrc --state FILE [SOURCE]",
	  "come from fetchmail or getmail: their files as a configuration",
	  "Prints what the files say as a configuration of mailferry. What only a person can know is marked FILL IN; what has "
	  "no\n"
	  "equivalent stands there as a comment, with its file and line. Passwords are never printed.\n"
	  "\n"
	  "  --passwords DIRECTORY  write the passwords of the files there, one file a source, for its owner only\n"
	  "  --state FILE [SOURCE]  take over what was fetched already (.fetchids of fetchmail; a file oldmail-… of getmail), so\n"
	  "                         that it is not fetched again: best before the first run of the sources, which\n"
	  "                         must be in the configuration. May be done again\n"
	  "  --of USER@HOST         with --state: whose mail in .fetchids it is that SOURCE fetches now\n"
	  "  --folder NAME          with --state: the IMAP folder that an oldmail file is of\n",
	  command_import },
	{ "status", "[--check] [--json]", "is all well? Each account and source, what waits and why",
	  "Says of each account whether it takes mail, and if not why, until when, and what to do; how much mail waits, how\n"
	  "old it is, what a person must decide, and when mail was filed last. Of each source: when it ran last, what came,\n"
	  "when it runs next, and what is wrong with it.\n"
	  "\n"
	  "  --check  one line, and an exit status for monitoring: 0 all is well, 1 a warning (an account waits, a delivery\n"
	  "           waits for a person, or a source has failed three times in a row), 2 critical (a person must mend an\n"
	  "           account or a source, mail has waited for more than four hours, or the daemon does not answer), 3 not known\n"
	  "  --json   one object a line for each account, then for each source\n",
	  command_status },
	{ "user", "add NAME | password NAME | remove NAME… | list | test NAME",
	  "who may log in to send mail (SMTP AUTH)",
	  "Changes the file that the key users names; it holds no passwords, but salted verifiers (SCRAM). A running daemon\n"
	  "takes a change up within a minute, or at once with SIGHUP.\n"
	  "\n"
	  "  add NAME [--ask] [--sha1]       a new user; prints the password that it makes\n"
	  "  password NAME [--ask] [--sha1]  a new password for one who is there\n"
	  "  remove NAME…                    sessions that are logged in already go on\n"
	  "  list [--json]                   the names, and what each can log in with\n"
	  "  test NAME                       is a password right? Exit status 0: it is; 77: it is not\n"
	  "\n"
	  "  --ask        take a password of your own: asked for twice, or the first line of standard input\n"
	  "  --sha1       a verifier for SCRAM-SHA-1 too, for clients that know nothing newer and do not send the password\n"
	  "  --rounds N   of the hash, 4096 to 1000000; by default 4096 for passwords made here, which nobody can guess, and\n"
	  "               100000 for others\n",
	  command_user },
	{ "trace", "[--json] WORD", "where is that message? By message id, address, subject or queue id",
	  "Says of every message that WORD fits: when it was received and from whom, what the rules decided, in which "
	  "folder it\n"
	  "is and under which UID, or why it waits. With --json: one object a line.\n",
	  command_trace },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void usage_print(FILE *f, const struct command *c)
{
	(void)fprintf(f, "usage: mailferry [-c FILE] %s %s\n", c->name, c->usage);
}

int command_usage(const struct command *self, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "mailferry %s: ", self->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	usage_print(stderr, self);
	(void)fprintf(stderr, "`mailferry %s --help' says more.\n", self->name);
	return EX_USAGE;
}

static int help(void)
{
	(void)printf("usage: mailferry [-c FILE] COMMAND …\n\n"
		     "Takes mail in over SMTP and LMTP, or fetches it by POP3 and IMAP, sorts it with Sieve rules, and files it\n"
		     "into folders of an IMAP store.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf("  %-6s %s\n", commands[i].name, commands[i].summary);
	(void)printf("\n-c FILE names the configuration (default: %s/mailferry.conf).\n"
		     "`mailferry COMMAND --help' says more of a command; see also mailferry(1).\n",
		     SYSCONFDIR);
	return EX_OK;
}

static int command_help(const struct command *c)
{
	usage_print(stdout, c);
	(void)printf("\n%s\n\n%s", c->summary, c->help);
	return EX_OK;
}

/* Takes "-c FILE" out of the arguments, wherever it stands before "--". 0, or -1 when FILE is missing. */
static int take_config(int *argc, char **argv, const char **file)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (i < *argc)
				argv[kept++] = argv[i++];
		} else if (strcmp(argv[i], "-c") == 0) {
			if (++i == *argc)
				return -1;
			*file = argv[i];
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	argv[kept] = NULL;
	return 0;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* Descriptors 0 to 2 are open, also in the roles, so that no socket and no database takes their place. */
static void descriptors_prepare(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	const char *file = SYSCONFDIR "/mailferry.conf";

	descriptors_prepare();
	if (take_config(&argc, argv, &file) != 0) {
		(void)fprintf(stderr, "mailferry: -c needs the name of a configuration file\n");
		return EX_USAGE;
	}
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		(void)help();
		return argc < 2 ? EX_USAGE : EX_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("mailferry %s\n", MAILFERRY_VERSION);
		return EX_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (asks_help(argc - 1, argv + 1))
				return command_help(&commands[i]);
			return commands[i].run(&commands[i], file, argc - 1, argv + 1);
		}
	(void)fprintf(stderr, "mailferry: there is no command \"%s\"; `mailferry --help' lists them\n", argv[1]);
	return EX_USAGE;
}
