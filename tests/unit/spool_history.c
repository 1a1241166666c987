/* What the spool tells of deliveries that did not end well at once, and for how long. */
#include "spool_tools.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

struct fixture {
	struct test_spool t;
	struct spool_store *store;
	struct spool_admin *admin;
	struct test_message m;
	int64_t number;
};

static void connect_all(struct fixture *f)
{
	f->store = spool_store_new(spool_peer(&f->t, SPOOL_PEER_STORE, "office"));
	f->admin = spool_admin_new(spool_peer(&f->t, SPOOL_PEER_ADMIN, ""));
}

static void leave(struct fixture *f)
{
	spool_store_free(&f->store);
	spool_admin_free(&f->admin);
}

/* One message, handed to its store. */
static void begin(struct fixture *f)
{
	struct spool_work *w;
	struct err e;
	int64_t due;
	size_t n;

	*f = (struct fixture){ .number = 0 };
	spool_make(&f->t);
	spool_start(&f->t);
	connect_all(f);
	message_make(&f->m, 1, "office", "Scans");
	assert_int_equal(accept_now(&f->t, &f->m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_next(f->store, 1, 1 << 20, &w, &n, &due, &e), 0);
	assert_int_equal(n, 1);
	f->number = w[0].number;
	spool_work_free(w, n);
}

static void end(struct fixture *f)
{
	leave(f);
	spool_remove(&f->t);
}

static void fly(struct fixture *f)
{
	struct err e;

	assert_int_equal(spool_in_flight(f->store, &(struct spool_flight){ f->number, "Scans", 5, 6 }, 1, &e), 0);
}

static void settle(struct fixture *f, enum outcome_kind kind, bool sent, const char *reason)
{
	struct spool_outcome o = { .number = f->number, .kind = kind, .reason = reason, .sent = sent };
	struct err e;

	if (kind == OUTCOME_DONE) {
		o.uid = 7;
		o.uidvalidity = 5;
		o.folder = "Scans";
	}
	if (kind == OUTCOME_ELSEWHERE)
		o.folder = "INBOX";
	if (kind == OUTCOME_RETRY)
		o.due_ms = clock_wall_ms() + 3600 * 1000;
	assert_int_equal(spool_settle(f->store, &o, 1, &e), 0);
}

static void act(struct fixture *f, enum spool_action action, bool again)
{
	struct spool_query q = { .id = f->m.ids[0] };
	struct err e;

	assert_int_equal(spool_admin_act(f->admin, action, &q, again, NULL, NULL, &e), 0);
}

struct told {
	size_t n;
	int numbers[100], attempts[100];
	enum delivery_state states[100];
	char words[100][500];
};

static int tell(void *arg, const struct spool_record *r)
{
	struct told *t = arg;

	assert_int_equal(r->ndeliveries, 1);
	for (size_t i = 0; i < r->nsteps && t->n < 100; i++, t->n++) {
		const struct spool_record_step *s = &r->steps[i];

		assert_int_equal(s->delivery, r->deliveries[0].number);
		assert_true(s->at_ms > 0);
		t->numbers[t->n] = s->n;
		t->attempts[t->n] = s->attempt;
		t->states[t->n] = s->state;
		(void)snprintf(t->words[t->n], sizeof t->words[0], "%s", s->words == NULL ? "" : s->words);
	}
	return 0;
}

static struct told *ask(struct fixture *f)
{
	static struct told t;
	struct spool_query q = { .id = f->m.id, .history = true };
	struct err e;

	t = (struct told){ .n = 0 };
	assert_int_equal(spool_admin_find(f->admin, &q, tell, &t, &e), 0);
	return &t;
}

struct want {
	enum delivery_state state;
	int attempt;
	const char *words; /* begins so */
};

static void expect(struct fixture *f, const struct want *want, size_t n)
{
	const struct told *t = ask(f);

	for (size_t i = 0; i < n && i < t->n; i++) {
		if (t->states[i] != want[i].state || t->attempts[i] != want[i].attempt ||
		    strncmp(t->words[i], want[i].words, strlen(want[i].words)) != 0)
			fail_msg("line %zu: %s, attempt %d: %s", i, delivery_state_name(t->states[i]), t->attempts[i],
				 t->words[i]);
		assert_int_equal(t->numbers[i], i + 1);
	}
	assert_int_equal(t->n, n);
}

static void the_normal_way_leaves_nothing(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f);
	fly(&f);
	settle(&f, OUTCOME_DONE, true, NULL);
	assert_int_equal(ask(&f)->n, 0);
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM history"), 0);
	spool_remove(&f.t);

	/* Its turn had not come when the connection of others broke. */
	begin(&f);
	fly(&f);
	settle(&f, OUTCOME_RETRY, false, NULL);
	assert_int_equal(ask(&f)->n, 0);
	end(&f);
}

