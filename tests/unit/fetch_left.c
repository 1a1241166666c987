/* Runs over a mailbox in memory: what is known, our own, above a limit or gone, and what lies in other folders. */
#include "fetch_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- limits ---- */
static void limits_leave_and_tell(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);
		char text[400];
		unsigned old, large;

		w->source.skip.larger = 1000;
		w->source.skip.older = 10LL * FAKE_DAY_MS;
		w->source.skip.note = true;
		(void)snprintf(text, sizeof text,
			       "Subject: of old\r\nMessage-ID: <old@example.org>\r\n"
			       "Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\nold\r\n");
		old = fake_content_of(w, text);
		large = fake_content(w, true, 5000);
		(void)fake_arrive(w, 0, large);
		(void)fake_arrive(w, 0, old);
		if (imap)
			w->folders[0].all[1].internal_ms -= 11LL * FAKE_DAY_MS;
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		fake_run_well(w);
		assert_int_equal(w->contents[2].taken, 1);
		assert_int_equal(w->contents[large].taken + w->contents[old].taken, 0);
		assert_int_equal(w->spool_messages, 3);
		assert_int_equal(w->nlines, 2);
		assert_non_null(strstr(w->lines[0].why, "larger than"));
		assert_string_equal(w->lines[0].subject, "message 1");
		assert_non_null(strstr(w->lines[1].why, "older than"));
		assert_string_equal(w->last_folder, "INBOX");
		/* Once. */
		fake_run_well(w);
		assert_int_equal(w->spool_messages, 3);
		assert_int_equal(w->nlines, 0);
		/* The limit is raised. */
		w->source.skip.larger = 10000;
		fake_pass(w, 2LL * FAKE_DAY_MS);
		(void)fake_arrive(w, 0, fake_content(w, true, 10));
		fake_run_well(w);
		assert_int_equal(w->contents[large].taken, 1);
		assert_int_equal(w->contents[old].taken, 0);
		assert_int_equal(fake_rows_of(w, ORIGIN_SKIPPED), 1);
		fake_world_end(&w);
	}
}

/* A server that says 100 octets and sends more than any message may have. */
static void lies_about_sizes_end(void **state)
{
	struct fake_world *w = fake_world_new(false);
	unsigned c;

	(void)state;
	w->config->limits.message_size = 200000;
	c = fake_content(w, true, 300000);
	fake_arrive(w, 0, c)->size = 100;
	(void)fake_arrive(w, 0, fake_content(w, true, 10));
	fake_run_well(w);
	assert_int_equal(w->contents[c].taken, 0);
	assert_int_equal(w->contents[c + 1].taken, 1);
	assert_int_equal(w->contents[c].fetched, 1);
	fake_run_well(w);
	assert_int_equal(w->contents[c].fetched, 1);
	fake_world_end(&w);
}

/* What fetchmail or getmail had fetched: names without sizes and heads. */
static void imported_is_known(void **state)
{
	(void)state;
	for (int days = 0; days <= 1; days++) {
		struct fake_world *w = fake_world_new(false);
		struct origin_folder f = { .name = "" };
		struct origin_change changes[10] = { 0 };
		struct err e;

		fake_arrive_many(w, 0, 12);
		fake_adopt(w);
		assert_int_equal(spool_source_folder_put(NULL, &f, &e), 0);
		for (unsigned i = 0; i < 10; i++) {
			changes[i].act = ORIGIN_ADD;
			changes[i].o.folder = f.number;
			changes[i].o.name = w->folders[0].all[i].name;
			changes[i].o.fate = ORIGIN_KNOWN;
		}
		assert_int_equal(spool_source_change(NULL, changes, 10, &e), 0);
		fake_set_policy(w, AT_ONCE);
		w->source.delete_after = days * 30LL * FAKE_DAY_MS;
		fake_run_well(w);
		assert_int_equal(w->bodies, 2);
		assert_int_equal(w->folders[0].n, days ? 12 : 10);
		fake_pass(w, 31LL * FAKE_DAY_MS);
		fake_run_well(w);
		assert_int_equal(w->bodies, 0);
		/* At once means what was taken here; after a time, what is that old. */
		assert_int_equal(w->folders[0].n, days ? 0 : 10);
		fake_world_end(&w);
	}
}

