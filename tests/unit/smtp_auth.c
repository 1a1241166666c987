/* AUTH in a session: dialogues as data, cut at every byte; and what guessing comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl.h"
#include "smtp/internal.h"
#include "smtp_tools.h"

static const char config[] =
    "hostname = \"mail.office.example\"; users = \"/etc/users\";\n"
    "limits = { guesses = 6; guesses_per_user = 8; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  open = { address = \"127.0.0.1:587\"; auth = \"offered\"; };\n"
    "  lan = { address = \"127.0.0.1:2525\"; networks = [ \"192.0.2.0/24\" ]; auth = \"offered\"; auth_plaintext = true; };\n"
    "  must = { address = \"127.0.0.1:588\"; auth = \"required\"; networks = [ \"192.0.2.0/24\" ]; auth_plaintext = true; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\" ]; }; };\n";

enum { MX, OPEN, LAN, MUST };

#define HELLO "EHLO client.example\r\n"
#define MAIL  "MAIL FROM:<a@b.example>\r\n"
/* NUL user NUL pencil, and the like */
#define GOOD  "AHVzZXIAcGVuY2ls"
#define WRONG "AHVzZXIAcGVuY2lz"
#define OTHER "cm9vdAB1c2VyAHBlbmNpbA=="
#define NOONE "AG5vYm9keQBwZW5jaWw="

struct dialogue {
	unsigned listener;
	const char *name, *sent; /* lines, each sent once the one before is answered */
	const char *codes;	 /* of all replies */
	const char *told;	 /* must be among them, or NULL */
	const char *user;	 /* logged in, or NULL */
	bool closed;
};

