/* The spool: handing work to stores, and telling who is due. */
#include "spool_tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

static void work_comes_in_its_order(void **state)
{
	static struct test_message m;
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < 5; i++) {
		message_make(&m, i, "office", i == 4 ? "INBOX" : "Scans");
		m.d[1].folder = "INBOX";
		m.m.ndeliveries = i == 3 ? 2 : 1;
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	}
	s = store_of(&t, "office");
	/* At most three, then at least one whatever its size. */
	assert_int_equal(spool_next(s, 3, UINT64_MAX, &w, &n, &due, &e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(w[0].id, "d000000000000000");
	assert_string_equal(w[2].id, "d000000000000002");
	assert_false(w[0].inbox_too);
	assert_true(due <= clock_wall_ms());
	/* The first becomes a doubt that is due at once, the second one that is due later, the third waits. */
	{
		struct spool_flight f[] = { { w[0].number, "Scans", 7, 100 }, { w[1].number, "Scans", 7, 100 } };
		struct spool_outcome o[] = {
			{ .number = w[0].number, .kind = OUTCOME_DOUBT, .sent = true, .reason = "gone" },
			{ .number = w[1].number,
			  .kind = OUTCOME_DOUBT,
			  .sent = true,
			  .due_ms = clock_wall_ms() + 60000 },
		};

		assert_int_equal(spool_in_flight(s, f, 2, &e), 0);
		assert_int_equal(spool_settle(s, o, 2, &e), 0);
	}
	spool_work_free(w, n);
	assert_int_equal(spool_next(s, 10, 1, &w, &n, &due, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(w[0].id, "d000000000000000");
	assert_int_equal(w[0].state, DELIVERY_DOUBT);
	assert_int_equal(w[0].attempts, 1);
	assert_int_equal(w[0].floor_uidnext, 100);
	assert_int_equal(w[0].floor_uidvalidity, 7);
	assert_string_equal(w[0].floor_folder, "Scans");
	assert_true(w[0].doubt_ms > 0);
	/* The floor never rises, but for another UIDVALIDITY it is another. */
	{
		struct spool_outcome retry = { .number = w[0].number, .kind = OUTCOME_RETRY };
		static const uint32_t floors[][4] = {
			{ 7, 200, 7, 100 }, { 7, 50, 7, 50 }, { 0, 0, 7, 50 }, { 8, 300, 8, 300 }
		};

		for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
			int64_t number = w[0].number;

			assert_int_equal(
			    spool_in_flight(s, &(struct spool_flight){ number, "Scans", floors[i][0], floors[i][1] }, 1,
					    &e),
			    0);
			assert_int_equal(spool_settle(s, &retry, 1, &e), 0);
			spool_work_free(w, n);
			assert_int_equal(spool_next(s, 10, UINT64_MAX, &w, &n, &due, &e), 0);
			for (size_t k = 0; k < n; k++)
				if (w[k].number == number) {
					struct spool_work swap = w[0];

					assert_int_equal(w[k].floor_uidvalidity, floors[i][2]);
					assert_int_equal(w[k].floor_uidnext, floors[i][3]);
					w[0] = w[k];
					w[k] = swap;
				}
		}
	}
	for (size_t k = 0; k < n; k++)
		if (strcmp(w[k].id, "d000000000000003") == 0)
			assert_true(w[k].inbox_too);
	spool_work_free(w, n);
	spool_store_free(&s);
	spool_remove(&t);
}

/* What was recorded in flight and then not begun may have its folder made: nothing of it can lie anywhere. */
static void unsent_forgets_the_floor(void **state)
{
	static const bool unsent[] = { false, true };
	struct spool_flight f = { .mailbox = "Scans", .uidvalidity = 5, .uidnext = 9 };
	static struct test_message m;
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "Scans");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	s = store_of(&t, "office");
	for (size_t i = 0; i < 2; i++) {
		struct spool_outcome o = { .kind = OUTCOME_RETRY, .unsent = unsent[i] };

		assert_int_equal(work_of(s, &w, &due), 1);
		o.number = f.number = w[0].number;
		spool_work_free(w, 1);
		assert_int_equal(spool_in_flight(s, &f, 1, &e), 0);
		assert_int_equal(spool_settle(s, &o, 1, &e), 0);
		assert_int_equal(work_of(s, &w, &due), 1);
		assert_int_equal(w[0].state, DELIVERY_QUEUED);
		assert_int_equal(w[0].floor_uidnext, unsent[i] ? 0 : 9);
		assert_int_equal(w[0].floor_folder == NULL, unsent[i]);
		spool_work_free(w, 1);
	}
	spool_store_free(&s);
	spool_remove(&t);
}

static void elsewhere_merges(void **state)
{
	static struct test_message m;
	struct spool_outcome o = { .kind = OUTCOME_ELSEWHERE, .folder = "inbox", .reason = "no such folder" };
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "Scans");
	m.d[1].folder = "INBOX";
	m.m.ndeliveries = 2;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	message_make(&m, 2, "office", "Scans");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	s = store_of(&t, "office");
	n = work_of(s, &w, &due);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		if (strcmp(w[i].folder, "Scans") == 0) {
			o.number = w[i].number;
			assert_int_equal(spool_settle(s, &o, 1, &e), 0);
		}
	spool_work_free(w, n);
	assert_int_equal(state_of(&t, "d000000000000001"), DELIVERY_MERGED);
	assert_int_equal(state_of(&t, "d100000000000001"), DELIVERY_QUEUED);
	assert_int_equal(state_of(&t, "d000000000000002"), DELIVERY_QUEUED);
	n = work_of(s, &w, &due);
	assert_int_equal(n, 2);
	assert_string_equal(w[0].folder, "INBOX");
	assert_string_equal(w[1].folder, "INBOX");
	spool_work_free(w, n);
	spool_store_free(&s);
	spool_remove(&t);
}

