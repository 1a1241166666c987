/* Programs that ask for what they may not: forged, foreign, broken and endless requests. */
#include "spool_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "spool/protocol.h"

/* Whether the server closes FD within MS; what it sends meanwhile is thrown away. */
static bool is_put_out(int fd, int ms)
{
	char bytes[1000];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, ms) <= 0)
			return false;
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
	}
}

static void send_packets(int fd, struct packets *p)
{
	struct err e;

	for (size_t i = 0; i < p->n; i++)
		(void)ipc_send(fd, &p->all[i], NULL, 0, &e);
}

/* A well-formed request of each type, about delivery and message 1. */
static void put_request(struct packets *p, enum request type)
{
	static struct test_message m, further;
	const struct spool_memory key = { .account = "office", .key = "k", .seconds = 100, .once = true };
	const struct ask ask = { .number = 1, .count = 10, .octets = 1000000, .time = 1 };
	const struct spool_flight flight = { 1, "INBOX", 1, 1 };
	const struct spool_outcome outcome = { .number = 1, .kind = OUTCOME_DONE };
	const struct query query = { .action = SPOOL_DELETE };
	const struct page_of page = { .folder = 1, .fates = 2, .settled = 7, .before = 1000, .source = 1 };
	const struct origin_folder folder = { .name = "INBOX", .uidvalidity = 1 };
	const struct origin_change change = { .act = ORIGIN_FORGET, .o = { .number = 1 } };
	const struct source_run run = { .started_ms = 1 };
	const struct id id = { .number = 0, .id = "d000000000000001" };
	const struct ask source = { .text = "old" };
	const struct entry entry = { .i = { .name = "uidl-1" }, .n = 1 };

	packets_begin(p, (uint16_t)type, 77);
	switch (type) {
	case REQUEST_ACCEPT:
		message_make(&m, 900, "office", "INBOX");
		message_make(&further, 901, "office", "INBOX");
		m.m.further = &further.m;
		m.m.nfurther = 1;
		m.m.memory = &key;
		m.m.nmemory = 1;
		protocol_put_message(p, &m.m);
		break;
	case REQUEST_RECALL:
		packets_put(p, &wire_key, &key);
		break;
	case REQUEST_IN_FLIGHT:
		packets_put(p, &wire_flight, &flight);
		break;
	case REQUEST_SETTLE:
		packets_put(p, &wire_outcome, &outcome);
		break;
	case REQUEST_FIND:
	case REQUEST_ACT:
		packets_put(p, &wire_query, &query);
		break;
	case REQUEST_FOLDERS:
	case REQUEST_ORIGINS:
	case REQUEST_PENDING:
	case REQUEST_SOURCES:
	case REQUEST_COUNTS:
		packets_put(p, &wire_page, &page);
		break;
	case REQUEST_FOLDER_PUT:
		packets_put(p, &wire_folder, &folder);
		break;
	case REQUEST_ORIGIN_CHANGE:
		packets_put(p, &wire_origin_change, &change);
		break;
	case REQUEST_MINE:
		packets_put(p, &wire_id, &id);
		break;
	case REQUEST_RAN:
		packets_put(p, &wire_run, &run);
		break;
	case REQUEST_SOURCE_FORGET:
		packets_put(p, &wire_ask, &source);
		break;
	case REQUEST_SOURCE_IMPORT:
		packets_put(p, &wire_ask, &source);
		packets_put(p, &wire_entry, &entry);
		break;
	case REQUEST_UPLOAD:
	case REQUEST_BUNDLE:
	case REQUEST_ACCOUNT:
	case REQUEST_ACCOUNTS:
	case REQUEST_LAST:
		break;
	default:
		packets_put(p, &wire_ask, &ask);
		break;
	}
	assert_false(p->failed);
}

/* The name that a peer of that role is bound to. */
static const char *name_of(enum spool_peer role)
{
	switch (role) {
	case SPOOL_PEER_STORE:
		return "office";
	case SPOOL_PEER_FETCH:
	case SPOOL_PEER_MEMORY:
		return "old";
	default:
		return "";
	}
}