static const struct dialogue dialogues[] = {
	{ MX, "off", HELLO "AUTH PLAIN " GOOD "\r\n" MAIL, "220 250 502 250 ", "502 5.5.1 AUTH", NULL, false },
	{ OPEN, "before EHLO", "AUTH PLAIN " GOOD "\r\n", "220 503 ", NULL, NULL, false },
	{ OPEN, "no PLAIN without TLS", HELLO "AUTH PLAIN " GOOD "\r\nAUTH LOGIN\r\n", "220 250 538 538 ",
	  "538 5.7.11 ", NULL, false },
	{ OPEN, "what is offered", HELLO, "220 250 ", "250 AUTH SCRAM-SHA-256\r\n", NULL, false },
	{ LAN, "what is offered to old devices", HELLO, "220 250 ",
	  "250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n250 AUTH=SCRAM-SHA-256 PLAIN LOGIN\r\n", NULL, false },
	{ LAN, "PLAIN", HELLO "AUTH PLAIN " GOOD "\r\n" MAIL, "220 250 235 250 ", "235 2.7.0 ", "user", false },
	{ LAN, "PLAIN after HELO", "HELO x\r\nauth plain " GOOD "\r\n", "220 250 235 ", NULL, "user", false },
	{ LAN, "PLAIN in two steps", HELLO "AUTH PLAIN\r\n" GOOD "\r\n", "220 250 334 235 ", "334 \r\n", "user", false },
	{ LAN, "PLAIN, empty initial response", HELLO "AUTH PLAIN =\r\nNOOP\r\n", "220 250 501 250 ", "501 5.5.2 ", NULL,
	  false },
	{ LAN, "LOGIN", HELLO "AUTH LOGIN\r\ndXNlcg==\r\ncGVuY2ls\r\n", "220 250 334 334 235 ",
	  "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n", "user", false },
	{ LAN, "LOGIN, user at once", HELLO "AUTH LOGIN dXNlcg==\r\ncGVuY2ls\r\n", "220 250 334 235 ", NULL, "user",
	  false },
	{ LAN, "twice", HELLO "AUTH PLAIN " GOOD "\r\nAUTH PLAIN " GOOD "\r\n", "220 250 235 503 ", "503 5.5.1 ", "user",
	  false },
	{ LAN, "EHLO again", HELLO "AUTH PLAIN " GOOD "\r\n" HELLO MAIL, "220 250 235 250 250 ", NULL, "user", false },
	{ LAN, "in a transaction", HELLO MAIL "AUTH PLAIN " GOOD "\r\nRCPT TO:<me@home.example>\r\nAUTH PLAIN\r\n",
	  "220 250 250 503 250 503 ", "503 5.5.1 Not inside", NULL, false },
	{ LAN, "unknown", HELLO "AUTH CRAM-MD5\r\nAUTH X\r\nAUTH GSSAPI x\r\nAUTH SCRAM-SHA-256-PLUS\r\n",
	  "220 250 504 504 504 504 ", "504 5.5.4 ", NULL, false },
	/* Nobody here has such a verifier. */
	{ LAN, "SHA-1", HELLO "AUTH SCRAM-SHA-1\r\n", "220 250 504 ", NULL, NULL, false },
	{ LAN, "tokens", HELLO "AUTH\r\nAUTH \r\nAUTH PLAIN a b\r\nAUTH PLAIN " GOOD " x\r\n", "220 250 501 501 501 501 ",
	  "501 5.5.4 ", NULL, false },
	{ LAN, "bad base64", HELLO "AUTH PLAIN !\r\nAUTH PLAIN AAA\r\nAUTH PLAIN\r\nA===\r\nAUTH PLAIN\r\nNOOP\r\nNOOP\r\n",
	  "220 250 501 501 334 501 334 501 250 ", NULL, NULL, false },
	{ LAN, "cancelled", HELLO "AUTH PLAIN\r\n*\r\nAUTH LOGIN\r\n*\r\nAUTH LOGIN\r\ndXNlcg==\r\n*\r\nNOOP\r\n",
	  "220 250 334 501 334 501 334 334 501 250 ", "501 5.7.0 ", NULL, false },
	{ LAN, "* at once", HELLO "AUTH PLAIN *\r\n", "220 250 501 ", NULL, NULL, false },
	{ LAN, "not base64 of PLAIN", HELLO "AUTH PLAIN dXNlcg==\r\n", "220 250 501 ", NULL, NULL, false },
	{ LAN, "wrong password", HELLO "AUTH PLAIN " WRONG "\r\nNOOP\r\nAUTH PLAIN " GOOD "\r\n", "220 250 535 250 235 ",
	  "535 5.7.8 ", "user", false },
	{ LAN, "no such user", HELLO "AUTH PLAIN " NOONE "\r\n", "220 250 535 ", "535 5.7.8 ", NULL, false },
	{ LAN, "for another", HELLO "AUTH PLAIN " OTHER "\r\n", "220 250 535 ", "535 5.7.8 ", NULL, false },
	{ MUST, "required", HELLO MAIL "RSET\r\nNOOP\r\nVRFY x\r\nAUTH PLAIN " GOOD "\r\n" MAIL,
	  "220 250 530 250 250 252 235 250 ", "530 5.7.0 ", "user", false },
	{ MUST, "required, failed", HELLO "AUTH PLAIN " WRONG "\r\n" MAIL, "220 250 535 530 ", NULL, NULL, false },
	{ LAN, "AUTH of MAIL",
	  HELLO "MAIL FROM:<> AUTH=<>\r\nRSET\r\nMAIL FROM:<> AUTH=e+3Dmc2@example.com\r\nRSET\r\n"
		"MAIL FROM:<> AUTH=\r\nMAIL FROM:<> AUTH=a\r\nMAIL FROM:<> AUTH=a+3@b\r\nMAIL FROM:<> AUTH=a=b@c\r\n"
		"MAIL FROM:<> AUTH=a+0Ab@c.example\r\n",
	  "220 250 250 250 250 250 501 501 501 501 501 ", NULL, NULL, false },
	{ MX, "AUTH of MAIL, off", HELLO "MAIL FROM:<> AUTH=<>\r\n", "220 250 555 ", NULL, NULL, false },
};

static void open_fake(struct fake *f)
{
	struct sasl_users *u = sasl_users_new();
	struct err e;

	fake_open(f, config, NULL);
	assert_int_equal(sasl_users_set(u, "user", "pencil", 4096, false, &e), 0);
	assert_int_equal(sasl_users_set(u, "other", "pencil", 4096, false, &e), 0);
	f->service.users = u;
	f->service.meter = meter_open(-1, &e);
	assert_non_null(f->service.meter);
}

static void close_fake(struct fake *f)
{
	struct sasl_users *u = (struct sasl_users *)(uintptr_t)f->service.users;

	fake_disconnect(f);
	meter_close(&f->service.meter);
	sasl_users_free(&u);
	fake_close(f);
}

/* A line at a time, each of them in two at SPLIT octets of the whole. */
static void converse(struct fake *f, const char *sent, size_t split)
{
	struct slice all = slice_str(sent);

	while (all.n > 0) {
		size_t n = slice_find(all, '\n') + 1;

		if (split > 0 && split < n) {
			fake_send(f, slice_of(all.p, split));
			fake_send(f, slice_of(all.p + split, n - split));
		} else {
			fake_send(f, slice_of(all.p, n));
		}
		split = split > n ? split - n : 0;
		all = slice_skip(all, n);
		/* What was wrong is answered late. */
		while (!f->closed && smtp_session_held(f->session))
			fake_wait(f, 10000);
	}
}

