/* The spool: what waits when the clock is set back. */
#include "spool_tools.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { YEAR = 365 * 24 * 3600, HOUR_MS = 3600 * 1000 };

static int64_t *off_by; /* seconds by which the wall clock of all our processes is wrong */

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *now)
{
	int r = (int)syscall(SYS_clock_gettime, id, now);

	if (r == 0 && id == CLOCK_REALTIME && off_by != NULL)
		now->tv_sec += (time_t)*off_by;
	return r;
}

/* M's delivery is sent, and is to be tried again in an hour. */
static void put_off(struct test_spool *t)
{
	struct spool_store *s = store_of(t, "office");
	struct spool_work *w;
	struct err e;
	int64_t due;

	assert_int_equal(work_of(s, &w, &due), 1);
	assert_int_equal(spool_in_flight(s, &(struct spool_flight){ w[0].number, "INBOX", 1, 1 }, 1, &e), 0);
	assert_int_equal(spool_settle(s,
				      &(struct spool_outcome){ .number = w[0].number,
							       .kind = OUTCOME_RETRY,
							       .due_ms = clock_wall_ms() + HOUR_MS },
				      1, &e),
			 0);
	assert_int_equal(spool_hold_account(s, clock_wall_ms() + HOUR_MS, "away", 1, false, &e), 0);
	spool_work_free(w, 1);
	spool_store_free(&s);
}

/* When there is something to do next, in milliseconds from now on; how much there is NOW. */
static int64_t waits(struct test_spool *t, size_t now)
{
	struct spool_store *s = store_of(t, "office");
	struct spool_work *w;
	int64_t due;

	assert_int_equal(work_of(s, &w, &due), now);
	spool_work_free(w, now);
	spool_store_free(&s);
	return due - clock_wall_ms();
}

static void begin(struct test_spool *t)
{
	struct test_message m;

	spool_make(t);
	*off_by = 4 * YEAR;
	spool_start(t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(t, &m.m).answer, SPOOL_ACCEPTED);
}

/* A delivery that has a time, and one that is due, wait no longer than they would have. */
static void what_waits_is_set_back_with_the_clock(void **state)
{
	(void)state;
	for (int restart = 0; restart < 2; restart++)
		for (int late = 0; late < 2; late++) {
			struct test_spool t;
			int64_t left;

			begin(&t);
			if (late != 0)
				put_off(&t);
			if (restart != 0)
				(void)spool_end(&t, SIGKILL);
			*off_by = 0;
			if (restart != 0)
				spool_start(&t);
			left = waits(&t, late == 0);
			if (late != 0)
				assert_in_range(left, HOUR_MS / 2, HOUR_MS);
			spool_remove(&t);
		}
}

static void a_clock_that_jumps_ahead_delays_nothing(void **state)
{
	struct test_spool t;

	(void)state;
	begin(&t);
	put_off(&t);
	*off_by += YEAR;
	(void)waits(&t, 1);
	spool_remove(&t);
}

/* An alarm in the same words, a day later, is no second try of one whose reply was not read. */
static void what_comes_again_is_not_known_for_longer(void **state)
{
	struct test_message m;
	struct test_spool t;
	int64_t ticket;

	(void)state;
	begin(&t);
	message_make(&m, 2, "office", "INBOX");
	m.m.message_id = NULL;
	ticket = accept_now(&t, &m.m).ticket;
	spool_confirm(t.intake, ticket, SPOOL_SAYING);
	spool_confirm(t.intake, ticket, SPOOL_UNREAD);
	message_make(&m, 3, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	*off_by = 0;
	(void)waits(&t, 3);
	*off_by = 24 * 3600;
	message_make(&m, 2, "office", "INBOX");
	m.m.message_id = NULL;
	m.m.id = "zzzzzzzzzzzzzzz2";
	m.d[0].id = "zzzzzzzzzzzzzzz3";
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_set_back_with_the_clock),
		cmocka_unit_test(a_clock_that_jumps_ahead_delays_nothing),
		cmocka_unit_test(what_comes_again_is_not_known_for_longer),
	};

	off_by = mmap(NULL, sizeof *off_by, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (off_by == MAP_FAILED)
		abort();
	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_setback", tests, NULL, NULL);
}
