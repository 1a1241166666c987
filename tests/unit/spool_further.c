/* What a message causes is taken in together with it, once. */
#include "family_tools.h"
#include "spool_steps.h"
#include "spool_tools.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "family_tools.h"

static void all_or_none(void **state)
{
	static struct family x, y;
	struct fixture w;
	struct seen s;
	char causes[100];

	(void)state;
	family_begin(&w);
	family_make(&x, 1);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	/* One whose id stands there already: not even the message gets in. */
	family_make(&y, 2);
	y.further[2].id = x.f[1].id;
	assert_int_equal(accept_now(&w.t, &y.m.m).answer, SPOOL_FAILED);
	spool_reopen(&w.t, SIGKILL);
	assert_int_equal(state_of(&w.t, x.m.ids[0]), DELIVERY_QUEUED);
	for (int i = 0; i < FURTHER; i++) {
		assert_int_equal(state_of(&w.t, x.f[i].ids[0]), DELIVERY_QUEUED);
		s = family_look(&w, x.f[i].id);
		assert_string_equal(s.parent, x.m.id);
		assert_string_equal(s.causes, "none");
		assert_int_equal(state_of(&w.t, y.f[i].ids[0]), 0);
	}
	assert_int_equal(state_of(&w.t, y.m.ids[0]), 0);
	s = family_look(&w, x.m.id);
	(void)snprintf(causes, sizeof causes, "%s %s %s", x.f[0].id, x.f[1].id, x.f[2].id);
	assert_string_equal(s.parent, "none");
	assert_string_equal(s.causes, causes);
	assert_int_equal(spool_end(&w.t, 0), 0);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM message"), 4);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM body"), 4);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM recipient"), 4);
	family_end(&w);
}

/* Those that come together with one that can't be taken in are taken in, each once. */
static void one_that_fails_takes_none_with_it(void **state)
{
	enum { MANY = 12 };
	static struct family x[MANY];
	struct test_answer answers[MANY] = { 0 };
	struct fixture w;

	(void)state;
	family_begin(&w);
	for (unsigned i = 0; i < MANY; i++) {
		family_make(&x[i], i + 1);
		if (i % 3 == 1)
			x[i].further[2].id = x[i].f[1].id; /* its own: what was written before that shows is to go */
		(void)spool_accept(w.t.intake, &x[i].m.m, answer_put, &answers[i]);
	}
	for (unsigned i = 0; i < MANY; i++) {
		spool_wait(&w.t, &answers[i].came);
		assert_int_equal(answers[i].answer, i % 3 == 1 ? SPOOL_FAILED : SPOOL_ACCEPTED);
	}
	assert_int_equal(spool_end(&w.t, 0), 0);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM message"), 8 * (1 + FURTHER));
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM delivery"), 8 * (1 + FURTHER));
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM recipient"), 8 * (1 + FURTHER));
	family_end(&w);
}

static void bodies_may_be_files(void **state)
{
	static struct family x;
	struct fixture w;

	(void)state;
	family_begin(&w);
	family_make(&x, 1);
	x.m.m.ndeliveries = 0;
	x.m.m.body = SLICE_NONE;
	x.m.m.size = 500 * 1000;
	for (int i = 0; i < FURTHER; i++) {
		x.further[i].size = 200 * 1000 + (uint64_t)i;
		x.further[i].upload = upload_now(&w.t, x.further[i].size);
		x.further[i].body = SLICE_NONE;
		assert_true(x.further[i].upload != 0);
	}
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(files_in(&w.t, "body"), 3);
	assert_int_equal(files_in(&w.t, "tmp"), 0);
	/* One of them has not the size that was told: none is kept. */
	family_make(&x, 2);
	for (int i = 0; i < FURTHER; i++) {
		x.further[i].size = 300 * 1000;
		x.further[i].upload = upload_now(&w.t, i == 1 ? 299 * 1000 : 300 * 1000);
		x.further[i].body = SLICE_NONE;
	}
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_FAILED);
	assert_int_equal(files_in(&w.t, "body"), 3);
	assert_int_equal(files_in(&w.t, "tmp"), 0);
	spool_reopen(&w.t, SIGKILL);
	assert_int_equal(files_in(&w.t, "body"), 3);
	family_make(&x, 1);
	for (int i = 0; i < FURTHER; i++)
		assert_int_equal(state_of(&w.t, x.f[i].ids[0]), DELIVERY_QUEUED);
	family_end(&w);
}

