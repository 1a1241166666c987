/* Runs over a mailbox in memory whose names change, come again, or are those of another mailbox. */
#include "fetch_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names change ---- */
static void changed_names_are_no_news(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		struct fake_world *w = fake_world_of(&fake_kinds[i]);
		struct run_result r;
		const unsigned twin = fake_content(w, false, 50);

		if (fake_kinds[i].no_names) {
			fake_world_end(&w);
			continue;
		}
		fake_arrive_many(w, 0, 40);
		for (unsigned k = 0; k < 3; k++)
			(void)fake_arrive(w, 0, twin);
		fake_run_well(w);
		fake_rename_all(w, 0);
		(void)fake_arrive(w, 0, twin);
		r = fake_run(w, RUN_FETCH);
		assert_int_equal(r.end, RUN_OK);
		assert_int_equal(r.done.known, 43);
		assert_int_equal(r.done.messages, 1);
		assert_int_equal(w->bodies, 1);
		fake_all_taken_once(w);
		assert_int_equal(w->nrows, 44);
		assert_int_equal(w->ngens, 1);
		fake_run_well(w);
		assert_int_equal(w->heads + w->bodies + w->changes, 0);
		fake_world_end(&w);
	}
}

/* A mailbox of another person behind the same name: UIDLs that are only numbers mean other messages. */
static void numbers_are_no_names(void **state)
{
	struct fake_world *w = fake_world_new(false);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 100 + i))->name, 80, "%u", i + 1);
	fake_run_well(w);
	while (w->folders[0].n > 0)
		fake_lose(w, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 1000 + 100 * i))->name, 80, "%u", i + 1);
	fake_run_well(w);
	fake_all_taken_once(w);
	fake_world_end(&w);
}

/* Message 1 is gone, 2 has become 1, and so on. */
static void moved_up_numbers(void **state)
{
	struct fake_world *w = fake_world_new(false);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		(void)snprintf(fake_arrive(w, 0, fake_content(w, true, 1000 + 100 * i))->name, 80, "%u", i + 1);
	fake_run_well(w);
	fake_lose(w, 0, 0);
	(void)fake_arrive(w, 0, fake_content(w, true, 10));
	for (unsigned i = 0; i < w->folders[0].n; i++)
		(void)snprintf(w->folders[0].all[i].name, 80, "%u", i + 1);
	fake_run_well(w);
	fake_all_taken_once(w);
	assert_int_equal(w->bodies, 1);
	fake_world_end(&w);
}

/* A name may come again once its message is gone (RFC 1939, 7), and some servers just number. What was asked to be
 * removed is then not what lies there now. */
static void names_come_again(void **state)
{
	(void)state;
	for (int after_delivery = 0; after_delivery <= 1; after_delivery++)
		for (int top = 0; top <= 1; top++)
			for (int quit = 0; quit <= 1; quit++) {
				struct fake_world *w = fake_world_new(false);

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
					fake_all_taken_once(w);
				}
				fake_world_end(&w);
			}
}

/* A folder that was put back from a backup, or made anew by a server that does not say so: its UIDs mean other
 * messages. */
