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


/* ---- the world ends at every step ---- */
enum policy { KEEP, AT_ONCE, AFTER_DELIVERY, MOVE, MARK };

static void set_policy(struct fake_world *w, enum policy policy)
{
	w->source.keep = policy == KEEP || policy == MARK;
	w->source.delete = policy == AT_ONCE	      ? CONFIG_DELETE_ACCEPTED
			   : policy == AFTER_DELIVERY ? CONFIG_DELETE_DELIVERED
						      : CONFIG_DELETE_NEVER;
	w->source.move_to = policy == MOVE ? (char *)"Done" : NULL;
	w->source.mark_seen = policy == MARK;
}

/* Some old, some new, twins, one too large with a note, and names that have changed. */
static struct fake_world *busy(const struct kind *k, enum policy policy)
{
	struct fake_world *w = world_of(k);
	const unsigned twin = fake_content(w, false, 40);

	w->source.skip.larger = 50000;
	w->source.skip.note = true;
	for (unsigned i = 0; i < 8; i++)
		(void)fake_arrive(w, 0, fake_content(w, true, 30));
	(void)fake_arrive(w, 0, twin);
	run_well(w); /* while everything is kept */
	set_policy(w, policy);
	fake_settle(w, false);
	if (!k->no_top)
		fake_rename_all(w, 0);
	(void)fake_arrive(w, 0, twin);
	(void)fake_arrive(w, 0, fake_content(w, true, 60000));
	(void)fake_arrive(w, 0, fake_content(w, true, 30));
	return w;
}

static void is_right(const struct fake_world *w, const char *name, enum policy policy, long step)
{
	for (unsigned i = 0; i < w->ncontents; i++) {
		const struct fake_content *c = &w->contents[i];
		const bool large = c->n > 50000;

		if (c->taken != (large ? 0 : c->arrived))
			fail_msg("%s, policy %d, step %ld: content %u came %u times and was taken %u times", name, (int)policy,
				 step, i, c->arrived, c->taken);
		if (c->removed > c->taken || (policy == AFTER_DELIVERY && c->removed > c->settled))
			fail_msg("%s, policy %d, step %ld: content %u was removed too early", name, (int)policy, step, i);
	}
}

static void survives_every_step(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (enum policy policy = KEEP; policy <= (kinds[k].imap ? MARK : AFTER_DELIVERY); policy++) {
			long steps = 1;

			for (long at = 1; at <= steps; at++)
				for (int applied = 0; applied <= 1; applied++) {
					struct fake_world *w = busy(&kinds[k], policy);
					struct run_result r = fake_run_until(w, RUN_FETCH, at, applied != 0);

					steps = w->ended ? at + 1 : at;
					assert_true(r.end != RUN_OK || !w->ended || r.words[0] != '\0' || at >= w->steps);
					for (unsigned i = 0; i < 3; i++)
						run_well(w);
					is_right(w, kinds[k].name, policy, at);
					if (!kinds[k].no_top && w->spool_messages != 12)
						fail_msg("%s, policy %d, step %ld: %d messages and notes", kinds[k].name,
							 (int)policy, at, (int)w->spool_messages);
					end(&w);
				}
		}
}

