/* What rules make of a message besides filing it, on its way to the spool: copies in other words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intake/internal.h"
#include "intake_tools.h"
#include "ipc/message.h"
#include "sieve/registry.h"
#include "smtp_fake.h"

struct row {
	const char *name, *rules, *recipients;
	const char *kept;    /* a part of what the spool was asked of the message */
	const char *further; /* of what it causes; "": nothing */
};

static const struct row rows[] = {
	{ "in its own words", NEED "keep;", "a@h.example", "[home/INBOX flags= rule=home.sieve:2]", "" },
	{ "a keep in other words", NEED "mark \"X: 1\"; keep :flags \"\\\\Seen\";", "a@h.example", "(line 2)}",
	  " + rules from=<s@b.example> to=home:a@h.example{keep (line 2), as the rules changed it} "
	  "[home/INBOX flags=\\Seen rule=home.sieve:2] body=X: 1\r\nx\r\n" },
	{ "the implicit one", NEED "mark \"X: 1\";", "a@h.example", "{implicit keep}",
	  "[home/INBOX flags= rule=] body=X: 1\r\nx\r\n" },
	{ "before and after", NEED "fileinto :copy \"A\"; mark \"X: 1\"; fileinto :copy \"B\"; mark \"Y: 2\"; fileinto \"C\";",
	  "a@h.example", "[home/A flags= rule=home.sieve:2]",
	  "[home/B flags= rule=home.sieve:2] body=X: 1\r\nx\r\n + rules from=<s@b.example> to=home:a@h.example" },
	{ "the last of them", NEED "fileinto :copy \"A\"; mark \"X: 1\"; fileinto :copy \"B\"; mark \"Y: 2\"; fileinto \"C\";",
	  "a@h.example", "", "[home/C flags= rule=home.sieve:2] body=Y: 2\r\nX: 1\r\nx\r\n" },
	{ "two addresses, one copy", NEED "mark \"X: 1\"; fileinto \"A\";", "a@h.example b@h.example", "",
	  " + rules from=<s@b.example> to=home:a@h.example{fileinto A (line 2), as the rules changed it} "
	  "[home/A flags= rule=home.sieve:2] body=X: 1\r\nx\r\n" },
	{ "two addresses, two copies",
	  NEED "if envelope :is \"to\" \"a@h.example\" { mark \"X: a\"; } else { mark \"X: b\"; } fileinto \"A\";",
	  "a@h.example b@h.example", "", "body=X: a\r\nx\r\n + rules from=<s@b.example> to=home:b@h.example" },
	{ "two accounts, two copies", NEED "mark \"X: 1\"; fileinto \"A\";", "a@h.example b@o.example", "",
	  "[home/A flags= rule=home.sieve:2] body=X: 1\r\nx\r\n + rules from=<s@b.example> to=other:b@o.example" },
	{ "changed and thrown away", NEED "mark \"X: 1\"; discard;", "a@h.example", "{discard (line 2)}", "" },
};

static void copies_in_other_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct fake f;
		bool same;

		fake_open(&f, letter_config, row->rules);
		letter_send(&f, row->recipients, SLICE_LIT("x\r\n"));
		assert_int_equal(f.nmessages, 1);
		same = strstr(f.messages[0].text, row->kept) != NULL &&
		       (row->further[0] == '\0' ? f.messages[0].further[0] == '\0'
						: strstr(f.messages[0].further, row->further) != NULL);
		if (!same)
			fail_msg("%s: kept %s further %s", row->name, f.messages[0].text, f.messages[0].further);
		/* Copies that are the same are one. */
		if (strcmp(row->name, "two addresses, one copy") == 0)
			assert_string_equal(f.messages[0].further, row->further);
		fake_close(&f);
	}
}

/* Small and large, with the message in memory and in a file. */
static void copies_of_every_size(void **state)
{
	static const size_t sizes[] = { 1000, IPC_INLINE_MAX - 20, IPC_INLINE_MAX, IPC_INLINE_MAX + 1, 300 * 1000, 1500 * 1000 };
	struct buf b;

	(void)state;
	buf_init(&b, 2 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const bool file = sizes[i] + 6 > IPC_INLINE_MAX;
		struct fake f;

		buf_clear(&b);
		(void)buf_add_str(&b, "Subject: x\r\n\r\n");
		while (b.n + 102 <= sizes[i])
			(void)buf_addf(&b, "%0100zu\r\n", b.n);
		while (b.n + 2 < sizes[i])
			(void)buf_add_char(&b, 'x');
		(void)buf_add_str(&b, "\r\n");
		for (int both = 0; both < 2; both++) {
			fake_open(&f, letter_config,
				  both ? NEED "keep; mark \"X: 1\"; fileinto \"A\"; mark \"Y: 2\"; fileinto \"B\";"
				       : NEED "mark \"X: 1\"; fileinto \"A\";");
			letter_send(&f, "a@h.example", buf_slice(&b));
			assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
			assert_int_equal(f.nmessages, 1);
			assert_non_null(strstr(f.messages[0].further, "body=X: 1\r\nSubject: x\r\n"));
			assert_int_equal(strstr(f.messages[0].further, "(file)") != NULL, file);
			if (both) {
				assert_non_null(strstr(f.messages[0].further, "body=Y: 2\r\nX: 1\r\nSubject: x\r\n"));
				assert_true(slice_eq(buf_slice(&f.messages[0].body), buf_slice(&b)));
			} else {
				assert_int_equal(f.messages[0].ndeliveries, 0);
			}
			fake_close(&f);
			assert_int_equal(f.uploads_open, 0);
		}
	}
	buf_free(&b);
}

