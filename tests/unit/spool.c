/* The spool: taking in, handing out, settling, and what survives. */
#include "spool_tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static struct spool_store *store_of(struct test_spool *t, const char *account)
{
	return spool_store_new(spool_peer(t, SPOOL_PEER_STORE, account));
}

static size_t next(struct spool_store *s, struct spool_work **w, int64_t *due)
{
	struct err e = { 0 };
	size_t n;

	if (spool_next(s, 100, 1 << 30, w, &n, due, &e) != 0)
		fail_msg("next: %s", e.text);
	return n;
}

/* A message goes the whole way, and its body is gone afterwards. */
static void a_message_goes_through(void **state)
{
	struct test_spool t;
	struct test_message m;
	struct test_answer a;
	struct spool_store *s;
	struct spool_work *w;
	struct spool_outcome done = {
		.kind = OUTCOME_DONE, .uidvalidity = 7, .uid = 11, .folder = "INBOX", .sent = true
	};
	struct err e = { 0 };
	int64_t due;
	size_t n, len;
	char *bytes;
	int fd;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "inbox");
	a = accept_now(&t, &m.m);
	assert_int_equal(a.answer, SPOOL_ACCEPTED);
	assert_true(spool_was_due(&t, "office", 5000));
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);

	s = store_of(&t, "office");
	n = next(s, &w, &due);
	assert_int_equal(n, 1);
	assert_int_equal(w[0].state, DELIVERY_QUEUED);
	assert_string_equal(w[0].folder, "INBOX");
	assert_string_equal(w[0].flags, "\\Seen");
	assert_string_equal(w[0].id, m.ids[0]);
	assert_int_equal(w[0].size, m.m.size);
	assert_int_equal(w[0].prefix_len, m.d[0].prefix.n);
	assert_memory_equal(w[0].prefix, m.d[0].prefix.p, w[0].prefix_len);
	assert_int_equal(w[0].message, a.number);
	assert_int_equal(spool_body(s, w[0].message, &bytes, &len, &fd, &e), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(len, m.m.size);
	assert_memory_equal(bytes, m.body, len);
	free(bytes);
	assert_int_equal(spool_in_flight(s, &(struct spool_flight){ w[0].number, "INBOX", 7, 11 }, 1, &e), 0);
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_FLIGHT);
	done.number = w[0].number;
	assert_int_equal(spool_settle(s, &done, 1, &e), 0);
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_DONE);
	spool_work_free(w, n);
	n = next(s, &w, &due);
	assert_int_equal(n, 0);
	assert_true(due == INT64_MAX);
	spool_work_free(w, n);
	spool_store_free(&s);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE finished IS NOT NULL"), 1);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM delivery WHERE prefix IS NULL AND uid = 11"), 1);
	spool_remove(&t);
}

static void a_large_body_is_a_file(void **state)
{
	struct test_spool t;
	struct test_message m;
	struct spool_store *s;
	struct spool_work *w;
	struct spool_outcome done = { .kind = OUTCOME_DONE, .sent = true };
	struct err e = { 0 };
	int64_t due;
	size_t n, len;
	char *bytes, c;
	int fd;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "Scans");
	m.m.body = SLICE_NONE;
	m.m.size = 3000000;
	m.m.upload = upload_now(&t, 3000000);
	assert_int_equal(files_in(&t, "tmp"), 1);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(files_in(&t, "tmp"), 0);
	assert_int_equal(files_in(&t, "body"), 1);
	spool_reopen(&t, SIGKILL);
	assert_int_equal(files_in(&t, "body"), 1);
	s = store_of(&t, "office");
	n = next(s, &w, &due);
	assert_int_equal(n, 1);
	assert_int_equal(spool_body(s, w[0].message, &bytes, &len, &fd, &e), 0);
	assert_null(bytes);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3000000);
	assert_int_equal(pread(fd, &c, 1, 2999999), 1);
	assert_int_equal(c, 'x');
	assert_true(write(fd, "y", 1) == -1);
	(void)close(fd);
	assert_int_equal(spool_in_flight(s, &(struct spool_flight){ w[0].number, "Scans", 7, 11 }, 1, &e), 0);
	done.number = w[0].number;
	assert_int_equal(spool_settle(s, &done, 1, &e), 0);
	assert_int_equal(files_in(&t, "body"), 0);
	spool_work_free(w, n);
	spool_store_free(&s);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_through),
		cmocka_unit_test(a_large_body_is_a_file),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
