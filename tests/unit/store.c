/* What a store's answers mean, what a look proves, how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/classify.h"
#include "store/floors.h"
#include "store/look.h"
#include "store/quiet.h"
#include "store/trouble.h"

static void answers_come_from_the_table(void **state)
{
	static const struct {
		enum imap_status status;
		const char *text;
		enum verdict sent, unsent, folder;
	} rows[] = {
		{ IMAP_OK, "[APPENDUID 1 2] done", VERDICT_DONE, VERDICT_DONE, VERDICT_LATER },
		{ IMAP_NO, "[OVERQUOTA] full", VERDICT_HOLD, VERDICT_HOLD, VERDICT_HOLD },
		{ IMAP_NO, "[SERVERBUG] no", VERDICT_DOUBT, VERDICT_LATER, VERDICT_LATER },
		{ IMAP_BAD, "what?", VERDICT_DOUBT, VERDICT_LATER, VERDICT_LATER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct imap_reply r;

		imap_reply_parse(rows[i].status, rows[i].text, &r);
		assert_int_equal(classify_append(&r, true), rows[i].sent);
		assert_int_equal(classify_append(&r, false), rows[i].unsent);
		assert_int_equal(classify_folder(&r), rows[i].folder);
	}
}

#define LOOK(v, f, o, now, e, c)                                                                                       \
	.floor_validity = (v), .floor_next = (f), .opened = (o), .validity = (now), .end = (e), .complete = (c)

/* The floor is 5, UIDNEXT 8 (so 5, 6 and 7 must show a header), unless a row says otherwise. */
static void looks_prove_what_they_prove(void **state)
{
	static const struct {
		const char *what;
		struct look look;
		uint32_t uids[6]; /* up to 0 */
		enum look_decision decision;
		enum look_reason why;
	} rows[] = {
		{ "found, whatever else", { .found = true }, { 0 }, LOOK_FOUND, LOOK_FINE },
		{ "found too early",
		  { LOOK(9, 5, true, 9, 8, true), .found = true },
		  { 5, 6, 7 },
		  LOOK_FOUND,
		  LOOK_FINE },
		{ "complete, but early", { LOOK(9, 5, true, 9, 8, true) }, { 5, 6, 7 }, LOOK_WAIT, LOOK_FINE },
		{ "complete and settled, once",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true },
		  { 5, 6, 7 },
		  LOOK_WAIT,
		  LOOK_FINE },
		{ "and again",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 5, 6, 7 },
		  LOOK_ABSENT,
		  LOOK_FINE },
		{ "nothing new at all",
		  { LOOK(9, 5, true, 9, 5, true), .settled = true, .again = true },
		  { 4 },
		  LOOK_ABSENT,
		  LOOK_FINE },
		{ "again, but early",
		  { LOOK(9, 5, true, 9, 8, true), .again = true },
		  { 5, 6, 7 },
		  LOOK_WAIT,
		  LOOK_FINE },
		{ "older UIDs do not matter",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 1, 3, 5, 6, 7 },
		  LOOK_ABSENT,
		  LOOK_FINE },
		{ "a gap at the front",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 6, 7 },
		  LOOK_SEARCH,
		  LOOK_GAP },
		{ "a gap inside",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 5, 7 },
		  LOOK_SEARCH,
		  LOOK_GAP },
		{ "a gap at the end",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 5, 6 },
		  LOOK_SEARCH,
		  LOOK_GAP },
		{ "empty",
		  { LOOK(9, 5, true, 9, 8, true), .settled = true, .again = true },
		  { 0 },
		  LOOK_SEARCH,
		  LOOK_GAP },
		{ "a gap, early", { LOOK(9, 5, true, 9, 8, true) }, { 5, 7 }, LOOK_WAIT, LOOK_GAP },
		{ "not a tagged OK",
		  { LOOK(9, 5, true, 9, 8, false), .settled = true, .again = true },
		  { 5, 6, 7 },
		  LOOK_WAIT,
		  LOOK_INCOMPLETE },
		{ "UIDNEXT fell",
		  { LOOK(9, 5, true, 9, 4, true), .settled = true, .again = true },
		  { 0 },
		  LOOK_WAIT,
		  LOOK_INCOMPLETE },
		{ "other UIDVALIDITY",
		  { LOOK(9, 5, true, 10, 8, true), .settled = true, .again = true },
		  { 5, 6, 7 },
		  LOOK_SEARCH,
		  LOOK_OTHER_VALIDITY },
		{ "folder gone",
		  { LOOK(9, 5, false, 0, 0, true), .settled = true },
		  { 0 },
		  LOOK_SEARCH,
		  LOOK_NO_FOLDER },
		{ "folder gone, early", { LOOK(9, 5, false, 0, 0, true) }, { 0 }, LOOK_WAIT, LOOK_NO_FOLDER },
		{ "no floor, a gap",
		  { LOOK(0, 0, true, 9, 8, true), .settled = true, .again = true },
		  { 5, 6, 7 },
		  LOOK_SEARCH,
		  LOOK_GAP },
		{ "no floor, all seen",
		  { LOOK(0, 0, true, 9, 4, true), .settled = true, .again = true },
		  { 1, 2, 3 },
		  LOOK_ABSENT,
		  LOOK_FINE },
		{ "no floor, no folder",
		  { LOOK(0, 0, false, 0, 0, true), .settled = true, .again = true },
		  { 0 },
		  LOOK_SEARCH,
		  LOOK_NO_FLOOR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct look l = rows[i].look;
		enum look_reason why;

		l.headers = rows[i].uids;
		while (l.nheaders < 6 && rows[i].uids[l.nheaders] != 0)
			l.nheaders++;
		if (look_decide(&l, &why) != rows[i].decision || why != rows[i].why)
			fail_msg("%s: %d %d", rows[i].what, (int)look_decide(&l, &why), (int)why);
	}
}

