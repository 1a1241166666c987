/* Every change of state that is legal, and every one that is not; the table in docs/spool.md. */
#include "spool_tools.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "spool/state.h"

enum { STATES = DELIVERY_DELETED + 1, ACTORS = ACTOR_SPOOL + 1 };

/* ---- the document ---- */

static struct slice cell(struct slice *line)
{
	struct slice c = slice_of(line->p, slice_find(*line, '|'));
	size_t skip = c.n < line->n ? c.n + 1 : c.n;

	line->p += skip;
	line->n -= skip;
	return slice_trim(c);
}

static int state_by_name(struct slice name)
{
	for (int i = 0; i < STATES; i++)
		if (slice_eq(name, slice_str(delivery_state_name((enum delivery_state)i))))
			return i;
	return -1;
}

static int actor_by_name(struct slice name)
{
	for (int i = 1; i < ACTORS; i++)
		if (slice_eq(name, slice_str(state_actor_name((enum state_actor)i))))
			return i;
	return -1;
}

static void the_document_has_the_same_table(void **state)
{
	char *path = mem_printf("%s/docs/spool.md", getenv("top_srcdir") == NULL ? "." : getenv("top_srcdir"));
	bool seen[STATES][STATES][ACTORS] = { 0 };
	struct slice rest;
	struct buf text;
	struct err e;
	size_t rows = 0;

	(void)state;
	buf_init(&text, 100 * 1000);
	if (file_read(path, &text, &e) != 0)
		fail_msg("%s", e.text);
	rest = buf_slice(&text);
	while (rest.n > 0) {
		struct slice line = slice_of(rest.p, slice_find(rest, '\n'));
		int from, to, by;

		rest.n -= line.n < rest.n ? line.n + 1 : line.n;
		rest.p += line.n + 1;
		if (line.n == 0 || *line.p != '|')
			continue;
		(void)cell(&line);
		from = state_by_name(cell(&line));
		to = state_by_name(cell(&line));
		by = actor_by_name(cell(&line));
		if (from < 0 || to < 0 || by < 0)
			continue;
		rows++;
		if (seen[from][to][by])
			fail_msg("docs/spool.md: %d to %d by %d stands twice", from, to, by);
		seen[from][to][by] = true;
		if (!state_legal(from, to, (enum state_actor)by))
			fail_msg("docs/spool.md: %s to %s by %s is not in src/spool/state.c",
				 delivery_state_name((enum delivery_state)from),
				 delivery_state_name((enum delivery_state)to), state_actor_name((enum state_actor)by));
	}
	assert_int_equal(rows, state_nrules);
	buf_free(&text);
	free(path);
}

/* ---- bringing a delivery into each state ---- */

struct fixture {
	struct test_spool t;
	struct spool_store *store;
	struct spool_admin *admin;
	unsigned n;
};

struct subject {
	char id[17];
	int64_t number, message;
};

static void settle(struct fixture *f, int64_t number, enum outcome_kind kind)
{
	struct spool_outcome o = { .number = number, .kind = kind, .reason = "because", .folder = "INBOX" };
	struct err e;

	if (kind == OUTCOME_DONE)
		o.folder = NULL;
	if (kind == OUTCOME_RETRY || kind == OUTCOME_DOUBT)
		o.due_ms = clock_wall_ms() + 3600 * 1000; /* out of the way of the next one */
	if (spool_settle(f->store, &o, 1, &e) != 0)
		fail_msg("settle: %s", e.text);
}

static void fly(struct fixture *f, int64_t number)
{
	struct err e;

	if (spool_in_flight(f->store, &(struct spool_flight){ number, "INBOX", 5, 6 }, 1, &e) != 0)
		fail_msg("in flight: %s", e.text);
}

static int act(struct fixture *f, const char *id, enum spool_action action, bool again, spool_change_fn *fn, void *arg)
{
	struct spool_query q = { .id = id };
	struct err e;
	int r = spool_admin_act(f->admin, action, &q, again, fn, arg, &e);

	if (r != 0)
		fail_msg("act: %s", e.text);
	return r;
}

/* A new delivery in that state; the store does not hold it. */
static struct subject bring(struct fixture *f, enum delivery_state want)
{
	static struct test_message m;
	struct subject s = { 0 };
	struct spool_work *w;
	struct err e = { 0 };
	int64_t due;
	size_t n;