/* ---- what is gone ---- */
static void forgets_slowly(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);

		fake_arrive_many(w, 0, 5);
		fake_run_well(w);
		fake_lose(w, 0, 1);
		for (unsigned day = 0; day < 12; day++) {
			(void)fake_arrive(w, 0, fake_content(w, true, 10));
			fake_run_well(w);
			if (day < 6)
				assert_int_equal(w->nrows, w->folders[0].n + 1);
			fake_pass(w, FAKE_DAY_MS + 1000);
		}
		assert_int_equal(w->nrows, w->folders[0].n);
		fake_all_taken_once(w);
		fake_world_end(&w);
	}
}

static void a_bad_day_is_no_loss(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);

		fake_arrive_many(w, 0, 20);
		fake_run_well(w);
		for (unsigned day = 0; day < 20; day++) {
			w->shows_nothing = true;
			fake_run_well(w);
			fake_pass(w, 2LL * FAKE_DAY_MS);
		}
		w->shows_nothing = false;
		fake_run_well(w);
		fake_all_taken_once(w);
		assert_int_equal(w->nrows, 20);
		fake_world_end(&w);
	}
}

/* A run ends while originals are removed, and then the server refuses parts of its listing: what it does not show is not
 * removed. */
static void a_listing_with_gaps_is_no_loss(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (long step = 1, steps = 2; step <= steps; step++) {
			struct fake_world *w = fake_world_new(imap != 0);

			fake_set_policy(w, AT_ONCE);
			fake_arrive_many(w, 0, 1);
			fake_run_well(w);
			fake_arrive_many(w, 0, 4);
			(void)fake_run_until(w, RUN_FETCH, step, false);
			steps = w->ended ? step + 1 : step;
			w->gaps = true;
			(void)fake_run(w, RUN_FETCH);
			fake_arrive_many(w, 0, 2);
			(void)fake_run(w, RUN_FETCH);
			w->gaps = false;
			fake_run_well(w);
			for (unsigned i = 0; i < w->ncontents; i++)
				if (w->contents[i].taken != 1)
					fail_msg("imap %d, step %ld: content %u was taken %u times", imap, step, i,
						 w->contents[i].taken);
			fake_world_end(&w);
		}
}

/* Somebody moves a message out and back, in the time of one run or of more. */
static void out_and_back(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int between = 0; between <= 1; between++) {
			struct fake_world *w = fake_world_new(imap != 0);
			unsigned c;

			fake_arrive_many(w, 0, 8);
			fake_run_well(w);
			c = w->folders[0].all[3].content;
			fake_lose(w, 0, 3);
			if (between)
				fake_run_well(w);
			(void)fake_arrive(w, 0, c);
			w->contents[c].arrived--;
			fake_run_well(w);
			if (w->contents[c].taken != 1)
				fail_msg("imap %d, seen in between %d: taken %u times", imap, between,
					 w->contents[c].taken);
			fake_all_taken_once(w);
			fake_world_end(&w);
		}
}

/* ---- our own mail ---- */
static void own_mail_is_left(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++)
		for (int large = 0; large <= 1; large++) {
			struct fake_world *w = fake_world_new(imap != 0);
			struct run_result r;
			char *text, *padding = mem_alloc(60001);
			unsigned known, on_top;

			if (large)
				memset(padding, 'x', 60000);
			(void)snprintf(w->mine, sizeof w->mine, "0123456789abcdef");
			text = mem_printf(
			    "Received: from a.example (b)\r\n\tby elsewhere.example with ESMTP id 1\r\n"
			    "Received: from x (y)\r\n\tby old.office.example with ESMTP id 0123456789abcdef;\r\n\t"
			    "now\r\nSubject: one\r\nMessage-ID: <1@x>\r\n\r\n%s\r\n",
			    padding);
			known = fake_content_of(w, text);
			free(text);
			text = mem_printf(
			    "Return-Path: <a@example.org>\r\nReceived: from x (y)\r\n\tby mail.office.example "
			    "with ESMTP id 000000000000000a;\r\n\tnow\r\nSubject: two\r\n"
			    "Message-ID: <2@x>\r\n\r\n%s\r\n",
			    padding);
			on_top = fake_content_of(w, text);
			free(text);
			text = mem_printf(
			    "Received: from x (y)\r\n\tby mail.office.example (Postfix) with ESMTP id "
			    "000000000000000a;\r\n\tnow\r\nSubject: three\r\nMessage-ID: <3@x>\r\n\r\n%s\r\n",
			    padding);
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
			fake_run_well(w);
			assert_int_equal(w->bodies + w->heads, 0);
			assert_int_equal(fake_rows_of(w, ORIGIN_OWN), 2);
			fake_world_end(&w);
		}
}

