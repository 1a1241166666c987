/* The readers of what fetchmail and getmail have: their files, what they remember, and what is printed of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/import.h"
#include "cmd/import_ini.h"
#include "cmd/import_state.h"
#include "cmd/import_token.h"

/* ---- words of a fetchmailrc ---- */

static void words_are_read_as_the_manual_says(void **state)
{
	static const struct {
		const char *in, *words[5]; /* in brackets: it stood in quotes */
	} rows[] = {
		{ "", { NULL } },
		{ "  \t\r\n", { NULL } },
		{ "# nothing\n", { NULL } },
		{ "poll a # comment\nb", { "poll", "a", "b", NULL } },
		{ "a,b;c:d", { "a", "b", "c", "d", NULL } },
		{ "a=b", { "a", "=", "b", NULL } },
		{ "\"a b\" c", { "[a b]", "c", NULL } },
		{ "'a \"b'", { "[a \"b]", NULL } },
		{ "\"\"", { "[]", NULL } },
		{ "\"#1\" a#b", { "[#1]", "a#b", NULL } },
		{ "\\n\\t\\b\\r", { "\n\t\b\r", NULL } },
		{ "\\065\\0101\\x41\\233",
		  { "5A"
		    "A\xe9",
		    NULL } },
		{ "\\q\\\\\\\"", { "q\\\"", NULL } },
		{ "\"a\\\nb\"", { "[ab]", NULL } },
		{ "\"a\nb\"", { "[a\nb]", NULL } },
		{ "a\\ b", { "a b", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct import_lexer l = { slice_str(rows[i].in), 1 };
		struct import_token t;
		size_t n = 0;

		for (import_token_next(&l, &t); t.kind != TOKEN_END; import_token_next(&l, &t), n++) {
			char shown[IMPORT_TEXT_MAX + 3];

			assert_non_null(rows[i].words[n]);
			(void)snprintf(shown, sizeof shown, t.kind == TOKEN_STRING ? "[%s]" : "%s",
				       t.kind == TOKEN_EQUAL ? "=" : t.text);
			assert_string_equal(shown, rows[i].words[n]);
			assert_null(t.fault);
		}
		assert_null(rows[i].words[n]);
	}
}

/* ---- fetchmailrc ---- */

/* Comments are broken where they fit: joins their lines. */
static void comments_join(char *text)
{
	static const char *const breaks[] = { "\n\t\t# ", "\n# " };

	for (size_t i = 0; i < 2; i++)
		for (char *at = text; (at = strstr(at, breaks[i])) != NULL;) {
			size_t n = strlen(breaks[i]);

			*at++ = ' ';
			memmove(at, at + n - 1, strlen(at + n - 1) + 1);
		}
}

/* What import_print makes of TEXT; errors behind "ERRORS:". */
static const char *printed(void (*read)(struct import *, const char *, struct slice), const char *program,
			   const char *text)
{
	static char all[64 * 1024];
	struct import imp;
	struct buf out;

	import_init(&imp, program);
	read(&imp, "rc", slice_str(text));
	import_names(&imp);
	buf_init(&out, sizeof all - 1);
	import_print(&imp, NULL, &out);
	if (imp.nerrors > 0)
		(void)buf_addf(&out, "ERRORS:%s", buf_str(&imp.errors));
	assert_false(buf_failed(&out));
	memcpy(all, buf_str(&out), out.n + 1);
	comments_join(all);
	buf_free(&out);
	import_free(&imp);
	return all;
}

struct print_row {
	const char *in;
	const char *has[6];    /* each stands in the output */
	const char *hasnot[4]; /* none does */
};

static void print_rows_check(void (*read)(struct import *, const char *, struct slice), const char *program,
			     const struct print_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *out = printed(read, program, rows[i].in);

		for (size_t k = 0; k < 6 && rows[i].has[k] != NULL; k++)
			if (strstr(out, rows[i].has[k]) == NULL)
				fail_msg("row %zu: \"%s\" is missing in:\n%s", i, rows[i].has[k], out);
		for (size_t k = 0; k < 4 && rows[i].hasnot[k] != NULL; k++)
			if (strstr(out, rows[i].hasnot[k]) != NULL)
				fail_msg("row %zu: \"%s\" stands in:\n%s", i, rows[i].hasnot[k], out);
	}
}

static void fetchmailrc_becomes_a_configuration(void **state)
{
	static const struct print_row rows[] = {
		/* Nothing is said of keeping: fetchmail removes mail. */
		{ "poll pop.example.org proto pop3 user eric pass geheim is esr here",
		  { "protocol = \"pop3\";", "host = \"pop.example.org\";", "user = \"eric\";", "account = \"esr\";",
		    "keep = false;\n\t\tdelete = \"at-once\";", "that is its default" },
		  { "geheim", "ERRORS", "--state" } },
		{ "poll a.example.org user x no keep", { "keep = false;" }, { "that is its default" } },
		{ "poll a.example.org user x keep",
		  { "keep = true;", "--state FILE a-example-org'" },
		  { "keep = false" } },
		{ "defaults user d keep poll a.example.org user x poll b.example.org user y no keep",
		  { "keep = true;", "keep = false;" },
		  { "ERRORS" } },
		{ "poll a.example.org proto IMAP user x keep",
		  { "protocol = \"imap\";", "what was read" },
		  { "--state" } },
		{ "poll a.example.org proto imap user x keep fetchall", { "--state FILE" }, { "what was read" } },
		{ "poll a.example.org proto apop user x", { "auth = \"APOP\";" }, { NULL } },
		{ "poll a.example.org proto etrn",
		  { "rc:1: protocol etrn: no equivalent" },
		  { "sources", "accounts" } },
		{ "poll a.example.org proto gopher user x", { "rc:1: \"gopher\" is no protocol" }, { NULL } },
		{ "poll label via pop.example.org user x", { "\tlabel = {", "host = \"pop.example.org\";" }, { NULL } },
		{ "poll a.example.org port 1995 user x ssl", { "port = 1995;", "tls = \"implicit\";" }, { NULL } },
		{ "poll a.example.org service pop3s user x", { "port = 995;", "tls = \"starttls\";" }, { NULL } },
		{ "poll a.example.org service strange user x", { "service \"strange\"" }, { "port = 0" } },
		{ "poll localhost user x", { "tls = \"none\";" }, { NULL } },
		{ "poll a.example.org user x sslproto ''", { "tls = \"starttls\";", "in clear" }, { NULL } },
		{ "set daemon 300 poll a.example.org interval 4 user x", { "every = \"1200s\";" }, { NULL } },
		{ "set daemon 300 skip a.example.org user x", { "`mailferry sync'" }, { "every =" } },
		{ "poll a.example.org user x", { "FILL IN: how often", "every = \"300s\";" }, { NULL } },
		{ "poll a.example.org proto imap user x idle", { "push = true;" }, { "every =" } },
		{ "poll a.example.org proto pop3 user x idle", { "every =" }, { "push" } },
		{ "poll a.example.org proto imap user x folder INBOX, \"Sent Items\" Lists/x keep",
		  { "folders = [ \"INBOX\", \"Sent Items\", \"Lists/x\" ];", "keep = true" },
		  { "ERRORS" } },
		{ "poll a.example.org user x limit 200000",
		  { "skip = { larger = \"200000B\"; note = true; };" },
		  { NULL } },
		{ "poll a.example.org user x limit 9999999999", { NULL }, { "larger" } },
		{ "poll a.example.org user x limit many", { "limit: expected a number" }, { "larger" } },
		{ "poll a.example.org timeout 90000 user x", { "timeout = \"3600s\";" }, { NULL } },
		{ "poll a.example.org user esr here is eric there pass 'x y'",
		  { "user = \"eric\";", "account = \"esr\";" },
		  { "x y", "ERRORS" } },
		{ "poll a.example.org user a is anna here pass q1w2 user b is bob here pass e3r4",
		  { "\tanna = {", "\tbob = {", "\ta-example-org = {", "\ta-example-org-b = {",
		    "password_file = "
		    "\"a-example-org.password\";" },
		  { "q1w2", "e3r4" } },
		{ "poll a.example.org localdomains office.example envelope \"Delivered-To\" user all to anna "
		  "bob=robert * here",
		  { "recipients_from = [ \"Delivered-To\" ];",
		    "addresses = [ \"anna@office.example\", \"@office.example\" ];",
		    "addresses = [ \"bob@office.example\" ];", "account = \"anna\";" },
		  { "ERRORS" } },
		{ "poll a.example.org localdomains office.example user all to anna bob here",
		  { "addresses = [ \"anna@office.example\", \"@office.example\" ];" },
		  { NULL } },
		{ "poll a.example.org aka mx.example.org user all to anna * here",
		  { "addresses = [ \"anna@mx.example.org\", \"@mx.example.org\" ];" },
		  { NULL } },
		{ "poll a.example.org aka mx.example.org user all to anna bob here",
		  { "addresses = [ \"anna@mx.example.org\" ];" },
		  { "\"@mx" } },
		{ "poll a.example.org envelope 'X-Envelope-To:' user all to anna bob here",
		  { "recipients_from = [ \"X-Envelope-To\" ];" },
		  { NULL } },
		{ "poll a.example.org envelope 2 \"X-To\" user all to anna bob here",
		  { "envelope 2 \"X-To\"" },
		  { NULL } },
		{ "poll a.example.org user all to anna bob here",
		  { "recipients_from = [ \"Received\", \"X-Envelope-To\" ];", "addresses = [ \"anna@\" ];" },
		  { NULL } },
		{ "poll a.example.org no envelope user x", { "rc:1: no envelope" }, { NULL } },
		{ "poll a.example.org user x\n\n mda \"/bin/p -d %T\"\nno sslcertck",
		  { "rc:3: mda \"/bin/p -d %T\": no equivalent", "rc:4: no sslcertck" },
		  { NULL } },
		{ "poll a.example.org user x auth gssapi", { "auth \"gssapi\": no equivalent" }, { NULL } },
		{ "poll a.example.org auth oauthbearer user x",
		  { "oauth = { grant = \"user\"; client_id = \"\"; };" },
		  { "password_file = \"a-" } },
		{ "poll a.example.org user x esmtppassword hushhush",
		  { "esmtppassword: no equivalent" },
		  { "hushhush" } },
		/* A password that ends too early must not come out as a word that nobody knows. */
		{ "poll a.example.org user x pass hush;hushhush keep",
		  { "ERRORS:rc:1: a word behind a password" },
		  { "hushhush" } },
		{ "poll a.example.org user x bogus keep", { "\"bogus\" is no keyword", "keep = true" }, { NULL } },
		{ "keep poll a.example.org user x", { "in front of the first poll", "keep = false;" }, { NULL } },
		{ "poll a.example.org user x pass \"never", { "its quote is never closed" }, { "never\n" } },
		{ "set no bouncemail set postmaster root set logfile /x",
		  { "no bouncemail", "postmaster \"root\"", "logfile" },
		  { "sources" } },
		{ "# nothing", { "is this a fetchmailrc?" }, { NULL } },
		{ "poll a.example.org user x = y", { "\"=\" is no keyword", "\"y\" is no keyword" }, { NULL } },
		{ "set bogus", { "set \"bogus\"" }, { NULL } },
		{ "poll a.example.org user \"q\\\"uo\\\\te\\x01\"", { "user = \"q\\\"uo\\\\te\\x01\";" }, { NULL } },
		{ "poll a.example.org user x postconnect \"a\\nsources = {};\"",
		  { "rc:1: postconnect \"a sources = {};\"" },
		  { "\nsources = {};" } },
		{ "poll 'bad host' user x", { "FILL IN: the server's name" }, { NULL } },
	};

	(void)state;
	print_rows_check(import_fetchmailrc, "fetchmail", rows, sizeof rows / sizeof rows[0]);
}

/* ---- getmailrc ---- */

#define POP3                                                                                                           \
	"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = pop.example.org\nusername = jeff\npassword = geheim\n"
#define IMAP "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = imap.example.org\nusername = jeff\n"

static void getmailrc_becomes_a_configuration(void **state)
{
	static const struct print_row rows[] = {
		{ POP3,
		  { "protocol = \"pop3\";", "tls = \"implicit\";", "user = \"jeff\";", "keep = true;",
		    "read_all is true" },
		  { "geheim", "ERRORS" } },
		{ POP3 "[options]\nread_all = false\n", { "--state FILE" }, { "read_all" } },
		{ POP3 "[options]\ndelete = true\n", { "keep = false;\n\t\tdelete = \"at-once\";" }, { "--state" } },
		{ POP3 "[options]\ndelete_after = 30\n", { "delete = \"30d\";", "--state" }, { NULL } },
		{ POP3 "[options]\ndelete_after = 30\ndelete = on\n", { "delete = \"at-once\";" }, { "30d" } },
		{ POP3 "[options]\ndelete = maybe\n", { "expected true or false", "keep = true;" }, { NULL } },
		{ POP3 "[options]\nmax_message_size = 1000000\n",
		  { "skip = { larger = \"1000000B\"; note = true; };" },
		  { NULL } },
		{ POP3 "port = 1110\nuse_apop = yes\ntimeout = 10\n",
		  { "port = 1110;", "auth = \"APOP\";", "timeout = \"10s\";" },
		  { NULL } },
		{ POP3 "port = 70000\n", { "70000 is none" }, { "port = 7" } },
		{ "[retriever]\ntype = SimplePOP3Retriever\nserver = a.example.org\nusername = j\n",
		  { "tls = \"starttls\";", "in clear", "not in the old file" },
		  { NULL } },
		{ "[retriever]\ntype: MultidropPOP3Retriever\nserver = a.example.org\nusername = j\nenvelope_recipient "
		  "= "
		  "Delivered-To:2\n",
		  { "recipients_from = [ \"Delivered-To\" ];", "envelope_recipient Delivered-To:2" },
		  { NULL } },
		{ IMAP "mailboxes = ALL\n", { "folders = [ \"*\" ];" }, { "ERRORS" } },
		{ IMAP "mailboxes = (\"INBOX\",\n   'A \"b\"')\n",
		  { "folders = [ \"INBOX\", \"A \\\"b\\\"\" ];" },
		  { "ERRORS" } },
		{ IMAP "mailboxes = INBOX\n", { "ERRORS:rc:5: mailboxes" }, { NULL } },
		{ IMAP "move_on_delete = Old\n[options]\ndelete = 1\n", { "move_to = \"Old\";" }, { "at-once" } },
		{ IMAP "move_on_delete = Old\n", { "move_on_delete: without delete", "keep = true;" }, { "move_to" } },
		{ IMAP "imap_on_delete = \\Seen\n[options]\ndelete = 1\n",
		  { "mark_seen = true;", "keep = true;" },
		  { "at-once" } },
		{ IMAP "use_peek = false\n", { "mark_seen = true;" }, { NULL } },
		{ IMAP "imap_search = UNSEEN\n", { "imap_search UNSEEN: no equivalent" }, { NULL } },
		{ IMAP "use_xoauth2 = true\n", { "oauth = {" }, { "password_file = \"imap" } },
		{ IMAP "password_command = (\"pass\", \"it's\")\n",
		  { "password_command = \"'pass' 'it'\\\\''s'\";" },
		  { NULL } },
		{ IMAP "ca_certs = /etc/ca.pem\ncertfile = c\nkeyfile = k\n",
		  { "ca_file = \"/etc/ca.pem\";", "client_certificate = \"c\";", "client_key = \"k\";" },
		  { NULL } },
		{ IMAP "strange = 1\n", { "rc:5: [retriever] strange: getmail's manual has no such key" }, { NULL } },
		{ IMAP "[destination]\ntype = Maildir\npath = ~/x\n[filter-1]\ntype = Filter_external\n",
		  { "destination Maildir", "path: ~/x", "[filter-1] Filter_external" },
		  { NULL } },
		{ "[retriever]\ntype = Nothing\n", { "\"Nothing\" is no type" }, { "sources = {" } },
		{ "[options]\ndelete = true\n", { "there is no section [retriever]" }, { "sources" } },
		{ "type = x\n", { "in front of the first [section]" }, { NULL } },
		{ "[retriever\n", { "expected ]" }, { NULL } },
		{ IMAP "# no = comment\n; none\nwithout\n", { "rc:7: expected KEY = VALUE" }, { "comment" } },
	};

	(void)state;
	print_rows_check(import_getmailrc, "getmail", rows, sizeof rows / sizeof rows[0]);
}

static void bounds_hold(void **state)
{
	struct import imp;
	struct buf text, out;

	(void)state;
	buf_init(&text, IMPORT_FILE_MAX);
	for (size_t i = 0; i < 20000; i++)
		(void)buf_add_str(&text, "poll a user b mda c ");
	import_init(&imp, "fetchmail");
	import_fetchmailrc(&imp, "rc", buf_slice(&text));
	assert_int_equal(imp.nsources, IMPORT_SOURCES_MAX);
	assert_int_equal(imp.nnotes, IMPORT_NOTES_MAX);
	assert_true(imp.nerrors > IMPORT_ERRORS_MAX);
	import_names(&imp);
	buf_init(&out, 16 * 1024 * 1024);
	import_print(&imp, NULL, &out);
	assert_false(buf_failed(&out));
	buf_free(&out);
	import_free(&imp);
	buf_free(&text);
}

/* ---- what they remember ---- */

struct seen {
	char text[2000];
};

static int on_seen(void *arg, const struct import_seen *s)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	(void)snprintf(seen->text + n, sizeof seen->text - n, "%d:%.*s@%.*s %.*s %u/%.*s/%u %lld;", s->line,
		       (int)s->user.n, s->user.n ? s->user.p : "", (int)s->host.n, s->host.n ? s->host.p : "",
		       (int)s->name.n, s->name.n ? s->name.p : "", s->uidvalidity, (int)s->folder.n,
		       s->folder.n ? s->folder.p : "", s->uid, (long long)s->seen_ms);
	return 0;
}