static void each_role_asks_only_what_it_may(void **state)
{
	enum { TAKES_IN = SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH };
	static const unsigned may[REQUEST_END] = {
		[REQUEST_ACCEPT] = TAKES_IN,
		[REQUEST_UPLOAD] = TAKES_IN,
		[REQUEST_UPLOAD_DROP] = TAKES_IN,
		[REQUEST_BUNDLE] = TAKES_IN,
		[REQUEST_RECALL] = TAKES_IN,
		[REQUEST_CONFIRM] = SPOOL_PEER_INTAKE,
		[REQUEST_NEXT] = SPOOL_PEER_STORE,
		[REQUEST_BODY] = SPOOL_PEER_STORE,
		[REQUEST_IN_FLIGHT] = SPOOL_PEER_STORE,
		[REQUEST_SETTLE] = SPOOL_PEER_STORE,
		[REQUEST_HOLD] = SPOOL_PEER_STORE,
		[REQUEST_ACCOUNT] = SPOOL_PEER_STORE,
		[REQUEST_FIND] = SPOOL_PEER_ADMIN,
		[REQUEST_ACCOUNTS] = SPOOL_PEER_ADMIN,
		[REQUEST_ACT] = SPOOL_PEER_ADMIN,
		[REQUEST_TELL] = SPOOL_PEER_STORE,
		[REQUEST_BODIES] = SPOOL_PEER_STORE,
		[REQUEST_FACTS] = TAKES_IN | SPOOL_PEER_ADMIN,
		[REQUEST_FOLDERS] = SPOOL_PEER_MEMORY,
		[REQUEST_FOLDER_PUT] = SPOOL_PEER_MEMORY,
		[REQUEST_FOLDER_DROP] = SPOOL_PEER_MEMORY,
		[REQUEST_ORIGINS] = SPOOL_PEER_MEMORY,
		[REQUEST_PENDING] = SPOOL_PEER_MEMORY,
		[REQUEST_ORIGIN_CHANGE] = SPOOL_PEER_MEMORY,
		[REQUEST_MINE] = SPOOL_PEER_MEMORY,
		[REQUEST_RAN] = SPOOL_PEER_MEMORY | SPOOL_PEER_ADMIN,
		[REQUEST_LAST] = SPOOL_PEER_MEMORY,
		[REQUEST_SOURCES] = SPOOL_PEER_ADMIN,
		[REQUEST_COUNTS] = SPOOL_PEER_ADMIN,
		[REQUEST_SOURCE_FORGET] = SPOOL_PEER_ADMIN,
		[REQUEST_SOURCE_IMPORT] = SPOOL_PEER_ADMIN,
	};
	static const enum spool_peer roles[] = { SPOOL_PEER_INTAKE, SPOOL_PEER_STORE, SPOOL_PEER_ADMIN,
						 SPOOL_PEER_FETCH, SPOOL_PEER_MEMORY };
	static struct test_message m;
	struct test_spool t;
	struct packets p = { 0 };

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).number, 1);
	for (int type = 1; type < REQUEST_END; type++)
		for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
			int fd;

			if ((may[type] & roles[i]) != 0)
				continue;
			fd = spool_peer(&t, roles[i], name_of(roles[i]));
			put_request(&p, (enum request)type);
			send_packets(fd, &p);
			if (!is_put_out(fd, 5000))
				fail_msg("request %d by role %d was heard", type, (int)roles[i]);
			(void)close(fd);
		}
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);
	packets_free(&p);
	spool_remove(&t);
}

