/* What is part of a message says something about the original that it was fetched from, and about its record. */
#include "family_tools.h"
#include "spool_tools.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "family_tools.h"

static enum origin_settled settled;

static int keep_settled(void *arg, const struct spool_origin *o)
{
	(void)arg;
	settled = o->settled;
	return 0;
}

static void originals_wait_for_what_is_part_of_them(void **state)
{
	/* Which delivery becomes what: 0 the message's own, 1 that of the copy, 2 of the answer; and what is then known. */
	static const struct {
		const char *name;
		size_t own; /* deliveries of the message itself */
		size_t nfurther;
		enum origin_settled first;
		struct {
			int which;
			enum outcome_kind kind;
			enum origin_settled then;
		} events[3];
	} rows[] = {
		{ "a copy alone", 0, 1, ORIGIN_WAITS, { { 1, OUTCOME_DONE, ORIGIN_DELIVERED } } },
		{ "a copy beside the message", 1, 1, ORIGIN_WAITS,
		  { { 0, OUTCOME_DONE, ORIGIN_WAITS }, { 1, OUTCOME_DONE, ORIGIN_DELIVERED } } },
		{ "the copy first", 1, 1, ORIGIN_WAITS,
		  { { 1, OUTCOME_DONE, ORIGIN_WAITS }, { 0, OUTCOME_DONE, ORIGIN_DELIVERED } } },
		{ "a copy that is refused", 1, 1, ORIGIN_WAITS,
		  { { 1, OUTCOME_REFUSED, ORIGIN_STUCK }, { 0, OUTCOME_DONE, ORIGIN_STUCK } } },
		{ "an answer holds up nothing", 1, 2, ORIGIN_WAITS,
		  { { 2, OUTCOME_REFUSED, ORIGIN_WAITS },
		    { 1, OUTCOME_DONE, ORIGIN_WAITS },
		    { 0, OUTCOME_DONE, ORIGIN_DELIVERED } } },
	};
	static struct family x;
	struct test_fetcher fetcher;
	struct spool_store *stores[3];
	struct fixture w;
	int64_t folder;
	struct err e;

	(void)state;
	family_begin(&w);
	fetcher_start(&w.t, &fetcher, "old");
	folder = fetcher_folder(&fetcher, "INBOX", 1);
	stores[0] = stores[1] = spool_store_new(spool_peer(&w.t, SPOOL_PEER_STORE, "office"));
	stores[2] = spool_store_new(spool_peer(&w.t, SPOOL_PEER_STORE, "relay"));
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct spool_origin o;
		int64_t numbers[3];

		family_make(&x, i + 1);
		x.m.m.ndeliveries = rows[i].own;
		x.m.m.nfurther = rows[i].nfurther;
		message_fetched(&x.m, &o, folder, i + 1, NULL);
		assert_int_equal(accept_by(&w.t, fetcher.door, &x.m.m).answer, SPOOL_ACCEPTED);
		numbers[0] = family_look(&w, x.m.id).numbers[0];
		numbers[1] = family_look(&w, x.f[0].id).numbers[0];
		numbers[2] = family_look(&w, x.f[1].id).numbers[0];
		assert_int_equal(spool_source_origins(fetcher.memory, folder, i + 1, keep_settled, NULL, &e), 0);
		if (settled != rows[i].first)
			fail_msg("%s: at first %d", rows[i].name, (int)settled);
		for (int k = 0; k < 3 && rows[i].events[k].kind != 0; k++) {
			const int which = rows[i].events[k].which;
			const struct spool_flight flight = { numbers[which], "INBOX", 5, 6 };
			const struct spool_outcome out = { .number = numbers[which],
							   .kind = rows[i].events[k].kind,
							   .reason = "because" };

			if (spool_in_flight(stores[which], &flight, 1, &e) != 0 ||
			    spool_settle(stores[which], &out, 1, &e) != 0)
				fail_msg("%s: %s", rows[i].name, e.text);
			assert_int_equal(spool_source_origins(fetcher.memory, folder, i + 1, keep_settled, NULL, &e), 0);
			if (settled != rows[i].events[k].then)
				fail_msg("%s: after %d it is %d", rows[i].name, k, (int)settled);
		}
	}
	fetcher_end(&fetcher);
	spool_store_free(&stores[0]);
	spool_store_free(&stores[2]);
	family_end(&w);
}

