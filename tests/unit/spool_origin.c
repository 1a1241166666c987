/* Fetched mail in the spool: a message and where it was fetched are one commit; what became of it is told. */
#include "spool_faulty.h"
#include "spool_memory.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/state.h"

/* ---- taking in ---- */

static void what_is_taken_is_known(void **state)
{
	static struct test_message m;
	struct test_fetcher f;
	struct test_spool t;
	struct spool_origin o;
	struct test_answer a, again;
	struct seen s;
	int64_t inbox;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	inbox = fetcher_folder(&f, "INBOX", 77);
	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, inbox, 17, NULL);
	a = accept_by(&t, f.door, &m.m);
	assert_int_equal(a.answer, SPOOL_ACCEPTED);
	s = origins_of(&f, inbox, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].uid, 17);
	assert_int_equal(s.o[0].fate, ORIGIN_TAKEN);
	assert_int_equal(s.o[0].settled, ORIGIN_WAITS);
	assert_int_equal(s.o[0].message, a.number);
	assert_int_equal(s.o[0].size, 100);
	assert_memory_equal(s.o[0].head, o.head, sizeof o.head);
	assert_true(s.o[0].taken_ms > 0);
	/* The same original again, as another message: it is there. */
	message_make(&m, 2, "office", "INBOX");
	m.m.origin = &o;
	again = accept_by(&t, f.door, &m.m);
	assert_int_equal(again.answer, SPOOL_DUPLICATE);
	assert_int_equal(again.number, a.number);
	/* The same bytes, sender and recipient at another place: another message. */
	message_make(&m, 3, "office", "INBOX");
	memset(m.r[0].fingerprint, 1, sizeof m.r[0].fingerprint);
	message_fetched(&m, &o, inbox, 18, NULL);
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	(void)snprintf(m.id, sizeof m.id, "m000000000000004");
	o.uid = 19;
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(origins_of(&f, inbox, 0).n, 3);
	/* The same UID after a change of UIDVALIDITY. */
	message_make(&m, 5, "office", "INBOX");
	message_fetched(&m, &o, fetcher_folder(&f, "INBOX", 78), 17, NULL);
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	fetcher_end(&f);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 4);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM reply"), 0);
	assert_int_equal(count_in_database(&t, "SELECT total FROM source WHERE name = 'old'"), 4);
	spool_remove(&t);
}

/* Several messages may share one UIDL, and all bytes. */
static void one_uidl_is_several_messages(void **state)
{
	static struct test_message m;
	struct test_fetcher f;
	struct test_spool t;
	struct spool_origin o;
	struct seen s;
	int64_t box;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	box = fetcher_folder(&f, "", 0);
	for (unsigned i = 0; i < 3; i++) {
		message_make(&m, 1, "office", "INBOX");
		(void)snprintf(m.id, sizeof m.id, "m%015u", i + 1);
		message_fetched(&m, &o, box, 0, "same");
		assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	}
	s = origins_of(&f, box, 0);
	assert_int_equal(s.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(s.names[i], "same");
		assert_int_equal(s.o[i].message, i + 1);
	}
	/* A row that is named is known, whatever it is called. */
	message_make(&m, 4, "office", "INBOX");
	message_fetched(&m, &o, box, 0, "same");
	o.number = s.o[1].number;
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_DUPLICATE);
	/* One that is gone is new. */
	change(&f, ORIGIN_FORGET, s.o[1]);
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(origins_of(&f, box, 0).n, 3);
	fetcher_end(&f);
	spool_remove(&t);
}