/* ---- what becomes of the originals ---- */
static const struct {
	const char *name;
	bool imap;
	enum policy policy;
	int64_t after;
	bool settle, stuck;
	int64_t pass;
	unsigned left;	/* of four */
	unsigned seen;
} fates[] = {
	{ .name = "keep", .imap = true, .policy = KEEP, .settle = true, .pass = 100LL * FAKE_DAY_MS, .left = 4 },
	{ .name = "at once", .imap = true, .policy = AT_ONCE, .left = 0 },
	{ .name = "at once, pop3", .policy = AT_ONCE, .left = 0 },
	{ .name = "too early", .imap = true, .policy = AT_ONCE, .after = 30LL * FAKE_DAY_MS, .pass = 29LL * FAKE_DAY_MS, .left = 4 },
	{ .name = "its time", .imap = true, .policy = AT_ONCE, .after = 30LL * FAKE_DAY_MS, .pass = 31LL * FAKE_DAY_MS, .left = 0 },
	{ .name = "its time, pop3", .policy = AT_ONCE, .after = 30LL * FAKE_DAY_MS, .pass = 31LL * FAKE_DAY_MS, .left = 0 },
	{ .name = "its time, but stuck", .policy = AT_ONCE, .after = 30LL * FAKE_DAY_MS, .pass = 31LL * FAKE_DAY_MS,
	  .settle = true, .stuck = true, .left = 4 },
	{ .name = "not delivered", .imap = true, .policy = AFTER_DELIVERY, .left = 4 },
	{ .name = "delivered", .imap = true, .policy = AFTER_DELIVERY, .settle = true, .left = 0 },
	{ .name = "delivered, pop3", .policy = AFTER_DELIVERY, .settle = true, .left = 0 },
	{ .name = "stuck", .imap = true, .policy = AFTER_DELIVERY, .settle = true, .stuck = true, .pass = 100LL * FAKE_DAY_MS, .left = 4 },
	{ .name = "moved", .imap = true, .policy = MOVE, .left = 0 },
	{ .name = "pop3 can't move", .policy = MOVE, .left = 4 },
	{ .name = "marked", .imap = true, .policy = MARK, .left = 4, .seen = 4 },
};

static void originals_have_their_fate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
		struct fake_world *w = world(fates[i].imap);
		unsigned seen = 0;

		set_policy(w, fates[i].policy);
		w->source.delete_after = fates[i].after;
		arrive_many(w, 0, 4);
		run_well(w);
		all_taken_once(w);
		if (fates[i].settle)
			fake_settle(w, fates[i].stuck);
		fake_pass(w, fates[i].pass);
		run_well(w);
		run_well(w);
		for (size_t k = 0; k < w->folders[0].n; k++)
			seen += w->folders[0].all[k].seen;
		if (w->folders[0].n != fates[i].left || seen != fates[i].seen)
			fail_msg("%s: %zu are left, %u are seen", fates[i].name, w->folders[0].n, seen);
		all_taken_once(w);
		end(&w);
	}
}

/* Nothing of what is not taken is ever removed. */
static void what_is_not_taken_stays(void **state)
{
	struct fake_world *w = world(false);

	(void)state;
	set_policy(w, AT_ONCE);
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
	run_well(w);
	assert_int_equal(w->folders[0].n, 1);
	end(&w);
}

/* A refused message is asked for again at growing distances, and others pass. */
static void refused_is_asked_for_seldom(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int breaks = 0; breaks <= 2; breaks++) {
			struct fake_world *w = world(imap != 0);
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
			assert_in_range(asked, 4, 12); /* in a day and a half */
			end(&w);
		}
}

/* ---- limits ---- */
static void limits_leave_and_tell(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);
		char text[400];
		unsigned old, large;

		w->source.skip.larger = 1000;
		w->source.skip.older = 10LL * FAKE_DAY_MS;
		w->source.skip.note = true;
		(void)snprintf(text, sizeof text, "Subject: of old\r\nMessage-ID: <old@example.org>\r\n"
						  "Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\nold\r\n");
		old = fake_content_of(w, text);
		large = fake_content(w, true, 5000);
		(void)fake_arrive(w, 0, large);
		(void)fake_arrive(w, 0, old);
		if (imap)
			w->folders[0].all[1].internal_ms -= 11LL * FAKE_DAY_MS;
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		run_well(w);
		assert_int_equal(w->contents[2].taken, 1);
		assert_int_equal(w->contents[large].taken + w->contents[old].taken, 0);
		assert_int_equal(w->spool_messages, 3);
		assert_int_equal(w->nlines, 2);
		assert_non_null(strstr(w->lines[0].why, "larger than"));
		assert_string_equal(w->lines[0].subject, "message 1");
		assert_non_null(strstr(w->lines[1].why, "older than"));
		assert_string_equal(w->last_folder, "INBOX");
		/* Once. */
		run_well(w);
		assert_int_equal(w->spool_messages, 3);
		assert_int_equal(w->nlines, 0);
		/* The limit is raised. */
		w->source.skip.larger = 10000;
		fake_pass(w, 2LL * FAKE_DAY_MS);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		run_well(w);
		assert_int_equal(w->contents[large].taken, 1);
		assert_int_equal(w->contents[old].taken, 0);
		assert_int_equal(fake_rows_of(w, ORIGIN_SKIPPED), 1);
		end(&w);
	}
}

