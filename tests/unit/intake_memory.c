/* What rules remember, on its way to the spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "intake/internal.h"
#include "intake_tools.h"
#include "sieve/registry.h"
#include "smtp_fake.h"

#define ONCE NEED "if new \"k\" { fileinto \"First\"; } else { fileinto \"Again\"; }"

static void rules_remember(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, letter_config, ONCE);
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(f.messages[0].text, "[home/First "));
	assert_int_equal(f.recalls, 1);
	assert_int_equal(f.nmemory, 1);
	letter_send(&f, "b@h.example", SLICE_LIT("y\r\n"));
	assert_non_null(strstr(f.messages[1].text, "[home/Again "));
	/* Another account has another memory. */
	letter_send(&f, "a@o.example", SLICE_LIT("y\r\n"));
	assert_non_null(strstr(f.messages[2].text, "[other/First "));
	assert_int_equal(f.nmemory, 2);
	fake_close(&f);
	/* Of two addresses of one account in one message the second knows what the first remembers. */
	fake_open(&f, letter_config, ONCE);
	letter_send(&f, "a@h.example b@h.example c@o.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(f.messages[0].text, "[home/First "));
	assert_non_null(strstr(f.messages[0].text, "[home/Again "));
	assert_non_null(strstr(f.messages[0].text, "[other/First "));
	assert_int_equal(f.nmemory, 2);
	fake_close(&f);
	/* One who refuses it does not count, whatever others do. */
	fake_open(&f, letter_config,
		  NEED "if new \"k\" { if envelope \"to\" \"a@h.example\" { reject \"no\"; } else { fileinto \"First\"; } }"
		       " else { fileinto \"Again\"; }");
	letter_send(&f, "a@h.example b@h.example c@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(f.messages[0].text, "[home/INBOX "));
	assert_non_null(strstr(f.messages[0].text, "[home/First "));
	assert_non_null(strstr(f.messages[0].text, "[home/Again "));
	assert_int_equal(f.nmemory, 1);
	fake_close(&f);
	/* What rules refuse they have not seen. */
	fake_open(&f, letter_config, NEED "if new \"k\" { reject \"no\"; }");
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(fake_told(&f), "550 5.7.1 no"));
	assert_int_equal(f.nmemory, 0);
	fake_close(&f);
}

static void questions_may_follow_from_answers(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, letter_config, NEED "if new \"a\" { if new \"b\" { if new \"c\" { fileinto \"Three\"; } } }");
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(f.messages[0].text, "[home/Three "));
	fake_close(&f);
	/* One after the other for ever: as if nothing were remembered. */
	fake_open(&f, letter_config,
		  NEED "if allof(new \"a\", new \"b\", new \"c\", new \"d\", new \"e\", new \"f\", new \"g\", new \"h\")"
		       " { fileinto \"All\"; }");
	f.recalls = 0;
	letter_send(&f, "a@h.example", SLICE_LIT("x\r\n"));
	assert_non_null(strstr(f.messages[0].text, "[home/All "));
	assert_in_range(f.recalls, 1, 5);
	fake_close(&f);
}

static void ask_turn(void *arg)
{
	++*(unsigned *)arg;
}

/* Answers and turns until nothing is to be done. How many turns. */
static unsigned go_on(struct fake *f)
{
	unsigned turns = 0;

	do
		while (fake_answer(f))
			;
	while (f->intake->copying != NULL && (intake_turn(f->intake), ++turns < 100));
	return turns;
}

/* Each recipient may have a turn, so that others are served meanwhile; what comes of it is the same. */
static void recipients_take_turns(void **state)
{
	unsigned asked = 0;
	struct fake f;

	(void)state;
	fake_open(&f, letter_config, ONCE);
	intake_set_turns(f.intake, ask_turn, &asked);
	f.intake->turn_ms = 0;
	letter_begin(&f, "a@h.example b@h.example c@o.example");
	fake_send(&f, SLICE_LIT("x\r\n.\r\n"));
	/* Two turns in each of two rounds: the first of a round needs none. */
	assert_int_equal(go_on(&f), 4);
	assert_true(asked >= 4);
	assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
	assert_int_equal(f.nmessages, 1);
	assert_non_null(strstr(f.messages[0].text, "[home/First "));
	assert_non_null(strstr(f.messages[0].text, "[home/Again "));
	assert_non_null(strstr(f.messages[0].text, "[other/First "));
	assert_int_equal(f.nmemory, 2);
	assert_null(f.intake->copying);
	/* The client goes between two turns. */
	fake_forget(&f);
	letter_begin(&f, "a@h.example b@h.example c@o.example");
	fake_send_only(&f, SLICE_LIT("y\r\n.\r\n"));
	assert_non_null(f.intake->copying);
	fake_disconnect(&f);
	assert_null(f.intake->copying);
	assert_int_equal(go_on(&f), 0);
	assert_int_equal(f.nmessages, 0);
	fake_close(&f);
}

