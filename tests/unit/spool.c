/* The spool: taking mail in. */
#include "spool_tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

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
	assert_true(spool_was_due(&t, "office", 60000));
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);

	s = store_of(&t, "office");
	n = work_of(s, &w, &due);
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
	n = work_of(s, &w, &due);
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
	n = work_of(s, &w, &due);
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

/* ---- taking in ---- */

static void add_recipient(struct test_message *m, size_t i, const char *address, const char *account, const char *print)
{
	m->r[i] = (struct spool_recipient){ .address = address, .account = account, .verdict = "keep" };
	(void)snprintf((char *)m->r[i].fingerprint, SPOOL_FINGERPRINT_SIZE, "%s", print);
	if (m->m.nrecipients < i + 1)
		m->m.nrecipients = i + 1;
}

/* Each row: which of four recipients a message is for (bits), and what the spool says after the rows before it. */
static void a_message_sent_again_is_known(void **state)
{
	static const struct {
		unsigned to;
		bool confirm;
		enum spool_answer answer;
		int deliveries; /* that were added as queued; one folder a recipient */
	} rows[] = {
		{ 0x1, false, SPOOL_ACCEPTED, 1 },
		{ 0x1, false, SPOOL_DUPLICATE, 0 }, /* the whole again */
		{ 0x3, false, SPOOL_ACCEPTED, 1 },  /* with one more: only that one's folder */
		{ 0x2, false, SPOOL_DUPLICATE, 0 }, /* an LMTP client repeats a part */
		{ 0x3, true, SPOOL_DUPLICATE, 0 },
		{ 0x3, false, SPOOL_ACCEPTED, 2 }, /* the reply was read: this is another message, as it were */
		{ 0x4, true, SPOOL_ACCEPTED, 1 },
		{ 0x4, true, SPOOL_ACCEPTED, 1 },
		{ 0xc, false, SPOOL_ACCEPTED, 2 },
		{ 0xe, false, SPOOL_DUPLICATE, 0 }, /* 0x2 is unconfirmed from the sixth row, 0xc from the ninth: known
						     */
	};
	static const char *const addresses[] = { "a@office.example", "b@office.example", "c@office.example",
						 "d@office.example" };
	static const char *const folders[] = { "A", "B", "C", "D" };
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static struct test_message m;
		struct test_answer a;
		int queued = 0;

		message_make(&m, i, "office", "A");
		m.m.nrecipients = m.m.ndeliveries = 0;
		for (size_t k = 0; k < 4; k++)
			if ((rows[i].to >> k & 1) != 0) {
				add_recipient(&m, m.m.nrecipients, addresses[k], "office", addresses[k]);
				m.d[m.m.ndeliveries++].folder = folders[k];
			}
		a = accept_now(&t, &m.m);
		if (a.answer != rows[i].answer)
			fail_msg("row %u: %d", i, (int)a.answer);
		for (size_t k = 0; k < m.m.ndeliveries; k++)
			queued += state_of(&t, m.ids[k]) == DELIVERY_QUEUED;
		if (queued != rows[i].deliveries)
			fail_msg("row %u: %d queued", i, queued);
		if (rows[i].confirm)
			spool_confirm(t.intake, a.ticket, SPOOL_READ);
	}
	spool_remove(&t);
}

/* With a Message-ID the same bytes are the same message until the reply was read; without one only when it was not. */
static void what_has_no_name_is_news(void **state)
{
	static const struct {
		bool named;
		enum spool_reply said[3];
		enum spool_answer answer;
	} rows[] = {
		{ true, { 0 }, SPOOL_DUPLICATE },
		{ true, { SPOOL_SAYING }, SPOOL_DUPLICATE },
		{ true, { SPOOL_CLOSED }, SPOOL_DUPLICATE },
		{ true, { SPOOL_READ }, SPOOL_ACCEPTED },
		{ false, { 0 }, SPOOL_ACCEPTED },
		{ false, { SPOOL_SAYING }, SPOOL_ACCEPTED },
		{ false, { SPOOL_UNREAD }, SPOOL_DUPLICATE },
		{ false, { SPOOL_SAYING, SPOOL_UNREAD }, SPOOL_DUPLICATE },
		{ false, { SPOOL_SAYING, SPOOL_UNREAD, SPOOL_UNSURE }, SPOOL_ACCEPTED },
		{ false, { SPOOL_SAYING, SPOOL_UNREAD, SPOOL_READ }, SPOOL_ACCEPTED },
		{ false, { SPOOL_SAYING, SPOOL_READ }, SPOOL_ACCEPTED },
	};
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static struct test_message m;
		struct test_answer first, second;

		message_make(&m, 2 * i, "office", "A");
		m.m.message_id = rows[i].named ? "<a@b.example>" : NULL;
		memset(m.r[0].fingerprint, (int)i + 1, SPOOL_FINGERPRINT_SIZE);
		first = accept_now(&t, &m.m);
		assert_int_equal(first.answer, SPOOL_ACCEPTED);
		for (size_t k = 0; k < 3 && rows[i].said[k] != SPOOL_NO_WORD; k++)
			spool_confirm(t.intake, first.ticket, rows[i].said[k]);
		message_make(&m, 2 * i + 1, "office", "A");
		m.m.message_id = rows[i].named ? "<a@b.example>" : NULL;
		memset(m.r[0].fingerprint, (int)i + 1, SPOOL_FINGERPRINT_SIZE);
		second = accept_now(&t, &m.m);
		if (second.answer != rows[i].answer)
			fail_msg("row %u: %d", i, (int)second.answer);
		if (second.answer == SPOOL_DUPLICATE) {
			char id[20];

			(void)snprintf(id, sizeof id, "m%015u", 2 * i);
			assert_string_equal(second.id, id);
			assert_int_equal(second.number, first.number);
		}
	}
	spool_remove(&t);
}