/* A server that says 100 octets and sends more than any message may have. */
static void lies_about_sizes_end(void **state)
{
	struct fake_world *w = world(false);
	unsigned c;

	(void)state;
	w->config->limits.message_size = 200000;
	c = fake_content(w, true, 300000);
	fake_arrive(w, 0, c)->size = 100;
	(void)fake_arrive(w, 0, fake_content(w, true, 10));
	run_well(w);
	assert_int_equal(w->contents[c].taken, 0);
	assert_int_equal(w->contents[c + 1].taken, 1);
	assert_int_equal(w->contents[c].fetched, 1);
	run_well(w);
	assert_int_equal(w->contents[c].fetched, 1);
	end(&w);
}

/* What fetchmail or getmail had fetched: names without sizes and heads. */
static void imported_is_known(void **state)
{
	(void)state;
	for (int days = 0; days <= 1; days++) {
		struct fake_world *w = world(false);
		struct origin_folder f = { .name = "" };
		struct origin_change changes[10] = { 0 };
		struct err e;

		arrive_many(w, 0, 12);
		fake_adopt(w);
		assert_int_equal(spool_source_folder_put(NULL, &f, &e), 0);
		for (unsigned i = 0; i < 10; i++) {
			changes[i].act = ORIGIN_ADD;
			changes[i].o.folder = f.number;
			changes[i].o.name = w->folders[0].all[i].name;
			changes[i].o.fate = ORIGIN_KNOWN;
		}
		assert_int_equal(spool_source_change(NULL, changes, 10, &e), 0);
		set_policy(w, AT_ONCE);
		w->source.delete_after = days * 30LL * FAKE_DAY_MS;
		run_well(w);
		assert_int_equal(w->bodies, 2);
		assert_int_equal(w->folders[0].n, days ? 12 : 10);
		fake_pass(w, 31LL * FAKE_DAY_MS);
		run_well(w);
		assert_int_equal(w->bodies, 0);
		/* At once means what was taken here; after a time, what is that old. */
		assert_int_equal(w->folders[0].n, days ? 0 : 10);
		end(&w);
	}
}

/* ---- names change ---- */
static void changed_names_are_no_news(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct fake_world *w = world_of(&kinds[i]);
		struct run_result r;
		const unsigned twin = fake_content(w, false, 50);

		if (kinds[i].no_names) {
			end(&w);
			continue;
		}
		arrive_many(w, 0, 40);
		for (unsigned k = 0; k < 3; k++)
			(void)fake_arrive(w, 0, twin);
		run_well(w);
		fake_rename_all(w, 0);
		(void)fake_arrive(w, 0, twin);
		r = fake_run(w, RUN_FETCH);
		assert_int_equal(r.end, RUN_OK);
		assert_int_equal(r.done.known, 43);
		assert_int_equal(r.done.messages, 1);
		assert_int_equal(w->bodies, 1);
		all_taken_once(w);
		assert_int_equal(w->nrows, 44);
		assert_int_equal(w->ngens, 1);
		run_well(w);
		assert_int_equal(w->heads + w->bodies + w->changes, 0);
		end(&w);
	}
}

/* A mailbox of another person behind the same name: UIDLs that are only numbers mean other messages. */
static void numbers_are_no_names(void **state)
{
	struct fake_world *w = world(false);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 100 + i))->name, 80, "%u", i + 1);
	run_well(w);
	while (w->folders[0].n > 0)
		fake_lose(w, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 1000 + 100 * i))->name, 80, "%u", i + 1);
	run_well(w);
	all_taken_once(w);
	end(&w);
}

