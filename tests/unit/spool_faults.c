/*
 * The spool when writes, syncs and the process itself fail at each place where
 * they can: an answer of "accepted" means that the message is there after a
 * restart, "failed" that it is not and leaves nothing behind.
 */
#include "spool_faulty.h"
#include "spool_steps.h"
#include "spool_tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"

static void begin(struct test_spool *t)
{
	if (shared == NULL)
		shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(shared, 0, sizeof *shared);
	spool_make(t);
	t->vfs = "faulty";
	t->prepare = faulty_install;
	spool_start(t);
}

/* ---- commits ---- */

static const struct {
	const char *name;
	bool sticky, full;
} kinds[] = {
	{ "one EIO", false, false },
	{ "EIO from then on", true, false },
	{ "one ENOSPC", false, true },
	{ "ENOSPC from then on", true, true },
};

static int64_t rows_of(struct test_spool *t, const char *id)
{
	char *sql = mem_printf(
	    "SELECT (SELECT count(*) FROM message WHERE id = '%s') * 1000 + (SELECT count(*) FROM delivery WHERE"
	    " message IN (SELECT number FROM message WHERE id = '%s')) * 100 + (SELECT count(*) FROM body WHERE"
	    " message IN (SELECT number FROM message WHERE id = '%s')) * 10 + (SELECT count(*) FROM recipient"
	    " WHERE message IN (SELECT number FROM message WHERE id = '%s'))",
	    id, id, id, id);
	int64_t n = count_in_database(t, sql);

	free(sql);
	return n;
}

static void answers_are_true(bool no_mark)
{
	enum { WHOLE = 1111 };
	struct test_spool t;
	unsigned n = 0;

	begin(&t);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (int at = 1;; at++) {
			static struct test_message m;
			struct test_answer a;
			bool failed;
			int64_t rows;

			if (no_mark) {
				(void)spool_end(&t, 0);
				(void)count_in_database(&t, "DELETE FROM mark");
				spool_start(&t);
			}
			message_make(&m, ++n, "office", "INBOX");
			shared->calls = 0;
			shared->sticky = kinds[k].sticky;
			shared->full = kinds[k].full;
			shared->fail_at = at;
			a = accept_now(&t, &m.m);
			failed = shared->calls >= at;
			shared->fail_at = 0;
			(void)spool_end(&t, SIGKILL);
			rows = rows_of(&t, m.id);
			if (a.answer == SPOOL_ACCEPTED ? rows != WHOLE
			    : a.answer == SPOOL_LOST   ? rows != 0 && rows != WHOLE
						       : rows != 0)
				fail_msg("%s at call %d: answer %d, rows %lld", kinds[k].name, at, (int)a.answer,
					 (long long)rows);
			if (a.answer == SPOOL_FULL)
				assert_true(kinds[k].full);
			spool_start(&t);
			/* The client comes again: then it is there once, whatever it was told before. */
			if (a.answer != SPOOL_ACCEPTED) {
				bool there = rows == WHOLE;
				struct test_answer again = accept_now(&t, &m.m);

				assert_int_equal(again.answer, there ? SPOOL_DUPLICATE : SPOOL_ACCEPTED);
				(void)spool_end(&t, 0);
				assert_int_equal(rows_of(&t, m.id), WHOLE);
				spool_start(&t);
			}
			if (!failed) {
				assert_int_equal(a.answer, SPOOL_ACCEPTED);
				assert_true(at > 5);
				break;
			}
		}
	spool_remove(&t);
}

static void an_answer_is_true_whatever_write_fails(void **state)
{
	(void)state;
	answers_are_true(false);
}

/* Its row is one of those that a repair of a damaged database may lose. */
static void an_answer_is_true_without_the_mark(void **state)
{
	(void)state;
	answers_are_true(true);
}

