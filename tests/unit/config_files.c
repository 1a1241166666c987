/* The configuration: defaults, files, secrets, the parts of the roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/value.h"

#define GOOD                                                                                                           \
	"accounts = { a = { host = \"imap.example.net\"; user = \"u\"; password = \"sesame\"; "                        \
	"addresses = [ \"@office.example\" ]; }; };\n"
#define ACCOUNT(keys)                                                                                                  \
	"accounts = { a = { host = \"imap.example.net\"; user = \"u\"; password = \"sesame\";\n"                       \
	"addresses = [ \"@office.example\" ];\n" keys "\n}; };\n"

static void defaults_are_right(void **state)
{
	struct buf errors;
	struct config *c;
	const struct key *k;

	(void)state;
	/* Every default is a value that the key itself takes. */
	assert_null(key_at(KEYS_MAX)); /* or lines of keys are kept for too few */
	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		char hint[VALUE_HINT_SIZE];
		int64_t n = 0;

		assert_true(strlen(k->help) > 5);
		if (k->otherwise == NULL)
			continue;
		if (k->type == KEY_SIZE)
			assert_int_equal(value_size(slice_str(k->otherwise), &n, hint), 0);
		if (k->type == KEY_DURATION)
			assert_int_equal(value_duration(slice_str(k->otherwise), &n, hint), 0);
		if (k->type == KEY_COUNT)
			n = strtoll(k->otherwise, NULL, 10);
		if (n != 0 || k->type == KEY_COUNT)
			assert_true(n >= k->min && n <= k->max);
	}
	buf_init(&errors, 1000);
	c = config_check("t",
			 SLICE_LIT(GOOD "listeners = { mx = { address = \"192.0.2.1:25\"; }; };\n"
					"limits = { recipients = 7; };"),
			 &errors);
	assert_non_null(c);
	assert_string_equal(c->user, "mailferry");
	assert_string_equal(c->log_level, "info");
	assert_int_equal(c->receivers, 1);
	assert_int_equal(c->reserve, 64 * 1024 * 1024);
	assert_int_equal(c->retention, 90LL * 24 * 3600 * 1000);
	assert_int_equal(c->limits.message_size, 50 * 1024 * 1024);
	assert_int_equal(c->limits.recipients, 7);
	assert_int_equal(c->limits.message_timeout, 3600000);
	assert_int_equal(c->listeners[0].protocol, CONFIG_SMTP);
	assert_int_equal(c->listeners[0].bare_newlines, CONFIG_NEWLINES_REJECT);
	assert_int_equal(c->accounts[0].server.port, 993);
	assert_int_equal(c->accounts[0].server.tls, CONFIG_TLS_IMPLICIT);
	assert_int_equal(c->accounts[0].window, 256);
	assert_int_equal(c->accounts[0].settle, 60000);
	assert_true(c->accounts[0].subscribe);
	assert_false(c->accounts[0].create_folders);
	assert_null(c->accounts[0].rules);
	assert_string_equal(c->accounts[0].server.password, "sesame");
	assert_ptr_equal(config_account(c, "a"), &c->accounts[0]);
	assert_null(config_account(c, "A"));
	config_free(&c);
	c = config_check("t", SLICE_LIT(ACCOUNT("tls = \"starttls\";")), &errors);
	assert_int_equal(c->accounts[0].server.port, 143);
	config_free(&c);
	assert_null(c);
	buf_free(&errors);
}

/* ---- files ---- */
static char dir[64];