static void play(struct fake *f, const struct dialogue *d, size_t split)
{
	const char *told;
	char *user;

	fake_connect(f, d->listener);
	converse(f, d->sent, split);
	user = f->session->user;
	told = fake_told(f);
	if (strcmp(fake_codes(told), d->codes) != 0 || f->closed != d->closed || (user == NULL) != (d->user == NULL) ||
	    (user != NULL && strcmp(user, d->user) != 0) || (d->told != NULL && strstr(told, d->told) == NULL)) {
		print_error("%s (cut at %zu): expected %s, got %s, user %s:\n%s", d->name, split, d->codes, fake_codes(told),
			    user == NULL ? "none" : user, told);
		fail();
	}
}

static void dialogues_go_as_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		for (size_t split = 0; split < strlen(dialogues[i].sent); split++) {
			struct fake f;

			open_fake(&f);
			play(&f, &dialogues[i], split);
			close_fake(&f);
		}
	}
}

/* SCRAM with our own client. */
static bool scram(struct fake *f, const char *user, const char *password)
{
	struct sasl_setup setup = { .host = "here", .port = 25, .user = user, .password = password };
	struct sasl *client;
	struct buf response, line;
	struct slice told;
	struct err e;
	bool good = false;

	setup.offered = sasl_offered(SLICE_LIT("SCRAM-SHA-256"));
	client = sasl_new(sasl_pick(&setup), &setup);
	buf_init(&response, SASL_LINE_MAX);
	buf_init(&line, SASL_LINE_MAX);
	assert_int_equal(sasl_step(client, SLICE_NONE, &response, &e), 0);
	(void)buf_addf(&line, "AUTH SCRAM-SHA-256 %s\r\n", buf_str(&response));
	for (;;) {
		fake_send(f, buf_slice(&line));
		told = slice_str(fake_told(f));
		if (told.n < 6 || memcmp(told.p, "334 ", 4) != 0)
			break;
		assert_int_equal(sasl_step(client, slice_of(told.p + 4, told.n - 6), &response, &e), 0);
		buf_clear(&line);
		(void)buf_addf(&line, "%s\r\n", buf_str(&response));
	}
	if (told.n > 4 && memcmp(told.p, "235 ", 4) == 0)
		good = sasl_accept(client, &e) == 0;
	buf_free(&response);
	buf_free(&line);
	sasl_free(&client);
	return good;
}

static void scram_in_a_session(void **state)
{
	struct fake f;

	(void)state;
	open_fake(&f);
	fake_connect(&f, OPEN);
	fake_send(&f, SLICE_LIT(HELLO));
	(void)fake_told(&f);
	assert_false(scram(&f, "user", "crayon"));
	fake_wait(&f, 1000);
	assert_string_equal(fake_codes(fake_told(&f)), "535 ");
	assert_true(scram(&f, "user", "pencil"));
	assert_string_equal(f.session->user, "user");
	close_fake(&f);
}

/* Bytes behind a line of AUTH are not taken for commands. */
static void nothing_behind_it(void **state)
{
	static const char *const all[] = {
		"AUTH PLAIN " GOOD "\r\nMAIL FROM:<>\r\n", "AUTH LOGIN\r\ndXNlcg==\r\n", "AUTH PLAIN\r\nM",
		"AUTH NONE\r\nQUIT\r\n", "AUTH LOGIN\r\n\0dXNlcg==\r\nNOOP\r\n", "AUTH PLAIN\r\n\0" GOOD "\r\nRSET\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const char *first = all[i];
		struct fake f;

		open_fake(&f);
		fake_connect(&f, LAN);
		fake_send(&f, SLICE_LIT(HELLO));
		if (i >= 4) { /* the first line is answered before the others are sent */
			fake_send(&f, slice_str(first));
			first += strlen(first) + 1;
		}
		(void)fake_told(&f);
		fake_send(&f, slice_str(first));
		assert_string_equal(fake_codes(fake_told(&f)), "554 ");
		assert_true(f.closed);
		assert_null(f.session->user);
		close_fake(&f);
	}
}