#define ZERO	"\0"
#define TEXT(s) s, sizeof(s) - 1

static void memories_are_read(void **state)
{
	static const struct {
		int kind; /* 0: fetchmail, 1: getmail IMAP, 2: getmail POP3 */
		const char *in;
		size_t n;
		const char *out;
		size_t bad;
	} rows[] = {
		{ 0, TEXT(""), "", 0 },
		{ 0, TEXT("eric@pop.example.org 0001\n"), "1:eric@pop.example.org 0001 0//0 0;", 0 },
		{ 0, TEXT("\n\neric@home@pop.example.org 00\r\n"), "3:eric@home@pop.example.org 00 0//0 0;", 0 },
		{ 0, TEXT("e r@h a@b"), "1:e r@h a@b 0//0 0;", 0 },
		{ 0, TEXT("nothing\n@h x\ne@ x\ne@h\ne@h  \n"), "", 5 },
		{ 0, TEXT("e@h a b\n"), "", 1 },
		{ 0, TEXT("e@h a" ZERO "b\n"), "", 1 },
		{ 0, TEXT("e@h \xff\n"), "", 1 },
		{ 1, TEXT("123/45" ZERO "1700000000\n"), "1:@  123//45 1700000000000;", 0 },
		{ 1, TEXT("123/In/box/45" ZERO "1\n"), "1:@  123/In/box/45 1000;", 0 },
		{ 1,
		  TEXT("123/45\n123/x" ZERO "1\n0/1" ZERO "1\n1/0" ZERO "1\n4294967296/1" ZERO "1\n1/1" ZERO
		       "-1\n/" ZERO "1\n"),
		  "", 7 },
		{ 2, TEXT("uid/1" ZERO "5\nuid2" ZERO "6"), "1:@ uid/1 0//0 5000;2:@ uid2 0//0 6000;", 0 },
		{ 2, TEXT("" ZERO "5\na b" ZERO "5\nx" ZERO "99999999999999999999\n"), "", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct seen seen = { "" };
		struct slice text = slice_of(rows[i].in, rows[i].n);
		size_t bad = rows[i].kind == 0 ? import_state_fetchmail(text, on_seen, &seen)
					       : import_state_getmail(text, rows[i].kind == 1, on_seen, &seen);

		assert_string_equal(seen.text, rows[i].out);
		assert_int_equal(bad, rows[i].bad);
	}
}

static void files_of_getmail_tell_their_mailbox(void **state)
{
	static const struct {
		const char *name, *folder; /* NULL: it is another's */
	} rows[] = {
		{ "oldmail-pop.example.org-995-eric", "" },
		{ "/home/x/.getmail/oldmail-pop.example.org-995-eric-INBOX", "INBOX" },
		{ "oldmail-pop.example.org-995-eric-Lists.a-b", "Lists.a-b" },
		{ "oldmail-pop.example.org-995-erica", NULL },
		{ "oldmail-pop.example.org-110-eric", NULL },
		{ "oldmail-imap.example.org-995-eric", NULL },
		{ "oldmail-", NULL },
		{ "", NULL },
	};
	struct slice folder;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool is = import_state_of(rows[i].name, "pop.example.org", 995, "eric", &folder);

		assert_int_equal(is, rows[i].folder != NULL);
		if (is)
			assert_true(slice_eq(folder, slice_str(rows[i].folder)));
	}
	assert_true(import_state_of("oldmail-h-1-a-b", "h", 1, "a/:b", &folder));
	assert_true(import_state_is_folder(SLICE_LIT("Lists.a"), "Lists/a"));
	assert_true(import_state_is_folder(SLICE_LIT("INBOX.x"), "INBOX.x"));
	assert_false(import_state_is_folder(SLICE_LIT("Lists.b"), "Lists/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_the_manual_says),
		cmocka_unit_test(fetchmailrc_becomes_a_configuration),
		cmocka_unit_test(getmailrc_becomes_a_configuration),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(memories_are_read),
		cmocka_unit_test(files_of_getmail_tell_their_mailbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
