/* What receivers tell each other of their clients, and that limits go by the sum of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smtp/sources.h"
#include "smtp_fake.h"

/* Processes that share one memory: each has its own mapping of it, as in life. */
struct world {
	int fd;
	struct tally *t[3];
	struct sources *s[3];
	struct smtp_service service[3];
};

static int set_up(void **state)
{
	static struct world w;
	struct err e;

	w = (struct world){ .fd = tally_create(&e) };
	assert_true(w.fd >= 0);
	for (unsigned i = 0; i < 3; i++) {
		w.t[i] = tally_open(w.fd, i == 2 ? 77 : i, &e);
		assert_non_null(w.t[i]);
		w.s[i] = sources_new(w.t[i]);
		w.service[i] = (struct smtp_service){ .tally = w.t[i] };
	}
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		sources_free(&w->s[i]);
		tally_close(&w->t[i]);
	}
	(void)close(w->fd);
	return 0;
}

static struct smtp_source *get(struct world *w, unsigned i, uint32_t address)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(address) } };

	return sources_get(w->s[i], (struct sockaddr *)&sa);
}

static uint64_t sessions(struct world *w, unsigned i, const struct smtp_source *s)
{
	return source_sum(&w->service[i], s).sessions;
}

static void sessions_are_counted_over_all(void **state)
{
	struct world *w = *state;
	struct smtp_source *a = get(w, 0, 1), *b, *c;

	assert_int_equal(sessions(w, 0, a), 1);
	b = get(w, 1, 1);
	assert_int_equal(sessions(w, 1, b), 2);
	assert_int_equal(sessions(w, 0, a), 2);
	assert_ptr_equal(get(w, 1, 1), b);
	c = get(w, 2, 1);
	assert_int_equal(sessions(w, 2, c), 4);
	/* Another address has nothing to do with it. */
	assert_int_equal(sessions(w, 0, get(w, 0, 2)), 1);
	sources_put(w->s[1], b);
	assert_int_equal(sessions(w, 0, a), 3);
	sources_put(w->s[1], b);
	sources_put(w->s[2], c);
	assert_int_equal(sessions(w, 0, a), 1);
	sources_put(w->s[0], a);
	assert_int_equal(sessions(w, 1, get(w, 1, 1)), 1);
}

static void octets_are_counted_over_all(void **state)
{
	struct world *w = *state;
	struct smtp_source *a = get(w, 0, 1), *b = get(w, 1, 1), *c = get(w, 1, 2);

	source_count(&w->service[0], a, 1000);
	source_count(&w->service[1], b, 200);
	source_count(&w->service[1], c, 30);
	source_count(&w->service[1], NULL, 4); /* of a UNIX socket */
	assert_int_equal(source_sum(&w->service[0], a).octets, 1200);
	assert_int_equal(source_sum(&w->service[1], b).octets, 1200);
	assert_int_equal(source_sum(&w->service[1], c).octets, 30);
	assert_int_equal(source_sum(&w->service[1], NULL).octets, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(source_all(&w->service[i]), 1234);
	source_count(&w->service[0], a, -1000);
	assert_int_equal(source_sum(&w->service[1], b).octets, 200);
	assert_int_equal(source_all(&w->service[2]), 234);
}

/* What a process had goes with it, whatever it was doing; who comes to its place begins with nothing. */
static void a_place_is_cleared(void **state)
{
	struct world *w = *state;
	struct smtp_source *a = get(w, 0, 1), *b = get(w, 1, 1);
	struct tally *next;
	struct err e;

	source_count(&w->service[1], b, 500);
	assert_int_equal(sessions(w, 0, a), 2);
	tally_clear(w->fd, 1);
	assert_int_equal(sessions(w, 0, a), 1);
	assert_int_equal(source_all(&w->service[0]), 0);
	next = tally_open(w->fd, 1, &e);
	assert_non_null(next);
	assert_int_equal(tally_others(next, &a->mark).sessions, 1); /* of place 0 */
	assert_int_equal(sessions(w, 0, a), 1);
	tally_close(&next);
	tally_clear(w->fd, TALLY_PLACES);
	tally_clear(w->fd, UINT32_MAX);
	tally_clear(-1, 0);
	assert_int_equal(sessions(w, 0, a), 1);
}

/* Whoever was broken into can write in all of it: that ends with him, and what he says is no more than much. */
static void what_is_written_in_the_place_of_none_is_cleared(void **state)
{
	struct world *w = *state;
	struct smtp_source *a = get(w, 0, 1);
	bool held[TALLY_PLACES] = { true, true, [77] = true, [126] = true };
	const uint64_t key[2] = { 1, htonl(1) }, much = (uint64_t)1 << 48;
	struct tally_mark mark;
	struct tally *forged;
	struct err e;

	source_count(&w->service[0], a, 10);
	source_count(&w->service[1], get(w, 1, 1), 100);
	for (unsigned i = 126; i < 128; i++) {
		forged = tally_open(w->fd, i, &e);
		assert_non_null(forged);
		tally_tell_all(forged, UINT64_MAX);
		tally_mark(forged, key, &mark);
		assert_non_null(mark.own);
		tally_tell(&mark, (struct tally_sum){ UINT64_MAX, UINT64_MAX });
		tally_close(&forged);
	}
	assert_int_equal(sessions(w, 0, a), 2 + 2 * much);
	assert_int_equal(source_sum(&w->service[0], a).octets, 110 + 2 * much);
	assert_int_equal(source_all(&w->service[0]), 110 + 2 * much);
	tally_sweep(w->fd, held);
	assert_int_equal(sessions(w, 0, a), 2 + much);
	assert_int_equal(source_all(&w->service[0]), 110 + much);
	held[126] = false;
	tally_sweep(w->fd, held);
	tally_sweep(-1, held);
	assert_int_equal(sessions(w, 0, a), 2);
	assert_int_equal(source_sum(&w->service[0], a).octets, 110);
	assert_int_equal(source_all(&w->service[0]), 110);
}

/* More addresses than a place has room for: those that fit are told, each process still knows all of its own. */
static void there_is_an_end_to_room(void **state)
{
	enum { MANY = 40000 };
	struct world *w = *state;
	static struct smtp_source *all[MANY];
	size_t told = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		all[i] = get(w, 0, i);
		assert_int_equal(sessions(w, 0, all[i]), 1);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct smtp_source *other = get(w, 1, i);
		const uint64_t n = sessions(w, 1, other);

		assert_true(n == 1 || n == 2);
		told += n == 2;
		sources_put(w->s[1], other);
	}
	assert_in_range(told, 5000, 8192);
	for (uint32_t i = 0; i < MANY; i++)
		sources_put(w->s[0], all[i]);
	/* All of it is free again. */
	for (uint32_t i = 0; i < 2000; i++)
		all[i] = get(w, 0, i);
	told = 0;
	for (uint32_t i = 0; i < 2000; i++)
		told += sessions(w, 1, get(w, 1, i)) == 2;
	assert_in_range(told, 1950, 2000);
}