/* What fails before it is sent leaves no file of those it causes with the spool. */
static void what_is_not_sent_leaves_nothing(void **state)
{
	enum { LONG = 200 * 1000 };
	static struct family x;
	char *text = mem_alloc(LONG);
	struct fixture w;

	(void)state;
	memset(text, 'a', LONG - 1);
	family_begin(&w);
	for (int i = 0; i < 3; i++) {
		family_make(&x, (unsigned)i + 1);
		for (int k = 0; k < FURTHER; k++) {
			x.further[k].size = 100;
			x.further[k].upload = upload_now(&w.t, 100);
			x.further[k].body = SLICE_NONE;
			assert_true(x.further[k].upload != 0);
		}
		assert_int_equal(files_in(&w.t, "tmp"), FURTHER);
		if (i == 0)
			x.m.m.body = slice_of(text, LONG); /* nobody asked for a file that others stand in, too */
		else if (i == 1)
			x.m.d[0].prefix = slice_of(text, LONG); /* no field is so long */
		else
			x.further[1].upload ^= (uint64_t)1 << 32; /* of a spool that went */
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_FAILED);
		if (i == 2)
			spool_upload_drop(w.t.intake, x.further[1].upload ^ (uint64_t)1 << 32);
		assert_int_equal(state_of(&w.t, x.m.ids[0]), 0);
		/* The socket keeps the order: by the next answer they are gone. */
		spool_upload_drop(w.t.intake, upload_now(&w.t, 1));
		if (files_in(&w.t, "tmp") > 2)
			fail_msg("in round %d %d files stay", i, files_in(&w.t, "tmp"));
		spool_reopen(&w.t, SIGKILL);
	}
	family_end(&w);
	free(text);
}

static void what_comes_again_causes_nothing(void **state)
{
	static struct family x, y;
	static const char second[] = { 0, 1 }, both[] = { 0, 0, 0, 1 }, first[] = { 0, 0 };
	struct fixture w;
	struct test_answer a;

	(void)state;
	family_begin(&w);
	family_make(&x, 1);
	family_remember(&x, "office", "k", 1000, true);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	/* The same message, judged by other rules. */
	family_make(&y, 2);
	memcpy(y.m.r[0].fingerprint, x.m.r[0].fingerprint, SPOOL_FINGERPRINT_SIZE);
	family_remember(&y, "office", "k", 1000, true);
	family_remember(&y, "office", "other", 1000, false);
	a = accept_now(&w.t, &y.m.m);
	assert_int_equal(a.answer, SPOOL_DUPLICATE);
	assert_string_equal(a.id, x.m.id);
	/* And for one more: only what that one causes. */
	y.m.r[1] = y.m.r[0];
	y.m.r[1].address = "second@office.example";
	memset(y.m.r[1].fingerprint, 7, SPOOL_FINGERPRINT_SIZE);
	y.m.m.nrecipients = 2;
	y.m.d[0].to = slice_of(both, 4);
	y.f[0].d[0].to = slice_of(first, 2);
	y.f[1].d[0].to = slice_of(second, 2);
	y.f[2].d[0].to = slice_of(both, 4);
	y.m.m.nmemory = 0;
	family_remember(&y, "office", "k", 1000, true);     /* of the first: known, so nobody asks */
	family_remember(&y, "office", "later", 1000, true); /* of the second */
	y.memory[1].to = 1;
	a = accept_now(&w.t, &y.m.m);
	assert_int_equal(a.answer, SPOOL_ACCEPTED);
	assert_int_equal(state_of(&w.t, y.f[0].ids[0]), 0);
	assert_int_equal(state_of(&w.t, y.f[1].ids[0]), DELIVERY_QUEUED);
	assert_int_equal(state_of(&w.t, y.f[2].ids[0]), DELIVERY_MERGED);
	assert_int_equal(spool_end(&w.t, 0), 0);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM memory"), 2);
	family_end(&w);
}