static int keep_account(void *arg, const struct spool_account_row *row)
{
	struct spool_account_row *out = arg;

	*out = *row;
	return 1;
}

static void an_account_can_be_held(void **state)
{
	static struct test_message m;
	struct spool_account_row row = { 0 };
	struct spool_query q = { 0 };
	struct spool_admin *admin;
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due, until = clock_wall_ms() + 3600 * 1000;
	int attempts;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_true(spool_was_due(&t, "office", 60000));
	s = store_of(&t, "office");
	n = work_of(s, &w, &due);
	assert_int_equal(n, 1);
	spool_work_free(w, n);
	assert_int_equal(spool_hold_account(s, until, "NO [AUTHENTICATIONFAILED] no", 3, true, &e), 0);
	n = work_of(s, &w, &due);
	assert_int_equal(n, 0);
	assert_true(due == until);
	spool_work_free(w, n);
	spool_store_free(&s);
	/* It persists, and nobody is woken for it. */
	spool_reopen(&t, SIGKILL);
	assert_false(spool_was_due(&t, "office", 400));
	s = store_of(&t, "office");
	assert_int_equal(spool_account(s, &due, &attempts, &e), 0);
	assert_true(due == until);
	assert_int_equal(attempts, 3);
	spool_store_free(&s);
	admin = spool_admin_new(spool_peer(&t, SPOOL_PEER_ADMIN, ""));
	assert_int_equal(spool_admin_accounts(admin, keep_account, &row, &e), 0);
	assert_true(row.hold_until_ms == until && row.next_due_ms == until);
	assert_int_equal(row.waiting[DELIVERY_QUEUED], 1);
	/* A person who retries lifts it. */
	assert_int_equal(spool_admin_act(admin, SPOOL_RETRY, &q, false, NULL, NULL, &e), 0);
	assert_true(spool_was_due(&t, "office", 60000));
	s = store_of(&t, "office");
	assert_int_equal(spool_account(s, &due, &attempts, &e), 0);
	assert_int_equal(due, 0);
	assert_int_equal(attempts, 0);
	n = work_of(s, &w, &due);
	assert_int_equal(n, 1);
	spool_work_free(w, n);
	spool_store_free(&s);
	spool_admin_free(&admin);
	spool_remove(&t);
}

static void a_retry_is_told_when_it_falls_due(void **state)
{
	static struct test_message m;
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due, at;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_true(spool_was_due(&t, "office", 60000));
	s = store_of(&t, "office");
	n = work_of(s, &w, &due);
	/* Far enough for what comes between, on a slow disk. */
	at = clock_wall_ms() + 5000;
	assert_int_equal(
	    spool_settle(s, &(struct spool_outcome){ .number = w[0].number, .kind = OUTCOME_RETRY, .due_ms = at }, 1,
			 &e),
	    0);
	spool_work_free(w, n);
	n = work_of(s, &w, &due);
	assert_int_equal(n, 0);
	assert_true(due == at);
	spool_work_free(w, n);
	spool_store_free(&s);
	assert_true(spool_was_due(&t, "office", 60000));
	assert_true(clock_wall_ms() >= at);
	/* New mail while a store is there and idle is told, too. */
	s = store_of(&t, "private");
	n = work_of(s, &w, &due);
	assert_int_equal(n, 0);
	spool_work_free(w, n);
	message_make(&m, 2, "private", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_true(spool_was_due(&t, "private", 60000));
	spool_store_free(&s);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_comes_in_its_order),
		cmocka_unit_test(unsent_forgets_the_floor),
		cmocka_unit_test(elsewhere_merges),
		cmocka_unit_test(an_account_can_be_held),
		cmocka_unit_test(a_retry_is_told_when_it_falls_due),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_work", tests, NULL, NULL);
}