/* What a row is before, and what an origin does to it. */
static void what_was_not_taken_can_be(void **state)
{
	static const struct {
		enum origin_fate before, given;
		bool by_number;
		enum spool_answer answer;
		enum origin_fate after;
	} rows[] = {
		{ ORIGIN_REFUSED, ORIGIN_TAKEN, true, SPOOL_ACCEPTED, ORIGIN_TAKEN },
		{ ORIGIN_REFUSED, ORIGIN_TAKEN, false, SPOOL_ACCEPTED, ORIGIN_TAKEN },
		{ ORIGIN_SKIPPED, ORIGIN_TAKEN, true, SPOOL_ACCEPTED, ORIGIN_TAKEN },
		{ ORIGIN_SKIPPED, ORIGIN_TAKEN, false, SPOOL_ACCEPTED, ORIGIN_TAKEN },
		{ ORIGIN_OWN, ORIGIN_TAKEN, true, SPOOL_DUPLICATE, ORIGIN_OWN },
		{ ORIGIN_OWN, ORIGIN_TAKEN, false, SPOOL_DUPLICATE, ORIGIN_OWN },
		{ ORIGIN_KNOWN, ORIGIN_TAKEN, true, SPOOL_DUPLICATE, ORIGIN_KNOWN },
		{ ORIGIN_KNOWN, ORIGIN_TAKEN, false, SPOOL_DUPLICATE, ORIGIN_KNOWN },
		{ ORIGIN_TAKEN, ORIGIN_TAKEN, true, SPOOL_DUPLICATE, ORIGIN_TAKEN },
		{ ORIGIN_TAKEN, ORIGIN_SKIPPED, true, SPOOL_DUPLICATE, ORIGIN_TAKEN },
		{ ORIGIN_TAKEN, ORIGIN_SKIPPED, false, SPOOL_DUPLICATE, ORIGIN_TAKEN },
		/* Notes about what was not taken. */
		{ 0, ORIGIN_SKIPPED, false, SPOOL_ACCEPTED, ORIGIN_SKIPPED },
		{ ORIGIN_REFUSED, ORIGIN_SKIPPED, true, SPOOL_ACCEPTED, ORIGIN_SKIPPED },
		{ ORIGIN_REFUSED, ORIGIN_SKIPPED, false, SPOOL_ACCEPTED, ORIGIN_SKIPPED },
		{ ORIGIN_SKIPPED, ORIGIN_SKIPPED, false, SPOOL_DUPLICATE, ORIGIN_SKIPPED },
		{ ORIGIN_SKIPPED, ORIGIN_SKIPPED, true, SPOOL_ACCEPTED, ORIGIN_SKIPPED },
	};
	static struct test_message m;
	struct test_fetcher f;
	struct test_spool t;
	struct spool_origin o;
	unsigned n = 0;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t folder = fetcher_folder(&f, "INBOX", (uint32_t)i + 1);
		struct test_answer a;
		struct seen s;

		if (rows[i].before == ORIGIN_TAKEN) {
			message_make(&m, ++n, "office", "INBOX");
			message_fetched(&m, &o, folder, 5, NULL);
			assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
		} else if (rows[i].before != 0) {
			o = (struct spool_origin){
				.folder = folder, .uid = 5, .fate = rows[i].before, .reason = "why"
			};
			change(&f, ORIGIN_ADD, o);
		}
		s = origins_of(&f, folder, 0);
		message_make(&m, ++n, "office", "INBOX");
		message_fetched(&m, &o, folder, 5, NULL);
		o.number = rows[i].by_number ? s.o[0].number : 0;
		o.fate = rows[i].given;
		o.reason = rows[i].given == ORIGIN_SKIPPED ? "too large" : NULL;
		a = accept_by(&t, f.door, &m.m);
		if (a.answer != rows[i].answer)
			fail_msg("row %zu: answer %d", i, (int)a.answer);
		s = origins_of(&f, folder, 0);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.o[0].fate, rows[i].after);
		if (a.answer != SPOOL_ACCEPTED)
			continue;
		assert_int_equal(s.o[0].message, rows[i].given == ORIGIN_TAKEN ? a.number : 0);
		assert_string_equal(s.reasons[0], rows[i].given == ORIGIN_TAKEN ? "" : "too large");
	}
	fetcher_end(&f);
	spool_remove(&t);
}

