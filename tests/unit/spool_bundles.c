/* Bodies of middle size, which share files. */
#include "spool_steps.h"
#include "spool_tools.h"

#include <event2/event.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/step.h"
#include "ipc/channel.h"
#include "spool/protocol.h"

enum { OCTETS = 100 * 1000 };

/* Message N, with a body of SIZE octets of its own; BODY is the caller's. */
static void middle_make(struct test_message *m, char *body, unsigned n, size_t size)
{
	message_make(m, n, "office", "INBOX");
	memset(body, (int)('a' + n % 26), size);
	m->m.body = slice_of(body, size);
	m->m.size = size;
}

/* False when the spool has gone. */
static bool wait_for_room(struct test_spool *t, size_t size)
{
	while (!spool_bundles(t->intake, size)) {
		if (t->lost)
			return false;
		(void)event_base_loop(t->base, EVLOOP_ONCE);
	}
	return true;
}

static struct test_answer accept_middle(struct test_spool *t, unsigned n, size_t size)
{
	struct test_answer lost = { .came = true, .answer = SPOOL_LOST };
	static struct test_message m;
	char *body = mem_alloc(size);

	middle_make(&m, body, n, size);
	if (wait_for_room(t, size))
		lost = accept_now(t, &m.m);
	free(body);
	return lost;
}

/* The body of message N as its store gets it. */
static void assert_body(struct spool_store *s, const struct spool_work *w, unsigned n, size_t size)
{
	char *bytes, *got = mem_alloc(size + 1);
	struct err e = { 0 };
	struct stat st;
	size_t len;
	int fd;

	if (spool_body(s, w->message, &bytes, &len, &fd, &e) != 0)
		fail_msg("body: %s", e.text);
	assert_null(bytes);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size); /* and nobody else's */
	assert_int_equal(read(fd, got, size + 1), size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(got[i], 'a' + n % 26);
	(void)close(fd);
	free(got);
}

static struct spool_work *next_work(struct spool_store *s, size_t *n)
{
	struct spool_work *w = NULL;
	struct err e = { 0 };
	int64_t due;

	*n = 0;
	(void)spool_next(s, SPOOL_BATCH_MAX, UINT64_MAX, &w, n, &due, &e);
	return w;
}

static int file_one(struct spool_store *s, int64_t number)
{
	const struct spool_outcome o = { .number = number, .kind = OUTCOME_DONE, .sent = true };
	struct err e = { 0 };

	return spool_in_flight(s, &(struct spool_flight){ number, "INBOX", 5, 6 }, 1, &e) != 0
		   ? -1
		   : spool_settle(s, &o, 1, &e);
}

static void many_share_a_file(void **state)
{
	enum { N = 200 }; /* 20 MB: more than one file takes */
	struct test_spool t;
	struct spool_store *s;
	struct spool_work *w;
	size_t n;
	int files;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(accept_middle(&t, i, OCTETS + i).answer, SPOOL_ACCEPTED);
	files = files_in(&t, "body");
	assert_true(files > 1 && files < 6);
	s = store_of(&t, "office");
	w = next_work(s, &n);
	assert_int_equal(n, N);
	for (unsigned i = 0; i < N; i++)
		assert_body(s, &w[i], i, OCTETS + i);
	/* All but one end: what holds it stays, whole. */
	for (unsigned i = 1; i < N; i++)
		assert_int_equal(file_one(s, w[i].number), 0);
	assert_body(s, &w[0], 0, OCTETS);
	spool_reopen(&t, SIGKILL);
	assert_int_equal(files_in(&t, "body"), 1);
	spool_store_free(&s);
	s = store_of(&t, "office");
	spool_work_free(w, n);
	w = next_work(s, &n);
	assert_int_equal(n, 1);
	assert_body(s, &w[0], 0, OCTETS);
	assert_int_equal(file_one(s, w[0].number), 0);
	assert_int_equal(files_in(&t, "body"), 0);
	spool_work_free(w, n);
	spool_store_free(&s);
	spool_remove(&t);
}