static void settling_counts_from_the_end_of_the_connection(void **state)
{
	struct quiet q = { NULL, 0, 0 };

	(void)state;
	/* Not known: from what the spool says, or from now. */
	assert_int_equal(quiet_left(&q, 1, 40, 5000, 60), 20);
	assert_int_equal(quiet_left(&q, 2, 0, 5000, 60), 60);
	/* Looking again does not begin it anew. */
	assert_int_equal(quiet_left(&q, 2, 0, 5050, 60), 10);
	assert_int_equal(quiet_left(&q, 2, 0, 9000, 60), 0);
	quiet_note(&q, 1, 7000, true);
	assert_int_equal(quiet_left(&q, 1, 1000, 7100, 60), 500);
	/* The wall clock was set back, or jumped ahead: by how much of it has passed, the doubt is years away. */
	assert_int_equal(quiet_left(&q, 1, -900000, 7100, 60), 500);
	assert_int_equal(quiet_left(&q, 1, 900000, 7100, 60), 500);
	quiet_forget(&q, 1);
	quiet_forget(&q, 77);
	assert_int_equal(quiet_left(&q, 1, -900000, 100, 60), 60);
	quiet_free(&q);
}

static void waits_double_up_to_their_maximum(void **state)
{
	const struct config_account a = { .retry_min = 1000, .retry_max = 60000 };
	struct trouble t = { .set = false };

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_in_range(trouble_backoff(&a, 1), 750, 1250);
		assert_in_range(trouble_backoff(&a, 3), 3000, 5000);
		assert_in_range(trouble_backoff(&a, 1000000), 45000, 75000);
		assert_in_range(trouble_hold(&a, &t, 1), 750, 1250);
	}
	trouble_set(&t, true, "Suggested Backoff Time: 90000 milliseconds");
	trouble_set(&t, false, "the second is not the reason");
	assert_true(t.person);
	assert_int_equal(trouble_hold(&a, &t, 1), 90000);

	/* An account that is shut out for its traffic waits longer each time, a day at most. */
	t = (struct trouble){ 0 };
	trouble_set(&t, false, "the store said: Account exceeded command or bandwidth limits.");
	assert_int_equal(trouble_hold(&a, &t, 1), 3600000);
	assert_int_equal(trouble_hold(&a, &t, 3), 4 * 3600000);
	assert_int_equal(trouble_hold(&a, &t, 100), 24 * 3600000);
}

/* Too low is safe, too high is not: a folder that was made anew on a store that gives each the same UIDVALIDITY. */
static void a_floor_is_what_was_told_last(void **state)
{
	struct mailbox_status st = { 0, 0 };
	struct floors f = { .n = 0 };

	(void)state;
	assert_false(floors_know(&f, "Work", &st));
	floors_learn(&f, "Work", 1, 50);
	floors_learn(&f, "Other", 2, 7);
	floors_learn(&f, "Work", 1, 3);
	assert_true(floors_know(&f, "Work", &st));
	assert_int_equal(st.uidvalidity, 1);
	assert_int_equal(st.uidnext, 3);
	floors_learn(&f, "Work", 0, 99);
	assert_true(floors_know(&f, "Work", &st));
	assert_int_equal(st.uidnext, 3);
	floors_forget(&f, "Work");
	assert_false(floors_know(&f, "Work", &st));
	assert_true(floors_know(&f, "Other", &st));
	floors_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_from_the_table),
		cmocka_unit_test(looks_prove_what_they_prove),
		cmocka_unit_test(settling_counts_from_the_end_of_the_connection),
		cmocka_unit_test(waits_double_up_to_their_maximum),
		cmocka_unit_test(a_floor_is_what_was_told_last),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
