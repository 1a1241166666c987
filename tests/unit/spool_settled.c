/* What a fetched message's deliveries say about its original: may it go? */
#include "spool_tools.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* What happens to one of a message's deliveries. */
enum what {
	FLIES = 1,
	DONE,
	DOUBT,
	PARKED,
	REFUSED,
	LATER,
	INTO_INBOX, /* not stored: INBOX instead */
	INTO_ALARM,
	RETRIED, /* from here on by a person */
	SENT_AGAIN,
	HELD,
	RELEASED,
	DELETED
};

struct event {
	enum what what;
	size_t delivery;
	enum origin_settled then;
};

enum { EVENTS = 10, DELIVERIES = 4 };

struct course {
	const char *name;
	const char *folders[DELIVERIES];
	enum origin_settled first;
	struct event events[EVENTS];
};

static const struct course courses[] = {
	{ "discarded by the rules", { NULL }, ORIGIN_DELIVERED, { { 0 } } },
	{ "one, the normal way",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS }, { DONE, 0, ORIGIN_DELIVERED } } },
	{ "one, after trouble",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { LATER, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DOUBT, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "two, both must be done",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_WAITS },
	    { FLIES, 1, ORIGIN_WAITS },
	    { DONE, 1, ORIGIN_DELIVERED } } },
	{ "quarantined, released, done",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { REFUSED, 0, ORIGIN_STUCK },
	    { RELEASED, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "quarantined twice, retried, done",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { REFUSED, 0, ORIGIN_STUCK },
	    { RETRIED, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { REFUSED, 0, ORIGIN_STUCK },
	    { RETRIED, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "refused before it was sent",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { REFUSED, 0, ORIGIN_STUCK }, { DELETED, 0, ORIGIN_STUCK } } },
	{ "parked, looked for, found",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { DOUBT, 0, ORIGIN_WAITS },
	    { PARKED, 0, ORIGIN_STUCK },
	    { RETRIED, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "parked, sent again",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { PARKED, 0, ORIGIN_STUCK },
	    { SENT_AGAIN, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "dropped by a person", { "INBOX" }, ORIGIN_WAITS, { { DELETED, 0, ORIGIN_STUCK } } },
	{ "in doubt, dropped",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS }, { DOUBT, 0, ORIGIN_WAITS }, { DELETED, 0, ORIGIN_STUCK } } },
	{ "one dropped, the other done",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { DELETED, 1, ORIGIN_STUCK }, { FLIES, 0, ORIGIN_STUCK }, { DONE, 0, ORIGIN_STUCK } } },
	{ "one done, the other dropped",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS }, { DONE, 0, ORIGIN_WAITS }, { DELETED, 1, ORIGIN_STUCK } } },
	{ "one dropped, the other quarantined and released",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { DELETED, 1, ORIGIN_STUCK },
	    { FLIES, 0, ORIGIN_STUCK },
	    { REFUSED, 0, ORIGIN_STUCK },
	    { RELEASED, 0, ORIGIN_STUCK },
	    { FLIES, 0, ORIGIN_STUCK },
	    { DONE, 0, ORIGIN_STUCK } } },
	{ "two quarantined, one after the other let go",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { REFUSED, 0, ORIGIN_STUCK },
	    { REFUSED, 1, ORIGIN_STUCK },
	    { RELEASED, 0, ORIGIN_STUCK },
	    { FLIES, 0, ORIGIN_STUCK },
	    { DONE, 0, ORIGIN_STUCK },
	    { RELEASED, 1, ORIGIN_WAITS },
	    { FLIES, 1, ORIGIN_WAITS },
	    { DONE, 1, ORIGIN_DELIVERED } } },
	{ "held, released, done",
	  { "INBOX" },
	  ORIGIN_WAITS,
	  { { HELD, 0, ORIGIN_WAITS },
	    { RELEASED, 0, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "twice into one folder: one is done for both",
	  { "INBOX", "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS }, { DONE, 0, ORIGIN_DELIVERED } } },
	{ "merged with one that is refused",
	  { "INBOX", "INBOX" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS }, { REFUSED, 0, ORIGIN_STUCK }, { DELETED, 0, ORIGIN_STUCK } } },
	{ "merged on the way, then done",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { FLIES, 1, ORIGIN_WAITS },
	    { INTO_INBOX, 1, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_DELIVERED } } },
	{ "merged with one that is done already",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { FLIES, 0, ORIGIN_WAITS },
	    { DONE, 0, ORIGIN_WAITS },
	    { FLIES, 1, ORIGIN_WAITS },
	    { INTO_INBOX, 1, ORIGIN_DELIVERED } } },
	{ "merged with one that is dropped later",
	  { "INBOX", "Scans" },
	  ORIGIN_WAITS,
	  { { FLIES, 1, ORIGIN_WAITS }, { INTO_INBOX, 1, ORIGIN_WAITS }, { DELETED, 0, ORIGIN_STUCK } } },
	{ "merged with one that goes elsewhere itself",
	  { "INBOX", "Scans", "Alarm" },
	  ORIGIN_WAITS,
	  { { FLIES, 1, ORIGIN_WAITS },
	    { INTO_INBOX, 1, ORIGIN_WAITS },
	    { FLIES, 0, ORIGIN_WAITS },
	    { INTO_ALARM, 0, ORIGIN_WAITS },
	    { FLIES, 2, ORIGIN_WAITS },
	    { REFUSED, 2, ORIGIN_STUCK },
	    { RELEASED, 2, ORIGIN_WAITS },
	    { FLIES, 2, ORIGIN_WAITS },
	    { DONE, 2, ORIGIN_DELIVERED } } },
};

