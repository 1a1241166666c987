/* When sources run and accounts open: what the configuration says × how the last run went × the time, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "base/slice.h"
#include "cmd/agenda.h"
#include "cmd/hours.h"
#include "config/value.h"

#define S     ((int64_t)1000)
#define M     (60 * S)
#define H     (60 * M)
#define D     (24 * H)
#define NEVER INT64_MAX
/* 2026-03-02 00:00:00 UTC, a Monday. */
#define MONDAY ((int64_t)1772409600 * 1000)

struct row {
	const char *what;
	int64_t every;
	const char *at;
	bool push;
	int64_t started, ended;
	enum run_end end;
	unsigned failures;
	int64_t delay, known;
	int64_t expect; /* when it runs next */
	bool held, person;
};

/* Times count from MONDAY. `every' hangs on a phase of its own, so only its bounds are held here: see regular(). */
static const struct row rows[] = {
	{ "nothing says when", 0, NULL, false, 0, 0, RUN_OK, 0, 0, 5 * M, NEVER, false, false },
	{ "nothing says when, and it failed", 0, NULL, false, 1 * M, 2 * M, RUN_AWAY, 1, 0, 5 * M, NEVER, true, false },
	{ "new, every hour: soon", H, NULL, false, 0, 0, RUN_OK, 0, 0, 5 * M, 5 * M, false, false },
	{ "new, at a time: then", 0, "0 18 * * *", false, 0, 0, RUN_OK, 0, 0, 5 * M, 18 * H, false, false },
	{ "push: at once", 0, NULL, true, 0, 0, RUN_OK, 0, 0, 5 * M, 5 * M, false, false },
	{ "push, it left in good order: at once", 0, NULL, true, 1 * M, 2 * M, RUN_OK, 0, 0, M, M, false, false },
	{ "at: the next time", 0, "0 */6 * * *", false, 6 * H, 6 * H + M, RUN_OK, 0, 0, M, 12 * H, false, false },
	{ "at: missed while away, once, now", 0, "0 */6 * * *", false, 6 * H, 6 * H + M, RUN_OK, 0, 0, 40 * H, 40 * H,
	  false, false },
	{ "at: times that passed during the run are not made up for", 0, "*/10 * * * *", false, H, H + 35 * M, RUN_OK,
	  0, 0, M, H + 40 * M, false, false },
	{ "every: missed while away, now", H, NULL, false, H, H + M, RUN_OK, 0, 0, 40 * H, 40 * H, false, false },
	{ "cut off: again, soon", D, NULL, false, H, 0, RUN_OK, 0, 0, 2 * H, 2 * H, false, false },
	{ "cut off, and only a person asks for it: not by itself", 0, NULL, false, H, 0, RUN_OK, 0, 0, 2 * H, NEVER,
	  false, false },
	{ "away: a minute", D, NULL, false, H, H + M, RUN_AWAY, 1, 0, M, H + 2 * M, true, false },
	{ "away: doubled", D, NULL, false, H, H + M, RUN_AWAY, 4, 0, M, H + 9 * M, true, false },
	{ "away, at: up to the hour", 0, "0 0 1 1 *", false, H, 2 * H, RUN_AWAY, 40, 0, M, 3 * H, true, false },
	{ "away, at: never behind a time that was named", 0, "5 2 * * *", false, H, 2 * H, RUN_AWAY, 40, 0, M,
	  2 * H + 5 * M, true, false },
	{ "away, push: up to ten minutes", 0, NULL, true, H, 2 * H, RUN_AWAY, 40, 0, M, 2 * H + 10 * M, true, false },
	{ "throttled, for ever: not longer than a day", H, NULL, false, H, H + M, RUN_THROTTLED, 1, INT64_MAX / 4096, M,
	  D + H + M, true, false },
	{ "refused: half an hour, not the five minutes of the plan", 0, "*/5 * * * *", false, H, H + M, RUN_REFUSED, 1,
	  0, M, H + 31 * M, true, true },
	{ "refused: never sooner than planned", 0, "0 18 * * *", false, H, H + M, RUN_REFUSED, 1, 0, M, 18 * H, true,
	  true },
	{ "refused again and again: six hours", 0, "*/5 * * * *", false, H, H + M, RUN_REFUSED, 99, 0, M, 7 * H + M,
	  true, true },
	{ "refused, push", 0, NULL, true, H, H + M, RUN_REFUSED, 1, 0, M, H + 31 * M, true, true },
	{ "throttled: an hour", 0, "*/5 * * * *", false, H, H + M, RUN_THROTTLED, 1, 0, M, 2 * H + M, true, false },
	{ "throttled: as long as it says", 0, "*/5 * * * *", false, H, H + M, RUN_THROTTLED, 1, 20 * M, M, H + 21 * M,
	  true, false },
	{ "throttled: longer than planned, if it says so", 0, "0 */6 * * *", false, H, H + M, RUN_THROTTLED, 1, 9 * H,
	  M, 10 * H + M, true, false },
	{ "broken: five minutes", 0, "* * * * *", false, H, H + M, RUN_BROKEN, 1, 0, M, H + 6 * M, true, false },
	{ "broken again and again: an hour", 0, "* * * * *", false, H, H + M, RUN_BROKEN, 30, 0, M, 2 * H + M, true,
	  false },
	{ "our spool is full: a minute, whatever is planned", 0, "0 0 1 1 *", false, H, H + M, RUN_FULL, 1, 0, M,
	  H + 2 * M, true, false },
	{ "our spool is full for long: ten", 0, "0 0 1 1 *", false, H, H + M, RUN_FULL, 30, 0, M, H + 11 * M, true,
	  false },
	{ "one folder of several: by schedule, and a person must act", 0, "*/5 * * * *", false, H, H + M, RUN_PARTLY, 9,
	  0, M, H + 5 * M, false, true },
	{ "one folder of several, push: not in a circle", 0, NULL, true, H, H + M, RUN_PARTLY, 2, 0, M, H + 3 * M,
	  false, true },
	{ "our spool went away", 0, "0 0 1 1 *", false, H, H + M, RUN_LOST, 1, 0, M, H + 2 * M, true, false },
};