/* The record of a message that is nothing but the cause of others stays while they wait. */
static void records_go_together(void **state)
{
	static struct family x;
	struct spool_store *store;
	struct spool_flight flight;
	struct spool_outcome out;
	struct fixture w;
	struct err e;

	(void)state;
	spool_make(&w.t);
	w.t.retention = 1;
	spool_start(&w.t);
	w.admin = NULL;
	family_make(&x, 1);
	x.m.m.ndeliveries = 0;
	x.m.m.nfurther = 1;
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	/* The sweep of the first minute comes with the start. */
	spool_reopen(&w.t, 0);
	(void)usleep(500 * 1000);
	assert_int_equal(family_look(&w, x.m.id).n, 1);
	store = spool_store_new(spool_peer(&w.t, SPOOL_PEER_STORE, "office"));
	flight = (struct spool_flight){ family_look(&w, x.f[0].id).numbers[0], "INBOX", 5, 6 };
	out = (struct spool_outcome){ .number = flight.number, .kind = OUTCOME_DONE };
	assert_int_equal(spool_in_flight(store, &flight, 1, &e), 0);
	assert_int_equal(spool_settle(store, &out, 1, &e), 0);
	spool_store_free(&store);
	spool_reopen(&w.t, 0);
	for (int i = 0; i < 6000 && family_look(&w, x.m.id).n + family_look(&w, x.f[0].id).n > 0; i++)
		(void)usleep(20 * 1000);
	assert_int_equal(family_look(&w, x.m.id).n, 0);
	assert_int_equal(family_look(&w, x.f[0].id).n, 0);
	family_end(&w);
}

/* A part that was dropped stays known while another waits, however long: the original has not all been filed. */
static void a_dropped_part_is_not_forgotten(void **state)
{
	static struct family x;
	const struct spool_query dropped = { .id = x.f[0].ids[0] };
	struct test_fetcher fetcher;
	struct spool_flight flight;
	struct spool_outcome out;
	struct spool_store *store;
	struct spool_origin o;
	struct fixture w;
	int64_t folder;
	struct err e;

	(void)state;
	spool_make(&w.t);
	w.t.retention = 1;
	spool_start(&w.t);
	w.admin = spool_admin_new(spool_peer(&w.t, SPOOL_PEER_ADMIN, ""));
	fetcher_start(&w.t, &fetcher, "old");
	folder = fetcher_folder(&fetcher, "INBOX", 1);
	family_make(&x, 1);
	x.m.m.ndeliveries = 0;
	x.m.m.nfurther = 2;
	x.f[1].d[0].account = "office";
	x.further[1].apart = false;
	message_fetched(&x.m, &o, folder, 1, NULL);
	assert_int_equal(accept_by(&w.t, fetcher.door, &x.m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_admin_act(w.admin, SPOOL_DELETE, &dropped, false, NULL, NULL, &e), 0);
	fetcher_end(&fetcher);
	spool_admin_free(&w.admin);
	/* The sweep of the first minute comes with the start. */
	spool_reopen(&w.t, 0);
	(void)usleep(500 * 1000);
	assert_int_equal(family_look(&w, x.m.id).n + family_look(&w, x.f[0].id).n, 2);
	store = spool_store_new(spool_peer(&w.t, SPOOL_PEER_STORE, "office"));
	flight = (struct spool_flight){ family_look(&w, x.f[1].id).numbers[0], "INBOX", 5, 6 };
	out = (struct spool_outcome){ .number = flight.number, .kind = OUTCOME_DONE };
	assert_int_equal(spool_in_flight(store, &flight, 1, &e), 0);
	assert_int_equal(spool_settle(store, &out, 1, &e), 0);
	spool_store_free(&store);
	fetcher_start(&w.t, &fetcher, "old");
	assert_int_equal(spool_source_origins(fetcher.memory, folder, 1, keep_settled, NULL, &e), 0);
	assert_int_equal(settled, ORIGIN_STUCK);
	fetcher_end(&fetcher);
	spool_reopen(&w.t, 0);
	for (int i = 0; i < 6000 && family_look(&w, x.m.id).n + family_look(&w, x.f[0].id).n + family_look(&w, x.f[1].id).n > 0; i++)
		(void)usleep(20 * 1000);
	assert_int_equal(family_look(&w, x.m.id).n + family_look(&w, x.f[0].id).n + family_look(&w, x.f[1].id).n, 0);
	family_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(originals_wait_for_what_is_part_of_them),
		cmocka_unit_test(records_go_together),
		cmocka_unit_test(a_dropped_part_is_not_forgotten),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_further", tests, NULL, NULL);
}
