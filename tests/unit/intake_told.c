/* What rules notify of a message that they refuse, and how they refuse it in words that no dialogue takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "intake_tools.h"
#include "smtp_fake.h"

#define CONFIG(relay)                                                                                                  \
	"hostname = \"mail.office.example\";\n"                                                                         \
	"relay = { host = \"relay.example.net\"; tls = \"none\"; " relay " };\n"                                        \
	"listeners = { mx = { address = \"127.0.0.1:25\"; };\n"                                                        \
	"  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"                                        \
	"accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"    \
	"    addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; };\n"                                        \
	"  other = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"              \
	"    addresses = [ \"@o.example\" ]; rules = \"/etc/home.sieve\"; }; };\n"

static const char relayed[] = CONFIG(""), answering[] = CONFIG("notices = true;");

#define TELLS                                                                                                          \
	"require [\"reject\", \"enotify\", \"envelope\", \"fcc\", \"mailbox\"];\n"                                       \
	"notify :fcc \"Told\" :create :message \"refused\" \"mailto:pager@p.example\";\n"

/* RFC 5435, 7: what is told is told, whatever becomes of the message. */
static void refused_and_told(void **state)
{
	static const enum spool_answer answers[] = { SPOOL_ACCEPTED, SPOOL_FULL, SPOOL_LIMIT, SPOOL_FAILED,
						     SPOOL_LOST };

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct fake f;

		fake_open(&f, relayed, TELLS "reject \"no\";");
		f.answer = answers[i];
		letter_send(&f, "a@h.example", SLICE_LIT("Subject: x\r\n\r\nx\r\n"));
		assert_string_equal(fake_told(&f), "550 5.7.1 no\r\n");
		assert_int_equal(f.nmessages, answers[i] == SPOOL_ACCEPTED);
		if (f.nmessages > 0) {
			assert_int_equal(f.messages[0].ndeliveries, 0);
			assert_int_equal(f.messages[0].body.n, 0);
			assert_non_null(strstr(f.messages[0].further, " + apart refused "));
			assert_non_null(strstr(f.messages[0].further, "[relay/pager@p.example "));
			assert_non_null(strstr(f.messages[0].further, "[home/Told "));
			assert_non_null(strstr(f.messages[0].further, "body=Auto-Submitted: auto-notified;"));
		}
		/* Nobody else confirms it: the spool need not remember it. */
		assert_int_equal(f.confirmed, f.nmessages);
		fake_close(&f);
	}
}

static void refused_twice_is_told_twice(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, relayed, TELLS "reject \"no\";");
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	letter_send(&f, "a@h.example b@o.example", SLICE_LIT("x\r\n"));
	assert_int_equal(f.nmessages, 2);
	assert_memory_not_equal(f.messages[0].fingerprint, f.messages[1].fingerprint, 32);
	fake_close(&f);
	/* Who has it already hears nothing again. */
	fake_open(&f, relayed, TELLS "reject \"no\";");
	f.known = true;
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(fake_told(&f), "250 2.0.0"));
	assert_string_equal(f.messages[0].further, "");
	fake_close(&f);
	/* The spool is away: nothing is promised. */
	fake_open(&f, relayed, TELLS "reject \"no\";");
	letter_begin(&f, "a@h.example");
	fake_send(&f, SLICE_LIT("x\r\n"));
	intake_set_lost(f.intake, true);
	fake_send(&f, SLICE_LIT(".\r\n"));
	assert_int_equal(f.nmessages, 0);
	fake_close(&f);
}

/* RFC 8580, 3.1.3: a copy for a use goes to the folder for it or else to the one that is named; for a use that nobody knows to
 * the one that is named. */
static void copies_go_by_use(void **state)
{
#define COPY(use) "require [\"enotify\", \"fcc\", \"special-use\"]; notify :fcc \"Told\" :specialuse \"" use "\" \"mailto:pager@p.example\";"
	static const struct {
		const char *rules, *filed;
	} rows[] = {
		{ COPY("\\\\Sent"), "[home/\\Sent:Told " },
		{ COPY("\\\\Other"), "[home/Told " },
		{ COPY("\\\\Sent:x"), "[home/Told " },
	};
#undef COPY

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake f;

		fake_open(&f, relayed, rows[i].rules);
		letter_send(&f, "a@h.example", SLICE_LIT("Subject: x\r\n\r\nx\r\n"));
		assert_int_equal(f.nmessages, 1);
		if (strstr(f.messages[0].further, rows[i].filed) == NULL)
			fail_msg("%s: %s", rows[i].rules, f.messages[0].further);
		fake_close(&f);
	}
}

/* What is told can't be written: the message is refused all the same. */
static void refused_and_not_told(void **state)
{
	static const enum spool_answer answers[] = { SPOOL_FULL, SPOOL_FAILED, SPOOL_ACCEPTED };
	struct buf rules;

	(void)state;
	buf_init(&rules, 200 * 1000);
	(void)buf_add_str(&rules, "require [\"reject\", \"enotify\"];\n"
				   "notify \"mailto:pager@p.example?body=");
	/* Too long to go with the request. */
	(void)buf_addf(&rules, "%065000d\";\nreject \"no\";\n", 0);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct fake f;

		fake_open(&f, relayed, buf_str(&rules));
		f.upload_answer = answers[i];
		/* A file in which nothing has room. */
		f.upload_path = answers[i] == SPOOL_ACCEPTED ? "/dev/full" : NULL;
		letter_begin(&f, "a@h.example");
		fake_send_only(&f, SLICE_LIT("x\r\n.\r\n"));
		assert_true(fake_answer(&f)); /* who got it */
		assert_non_null(f.pending_upload);
		while (fake_answer(&f))
			;
		fake_send(&f, SLICE_LIT("NOOP\r\n"));
		assert_non_null(strstr(fake_told(&f), "550 5.7.1 no\r\n"));
		assert_int_equal(f.nmessages, 0);
		assert_int_equal(f.uploads_open, 0);
		fake_close(&f);
	}
	buf_free(&rules);
}