static void long_lines(void **state)
{
	static char text[70000];
	struct fake f;

	(void)state;
	memset(text, 'A', sizeof text);
	open_fake(&f);
	for (size_t n = SMTP_AUTH_MAX - 1; n <= SMTP_AUTH_MAX + 1; n++) {
		/* As the command; N octets with the line end. */
		memcpy(text, "AUTH PLAIN ", 11);
		fake_connect(&f, LAN);
		fake_send(&f, SLICE_LIT(HELLO));
		(void)fake_told(&f);
		fake_send(&f, slice_of(text, n - 2));
		fake_send(&f, SLICE_LIT("\r\n"));
		fake_send(&f, SLICE_LIT("NOOP\r\n"));
		assert_true(strncmp(fake_told(&f), n > SMTP_AUTH_MAX ? "500 5.5.6 " : "501 5.5.2 ", 10) == 0);
		assert_false(f.closed);
		/* As an answer. */
		memset(text, 'A', 11);
		fake_send(&f, SLICE_LIT("AUTH PLAIN\r\n"));
		(void)fake_told(&f);
		fake_send(&f, slice_of(text, n - 2));
		fake_send(&f, SLICE_LIT("\r\n"));
		assert_true(strncmp(fake_told(&f), n > SMTP_AUTH_MAX ? "500 5.5.6 " : "501 5.5.2 ", 10) == 0);
		fake_send(&f, SLICE_LIT("NOOP\r\n"));
		assert_string_equal(fake_codes(fake_told(&f)), "250 ");
	}
	/* Other lines are as long as before, also where there is AUTH. */
	fake_send(&f, slice_of(text, 2100));
	fake_send(&f, SLICE_LIT("\r\n"));
	assert_true(strncmp(fake_told(&f), "500 5.5.2 ", 10) == 0);
	fake_connect(&f, MX);
	fake_send(&f, SLICE_LIT(HELLO));
	memcpy(text, "AUTH PLAIN ", 11);
	(void)fake_told(&f);
	fake_send(&f, slice_of(text, 2100));
	fake_send(&f, SLICE_LIT("\r\n"));
	assert_true(strncmp(fake_told(&f), "500 5.5.2 ", 10) == 0);
	/* Without an end the connection is closed. */
	fake_connect(&f, LAN);
	fake_send(&f, SLICE_LIT(HELLO "AUTH PLAIN\r\n"));
	fake_send(&f, slice_of(text, sizeof text));
	fake_send(&f, slice_of(text, sizeof text));
	assert_true(f.closed);
	close_fake(&f);
}

/* ---- guessing ---- */
static const char *attempt(struct fake *f, uint32_t from, const char *line)
{
	f->from = from;
	fake_connect(f, LAN);
	converse(f, HELLO, 0);
	(void)fake_told(f);
	converse(f, line, 0);
	return fake_codes(fake_told(f));
}

#define A1 0xc6336401u /* 198.51.100.1 */
#define GOOD_OTHER "AG90aGVyAHBlbmNpbA=="
#define WRONG_OTHER "AG90aGVyAHBlbmNpcw=="
#define AUTH(x) "AUTH PLAIN " x "\r\n"

/* Each later than the one before, then the end. */
static void delays(void **state)
{
	static const int64_t late[] = { 1000, 2000, 4000, 8000 };
	struct fake f;

	(void)state;
	open_fake(&f);
	fake_connect(&f, LAN);
	fake_send(&f, SLICE_LIT(HELLO));
	(void)fake_told(&f);
	for (size_t i = 0; i < 4; i++) {
		fake_send(&f, SLICE_LIT(AUTH(WRONG)));
		fake_wait(&f, late[i] - 1);
		assert_string_equal(fake_told(&f), "");
		fake_wait(&f, 1);
		assert_string_equal(fake_codes(fake_told(&f)), "535 ");
	}
	fake_send(&f, SLICE_LIT(AUTH(WRONG)));
	assert_string_equal(fake_codes(fake_told(&f)), "421 ");
	assert_true(f.closed);
	close_fake(&f);
}

static void guesses_of_an_address(void **state)
{
	struct fake f;

	(void)state;
	open_fake(&f);
	/* Whose name it is does not matter, nor that each comes with a new connection. */
	for (int i = 0; i < 6; i++)
		assert_string_equal(attempt(&f, A1, i % 2 == 0 ? AUTH(WRONG) : AUTH(NOONE)), "535 ");
	assert_string_equal(attempt(&f, A1, AUTH(GOOD_OTHER)), "421 ");
	assert_true(f.closed);
	/* Others are not meant. */
	assert_string_equal(attempt(&f, A1 + 1, AUTH(GOOD_OTHER)), "235 ");
	/* It is forgiven. */
	fake_wait(&f, 3600 * 1000);
	assert_string_equal(attempt(&f, A1, AUTH(GOOD_OTHER)), "235 ");
	close_fake(&f);
}

