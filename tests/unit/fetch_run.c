/* Runs over a mailbox in memory: what is taken, what is left, what becomes of the originals. */
#include "fetch_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct fake_world *world(bool imap)
{
	struct fake_world *w = mem_alloc(sizeof *w);

	fake_world_init(w, imap);
	return w;
}

static void end(struct fake_world **w)
{
	fake_world_free(*w);
	free(*w);
	*w = NULL;
}

static void run_well(struct fake_world *w)
{
	const struct run_result r = fake_run(w, RUN_FETCH);

	if (r.end != RUN_OK || r.words[0] != '\0')
		fail_msg("%s: %s", run_end_name(r.end), r.words);
}

static void all_taken_once(const struct fake_world *w)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		if (w->contents[i].taken != w->contents[i].arrived)
			fail_msg("content %u came %u times and was taken %u times", i, w->contents[i].arrived,
				 w->contents[i].taken);
}

static void arrive_many(struct fake_world *w, size_t folder, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)fake_arrive(w, folder, fake_content(w, true, i % 10 == 0 ? 100000 : 100));
}

/* Names of kinds of sources. */
static const struct kind {
	const char *name;
	bool imap, content_names, no_names, no_condstore, no_top, disordered;
} kinds[] = {
	{ .name = "imap", .imap = true },
	{ .name = "imap in disorder", .imap = true, .disordered = true },
	{ .name = "imap without CONDSTORE", .imap = true, .no_condstore = true },
	{ .name = "pop3" },
	{ .name = "pop3, names of content", .content_names = true },
	{ .name = "pop3, no names", .no_names = true },
	{ .name = "pop3, no names, no heads", .no_names = true, .no_top = true },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct fake_world *world_of(const struct kind *k)
{
	struct fake_world *w = world(k->imap);

	w->content_names = k->content_names;
	w->no_names = k->no_names;
	w->condstore = !k->no_condstore;
	w->top = !k->no_top;
	w->disordered = k->disordered;
	return w;
}

static void takes_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct fake_world *w = world_of(&kinds[i]);
		const unsigned twin = fake_content(w, false, 50);

		arrive_many(w, 0, 30);
		(void)fake_arrive(w, 0, twin);
		(void)fake_arrive(w, 0, twin);
		run_well(w);
		all_taken_once(w);
		assert_int_equal(w->bodies, 32);
		run_well(w);
		all_taken_once(w);
		assert_int_equal(w->bodies, kinds[i].no_top ? 32 : 0);
		(void)fake_arrive(w, 0, twin);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		run_well(w);
		all_taken_once(w);
		assert_int_equal(w->nrows, 34);
		end(&w);
	}
}

static void unchanged_is_cheap(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct fake_world *w = world_of(&kinds[i]);

		arrive_many(w, 0, 200);
		run_well(w);
		run_well(w);
		assert_int_equal(w->changes, 0);
		assert_int_equal(w->puts, 0);
		if (kinds[i].imap) {
			assert_int_equal(w->heads + w->bodies + w->presents, 0);
			assert_int_equal(w->sames, w->condstore ? 1 : 0);
		} else if (!kinds[i].no_names) {
			assert_int_equal(w->heads + w->bodies, 0);
		}
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_once),
		cmocka_unit_test(unchanged_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