/* What the client's side would not send: pieces of a request that do not fit together. */
static void a_family_must_fit_together(void **state)
{
	static const struct {
		const char *name;
		int recipient, delivery, further; /* to which message each belongs; how many further ones */
		int to;				  /* of the memory */
		bool group, bundle, idle, whole;
	} rows[] = {
		{ "as it should be", 1, 1, 1, 0, .whole = true },
		{ "a delivery of one that is not there", 1, 2, 1, 0, .whole = false },
		{ "a recipient of one that is not there", 2, 1, 1, 0, .whole = false },
		{ "none that has the parts", 1, 1, 0, 0, .whole = false },
		{ "one without a delivery", 1, 1, 2, 0, .whole = false },
		{ "its own leave to send outward", 1, 1, 1, 0, .group = true },
		{ "a body among others", 1, 1, 1, 0, .bundle = true },
		{ "memory of one who is not there", 1, 1, 1, 1, .whole = false },
		{ "bytes that are not there", 1, 1, 1, 0, .idle = true },
	};
	static struct test_message m, f;
	struct test_spool t;
	struct packets p = { 0 };

	(void)state;
	spool_make(&t);
	spool_start(&t);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct spool_memory key = { .account = "office", .key = "k", .seconds = 100, .to = rows[i].to };
		int fd = spool_peer(&t, SPOOL_PEER_INTAKE, "");

		message_make(&m, 10 * i + 1, "office", "INBOX");
		message_make(&f, 10 * i + 2, "office", "Edited");
		f.m.relay_group = rows[i].group ? "office" : NULL;
		if (rows[i].bundle) {
			f.m.bundle = 1;
			f.m.body = SLICE_NONE;
		}
		if (rows[i].idle)
			f.m.size += 1;
		f.r[0].of = rows[i].recipient;
		f.d[0].of = rows[i].delivery;
		packets_begin(&p, REQUEST_ACCEPT, 77);
		packets_put(&p, &wire_message, &m.m);
		packets_put(&p, &wire_recipient, &m.r[0]);
		packets_put(&p, &wire_delivery, &m.d[0]);
		for (int k = 0; k < rows[i].further; k++)
			packets_put(&p, &wire_further, &f.m);
		packets_put(&p, &wire_recipient, &f.r[0]);
		packets_put(&p, &wire_delivery, &f.d[0]);
		packets_put(&p, &wire_key, &key);
		assert_false(p.failed);
		send_packets(fd, &p);
		if (is_put_out(fd, rows[i].whole ? 500 : 5000) == rows[i].whole)
			fail_msg("%s", rows[i].name);
		(void)close(fd);
		assert_int_equal(state_of(&t, m.ids[0]), rows[i].whole ? DELIVERY_QUEUED : 0);
		assert_int_equal(state_of(&t, f.ids[0]), rows[i].whole ? DELIVERY_QUEUED : 0);
	}
	packets_free(&p);
	spool_remove(&t);
}

static void a_store_has_only_its_account(void **state)
{
	static const enum request types[] = { REQUEST_BODY, REQUEST_IN_FLIGHT, REQUEST_SETTLE };
	static struct test_message m;
	struct test_spool t;
	struct packets p = { 0 };
	struct spool_store *s;
	struct spool_work *w;
	struct err e;
	int64_t due;
	size_t n;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).number, 1);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		int fd = spool_peer(&t, SPOOL_PEER_STORE, "other");

		put_request(&p, types[i]);
		send_packets(fd, &p);
		assert_true(is_put_out(fd, 5000));
		(void)close(fd);
	}
	s = spool_store_new(spool_peer(&t, SPOOL_PEER_STORE, "other"));
	assert_int_equal(spool_next(s, 100, 1 << 20, &w, &n, &due, &e), 0);
	assert_int_equal(n, 0);
	spool_work_free(w, n);
	spool_store_free(&s);
	assert_int_equal(state_of(&t, m.ids[0]), DELIVERY_QUEUED);
	packets_free(&p);
	spool_remove(&t);
}

/* A receiver confirms what it took in itself, nobody else's. */
static void a_confirmation_is_the_receivers_own(void **state)
{
	static struct test_message m;
	struct test_spool t;
	struct spool_intake *other;
	struct test_answer first, second;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	message_make(&m, 1, "office", "INBOX");
	first = accept_now(&t, &m.m);
	assert_int_equal(first.answer, SPOOL_ACCEPTED);
	other = spool_intake_new(t.base, spool_peer(&t, SPOOL_PEER_INTAKE, ""), NULL, NULL);
	spool_confirm(other, first.ticket, SPOOL_READ);
	spool_intake_free(&other);
	(void)usleep(300 * 1000);
	(void)snprintf(m.id, sizeof m.id, "m000000000000002");
	second = accept_now(&t, &m.m);
	assert_int_equal(second.answer, SPOOL_DUPLICATE);
	/* Its reply has not been read, whatever becomes of the first. */
	spool_confirm(t.intake, first.ticket, SPOOL_READ);
	(void)snprintf(m.id, sizeof m.id, "m000000000000003");
	second = accept_now(&t, &m.m);
	assert_int_equal(second.answer, SPOOL_DUPLICATE);
	spool_confirm(t.intake, second.ticket, SPOOL_READ);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	spool_remove(&t);
}