/* It comes again for one recipient more of the same account: what the first asked for, too, is where it was sent. */
static void what_one_more_asks_for_is_not_done_again(void **state)
{
	static const char both[] = { 0, 0, 0, 1 }, second[] = { 0, 1 };
	/* Of the message that comes again: for whom its further message is, where it goes, what it is, what becomes of it. */
	static const struct {
		const char *name, *to, *account, *folder;
		size_t nto;
		bool apart;
		enum delivery_state then;
	} rows[] = {
		{ "the same copy", both, "office", "Edited", 4, false, DELIVERY_MERGED },
		{ "the same, sent on", both, "relay", "a@far.example", 4, false, DELIVERY_MERGED },
		{ "the same answer", both, "relay", "b@far.example", 4, true, DELIVERY_MERGED },
		{ "in other words, which the second alone wants", second, "office", "Edited", 2, false, DELIVERY_QUEUED },
		{ "to another folder", both, "office", "Other", 4, false, DELIVERY_QUEUED },
		{ "to another account", both, "home", "Edited", 4, false, DELIVERY_QUEUED },
		{ "a copy where but an answer went", both, "relay", "b@far.example", 4, false, DELIVERY_QUEUED },
	};
	static struct family x, y;
	struct fixture w;

	(void)state;
	spool_make(&w.t);
	w.t.rules_daily = 1; /* what is not sent again is not counted either */
	spool_start(&w.t);
	w.admin = NULL;
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum delivery_state then;

		/* A day's count of its own. */
		if (i > 0) {
			spool_remove(&w.t);
			spool_make(&w.t);
			w.t.rules_daily = 1 + (rows[i].then == DELIVERY_QUEUED);
			spool_start(&w.t);
		}
		family_make(&x, 1);
		x.f[1].d[0].folder = "a@far.example";
		x.f[2].d[0].folder = "b@far.example";
		x.further[1].apart = false;
		x.further[2].apart = true;
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
		family_make(&y, 2);
		memcpy(y.m.r[0].fingerprint, x.m.r[0].fingerprint, SPOOL_FINGERPRINT_SIZE);
		y.m.r[1] = y.m.r[0];
		y.m.r[1].address = "second@office.example";
		memset(y.m.r[1].fingerprint, 7, SPOOL_FINGERPRINT_SIZE);
		y.m.m.nrecipients = 2;
		y.m.m.nfurther = 1;
		y.m.d[0].to = slice_of(both, 4);
		y.f[0].d[0].to = slice_of(rows[i].to, rows[i].nto);
		y.f[0].d[0].account = rows[i].account;
		y.f[0].d[0].folder = rows[i].folder;
		y.further[0].apart = rows[i].apart;
		assert_int_equal(accept_now(&w.t, &y.m.m).answer, SPOOL_ACCEPTED);
		assert_int_equal(state_of(&w.t, y.m.ids[0]), DELIVERY_MERGED);
		then = (enum delivery_state)state_of(&w.t, y.f[0].ids[0]);
		if (then != rows[i].then)
			fail_msg("%s: %d", rows[i].name, (int)then);
	}
	family_end(&w);
}

static void what_rules_send_is_counted(void **state)
{
	static struct family x;
	struct fixture w;

	(void)state;
	spool_make(&w.t);
	w.t.rules_daily = 1; /* redirects, and as many answers */
	spool_start(&w.t);
	w.admin = NULL;
	for (unsigned n = 1; n <= 2; n++) {
		family_make(&x, n);
		x.further[1].apart = false;
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
		assert_int_equal(state_of(&w.t, x.m.ids[0]), DELIVERY_QUEUED);
		assert_int_equal(state_of(&w.t, x.f[0].ids[0]), DELIVERY_QUEUED);
		assert_int_equal(state_of(&w.t, x.f[1].ids[0]), n == 1 ? DELIVERY_QUEUED : DELIVERY_HELD);
		assert_int_equal(state_of(&w.t, x.f[2].ids[0]), n == 1 ? DELIVERY_QUEUED : DELIVERY_HELD);
		/* A person hears of it, once in a while. */
		assert_int_equal(spool_was_due(&w.t, "(held)", n == 1 ? 300 : 60000), n > 1);
		if (n > 1) {
			family_make(&x, 3);
			assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
			assert_int_equal(state_of(&w.t, x.f[2].ids[0]), DELIVERY_HELD);
			assert_false(spool_was_due(&w.t, "(held)", 300));
		}
		spool_reopen(&w.t, SIGKILL);
	}
	family_end(&w);
}

