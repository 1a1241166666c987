/* What rules remember is remembered with the message, and not without. */
#include "family_tools.h"
#include "spool_tools.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"

/* Long enough for a spool that starts again, on a slow disk. */
enum { SHORT_SECONDS = 15 };

struct recalled {
	bool came;
	char known[8];
};

static void on_recalled(void *arg, enum spool_answer answer, struct slice known)
{
	struct recalled *r = arg;

	assert_int_equal(answer, SPOOL_ACCEPTED);
	r->came = true;
	for (size_t i = 0; i < known.n && i < 7; i++)
		r->known[i] = known.p[i] != 0 ? '1' : '0';
}

/* What is known of the keys "a", "b", "c" of office, and of "a" of home. */
static void knows(struct fixture *w, const char *expected)
{
	struct spool_memory keys[4] = { { .account = "office" }, { .account = "office" }, { .account = "office" }, { .account = "home" } };
	struct recalled r = { 0 };

	for (int i = 0; i < 4; i++)
		keys[i].key[0] = (unsigned char)"abca"[i];
	(void)spool_recall(w->t.intake, keys, 4, on_recalled, &r);
	assert_false(r.came);
	spool_wait(&w->t, &r.came);
	assert_string_equal(r.known, expected);
}

static void things_are_remembered(void **state)
{
	static struct family x;
	struct fixture w;

	(void)state;
	spool_make(&w.t);
	w.t.memory_max = 2;
	spool_start(&w.t);
	w.admin = NULL;
	knows(&w, "0000");
	family_make(&x, 1);
	family_remember(&x, "office", "a", 1000, true);
	family_remember(&x, "office", "b", SHORT_SECONDS, false);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	spool_reopen(&w.t, SIGKILL);
	knows(&w, "1100");
	(void)sleep(SHORT_SECONDS + 1);
	knows(&w, "1000");
	/* For longer, which makes it no newer. */
	family_make(&x, 2);
	family_remember(&x, "office", "a", 1000, false);
	family_remember(&x, "home", "a", 1000, false);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	knows(&w, "1001");
	family_make(&x, 3);
	family_remember(&x, "office", "b", 1000, false);
	family_remember(&x, "office", "c", 1000, false);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	knows(&w, "0111");
	assert_int_equal(spool_end(&w.t, 0), 0);
	assert_int_equal(count_in_database(&w.t, "SELECT count(*) FROM memory"), 3);
	family_end(&w);
}

static void once_is_once(void **state)
{
	static struct family x;
	struct fixture w;
	uint64_t upload;
	int files;

	(void)state;
	family_begin(&w);
	family_make(&x, 1);
	family_remember(&x, "office", "a", 1000, true);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	files = files_in(&w.t, "body");
	family_make(&x, 2);
	family_remember(&x, "office", "b", 1000, true);
	family_remember(&x, "office", "a", 1000, true);
	x.m.m.body = SLICE_NONE;
	x.m.m.size = 300 * 1000;
	upload = x.m.m.upload = upload_now(&w.t, 300 * 1000);
	x.further[0].size = 200 * 1000;
	x.further[0].body = SLICE_NONE;
	x.further[0].upload = upload_now(&w.t, 200 * 1000);
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ANEW);
	knows(&w, "1000");
	assert_int_equal(state_of(&w.t, x.m.ids[0]), 0);
	/* The body of the message is there still, that of what it would have caused is not. */
	assert_int_equal(files_in(&w.t, "body"), files + 1);
	family_make(&x, 3);
	x.m.m.body = SLICE_NONE;
	x.m.m.size = 300 * 1000;
	x.m.m.upload = upload;
	assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(state_of(&w.t, x.m.ids[0]), DELIVERY_QUEUED);
	spool_reopen(&w.t, SIGKILL);
	assert_int_equal(state_of(&w.t, x.m.ids[0]), DELIVERY_QUEUED);
	assert_int_equal(files_in(&w.t, "body"), files + 1);
	family_end(&w);
}

/* Given back, and not named again: it goes with the asker, or at the next start. */
static void what_is_given_back_goes(void **state)
{
	static struct family x;
	struct fixture w;
	int before;

	(void)state;
	family_begin(&w);
	for (unsigned n = 1; n <= 2; n++) {
		family_make(&x, 10 * n);
		family_remember(&x, "office", "a", 1000, true);
		(void)accept_now(&w.t, &x.m.m);
		before = files_in(&w.t, "body");
		family_make(&x, 10 * n + 1);
		family_remember(&x, "office", "a", 1000, true);
		x.m.m.body = SLICE_NONE;
		x.m.m.size = 300 * 1000;
		x.m.m.upload = upload_now(&w.t, 300 * 1000);
		assert_int_equal(accept_now(&w.t, &x.m.m).answer, SPOOL_ANEW);
		assert_int_equal(files_in(&w.t, "body"), before + 1);
		if (n == 1)
			spool_upload_drop(w.t.intake, x.m.m.upload);
		else
			spool_reopen(&w.t, SIGKILL);
		knows(&w, "1000"); /* asked behind it */
		assert_int_equal(files_in(&w.t, "body"), before);
	}
	family_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_are_remembered),
		cmocka_unit_test(once_is_once),
		cmocka_unit_test(what_is_given_back_goes),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_further", tests, NULL, NULL);
}
