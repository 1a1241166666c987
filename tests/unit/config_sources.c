/* Sources: what of their keys fits together, what is filled in, and who gets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/load.h"

/* Two accounts, and of a source what all need; the keys of a row stand on line 4. */
#define ACCOUNTS                                                                                                       \
	"accounts = { office = { host = \"imap.office.example\"; user = \"info@office.example\"; password = "          \
	"\"sesame\"; addresses = [ \"@office.example\", \"info@office.example\" ]; };\n"                               \
	"all = { host = \"imap.example.org\"; user = \"all\"; password = \"poppy\"; addresses = \"@example.org\"; "    \
	"}; };\n"
#define SOURCE(keys)                                                                                                   \
	ACCOUNTS "sources = { old = { host = \"mail.example.net\"; user = \"u@example.net\"; password = "              \
		 "\"tahini\";\n" keys "\n}; };\n"
#define POP3(keys) SOURCE("protocol = \"pop3\"; account = \"office\"; " keys)
#define IMAP(keys) SOURCE("protocol = \"imap\"; account = \"office\"; " keys)

static struct config *config;

/* The configuration TEXT, which has just ERRORS; lives until the next call. */
static struct config *check(const char *text, const char *expected)
{
	struct buf errors;

	buf_init(&errors, 1 << 16);
	config_free(&config);
	config = config_check("t", slice_str(text), &errors);
	if (strcmp(buf_str(&errors), expected) != 0)
		(void)fprintf(stderr, "# %s\n", text);
	assert_string_equal(buf_str(&errors), expected);
	assert_int_equal(config == NULL, expected[0] != '\0');
	buf_free(&errors);
	return config;
}

static int forget(void **state)
{
	(void)state;
	config_free(&config);
	return 0;
}

