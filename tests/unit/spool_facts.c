/* What stores tell of themselves: kept, handed to those who take mail in at once and on every change. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "spool_tools.h"

struct seen {
	unsigned calls;
	bool any; /* called since the flag was cleared */
	int64_t at;
	uint64_t limit;
	size_t folders;
	char account[32];
};

static void see(void *arg, const char *account, int64_t at_ms, struct facts *f)
{
	struct seen *all = arg, *s = &all[strcmp(account, "office") == 0 ? 0 : 1];

	s->calls++;
	s->any = true;
	s->at = at_ms;
	s->limit = f->append_limit;
	s->folders = f->n;
}

static void tell(struct spool_store *s, uint64_t limit, size_t folders)
{
	struct err e = { 0 };
	struct buf b;

	buf_init(&b, FACTS_MAX);
	facts_begin(&b, limit, false, '/', "");
	for (size_t i = 0; i < folders; i++) {
		char name[100];

		(void)snprintf(name, sizeof name, "a folder with a name that is not short, number %zu", i);
		assert_true(facts_add(&b, name, 0));
	}
	facts_end(&b, false);
	if (spool_tell(s, buf_slice(&b), &e) != 0)
		fail_msg("%s", e.text);
	buf_free(&b);
}

static void facts_are_told_and_kept(void **state)
{
	static const char *const accounts[] = { "office", "home" };
	struct seen seen[2] = { { 0 } };
	struct spool_store *office;
	struct test_spool t;
	struct err e = { 0 };
	int64_t at = -1;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	spool_facts_watch(t.intake, accounts, 2, see, seen);
	spool_wait(&t, &seen[0].any);
	spool_wait(&t, &seen[1].any);
	assert_int_equal(seen[0].at, 0);
	assert_true(seen[0].limit == UINT64_MAX);

	office = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_told(office, &at, &e), 0);
	assert_int_equal(at, 0);
	/* As many as there may be: it takes several packets. */
	seen[0].any = false;
	tell(office, 1000, FACTS_FOLDERS_MAX);
	spool_wait(&t, &seen[0].any);
	assert_int_equal(seen[0].limit, 1000);
	assert_int_equal(seen[0].folders, FACTS_FOLDERS_MAX);
	assert_true(seen[0].at > 0);
	assert_int_equal(seen[1].calls, 1);
	assert_int_equal(spool_told(office, &at, &e), 0);
	assert_int_equal(at, seen[0].at);
	/* Nothing new is no news, and no account's news are another's. */
	tell(office, 1000, FACTS_FOLDERS_MAX);
	seen[0].any = false;
	tell(office, 2000, 1);
	spool_wait(&t, &seen[0].any);
	assert_int_equal(seen[0].calls, 3);
	assert_int_equal(seen[0].limit, 2000);
	assert_int_equal(seen[1].calls, 1);
	spool_store_free(&office);

	/* They outlive the spool, and are handed out again by the next. */
	seen[0].any = seen[1].any = false;
	spool_reopen(&t, SIGKILL);
	spool_wait(&t, &seen[1].any);
	assert_true(seen[0].any);
	assert_int_equal(seen[0].limit, 2000);
	assert_int_equal(seen[0].folders, 1);
	spool_remove(&t);
}

/* The spool looks into none of it; whoever reads it is not impressed. */
static void nonsense_is_nothing_known(void **state)
{
	static const char *const accounts[] = { "office" };
	struct seen seen[2] = { { 0 } };
	struct spool_store *office;
	struct test_spool t;
	struct err e = { 0 };

	(void)state;
	spool_make(&t);
	spool_start(&t);
	office = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_tell(office, SLICE_LIT("nonsense\0\xff"), &e), 0);
	spool_facts_watch(t.intake, accounts, 1, see, seen);
	spool_wait(&t, &seen[0].any);
	assert_true(seen[0].limit == UINT64_MAX);
	assert_int_equal(seen[0].folders, 0);
	spool_store_free(&office);
	spool_remove(&t);
}

/* A store that tells too much is put out, and a receiver may not tell at all. */
static void too_much_is_refused(void **state)
{
	static char much[FACTS_MAX + 1];
	struct spool_store *s;
	struct test_spool t;
	struct err e = { 0 };

	(void)state;
	spool_make(&t);
	spool_start(&t);
	memset(much, 'x', sizeof much);
	s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
	assert_int_equal(spool_tell(s, slice_of(much, sizeof much), &e), -1);
	spool_store_free(&s);
	s = spool_store_new(spool_peer(&t, SPOOL_PEER_INTAKE, ""));
	assert_int_equal(spool_tell(s, slice_of(much, 10), &e), -1);
	spool_store_free(&s);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM facts"), 0);
	spool_remove(&t);
}

/* A spool of the version before has no such table. */
static void an_older_spool_learns(void **state)
{
	struct spool_store *office;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	assert_int_equal(spool_end(&t, 0), 0);
	spool_make_older(&t, 2);
	spool_start(&t);
	office = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "office"));
	tell(office, 1000, 1);
	spool_store_free(&office);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM facts"), 1);
	assert_true(count_in_database(&t, "PRAGMA user_version") > 2);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_told_and_kept),
		cmocka_unit_test(nonsense_is_nothing_known),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(an_older_spool_learns),
	};

	return cmocka_run_group_tests_name("facts in the spool", tests, NULL, NULL);
}