static void ask_turn(void *arg)
{
	++*(unsigned *)arg;
}

/* A large copy takes a piece a turn, so that others are served meanwhile. */
static void copies_take_turns(void **state)
{
	unsigned asked = 0, turns = 0;
	struct fake f;
	struct buf b;

	(void)state;
	buf_init(&b, 2 << 20);
	while (b.n < 1400 * 1000)
		(void)buf_addf(&b, "%0100zu\r\n", b.n);
	fake_open(&f, letter_config, NEED "mark \"X: 1\"; fileinto \"A\"; mark \"Y: 2\"; fileinto \"B\";");
	intake_set_turns(f.intake, ask_turn, &asked);
	letter_begin(&f, "a@h.example");
	fake_send(&f, SLICE_LIT("\r\n"));
	fake_send(&f, buf_slice(&b));
	fake_send(&f, SLICE_LIT(".\r\n"));
	while (f.nmessages == 0 && turns < 100) {
		turns++;
		intake_turn(f.intake);
		while (fake_answer(&f))
			;
	}
	assert_in_range(turns, 10, 20);
	assert_in_range(asked, 10, 20);
	assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
	assert_non_null(strstr(f.messages[0].further, "[home/A flags= rule=home.sieve:2] body=X: 1\r\n\r\n00"));
	assert_non_null(strstr(f.messages[0].further, "[home/B flags= rule=home.sieve:2] body=Y: 2\r\nX: 1\r\n\r\n00"));
	assert_int_equal(f.uploads_open, 0);
	/* The client goes between two turns. */
	fake_forget(&f);
	letter_begin(&f, "a@h.example");
	fake_send(&f, SLICE_LIT("\r\n"));
	fake_send(&f, buf_slice(&b));
	fake_send(&f, SLICE_LIT(".\r\n"));
	intake_turn(f.intake);
	fake_disconnect(&f);
	intake_turn(f.intake);
	assert_int_equal(f.nmessages, 0);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
	buf_free(&b);
}

/* A file for a copy can't be had, or the client goes: nothing is kept, and nothing stays open. */
static void copies_that_can_not_be_made(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 2 << 20);
	while (b.n < 300 * 1000)
		(void)buf_addf(&b, "%0100zu\r\n", b.n);
	for (int gone = 0; gone < 2; gone++) {
		struct fake f;

		fake_open(&f, letter_config, NEED "mark \"X: 1\"; fileinto \"A\"; mark \"Y: 2\"; fileinto \"B\";");
		letter_begin(&f, "a@h.example");
		fake_send(&f, SLICE_LIT("\r\n"));
		fake_send(&f, buf_slice(&b));
		(void)fake_told(&f);
		f.upload_answer = SPOOL_ACCEPTED;
		fake_send_only(&f, SLICE_LIT(".\r\n"));
		assert_non_null(f.pending_upload); /* of the first copy */
		assert_true(fake_answer(&f));
		assert_non_null(f.pending_upload); /* of the second */
		if (gone) {
			fake_disconnect(&f);
			while (fake_answer(&f))
				;
		} else {
			f.upload_answer = SPOOL_FULL;
			while (fake_answer(&f))
				;
			assert_non_null(strstr(fake_told(&f), "452 "));
		}
		assert_int_equal(f.nmessages, 0);
		assert_int_equal(f.uploads_open, 0);
		assert_int_equal(f.intake->making, 0);
		fake_close(&f);
	}
	buf_free(&b);
}