/* Message 1 is gone, 2 has become 1, and so on. */
static void moved_up_numbers(void **state)
{
	struct fake_world *w = world(false);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 1000 + 100 * i))->name, 80, "%u", i + 1);
	run_well(w);
	fake_lose(w, 0, 0);
	(void)fake_arrive(w, 0, fake_content(w, true, 10));
	for (unsigned i = 0; i < w->folders[0].n; i++)
		(void)snprintf(w->folders[0].all[i].name, 80, "%u", i + 1);
	run_well(w);
	all_taken_once(w);
	assert_int_equal(w->bodies, 1);
	end(&w);
}

/* A name may come again once its message is gone (RFC 1939, 7), and some servers just number. What was asked to be
 * removed is then not what lies there now. */
static void names_come_again(void **state)
{
	(void)state;
	for (int after_delivery = 0; after_delivery <= 1; after_delivery++)
		for (int top = 0; top <= 1; top++)
			for (int quit = 0; quit <= 1; quit++) {
				struct fake_world *w = world(false);

				w->top = top != 0;
				w->source.keep = false;
				w->source.delete = after_delivery ? CONFIG_DELETE_DELIVERED : CONFIG_DELETE_ACCEPTED;
				for (unsigned round = 0; round < 4; round++) {
					for (unsigned i = 0; i < 6; i++)
						(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 100))->name, 80,
							       "%u", (unsigned)w->folders[0].n);
					w->quit_lies = quit != 0 && round == 1;
					(void)fake_run(w, RUN_FETCH);
					fake_settle(w, false);
					if (after_delivery)
						(void)fake_run(w, RUN_FETCH);
					if (quit && round == 1) {
						w->quit_lies = false;
						(void)fake_run(w, RUN_FETCH);
					}
					assert_int_equal(w->folders[0].n, 0);
					all_taken_once(w);
				}
				end(&w);
			}
}

/* A folder that was put back from a backup, or made anew by a server that does not say so: its UIDs mean other messages. */
static void uids_come_again(void **state)
{
	(void)state;
	for (int policy = 0; policy <= 2; policy++)
		for (int alike = 0; alike <= 1; alike++) {
			struct fake_world *w = world(true);

			w->source.keep = policy == 0;
			w->source.delete = policy == 1	 ? CONFIG_DELETE_ACCEPTED
					   : policy == 2 ? CONFIG_DELETE_DELIVERED
							 : CONFIG_DELETE_NEVER;
			arrive_many(w, 0, 30);
			run_well(w);
			while (w->folders[0].n > 0)
				fake_lose(w, 0, w->folders[0].n - 1);
			w->folders[0].uidnext = 1;
			w->folders[0].modseq += 100;
			for (unsigned i = 0; i < 20; i++)
				(void)fake_arrive(w, 0, fake_content(w, i % 3 != 0, alike ? 100 : 200 + i));
			run_well(w);
			all_taken_once(w);
			run_well(w);
			fake_settle(w, false);
			run_well(w);
			all_taken_once(w);
			assert_int_equal(w->folders[0].n, policy == 0 ? 20 : 0);
			end(&w);
		}
}

/* ---- another mailbox behind the same name ---- */
static void run_and_tell(struct fake_world *w, const char *words)
{
	const struct run_result r = fake_run(w, RUN_FETCH);

	assert_int_equal(r.end, RUN_OK);
	if (strstr(r.words, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, r.words);
}

static void point_elsewhere(struct fake_world *w, const char *host, const char *user)
{
	w->source.server.host = (char *)host;
	w->source.server.user = (char *)user;
}

/* Other messages of the same names and sizes, or UIDs. */
static void fill_alike(struct fake_world *w, unsigned n)
{
	while (w->folders[0].n > 0)
		fake_lose(w, 0, 0);
	w->folders[0].uidnext = 1;
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, i % 2 == 0, 100))->name, 80, "%u", i + 1);
}