struct fixture {
	struct test_spool t;
	struct test_fetcher f;
	struct spool_store *store;
	struct spool_admin *admin;
	int64_t inbox;
};

static void connect_all(struct fixture *f)
{
	fetcher_start(&f->t, &f->f, "old");
	f->store = spool_store_new(spool_peer(&f->t, SPOOL_PEER_STORE, "office"));
	f->admin = spool_admin_new(spool_peer(&f->t, SPOOL_PEER_ADMIN, ""));
	f->inbox = fetcher_folder(&f->f, "INBOX", 1);
}

static void leave(struct fixture *f)
{
	fetcher_end(&f->f);
	spool_store_free(&f->store);
	spool_admin_free(&f->admin);
}

struct look {
	uint32_t uid;
	struct spool_origin o;
};

static int find_uid(void *arg, const struct spool_origin *o)
{
	struct look *l = arg;

	if (o->uid == l->uid)
		l->o = *o;
	return 0;
}

static struct spool_origin origin_at(struct fixture *f, uint32_t uid)
{
	struct look l = { .uid = uid };
	struct err e;

	if (spool_source_origins(f->f.memory, f->inbox, uid, find_uid, &l, &e) != 0)
		fail_msg("origins: %s", e.text);
	assert_int_equal(l.o.uid, uid);
	return l.o;
}

static int keep_numbers(void *arg, const struct spool_record *r)
{
	int64_t *numbers = arg;

	for (size_t i = 0; i < r->ndeliveries; i++)
		numbers[i] = r->deliveries[i].number;
	return 0;
}

static void store_says(struct fixture *f, const struct event *ev, int64_t number)
{
	static const enum outcome_kind kinds[] = {
		[DONE] = OUTCOME_DONE,		 [DOUBT] = OUTCOME_DOUBT, [PARKED] = OUTCOME_PARKED,
		[REFUSED] = OUTCOME_REFUSED,	 [LATER] = OUTCOME_RETRY, [INTO_INBOX] = OUTCOME_ELSEWHERE,
		[INTO_ALARM] = OUTCOME_ELSEWHERE
	};
	struct spool_outcome o = { .number = number, .kind = kinds[ev->what], .reason = "because" };
	struct err e;

	if (ev->what == INTO_INBOX)
		o.folder = "INBOX";
	else if (ev->what == INTO_ALARM)
		o.folder = "Alarm";
	else if (ev->what == DONE && ev->delivery != 0)
		o.folder = "where people see it"; /* not the name that the rules gave */
	if (spool_settle(f->store, &o, 1, &e) != 0)
		fail_msg("settle: %s", e.text);
}