/* ---- malformed ---- */

static uint32_t seed = 1;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* One of the mistakes that a broken or hostile program makes. */
static void spoil(struct buf *b)
{
	size_t at;
	char *copy;

	switch (dice(6)) {
	case 0: /* a bit */
		at = dice((uint32_t)b->n);
		b->p[at] = (char)(b->p[at] ^ 1 << dice(8));
		break;
	case 1: /* a byte */
		b->p[dice((uint32_t)b->n)] = (char)dice(256);
		break;
	case 2: /* a length or a number */
		at = dice((uint32_t)b->n);
		for (size_t i = at; i < b->n && i < at + 4; i++)
			b->p[i] = (char)(dice(2) != 0 ? 0xff : 0x7f);
		break;
	case 3:
		buf_truncate(b, dice((uint32_t)b->n + 1));
		break;
	case 4: /* a piece twice */
		at = dice((uint32_t)b->n);
		copy = slice_dup(slice_of(b->p + at, b->n - at));
		(void)buf_add(b, copy, b->n - at);
		free(copy);
		break;
	default: /* another type */
		if (b->n > 3)
			b->p[2] = (char)dice(REQUEST_END + 2);
		break;
	}
}

/* Thousands of spoiled requests by every role: the spool stays, and what is not theirs stays as it was. */
static void forged_requests_do_no_harm(void **state)
{
	static struct test_message m, other;
	struct test_spool t;
	struct spool_origin other_origin;
	const struct spool_origin origin = { .folder = 2, .uid = 7, .fate = ORIGIN_TAKEN };
	struct test_fetcher f;
	struct packets p = { 0 };

	(void)state;
	spool_make(&t);
	spool_start(&t);
	/* What another source remembers stands in folder 1; "old" has 2. */
	fetcher_start(&t, &f, "other");
	assert_int_equal(fetcher_folder(&f, "INBOX", 1), 1);
	message_make(&m, 10, "private", "INBOX");
	message_fetched(&m, &other_origin, 1, 1, NULL);
	assert_int_equal(accept_by(&t, f.door, &m.m).number, 1);
	fetcher_end(&f);
	fetcher_start(&t, &f, "old");
	assert_int_equal(fetcher_folder(&f, "INBOX", 1), 2);
	fetcher_end(&f);
	message_make(&m, 1, "office", "INBOX");
	message_make(&other, 2, "private", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).number, 2);
	assert_int_equal(accept_now(&t, &other.m).number, 3);
	for (unsigned round = 0; round < 6000; round++) {
		static const struct {
			enum spool_peer role;
			int first, n; /* what it may ask */
		} rows[] = {
			{ SPOOL_PEER_INTAKE, REQUEST_ACCEPT, 4 },
			{ SPOOL_PEER_STORE, REQUEST_NEXT, 6 },
			{ SPOOL_PEER_FETCH, REQUEST_ACCEPT, 3 },
			{ SPOOL_PEER_MEMORY, REQUEST_FOLDERS, REQUEST_LAST - REQUEST_FOLDERS + 1 },
		};
		size_t row = round % (sizeof rows / sizeof rows[0]);
		int fd = spool_peer(&t, rows[row].role, name_of(rows[row].role));
		struct buf b;

		put_request(&p, (enum request)(rows[row].first + (int)dice((uint32_t)rows[row].n)));
		if (rows[row].role == SPOOL_PEER_FETCH && p.type == REQUEST_ACCEPT)
			packets_put(&p, &wire_origin, &origin);
		buf_init(&b, IPC_MAX);
		(void)buf_add_slice(&b, buf_slice(&p.all[0].buf));
		for (uint32_t i = dice(3); i < 3 && b.n > 0; i++)
			spoil(&b);
		(void)send(fd, b.p, b.n, MSG_NOSIGNAL);
		buf_free(&b);
		(void)close(fd);
	}
	assert_int_equal(state_of(&t, other.ids[0]), DELIVERY_QUEUED);
	message_make(&m, 3, "office", "INBOX");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(
	    count_in_database(&t, "SELECT count(*) FROM delivery WHERE account = 'private' AND state <> 1"), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM origin WHERE folder = 1 AND uid = 1 AND fate = 1"
					       " AND message = 1 AND settled = 0 AND absent + removal + handled = 0"),
			 1);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM origin WHERE folder = 1"), 1);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM source WHERE name = 'other' AND started = 0"), 1);
	assert_int_equal(
	    count_in_database(&t, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	packets_free(&p);
	spool_remove(&t);
}

/* Who sends outward is for receivers to know: a fetcher can't have the day's number of a group counted. */
static void what_is_fetched_names_no_group(void **state)
{
	static struct test_message m;
	struct spool_origin origin;
	struct test_fetcher f;
	struct test_spool t;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	fetcher_start(&t, &f, "old");
	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &origin, fetcher_folder(&f, "INBOX", 1), 1, NULL);
	m.m.relay_group = "office";
	assert_int_equal(accept_by(&t, f.door, &m.m).answer, SPOOL_LOST);
	fetcher_end(&f);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message"), 0);
	spool_remove(&t);
}