static void another_mailbox_is_fetched_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct fake_world *w = world_of(&kinds[i]);
		unsigned shared;

		if (w->content_names)
			goto next;
		fill_alike(w, 20);
		run_well(w);
		all_taken_once(w);
		w->source.keep = false;
		w->source.delete = CONFIG_DELETE_DELIVERED;
		fake_settle(w, false);
		point_elsewhere(w, "pop.example.org", "new");
		fill_alike(w, 20);
		/* Both got it. */
		shared = w->folders[0].all[3].content;
		run_and_tell(w, "with other mail");
		all_taken_once(w);
		assert_int_equal(w->contents[shared].removed, 0);
		assert_int_equal(w->folders[0].n, 20); /* none of it is delivered yet */
		run_well(w);
		assert_int_equal(w->folders[0].n, 20);
next:
		end(&w);
	}
}

/* A mailbox that is empty now, and one that was. */
static void an_empty_mailbox_is_another(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);

		fill_alike(w, 5);
		run_well(w);
		point_elsewhere(w, "new.example.org", "old");
		fill_alike(w, 0);
		run_and_tell(w, "with other mail");
		fill_alike(w, 5);
		run_and_tell(w, "with other mail");
		run_well(w);
		all_taken_once(w);
		end(&w);
	}
}

/* There and back: what each had is known in each. */
static void there_and_back(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);
		struct fake_folder first;

		fill_alike(w, 12);
		run_well(w);
		first = w->folders[0];
		w->folders[0].all = NULL;
		w->folders[0].n = w->folders[0].cap = 0;
		point_elsewhere(w, "pop.example.org", "new");
		fill_alike(w, 12);
		run_and_tell(w, "with other mail");
		for (unsigned day = 0; day < 20; day++) {
			fake_pass(w, FAKE_DAY_MS);
			run_well(w);
		}
		all_taken_once(w);
		free(w->folders[0].all);
		w->folders[0] = first;
		point_elsewhere(w, "POP.Example.org", "old");
		run_well(w);
		assert_int_equal(w->bodies, 0);
		(void)fake_arrive(w, 0, fake_content(w, true, 100));
		run_well(w);
		all_taken_once(w);
		end(&w);
	}
}

/* The server has another name now, or is spoken to in another protocol. Nothing is removed for what was known of it. */
static void the_same_mailbox_is_known(void **state)
{
	(void)state;
	for (int before = 0; before <= 1; before++)
		for (int after = 0; after <= 1; after++)
			for (long at = 0; at < 60; at++) {
				struct fake_world *w = world(before != 0);

				arrive_many(w, 0, 20);
				run_well(w);
				fake_settle(w, false);
				w->source.keep = false;
				w->source.delete = CONFIG_DELETE_ACCEPTED;
				w->source.delete_after = FAKE_DAY_MS;
				point_elsewhere(w, "new.example.org", "old@example.org");
				w->imap = after != 0;
				w->source.protocol = after != 0 ? CONFIG_IMAP : CONFIG_POP3;
				fake_rename_all(w, 0);
				fake_lose(w, 0, 7);
				(void)fake_arrive(w, 0, fake_content(w, true, 10));
				if (at > 0)
					(void)fake_run_until(w, RUN_FETCH, at, at % 2 == 0);
				(void)fake_run(w, RUN_FETCH);
				all_taken_once(w);
				if (at == 0) {
					assert_int_equal(w->bodies, 1);
					assert_int_equal(w->nrows, 20);
				}
				run_well(w);
				fake_pass(w, 3LL * FAKE_DAY_MS);
				run_well(w);
				assert_int_equal(w->folders[0].n, 19);
				all_taken_once(w);
				end(&w);
			}
}

static void status_lines_do_not_count(void **state)
{
	struct fake_world *w = world(false);

	(void)state;
	w->no_names = true;
	arrive_many(w, 0, 5);
	run_well(w);
	w->grows = true;
	run_well(w);
	assert_int_equal(w->bodies, 0);
	all_taken_once(w);
	end(&w);
}