/* A spool of the first version, whatever fails while it is brought up to date: it is that or this one, with all its mail. */
static void a_step_to_this_version_is_whole_or_none(void **state)
{
	struct test_spool t;
	bool over = false;

	(void)state;
	begin(&t);
	for (int at = 1; !over; at++) {
		static struct test_message m;
		char why[600];
		bool started;

		message_make(&m, (unsigned)at, "office", "INBOX");
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
		(void)spool_end(&t, 0);
		spool_make_older(&t, 1);
		shared->calls = 0;
		shared->sticky = at % 2 == 0;
		shared->full = at % 4 > 1;
		shared->fail_at = at;
		started = spool_try_start(&t, why, sizeof why);
		over = shared->calls < at;
		shared->fail_at = 0;
		if (started)
			(void)spool_end(&t, SIGKILL);
		spool_start(&t);
		for (int i = 1; i <= at; i += at > 8 ? at / 8 : 1) {
			message_make(&m, (unsigned)i, "office", "INBOX");
			if (state_of(&t, m.ids[0]) != DELIVERY_QUEUED)
				fail_msg("at call %d message %d is gone", at, i);
		}
	}
	(void)spool_end(&t, 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	spool_remove(&t);
}

/* The log is large, and can't be written back: that is tried from time to time. */
static void a_checkpoint_that_fails_is_not_tried_at_each_commit(void **state)
{
	enum { ENOUGH = 400, MORE = 40 };
	static struct test_message m;
	struct test_spool t;

	(void)state;
	begin(&t);
	shared->database = shared->sticky = true;
	shared->fail_at = 1;
	for (unsigned n = 1; n <= ENOUGH + MORE; n++) {
		message_make(&m, n, "office", "INBOX");
		memset(m.body, 'x', sizeof m.body);
		m.m.body = slice_of(m.body, sizeof m.body);
		m.m.size = sizeof m.body;
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
		if (n == ENOUGH) {
			assert_true(shared->calls > 0);
			shared->calls = 1; /* so that it fails on */
		}
	}
	assert_in_range(shared->calls, 1, MORE / 2);
	shared->fail_at = 0;
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), ENOUGH + MORE);
	spool_remove(&t);
}

/* Many at once, so that a commit is larger than what is written at once. */
static void every_answer_of_a_batch_is_true(void **state)
{
	enum { N = 30, BODY = 8000 };
	static struct test_message m[N];
	struct test_spool t;
	unsigned base = 0;

	(void)state;
	begin(&t);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (int at = 1;; at += 17) {
			struct test_answer a[N] = { 0 };
			int64_t there;
			bool failed;
			char *sql;

			shared->calls = 0;
			shared->sticky = kinds[k].sticky;
			shared->full = kinds[k].full;
			shared->fail_at = at;
			for (unsigned i = 0; i < N; i++) {
				message_make(&m[i], base + i, "office", "INBOX");
				memset(m[i].body, 'x', BODY);
				m[i].m.body = slice_of(m[i].body, BODY);
				m[i].m.size = BODY;
				(void)spool_accept(t.intake, &m[i].m, answer_put, &a[i]);
			}
			for (unsigned i = 0; i < N; i++)
				spool_wait(&t, &a[i].came);
			failed = shared->calls >= at;
			shared->fail_at = 0;
			(void)spool_end(&t, SIGKILL);
			sql = mem_printf(
			    "SELECT coalesce(sum(1 << (CAST(substr(id, 2) AS INTEGER) - %u)), 0) FROM message"
			    " JOIN body ON body.message = message.number WHERE CAST(substr(id, 2) AS INTEGER) >= %u"
			    " AND length(bytes) = %d",
			    base, base, BODY);
			there = count_in_database(&t, sql);
			free(sql);
			for (unsigned i = 0; i < N; i++) {
				bool is = (there >> i & 1) != 0;

				if (a[i].answer == SPOOL_ACCEPTED ? !is : a[i].answer != SPOOL_LOST && is)
					fail_msg("%s at call %d: message %u was answered %d", kinds[k].name, at, i,
						 (int)a[i].answer);
			}
			base += N;
			spool_start(&t);
			if (!failed)
				break;
		}
	(void)spool_end(&t, 0);
	assert_int_equal(
	    count_in_database(&t, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	spool_remove(&t);
}

/* The same without a restart between: what failed leaves the server able to go on. */
static void the_server_goes_on_after_a_failure(void **state)
{
	struct test_spool t;
	unsigned n = 0;

	(void)state;
	begin(&t);
	for (int at = 1;; at++) {
		static struct test_message m;
		struct test_answer a;
		bool failed;

		message_make(&m, ++n, "office", "INBOX");
		shared->calls = 0;
		shared->fail_at = at;
		a = accept_now(&t, &m.m);
		failed = shared->calls >= at;
		shared->fail_at = 0;
		if (!failed)
			break;
		assert_int_equal(a.answer, SPOOL_FAILED);
		assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	}
	(void)spool_end(&t, SIGKILL);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), n);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM delivery"), n);
	spool_remove(&t);
}