/* LMTP: one refuses, another takes it. */
static void told_besides(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, relayed, TELLS "if envelope \"to\" \"b@o.example\" { reject \"no\"; }");
	fake_connect(&f, 1);
	fake_send(&f, SLICE_LIT("LHLO c\r\nMAIL FROM:<s@b.example>\r\nRCPT TO:<b@o.example>\r\n"
				"RCPT TO:<a@h.example>\r\nDATA\r\n"));
	(void)fake_told(&f);
	fake_send(&f, SLICE_LIT("x\r\n.\r\n"));
	assert_non_null(strstr(fake_told(&f), "550 5.7.1 no\r\n250 2.0.0 <a@h.example>"));
	assert_int_equal(f.nmessages, 1);
	assert_non_null(strstr(f.messages[0].text, "[home/INBOX "));
	assert_non_null(strstr(f.messages[0].further, "[home/Told "));
	assert_non_null(strstr(f.messages[0].further, "[other/Told "));
	fake_close(&f);
}

/* What is told is noted as of one who is new: what those asked for who have the message is not done again. */
static void told_as_of_who_is_new(void **state)
{
	static const struct {
		const char *known; /* of the three in their order */
		int of;		   /* of those who take it */
	} rows[] = { { "000", 0 }, { "010", 1 }, { "001", 0 }, { "011", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake f;

		fake_open(&f, relayed, TELLS "if envelope \"to\" \"b@o.example\" { reject \"no\"; } else { stop; }");
		f.known_each = rows[i].known;
		fake_connect(&f, 1);
		fake_send(&f, SLICE_LIT("LHLO c\r\nMAIL FROM:<s@b.example>\r\nRCPT TO:<b@o.example>\r\n"
					"RCPT TO:<a@h.example>\r\nRCPT TO:<c@h.example>\r\nDATA\r\n"));
		fake_send(&f, SLICE_LIT("x\r\n.\r\n"));
		assert_int_equal(f.nmessages, 1);
		assert_int_equal(f.further_of, rows[i].of);
		fake_close(&f);
	}
}

/* Two addresses of one account that refuse, and tell the same. */
static void told_once(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, relayed, TELLS "if not envelope \"to\" \"a@h.example\" { reject \"no\"; }");
	fake_connect(&f, 1);
	fake_send(&f, SLICE_LIT("LHLO c\r\nMAIL FROM:<s@b.example>\r\nRCPT TO:<b@o.example>\r\n"
				"RCPT TO:<c@o.example>\r\nRCPT TO:<a@h.example>\r\nDATA\r\n"));
	fake_send(&f, SLICE_LIT("x\r\n.\r\n"));
	assert_int_equal(f.nmessages, 1);
	assert_non_null(strstr(f.messages[0].further, "[other/Told "));
	assert_null(strstr(strstr(f.messages[0].further, "[other/Told ") + 1, "[other/Told "));
	assert_non_null(strstr(f.messages[0].further, "[home/Told "));
	fake_close(&f);
}

/* RFC 5429, 2.2: reject keeps its words, which no dialogue takes beyond ASCII. */
static void words_go_by_mail(void **state)
{
#define REJECTS "require [\"reject\", \"ereject\", \"envelope\"];\n"
	static const struct {
		const char *config, *rules, *text;
		const char *told, *further; /* "": nothing is sent */
	} rows[] = {
		{ answering, REJECTS "reject \"N\xc3\xb6\";", "x\r\n", "250 2.0.0 Ok", "[relay/s@b.example " },
		{ answering, REJECTS "reject \"no\";", "x\r\n", "550 5.7.1 no\r\n", "" },
		{ answering, REJECTS "ereject \"N\xc3\xb6\";", "x\r\n", "550 5.7.1 N?\r\n", "" },
		{ relayed, REJECTS "reject \"N\xc3\xb6\";", "x\r\n", "550 5.7.1 N?\r\n", "" },
		/* What nobody reads. */
		{ answering, REJECTS "reject \"N\xc3\xb6\";", "Auto-Submitted: auto-replied\r\n\r\nx\r\n", "550 5.7.1 N?\r\n",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake f;

		fake_open(&f, rows[i].config, rows[i].rules);
		letter_send(&f, "a@h.example", slice_str(rows[i].text));
		assert_non_null(strstr(fake_told(&f), rows[i].told));
		assert_int_equal(f.nmessages, rows[i].further[0] != '\0');
		if (f.nmessages > 0) {
			assert_int_equal(f.messages[0].ndeliveries, 0);
			assert_non_null(strstr(f.messages[0].further, rows[i].further));
		}
		fake_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_and_told),
		cmocka_unit_test(refused_twice_is_told_twice),
		cmocka_unit_test(copies_go_by_use),
		cmocka_unit_test(refused_and_not_told),
		cmocka_unit_test(told_besides),
		cmocka_unit_test(told_as_of_who_is_new),
		cmocka_unit_test(told_once),
		cmocka_unit_test(words_go_by_mail),
	};

	return cmocka_run_group_tests_name("intake_told", tests, NULL, NULL);
}