static const char *put(const char *name, mode_t mode, const char *text, size_t n)
{
	static char path[128];
	struct err e;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	assert_int_equal(file_replace(path, mode, text, n, &e), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}
#define PUT(name, mode, text) put((name), (mode), (text), strlen(text))

/* Loads DIR/main.conf and compares the errors, in which DIR is written as @. */
static struct config *load(const char *expected)
{
	char path[128];
	struct buf errors, short_errors;
	struct config *c;

	(void)snprintf(path, sizeof(path), "%s/main.conf", dir);
	buf_init(&errors, 1 << 16);
	buf_init(&short_errors, 1 << 16);
	c = config_load(path, &errors);
	for (const char *at = buf_str(&errors); *at != '\0'; at++) {
		if (strncmp(at, dir, strlen(dir)) == 0) {
			(void)buf_add_char(&short_errors, '@');
			at += strlen(dir) - 1;
		} else {
			(void)buf_add_char(&short_errors, *at);
		}
	}
	assert_string_equal(buf_str(&short_errors), expected);
	assert_int_equal(c == NULL, expected[0] != '\0');
	buf_free(&errors);
	buf_free(&short_errors);
	return c;
}

#define FILED(keys)                                                                                                    \
	"hostname = \"mail.office.example\"; spool = \"spool\";\n"                                                     \
	"accounts = { a = { host = \"imap.example.net\"; user = \"u\"; addresses = \"@office.example\";\n" keys        \
	"\n}; };\n"

static void passwords_come_from_guarded_files(void **state)
{
	static const struct {
		mode_t mode;
		const char *text;
		size_t n;
		const char *secret; /* or NULL, and */
		const char *error;
	} rows[] = {
		{ 0600, "sesame\n", 7, "sesame", "" },
		{ 0640, "sesame", 6, "sesame", "" },
		{ 0600, "sesame\r\nnotes\n", 14, "sesame", "" },
		{ 0600, " ses\"a\\me \n", 11, " ses\"a\\me ", "" },
		{ 0600, "s\xe9same\n", 7, "s\xe9same", "" },
		{ 0644, "sesame\n", 7, NULL,
		  "@/pw: holds a secret but everybody may read it (mode 0644): run: chmod o= @/pw" },
		{ 0600, "", 0, NULL, "@/pw: the first line is empty; it must be the password" },
		{ 0600, "\nsesame\n", 8, NULL, "@/pw: the first line is empty; it must be the password" },
		{ 0600, "ses\0ame\n", 8, NULL, "@/pw: the first line holds a NUL or CR byte: this is no password" },
		{ 0600, "ses\rame\n", 8, NULL, "@/pw: the first line holds a NUL or CR byte: this is no password" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[300] = "";
		struct config *c;

		(void)PUT("main.conf", 0644, FILED("password_file = \"pw\";"));
		(void)put("pw", rows[i].mode, rows[i].text, rows[i].n);
		if (rows[i].secret == NULL)
			(void)snprintf(expected, sizeof(expected),
				       "@/main.conf:3: key `accounts.a.password_file': %s\n", rows[i].error);
		c = load(expected);
		if (c != NULL)
			assert_string_equal(c->accounts[0].server.password, rows[i].secret);
		config_free(&c);
	}
	(void)PUT("main.conf", 0644, FILED("password_file = \"nowhere\";"));
	(void)load("@/main.conf:3: key `accounts.a.password_file': can't read @/nowhere: No such file or directory\n");
	(void)PUT("main.conf", 0644, FILED("password_file = \".\";"));
	(void)load("@/main.conf:3: key `accounts.a.password_file': @/. is not a regular file\n");
}

static void a_password_in_the_file_guards_the_file(void **state)
{
	struct config *c;

	(void)state;
	(void)PUT("main.conf", 0644, FILED("password = \"sesame\";"));
	(void)load(
	    "@/main.conf:3: key `accounts.a.password': @/main.conf: holds a secret but everybody may read it (mode "
	    "0644): run: chmod o= @/main.conf\n");
	(void)PUT("main.conf", 0640, FILED("password = \"sesame\";"));
	c = load("");
	config_free(&c);
	/* What counts is the file in which it stands. */
	(void)PUT("main.conf", 0644, FILED("@include \"secret.conf\""));
	(void)PUT("secret.conf", 0600, "password = \"sesame\";\n");
	c = load("");
	assert_string_equal(c->accounts[0].server.password, "sesame");
	config_free(&c);
	(void)PUT("secret.conf", 0604, "\n\npassword = \"sesame\";\n");
	(void)load(
	    "@/secret.conf:3: key `accounts.a.password': @/secret.conf: holds a secret but everybody may read it "
	    "(mode 0604): run: chmod o= @/secret.conf\n");
}

static void included_files_keep_their_lines(void **state)
{
	struct config *c;

	(void)state;
	(void)PUT("pw", 0600, "sesame\n");
	(void)PUT("main.conf", 0644,
		  "hostname = \"mail.office.example\";\r\nspool = \"spool\";\r\n  @include \"sub/a.conf\"\r\nreceivers "
		  "= 0;\n");
	{
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/sub", dir);
		(void)mkdir(path, 0755);
	}
	(void)PUT(
	    "sub/a.conf", 0644,
	    "\xef\xbb\xbf"
	    "accounts = { a = { host = \"h\"; user = \"u\";\n"
	    "addresses = [ \"@office.example\" ]; /*\n@include \"none\"\n*/\n@include \"sub/b.conf\"\nport = 0; }; };");
	(void)PUT("sub/b.conf", 0644, "password_file = \"pw\";\nwindow = 0;");
	(void)load("@/sub/b.conf:2: key `accounts.a.window': expected a number from 1 to 1000, got 0\n"
		   "@/sub/a.conf:6: key `accounts.a.port': expected a port from 1 to 65535, got 0\n"
		   "@/main.conf:4: key `receivers': expected a number from 1 to 64, got 0\n");
	(void)PUT("sub/b.conf", 0644, "password_file = \"pw\";\nrules = \"sub/a.conf\"");
	(void)PUT("sub/a.conf", 0644,
		  "accounts = { a = { host = \"h\"; user = \"u\"; addresses = \"@x.example\";\n@include "
		  "\"sub/b.conf\"\n}; };");
	(void)PUT("main.conf", 0644,
		  "hostname = \"mail.office.example\"; spool = \"spool\";\n@include \"sub/a.conf\" receivers = 2;");
	c = load("");
	assert_int_equal(c->receivers, 2);
	assert_int_equal(strncmp(c->accounts[0].rules, dir, strlen(dir)), 0);
	assert_string_equal(c->accounts[0].rules + strlen(dir), "/sub/a.conf");
	assert_string_equal(c->spool + strlen(dir), "/spool");
	assert_string_equal(c->control + strlen(dir), "/spool/control");
	config_free(&c);
	(void)PUT("main.conf", 0644, "\n@include \"main.conf\"\n");
	(void)load("@/main.conf:2: too many files include each other\n");
	(void)PUT("main.conf", 0644, "\n\n@include \"nowhere.conf\"\n");
	(void)load("@/main.conf:3: can't read @/nowhere.conf: No such file or directory\n");
	(void)PUT("main.conf", 0644, "\n@include \"sub/b.conf\"\n");
	(void)PUT("sub/b.conf", 0644, "\nx = \xff;\n");
	(void)load("@/sub/b.conf:2: expected UTF-8 text; save the file as UTF-8\n");
	(void)put("main.conf", 0644, "a=1;\n\0", 6);
	(void)load("@/main.conf:2: a NUL byte: this is no text file, or it was damaged\n");
}

static void files_that_it_names_must_be_there(void **state)
{
	char path[128];

	(void)state;
	(void)PUT("pw", 0600, "sesame\n");
	(void)PUT("main.conf", 0644, FILED("password_file = \"pw\"; rules = \"rules/a.sieve\";\nca_file = \".\";"));
	(void)load("@/main.conf:3: key `accounts.a.rules': can't read @/rules/a.sieve: No such file or directory\n"
		   "@/main.conf:4: key `accounts.a.ca_file': @/. is not a regular file\n");
	(void)PUT("ca.der", 0644, "0\x82");
	(void)PUT("main.conf", 0644, FILED("password_file = \"pw\";\nca_file = \"ca.der\";"));
	(void)load(
	    "@/main.conf:4: key `accounts.a.ca_file': @/ca.der holds no certificate: it must be a PEM file, with "
	    "lines such as -----BEGIN CERTIFICATE-----\n");
	(void)snprintf(path, sizeof(path), "%s/main.conf", dir);
	assert_int_equal(unlink(path), 0);
	(void)load(
	    "@/main.conf: can't read @/main.conf: No such file or directory; name the configuration with -c FILE\n");
	assert_int_equal(mkdir(path, 0755), 0);
	(void)load("@/main.conf: @/main.conf is not a regular file\n");
	assert_int_equal(rmdir(path), 0);
}

static void sources_have_secrets_in_files_too(void **state)
{
	struct config *c;

	(void)state;
	(void)PUT("pw", 0600, "sesame\n");
	(void)PUT("secret.conf", 0600, "tahini\n");
	(void)PUT(
	    "main.conf", 0644,
	    FILED("password_file = \"pw\";") "sources = { s = { protocol = \"pop3\"; host = \"h\"; user = \"u\"; "
					     "to = \"x@office.example\";\npassword_file = \"secret.conf\"; }; };\n");
	c = load("");
	assert_string_equal(c->sources[0].server.password, "tahini");
	assert_string_equal(c->accounts[0].server.password, "sesame");
	config_free(&c);
	(void)PUT("secret.conf", 0604, "tahini\n");
	(void)load(
	    "@/main.conf:6: key `sources.s.password_file': @/secret.conf: holds a secret but everybody may read it "
	    "(mode 0604): run: chmod o= @/secret.conf\n");
	(void)PUT(
	    "main.conf", 0644,
	    FILED("password_file = \"pw\";") "sources = { s = { protocol = \"pop3\"; host = \"h\"; user = \"u\"; "
					     "to = \"x@office.example\";\npassword = \"tahini\";\nca_file = \"none\"; "
					     "}; };\n");
	assert_int_equal(chmod(dir, 0755), 0);
	(void)load("@/main.conf:6: key `sources.s.password': @/main.conf: holds a secret but everybody may read it "
		   "(mode 0644): run: chmod o= @/main.conf\n"
		   "@/main.conf:7: key `sources.s.ca_file': can't read @/none: No such file or directory\n");
}

static int dir_make(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/mailferry-config.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int dir_remove(void **state)
{
	static const char *const names[] = { "main.conf", "pw", "ca.der", "secret.conf", "sub/a.conf", "sub/b.conf" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/sub", dir);
	(void)rmdir(path);
	return rmdir(dir);
}

/* ---- parts ---- */
static char *render(const struct config *c, enum config_part part, const char *account)
{
	struct buf out;
	char *text;
	size_t n;

	buf_init(&out, 1 << 20);
	assert_int_equal(config_render(c, part, account, &out), 0);
	text = buf_take(&out, &n);
	assert_non_null(text);
	return text;
}

static void parts_come_back_as_they_went(void **state)
{
	static const char text[] =
	    "hostname = \"mail.office.example\"; spool = \"/var/lib/x\"; log_level = \"debug\"; reserve = \"100M\";\n"
	    "limits = { message_size = \"1G\"; unaccepted = \"4G\"; unaccepted_per_address = \"2G\"; sessions = 7; };\n"
	    "listeners = { mx = { address = \"[::]:25\"; networks = [ \"192.0.2.0/24\", \"2001:db8::/32\" ];\n"
	    "bare_newlines = \"accept\"; }; lmtp = { address = \"unix:/run/l\"; protocol = \"lmtp\"; }; };\n"
	    "accounts = { a = { host = \"imap.example.net\"; user = \"ü\\\"\\\\\"; password = \"sesame\\\\\\\" ä\";\n"
	    "addresses = [ \"@office.example\", \"\\\"odd \\\\\\\" name\\\"@x.example\" ]; tls = \"starttls\"; settle = "
	    "\"1ms\"; compress = \"off\"; pin_sha256 = [ \"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\n"
	    "\"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\" ]; };\n"
	    "b = { host = \"2001:db8::1\"; user = \"v\"; password = \"tahini\"; addresses = \"info@office.example\";\n"
	    "rules = \"/etc/x.sieve\"; create_folders = true; postmaster = true; }; };\n";
	struct buf errors;
	struct config *c, *again;

	(void)state;
	buf_init(&errors, 10000);
	c = config_check("t", slice_str(text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(c);
	for (enum config_part part = CONFIG_PART_RECEIVER; part <= CONFIG_PART_CONNECT; part++) {
		const char *account = part == CONFIG_PART_STORE ? "a" : NULL;
		char *once = render(c, part, account), *twice;

		again = config_parse("part", slice_str(once), &errors);
		assert_string_equal(buf_str(&errors), "");
		assert_non_null(again);
		twice = render(again, part, account);
		assert_string_equal(once, twice);
		/* Secrets go to the one store that needs them. */
		assert_int_equal(strstr(once, "sesame") != NULL, part == CONFIG_PART_STORE);
		assert_null(strstr(once, "tahini"));
		assert_int_equal(again->limits.message_size, c->limits.message_size);
		assert_string_equal(again->hostname, c->hostname);
		if (part == CONFIG_PART_STORE) {
			assert_int_equal(again->naccounts, 1);
			assert_string_equal(again->accounts[0].server.password, c->accounts[0].server.password);
			assert_string_equal(again->accounts[0].server.user, c->accounts[0].server.user);
			assert_int_equal(again->accounts[0].server.tls, CONFIG_TLS_STARTTLS);
			assert_int_equal(again->accounts[0].server.compress, CONFIG_COMPRESS_OFF);
			assert_int_equal(again->accounts[0].server.npins, 2);
			assert_string_equal(again->accounts[0].server.pins[1],
					    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
			assert_int_equal(again->accounts[0].server.port, 143);
			assert_int_equal(again->accounts[0].settle, 1);
		}
		if (part == CONFIG_PART_RECEIVER) {
			assert_int_equal(again->limits.sessions, 7);
			assert_int_equal(again->nlisteners, 2);
			assert_int_equal(again->listeners[0].nnetworks, 2);
			assert_int_equal(again->listeners[1].protocol, CONFIG_LMTP);
			assert_int_equal(again->accounts[0].naddresses, 2);
			assert_ptr_equal(config_route(again, "odd \" name", "x.example").account, &again->accounts[0]);
			assert_true(again->accounts[1].postmaster);
		}
		if (part == CONFIG_PART_SPOOL)
			assert_string_equal(again->spool, "/var/lib/x");
		free(once);
		free(twice);
		config_free(&again);
	}
	config_free(&c);
	buf_free(&errors);
}

/* Nobody is exempt where the list says so: the receiver hears it, too. */
static void an_empty_list_of_the_exempt_is_kept(void **state)
{
	static const struct row {
		const char *key;
		size_t n;
	} rows[] = { { "", 2 }, { "exempt = [ ];", 0 }, { "exempt = ( );", 0 }, { "exempt = \"192.0.2.7\";", 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *c, *again;
		struct buf text, errors;
		char *part;

		buf_init(&text, 1000);
		buf_init(&errors, 1000);
		(void)buf_addf(&text, GOOD "limits = { sessions = 7; %s };\n", rows[i].key);
		c = config_check("t", buf_slice(&text), &errors);
		assert_string_equal(buf_str(&errors), "");
		assert_int_equal(c->limits.nexempt, rows[i].n);
		part = render(c, CONFIG_PART_RECEIVER, NULL);
		again = config_parse("part", slice_str(part), &errors);
		assert_string_equal(buf_str(&errors), "");
		assert_int_equal(again->limits.nexempt, rows[i].n);
		free(part);
		config_free(&again);
		config_free(&c);
		buf_free(&text);
		buf_free(&errors);
	}
}

static void the_table_prints_every_key(void **state)
{
	struct buf plain, man;
	const struct key *k;

	(void)state;
	buf_init(&plain, 1 << 16);
	buf_init(&man, 1 << 16);
	keys_print(&plain);
	keys_print_man(&man);
	assert_false(buf_failed(&plain) || buf_failed(&man));
	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		char line[100];

		if (k->internal)
			continue;
		(void)snprintf(line, sizeof(line), "\n%s: ", k->name);
		assert_non_null(strstr(buf_str(&plain), line));
		(void)snprintf(line, sizeof(line), "\n.It Cm %s\n", k->name);
		assert_non_null(strstr(buf_str(&man), line));
	}
	buf_free(&plain);
	buf_free(&man);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_right),
		cmocka_unit_test(passwords_come_from_guarded_files),
		cmocka_unit_test(a_password_in_the_file_guards_the_file),
		cmocka_unit_test(included_files_keep_their_lines),
		cmocka_unit_test(files_that_it_names_must_be_there),
		cmocka_unit_test(sources_have_secrets_in_files_too),
		cmocka_unit_test(parts_come_back_as_they_went),
		cmocka_unit_test(an_empty_list_of_the_exempt_is_kept),
		cmocka_unit_test(the_table_prints_every_key),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