static struct agenda_next next_of(const struct row *r, int64_t jitter, uint16_t draw)
{
	char hint[VALUE_HINT_SIZE];
	struct schedule at;
	struct agenda_plan plan = { .table = { .name = "old", .every = r->every, .jitter = jitter }, .push = r->push };
	struct agenda_past past = { .started_ms = r->started == 0 ? 0 : MONDAY + r->started,
				    .ended_ms = r->ended == 0 ? 0 : MONDAY + r->ended,
				    .end = r->end,
				    .failures = r->failures,
				    .delay_ms = r->delay,
				    .known_ms = MONDAY + r->known };

	if (r->at != NULL) {
		assert_int_equal(schedule_parse(slice_str(r->at), &at, hint), 0);
		plan.table.at = &at;
		plan.table.nat = 1;
	}
	return agenda_next(&plan, &past, draw);
}

static void decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		struct agenda_next n = next_of(r, 0, 0);
		int64_t at = n.at_ms == NEVER ? NEVER : n.at_ms - MONDAY;

		if (at != r->expect || n.held != r->held || n.person != r->person)
			fail_msg("%s: %lld s (held %d, person %d), not %lld s", r->what, (long long)at / 1000, n.held,
				 n.person, (long long)r->expect / 1000);
	}
}

/* An interval's runs come within one interval of the end of the one before, and no failure stretches that for a server
 * that was only away. */
static void regular(void **state)
{
	(void)state;
	for (int64_t every = 10 * S; every <= D; every *= 3) {
		for (enum run_end end = RUN_OK; end <= RUN_AWAY; end++) {
			struct row r = {
				.every = every, .started = H, .ended = H + S, .end = end, .failures = 50, .known = M
			};
			int64_t at = next_of(&r, 0, 0).at_ms - MONDAY;

			assert_true(at > r.ended && at <= r.ended + every);
		}
	}
}

/* What was missed is spread over half a minute at most, and never runs before it became known. */
static void spreads(void **state)
{
	const struct row r = { .every = H, .started = H, .ended = H + M, .known = 40 * H };

	(void)state;
	for (int draw = 0; draw <= AGENDA_DRAW_MAX; draw += 1111) {
		int64_t late = next_of(&r, 10 * M, (uint16_t)draw).at_ms - MONDAY - r.known;
		int64_t little = next_of(&r, 2 * S, (uint16_t)draw).at_ms - MONDAY - r.known;

		assert_true(late >= 0 && late <= AGENDA_CATCH_UP_MS);
		assert_true(little >= 0 && little <= 2 * S);
	}
	assert_int_equal(next_of(&r, 10 * M, AGENDA_DRAW_MAX).at_ms - MONDAY - r.known, AGENDA_CATCH_UP_MS);
}

/* A clock that was set back by a year: the next run is not a year away. */
static void clock_back(void **state)
{
	struct agenda_plan plan = { .table = { .name = "old", .every = H } };
	struct agenda_past past = { .started_ms = MONDAY, .ended_ms = MONDAY + M, .known_ms = MONDAY };
	int64_t now = MONDAY - 365 * D;

	(void)state;
	agenda_mend(&past, now);
	assert_true(agenda_next(&plan, &past, 0).at_ms <= now + H);
	agenda_mend(&past, now + 10 * M);
	assert_int_equal(past.ended_ms, now);
}

/* ---- accounts with times ---- */

static struct hours *evenings(void)
{
	static char text[] = "0 18 * * *";
	char *texts[] = { text };

	return hours_new(texts, 1);
}

