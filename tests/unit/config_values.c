/* Values of the configuration: sizes, times, names, networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static void units_go_both_ways(void **state)
{
	static const struct {
		bool duration;
		const char *text;
		int64_t value; /* -1: refused */
		const char *again;
	} rows[] = {
		{ false, "50M", 52428800, "50M" },
		{ false, "51200 k", 52428800, "50M" },
		{ false, "1025", -1, NULL },
		{ false, "1025b", 1025, "1025B" },
		{ false, "0B", 0, "0B" },
		{ false, "M", -1, NULL },
		{ false, "-1M", -1, NULL },
		{ false, "8388608T", -1, NULL },
		{ false, "8388607T", 9223370937343148032, "8388607T" },
		{ true, "500ms", 500, "500ms" },
		{ true, "60s", 60000, "1m" },
		{ true, "36h", 129600000, "36h" },
		{ true, "14D", 1209600000, "2w" },
		{ true, "1h30m", -1, NULL },
		{ true, "", -1, NULL },
		{ true, "9223372036854775808ms", -1, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char hint[VALUE_HINT_SIZE];
		int64_t n = -1;
		struct buf b;
		int r = rows[i].duration ? value_duration(slice_str(rows[i].text), &n, hint)
					 : value_size(slice_str(rows[i].text), &n, hint);

		assert_int_equal(r, rows[i].value < 0 ? -1 : 0);
		if (r != 0)
			continue;
		assert_int_equal(n, rows[i].value);
		buf_init(&b, 100);
		(rows[i].duration ? value_duration_print : value_size_print)(n, &b);
		assert_string_equal(buf_str(&b), rows[i].again);
		buf_free(&b);
	}
}

static void the_full_name_comes_from_hosts(void **state)
{
	static const struct {
		const char *hosts, *name, *full;
	} rows[] = {
		{ "127.0.0.1 localhost\n127.0.1.1 mail.office.example mail\n", "mail", "mail.office.example" },
		{ "127.0.1.1\tMail.office.example\talias.example\tMAIL", "mail", "Mail.office.example" },
		{ "127.0.1.1 mail\n", "mail", NULL },
		{ "# 127.0.1.1 mail.office.example mail\n", "mail", NULL },
		{ "127.0.1.1 mail2.office.example mail2 # mail\n", "mail", NULL },
		{ "mail mail.office.example", "mail", NULL },
		{ "", "mail", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *full = value_full_name(slice_str(rows[i].hosts), rows[i].name);

		assert_int_equal(full == NULL, rows[i].full == NULL);
		if (full != NULL)
			assert_string_equal(full, rows[i].full);
		free(full);
	}
}

static void networks_know_their_hosts(void **state)
{
	static const struct {
		const char *network, *host;
		bool has;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.129", true },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.1", true },
		{ "192.0.2.0/24", "::ffff:192.0.3.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::/0", "192.0.2.1", false },
		/* IPv4 is no part of IPv6, however it is written. */
		{ "::/0", "::ffff:192.0.2.1", false },
		{ "::/64", "::ffff:192.0.2.1", false },
		{ "::ffff:192.0.2.0/120", "::ffff:192.0.2.1", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.1", true },
		{ "::ffff:192.0.2.0/120", "192.0.3.1", false },
		{ "::ffff:192.0.2.7", "192.0.2.7", true },
		{ "::1", "::1", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct config_network n;
		char hint[VALUE_HINT_SIZE];
		bool six = strchr(rows[i].host, ':') != NULL;

		assert_int_equal(value_network(slice_str(rows[i].network), &n, hint), 0);
		assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, rows[i].host,
					   six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
				 1);
		assert_int_equal(config_network_has(&n, six ? (void *)&in6 : (void *)&in), rows[i].has);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_go_both_ways),
		cmocka_unit_test(the_full_name_comes_from_hosts),
		cmocka_unit_test(networks_know_their_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