static void guesses_of_a_user(void **state)
{
	const uint32_t office = 0xcb007105;
	struct fake f;

	(void)state;
	open_fake(&f);
	assert_string_equal(attempt(&f, office, AUTH(GOOD)), "235 ");
	for (uint32_t i = 0; i < 8; i++)
		assert_string_equal(attempt(&f, A1 + i, AUTH(WRONG)), "535 ");
	/* From a new place nobody gets in, even with the right password; nor is it told whether it was. */
	assert_string_equal(attempt(&f, A1 + 100, AUTH(GOOD)), "454 ");
	assert_string_equal(attempt(&f, A1 + 101, AUTH(WRONG)), "454 ");
	/* From where he came before, he does. */
	assert_string_equal(attempt(&f, office, AUTH(GOOD)), "235 ");
	/* Another is not meant. */
	assert_string_equal(attempt(&f, A1 + 100, AUTH(GOOD_OTHER)), "235 ");
	/* A name that does not exist is treated the same. */
	for (uint32_t i = 0; i < 8; i++)
		assert_string_equal(attempt(&f, A1 + i, AUTH(NOONE)), "535 ");
	assert_string_equal(attempt(&f, A1 + 100, AUTH(NOONE)), "454 ");
	close_fake(&f);
}

/* Whoever asks to be another is refused before any password is looked at: that shuts no user out. */
static void claims_without_a_password(void **state)
{
	struct fake f;

	(void)state;
	open_fake(&f);
	for (uint32_t i = 0; i < 20; i++)
		assert_string_equal(attempt(&f, A1 + i, AUTH("Ym9zcwB1c2VyAHBlbmNpbA==")), "535 ");
	assert_string_equal(attempt(&f, A1 + 100, AUTH(GOOD)), "235 ");
	/* The address that asked too often is stopped. */
	for (int i = 0; i < 6; i++)
		(void)attempt(&f, A1 + 200, AUTH("Ym9zcwB1c2VyAHBlbmNpbA=="));
	assert_string_equal(attempt(&f, A1 + 200, AUTH(GOOD)), "421 ");
	close_fake(&f);
}

/* Of the many behind one address, one guesses. */
static void strangers_at_an_address(void **state)
{
	struct fake f;

	(void)state;
	open_fake(&f);
	assert_string_equal(attempt(&f, A1, AUTH(GOOD_OTHER)), "235 ");
	for (int i = 0; i < 6; i++)
		assert_string_equal(attempt(&f, A1, AUTH(WRONG)), "535 ");
	assert_string_equal(attempt(&f, A1, AUTH(WRONG)), "421 ");
	assert_string_equal(attempt(&f, A1, AUTH(GOOD_OTHER)), "235 ");
	/* Known or not, somebody who guesses there is stopped. */
	for (int i = 0; i < 8; i++)
		assert_string_equal(attempt(&f, A1, AUTH(WRONG_OTHER)), "535 ");
	assert_string_equal(attempt(&f, A1, AUTH(GOOD_OTHER)), "454 ");
	close_fake(&f);
}

/* However many come at once, a bounded part of the machine goes into it. */
static void work(void **state)
{
	unsigned checked = 0, put_off = 0;
	struct fake f;

	(void)state;
	open_fake(&f);
	for (uint32_t i = 0; i < 2000; i++) {
		char text[64], line[200];
		struct buf encoded;
		const char *said;
		int n = snprintf(text, sizeof text, "%cuser%u%cpencil", 0, i, 0);

		buf_init(&encoded, 100);
		(void)base64_encode(slice_of(text, (size_t)n), &encoded);
		(void)snprintf(line, sizeof line, HELLO);
		f.from = A1 + i * 256;
		fake_connect(&f, LAN);
		fake_send(&f, slice_str(line));
		(void)fake_told(&f);
		(void)snprintf(line, sizeof line, "AUTH PLAIN %s\r\n", buf_str(&encoded));
		fake_send(&f, slice_str(line));
		said = fake_codes(fake_told(&f));
		/* A failure is held back: it was checked. */
		checked += said[0] == '\0';
		put_off += strcmp(said, "454 ") == 0;
		buf_free(&encoded);
	}
	assert_int_equal(checked + put_off, 2000);
	assert_in_range(checked, 400, 500);
	close_fake(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_told),	 cmocka_unit_test(scram_in_a_session),
		cmocka_unit_test(nothing_behind_it),	 cmocka_unit_test(long_lines),
		cmocka_unit_test(delays),		 cmocka_unit_test(guesses_of_an_address),
		cmocka_unit_test(guesses_of_a_user),	 cmocka_unit_test(strangers_at_an_address),
		cmocka_unit_test(claims_without_a_password),
		cmocka_unit_test(work),
	};

	return cmocka_run_group_tests_name("smtp_auth", tests, NULL, NULL);
}