/* What becomes of the one delivery: it flies, or what came of that is settled. */
struct step {
	bool flies;
	enum outcome_kind kind;
	bool sent;
	const char *reason;
};
#define FLY { .flies = true }

static void goes(const struct step *steps, size_t nsteps, const struct want *want, size_t nwant)
{
	static struct fixture f;

	begin(&f);
	for (size_t i = 0; i < nsteps; i++)
		if (steps[i].flies)
			fly(&f);
		else
			settle(&f, steps[i].kind, steps[i].sent, steps[i].reason);
	expect(&f, want, nwant);
	end(&f);
}
#define GOES(steps, want) goes(steps, sizeof(steps) / sizeof(steps)[0], want, sizeof(want) / sizeof(want)[0])

static void what_went_wrong_is_told(void **state)
{
	static const struct step steps[] = {
		FLY,
		{ .kind = OUTCOME_DOUBT, .sent = true, .reason = "the connection broke" },
		{ .kind = OUTCOME_DOUBT, .reason = "not seen yet" },
		{ .kind = OUTCOME_RETRY, .reason = "certainly not there" },
		FLY,
		{ .kind = OUTCOME_ELSEWHERE, .sent = true, .reason = "no place" },
		FLY,
		{ .kind = OUTCOME_DOUBT, .sent = true, .reason = "it broke again" },
		{ .kind = OUTCOME_DONE, .sent = true, .reason = "under another name" },
	};
	static const struct want want[] = {
		{ DELIVERY_FLIGHT, 1, "sent to Scans (UIDVALIDITY 5; it would be there from UID 6 on)" },
		{ DELIVERY_DOUBT, 1, "the connection broke" },
		{ DELIVERY_DOUBT, 1, "not seen yet" },
		{ DELIVERY_QUEUED, 1, "certainly not there" },
		{ DELIVERY_FLIGHT, 2, "sent to Scans" },
		{ DELIVERY_QUEUED, 2, "no place" },
		{ DELIVERY_FLIGHT, 3, "sent to INBOX (UIDVALIDITY 5;" },
		{ DELIVERY_DOUBT, 3, "it broke again" },
		{ DELIVERY_DONE, 4, "found in Scans: under another name" },
	};

	(void)state;
	GOES(steps, want);
}

static void an_attempt_after_a_bad_one_is_told_too(void **state)
{
	static const struct step steps[] = { FLY,
					     { .kind = OUTCOME_RETRY, .sent = true, .reason = "later" },
					     FLY,
					     { .kind = OUTCOME_DONE, .sent = true } };
	static const struct want want[] = {
		{ DELIVERY_FLIGHT, 1, "sent to Scans" },
		{ DELIVERY_QUEUED, 1, "later" },
		{ DELIVERY_FLIGHT, 2, "sent to Scans" },
		{ DELIVERY_DONE, 2, "taken into Scans" },
	};

	(void)state;
	GOES(steps, want);
}

static void an_attempt_after_one_that_is_not_counted_is_told_too(void **state)
{
	static const struct step steps[] = { FLY,
					     { .kind = OUTCOME_DOUBT, .reason = "the connection broke" },
					     { .kind = OUTCOME_RETRY, .reason = "certainly not there" },
					     FLY,
					     { .kind = OUTCOME_DONE, .sent = true } };
	static const struct want want[] = {
		{ DELIVERY_FLIGHT, 1, "sent to Scans" },
		{ DELIVERY_DOUBT, 0, "the connection broke" },
		{ DELIVERY_QUEUED, 0, "certainly not there" },
		{ DELIVERY_FLIGHT, 1, "sent to Scans" },
		{ DELIVERY_DONE, 1, "taken into Scans" },
	};

	(void)state;
	GOES(steps, want);
}

static void a_second_try_in_one_go_is_told_too(void **state)
{
	static const struct step steps[] = { FLY, FLY, { .kind = OUTCOME_DONE, .sent = true } };
	static const struct want want[] = {
		{ DELIVERY_FLIGHT, 1,
		  "sent to Scans (UIDVALIDITY 5; it would be there from UID 6 on); not taken so, and sent again at once" },
		{ DELIVERY_FLIGHT, 1, "sent to Scans" },
		{ DELIVERY_DONE, 1, "taken into Scans" },
	};

	(void)state;
	GOES(steps, want);
}