static void an_outcome_is_true_whatever_write_fails(void **state)
{
	struct test_spool t;
	unsigned n = 0;

	(void)state;
	begin(&t);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (int at = 1;; at++) {
			static struct test_message m;
			struct spool_store *s;
			struct spool_outcome o = { .kind = OUTCOME_DONE, .uid = 3, .sent = true };
			struct spool_work *w;
			struct err e;
			int64_t due;
			size_t nwork;
			bool failed;
			int r;

			message_make(&m, ++n, "office", "INBOX");
			assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
			s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
			assert_int_equal(spool_next(s, 500, 1 << 30, &w, &nwork, &due, &e), 0);
			assert_int_equal(nwork, 1);
			assert_int_equal(
			    spool_in_flight(s, &(struct spool_flight){ w[0].number, "INBOX", 5, 6 }, 1, &e), 0);
			o.number = w[0].number;
			spool_work_free(w, nwork);
			shared->calls = 0;
			shared->sticky = kinds[k].sticky;
			shared->full = kinds[k].full;
			shared->fail_at = at;
			r = spool_settle(s, &o, 1, &e);
			failed = shared->calls >= at;
			shared->fail_at = 0;
			spool_store_free(&s);
			spool_reopen(&t, SIGKILL);
			if (r == 0)
				assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_DONE);
			else if (e.class == ERR_TEMP)
				assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_FLIGHT);
			/* What stayed in flight is in the way of the next round. */
			s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
			assert_int_equal(spool_next(s, 500, 1 << 30, &w, &nwork, &due, &e), 0);
			for (size_t i = 0; i < nwork; i++) {
				o.number = w[i].number;
				assert_int_equal(w[i].state, DELIVERY_DOUBT);
				assert_int_equal(spool_settle(s, &o, 1, &e), 0);
			}
			spool_work_free(w, nwork);
			spool_store_free(&s);
			assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_DONE);
			if (!failed) {
				assert_int_equal(r, 0);
				break;
			}
		}
	(void)spool_end(&t, 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), 0);
	spool_remove(&t);
}

/* ---- kills ---- */

/* One large and one small message are taken in and filed, the server killed at step N. */
static void a_kill_at_each_step_loses_nothing(void **state)
{
	struct test_spool t;
	int64_t *steps;
	bool killed = true;

	(void)state;
	begin(&t);
	steps = steps_begin(&t);
	for (unsigned n = 1; killed; n++) {
		static struct test_message small, large;
		struct test_answer a, b;
		struct spool_store *s;
		struct spool_work *w;
		struct err e = { 0 };
		int64_t due;
		size_t nwork = 0;
		uint64_t upload;

		steps[0] = steps[1] = 0;
		spool_reopen(&t, SIGKILL);
		steps[0] = 0;
		steps[1] = n;
		message_make(&small, 2 * n, "office", "INBOX");
		message_make(&large, 2 * n + 1, "office", "INBOX");
		a = accept_now(&t, &small.m);
		upload = upload_now(&t, 100 * 1000);
		large.m.body = SLICE_NONE;
		large.m.size = 100 * 1000;
		large.m.upload = upload;
		memset(&b, 0, sizeof b);
		b.answer = SPOOL_LOST;
		if (upload != 0)
			b = accept_now(&t, &large.m);
		s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
		if (spool_next(s, 500, 1 << 30, &w, &nwork, &due, &e) == 0) {
			for (size_t i = 0; i < nwork; i++) {
				struct spool_outcome o = { .number = w[i].number, .kind = OUTCOME_DONE, .sent = true };

				if (spool_in_flight(s, &(struct spool_flight){ w[i].number, "INBOX", 5, 6 }, 1, &e) !=
					0 ||
				    spool_settle(s, &o, 1, &e) != 0)
					break;
			}
			spool_work_free(w, nwork);
		}
		spool_store_free(&s);
		killed = steps[0] >= (int64_t)n;
		steps[1] = 0;
		spool_reopen(&t, SIGKILL);
		assert_int_equal(files_in(&t, "tmp"), 0);
		if (a.answer == SPOOL_ACCEPTED)
			assert_int_not_equal(state_of(&t, small.ids[0]), 0);
		if (b.answer == SPOOL_ACCEPTED)
			assert_int_not_equal(state_of(&t, large.ids[0]), 0);
		/* A client that heard nothing comes again. */
		a = accept_now(&t, &small.m);
		large.m.upload = upload_now(&t, 100 * 1000);
		b = accept_now(&t, &large.m);
		s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
		assert_int_equal(spool_next(s, 500, 1 << 30, &w, &nwork, &due, &e), 0);
		for (size_t i = 0; i < nwork; i++) {
			struct spool_outcome o = { .number = w[i].number, .kind = OUTCOME_DONE, .sent = true };

			assert_int_equal(
			    spool_in_flight(s, &(struct spool_flight){ w[i].number, "INBOX", 5, 6 }, 1, &e), 0);
			assert_int_equal(spool_settle(s, &o, 1, &e), 0);
		}
		spool_work_free(w, nwork);
		spool_store_free(&s);
		assert_int_equal(files_in(&t, "body"), 0);
		(void)spool_end(&t, 0);
		assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 2 * n);
		assert_int_equal(count_in_database(&t, "SELECT count(*) FROM delivery WHERE state = 7"), 2 * n);
		assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), 0);
	}
	steps_end();
	spool_remove(&t);
}