static void without_a_place_it_reads_and_says_nothing(void **state)
{
	struct world *w = *state;
	struct smtp_source *a = get(w, 0, 1);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(1) } };
	struct smtp_service service = { 0 };
	struct sources *s;
	struct smtp_source *x;
	struct err e;

	service.tally = tally_open(w->fd, TALLY_PLACES, &e);
	s = sources_new(service.tally);
	x = sources_get(s, (struct sockaddr *)&sa);
	source_count(&service, x, 100);
	assert_int_equal(source_sum(&service, x).sessions, 2);
	assert_int_equal(source_all(&service), 100);
	assert_int_equal(sessions(w, 0, a), 1);
	assert_int_equal(source_all(&w->service[0]), 0);
	sources_free(&s);
	tally_close(&service.tally);
	/* Nor are there others at all. */
	s = sources_new(NULL);
	service = (struct smtp_service){ 0 };
	x = sources_get(s, (struct sockaddr *)&sa);
	source_count(&service, x, 100);
	assert_int_equal(source_sum(&service, x).sessions, 1);
	assert_int_equal(source_sum(&service, x).octets, 100);
	sources_free(&s);
}

static void other_memory_is_not_taken(void **state)
{
	const int fd = memfd_create("x", MFD_CLOEXEC);
	struct err e;

	(void)state;
	assert_null(tally_open(fd, 0, &e));
	assert_int_equal(ftruncate(fd, lseek(((struct world *)*state)->fd, 0, SEEK_END)), 0);
	assert_null(tally_open(fd, 0, &e)); /* it could shrink */
	(void)close(fd);
}

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"200K\"; unaccepted = \"300K\"; unaccepted_per_address = \"200K\"; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\" ]; }; };\n";

/* A session of one process is refused for what others have in hand: of its address, and in all. */
static void mail_under_way_elsewhere_counts(void **state)
{
	struct world *w = *state;
	static const struct {
		uint32_t address;
		int64_t octets;
		const char *answer;
	} rows[] = {
		{ 1, 190 * 1024, "250 2.1.0" }, { 1, 210 * 1024, "452 4.3.1" }, { 2, 210 * 1024, "250 2.1.0" },
		{ 2, 310 * 1024, "452 4.3.1" },
	};
	static struct fake f;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smtp_source *other = get(w, 1, rows[i].address), *own = get(w, 0, 1);

		fake_open(&f, config, NULL);
		f.service.tally = w->t[0];
		f.source = *own;
		fake_connect(&f, 0);
		source_count(&w->service[1], other, rows[i].octets);
		fake_send(&f, SLICE_LIT("EHLO x\r\nMAIL FROM:<a@b.example>\r\n"));
		assert_non_null(strstr(fake_told(&f), rows[i].answer));
		source_count(&w->service[1], other, -rows[i].octets);
		fake_send(&f, SLICE_LIT("RSET\r\nMAIL FROM:<a@b.example>\r\nRSET\r\n"));
		assert_null(strstr(fake_told(&f), "452"));
		fake_disconnect(&f);
		fake_close(&f);
		sources_put(w->s[1], other);
		sources_put(w->s[0], own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_are_counted_over_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(octets_are_counted_over_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_place_is_cleared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_written_in_the_place_of_none_is_cleared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_place_it_reads_and_says_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_memory_is_not_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mail_under_way_elsewhere_counts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