/* ---- folders ---- */
static void folders_stand_alone(void **state)
{
	struct fake_world *w = fake_world_new(true);
	const unsigned c = fake_content(w, true, 10);

	(void)state;
	w->folders[1].there = true;
	(void)fake_arrive(w, 0, c);
	(void)fake_arrive(w, 1, c);
	fake_run_well(w);
	fake_all_taken_once(w);
	/* A folder that gets another name keeps its UIDVALIDITY. */
	w->folders[1].name = "Archive 2026";
	fake_run_well(w);
	fake_all_taken_once(w);
	assert_int_equal(w->bodies, 0);
	fake_world_end(&w);
}

static void one_closed_folder_holds_up_no_other(void **state)
{
	struct fake_world *w = fake_world_new(true);
	struct run_result r;

	(void)state;
	w->folders[1].there = w->folders[1].closed = true;
	fake_arrive_many(w, 0, 2);
	r = fake_run(w, RUN_FETCH);
	assert_int_equal(r.end, RUN_PARTLY);
	assert_non_null(strstr(r.words, "Archive"));
	fake_all_taken_once(w);
	w->folders[0].closed = true;
	assert_int_equal(fake_run(w, RUN_FETCH).end, RUN_REFUSED);
	fake_world_end(&w);
}

/* Somebody moves mail between folders that are both fetched. */
static void moved_mail_is_no_news(void **state)
{
	struct fake_world *w = fake_world_new(true);

	(void)state;
	w->folders[1].there = w->folders[2].there = true;
	fake_arrive_many(w, 0, 6);
	fake_arrive_many(w, 1, 6);
	fake_arrive_many(w, 2, 6);
	fake_run_well(w);
	fake_shift(w, 0, 2, 1);
	fake_shift(w, 1, 1, 0);
	fake_shift(w, 2, 4, 1);
	(void)fake_arrive(w, 1, fake_content(w, true, 10));
	fake_run_well(w);
	fake_all_taken_once(w);
	/* Out in one run, in by the next. */
	fake_lose(w, 0, 1);
	fake_run_well(w);
	(void)fake_arrive(w, 2, 1);
	w->contents[1].arrived--;
	fake_run_well(w);
	fake_all_taken_once(w);
	assert_int_equal(w->nrows, 19);
	fake_world_end(&w);
}

static void flags_and_dates_come_along(void **state)
{
	struct fake_world *w = fake_world_new(true);

	(void)state;
	fake_arrive(w, 0, fake_content(w, true, 10))->flags = "\\Seen \\Flagged $Label1";
	fake_run_well(w);
	assert_non_null(strstr(w->last_flags, "\\Flagged"));
	assert_non_null(strstr(w->last_flags, "$Label1"));
	fake_world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_leave_and_tell),
		cmocka_unit_test(lies_about_sizes_end),
		cmocka_unit_test(imported_is_known),
		cmocka_unit_test(forgets_slowly),
		cmocka_unit_test(a_bad_day_is_no_loss),
		cmocka_unit_test(a_listing_with_gaps_is_no_loss),
		cmocka_unit_test(out_and_back),
		cmocka_unit_test(own_mail_is_left),
		cmocka_unit_test(folders_stand_alone),
		cmocka_unit_test(one_closed_folder_holds_up_no_other),
		cmocka_unit_test(moved_mail_is_no_news),
		cmocka_unit_test(flags_and_dates_come_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