/* It was refused before the folder's UIDVALIDITY changed; its row goes with it. */
static void what_is_taken_elsewhere_is_known_there(void **state)
{
	static struct test_message m;
	struct test_fetcher f;
	struct test_spool t;
	struct spool_origin o;
	struct seen s;
	int64_t before, now;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	before = fetcher_folder(&f, "INBOX", 1);
	now = fetcher_folder(&f, "INBOX", 2);
	o = (struct spool_origin){ .folder = before, .uid = 5, .fate = ORIGIN_REFUSED, .reason = "why" };
	change(&f, ORIGIN_ADD, o);
	s = origins_of(&f, before, 0);
	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, now, 9, NULL);
	o.number = s.o[0].number;
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(origins_of(&f, before, 0).n, 0);
	s = origins_of(&f, now, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].uid, 9);
	assert_int_equal(s.o[0].fate, ORIGIN_TAKEN);
	/* Another row is said to be that message: it is there already. */
	change(&f, ORIGIN_ADD, (struct spool_origin){ .folder = before, .uid = 6, .fate = ORIGIN_REFUSED });
	s = origins_of(&f, before, 0);
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, now, 9, NULL);
	o.number = s.o[0].number;
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_DUPLICATE);
	assert_int_equal(origins_of(&f, now, 0).n, 1);
	fetcher_end(&f);
	spool_remove(&t);
}

/* The memory was dropped while a fetcher was at work: nothing is kept that the next run would fetch again. */
static void nothing_is_taken_without_its_memory(void **state)
{
	static struct test_message m;
	struct spool_admin *admin;
	struct test_fetcher f;
	struct test_spool t;
	struct spool_origin o;
	uint64_t forgotten;
	int64_t inbox;
	struct err e;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	inbox = fetcher_folder(&f, "INBOX", 1);
	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, inbox, 1, NULL);
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_ACCEPTED);
	admin = spool_admin_new(spool_peer(&t, SPOOL_PEER_ADMIN, ""));
	assert_int_equal(spool_admin_source_forget(admin, "old", &forgotten, &e), 0);
	assert_int_equal(forgotten, 1);
	spool_admin_free(&admin);
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, inbox, 2, NULL);
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_FAILED);
	/* It finds nothing more, and may begin anew. */
	assert_int_equal(origins_of(&f, inbox, 0).n, 0);
	assert_int_not_equal(fetcher_folder(&f, "INBOX", 1), inbox);
	fetcher_end(&f);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 1);
	spool_remove(&t);
}

/* ---- one commit ---- */

static void both_or_neither_whatever_write_fails(void **state)
{
	static const struct {
		bool sticky, full;
	} kinds[] = { { false, false }, { true, false }, { false, true }, { true, true } };
	struct test_fetcher f;
	struct test_spool t;
	int64_t inbox;
	unsigned n = 0;

	(void)state;
	if (shared == NULL)
		shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 0, sizeof *shared);
	spool_make(&t);
	t.vfs = "faulty";
	t.prepare = faulty_install;
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	inbox = fetcher_folder(&f, "INBOX", 1);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (int at = 1;; at++) {
			static struct test_message m;
			struct spool_origin o;
			struct test_answer a;
			bool failed, there;
			int64_t rows;
			char *sql;

			message_make(&m, ++n, "office", "INBOX");
			message_fetched(&m, &o, inbox, n, NULL);
			shared->calls = 0;
			shared->sticky = kinds[k].sticky;
			shared->full = kinds[k].full;
			shared->fail_at = at;
			a = accept_by(&t, f.door, &m.m);
			failed = shared->calls >= at;
			shared->fail_at = 0;
			fetcher_end(&f);
			(void)spool_end(&t, SIGKILL);
			sql = mem_printf("SELECT (SELECT count(*) FROM message WHERE id = '%s') * 10"
					 " + (SELECT count(*) FROM origin WHERE uid = %u)",
					 m.id, n);
			rows = count_in_database(&t, sql);
			free(sql);
			there = rows == 11;
			if (rows != 0 && rows != 11)
				fail_msg("kind %zu, call %d: answer %d, rows %lld", k, at, (int)a.answer,
					 (long long)rows);
			if (a.answer != SPOOL_LOST)
				assert_int_equal(there, a.answer == SPOOL_ACCEPTED);
			spool_start(&t);
			fetcher_start(&t, &f, "old");
			/* The next run: fetched again, or known. */
			(void)snprintf(m.id, sizeof m.id, "n%015u", n);
			assert_int_equal(accept_by(&t, f.door, &m.m).answer, there ? SPOOL_DUPLICATE : SPOOL_ACCEPTED);
			if (!failed)
				break;
		}
	fetcher_end(&f);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), n);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM origin"), n);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM origin o WHERE NOT EXISTS (SELECT 1 FROM message m"
					       " WHERE m.number = o.message)"),
			 0);
	spool_remove(&t);
}

