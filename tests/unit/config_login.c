/* How accounts log in: sources of passwords, certificates of ours, mechanisms; and that none of it goes where it should
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/config.h"
#include "config/secret.h"

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define KEY	    "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n"

extern char **environ;

static char dir[] = "/tmp/mailferry-login.XXXXXX";
static const char *const names[] = { "main.conf", "cert.pem", "key.pem", "pw", "office", "mark", "pid" };

static const char *path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, mode_t mode, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

/* An account with KEYS in line 2. ERRORS, or what of them must be there, with DIR as it is. */
static struct config *load(const char *keys, const char *errors)
{
	char text[2000];
	struct buf out;
	struct config *c;

	(void)snprintf(text, sizeof text,
		       "hostname = \"mail.office.example\"; spool = \"spool\"; accounts = { a = {\n%s\n"
		       "host = \"imap.example.net\"; user = \"u\"; addresses = \"@office.example\"; }; };\n",
		       keys);
	put("main.conf", 0600, text);
	buf_init(&out, 1 << 16);
	c = config_load(path_of("main.conf"), &out);
	if (errors == NULL)
		assert_string_equal(buf_str(&out), "");
	else if (strstr(buf_str(&out), errors) == NULL)
		fail_msg("%s: %s", keys, buf_str(&out));
	assert_int_equal(c == NULL, errors != NULL);
	/* Whatever is wrong: no secret in it. */
	assert_null(strstr(buf_str(&out), "sesame"));
	buf_free(&out);
	return c;
}

static void keys_must_fit_together(void **state)
{
	static const struct {
		const char *keys, *error;
	} rows[] = {
		{ "", "1: key `accounts.a.password_file': missing" },
		{ "password = \"sesame\"; password_command = \"x\";",
		  "2: key `accounts.a.password_command': password is given too: give one of the two\n" },
		{ "password_env = \"X\"; password_credential = \"x\";",
		  "2: key `accounts.a.password_env': password_credential is given too: give one of the two\n" },
		{ "password_file = \"pw\"; password_env = \"X\";",
		  "2: key `accounts.a.password_env': password_file is given too: give one of the two\n" },
		{ "password_command = 5;",
		  "expected text in quotes, of 1 to 1000 characters in one line, got a number" },
		{ "password_command = \"sesame\\nx\";", "in one line, got another text" },
		{ "password = \"sesame\"; client_certificate = \"cert.pem\";", "key `accounts.a.client_key': missing" },
		{ "password = \"sesame\"; client_key = \"key.pem\";", "key `accounts.a.client_certificate': missing" },
		{ "tls = \"none\"; client_certificate = \"cert.pem\"; client_key = \"key.pem\";",
		  "key `accounts.a.client_certificate': tls is \"none\"" },
		{ "password = \"sesame\"; auth = \"plain\";", "key `accounts.a.auth': expected \"EXTERNAL\", " },
		{ "password = \"sesame\"; auth = \"EXTERNAL\";", "\"EXTERNAL\" needs client_certificate" },
		{ "password = \"sesame\"; auth = \"XOAUTH2\";", "takes access tokens, and the account has no oauth" },
		{ "password = \"sesame\"; auth = \"LOGIN\"; login_as = \"v\";", "can't name both user and login_as" },
		{ "password = \"sesame\"; auth = \"CRAM-MD5\"; login_as = \"v\";", "can't name both" },
		{ "password = \"sesame\"; auth = \"SCRAM-SHA-1-PLUS\"; tls = \"none\";", "no channel" },
		{ "password = \"sesame\"; login_as = \"\";", "key `accounts.a.login_as': expected text" },
		{ "password = \"sesame\"; secret_client_key = \"x\";", "key `accounts.a.secret_client_key': unknown" },
		{ "password = \"sesame\"; auth = \"LOGIN\"; login_as = \"u\";", NULL },
		{ "password = \"sesame\"; auth = \"SCRAM-SHA-256\"; login_as = \"v\";", NULL },
		{ "client_certificate = \"cert.pem\"; client_key = \"key.pem\";", NULL },
		{ "client_certificate = \"cert.pem\"; client_key = \"key.pem\"; password = \"sesame\";", NULL },
	};

	(void)state;
	put("cert.pem", 0644, CERTIFICATE);
	put("key.pem", 0600, KEY);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = load(rows[i].keys, rows[i].error);

		config_free(&c);
	}
}