/* ---- bodies ---- */

static void a_body_that_can_not_be_placed_is_refused(void **state)
{
	static struct test_message m;
	struct test_spool t;

	(void)state;
	begin(&t);
	for (const char *c = "0123456789abcdefghijklmnopqrstuvwxyz"; *c != '\0'; c++) {
		char *path = mem_printf("%s/body/%c", t.dir, *c);

		assert_int_equal(rmdir(path), 0);
		free(path);
	}
	message_make(&m, 1, "office", "INBOX");
	m.m.body = SLICE_NONE;
	m.m.size = 70000;
	m.m.upload = upload_now(&t, 70000);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	assert_int_equal(files_in(&t, "tmp"), 0);
	/* The same upload does not count twice, another size does not count at all. */
	message_make(&m, 2, "office", "INBOX");
	m.m.body = SLICE_NONE;
	m.m.size = 70001;
	m.m.upload = upload_now(&t, 70000);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	assert_int_equal(files_in(&t, "tmp"), 0);
	(void)spool_end(&t, 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 0);
	spool_remove(&t);
}

/* A commit that fails takes the body's file with it. */
static void a_failed_commit_leaves_no_file(void **state)
{
	struct test_spool t;

	(void)state;
	begin(&t);
	for (int at = 1;; at++) {
		static struct test_message m;
		struct test_answer a;
		bool failed;

		message_make(&m, (unsigned)at, "office", "INBOX");
		m.m.body = SLICE_NONE;
		m.m.size = 70000;
		m.m.upload = upload_now(&t, 70000);
		shared->calls = 0;
		shared->fail_at = at;
		a = accept_now(&t, &m.m);
		failed = shared->calls >= at;
		shared->fail_at = 0;
		if (!failed) {
			assert_int_equal(a.answer, SPOOL_ACCEPTED);
			break;
		}
		assert_int_equal(a.answer, SPOOL_FAILED);
		assert_int_equal(files_in(&t, "tmp"), 0);
		assert_int_equal(files_in(&t, "body"), 0);
	}
	assert_int_equal(files_in(&t, "body"), 1);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_true_whatever_write_fails),
		cmocka_unit_test(an_answer_is_true_without_the_mark),
		cmocka_unit_test(a_step_to_this_version_is_whole_or_none),
		cmocka_unit_test(a_checkpoint_that_fails_is_not_tried_at_each_commit),
		cmocka_unit_test(every_answer_of_a_batch_is_true),
		cmocka_unit_test(the_server_goes_on_after_a_failure),
		cmocka_unit_test(an_outcome_is_true_whatever_write_fails),
		cmocka_unit_test(a_kill_at_each_step_loses_nothing),
		cmocka_unit_test(a_body_that_can_not_be_placed_is_refused),
		cmocka_unit_test(a_failed_commit_leaves_no_file),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_faults", tests, NULL, NULL);
}
