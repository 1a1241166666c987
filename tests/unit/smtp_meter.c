/* Counting clients: rates, their memory, and what they lead to in a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smtp/gate.h"
#include "smtp_fake.h"

static const struct meter_rate ten = { 10, 60000 };

static struct sockaddr_storage at(const char *ip)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ss;

	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, ip, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
	}
	return ss;
}

static struct meter_key address(const char *ip)
{
	struct sockaddr_storage ss = at(ip);

	return meter_key_address((struct sockaddr *)&ss);
}

static struct meter_key network(const char *ip)
{
	struct sockaddr_storage ss = at(ip);

	return meter_key_network((struct sockaddr *)&ss);
}

static bool same(struct meter_key a, struct meter_key b)
{
	return a.hi == b.hi && a.lo == b.lo && a.none == b.none;
}

static struct meter *new_meter(void)
{
	struct err e;
	struct meter *m = meter_open(-1, &e);

	assert_non_null(m);
	return m;
}

static void a_rate_lets_so_many_through(void **state)
{
	struct meter *m = new_meter();
	struct meter_key a = address("192.0.2.1");
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 25; i++)
		passed += meter_take(m, METER_MESSAGES, a, ten, 1000);
	assert_int_equal(passed, 10);
	assert_true(meter_is_over(m, METER_MESSAGES, a, ten, 1000));
	/* What was refused was not counted: a tenth of the period later there is room for one. */
	assert_false(meter_is_over(m, METER_MESSAGES, a, ten, 7000));
	assert_true(meter_take(m, METER_MESSAGES, a, ten, 7000));
	assert_false(meter_take(m, METER_MESSAGES, a, ten, 7000));
	/* Others, and other things, are counted apart. */
	assert_true(meter_take(m, METER_MESSAGES, address("192.0.2.2"), ten, 7000));
	assert_true(meter_take(m, METER_ERRORS, a, ten, 7000));
	meter_clear(m, METER_MESSAGES, a);
	assert_true(meter_take(m, METER_MESSAGES, a, ten, 7000));
	meter_close(&m);
}

static void what_is_added_is_bounded(void **state)
{
	struct meter *m = new_meter();
	struct meter_key a = address("2001:db8::1");

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_false(meter_is_over(m, METER_ERRORS, a, ten, 5000));
		meter_add(m, METER_ERRORS, a, ten, 5000);
	}
	for (unsigned i = 0; i < 100000; i++)
		meter_add(m, METER_ERRORS, a, ten, 5000);
	assert_true(meter_is_over(m, METER_ERRORS, a, ten, 5000 + 60000));
	/* However many they were, two periods later they are forgotten. */
	assert_false(meter_is_over(m, METER_ERRORS, a, ten, 5000 + 2 * 60000));
	meter_close(&m);
}

static void no_limit_is_no_limit(void **state)
{
	struct meter *m = new_meter();
	const struct meter_rate none = { 0, 60000 };
	const struct sockaddr local = { .sa_family = AF_UNIX };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(meter_take(m, METER_MESSAGES, address("192.0.2.1"), none, 0));
		assert_true(meter_take(m, METER_MESSAGES, meter_key_address(&local), ten, 0));
	}
	meter_close(&m);
}