	message_make(&m, ++f->n, "office", "Scans");
	if (want == DELIVERY_MERGED)
		m.m.ndeliveries = 2;
	assert_int_equal(accept_now(&f->t, &m.m).answer, SPOOL_ACCEPTED);
	(void)snprintf(s.id, sizeof s.id, "%s", m.ids[want == DELIVERY_MERGED ? 1 : 0]);
	assert_int_equal(spool_next(f->store, 500, 1 << 30, &w, &n, &due, &e), 0);
	assert_int_equal(n, 1);
	s.number = w[0].number + (want == DELIVERY_MERGED ? 1 : 0);
	s.message = w[0].message;
	spool_work_free(w, n);
	switch (want) {
	case DELIVERY_QUEUED:
		settle(f, s.number, OUTCOME_RETRY);
		break;
	case DELIVERY_FLIGHT:
		fly(f, s.number);
		break;
	case DELIVERY_DOUBT:
	case DELIVERY_PARKED:
	case DELIVERY_QUARANTINED:
	case DELIVERY_DONE:
		fly(f, s.number);
		settle(f, s.number,
		       want == DELIVERY_DOUBT	 ? OUTCOME_DOUBT
		       : want == DELIVERY_PARKED ? OUTCOME_PARKED
		       : want == DELIVERY_DONE	 ? OUTCOME_DONE
						 : OUTCOME_REFUSED);
		break;
	case DELIVERY_HELD:
	case DELIVERY_DELETED:
		settle(f, s.number, OUTCOME_RETRY);
		act(f, s.id, want == DELIVERY_HELD ? SPOOL_HOLD : SPOOL_DELETE, false, NULL, NULL);
		break;
	default:
		settle(f, s.number - 1, OUTCOME_REFUSED);
		break;
	}
	if (state_of(&f->t, s.id) != want)
		fail_msg("wanted %s, have %s", delivery_state_name(want), delivery_state_name(state_of(&f->t, s.id)));
	return s;
}

static int make_fixture(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	spool_make(&f->t);
	spool_start(&f->t);
	f->store = spool_store_new(spool_peer(&f->t, SPOOL_PEER_STORE, "office"));
	f->admin = spool_admin_new(spool_peer(&f->t, SPOOL_PEER_ADMIN, ""));
	*state = f;
	return 0;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;

	spool_store_free(&f->store);
	spool_admin_free(&f->admin);
	spool_remove(&f->t);
	free(f);
	return 0;
}

/* ---- a store ---- */

static void a_store_changes_what_it_may(void **state)
{
	static const struct {
		enum outcome_kind kind;
		enum delivery_state to;
	} outcomes[] = {
		{ OUTCOME_DONE, DELIVERY_DONE },	   { OUTCOME_RETRY, DELIVERY_QUEUED },
		{ OUTCOME_REFUSED, DELIVERY_QUARANTINED }, { OUTCOME_DOUBT, DELIVERY_DOUBT },
		{ OUTCOME_PARKED, DELIVERY_PARKED },	   { OUTCOME_ELSEWHERE, DELIVERY_QUEUED },
	};
	struct fixture *f = *state;

	for (int from = DELIVERY_QUEUED; from < STATES; from++)
		for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
			struct subject s = bring(f, (enum delivery_state)from);
			bool legal = state_legal(from, (int)outcomes[i].to, ACTOR_STORE);
			struct spool_outcome o = {
				.number = s.number, .kind = outcomes[i].kind, .folder = "INBOX", .reason = "words"
			};
			struct err e = { 0 };
			int r = spool_settle(f->store, &o, 1, &e);

			if ((r == 0) != legal)
				fail_msg("%s, outcome %d: %s", delivery_state_name((enum delivery_state)from),
					 (int)outcomes[i].kind, r == 0 ? "taken" : e.text);
			if (r != 0)
				assert_int_equal(e.class, ERR_PERM);
			assert_int_equal(state_of(&f->t, s.id), legal ? outcomes[i].to : (enum delivery_state)from);
			act(f, s.id, SPOOL_DELETE, false, NULL, NULL);
		}
	for (int from = DELIVERY_QUEUED; from < STATES; from++) {
		struct subject s = bring(f, (enum delivery_state)from);
		bool legal = state_legal(from, DELIVERY_FLIGHT, ACTOR_STORE);
		struct err e = { 0 };
		int r = spool_in_flight(f->store, &(struct spool_flight){ s.number, "INBOX", 5, 6 }, 1, &e);

		assert_int_equal(r == 0, legal);
		assert_int_equal(state_of(&f->t, s.id), legal ? DELIVERY_FLIGHT : (enum delivery_state)from);
		if (legal || from == DELIVERY_FLIGHT)
			settle(f, s.number, OUTCOME_REFUSED);
	}
}