static void opens_at_its_time(void **state)
{
	struct hours *h = evenings();

	(void)state;
	assert_int_equal(hours_wait(h, MONDAY + H), NEVER); /* not known yet */
	hours_begin(h, 0, MONDAY + H);
	hours_mail(h, MONDAY + 2 * H);
	assert_int_equal(hours_wait(h, MONDAY + 2 * H), MONDAY + 18 * H);
	assert_int_equal(hours_next(h), MONDAY + 18 * H);
	assert_int_equal(hours_wait(h, MONDAY + 18 * H), 0);
	/* All is filed: mail that comes now waits until tomorrow. */
	hours_left(h, false, MONDAY + 18 * H + 5 * M);
	hours_mail(h, MONDAY + 18 * H + 6 * M);
	assert_int_equal(hours_wait(h, MONDAY + 18 * H + 6 * M), MONDAY + D + 18 * H);
	hours_free(&h);
}

static void a_time_without_mail_is_over(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY);
	hours_mail(h, MONDAY + 19 * H);
	assert_int_equal(hours_wait(h, MONDAY + 19 * H), MONDAY + D + 18 * H);
	hours_free(&h);
}

static void what_was_missed_counts_once(void **state)
{
	struct hours *h = evenings();

	(void)state;
	/* Mail waits since noon, and mailferry was away from then until the night. */
	hours_begin(h, MONDAY + 12 * H, MONDAY + 23 * H);
	assert_int_equal(hours_wait(h, MONDAY + 23 * H), 0);
	hours_left(h, false, MONDAY + 23 * H + M);
	assert_int_equal(hours_wait(h, MONDAY + 23 * H + M), MONDAY + D + 18 * H);
	hours_free(&h);
	/* The same, but the mail came at seven. */
	h = evenings();
	hours_begin(h, MONDAY + 19 * H, MONDAY + 23 * H);
	assert_int_equal(hours_wait(h, MONDAY + 23 * H), MONDAY + D + 18 * H);
	hours_free(&h);
}

static void trouble_keeps_it_open_for_an_hour(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY);
	hours_mail(h, MONDAY + M);
	assert_int_equal(hours_wait(h, MONDAY + 18 * H), 0);
	hours_left(h, true, MONDAY + 18 * H + 10 * M);
	assert_int_equal(hours_wait(h, MONDAY + 18 * H + 20 * M), 0);
	hours_left(h, true, MONDAY + 19 * H + M);
	assert_int_equal(hours_wait(h, MONDAY + 19 * H + M), MONDAY + D + 18 * H);
	hours_free(&h);
}

static void somebody_asks(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY);
	hours_open(h, MONDAY + H);
	assert_int_equal(hours_wait(h, MONDAY + H), 0);
	hours_left(h, false, MONDAY + H + M);
	assert_int_equal(hours_wait(h, MONDAY + H + M), MONDAY + 18 * H);
	hours_free(&h);
}

/* Somebody asked, and nothing came of it: mail that comes hours later waits. */
static void open_for_nothing(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY);
	hours_open(h, MONDAY + H);
	assert_int_equal(hours_wait(h, MONDAY + 2 * H - M), 0);
	assert_int_equal(hours_wait(h, MONDAY + 3 * H), MONDAY + 18 * H);
	assert_false(h->open);
	/* A clock that goes back a little keeps nobody out. */
	hours_open(h, MONDAY + 4 * H);
	assert_int_equal(hours_wait(h, MONDAY + 4 * H - S), 0);
	assert_int_equal(hours_wait(h, MONDAY + 5 * H), MONDAY + 18 * H);
	hours_free(&h);
}

/* A try that was put off for long is none of this time's. */
static void a_late_try_waits(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY);
	assert_int_equal(hours_wait(h, MONDAY + 18 * H), 0);
	hours_left(h, true, MONDAY + 18 * H + M);
	assert_int_equal(hours_wait(h, MONDAY + 23 * H), MONDAY + D + 18 * H);
	hours_free(&h);
}

static void its_clock_is_set_back(void **state)
{
	struct hours *h = evenings();

	(void)state;
	hours_begin(h, 0, MONDAY + 20 * H);
	assert_int_equal(hours_wait(h, MONDAY - 9 * D), MONDAY - 9 * D + 18 * H);
	hours_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(regular),
		cmocka_unit_test(spreads),
		cmocka_unit_test(clock_back),
		cmocka_unit_test(opens_at_its_time),
		cmocka_unit_test(a_time_without_mail_is_over),
		cmocka_unit_test(what_was_missed_counts_once),
		cmocka_unit_test(trouble_keeps_it_open_for_an_hour),
		cmocka_unit_test(somebody_asks),
		cmocka_unit_test(open_for_nothing),
		cmocka_unit_test(a_late_try_waits),
		cmocka_unit_test(its_clock_is_set_back),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