static void keys_are_of_who_can_be_told_apart(void **state)
{
	(void)state;
	assert_true(same(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9")));
	assert_false(same(address("2001:db8:1:2::1"), address("2001:db8:1:3::1")));
	assert_true(same(network("2001:db8:1:2::1"), network("2001:db8:1:3::1")));
	assert_false(same(network("2001:db8:1::1"), network("2001:db8:2::1")));
	assert_true(same(network("192.0.2.1"), network("192.0.2.254")));
	assert_false(same(network("192.0.2.1"), network("192.0.3.1")));
	/* 192.0.2.0 is an address in the network 192.0.2.0/24, and not the network. */
	assert_false(same(address("192.0.2.0"), network("192.0.2.1")));
	assert_true(same(address("::ffff:192.0.2.1"), address("192.0.2.1")));
	assert_false(same(meter_key_bytes("anna", 4), meter_key_bytes("anne", 4)));
	assert_false(same(meter_key_bytes("a\0", 2), meter_key_bytes("a", 1)));
}

/* An attacker with more addresses than the table holds gets through, but those who come often stay known. */
static void a_flood_of_addresses_drives_out_the_light_ones(void **state)
{
	struct meter *m = new_meter();
	struct meter_key heavy = address("192.0.2.1");

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_true(meter_take(m, METER_CONNECTIONS, heavy, ten, 1000));
	for (uint64_t i = 0; i < 1000000; i++)
		(void)meter_take(m, METER_CONNECTIONS, (struct meter_key){ 6, i + 1, false }, ten, 1000);
	assert_false(meter_take(m, METER_CONNECTIONS, heavy, ten, 1000));
	meter_close(&m);
}

static void processes_count_together(void **state)
{
	struct err e;
	int fd = meter_create(&e);
	struct meter *m = meter_open(fd, &e);
	struct meter_key a = address("192.0.2.1");
	int status;
	pid_t child;

	(void)state;
	assert_non_null(m);
	child = fork();
	if (child == 0) {
		struct meter *other = meter_open(fd, &e);
		unsigned passed = 0;

		for (unsigned i = 0; i < 7; i++)
			passed += meter_take(other, METER_MESSAGES, a, ten, 1000);
		_exit((int)passed);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
	for (unsigned i = 0; i < 3; i++)
		assert_true(meter_take(m, METER_MESSAGES, a, ten, 1000));
	assert_false(meter_take(m, METER_MESSAGES, a, ten, 1000));
	meter_close(&m);
	(void)close(fd);
}

static void other_memory_is_refused(void **state)
{
	struct err e;
	int fd = memfd_create("other", MFD_ALLOW_SEALING);

	(void)state;
	assert_null(meter_open(fd, &e));
	assert_int_equal(e.class, ERR_PROTOCOL);
	(void)close(fd);
}

/* A process that was taken over can write anything there. */
static void rubbish_locks_nobody_out(void **state)
{
	struct err e;
	int fd = meter_create(&e);
	struct meter *m = meter_open(fd, &e);
	unsigned char rubbish[4096];
	off_t size = lseek(fd, 0, SEEK_END);
	struct meter_key a = address("192.0.2.1");

	(void)state;
	assert_true(meter_take(m, METER_MESSAGES, a, ten, 1000));
	memset(rubbish, 0x7f, sizeof rubbish);
	for (off_t o = 0; o < size; o += (off_t)sizeof rubbish)
		assert_true(pwrite(fd, rubbish, size - o < 4096 ? (size_t)(size - o) : 4096, o) > 0);
	assert_true(meter_take(m, METER_MESSAGES, a, ten, 1000));
	assert_false(meter_is_over(m, METER_MESSAGES, address("192.0.2.9"), ten, 1000));
	meter_close(&m);
	(void)close(fd);
}

/* ---- what follows ---- */
#define CONFIG(limits, listener)                                                                                       \
	"hostname = \"mail.office.example\";\n"                                                                        \
	"limits = { connections_per_minute = 5; messages_per_minute = 5; errors_per_hour = 20; errors = 6;"            \
	" exempt = [ \"198.51.100.0/24\" ]; " limits "};\n"                                                            \
	"listeners = { mx = { address = \"127.0.0.1:25\"; " listener "}; };\n"                                         \
	"accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"     \
	"    addresses = [ \"me@home.example\" ]; }; };\n"

struct world {
	struct fake f;
	struct meter *meter;
};

static void begin(struct world *w, const char *config)
{
	fake_open(&w->f, config, NULL);
	w->meter = new_meter();
	w->f.service.meter = w->meter;
}

static void end(struct world *w)
{
	fake_close(&w->f);
	meter_close(&w->meter);
}

static const struct smtp_reply *knock(struct world *w, const char *ip, struct smtp_client *client)
{
	struct sockaddr_storage ss = at(ip);
	const char *why = "";

	gate_know(w->f.config, (struct sockaddr *)&ss, client);
	return gate_refusal(&w->f.service, &w->f.config->listeners[0], (struct sockaddr *)&ss, client, &why);
}

static void connections_are_counted_by_address_and_network(void **state)
{
	struct world w;
	struct smtp_client c;
	unsigned welcome = 0;

	(void)state;
	begin(&w, CONFIG("", ""));
	for (unsigned i = 0; i < 7; i++)
		welcome += knock(&w, "192.0.2.1", &c) == NULL;
	assert_int_equal(welcome, 5);
	assert_int_equal(knock(&w, "192.0.2.1", &c)->code, 421);
	/* Its network may four times as much. */
	for (unsigned i = 2; i < 30; i++) {
		char ip[32];

		(void)snprintf(ip, sizeof ip, "192.0.2.%u", i);
		welcome += knock(&w, ip, &c) == NULL;
	}
	assert_int_equal(welcome, 20);
	assert_null(knock(&w, "192.0.3.1", &c));
	for (unsigned i = 0; i < 100; i++)
		assert_null(knock(&w, "198.51.100.7", &c));
	end(&w);
}

static void messages_are_counted(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG("", ""));
	fake_connect(&w.f, 0);
	fake_send(&w.f, SLICE_LIT("EHLO c\r\n"));
	for (unsigned i = 0; i < 5; i++)
		fake_send(&w.f, SLICE_LIT("MAIL FROM:<a@b.example>\r\nRSET\r\n"));
	assert_null(strstr(fake_told(&w.f), "450 "));
	fake_send(&w.f, SLICE_LIT("MAIL FROM:<a@b.example>\r\n"));
	assert_non_null(strstr(fake_told(&w.f), "450 4.7.1 "));
	fake_send(&w.f, SLICE_LIT("NOOP\r\n"));
	assert_non_null(strstr(fake_told(&w.f), "250 2.0.0 "));
	/* A minute's fifth later there is room for one. */
	fake_wait(&w.f, 12000);
	fake_send(&w.f, SLICE_LIT("MAIL FROM:<a@b.example>\r\n"));
	assert_non_null(strstr(fake_told(&w.f), "250 2.1.0 "));
	end(&w);
}

static void errors_slow_a_session_then_end_it_then_keep_it_away(void **state)
{
	struct world w;
	struct smtp_client c;

	(void)state;
	begin(&w, CONFIG("", ""));
	for (unsigned session = 0; session < 3; session++) {
		assert_null(knock(&w, "192.0.2.7", &c));
		fake_connect(&w.f, 0);
		fake_send(&w.f, SLICE_LIT("EHLO c\r\nBAD\r\nBAD\r\nBAD\r\n"));
		assert_non_null(strstr(fake_told(&w.f), "500 "));
		fake_send(&w.f, SLICE_LIT("BAD\r\n"));
		assert_string_equal(fake_told(&w.f), ""); /* held back */
		fake_wait(&w.f, 1000);
		assert_non_null(strstr(fake_told(&w.f), "500 "));
		for (unsigned i = 0; i < 3; i++) {
			fake_send(&w.f, SLICE_LIT("BAD\r\n"));
			fake_wait(&w.f, 1000);
		}
		assert_non_null(strstr(fake_told(&w.f), "421 4.7.0 "));
		assert_true(w.f.closed);
		fake_disconnect(&w.f);
	}
	assert_int_equal(knock(&w, "192.0.2.7", &c)->code, 421);
	assert_null(knock(&w, "192.0.2.2", &c));
	fake_wait(&w.f, 3600 * 1000);
	assert_null(knock(&w, "192.0.2.7", &c));
	end(&w);
}

static void a_greeting_is_waited_for(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG("", "hasty_clients = \"reject\"; "));
	fake_connect(&w.f, 0);
	(void)fake_told(&w.f);
	fake_send_only(&w.f, SLICE_LIT("EHLO c\r\nMAIL FROM:<a@b.example>\r\n"));
	assert_non_null(strstr(fake_told(&w.f), "554 5.5.0 "));
	assert_true(w.f.closed);
	end(&w);
	begin(&w, CONFIG("", ""));
	fake_connect(&w.f, 0);
	(void)fake_told(&w.f);
	fake_send_only(&w.f, SLICE_LIT("EHLO c\r\nMAIL FROM:<a@b.example>\r\n"));
	assert_non_null(strstr(fake_told(&w.f), "250 2.1.0 "));
	end(&w);
}

static void the_banner_comes_late_where_asked_for(void **state)
{
	struct world w;

	(void)state;
	begin(&w, CONFIG("", "greeting_delay = \"2s\"; "));
	fake_connect(&w.f, 0);
	assert_string_equal(fake_told(&w.f), "");
	fake_wait(&w.f, 2000);
	assert_non_null(strstr(fake_told(&w.f), "220 "));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_lets_so_many_through),
		cmocka_unit_test(what_is_added_is_bounded),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(keys_are_of_who_can_be_told_apart),
		cmocka_unit_test(a_flood_of_addresses_drives_out_the_light_ones),
		cmocka_unit_test(processes_count_together),
		cmocka_unit_test(other_memory_is_refused),
		cmocka_unit_test(rubbish_locks_nobody_out),
		cmocka_unit_test(connections_are_counted_by_address_and_network),
		cmocka_unit_test(messages_are_counted),
		cmocka_unit_test(errors_slow_a_session_then_end_it_then_keep_it_away),
		cmocka_unit_test(a_greeting_is_waited_for),
		cmocka_unit_test(the_banner_comes_late_where_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