/* Fifty at once, the same message twice among them: in one transaction, too, it is recognised. */
static void many_are_taken_in_at_once(void **state)
{
	enum { N = 50 };
	static struct test_message m[N];
	struct test_answer a[N] = { 0 };
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < N; i++) {
		message_make(&m[i], i, i % 2 != 0 ? "office" : "private", "INBOX");
		if (i >= 40)
			memcpy(m[i].r[0].fingerprint, m[i - 40].r[0].fingerprint, SPOOL_FINGERPRINT_SIZE);
		(void)spool_accept(t.intake, &m[i].m, answer_put, &a[i]);
	}
	for (unsigned i = 0; i < N; i++) {
		spool_wait(&t, &a[i].came);
		assert_int_equal(a[i].answer, i < 40 ? SPOOL_ACCEPTED : SPOOL_DUPLICATE);
		if (i >= 40)
			assert_int_equal(a[i].number, a[i - 40].number);
	}
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 40);
	spool_remove(&t);
}

static void one_folder_gets_one_copy(void **state)
{
	static struct test_message m;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "inbox");
	m.d[1].folder = "INBOX";
	m.d[2].folder = "Inbox";
	m.d[2].account = "other";
	m.d[3].folder = "Scans";
	m.m.ndeliveries = 4;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);
	assert_int_equal(state_of(&t, m.ids[1]), DELIVERY_MERGED);
	assert_int_equal(state_of(&t, m.ids[2]), DELIVERY_QUEUED);
	assert_int_equal(state_of(&t, m.ids[3]), DELIVERY_QUEUED);
	/* Discarded: a record, no body. */
	message_make(&m, 2, "office", "INBOX");
	m.m.ndeliveries = 0;
	m.m.body = SLICE_NONE;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM body"), 1);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE finished IS NOT NULL"), 1);
	spool_remove(&t);
}

static void a_thousand_recipients_travel_in_parts(void **state)
{
	enum { N = 1000 };
	static struct test_message m;
	static struct spool_recipient r[N];
	static struct spool_delivery d[N];
	static char ids[N][17], folders[N][20];
	struct spool_store *s;
	struct spool_work *w;
	struct test_spool t;
	struct err e;
	int64_t due;
	size_t n, total = 0;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	for (size_t i = 0; i < N; i++) {
		r[i] = m.r[0];
		memcpy(r[i].fingerprint, &i, sizeof i);
		(void)snprintf(ids[i], sizeof ids[i], "x%015zu", i);
		(void)snprintf(folders[i], sizeof folders[i], "Folder %zu", i);
		d[i] = m.d[0];
		d[i].id = ids[i];
		d[i].folder = folders[i];
		d[i].prefix = slice_of(m.body, 400);
	}
	m.m.recipients = r;
	m.m.deliveries = d;
	m.m.nrecipients = m.m.ndeliveries = N;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	s = store_of(&t, "office");
	for (int i = 0; i < 10000 && total < N; i++) {
		static struct spool_outcome o[SPOOL_BATCH_MAX];

		assert_int_equal(spool_next(s, SPOOL_BATCH_MAX, UINT64_MAX, &w, &n, &due, &e), 0);
		assert_true(n > 0 && n <= SPOOL_BATCH_MAX);
		for (size_t k = 0; k < n; k++)
			o[k] = (struct spool_outcome){ .number = w[k].number, .kind = OUTCOME_REFUSED, .reason = "no" };
		assert_int_equal(spool_settle(s, o, n, &e), 0);
		spool_work_free(w, n);
		total += n;
	}
	assert_int_equal(total, N);
	assert_int_equal(state_of(&t, ids[999]), DELIVERY_QUARANTINED);
	spool_store_free(&s);
	spool_remove(&t);
}

/* ---- the clients ---- */

static void a_lost_spool_is_told(void **state)
{
	static struct test_message m;
	struct test_answer a = { 0 }, b = { 0 };
	struct test_spool t;
	uint64_t handle, upload;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	upload = upload_now(&t, 100);
	(void)kill(t.pid, SIGSTOP);
	message_make(&m, 1, "office", "INBOX");
	(void)spool_accept(t.intake, &m.m, answer_put, &a);
	message_make(&m, 2, "office", "INBOX");
	handle = spool_accept(t.intake, &m.m, answer_put, &b);
	spool_cancel(t.intake, handle);
	(void)spool_end(&t, SIGKILL);
	spool_wait(&t, &a.came);
	assert_int_equal(a.answer, SPOOL_LOST);
	spool_wait(&t, &t.lost);
	assert_false(b.came);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_LOST);
	assert_int_equal(upload_now(&t, 100), 0);
	spool_start(&t);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	/* An upload of the spool that is gone is none of this one's. */
	message_make(&m, 3, "office", "INBOX");
	m.m.body = SLICE_NONE;
	m.m.size = 100;
	m.m.upload = upload;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_through),
		cmocka_unit_test(a_large_body_is_a_file),
		cmocka_unit_test(a_message_sent_again_is_known),
		cmocka_unit_test(what_has_no_name_is_news),
		cmocka_unit_test(many_are_taken_in_at_once),
		cmocka_unit_test(one_folder_gets_one_copy),
		cmocka_unit_test(a_thousand_recipients_travel_in_parts),
		cmocka_unit_test(a_lost_spool_is_told),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