static void a_command_prints_the_password(void **state)
{
	static const struct {
		const char *command, *password, *error;
	} rows[] = {
		{ "echo sesame", "sesame", NULL },
		{ "printf 'sesame\\\\r\\\\nlogin: x\\\\n'", "sesame", NULL },
		{ "printf sesame; echo noise >&2", "sesame", NULL },
		{ "read x || echo sesame", "sesame", NULL }, /* standard input is empty */
		/* What it leaves running, with its output open, is not waited for. */
		{ "sleep 5 & echo sesame", "sesame", NULL },
		{ "cat pw", NULL, "status 1" }, /* it runs where mailferry does */
		{ "echo sesame; exit 3", NULL, "the command ended with status 3; run it by hand" },
		{ "echo sesame; kill -9 $$", NULL, "ended by signal 9" },
		{ "no-such-program-here", NULL, "status 127" },
		{ "true", NULL, "the first line is empty" },
		{ "echo; echo sesame", NULL, "the first line is empty" },
		{ "printf 'ses\\\\0ame'", NULL, "NUL" },
		{ "head -c 1001 /dev/zero | tr '\\\\0' x", NULL, "more than 1000 octets" },
		{ "cat /dev/zero", NULL, "more than 65536 octets" },
	};

	(void)state;
	put("pw", 0600, "sesame\n");
	assert_int_equal(chdir("/"), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char keys[300];
		struct config *c;

		(void)snprintf(keys, sizeof keys, "password_command = \"%s\";", rows[i].command);
		c = load(keys, rows[i].error);
		if (c != NULL)
			assert_string_equal(c->accounts[0].server.password, rows[i].password);
		config_free(&c);
	}
}

static void a_command_that_hangs_is_ended(void **state)
{
	char command[300], pid[40];
	struct err e = { 0 };
	struct buf text;

	(void)state;
	/* It closes its output, ignores what can be ignored, and waits for a child. */
	(void)snprintf(command, sizeof command, "trap '' TERM INT HUP; exec >&-; sleep 300 & echo $! >%s; wait",
		       path_of("pid"));
	assert_null(secret_command(command, 700, &e));
	assert_int_equal(e.class, ERR_CONFIG);
	assert_non_null(strstr(e.text, "did not end in time"));
	/* The whole group is gone. A machine under load may not even have come as far as to start it. */
	buf_init(&text, sizeof pid);
	if (file_read(path_of("pid"), &text, &e) == 0 && text.n > 0) {
		pid_t child = (pid_t)strtol(buf_str(&text), NULL, 10);

		for (int i = 0; kill(child, 0) == 0 && i < 1000; i++)
			(void)usleep(10000);
		(void)snprintf(pid, sizeof pid, "/proc/%ld/comm", (long)child);
		assert_int_not_equal(access(pid, F_OK), 0);
	}
	buf_free(&text);
}

/* Neither for a configuration that is wrong anyway, nor for those who need no password. */
static void a_command_is_not_run_for_nothing(void **state)
{
	char keys[300];
	struct config *c;
	struct buf errors;

	(void)state;
	(void)snprintf(keys, sizeof keys, "password_command = \"touch %s; echo sesame\"; window = 0;", path_of("mark"));
	c = load(keys, "window");
	assert_int_not_equal(access(path_of("mark"), F_OK), 0);
	(void)snprintf(keys, sizeof keys, "password_command = \"touch %s; echo sesame\";", path_of("mark"));
	buf_init(&errors, 10000);
	c = load(keys, NULL);
	config_free(&c);
	assert_int_equal(access(path_of("mark"), F_OK), 0);
	assert_int_equal(unlink(path_of("mark")), 0);
	c = config_look(path_of("main.conf"), &errors);
	assert_non_null(c);
	assert_null(c->accounts[0].server.password);
	config_free(&c);
	free(config_control(path_of("main.conf"), &errors));
	assert_string_equal(buf_str(&errors), "");
	assert_int_not_equal(access(path_of("mark"), F_OK), 0);
	buf_free(&errors);
}