/* ---- what is gone ---- */
static void forgets_slowly(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);

		arrive_many(w, 0, 5);
		run_well(w);
		fake_lose(w, 0, 1);
		for (unsigned day = 0; day < 12; day++) {
			(void)fake_arrive(w, 0, fake_content(w, true, 10));
			run_well(w);
			if (day < 6)
				assert_int_equal(w->nrows, w->folders[0].n + 1);
			fake_pass(w, FAKE_DAY_MS + 1000);
		}
		assert_int_equal(w->nrows, w->folders[0].n);
		all_taken_once(w);
		end(&w);
	}
}

static void a_bad_day_is_no_loss(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);

		arrive_many(w, 0, 20);
		run_well(w);
		for (unsigned day = 0; day < 20; day++) {
			w->shows_nothing = true;
			run_well(w);
			fake_pass(w, 2LL * FAKE_DAY_MS);
		}
		w->shows_nothing = false;
		run_well(w);
		all_taken_once(w);
		assert_int_equal(w->nrows, 20);
		end(&w);
	}
}

/* Somebody moves a message out and back, in the time of one run or of more. */
static void out_and_back(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int between = 0; between <= 1; between++) {
			struct fake_world *w = world(imap != 0);
			unsigned c;

			arrive_many(w, 0, 8);
			run_well(w);
			c = w->folders[0].all[3].content;
			fake_lose(w, 0, 3);
			if (between)
				run_well(w);
			(void)fake_arrive(w, 0, c);
			w->contents[c].arrived--;
			run_well(w);
			if (w->contents[c].taken != 1)
				fail_msg("imap %d, seen in between %d: taken %u times", imap, between, w->contents[c].taken);
			all_taken_once(w);
			end(&w);
		}
}

/* ---- our own mail ---- */
static void own_mail_is_left(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int large = 0; large <= 1; large++) {
			struct fake_world *w = world(imap != 0);
			struct run_result r;
			char *text, *padding = mem_alloc(60001);
			unsigned known, on_top;

			if (large)
				memset(padding, 'x', 60000);
			(void)snprintf(w->mine, sizeof w->mine, "0123456789abcdef");
			text = mem_printf("Received: from a.example (b)\r\n\tby elsewhere.example with ESMTP id 1\r\n"
					  "Received: from x (y)\r\n\tby old.office.example with ESMTP id 0123456789abcdef;\r\n\t"
					  "now\r\nSubject: one\r\nMessage-ID: <1@x>\r\n\r\n%s\r\n", padding);
			known = fake_content_of(w, text);
			free(text);
			text = mem_printf("Return-Path: <a@example.org>\r\nReceived: from x (y)\r\n\tby mail.office.example "
					  "with ESMTP id 000000000000000a;\r\n\tnow\r\nSubject: two\r\n"
					  "Message-ID: <2@x>\r\n\r\n%s\r\n", padding);
			on_top = fake_content_of(w, text);
			free(text);
			text = mem_printf("Received: from x (y)\r\n\tby mail.office.example (Postfix) with ESMTP id "
					  "000000000000000a;\r\n\tnow\r\nSubject: three\r\nMessage-ID: <3@x>\r\n\r\n%s\r\n", padding);
			(void)fake_arrive(w, 0, known);
			(void)fake_arrive(w, 0, on_top);
			(void)fake_arrive(w, 0, fake_content_of(w, text));
			free(text);
			free(padding);
			w->source.server.host = (char *)"IMAP.example.net";
			w->source.server.user = (char *)"office";
			r = fake_run(w, RUN_FETCH);
			assert_int_equal(r.done.own, 2);
			assert_int_equal(r.done.messages, 1);
			assert_int_equal(w->bodies, large ? 1 : 3);
			run_well(w);
			assert_int_equal(w->bodies + w->heads, 0);
			assert_int_equal(fake_rows_of(w, ORIGIN_OWN), 2);
			end(&w);
		}
}