/* Requests that never end, or come without end, cost a bounded amount and nobody else's time. */
static void a_flood_is_bounded(void **state)
{
	static struct test_message m;
	struct test_spool t;
	struct packets p = { 0 };
	uint64_t last = 1;
	unsigned n = 0;
	struct err e;
	int fd;

	(void)state;
	spool_make(&t);
	spool_start(&t);
	/* Parts of a request that is never complete. */
	fd = spool_peer(&t, SPOOL_PEER_INTAKE, "");
	message_make(&m, 1, "office", "INBOX");
	for (unsigned i = 0; i < 200; i++) {
		struct ipc_out out;

		ipc_out_init(&out);
		ipc_begin(&out, REQUEST_ACCEPT, 1);
		ipc_put_bytes(&out, 99, slice_of(m.body, 60000));
		ipc_put_number(&out, FIELD_MORE, 1);
		if (ipc_send(fd, &out, NULL, 0, &e) != 0)
			i = 200;
		ipc_out_free(&out);
	}
	assert_true(is_put_out(fd, 5000));
	(void)close(fd);
	/* Questions whose answers are not read. */
	fd = spool_peer(&t, SPOOL_PEER_STORE, "office");
	put_request(&p, REQUEST_ACCOUNT);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	for (unsigned i = 0; i < 20000; i++)
		(void)send(fd, p.all[0].buf.p, p.all[0].buf.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	(void)close(fd);
	/* Uploads that are never used. */
	while (n < 2000 && (last = upload_now(&t, 0)) != 0)
		n++;
	assert_int_equal(last, 0);
	assert_true(n >= 100);
	assert_int_equal(spool_end(&t, 0), 0);
	packets_free(&p);
	spool_remove(&t);
}

/* ---- the receiver's side: what does not fit is refused before it is sent ---- */

static void what_does_not_fit_is_not_sent(void **state)
{
	static struct test_message m;
	struct test_spool t;
	char *huge = mem_alloc(100001);

	(void)state;
	memset(huge, 'x', 100000);
	spool_make(&t);
	spool_start(&t);
	/* Words for people are cut and cleaned. */
	message_make(&m, 1, "office", "INBOX");
	m.m.subject = huge;
	m.m.helo = "evil\nhelo\xff";
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	/* What means something is not. */
	message_make(&m, 2, "office", huge);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	message_make(&m, 3, "office", "a\nb");
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	message_make(&m, 4, "office", "INBOX");
	m.m.id = "short";
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	message_make(&m, 5, "office", "INBOX");
	m.m.size++;
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_FAILED);
	assert_int_equal(spool_end(&t, 0), 0);
	assert_int_equal(count_in_database(&t, "SELECT length(subject) FROM message"), SPOOL_TEXT_MAX);
	assert_int_equal(count_in_database(&t, "SELECT count(*) FROM message WHERE helo = 'evil helo?'"), 1);
	free(huge);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_asks_only_what_it_may),
		cmocka_unit_test(a_family_must_fit_together),
		cmocka_unit_test(a_store_has_only_its_account),
		cmocka_unit_test(a_confirmation_is_the_receivers_own),
		cmocka_unit_test(forged_requests_do_no_harm),
		cmocka_unit_test(what_is_fetched_names_no_group),
		cmocka_unit_test(a_flood_is_bounded),
		cmocka_unit_test(what_does_not_fit_is_not_sent),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_hostile", tests, NULL, NULL);
}