/* One that may not fly keeps all of its request on the ground. */
static void flights_are_all_or_none(void **state)
{
	struct fixture *f = *state;
	struct subject good = bring(f, DELIVERY_QUEUED), held = bring(f, DELIVERY_HELD);
	struct spool_flight all[] = { { good.number, "INBOX", 1, 1 }, { held.number, "INBOX", 1, 1 } };
	struct err e = { 0 };

	assert_int_equal(spool_in_flight(f->store, all, 2, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(state_of(&f->t, good.id), DELIVERY_QUEUED);
	assert_int_equal(state_of(&f->t, held.id), DELIVERY_HELD);
	act(f, good.id, SPOOL_DELETE, false, NULL, NULL);
}

/* ---- a person ---- */

static int keep_change(void *arg, const struct spool_change *c)
{
	struct spool_change *out = arg;

	out->before = c->before;
	out->after = c->after;
	out->refused = c->refused == NULL ? NULL : "refused";
	return 0;
}

static void a_person_changes_what_they_may(void **state)
{
	static const struct {
		enum spool_action action;
		bool again;
		enum delivery_state from, to; /* everything else is refused */
	} rows[] = {
		{ SPOOL_RETRY, false, DELIVERY_QUEUED, DELIVERY_QUEUED },
		{ SPOOL_RETRY, false, DELIVERY_DOUBT, DELIVERY_DOUBT },
		{ SPOOL_RETRY, false, DELIVERY_PARKED, DELIVERY_DOUBT },
		{ SPOOL_RETRY, false, DELIVERY_QUARANTINED, DELIVERY_QUEUED },
		{ SPOOL_RETRY, true, DELIVERY_QUEUED, DELIVERY_QUEUED },
		{ SPOOL_RETRY, true, DELIVERY_DOUBT, DELIVERY_QUEUED },
		{ SPOOL_RETRY, true, DELIVERY_PARKED, DELIVERY_QUEUED },
		{ SPOOL_RETRY, true, DELIVERY_QUARANTINED, DELIVERY_QUEUED },
		{ SPOOL_HOLD, false, DELIVERY_QUEUED, DELIVERY_HELD },
		{ SPOOL_RELEASE, false, DELIVERY_HELD, DELIVERY_QUEUED },
		{ SPOOL_RELEASE, false, DELIVERY_QUARANTINED, DELIVERY_QUEUED },
		{ SPOOL_DELETE, false, DELIVERY_QUEUED, DELIVERY_DELETED },
		{ SPOOL_DELETE, false, DELIVERY_DOUBT, DELIVERY_DELETED },
		{ SPOOL_DELETE, false, DELIVERY_PARKED, DELIVERY_DELETED },
		{ SPOOL_DELETE, false, DELIVERY_QUARANTINED, DELIVERY_DELETED },
		{ SPOOL_DELETE, false, DELIVERY_HELD, DELIVERY_DELETED },
	};
	struct fixture *f = *state;

	for (int action = SPOOL_RETRY; action <= SPOOL_DELETE; action++)
		for (int again = 0; again <= (action == SPOOL_RETRY ? 1 : 0); again++)
			for (int from = DELIVERY_QUEUED; from < STATES; from++) {
				struct subject s = bring(f, (enum delivery_state)from);
				struct spool_change change = { 0 };
				int to = from;
				bool legal = false;

				for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
					if ((int)rows[i].action == action && rows[i].again == (again != 0) &&
					    (int)rows[i].from == from) {
						to = (int)rows[i].to;
						legal = true;
					}
				act(f, s.id, (enum spool_action)action, again != 0, keep_change, &change);
				assert_int_equal(change.before, from);
				assert_int_equal(change.after, to);
				assert_int_equal(change.refused == NULL, legal);
				assert_int_equal(state_of(&f->t, s.id), to);
				if (legal)
					assert_true(state_legal(from, to, ACTOR_ADMIN));
				if (to == DELIVERY_FLIGHT)
					settle(f, s.number, OUTCOME_REFUSED);
				act(f, s.id, SPOOL_DELETE, false, NULL, NULL);
			}
}

/* What a store holds is nobody else's. */
static void a_person_waits_for_the_store(void **state)
{
	struct fixture *f = *state;
	struct spool_change change = { 0 };
	struct test_message m;
	struct spool_work *w;
	struct err e;
	int64_t due;
	size_t n;

	message_make(&m, ++f->n, "office", "Scans");
	assert_int_equal(accept_now(&f->t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_next(f->store, 500, 1 << 30, &w, &n, &due, &e), 0);
	assert_int_equal(n, 1);
	act(f, m.ids[0], SPOOL_DELETE, false, keep_change, &change);
	assert_non_null(change.refused);
	assert_int_equal(state_of(&f->t, m.ids[0]), DELIVERY_QUEUED);
	settle(f, w[0].number, OUTCOME_RETRY);
	act(f, m.ids[0], SPOOL_DELETE, false, keep_change, &change);
	assert_null(change.refused);
	assert_int_equal(state_of(&f->t, m.ids[0]), DELIVERY_DELETED);
	spool_work_free(w, n);
}

/* ---- the spool itself ---- */

/* What a backup that was put back does to each state; and a store that ended to what was in flight. */
static void recovery_changes_what_it_must(void **state)
{
	static const struct {
		enum delivery_state from, to;
	} rows[] = {
		{ DELIVERY_QUEUED, DELIVERY_DOUBT },	   { DELIVERY_FLIGHT, DELIVERY_DOUBT },
		{ DELIVERY_DOUBT, DELIVERY_DOUBT },	   { DELIVERY_PARKED, DELIVERY_PARKED },
		{ DELIVERY_QUARANTINED, DELIVERY_PARKED }, { DELIVERY_HELD, DELIVERY_PARKED },
		{ DELIVERY_DONE, DELIVERY_DONE },	   { DELIVERY_MERGED, DELIVERY_MERGED },
		{ DELIVERY_DELETED, DELIVERY_DELETED },
	};
	struct fixture *f = *state;
	struct subject all[sizeof rows / sizeof rows[0]];
	struct spool_work *w, *again;
	struct err e;
	int64_t due;
	size_t n, nagain;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		all[i] = bring(f, rows[i].from);
	/* Without the word "restored" a restart changes nothing, until a store asks. */
	spool_store_free(&f->store);
	spool_admin_free(&f->admin);
	spool_reopen(&f->t, SIGKILL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(state_of(&f->t, all[i].id), rows[i].from);
	f->t.restored = true;
	spool_reopen(&f->t, SIGKILL);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (state_of(&f->t, all[i].id) != rows[i].to)
			fail_msg("restored: %s became %s", delivery_state_name(rows[i].from),
				 delivery_state_name(state_of(&f->t, all[i].id)));
	f->t.restored = false;
	f->store = spool_store_new(spool_peer(&f->t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_next(f->store, 500, 1 << 30, &w, &n, &due, &e), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(w[i].state, DELIVERY_DOUBT);
	assert_true(n >= 2);
	fly(f, w[0].number);
	spool_store_free(&f->store);
	f->store = spool_store_new(spool_peer(&f->t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_next(f->store, 500, 1 << 30, &again, &nagain, &due, &e), 0);
	assert_int_equal(nagain, n);
	for (size_t i = 0; i < nagain; i++)
		if (again[i].number == w[0].number)
			assert_int_equal(again[i].attempts, w[0].attempts + 1);
	spool_work_free(again, nagain);
	spool_work_free(w, n);
	f->admin = spool_admin_new(spool_peer(&f->t, SPOOL_PEER_ADMIN, ""));
}

int main(void)
{
#define WITH_SPOOL(fn) cmocka_unit_test_setup_teardown(fn, make_fixture, free_fixture)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_has_the_same_table),
		WITH_SPOOL(a_store_changes_what_it_may),
		WITH_SPOOL(flights_are_all_or_none),
		WITH_SPOOL(a_person_changes_what_they_may),
		WITH_SPOOL(a_person_waits_for_the_store),
		WITH_SPOOL(recovery_changes_what_it_must),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("spool_states", tests, NULL, NULL);
}
