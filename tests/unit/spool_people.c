/* The spool: what people see and do; what is forgotten in time. */
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

struct counted {
	int n, recipients, deliveries;
	char first[20], last[20];
};

static int count_record(void *arg, const struct spool_record *r)
{
	struct counted *c = arg;

	if (c->n++ == 0)
		(void)snprintf(c->first, sizeof c->first, "%s", r->id);
	(void)snprintf(c->last, sizeof c->last, "%s", r->id);
	c->recipients += (int)r->nrecipients;
	c->deliveries += (int)r->ndeliveries;
	return 0;
}

static int count_change(void *arg, const struct spool_change *c)
{
	int *n = arg;

	*n += c->refused == NULL;
	return 0;
}

static void the_queue_is_shown_in_pages(void **state)
{
	enum { N = 230 };
	static struct test_message m;
	static const struct {
		struct spool_query q;
		int n;
	} rows[] = {
		{ { 0 }, N },
		{ { .states = SPOOL_WAITING }, N },
		{ { .states = SPOOL_STATE(DELIVERY_DONE) }, 0 },
		{ { .account = "office" }, N / 2 },
		{ { .account = "office", .states = SPOOL_WAITING }, N / 2 },
		{ { .account = "nobody" }, 0 },
		{ { .word = "100% R" }, 1 },
		{ { .word = "100_ R" }, 0 },
		{ { .word = "RECHNUNG" }, N },
		{ { .word = "SENDER@example" }, N },
		{ { .word = "a@OFFICE" }, N },
		{ { .word = "m000000000000007" }, 1 },
		{ { .id = "m000000000000007" }, 1 },
		{ { .id = "d000000000000007" }, 1 },
		{ { .id = "m999999999999999" }, 0 },
		{ { .word = "<1@example.org>", .account = "private" }, N / 2 },
	};
	struct spool_admin *admin;
	struct test_spool t;
	struct spool_query q = { .account = "office" };
	struct err e;
	int changed = 0;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < N; i++) {
		message_make(&m, i, i % 2 != 0 ? "office" : "private", "INBOX");
		if (i == 5)
			m.m.subject = "100% Rechnung";
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	}
	admin = spool_admin_new(spool_peer(&t, SPOOL_PEER_ADMIN, ""));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct counted c = { 0 };

		assert_int_equal(spool_admin_find(admin, &rows[i].q, count_record, &c, &e), 0);
		if (c.n != rows[i].n || c.recipients != c.n || c.deliveries != c.n)
			fail_msg("row %zu: %d messages, %d recipients, %d deliveries", i, c.n, c.recipients,
				 c.deliveries);
		if (c.n == N) {
			assert_string_equal(c.first, "m000000000000000");
			assert_string_equal(c.last, "m000000000000229");
		}
	}
	assert_int_equal(spool_admin_act(admin, SPOOL_HOLD, &q, false, count_change, &changed, &e), 0);
	assert_int_equal(changed, N / 2);
	changed = 0;
	q.account = NULL;
	assert_int_equal(spool_admin_act(admin, SPOOL_RELEASE, &q, false, count_change, &changed, &e), 0);
	assert_int_equal(changed, N / 2);
	changed = 0;
	assert_int_equal(spool_admin_act(admin, SPOOL_DELETE, &q, false, count_change, &changed, &e), 0);
	assert_int_equal(changed, N);
	spool_admin_free(&admin);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE finished IS NOT NULL"), N);
	spool_remove(&t);
}

static void old_records_are_dropped(void **state)
{
	static struct test_message m;
	struct spool_query q = { 0 };
	struct spool_admin *admin;
	struct test_spool t;
	struct err e;

	(void)state;
	spool_make(&t);
	t.retention = 1;
	spool_start(&t);
	for (unsigned i = 0; i < 300; i++) {
		message_make(&m, i, "office", "INBOX");
		m.m.ndeliveries = i == 299 ? 1 : 0;
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	}
	spool_reopen(&t, 0);
	admin = spool_admin_new(spool_peer(&t, SPOOL_PEER_ADMIN, ""));
	for (int i = 0; i < 1200; i++) {
		struct counted c = { 0 };

		assert_int_equal(spool_admin_find(admin, &q, count_record, &c, &e), 0);
		if (c.n == 1)
			break;
		(void)usleep(100 * 1000);
	}
	spool_admin_free(&admin);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 1);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM recipient"), 1);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queue_is_shown_in_pages),
		cmocka_unit_test(old_records_are_dropped),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_people", tests, NULL, NULL);
}