/* However often large mail is wanted, it does not fill the disk. */
static void copies_have_bounds_together(void **state)
{
	struct buf b, limited;
	struct fake f;

	(void)state;
	buf_init(&b, 2 << 20);
	buf_init(&limited, strlen(letter_config) + 200);
	(void)buf_add_str(&b, "Subject: x\r\n\r\n");
	while (b.n < 1400 * 1000)
		(void)buf_addf(&b, "%0100zu\r\n", b.n);
	(void)buf_add_str(&limited, "relay = { host = \"relay.example.net\"; tls = \"implicit\"; };\n");
	(void)buf_addf(&limited, "%.*slimits = { message_size = \"2M\"; unaccepted = \"4M\"; unaccepted_per_address = \"2M\"; };%s",
		       (int)(strstr(letter_config, "limits = ") - letter_config), letter_config, strchr(strstr(letter_config, "limits = "), '\n'));
	fake_open(&f, buf_str(&limited), NEED "mark \"X: 1\"; fileinto \"A\"; mark \"Y: 2\"; fileinto \"B\";");
	letter_send(&f, "a@h.example", buf_slice(&b));
	assert_non_null(strstr(f.messages[0].further, "[home/B "));
	assert_int_equal(f.intake->making, 0);
	/* Others are under way. */
	f.intake->making = 2 << 20;
	letter_send(&f, "b@h.example", buf_slice(&b));
	assert_non_null(strstr(fake_told(&f), "452 4.3.1"));
	assert_int_equal(f.nmessages, 1);
	assert_int_equal(f.intake->making, 2 << 20);
	f.intake->making = 0;
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
	/* One more than there is room for: nothing is sent, and it is said what was not. */
	fake_open(&f, buf_str(&limited),
		  NEED "redirect :copy \"q@far.example\"; redirect :copy \"r@far.example\"; mark \"X: 1\"; fileinto \"A\"; mark \"Y: 2\"; fileinto \"B\"; mark \"Z: 3\"; fileinto \"C\";");
	letter_send(&f, "a@h.example", buf_slice(&b));
	assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
	assert_string_equal(f.messages[0].further, "");
	assert_non_null(strstr(f.messages[0].text,
			       "[home/INBOX flags= rule= note=kept here: rules want too much of one message; not sent: "
			       "redirect to q@far.example (line 2), redirect to r@far.example (line 2)]"));
	assert_int_equal(f.messages[0].body.n, b.n);
	assert_int_equal(f.uploads_open, 0);
	fake_close(&f);
	buf_free(&limited);
	buf_free(&b);
}

/* Many recipients whose rules write long texts: what is beyond a bound goes to INBOX as it came. */
static void rules_may_have_too_much_to_say(void **state)
{
	enum { RECIPIENTS = 45, MARKS = 9, OCTETS = 100 * 1000 };
	char *text = mem_alloc(OCTETS + 1);
	struct buf rules, to;
	struct fake f;

	(void)state;
	memset(text, 'x', OCTETS);
	text[1] = ':';
	buf_init(&rules, 2 << 20);
	buf_init(&to, 10000);
	(void)buf_add_str(&rules, NEED);
	for (int i = 0; i < MARKS; i++)
		(void)buf_addf(&rules, "mark \"%s\";\n", text);
	(void)buf_add_str(&rules, "fileinto \"A\";");
	for (int i = 0; i < RECIPIENTS; i++)
		(void)buf_addf(&to, "%sr%d@h.example", i == 0 ? "" : " ", i);
	fake_open(&f, letter_config, buf_str(&rules));
	letter_send(&f, buf_str(&to), SLICE_LIT("Subject: x\r\n\r\nx\r\n"));
	assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
	assert_non_null(strstr(f.messages[0].further, "[home/A "));
	assert_non_null(strstr(f.messages[0].text, "home:r0@h.example{fileinto A (line 11)}"));
	assert_non_null(strstr(f.messages[0].text, "home:r44@h.example{implicit keep: the rules of all recipients"));
	assert_non_null(strstr(f.messages[0].text, "[home/INBOX flags= rule= note=kept here: the rules of its recipients"));
	fake_close(&f);
	/* They refuse it: they all do still. */
	buf_clear(&rules);
	(void)buf_add_str(&rules, NEED);
	(void)buf_add_str(&rules, "reject \"");
	for (int i = 0; i < MARKS; i++)
		(void)buf_add_str(&rules, text);
	(void)buf_add_str(&rules, "\";");
	fake_open(&f, letter_config, buf_str(&rules));
	letter_send(&f, buf_str(&to), SLICE_LIT("Subject: x\r\n\r\nx\r\n"));
	assert_non_null(strstr(fake_told(&f), "550"));
	assert_int_equal(f.nmessages, 0);
	fake_close(&f);
	buf_free(&to);
	buf_free(&rules);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_in_other_words),
		cmocka_unit_test(copies_of_every_size),
		cmocka_unit_test(copies_take_turns),
		cmocka_unit_test(copies_that_can_not_be_made),
		cmocka_unit_test(copies_have_bounds_together),
		cmocka_unit_test(rules_may_have_too_much_to_say),
	};

	registry_add(&letter_extension);
	return cmocka_run_group_tests_name("intake_further", tests, NULL, NULL);
}