static void people_are_told_of(void **state)
{
	static const struct want want[] = {
		{ DELIVERY_QUEUED, 0, "later" },
		{ DELIVERY_QUEUED, 0, "a person wants it tried now" },
		{ DELIVERY_HELD, 0, "a person keeps it back" },
		{ DELIVERY_QUEUED, 0, "a person let it go" },
		{ DELIVERY_FLIGHT, 1, "sent to Scans" },
		{ DELIVERY_DOUBT, 1, "no answer" },
		{ DELIVERY_DOUBT, 1, "a person wants it looked for now" },
		{ DELIVERY_PARKED, 1, "not known" },
		{ DELIVERY_QUEUED, 1, "a person wants it sent again" },
		{ DELIVERY_DELETED, 1, "a person dropped it" },
	};
	static struct fixture f;

	(void)state;
	begin(&f);
	settle(&f, OUTCOME_RETRY, false, "later");
	act(&f, SPOOL_RETRY, false);
	act(&f, SPOOL_HOLD, false);
	act(&f, SPOOL_RELEASE, false);
	fly(&f);
	settle(&f, OUTCOME_DOUBT, true, "no answer");
	act(&f, SPOOL_RETRY, false);
	settle(&f, OUTCOME_PARKED, false, "not known");
	act(&f, SPOOL_RETRY, true);
	act(&f, SPOOL_DELETE, false);
	expect(&f, want, sizeof want / sizeof want[0]);
	end(&f);
}

static void the_list_is_bounded(void **state)
{
	static struct fixture f;
	struct told *t;
	char words[2000];

	(void)state;
	begin(&f);
	fly(&f);
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	for (int i = 0; i < 100; i++)
		settle(&f, OUTCOME_DOUBT, i == 0, words);
	t = ask(&f);
	assert_int_equal(t->n, 40);
	for (int i = 0; i < 10; i++)
		assert_int_equal(t->numbers[i], i + 1);
	for (int i = 10; i < 40; i++)
		assert_int_equal(t->numbers[i], 101 - 39 + i);
	assert_int_equal(strlen(t->words[5]), 400);
	end(&f);
}

static void it_goes_with_its_record(void **state)
{
	static struct fixture f;

	(void)state;
	begin(&f);
	fly(&f);
	settle(&f, OUTCOME_DOUBT, true, "no answer");
	settle(&f, OUTCOME_DONE, false, NULL);
	assert_int_equal(ask(&f)->n, 3);
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM history"), 3);
	f.t.retention = 1;
	spool_start(&f.t);
	connect_all(&f);
	/* The sweep of the first minute comes with the start. */
	for (int i = 0; i < 6000 && state_of(&f.t, f.m.ids[0]) != 0; i++)
		(void)usleep(20 * 1000);
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM message"), 0);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM history"), 0);
	spool_remove(&f.t);
}

/* A spool of the first version has no such list; it opens all the same, with all that it holds. */
static void an_older_spool_is_brought_up_to_date(void **state)
{
	static struct fixture f;
	struct err e;

	(void)state;
	begin(&f);
	fly(&f);
	assert_int_equal(spool_hold_account(f.store, clock_wall_ms() + 3600000, "no", 3, true, &e), 0);
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	spool_make_older(&f.t, 1);
	assert_int_equal(count_in_database(&f.t, "SELECT count(*) FROM sqlite_schema WHERE name = 'history'"), 0);
	spool_start(&f.t);
	connect_all(&f);
	assert_int_equal(state_of(&f.t, f.m.ids[0]), DELIVERY_FLIGHT);
	settle(&f, OUTCOME_DOUBT, true, "no answer");
	assert_int_equal(ask(&f)->n, 2);
	leave(&f);
	assert_int_equal(spool_end(&f.t, 0), 0);
	assert_true(count_in_database(&f.t, "PRAGMA user_version") > 1);
	assert_int_equal(count_in_database(&f.t, "SELECT attempts FROM account WHERE person = 0"), 3);
	spool_remove(&f.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_normal_way_leaves_nothing),
		cmocka_unit_test(what_went_wrong_is_told),
		cmocka_unit_test(an_attempt_after_a_bad_one_is_told_too),
		cmocka_unit_test(an_attempt_after_one_that_is_not_counted_is_told_too),
		cmocka_unit_test(a_second_try_in_one_go_is_told_too),
		cmocka_unit_test(people_are_told_of),
		cmocka_unit_test(the_list_is_bounded),
		cmocka_unit_test(it_goes_with_its_record),
		cmocka_unit_test(an_older_spool_is_brought_up_to_date),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_history", tests, NULL, NULL);
}