static void happens(struct fixture *f, const struct event *ev, int64_t number, const char *id)
{
	const struct spool_flight flight = { number, "INBOX", 5, 6 };
	struct spool_query q = { .id = id };
	struct err e;
	int r = 0;

	switch (ev->what) {
	case FLIES:
		r = spool_in_flight(f->store, &flight, 1, &e);
		break;
	case RETRIED:
	case SENT_AGAIN:
		r = spool_admin_act(f->admin, SPOOL_RETRY, &q, ev->what == SENT_AGAIN, NULL, NULL, &e);
		break;
	case HELD:
		r = spool_admin_act(f->admin, SPOOL_HOLD, &q, false, NULL, NULL, &e);
		break;
	case RELEASED:
		r = spool_admin_act(f->admin, SPOOL_RELEASE, &q, false, NULL, NULL, &e);
		break;
	case DELETED:
		r = spool_admin_act(f->admin, SPOOL_DELETE, &q, false, NULL, NULL, &e);
		break;
	default:
		store_says(f, ev, number);
		break;
	}
	if (r != 0)
		fail_msg("event %d: %s", (int)ev->what, e.text);
}

static enum origin_settled last_of(const struct course *c)
{
	enum origin_settled last = c->first;

	for (size_t i = 0; i < EVENTS && c->events[i].what != 0; i++)
		last = c->events[i].then;
	return last;
}

static void the_original_goes_when_all_is_done(void **state)
{
	enum { N = sizeof courses / sizeof courses[0] };
	static struct fixture f;
	static struct test_message m;

	(void)state;
	spool_make(&f.t);
	spool_start(&f.t);
	connect_all(&f);
	for (unsigned i = 0; i < N; i++) {
		const struct course *c = &courses[i];
		struct spool_query q = { .id = m.id };
		int64_t numbers[SPOOL_DELIVERIES_MAX] = { 0 };
		struct spool_origin o;
		struct err e;

		message_make(&m, i, "office", "INBOX");
		m.m.ndeliveries = 0;
		while (m.m.ndeliveries < DELIVERIES && c->folders[m.m.ndeliveries] != NULL) {
			m.d[m.m.ndeliveries].folder = c->folders[m.m.ndeliveries];
			m.m.ndeliveries++;
		}
		message_fetched(&m, &o, f.inbox, i + 1, NULL);
		assert_int_equal(accept_by(&f.t, f.f.door, &m.m).answer, SPOOL_ACCEPTED);
		assert_int_equal(spool_admin_find(f.admin, &q, keep_numbers, numbers, &e), 0);
		if (origin_at(&f, i + 1).settled != c->first)
			fail_msg("%s: %s at first", c->name, origin_settled_name(origin_at(&f, i + 1).settled));
		for (size_t k = 0; k < EVENTS && c->events[k].what != 0; k++) {
			const struct event *ev = &c->events[k];

			happens(&f, ev, numbers[ev->delivery], m.ids[ev->delivery]);
			o = origin_at(&f, i + 1);
			if (o.settled != ev->then)
				fail_msg("%s, event %zu: %s", c->name, k + 1, origin_settled_name(o.settled));
		}
	}
	/* A restart changes nothing. */
	leave(&f);
	spool_reopen(&f.t, SIGKILL);
	connect_all(&f);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(origin_at(&f, i + 1).settled, last_of(&courses[i]));
	leave(&f);
	/* Nor does the end of the record's time. */
	(void)spool_end(&f.t, 0);
	f.t.retention = 0;
	spool_start(&f.t);
	connect_all(&f);
	for (unsigned tries = 0; tries < 2400 && origin_at(&f, 1).message != 0; tries++)
		(void)usleep(50 * 1000);
	for (unsigned i = 0; i < N; i++) {
		struct spool_origin o = origin_at(&f, i + 1);

		assert_int_equal(o.message, 0);
		assert_int_equal(o.settled, last_of(&courses[i]));
		assert_int_equal(o.fate, ORIGIN_TAKEN);
	}
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM message"), 0);
	spool_remove(&f.t);
}