static void keys_must_fit_together(void **state)
{
#define AT(key) "t:4: key `sources.old." key "': "
	static const struct {
		const char *text, *errors;
	} rows[] = {
		{ POP3(""), "" },
		{ IMAP(""), "" },
		{ ACCOUNTS "sources = { };", "t:3: key `sources': the group is empty: expected NAME = { … }; in it\n" },
		{ SOURCE(""),
		  "t:3: key `sources.old.protocol': missing: expected \"pop3\" or \"imap\"\n"
		  "t:3: key `sources.old.account': missing: there are several accounts, name the one that the mail is "
		  "for\n" },
		{ SOURCE("protocol = \"imap4\"; account = \"office\";"),
		  AT("protocol") "expected \"pop3\" or \"imap\", got \"imap4\"\n" },
		{ SOURCE("protocol = \"pop3\"; account = \"ofice\";"), AT("account") "there is no account `ofice'\n" },
		{ ACCOUNTS
		  "sources = {\noffice = { host = \"h\"; user = \"u\"; password = \"x\"; protocol = \"pop3\"; account "
		  "= \"office\"; }; };",
		  "t:4: key `sources.office': the account at t:1 has this name: give the source another, commands and "
		  "logs "
		  "know both by it\n" },
		{ ACCOUNTS "sources = { \"x y\" = { }; };",
		  "t:3: key `sources': expected a key (keys stand without quotes), found a text in quotes\n" },
		{ ACCOUNTS "sources = { x = 5; };", "t:3: key `sources.x': expected a name of letters, digits, - and "
						    "_, and a group { … }, got a number\n" },
		/* recipients */
		{ POP3("to = \"sales@office.example\";"), "" },
		{ POP3("to = \"x@example.org\";"),
		  AT("to") "mail for \"x@example.org\" goes to account `all', not to `office'\n" },
		{ POP3("to = \"x@example.com\";"),
		  AT("to") "no account takes mail for \"x@example.com\": name one of the "
			   "addresses of account `office'\n" },
		{ POP3("to = \"nobody\";"),
		  AT("to") "expected an address such as \"info@office.example\", got \"nobody\"\n" },
		{ POP3("to = \"postmaster\";"),
		  AT("to") "expected an address such as \"info@office.example\", got \"postmaster\"\n" },
		{ POP3("to = \"müller@office.example\";"), "" },
		{ SOURCE("protocol = \"pop3\"; account = \"all\";"),
		  "t:3: key `sources.old.to': missing: account `all' takes whole domains only; give the address that "
		  "this mail "
		  "is for, or recipients_from\n" },
		{ SOURCE(
		      "protocol = \"pop3\"; account = \"all\"; recipients_from = [ \"Delivered-To\", \"Received\" ];"),
		  "" },
		{ POP3("to = \"info@office.example\"; recipients_from = \"Received\";"),
		  AT("to") "recipients_from is given too, which asks each message: give one of the two\n" },
		{ POP3("recipients_from = \"Delivered-To:\";"),
		  AT("recipients_from") "expected names of header fields such as [ \"Delivered-To\", \"Received\" ], "
					"got "
					"\"Delivered-To:\": write the name without the colon\n" },
		{ POP3("recipients_from = [ \"X-Original-To\", \"cc\" ];"),
		  AT("recipients_from") "expected names of header fields such as [ \"Delivered-To\", \"Received\" ], "
					"got "
					"\"cc\": that is what a sender writes, not where a message was sent; mail of "
					"lists and "
					"blind copies would go to the wrong people\n" },
		{ POP3("recipients_from = \"X Y\";"), AT("recipients_from") "expected names of header fields such as [ "
									    "\"Delivered-To\", \"Received\" ], got "
									    "\"X Y\"\n" },
		{ POP3("recipients_from = [];"), AT("recipients_from") "expected names of header fields such as [ "
								       "\"Delivered-To\", \"Received\" ], got a "
								       "list: it is empty\n" },
		/* originals */
		{ POP3("keep = true;"), "" },
		{ POP3("delete = \"30d\";"), "" },
		{ POP3("keep = false; delete = \"after-delivery\";"), "" },
		{ IMAP("move_to = \"Fetched\"; mark_seen = true;"), "" },
		{ IMAP("keep = true; mark_seen = true;"), "" },
		{ POP3("keep = true; delete = \"at-once\";"), AT("delete") "keep is true: take one of the two away\n" },
		{ IMAP("keep = true; move_to = \"x\";"), AT("move_to") "keep is true: take one of the two away\n" },
		{ POP3("keep = false;"), AT("keep") "it does not say what becomes of originals: give delete or move_to "
						    "instead\n" },
		{ POP3("keep = false; delete = \"never\";"),
		  AT("keep") "it does not say what becomes of originals: give delete or move_to instead\n" },
		{ IMAP("delete = \"1d\"; move_to = \"x\";"),
		  AT("move_to") "delete is given too: an original can be moved or deleted, not both\n" },
		{ POP3("delete = \"30\";"), AT("delete") "expected \"never\", \"at-once\", \"after-delivery\" or a "
							 "time such as \"30d\", got \"30\": add a "
							 "unit: ms, s, m, h, d or w\n" },
		{ POP3("delete = \"soon\";"), AT("delete") "expected \"never\", \"at-once\", \"after-delivery\" or a "
							   "time such as \"30d\", got \"soon\": write "
							   "a whole number and a unit: ms, s, m, h, d or w\n" },
		{ POP3("delete = \"0d\";"), AT("delete") "expected \"never\", \"at-once\", \"after-delivery\" or a "
							 "time such as \"30d\", got \"0d\"\n" },
		{ POP3("delete = true;"), AT("delete") "expected \"never\", \"at-once\", \"after-delivery\" or a time "
						       "such as \"30d\", got true\n" },
		/* what POP3 has not */
		{ POP3("folders = \"INBOX\";"),
		  AT("folders") "POP3 has one folder only: take it away, or use protocol \"imap\"\n" },
		{ POP3("move_to = \"x\";"),
		  AT("move_to") "POP3 has one folder only: use delete or keep, or protocol \"imap\"\n" },
		{ POP3("mark_seen = true;"),
		  AT("mark_seen") "POP3 has no flags: take it away, or use protocol \"imap\"\n" },
		{ POP3("push = true;"), AT("push") "POP3 can't tell when mail comes: give every or at\n" },
		{ POP3("push = false; mark_seen = false;"), "" },
		{ POP3("compress = \"on\";"), AT("compress") "POP3 has no compression: take it away\n" },
		/* logging in */
		{ POP3("auth = \"APOP\";"), "" },
		{ POP3("auth = \"USER\";"), "" },
		{ IMAP("auth = \"APOP\";"), AT("auth") "\"APOP\" is a login of POP3, and protocol is \"imap\"\n" },
		{ POP3("auth = \"APOP\"; login_as = \"boss\";"),
		  AT("auth") "\"APOP\" can't name both user and login_as\n" },
		{ POP3("auth = \"XOAUTH2\";"),
		  AT("auth") "\"XOAUTH2\" takes access tokens, and the source has no oauth\n" },
		{ "accounts = { a = { host = \"h\"; user = \"u\"; password = \"x\"; addresses = \"@x.example\";\n"
		  "auth = \"USER\"; }; };",
		  "t:2: key `accounts.a.auth': \"USER\" is a login of POP3, and the account's store speaks IMAP\n" },
		{ POP3("pin_sha256 = \"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"; tls = \"none\";"),
		  AT("pin_sha256") "tls is \"none\": the server shows no key\n" },
		{ POP3("password_file = \"x\";"), AT("password_file") "password is given too: give one of the two\n" },
		{ ACCOUNTS "sources = { old = { protocol = \"pop3\"; user = \"u\"; account = \"office\";\n"
			   "provider = \"icloud\"; password = \"tahini\"; }; };",
		  "t:4: key `sources.old.provider': \"icloud\" is not known to have POP3: use protocol \"imap\", or "
		  "give "
		  "host\n" },
		/* folders */
		{ IMAP("folders = [ \"INBOX\", \"Archive/*\", \"\\\\Junk\", \"!\\\\Trash\", \"Entwürfe\" ];"), "" },
		{ IMAP("folders = [ \"!Junk\", \"!\\\\Trash\" ];"),
		  AT("folders") "it only leaves out: put \"*\" in front to mean all others\n" },
		{ IMAP("folders = [ \"\\\\Spam and more\" ];"),
		  AT("folders") "expected folders such as [ \"INBOX\", \"Archive/*\" ], got \"\\Spam and more\": no "
				"such use: "
				"\\All, \\Archive, \\Drafts, \\Flagged, \\Important, \\Junk, \\Sent and \\Trash are "
				"known\n" },
		{ IMAP("folders = \"!\";"),
		  AT("folders") "expected folders such as [ \"INBOX\", \"Archive/*\" ], got \"!\"\n" },
		{ IMAP("folders = [ 1, 2 ];"),
		  AT("folders") "expected folders such as [ \"INBOX\", \"Archive/*\" ], got 1: put it in quotes\n" AT(
		      "folders") "expected folders such as [ \"INBOX\", \"Archive/*\" ], got 2: put it in quotes\n" },
		{ IMAP("folders = [ \"INBOX\", \"Done\" ]; move_to = \"done\";"),
		  AT("move_to") "\"done\" is one of folders: what was moved there would be fetched again\n" },
		{ IMAP("move_to = \"Inbox\";"),
		  AT("move_to") "\"Inbox\" is one of folders: what was moved there would be fetched again\n" },
		{ IMAP("folders = \"*\"; move_to = \"Done\";"), "" }, /* it is left out by itself */
		/* times */
		{ POP3("at = [ \"@daily\", \"*/5 9-17 * * 1-5\" ]; every = \"1h\";"), "" },
		{ POP3("at = \"* * 31 2 *\";"), AT("at") "expected times such as \"*/15 8-18 * * mon-fri\", or a list "
							 "of them, got \"* * 31 2 *\": that day is "
							 "in none of the months: it would never come\n" },
		{ POP3("every = \"10s\"; jitter = \"10s\";"), AT("jitter") "not smaller than every\n" },
		{ POP3("every = \"1s\";"), "" },
		{ POP3("every = \"0s\";"), AT("every") "expected a time from \"1s\" to \"366d\", got \"0s\"\n" },
		{ POP3("every = 10;"), AT("every") "expected a time from \"1s\" to \"366d\", got 10: write number and "
						   "unit in quotes, such as "
						   "\"10m\"\n" },
		/* skip */
		{ POP3("skip = { larger = \"20M\"; older = \"30d\"; note = true; };"), "" },
		{ POP3("skip = \"20M\";"), AT("skip") "expected a group { … }, got \"20M\"\n" },
		{ POP3("skip = { large = \"20M\"; };"), AT("skip.large") "unknown; did you mean `larger'?\n" },
		{ POP3("skip = { larger = \"20\"; };"), AT("skip.larger") "expected a size from \"1K\" to \"1G\", got "
									  "\"20\": add a unit: B, K, M, G or T\n" },
		{ POP3("larger = \"20M\";"), AT("larger") "unknown; `larger' belongs in sources.NAME.skip\n" },
		{ POP3("addresses = \"@x.example\";"),
		  AT("addresses") "unknown; `addresses' belongs in accounts.NAME\n" },
		{ POP3("evry = \"10m\";"), AT("evry") "unknown; did you mean `every'?\n" },
		{ "accounts = { a = { host = \"h\"; user = \"u\"; password = \"x\"; addresses = \"@x.example\";\n"
		  "every = \"10m\"; }; };",
		  "t:2: key `accounts.a.every': unknown; `every' belongs in sources.NAME\n" },
		/* a circle */
		{ ACCOUNTS
		  "sources = { old = { protocol = \"imap\"; account = \"office\"; user = \"Info@office.example\";\n"
		  "host = \"IMAP.office.example\"; password = \"tahini\"; }; };",
		  "t:3: key `sources.old.keep': this is the mailbox of account `office' itself: every message would be "
		  "there "
		  "twice; give delete or move_to\n" },
		{ ACCOUNTS
		  "sources = { old = { protocol = \"imap\"; account = \"office\"; user = \"info@office.example\";\n"
		  "host = \"imap.office.example\"; password = \"tahini\"; delete = \"after-delivery\"; }; };",
		  "" },
		{ ACCOUNTS
		  "sources = { old = { protocol = \"imap\"; account = \"office\"; user = \"info@office.example\";\n"
		  "host = \"imap.office.example\"; password = \"tahini\"; folders = [ \"*\", \"!inbox\" ]; }; };",
		  "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		(void)check(rows[i].text, rows[i].errors);
}

static void what_is_not_given_is_filled_in(void **state)
{
	const struct config_source *s;

	(void)state;
	s = &check(POP3(""), "")->sources[0];
	assert_string_equal(s->name, "old");
	assert_ptr_equal(s->server.name, s->name);
	assert_string_equal(config_kind(&s->server), "source");
	assert_int_equal(s->server.port, 995);
	assert_string_equal(s->to, "info@office.example");
	assert_string_equal(s->unmatched, "Unmatched");
	assert_string_equal(s->rejected, "Rejected");
	assert_int_equal(s->nfolders, 0);
	assert_true(s->keep && !s->mark_seen && !s->push);
	assert_int_equal(s->delete, CONFIG_DELETE_NEVER);
	assert_int_equal(s->skip.larger, 0);
	assert_int_equal(s->skip.older, 0);
	assert_int_equal(s->every, 0);
	assert_int_equal(s->nat, 0);
	assert_int_equal(s->deadline, 3600 * 1000);
	assert_ptr_equal(config_source(config, "old"), s);
	assert_ptr_equal(config_server(config, "old"), &s->server);
	assert_ptr_equal(config_server(config, "all"), &config->accounts[1].server);
	assert_null(config_source(config, "office"));
	assert_null(config_server(config, "none"));
	assert_int_equal(config_servers(config), 3);
	assert_ptr_equal(config_server_at(config, 2), &s->server);

	s = &check(POP3("tls = \"starttls\"; delete = \"at-once\"; to = \"x@office.example\";"), "")->sources[0];
	assert_int_equal(s->server.port, 110);
	assert_string_equal(s->to, "x@office.example");
	assert_false(s->keep);
	assert_int_equal(s->delete, CONFIG_DELETE_ACCEPTED);
	assert_int_equal(s->delete_after, 0);

	s = &check(IMAP("push = true; delete = \"2d\";"), "")->sources[0];
	assert_int_equal(s->server.port, 993);
	assert_int_equal(s->nfolders, 1);
	assert_string_equal(s->folders[0], "INBOX");
	assert_int_equal(s->every, 30 * 60 * 1000);
	assert_int_equal(s->delete, CONFIG_DELETE_ACCEPTED);
	assert_int_equal(s->delete_after, 2 * 86400 * 1000);

	s = &check(IMAP("push = true; at = \"@hourly\"; tls = \"none\"; move_to = \"x\";"), "")->sources[0];
	assert_int_equal(s->server.port, 143);
	assert_int_equal(s->every, 0);
	assert_false(s->keep);

	/* The only account, and the source's own user where the account has whole domains only. */
	s = &check("accounts = { all = { host = \"h\"; user = \"all\"; password = \"x\"; addresses = \"@example.org\"; "
		   "}; };"
		   "sources = { s = { protocol = \"imap\"; host = \"i\"; user = \"me@example.org\"; password = \"y\"; "
		   "}; };",
		   "")
		 ->sources[0];
	assert_string_equal(s->account, "all");
	assert_string_equal(s->to, "me@example.org");

	s = &check(SOURCE("protocol = \"imap\"; account = \"all\"; recipients_from = \"Delivered-To\";"), "")
		 ->sources[0];
	assert_null(s->to);
	assert_int_equal(s->nrecipient_headers, 1);
}

static void providers_are_known_for_both_protocols(void **state)
{
	static const struct {
		const char *protocol, *provider, *host;
		uint16_t port;
	} rows[] = {
		{ "pop3", "gmail", "pop.gmail.com", 995 },
		{ "imap", "gmail", "imap.gmail.com", 993 },
		{ "pop3", "microsoft365", "outlook.office365.com", 995 },
		{ "imap", "outlook.com", "outlook.office365.com", 993 },
		{ "pop3", "web.de", "pop3.web.de", 995 },
		{ "imap", "icloud", "imap.mail.me.com", 993 },
	};
	const struct config_source *s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *text =
		    mem_printf(ACCOUNTS "sources = { s = { protocol = \"%s\"; provider = \"%s\"; account = \"office\"; "
					"user = \"u\"; password = \"x\"; }; };",
			       rows[i].protocol, rows[i].provider);

		s = &check(text, "")->sources[0];
		assert_string_equal(s->server.host, rows[i].host);
		assert_int_equal(s->server.port, rows[i].port);
		free(text);
	}
#define MICROSOFT(keys)                                                                                                \
	ACCOUNTS "sources = { s = { provider = \"outlook.com\"; account = \"office\"; user = \"u\"; " keys             \
		 " oauth = { grant = \"user\"; client_id = \"i\"; }; }; };"
	s = &check(MICROSOFT("protocol = \"pop3\";"), "")->sources[0];
	assert_string_equal(s->server.token.scope, "https://outlook.office.com/POP.AccessAsUser.All offline_access");
	s = &check(MICROSOFT("protocol = \"imap\";"), "")->sources[0];
	assert_string_equal(s->server.token.scope, "https://outlook.office.com/IMAP.AccessAsUser.All offline_access");
	assert_true(config_has_oauth(config));
	(void)check(MICROSOFT("protocol = \"imap\"; password = \"tahini\";"),
		    "t:3: key `sources.s.oauth': password is given too: give one of the two\n");
}

static void accounts_have_times(void **state)
{
	(void)state;
	(void)check("accounts = { a = { host = \"h\"; user = \"u\"; password = \"x\"; addresses = \"@x.example\";\n"
		    "at = [ \"0 7 * * *\", \"0 19 * * *\" ]; }; };",
		    "");
	assert_int_equal(config->accounts[0].nat, 2);
	assert_string_equal(config->accounts[0].at[1], "0 19 * * *");
	(void)check(
	    "accounts = { a = { host = \"h\"; user = \"u\"; password = \"x\"; addresses = \"@x.example\";\n"
	    "at = \"7:00\"; }; };",
	    "t:2: key `accounts.a.at': expected times such as \"*/15 8-18 * * mon-fri\", or a list of them, got "
	    "\"7:00\": it has 1 field; expected five: minute, hour, day of month, month, day of week\n");
}

/* ---- parts ---- */

static char *render(enum config_part part, const char *name)
{
	struct buf out;
	char *text;
	size_t n;

	buf_init(&out, 1 << 20);
	assert_int_equal(config_render(config, part, name, &out), 0);
	text = buf_take(&out, &n);
	assert_non_null(text);
	return text;
}

static void each_part_has_its_own(void **state)
{
	static const char text[] = ACCOUNTS
	    "sources = { old = { protocol = \"pop3\"; host = \"pop.example.net\"; user = \"u@example.net\"; password = "
	    "\"tahini\"; account = \"office\"; delete = \"30d\"; every = \"10m\"; auth = \"APOP\";\n"
	    "skip = { older = \"1w\"; note = true; }; };\n"
	    "new = { protocol = \"imap\"; host = \"imap.example.net\"; user = \"v\"; password = \"cumin\"; account = "
	    "\"all\"; recipients_from = [ \"Delivered-To\", \"Received\" ]; folders = [ \"*\", \"!\\\\Junk\" ];\n"
	    "at = [ \"@daily\", \"0 9 * * mon\" ]; move_to = \"Fetched\"; window = 5; jitter = \"0s\"; };\n"
	    "cloud = { protocol = \"imap\"; provider = \"gmail\"; user = \"w\"; account = \"office\"; oauth = {\n"
	    "grant = \"user\"; client_id = \"i\"; client_secret = \"clove\"; }; }; };\n";
	static const struct {
		enum config_part part;
		const char *name;
		size_t nsources, naccounts;
		const char *has, *lacks[5];
	} rows[] = {
		{ CONFIG_PART_FETCH, "old", 1, 2, "tahini", { "sesame", "poppy", "cumin", "clove", NULL } },
		{ CONFIG_PART_FETCH, "new", 1, 2, "cumin", { "sesame", "poppy", "tahini", "clove", NULL } },
		{ CONFIG_PART_FETCH,
		  "cloud",
		  1,
		  2,
		  "imap.gmail.com",
		  { "sesame", "poppy", "tahini", "cumin", "clove" } },
		{ CONFIG_PART_STORE, "office", 0, 1, "sesame", { "poppy", "tahini", "cumin", "clove", "example.net" } },
		{ CONFIG_PART_RECEIVER,
		  NULL,
		  0,
		  2,
		  "@office.example",
		  { "sesame", "poppy", "tahini", "cumin", "clove" } },
		{ CONFIG_PART_CONNECT,
		  NULL,
		  3,
		  2,
		  "pop.example.net",
		  { "sesame", "poppy", "tahini", "cumin", "clove" } },
		{ CONFIG_PART_TOKEN, NULL, 1, 0, "clove", { "sesame", "poppy", "tahini", "cumin", NULL } },
		{ CONFIG_PART_SPOOL, NULL, 0, 2, "office", { "sesame", "poppy", "tahini", "cumin", "clove" } },
	};
	const struct config_source *s;
	struct buf errors;

	(void)state;
	(void)check(text, "");
	buf_init(&errors, 10000);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *once = render(rows[i].part, rows[i].name), *twice;
		struct config *again = config_parse("part", slice_str(once), &errors);

		assert_string_equal(buf_str(&errors), "");
		assert_non_null(again);
		assert_int_equal(again->nsources, rows[i].nsources);
		assert_int_equal(again->naccounts, rows[i].naccounts);
		assert_non_null(strstr(once, rows[i].has));
		for (size_t j = 0; j < 5 && rows[i].lacks[j] != NULL; j++)
			assert_null(strstr(once, rows[i].lacks[j]));
		config_free(&config);
		config = again;
		twice = render(rows[i].part, rows[i].name);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
		if (i == 0) {
			s = &again->sources[0];
			assert_string_equal(s->server.password, "tahini");
			assert_string_equal(s->server.auth, "APOP");
			assert_string_equal(s->server.host, "pop.example.net");
			assert_int_equal(s->server.port, 995);
			assert_int_equal(s->server.timeout, 60000);
			assert_string_equal(s->to, "info@office.example");
			assert_string_equal(s->account, "office");
			assert_int_equal(s->protocol, CONFIG_POP3);
			assert_int_equal(s->delete, CONFIG_DELETE_ACCEPTED);
			assert_int_equal(s->delete_after, (int64_t)30 * 86400 * 1000);
			assert_int_equal(s->skip.larger, 0);
			assert_int_equal(s->skip.older, 7 * 86400 * 1000);
			assert_true(s->skip.note && !s->keep);
			/* To know mail that went into the same mailbox, and to route. */
			assert_string_equal(again->accounts[0].server.host, "imap.office.example");
			assert_string_equal(again->accounts[0].server.user, "info@office.example");
			assert_null(again->accounts[0].server.password);
			assert_ptr_equal(config_route(again, "x", "example.org").account, &again->accounts[1]);
		}
		if (i == 1) {
			s = &again->sources[0];
			assert_int_equal(s->nrecipient_headers, 2);
			assert_string_equal(s->folders[1], "!\\Junk");
			assert_int_equal(s->nat, 2);
			assert_string_equal(s->move_to, "Fetched");
			assert_int_equal(s->window, 5);
			assert_int_equal(s->jitter, 0);
			assert_null(s->to);
		}
		if (i == 2)
			assert_true(again->sources[0].server.oauth);
		(void)check(text, "");
	}
	buf_free(&errors);
}