static void uids_come_again(void **state)
{
	(void)state;
	for (int policy = 0; policy <= 2; policy++)
		for (int alike = 0; alike <= 1; alike++) {
			struct fake_world *w = fake_world_new(true);

			w->source.keep = policy == 0;
			w->source.delete = policy == 1	 ? CONFIG_DELETE_ACCEPTED
					   : policy == 2 ? CONFIG_DELETE_DELIVERED
							 : CONFIG_DELETE_NEVER;
			fake_arrive_many(w, 0, 30);
			fake_run_well(w);
			while (w->folders[0].n > 0)
				fake_lose(w, 0, w->folders[0].n - 1);
			w->folders[0].uidnext = 1;
			w->folders[0].modseq += 100;
			for (unsigned i = 0; i < 20; i++)
				(void)fake_arrive(w, 0, fake_content(w, i % 3 != 0, alike ? 100 : 200 + i));
			fake_run_well(w);
			fake_all_taken_once(w);
			fake_run_well(w);
			fake_settle(w, false);
			fake_run_well(w);
			fake_all_taken_once(w);
			assert_int_equal(w->folders[0].n, policy == 0 ? 20 : 0);
			fake_world_end(&w);
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
	for (size_t i = 0; i < FAKE_KINDS; i++) {
		struct fake_world *w = fake_world_of(&fake_kinds[i]);
		unsigned shared;

		if (w->content_names)
			goto next;
		fill_alike(w, 20);
		fake_run_well(w);
		fake_all_taken_once(w);
		w->source.keep = false;
		w->source.delete = CONFIG_DELETE_DELIVERED;
		fake_settle(w, false);
		point_elsewhere(w, "pop.example.org", "new");
		fill_alike(w, 20);
		/* Both got it. */
		shared = w->folders[0].all[3].content;
		run_and_tell(w, "with other mail");
		fake_all_taken_once(w);
		assert_int_equal(w->contents[shared].removed, 0);
		assert_int_equal(w->folders[0].n, 20); /* none of it is delivered yet */
		fake_run_well(w);
		assert_int_equal(w->folders[0].n, 20);
	next:
		fake_world_end(&w);
	}
}

/* A mailbox that is empty now, and one that was. */
static void an_empty_mailbox_is_another(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);

		fill_alike(w, 5);
		fake_run_well(w);
		point_elsewhere(w, "new.example.org", "old");
		fill_alike(w, 0);
		run_and_tell(w, "with other mail");
		fill_alike(w, 5);
		run_and_tell(w, "with other mail");
		fake_run_well(w);
		fake_all_taken_once(w);
		fake_world_end(&w);
	}
}

/* There and back: what each had is known in each. */
static void there_and_back(void **state)
{
	(void)state;
	for (int imap = 0; imap <= 1; imap++) {
		struct fake_world *w = fake_world_new(imap != 0);
		struct fake_folder first;

		fill_alike(w, 12);
		fake_run_well(w);
		first = w->folders[0];
		w->folders[0].all = NULL;
		w->folders[0].n = w->folders[0].cap = 0;
		point_elsewhere(w, "pop.example.org", "new");
		fill_alike(w, 12);
		run_and_tell(w, "with other mail");
		for (unsigned day = 0; day < 20; day++) {
			fake_pass(w, FAKE_DAY_MS);
			fake_run_well(w);
		}
		fake_all_taken_once(w);
		free(w->folders[0].all);
		w->folders[0] = first;
		point_elsewhere(w, "POP.Example.org", "old");
		fake_run_well(w);
		assert_int_equal(w->bodies, 0);
		(void)fake_arrive(w, 0, fake_content(w, true, 100));
		fake_run_well(w);
		fake_all_taken_once(w);
		fake_world_end(&w);
	}
}

/* The server has another name now, or is spoken to in another protocol. Nothing is removed for what was known of it. */
static void the_same_mailbox_is_known(void **state)
{
	(void)state;
	for (int before = 0; before <= 1; before++)
		for (int after = 0; after <= 1; after++)
			for (long at = 0; at < 60; at++) {
				struct fake_world *w = fake_world_new(before != 0);

				fake_arrive_many(w, 0, 20);
				fake_run_well(w);
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
				fake_all_taken_once(w);
				if (at == 0) {
					assert_int_equal(w->bodies, 1);
					assert_int_equal(w->nrows, 20);
				}
				fake_run_well(w);
				fake_pass(w, 3LL * FAKE_DAY_MS);
				fake_run_well(w);
				assert_int_equal(w->folders[0].n, 19);
				fake_all_taken_once(w);
				fake_world_end(&w);
			}
}

static void status_lines_do_not_count(void **state)
{
	struct fake_world *w = fake_world_new(false);

	(void)state;
	w->no_names = true;
	fake_arrive_many(w, 0, 5);
	fake_run_well(w);
	w->grows = true;
	fake_run_well(w);
	assert_int_equal(w->bodies, 0);
	fake_all_taken_once(w);
	fake_world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