/* Notices of refused mail are never held, and leave half of the day's number to mail that is taken. */
static void what_is_told_of_refusals_has_half(void **state)
{
	static struct family x;
	struct fixture w;

	(void)state;
	spool_make(&w.t);
	w.t.rules_daily = 4;
	spool_start(&w.t);
	w.admin = NULL;
	for (unsigned n = 1; n <= 4; n++) {
		family_make(&x, n);
		x.m.m.ndeliveries = 0;
		x.m.m.body = SLICE_NONE;
		x.m.m.nfurther = 1;
		x.further[0] = x.f[1].m;
		x.further[0].refused = true;
		/* Of nothing else: it is not recorded at all. */
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, n <= 2 ? SPOOL_ACCEPTED : SPOOL_LIMIT);
		assert_int_equal(state_of(&w.t, x.f[1].ids[0]), n <= 2 ? DELIVERY_QUEUED : 0);
	}
	for (unsigned n = 5; n <= 7; n++) {
		family_make(&x, n);
		x.further[1].refused = true;
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
		assert_int_equal(state_of(&w.t, x.m.ids[0]), DELIVERY_QUEUED);
		assert_int_equal(state_of(&w.t, x.f[1].ids[0]), 0);
		assert_int_equal(state_of(&w.t, x.f[2].ids[0]), n <= 6 ? DELIVERY_QUEUED : DELIVERY_HELD);
	}
	assert_int_equal(spool_end(&w.t, 0), 0);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM message"), 4 + 9);
	family_end(&w);
}

/* ---- kills ---- */


/* The family numbered ID, whose message is that of number N, with a copy in a file. */
static enum spool_answer accept_family(struct test_spool *t, unsigned id, unsigned n)
{
	static struct family x;
	char key[20];

	family_make(&x, id);
	memset(x.m.r[0].fingerprint, 0, SPOOL_FINGERPRINT_SIZE);
	(void)snprintf((char *)x.m.r[0].fingerprint, SPOOL_FINGERPRINT_SIZE, "message %u", n);
	(void)snprintf(key, sizeof key, "key %u", n);
	family_remember(&x, "office", key, 100000, true);
	x.further[0].size = 100 * 1000;
	x.further[0].body = SLICE_NONE;
	x.further[0].upload = upload_now(t, 100 * 1000);
	return x.further[0].upload == 0 ? SPOOL_LOST : accept_now(t, &x.m.m).answer;
}

static void a_kill_at_each_step(void **state)
{
	int64_t *steps;
	struct fixture w;
	bool killed = true;
	unsigned n = 0, deaths = 0;

	(void)state;
	spool_make(&w.t);
	w.admin = NULL;
	steps = steps_begin(&w.t);
	spool_start(&w.t);
	/* The last step comes behind the answer, so that a run may be over before it is counted. */
	while (killed || n < 12) {
		enum spool_answer first, again;

		n++;
		spool_reopen(&w.t, SIGKILL);
		steps[0] = 0;
		steps[1] = n;
		first = accept_family(&w.t, 2 * n, n);
		killed = steps[0] >= (int64_t)n;
		deaths += killed;
		steps[1] = 0;
		spool_reopen(&w.t, SIGKILL);
		/* The client comes again, as it heard nothing or did not read what it was told. */
		again = accept_family(&w.t, 2 * n + 1, n);
		assert_true(again == SPOOL_ACCEPTED || again == SPOOL_DUPLICATE);
		if (first == SPOOL_ACCEPTED)
			assert_int_equal(again, SPOOL_DUPLICATE);
		(void)spool_end(&w.t, 0);
		assert_int_equal(files_in(&w.t, "tmp"), 0);
		assert_int_equal(files_in(&w.t, "body"), n);
		assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM message"), 4 * n);
		assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM message WHERE parent IS NULL"), n);
		assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM delivery WHERE state = 1"), 4 * n);
		assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM memory"), n);
		spool_start(&w.t);
	}
	assert_true(deaths >= 5);
	steps_end();
	family_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(one_that_fails_takes_none_with_it),
		cmocka_unit_test(bodies_may_be_files),
		cmocka_unit_test(what_is_not_sent_leaves_nothing),
		cmocka_unit_test(what_comes_again_causes_nothing),
		cmocka_unit_test(what_one_more_asks_for_is_not_done_again),
		cmocka_unit_test(what_rules_send_is_counted),
		cmocka_unit_test(what_is_told_of_refusals_has_half),
		cmocka_unit_test(a_kill_at_each_step),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_further", tests, NULL, NULL);
}
