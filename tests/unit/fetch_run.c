/* Runs over a mailbox in memory: what is taken, what becomes of the originals, whatever ends a run. */
#include "fetch_world.h"

#include <string.h>

static void takes_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		struct fake_world *w = fake_world_of(&fake_kinds[i]);
		const unsigned twin = fake_content(w, false, 50);

		fake_arrive_many(w, 0, 30);
		(void)fake_arrive(w, 0, twin);
		(void)fake_arrive(w, 0, twin);
		fake_run_well(w);
		fake_all_taken_once(w);
		assert_int_equal(w->bodies, 32);
		fake_run_well(w);
		fake_all_taken_once(w);
		assert_int_equal(w->bodies, fake_kinds[i].no_top ? 32 : 0);
		(void)fake_arrive(w, 0, twin);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		fake_run_well(w);
		fake_all_taken_once(w);
		assert_int_equal(w->nrows, 34);
		fake_world_end(&w);
	}
}

static void unchanged_is_cheap(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		struct fake_world *w = fake_world_of(&fake_kinds[i]);

		fake_arrive_many(w, 0, 200);
		fake_run_well(w);
		fake_run_well(w);
		assert_int_equal(w->changes, 0);
		assert_int_equal(w->puts, 0);
		if (fake_kinds[i].imap) {
			assert_int_equal(w->heads + w->bodies + w->presents, 0);
			assert_int_equal(w->sames, w->condstore ? 1 : 0);
		} else if (!fake_kinds[i].no_names) {
			assert_int_equal(w->heads + w->bodies, 0);
		}
		fake_world_end(&w);
	}
}

/* ---- the world ends at every step ---- */
/* Some old, some new, twins, one too large with a note, and names that have changed. */
static struct fake_world *busy(const struct fake_kind *k, enum fake_policy policy)
{
	struct fake_world *w = fake_world_of(k);
	const unsigned twin = fake_content(w, false, 40);

	w->source.skip.larger = 50000;
	w->source.skip.note = true;
	for (unsigned i = 0; i < 8; i++)
		(void)fake_arrive(w, 0, fake_content(w, true, 30));
	(void)fake_arrive(w, 0, twin);
	fake_run_well(w); /* while everything is kept */
	fake_set_policy(w, policy);
	fake_settle(w, false);
	if (!k->no_top)
		fake_rename_all(w, 0);
	(void)fake_arrive(w, 0, twin);
	(void)fake_arrive(w, 0, fake_content(w, true, 60000));
	(void)fake_arrive(w, 0, fake_content(w, true, 30));
	return w;
}

static void is_right(const struct fake_world *w, const char *name, enum fake_policy policy, long step)
{
	for (unsigned i = 0; i < w->ncontents; i++) {
		const struct fake_content *c = &w->contents[i];
		const bool large = c->n > 50000;

		if (c->taken != (large ? 0 : c->arrived))
			fail_msg("%s, policy %d, step %ld: content %u came %u times and was taken %u times", name,
				 (int)policy, step, i, c->arrived, c->taken);
		if (c->removed > c->taken || (policy == AFTER_DELIVERY && c->removed > c->settled))
			fail_msg("%s, policy %d, step %ld: content %u was removed too early", name, (int)policy, step,
				 i);
	}
}

static void survives_every_step(void **state)
{
	(void)state;
	for (size_t k = 0; k < FAKE_KINDS; k++)
		for (enum fake_policy policy = KEEP; policy <= (fake_kinds[k].imap ? MARK : AFTER_DELIVERY); policy++) {
			long steps = 1;

			for (long at = 1; at <= steps; at++)
				for (int applied = 0; applied <= 1; applied++) {
					struct fake_world *w = busy(&fake_kinds[k], policy);
					struct run_result r = fake_run_until(w, RUN_FETCH, at, applied != 0);

					steps = w->ended ? at + 1 : at;
					assert_true(r.end != RUN_OK || !w->ended || r.words[0] != '\0' ||
						    at >= w->steps);
					for (unsigned i = 0; i < 3; i++)
						fake_run_well(w);
					is_right(w, fake_kinds[k].name, policy, at);
					if (!fake_kinds[k].no_top && w->spool_messages != 12)
						fail_msg("%s, policy %d, step %ld: %d messages and notes",
							 fake_kinds[k].name, (int)policy, at, (int)w->spool_messages);
					fake_world_end(&w);
				}
		}
}