static void a_kill_at_each_step_loses_nothing(void **state)
{
	int64_t *steps;
	struct test_spool t;
	bool killed = true;

	(void)state;
	spool_make(&t);
	steps = steps_begin(&t);
	spool_start(&t);
	for (unsigned n = 1; killed; n++) {
		struct test_answer a[3];
		struct spool_store *s;
		struct spool_work *w;
		size_t nwork;
		unsigned accepted = 0;

		spool_reopen(&t, SIGKILL);
		steps[0] = 0;
		steps[1] = n;
		for (unsigned i = 0; i < 3; i++) {
			a[i] = accept_middle(&t, 3 * n + i, OCTETS + i);
			accepted += a[i].answer == SPOOL_ACCEPTED;
		}
		s = store_of(&t, "office");
		w = next_work(s, &nwork);
		for (size_t i = 0; i < nwork && file_one(s, w[i].number) == 0; i++)
			;
		spool_work_free(w, nwork);
		spool_store_free(&s);
		killed = steps[0] >= (int64_t)n;
		steps[1] = 0;
		spool_reopen(&t, SIGKILL);
		assert_int_equal(files_in(&t, "tmp"), 0);
		/* A client that heard nothing comes again; then all are there once, with their bodies. */
		for (unsigned i = 0; i < 3; i++) {
			struct test_answer again = accept_middle(&t, 3 * n + i, OCTETS + i);

			assert_true(again.answer == SPOOL_ACCEPTED || again.answer == SPOOL_DUPLICATE);
			if (a[i].answer == SPOOL_ACCEPTED)
				assert_int_equal(again.answer, SPOOL_DUPLICATE);
		}
		s = store_of(&t, "office");
		w = next_work(s, &nwork);
		for (size_t i = 0; i < nwork; i++) {
			assert_true(w[i].size >= OCTETS && w[i].size < OCTETS + 3);
			assert_body(s, &w[i], 3 * n + (unsigned)(w[i].size - OCTETS), w[i].size);
			assert_int_equal(file_one(s, w[i].number), 0);
		}
		spool_work_free(w, nwork);
		spool_store_free(&s);
		(void)spool_end(&t, 0);
		assert_int_equal(files_in(&t, "body"), 0);
		assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 3 * n);
		assert_int_equal(count_in_database(&t, "SELECT count(*) FROM delivery WHERE state = 7"), 3 * n);
		spool_start(&t);
	}
	assert_true(steps[0] > 20);
	steps_end();
	spool_remove(&t);
}

static char found[200];

static int find_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_F)
		(void)snprintf(found, sizeof found, "%s", path);
	return 0;
}

static void a_file_that_was_cut_spares_those_in_front(void **state)
{
	struct test_spool t;
	struct spool_store *s;
	struct spool_work *w;
	char *path, *bytes;
	struct err e = { 0 };
	size_t n, len;
	int fd;

	(void)state;
	for (int late = 0; late < 2; late++) {
		spool_make(&t);
		spool_start(&t);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(accept_middle(&t, i, OCTETS).answer, SPOOL_ACCEPTED);
		path = mem_printf("%s/body", t.dir);
		(void)nftw(path, find_one, 20, FTW_PHYS);
		free(path);
		if (late == 0)
			(void)spool_end(&t, SIGKILL);
		assert_int_equal(truncate(found, 2 * OCTETS - 1), 0);
		if (late == 0)
			spool_start(&t);
		s = store_of(&t, "office");
		w = next_work(s, &n);
		assert_int_equal(n, 1 + late);
		assert_body(s, &w[0], 0, OCTETS);
		if (late != 0) {
			assert_int_equal(spool_body(s, w[1].message, &bytes, &len, &fd, &e), -1);
			assert_int_equal(e.class, ERR_PERM);
		}
		assert_int_equal(state_of(&t, "d000000000000001"), DELIVERY_QUARANTINED);
		spool_work_free(w, n);
		spool_store_free(&s);
		spool_remove(&t);
	}
}

static void a_file_that_can_not_be_placed_takes_nothing_more(void **state)
{
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (const char *c = "0123456789abcdefghijklmnopqrstuvwxyz"; *c != '\0'; c++) {
		char *path = mem_printf("%s/body/%c", t.dir, *c);

		assert_int_equal(rmdir(path), 0);
		free(path);
	}
	assert_int_equal(accept_middle(&t, 1, OCTETS).answer, SPOOL_FAILED);
	for (const char *c = "0123456789abcdefghijklmnopqrstuvwxyz"; *c != '\0'; c++) {
		char *path = mem_printf("%s/body/%c", t.dir, *c);

		assert_int_equal(mkdir(path, 0700), 0);
		free(path);
	}
	/* The next one goes into another. */
	assert_int_equal(accept_middle(&t, 2, OCTETS).answer, SPOOL_ACCEPTED);
	assert_int_equal(files_in(&t, "body"), 1);
	(void)spool_end(&t, 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 1);
	spool_remove(&t);
}