/* Somebody else remembers it between question and commit. */
static void who_comes_second_is_judged_anew(void **state)
{
	static const size_t sizes[] = { 100, 300 * 1000 };
	struct buf b;

	(void)state;
	buf_init(&b, 2 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct fake f;

		buf_clear(&b);
		(void)buf_add_str(&b, "\r\n");
		while (b.n < sizes[i])
			(void)buf_addf(&b, "%0100zu\r\n", b.n);
		fake_open(&f, letter_config, ONCE);
		f.races = 1;
		letter_send(&f, "a@h.example", buf_slice(&b));
		assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
		assert_int_equal(f.anew, 1);
		assert_int_equal(f.nmessages, 1);
		assert_non_null(strstr(f.messages[0].text, "[home/Again "));
		assert_true(slice_eq(buf_slice(&f.messages[0].body), buf_slice(&b)));
		assert_int_equal(f.uploads_open, 0);
		fake_close(&f);
		/* With a copy: what was made for the first try is not used for the second. */
		fake_open(&f, letter_config, NEED "if new \"k\" { mark \"X: first\"; } else { mark \"X: again\"; }");
		f.races = 1;
		letter_send(&f, "a@h.example", buf_slice(&b));
		assert_non_null(strstr(f.messages[0].further, "X: again"));
		assert_null(strstr(f.messages[0].further, "X: first"));
		assert_int_equal(f.uploads_open, 0);
		fake_close(&f);
		/* The client goes meanwhile. */
		fake_open(&f, letter_config, ONCE);
		f.races = 1;
		letter_begin(&f, "a@h.example");
		fake_send(&f, buf_slice(&b));
		fake_send_only(&f, SLICE_LIT(".\r\n"));
		assert_true(fake_answer(&f)); /* to the question */
		assert_non_null(f.pending);
		fake_disconnect(&f);
		while (fake_answer(&f))
			;
		assert_int_equal(f.nmessages, 0);
		fake_close(&f);
	}
	buf_free(&b);
}

/* While somebody is waited for, others take the room for the body. */
static void room_may_be_taken_meanwhile(void **state)
{
	/* How often there is room, and how many questions come before a file of its own is opened; -1: none is. */
	static const struct {
		unsigned rooms;
		int before;
	} tries[] = { { 0, 0 }, { 1, 1 }, { 2, -1 } };
	struct buf b;

	(void)state;
	buf_init(&b, 2 << 20);
	while (b.n < 200 * 1000)
		(void)buf_addf(&b, "%0100zu\r\n", b.n);
	for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
		struct fake f;
		int opened = -1;

		fake_open_sharing(&f, letter_config, ONCE);
		f.rooms = tries[i].rooms;
		letter_begin(&f, "a@h.example");
		fake_send(&f, SLICE_LIT("\r\n"));
		fake_send(&f, buf_slice(&b));
		assert_null(f.pending_upload);
		fake_send_only(&f, SLICE_LIT(".\r\n"));
		do {
			if (f.pending_upload != NULL)
				opened = (int)f.recalls;
		} while (fake_answer(&f));
		assert_int_equal(opened, tries[i].before);
		assert_non_null(strstr(fake_told(&f), "250 2.0.0 Ok"));
		assert_int_equal(f.nmessages, 1);
		assert_int_equal(f.messages[0].body.n, b.n + 2);
		assert_memory_equal(f.messages[0].body.p + 2, b.p, b.n);
		assert_int_equal(f.uploads_open, 0);
		/* The file can't be had. */
		f.rooms = tries[i].rooms;
		f.upload_answer = SPOOL_FULL;
		letter_begin(&f, "b@h.example");
		fake_send(&f, SLICE_LIT("\r\n"));
		fake_send(&f, buf_slice(&b));
		fake_send(&f, SLICE_LIT(".\r\n"));
		assert_non_null(strstr(fake_told(&f), tries[i].before < 0 ? "250 2.0.0 Ok" : "452 "));
		assert_int_equal(f.nmessages, tries[i].before < 0 ? 2 : 1);
		fake_close(&f);
	}
	buf_free(&b);
}

/* As one refuses it, the spool is asked who got it before. It must still hear what those take with others, so that this is not
 * done again; and nothing at all when nobody is left. */
static void who_got_it_is_shown_with_others(void **state)
{
	static const struct {
		const char *known;
		size_t to; /* for how many the copy is */
	} asked[] = { { "000", 2 }, { "100", 2 }, { "010", 2 }, { "110", 2 }, { "111", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		struct fake f;

		fake_open(&f, letter_config,
			  NEED "if envelope \"to\" \"c@h.example\" { reject \"no\"; } else { mark \"X: 1\"; fileinto \"A\"; }");
		f.known_each = asked[i].known;
		letter_send(&f, "a@h.example b@h.example c@h.example", SLICE_LIT("x\r\n"));
		assert_int_equal(f.nmessages, 1);
		assert_int_equal(f.further_to, asked[i].to);
		assert_int_equal(f.messages[0].further[0] != '\0', asked[i].to > 0);
		fake_close(&f);
	}
}

static void the_spool_may_go(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, letter_config, ONCE);
	letter_begin(&f, "a@h.example");
	fake_send(&f, SLICE_LIT("x\r\n"));
	fake_send_only(&f, SLICE_LIT(".\r\n"));
	assert_non_null(f.pending_known);
	f.pending_known(f.pending_arg, SPOOL_LOST, SLICE_NONE);
	f.pending_known = NULL;
	assert_int_equal(f.nmessages, 0);
	assert_true(strstr(fake_told(&f), "250 2.0.0") == NULL);
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_remember),
		cmocka_unit_test(questions_may_follow_from_answers),
		cmocka_unit_test(recipients_take_turns),
		cmocka_unit_test(who_comes_second_is_judged_anew),
		cmocka_unit_test(room_may_be_taken_meanwhile),
		cmocka_unit_test(who_got_it_is_shown_with_others),
		cmocka_unit_test(the_spool_may_go),
	};

	registry_add(&letter_extension);
	return cmocka_run_group_tests_name("intake_memory", tests, NULL, NULL);
}