/* ---- what becomes of the originals ---- */
static const struct {
	const char *name;
	bool imap;
	enum fake_policy policy;
	int64_t after;
	bool settle, stuck;
	int64_t pass;
	unsigned left; /* of four */
	unsigned seen;
} fates[] = {
	{ .name = "keep", .imap = true, .policy = KEEP, .settle = true, .pass = 100LL * FAKE_DAY_MS, .left = 4 },
	{ .name = "at once", .imap = true, .policy = AT_ONCE, .left = 0 },
	{ .name = "at once, pop3", .policy = AT_ONCE, .left = 0 },
	{ .name = "too early",
	  .imap = true,
	  .policy = AT_ONCE,
	  .after = 30LL * FAKE_DAY_MS,
	  .pass = 29LL * FAKE_DAY_MS,
	  .left = 4 },
	{ .name = "its time",
	  .imap = true,
	  .policy = AT_ONCE,
	  .after = 30LL * FAKE_DAY_MS,
	  .pass = 31LL * FAKE_DAY_MS,
	  .left = 0 },
	{ .name = "its time, pop3",
	  .policy = AT_ONCE,
	  .after = 30LL * FAKE_DAY_MS,
	  .pass = 31LL * FAKE_DAY_MS,
	  .left = 0 },
	{ .name = "its time, but stuck",
	  .policy = AT_ONCE,
	  .after = 30LL * FAKE_DAY_MS,
	  .pass = 31LL * FAKE_DAY_MS,
	  .settle = true,
	  .stuck = true,
	  .left = 4 },
	{ .name = "not delivered", .imap = true, .policy = AFTER_DELIVERY, .left = 4 },
	{ .name = "delivered", .imap = true, .policy = AFTER_DELIVERY, .settle = true, .left = 0 },
	{ .name = "delivered, pop3", .policy = AFTER_DELIVERY, .settle = true, .left = 0 },
	{ .name = "stuck",
	  .imap = true,
	  .policy = AFTER_DELIVERY,
	  .settle = true,
	  .stuck = true,
	  .pass = 100LL * FAKE_DAY_MS,
	  .left = 4 },
	{ .name = "moved", .imap = true, .policy = MOVE, .left = 0 },
	{ .name = "pop3 can't move", .policy = MOVE, .left = 4 },
	{ .name = "marked", .imap = true, .policy = MARK, .left = 4, .seen = 4 },
};

static void originals_have_their_fate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
		struct fake_world *w = fake_world_new(fates[i].imap);
		unsigned seen = 0;

		fake_set_policy(w, fates[i].policy);
		w->source.delete_after = fates[i].after;
		fake_arrive_many(w, 0, 4);
		fake_run_well(w);
		fake_all_taken_once(w);
		if (fates[i].settle)
			fake_settle(w, fates[i].stuck);
		fake_pass(w, fates[i].pass);
		fake_run_well(w);
		fake_run_well(w);
		for (size_t k = 0; k < w->folders[0].n; k++)
			seen += w->folders[0].all[k].seen;
		if (w->folders[0].n != fates[i].left || seen != fates[i].seen)
			fail_msg("%s: %zu are left, %u are seen", fates[i].name, w->folders[0].n, seen);
		fake_all_taken_once(w);
		fake_world_end(&w);
	}
}

/* Nothing of what is not taken is ever removed. */
static void what_is_not_taken_stays(void **state)
{
	struct fake_world *w = fake_world_new(false);

	(void)state;
	fake_set_policy(w, AT_ONCE);
	w->source.skip.larger = 1000;
	(void)fake_arrive(w, 0, fake_content(w, true, 5000));
	fake_arrive(w, 0, fake_content(w, true, 10))->refused = true;
	(void)fake_arrive(w, 0, fake_content(w, true, 10));
	assert_int_equal(fake_run(w, RUN_FETCH).end, RUN_OK);
	assert_int_equal(w->folders[0].n, 2);
	for (unsigned i = 0; i < 8; i++) {
		fake_pass(w, FAKE_DAY_MS);
		(void)fake_run(w, RUN_FETCH);
	}
	assert_int_equal(w->folders[0].n, 2);
	assert_int_equal(fake_rows_of(w, ORIGIN_SKIPPED), 1);
	assert_int_equal(fake_rows_of(w, ORIGIN_REFUSED), 1);
	/* The server gives it at last. */
	w->folders[0].all[1].refused = false;
	fake_pass(w, 2 * FAKE_DAY_MS);
	fake_run_well(w);
	assert_int_equal(w->folders[0].n, 1);
	fake_world_end(&w);
}

/* A refused message is asked for again at growing distances, and others pass. */
static void refused_is_asked_for_seldom(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int breaks = 0; breaks <= 2; breaks++) {
			struct fake_world *w = fake_world_new(imap != 0);
			unsigned asked = 0;
			struct fake_message *bad;

			bad = fake_arrive(w, 0, fake_content(w, true, 100));
			bad->refused = breaks == 0;
			bad->breaks = breaks == 1;
			bad->hangs_up = breaks == 2;
			for (unsigned i = 0; i < 200; i++) {
				const unsigned c = fake_content(w, true, 10);
				const unsigned lines = (unsigned)w->nlines;

				(void)lines;
				(void)fake_arrive(w, 0, c);
				(void)fake_run(w, RUN_FETCH);
				asked += w->nlines > 0;
				(void)fake_run(w, RUN_FETCH);
				asked += w->nlines > 0;
				assert_int_equal(w->contents[c].taken, 1);
				fake_pass(w, 10LL * 60 * 1000);
			}
			assert_in_range(asked, 6, 18); /* in a day and a half */
			fake_world_end(&w);
		}
}