/* ---- who names what it may not ---- */

static int ask_for_bundle(int fd, int64_t *number)
{
	int fds[IPC_FDS_MAX] = { -1 };
	struct ipc_out out;
	struct ipc_in in;
	struct buf frame;
	struct reply reply;
	struct pool a = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	ipc_out_init(&out);
	ipc_begin(&out, REQUEST_BUNDLE, 7);
	assert_int_equal(ipc_send(fd, &out, NULL, 0, &e), 0);
	ipc_out_free(&out);
	buf_init(&frame, IPC_MAX);
	assert_int_equal(ipc_receive(fd, &frame, &in, fds, &n, 10000, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(protocol_get_one(&wire_reply, in.rest, &reply, &a, &e), 0);
	*number = reply.number;
	pool_free(&a);
	buf_free(&frame);
	return fds[0];
}

static bool is_put_out(int fd)
{
	char bytes[1000];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, 10000) <= 0)
			return false;
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n <= 0)
			return true;
	}
}

static void send_message(int fd, unsigned n, int64_t bundle, uint64_t at, uint64_t size)
{
	static struct test_message m;
	struct packets p = { 0 };
	struct err e = { 0 };

	message_make(&m, n, "office", "INBOX");
	m.m.body = SLICE_NONE;
	m.m.bundle = (uint64_t)bundle;
	m.m.at = at;
	m.m.size = size;
	packets_begin(&p, REQUEST_ACCEPT, n);
	protocol_put_message(&p, &m.m);
	assert_false(p.failed);
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(ipc_send(fd, &p.all[i], NULL, 0, &e), 0);
	packets_free(&p);
}

static void nobody_names_anothers_bytes(void **state)
{
	static const struct {
		int64_t wrong; /* added to the number */
		uint64_t at, size;
	} rows[] = {
		{ 1, 1000, 100 },		  /* no such file */
		{ 0, 900, 200 },		  /* over the end of the message before */
		{ 0, 0, 100 },			  /* in front of it */
		{ 0, BUNDLE_MAX - 10, 11 },	  /* beyond what a file has */
		{ 0, 1000, (uint64_t)INT64_MAX }, /* far beyond */
	};
	struct test_spool t;
	unsigned n = 0;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int fd = spool_peer(&t, SPOOL_PEER_INTAKE, ""), body;
		int64_t number;

		body = ask_for_bundle(fd, &number);
		assert_int_equal(ftruncate(body, 2000), 0);
		send_message(fd, ++n, number, 0, 1000);
		send_message(fd, ++n, number + rows[i].wrong, rows[i].at, rows[i].size);
		assert_true(is_put_out(fd));
		(void)close(body);
		(void)close(fd);
	}
	/* What was announced and is not there is refused. */
	{
		int fd = spool_peer(&t, SPOOL_PEER_INTAKE, ""), body;
		struct test_answer a;
		int64_t number;

		body = ask_for_bundle(fd, &number);
		assert_int_equal(ftruncate(body, 999), 0);
		send_message(fd, ++n, number, 0, 1000);
		a = accept_middle(&t, 1000, OCTETS); /* of another: goes on */
		assert_int_equal(a.answer, SPOOL_ACCEPTED);
		(void)close(body);
		(void)close(fd);
	}
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE size = 1000"),
			 count_in_database(&t, "SELECT count(*) FROM message WHERE size = 1000 AND place = 0"));
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE place > 0 AND size < 2000"), 0);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_share_a_file),
		cmocka_unit_test(a_kill_at_each_step_loses_nothing),
		cmocka_unit_test(a_file_that_was_cut_spares_those_in_front),
		cmocka_unit_test(a_file_that_can_not_be_placed_takes_nothing_more),
		cmocka_unit_test(nobody_names_anothers_bytes),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("spool_bundles", tests, NULL, NULL);
}