struct round {
	unsigned number;
	bool known[60];
};

static int note_known(void *arg, const struct spool_origin *o)
{
	struct round *r = arg;
	unsigned round = 0, i = 0;

	assert_int_equal(sscanf(o->name, "%u.%u", &round, &i), 2);
	if (round == r->number) {
		assert_false(r->known[i]);
		r->known[i] = true;
	}
	return 0;
}

/* Killed while many are under way: the next process reads what is true, and fetches the rest. */
static void a_killed_spool_forgets_no_half(void **state)
{
	enum { N = 60, ROUNDS = 12 };
	static struct test_message m[N];
	struct test_fetcher f;
	struct test_spool t;
	int64_t box = 0;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned round = 0; round < ROUNDS; round++) {
		static struct spool_origin o[N];
		struct test_answer a[N];
		static char names[N][40];
		struct round r = { .number = round };
		unsigned accepted = 0;
		struct err e;

		memset(a, 0, sizeof a);
		fetcher_start(&t, &f, "old");
		box = fetcher_folder(&f, "", 0);
		for (unsigned i = 0; i < N; i++) {
			(void)snprintf(names[i], sizeof names[i], "%u.%u", round, i);
			message_make(&m[i], round * 1000 + i, "office", "INBOX");
			message_fetched(&m[i], &o[i], box, 0, names[i]);
			if (i % 7 == 0) {
				m[i].m.body = SLICE_NONE;
				m[i].m.size = 0;
				m[i].m.ndeliveries = 0;
			}
			(void)spool_accept(f.door, &m[i].m, answer_put, &a[i]);
		}
		spool_wait(&t, &a[round * N / ROUNDS].came);
		(void)kill(t.pid, SIGKILL);
		for (unsigned i = 0; i < N; i++) {
			spool_wait(&t, &a[i].came);
			accepted += a[i].answer == SPOOL_ACCEPTED;
		}
		fetcher_end(&f);
		spool_reopen(&t, SIGKILL);
		assert_true(accepted > 0);
		fetcher_start(&t, &f, "old");
		assert_int_equal(spool_source_origins(f.memory, box, 0, note_known, &r, &e), 0);
		for (unsigned i = 0; i < N; i++)
			if (a[i].answer == SPOOL_ACCEPTED)
				assert_true(r.known[i]);
		fetcher_end(&f);
	}
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT (SELECT count(*) FROM message) - (SELECT count(*) FROM origin)"),
			 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM origin o WHERE o.settled <> (SELECT"
					       " m.finished IS NOT NULL FROM message m WHERE m.number = o.message)"),
			 0);
	spool_remove(&t);
}

/* ---- one fetcher at a time ---- */