/* ---- runs that change nothing ---- */
static void a_dry_run_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		struct fake_world *w = fake_world_of(&fake_kinds[i]);
		struct run_result r;
		uint64_t modseq;

		fake_set_policy(w, AT_ONCE);
		w->source.skip.larger = 5000;
		fake_arrive_many(w, 0, 12);
		modseq = w->folders[0].modseq;
		r = fake_run(w, RUN_DRY);
		assert_int_equal(r.end, RUN_OK);
		assert_int_equal(w->nlines, 12);
		assert_int_equal(w->nrows + w->ngens + w->changes + w->puts + w->spool_messages + w->bodies, 0);
		assert_int_equal(w->folders[0].n, 12);
		assert_int_equal(w->folders[0].modseq, modseq);
		if (!fake_kinds[i].no_top) {
			assert_string_equal(w->lines[2].into, "INBOX");
			assert_int_equal(r.done.messages, 10);
			assert_int_equal(r.done.skipped, 2);
		}
		fake_world_end(&w);
	}
}

static void a_copy_takes_everything_once(void **state)
{
	struct fake_world *w = fake_world_new(true);

	(void)state;
	w->folders[1].there = w->folders[2].there = true;
	w->source.skip.larger = 10;
	fake_arrive_many(w, 0, 12);
	fake_arrive_many(w, 1, 5);
	(void)fake_arrive(w, 2, w->folders[0].all[0].content);
	assert_int_equal(fake_run_until(w, RUN_COPY, 30, true).end == RUN_OK, 0);
	assert_int_equal(fake_run(w, RUN_COPY).end, RUN_OK);
	fake_all_taken_once(w);
	assert_int_equal(fake_run(w, RUN_COPY).end, RUN_OK);
	assert_int_equal(w->bodies, 0);
	assert_int_equal(w->folders[0].n, 12);
	fake_world_end(&w);
}

/* ---- the spool ---- */
static void a_full_spool_stops_the_run(void **state)
{
	struct fake_world *w = fake_world_new(false);
	struct run_result r;

	(void)state;
	fake_set_policy(w, AT_ONCE);
	fake_arrive_many(w, 0, 300);
	w->full = true;
	r = fake_run(w, RUN_FETCH);
	assert_int_equal(r.end, RUN_FULL);
	assert_true(r.words[0] != '\0');
	assert_true(w->bodies < 300);
	w->full = false;
	fake_run_well(w);
	fake_all_taken_once(w);
	assert_int_equal(w->folders[0].n, 0);
	fake_world_end(&w);
}

/* ---- waiting ---- */
static void waits_for_what_is_new(void **state)
{
	struct fake_world *w = fake_world_new(true);
	struct run_result r;
	bool news, can;

	(void)state;
	fake_arrive_many(w, 0, 3);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && news && can); /* it was never fetched */
	fake_run_well(w);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !news && can);
	/* Between a run and the wait. */
	fake_arrive_many(w, 0, 1);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && news && can);
	fake_run_well(w);
	fake_lose(w, 0, 0);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !news && can);
	for (long at = 1; at < 5; at++) {
		r = fake_wait_for(w, at, &news, &can);
		assert_true(r.end == RUN_AWAY || r.end == RUN_LOST || r.end == RUN_OK);
	}
	fake_world_end(&w);
	w = fake_world_new(false);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !can);
	fake_world_end(&w);
}

/* ---- size ---- */
static void a_large_mailbox_is_cheap(void **state)
{
	enum { MANY = 20000 };

	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);
		const unsigned c = fake_content(w, true, 10);

		for (unsigned i = 0; i < MANY; i++)
			(void)fake_arrive(w, 0, c);
		fake_run_well(w);
		fake_all_taken_once(w);
		/* A hundred from the middle go, one comes; then all names change. */
		for (unsigned i = 0; i < 100; i++)
			fake_lose(w, 0, MANY / 2);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		fake_run_well(w);
		assert_int_equal(w->bodies, 1);
		fake_rename_all(w, 0);
		fake_run_well(w);
		assert_int_equal(w->bodies, 0);
		fake_world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_once),
		cmocka_unit_test(unchanged_is_cheap),
		cmocka_unit_test(survives_every_step),
		cmocka_unit_test(originals_have_their_fate),
		cmocka_unit_test(what_is_not_taken_stays),
		cmocka_unit_test(refused_is_asked_for_seldom),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_copy_takes_everything_once),
		cmocka_unit_test(a_full_spool_stops_the_run),
		cmocka_unit_test(waits_for_what_is_new),
		cmocka_unit_test(a_large_mailbox_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