/* ---- folders ---- */
static void folders_stand_alone(void **state)
{
	struct fake_world *w = world(true);
	const unsigned c = fake_content(w, true, 10);

	(void)state;
	w->folders[1].there = true;
	(void)fake_arrive(w, 0, c);
	(void)fake_arrive(w, 1, c);
	run_well(w);
	all_taken_once(w);
	/* A folder that gets another name keeps its UIDVALIDITY. */
	w->folders[1].name = "Archive 2026";
	run_well(w);
	all_taken_once(w);
	assert_int_equal(w->bodies, 0);
	end(&w);
}

static void one_closed_folder_holds_up_no_other(void **state)
{
	struct fake_world *w = world(true);
	struct run_result r;

	(void)state;
	w->folders[1].there = w->folders[1].closed = true;
	arrive_many(w, 0, 2);
	r = fake_run(w, RUN_FETCH);
	assert_int_equal(r.end, RUN_PARTLY);
	assert_non_null(strstr(r.words, "Archive"));
	all_taken_once(w);
	w->folders[0].closed = true;
	assert_int_equal(fake_run(w, RUN_FETCH).end, RUN_REFUSED);
	end(&w);
}

/* Somebody moves mail between folders that are both fetched. */
static void moved_mail_is_no_news(void **state)
{
	struct fake_world *w = world(true);

	(void)state;
	w->folders[1].there = w->folders[2].there = true;
	arrive_many(w, 0, 6);
	arrive_many(w, 1, 6);
	arrive_many(w, 2, 6);
	run_well(w);
	fake_shift(w, 0, 2, 1);
	fake_shift(w, 1, 1, 0);
	fake_shift(w, 2, 4, 1);
	(void)fake_arrive(w, 1, fake_content(w, true, 10));
	run_well(w);
	all_taken_once(w);
	/* Out in one run, in by the next. */
	fake_lose(w, 0, 1);
	run_well(w);
	(void)fake_arrive(w, 2, 1);
	w->contents[1].arrived--;
	run_well(w);
	all_taken_once(w);
	assert_int_equal(w->nrows, 19);
	end(&w);
}

static void flags_and_dates_come_along(void **state)
{
	struct fake_world *w = world(true);

	(void)state;
	fake_arrive(w, 0, fake_content(w, true, 10))->flags = "\\Seen \\Flagged $Label1";
	run_well(w);
	assert_non_null(strstr(w->last_flags, "\\Flagged"));
	assert_non_null(strstr(w->last_flags, "$Label1"));
	end(&w);
}

/* ---- runs that change nothing ---- */
static void a_dry_run_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct fake_world *w = world_of(&kinds[i]);
		struct run_result r;
		uint64_t modseq;

		set_policy(w, AT_ONCE);
		w->source.skip.larger = 5000;
		arrive_many(w, 0, 12);
		modseq = w->folders[0].modseq;
		r = fake_run(w, RUN_DRY);
		assert_int_equal(r.end, RUN_OK);
		assert_int_equal(w->nlines, 12);
		assert_int_equal(w->nrows + w->ngens + w->changes + w->puts + w->spool_messages + w->bodies, 0);
		assert_int_equal(w->folders[0].n, 12);
		assert_int_equal(w->folders[0].modseq, modseq);
		if (!kinds[i].no_top) {
			assert_string_equal(w->lines[2].into, "INBOX");
			assert_int_equal(r.done.messages, 10);
			assert_int_equal(r.done.skipped, 2);
		}
		end(&w);
	}
}

static void a_copy_takes_everything_once(void **state)
{
	struct fake_world *w = world(true);

	(void)state;
	w->folders[1].there = w->folders[2].there = true;
	w->source.skip.larger = 10;
	arrive_many(w, 0, 12);
	arrive_many(w, 1, 5);
	(void)fake_arrive(w, 2, w->folders[0].all[0].content);
	assert_int_equal(fake_run_until(w, RUN_COPY, 30, true).end == RUN_OK, 0);
	assert_int_equal(fake_run(w, RUN_COPY).end, RUN_OK);
	all_taken_once(w);
	assert_int_equal(fake_run(w, RUN_COPY).end, RUN_OK);
	assert_int_equal(w->bodies, 0);
	assert_int_equal(w->folders[0].n, 12);
	end(&w);
}