static void credentials_come_from_systemd(void **state)
{
	struct config *c;

	(void)state;
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	(void)load("password_credential = \"office\";", "there is no $CREDENTIALS_DIRECTORY");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	(void)load("password_credential = \"office\";", "No such file");
	(void)load("password_credential = \"../pw\";", "is no name of a credential");
	(void)load("password_credential = \".hidden\";", "is no name of a credential");
	/* As systemd makes them for a user by an access list: the group bits are its mask. */
	put("office", 0444, "sesame\n");
	c = load("password_credential = \"office\";", NULL);
	assert_string_equal(c->accounts[0].server.password, "sesame");
	config_free(&c);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void variables_are_taken_out(void **state)
{
	/* As the kernel lays it out at the start of a process: the environment points to memory that stays readable. */
	char given[] = "FERRY_PASSWORD=sesame", other[] = "OTHER=value", path[] = "PATH=/usr/bin:/bin";
	char *made[] = { given, other, path, NULL };
	char **saved = environ;
	struct config *c;

	(void)state;
	(void)load("password_env = \"FERRY_PASSWORD\";", "there is no environment variable FERRY_PASSWORD");
	environ = made;
	c = load("password_env = \"FERRY_PASSWORD\";", NULL);
	assert_string_equal(c->accounts[0].server.password, "sesame");
	config_free(&c);
	assert_null(getenv("FERRY_PASSWORD"));
	assert_string_equal(getenv("OTHER"), "value");
	for (size_t i = 0; i + 6 <= sizeof given; i++)
		assert_memory_not_equal(given + i, "sesame", 6);
	/* A reload. */
	c = load("password_env = \"FERRY_PASSWORD\";", NULL);
	assert_string_equal(c->accounts[0].server.password, "sesame");
	config_free(&c);
	environ = saved;
}

/* The command of one account does not get the variable of another, whichever stands first. */
static void commands_see_no_variable(void **state)
{
	struct buf errors;
	struct config *c;

	(void)state;
	assert_int_equal(setenv("FERRY_OTHER", "sesame2", 1), 0);
	put("main.conf", 0600,
	    "hostname = \"mail.office.example\"; spool = \"spool\"; accounts = {\n"
	    "a = { host = \"h\"; user = \"u\"; addresses = \"@a.example\"; password_command = \"env | grep FERRY_OTHER "
	    "|| echo none\"; };\n"
	    "b = { host = \"h\"; user = \"u\"; addresses = \"@b.example\"; password_env = \"FERRY_OTHER\"; };\n"
	    "c = { host = \"h\"; user = \"u\"; addresses = \"@c.example\"; "
	    "password_command = \"echo x${FERRY_OTHER}\"; }; };\n");
	buf_init(&errors, 10000);
	c = config_load(path_of("main.conf"), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(c);
	assert_string_equal(c->accounts[0].server.password, "none");
	assert_string_equal(c->accounts[1].server.password, "sesame2");
	assert_string_equal(c->accounts[2].server.password, "x");
	config_free(&c);
	buf_free(&errors);
}

static void keys_are_guarded(void **state)
{
	static const char both[] = "client_certificate = \"cert.pem\"; client_key = \"key.pem\";";

	(void)state;
	put("cert.pem", 0644, CERTIFICATE);
	put("key.pem", 0644, KEY);
	(void)load(both, "holds a secret but everybody may read it (mode 0644)");
	put("key.pem", 0600, "sesame");
	(void)load(both, "key.pem is no PEM file");
	put("key.pem", 0600, CERTIFICATE);
	(void)load(both, "holds no private key");
	put("key.pem", 0600, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nsesame\n-----END ENCRYPTED PRIVATE KEY-----\n");
	(void)load(both, "has a passphrase");
	put("key.pem", 0600, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nsesame\n");
	(void)load(both, "has a passphrase");
	put("key.pem", 0600, KEY);
	put("cert.pem", 0644, "");
	(void)load(both, "cert.pem is no text file, or empty");
}

static char *render(const struct config *c, enum config_part part, const char *account)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(config_render(c, part, account, &out), 0);
	return buf_take(&out, NULL);
}

/* Key and password go to the account's store, and to nobody else. */
static void only_the_store_gets_them(void **state)
{
	static const char *const secrets[] = { "sesame", "BBBB", "PRIVATE KEY", "echo" };
	struct config *c, *part;
	struct buf errors;
	char *text;

	(void)state;
	put("cert.pem", 0644, CERTIFICATE);
	put("key.pem", 0600, KEY);
	c = load("client_certificate = \"cert.pem\"; client_key = \"key.pem\"; password_command = \"echo sesame\";\n"
		 "login_as = \"v\"; auth = \"PLAIN\";",
		 NULL);
	for (enum config_part p = CONFIG_PART_RECEIVER; p <= CONFIG_PART_TOKEN; p++) {
		if (p == CONFIG_PART_STORE)
			continue;
		text = render(c, p, NULL);
		for (size_t i = 0; i < COUNT(secrets); i++)
			assert_null(strstr(text, secrets[i]));
		free(text);
	}
	text = render(c, CONFIG_PART_STORE, "a");
	buf_init(&errors, 10000);
	part = config_parse("part", slice_str(text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(part);
	assert_string_equal(part->accounts[0].server.client_certificate_pem, CERTIFICATE);
	assert_string_equal(part->accounts[0].server.client_key_pem, KEY);
	assert_string_equal(part->accounts[0].server.password, "sesame");
	assert_string_equal(part->accounts[0].server.login_as, "v");
	assert_string_equal(part->accounts[0].server.auth, "PLAIN");
	assert_null(strstr(text, "echo"));
	free(text);
	config_free(&part);
	config_free(&c);
	buf_free(&errors);
}

static int dir_make(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int dir_remove(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		(void)unlink(path_of(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_must_fit_together),	 cmocka_unit_test(a_command_prints_the_password),
		cmocka_unit_test(a_command_that_hangs_is_ended), cmocka_unit_test(a_command_is_not_run_for_nothing),
		cmocka_unit_test(credentials_come_from_systemd), cmocka_unit_test(variables_are_taken_out),
		cmocka_unit_test(commands_see_no_variable),	 cmocka_unit_test(keys_are_guarded),
		cmocka_unit_test(only_the_store_gets_them),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