/* The next process reads only when the one before has been heard to the end, with a body that waits for its sync. */
static void the_next_process_waits(void **state)
{
	static struct test_message m;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned round = 0; round < 30; round++) {
		struct test_fetcher before, after;
		struct spool_intake *receiver = t.intake;
		struct test_answer a = { 0 };
		struct spool_origin o;
		char name[40];
		struct seen s;
		int64_t box;

		fetcher_start(&t, &before, "old");
		box = fetcher_folder(&before, "", round + 1);
		(void)snprintf(name, sizeof name, "uidl.%u", round);
		message_make(&m, round, "office", "INBOX");
		message_fetched(&m, &o, box, 0, name);
		if (round % 2 == 0) {
			m.m.body = SLICE_NONE;
			m.m.size = 3000 * 1000;
			t.intake = before.door;
			m.m.upload = upload_now(&t, 3000 * 1000);
			t.intake = receiver;
			assert_int_not_equal(m.m.upload, 0);
		}
		/* It dies having asked, and the supervisor starts the next at once. */
		(void)spool_accept(before.door, &m.m, answer_put, &a);
		if (round % 3 == 0)
			fetcher_start(&t, &after, "old");
		fetcher_end(&before);
		if (round % 3 != 0)
			fetcher_start(&t, &after, "old");
		s = origins_of(&after, box, 0);
		if (s.n != 1)
			fail_msg("round %u: the next process read too early", round);
		fetcher_end(&after);
	}
	assert_int_equal(spool_end(&t, 0), 0);
	spool_remove(&t);
}

/* A process that is still there keeps the next one out; other sources and receivers are not concerned. */
static void a_hanging_process_stops_only_its_own(void **state)
{
	static struct test_message m;
	struct test_fetcher hanging, next, other;
	struct test_spool t;
	struct spool_origin o;
	struct test_answer a = { 0 };
	int64_t box;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &hanging, "old");
	box = fetcher_folder(&hanging, "", 0);
	fetcher_start(&t, &next, "old");
	fetcher_start(&t, &other, "second");
	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, box, 0, "x");
	(void)spool_accept(next.door, &m.m, answer_put, &a);
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, fetcher_folder(&other, "", 0), 0, "x");
	assert_int_equal(accept_by(&t, other.door, &m.m).answer, SPOOL_ACCEPTED);
	message_make(&m, 3, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_false(a.came);
	spool_source_free(&hanging.memory);
	message_make(&m, 4, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_false(a.came);
	spool_intake_free(&hanging.door);
	spool_wait(&t, &a.came);
	assert_int_equal(a.answer, SPOOL_ACCEPTED);
	/* What the next one asked before it went is done, in its turn, before the one after it. */
	fetcher_start(&t, &hanging, "old");
	message_make(&m, 5, "office", "INBOX");
	message_fetched(&m, &o, box, 0, "y");
	(void)spool_accept(hanging.door, &m.m, answer_put, &a);
	a.came = false;
	fetcher_end(&next);
	fetcher_end(&hanging);
	fetcher_start(&t, &next, "old");
	assert_int_equal(fetcher_folder(&next, "", 0), box);
	assert_int_equal(origins_of(&next, box, 0).n, 2);
	/* A process that had but one of the two stops nobody for long. */
	fetcher_start(&t, &hanging, "old");
	spool_source_free(&hanging.memory);
	fetcher_end(&next);
	fetcher_start(&t, &next, "old");
	spool_intake_free(&hanging.door);
	assert_int_equal(fetcher_folder(&next, "", 0), box);
	fetcher_end(&next);
	fetcher_end(&other);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_known),
		cmocka_unit_test(one_uidl_is_several_messages),
		cmocka_unit_test(what_was_not_taken_can_be),
		cmocka_unit_test(what_is_taken_elsewhere_is_known_there),
		cmocka_unit_test(nothing_is_taken_without_its_memory),
		cmocka_unit_test(both_or_neither_whatever_write_fails),
		cmocka_unit_test(a_killed_spool_forgets_no_half),
		cmocka_unit_test(the_next_process_waits),
		cmocka_unit_test(a_hanging_process_stops_only_its_own),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_origin", tests, NULL, NULL);
}