/* What a backup that was put back does to it, and a body that is lost. */
static void what_is_set_aside_keeps_its_original(void **state)
{
	static const struct {
		enum what before;
		enum origin_settled then, restored, released;
	} rows[] = {
		{ 0, ORIGIN_WAITS, ORIGIN_WAITS, ORIGIN_WAITS },
		{ FLIES, ORIGIN_WAITS, ORIGIN_WAITS, ORIGIN_WAITS },
		{ HELD, ORIGIN_WAITS, ORIGIN_STUCK, ORIGIN_WAITS },
		{ REFUSED, ORIGIN_STUCK, ORIGIN_STUCK, ORIGIN_WAITS },
	};
	enum { N = sizeof rows / sizeof rows[0] };
	static struct fixture f;
	static struct test_message m[N];
	struct spool_origin o;
	struct err e;

	(void)state;
	spool_make(&f.t);
	spool_start(&f.t);
	connect_all(&f);
	for (unsigned i = 0; i < N; i++) {
		struct spool_query q = { .id = m[i].id };
		int64_t numbers[SPOOL_DELIVERIES_MAX] = { 0 };

		message_make(&m[i], i, "office", "INBOX");
		message_fetched(&m[i], &o, f.inbox, i + 1, NULL);
		assert_int_equal(accept_by(&f.t, f.f.door, &m[i].m).answer, SPOOL_ACCEPTED);
		assert_int_equal(spool_admin_find(f.admin, &q, keep_numbers, numbers, &e), 0);
		if (rows[i].before != 0)
			happens(&f, &(struct event){ rows[i].before, 0, 0 }, numbers[0], m[i].ids[0]);
		assert_int_equal(origin_at(&f, i + 1).settled, rows[i].then);
	}
	leave(&f);
	f.t.restored = true;
	spool_reopen(&f.t, SIGKILL);
	f.t.restored = false;
	connect_all(&f);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(origin_at(&f, i + 1).settled, rows[i].restored);
		happens(&f, &(struct event){ RETRIED, 0, 0 }, 0, m[i].ids[0]);
		assert_int_equal(origin_at(&f, i + 1).settled, rows[i].released);
	}
	/* A large body that is gone. */
	message_make(&m[0], 100, "office", "INBOX");
	m[0].m.body = SLICE_NONE;
	m[0].m.size = 200000;
	{
		struct spool_intake *receiver = f.t.intake;

		f.t.intake = f.f.door;
		m[0].m.upload = upload_now(&f.t, 200000);
		f.t.intake = receiver;
	}
	message_fetched(&m[0], &o, f.inbox, 100, NULL);
	assert_int_equal(accept_by(&f.t, f.f.door, &m[0].m).answer, SPOOL_ACCEPTED);
	assert_int_equal(origin_at(&f, 100).settled, ORIGIN_WAITS);
	leave(&f);
	(void)spool_end(&f.t, SIGKILL);
	{
		char *rm = mem_printf("find %s/body -type f -delete", f.t.dir);

		assert_int_equal(system(rm), 0);
		free(rm);
	}
	spool_start(&f.t);
	connect_all(&f);
	assert_int_equal(origin_at(&f, 100).settled, ORIGIN_STUCK);
	leave(&f);
	spool_remove(&f.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_original_goes_when_all_is_done),
		cmocka_unit_test(what_is_set_aside_keeps_its_original),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_settled", tests, NULL, NULL);
}