static void mailboxes_are_compared(void **state)
{
	const struct config_source *s;

	(void)state;
	s = &check(IMAP("folders = [ \"IN*\", \"Sent\" ];"), "")->sources[0];
	assert_true(config_source_takes_inbox(s));
	assert_false(config_source_is_of(s, &config->accounts[0].server));
	assert_true(config_source_is_of(s, &s->server));
	assert_false(config_source_takes_inbox(&check(IMAP("folders = [ \"*\", \"!IN%\" ];"), "")->sources[0]));
	assert_false(config_source_takes_inbox(&check(IMAP("folders = [ \"INBOX/*\", \"Sent\" ];"), "")->sources[0]));
	assert_true(config_source_takes_inbox(&check(IMAP("folders = \"%\";"), "")->sources[0]));
	assert_true(
	    config_source_takes_inbox(&check(IMAP("folders = \"*%*%****%*B*%*%*%*%*%*%*%*\";"), "")->sources[0]));
	assert_true(config_source_takes_inbox(&check(POP3(""), "")->sources[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(keys_must_fit_together, forget),
		cmocka_unit_test_teardown(what_is_not_given_is_filled_in, forget),
		cmocka_unit_test_teardown(providers_are_known_for_both_protocols, forget),
		cmocka_unit_test_teardown(accounts_have_times, forget),
		cmocka_unit_test_teardown(each_part_has_its_own, forget),
		cmocka_unit_test_teardown(mailboxes_are_compared, forget),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