/* ---- the spool ---- */
static void a_full_spool_stops_the_run(void **state)
{
	struct fake_world *w = world(false);
	struct run_result r;

	(void)state;
	set_policy(w, AT_ONCE);
	arrive_many(w, 0, 300);
	w->full = true;
	r = fake_run(w, RUN_FETCH);
	assert_int_equal(r.end, RUN_FULL);
	assert_true(r.words[0] != '\0');
	assert_true(w->bodies < 300);
	w->full = false;
	run_well(w);
	all_taken_once(w);
	assert_int_equal(w->folders[0].n, 0);
	end(&w);
}

/* ---- waiting ---- */
static void waits_for_what_is_new(void **state)
{
	struct fake_world *w = world(true);
	struct run_result r;
	bool news, can;

	(void)state;
	arrive_many(w, 0, 3);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && news && can); /* it was never fetched */
	run_well(w);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !news && can);
	/* Between a run and the wait. */
	arrive_many(w, 0, 1);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && news && can);
	run_well(w);
	fake_lose(w, 0, 0);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !news && can);
	for (long at = 1; at < 5; at++) {
		r = fake_wait_for(w, at, &news, &can);
		assert_true(r.end == RUN_AWAY || r.end == RUN_LOST || r.end == RUN_OK);
	}
	end(&w);
	w = world(false);
	assert_true(fake_wait_for(w, 0, &news, &can).end == RUN_OK && !can);
	end(&w);
}

/* ---- size ---- */
static void a_large_mailbox_is_cheap(void **state)
{
	enum { MANY = 20000 };

	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = world(imap != 0);
		const unsigned c = fake_content(w, true, 10);

		for (unsigned i = 0; i < MANY; i++)
			(void)fake_arrive(w, 0, c);
		run_well(w);
		all_taken_once(w);
		/* A hundred from the middle go, one comes; then all names change. */
		for (unsigned i = 0; i < 100; i++)
			fake_lose(w, 0, MANY / 2);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		run_well(w);
		assert_int_equal(w->bodies, 1);
		fake_rename_all(w, 0);
		run_well(w);
		assert_int_equal(w->bodies, 0);
		end(&w);
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
		cmocka_unit_test(limits_leave_and_tell),
		cmocka_unit_test(lies_about_sizes_end),
		cmocka_unit_test(imported_is_known),
		cmocka_unit_test(changed_names_are_no_news),
		cmocka_unit_test(numbers_are_no_names),
		cmocka_unit_test(moved_up_numbers),
		cmocka_unit_test(names_come_again),
		cmocka_unit_test(uids_come_again),
		cmocka_unit_test(another_mailbox_is_fetched_whole),
		cmocka_unit_test(an_empty_mailbox_is_another),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_same_mailbox_is_known),
		cmocka_unit_test(status_lines_do_not_count),
		cmocka_unit_test(forgets_slowly),
		cmocka_unit_test(a_bad_day_is_no_loss),
		cmocka_unit_test(out_and_back),
		cmocka_unit_test(own_mail_is_left),
		cmocka_unit_test(folders_stand_alone),
		cmocka_unit_test(one_closed_folder_holds_up_no_other),
		cmocka_unit_test(moved_mail_is_no_news),
		cmocka_unit_test(flags_and_dates_come_along),
		cmocka_unit_test(a_dry_run_changes_nothing),
		cmocka_unit_test(a_copy_takes_everything_once),
		cmocka_unit_test(a_full_spool_stops_the_run),
		cmocka_unit_test(waits_for_what_is_new),
		cmocka_unit_test(a_large_mailbox_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
