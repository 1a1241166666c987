/* Which account an address belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/load.h"

/* Accounts stand in an order that is not that of their names, so that the order of the file shows where it counts. */
#define ACCOUNT(name, keys) name " = { host = \"h\"; user = \"u\"; password = \"p\"; " keys " };\n"
#define ACCOUNTS                                                                                                       \
	ACCOUNT("office",                                                                                              \
		"addresses = [ \"@office.example\", \"info+scan@office.example\", \"Alarm@Other.Example.\" ];")        \
	ACCOUNT("boss",                                                                                                \
		"addresses = [ \"boss@office.example\", \"info@office.example\", \"\\\"a b\\\"@x.example\" ];")        \
	ACCOUNT("dash", "addresses = [ \"dash@office.example\" ]; recipient_delimiter = \"=-\";")                        \
	ACCOUNT("depot", "addresses = [ \"@depot.example\", \"a+b+c@office.example\", \"c%d@office.example\" ];")

struct row {
	const char *local, *domain;
	enum route_match match;
	const char *account, *address;
};

static struct config *config_of(const char *head, const char *accounts)
{
	struct buf text, errors;
	struct config *c;

	buf_init(&text, 8 * 1024 * 1024);
	buf_init(&errors, 10000);
	(void)buf_addf(&text, "hostname = \"mx.host.example\"; %s\naccounts = { %s };\n", head, accounts);
	c = config_check("t", buf_slice(&text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(c);
	buf_free(&text);
	buf_free(&errors);
	return c;
}

static void rows_run(const struct config *c, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct route r = config_route(c, rows[i].local, rows[i].domain);

		if (r.match != rows[i].match)
			fprintf(stderr, "# row %zu: %s@%s\n", i, rows[i].local, rows[i].domain);
		assert_int_equal(r.match, rows[i].match);
		assert_int_equal(r.account == NULL, rows[i].account == NULL);
		if (rows[i].account != NULL)
			assert_string_equal(r.account->name, rows[i].account);
		assert_int_equal(r.address == NULL, rows[i].address == NULL);
		if (rows[i].address != NULL)
			assert_string_equal(r.address, rows[i].address);
	}
}
#define ROWS(c, rows) rows_run((c), (rows), sizeof(rows) / sizeof((rows)[0]))

static void the_most_specific_wins(void **state)
{
	static const struct row rows[] = {
		{ "boss", "office.example", ROUTE_EXACT, "boss", "boss@office.example" },
		{ "BOSS", "Office.EXAMPLE", ROUTE_EXACT, "boss", "boss@office.example" },
		{ "boss", "office.example.", ROUTE_EXACT, "boss", "boss@office.example" },
		{ "boss+x", "office.example", ROUTE_DETAIL, "boss", "boss@office.example" },
		{ "boss+x+y", "office.example", ROUTE_DETAIL, "boss", "boss@office.example" },
		{ "boss+", "office.example", ROUTE_DETAIL, "boss", "boss@office.example" },
		{ "bos", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "bossa", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "+boss", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "info", "office.example", ROUTE_EXACT, "boss", "info@office.example" },
		{ "info+scan", "office.example", ROUTE_EXACT, "office", "info+scan@office.example" },
		{ "info+scan+2", "office.example", ROUTE_DETAIL, "boss", "info@office.example" },
		{ "dash-x", "office.example", ROUTE_DETAIL, "dash", "dash@office.example" },
		{ "dash=x-y", "office.example", ROUTE_DETAIL, "dash", "dash@office.example" },
		{ "dash+x-y", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "boss-x", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "a+b+c", "office.example", ROUTE_EXACT, "depot", "a+b+c@office.example" },
		{ "a+b", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "alarm", "other.example", ROUTE_EXACT, "office", "Alarm@Other.Example." },
		{ "other", "other.example", ROUTE_NONE, NULL, NULL },
		{ "a b", "x.example", ROUTE_EXACT, "boss", "\"a b\"@x.example" },
		{ "anybody", "depot.example", ROUTE_DOMAIN, "depot", "@depot.example" },
		{ "anybody", "sub.depot.example", ROUTE_NONE, NULL, NULL },
		{ "anybody", "xdepot.example", ROUTE_NONE, NULL, NULL },
		{ "anybody", "example", ROUTE_NONE, NULL, NULL },
		{ "a%b", "depot.example", ROUTE_NONE, NULL, NULL },
		{ "x.example!a", "depot.example", ROUTE_NONE, NULL, NULL },
		{ "a@x.example", "depot.example", ROUTE_NONE, NULL, NULL },
		{ "c%d", "office.example", ROUTE_EXACT, "depot", "c%d@office.example" },
		{ "", "depot.example", ROUTE_NONE, NULL, NULL },
		{ "@depot.example", "", ROUTE_NONE, NULL, NULL },
		{ "anybody", "", ROUTE_NONE, NULL, NULL },
		{ "", "", ROUTE_NONE, NULL, NULL },
		/* Not cut to something that we know. */
		{ "bossbossbossbossbossbossbossbossbossbossbossbossbossbossbossbossb", "x.example", ROUTE_NONE, NULL,
		  NULL },
	};
	struct config *c = config_of("", ACCOUNTS);

	(void)state;
	ROWS(c, rows);
	assert_true(config_has_domain(c, "Other.example"));
	assert_true(config_has_domain(c, "depot.example."));
	assert_false(config_has_domain(c, "mx.host.example"));
	assert_false(config_has_domain(c, ""));
	config_free(&c);
}

static void the_postmaster_is_always_there(void **state)
{
	static const struct row plain[] = {
		{ "postmaster", "", ROUTE_POSTMASTER, "boss", NULL },
		{ "PostMaster", "", ROUTE_POSTMASTER, "boss", NULL },
		{ "postmaster", "mx.host.example", ROUTE_POSTMASTER, "boss", NULL },
		{ "postmaster", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "postmaster", "depot.example", ROUTE_DOMAIN, "depot", "@depot.example" },
		{ "POSTMASTER", "other.example.", ROUTE_POSTMASTER, "office", NULL },
		{ "postmaster", "x.example", ROUTE_POSTMASTER, "boss", NULL },
		{ "postmaster", "mx.host.example.", ROUTE_POSTMASTER, "boss", NULL },
		{ "postmaster", "elsewhere.example", ROUTE_NONE, NULL, NULL },
		{ "postmasters", "x.example", ROUTE_NONE, NULL, NULL },
	};
	static const struct row flagged[] = {
		{ "postmaster", "", ROUTE_POSTMASTER, "zoo", NULL },
		{ "postmaster", "other.example", ROUTE_POSTMASTER, "zoo", NULL },
		{ "postmaster", "office.example", ROUTE_DOMAIN, "office", "@office.example" },
		{ "postmaster", "elsewhere.example", ROUTE_NONE, NULL, NULL },
	};
	static const struct row named[] = {
		{ "postmaster", "", ROUTE_EXACT, "zoo", "postmaster@mx.host.example" },
		{ "postmaster+x", "mx.host.example", ROUTE_DETAIL, "zoo", "postmaster@mx.host.example" },
	};
	struct config *c = config_of("", ACCOUNTS);

	(void)state;
	ROWS(c, plain);
	config_free(&c);
	c = config_of("", ACCOUNTS ACCOUNT("zoo", "addresses = \"x@zoo.example\"; postmaster = true;"));
	ROWS(c, flagged);
	config_free(&c);
	c = config_of("", ACCOUNTS ACCOUNT("zoo", "addresses = \"postmaster@mx.host.example\";"));
	ROWS(c, named);
	config_free(&c);
}

static void the_order_of_the_file_does_not_count(void **state)
{
	static const struct row rows[] = {
		{ "postmaster", "", ROUTE_POSTMASTER, "a", NULL },
		{ "postmaster", "x.example", ROUTE_POSTMASTER, "a", NULL },
		{ "q", "x.example", ROUTE_EXACT, "b", "q@x.example" },
	};
	struct config *c =
	    config_of("", ACCOUNT("b", "addresses = \"q@x.example\";") ACCOUNT("a", "addresses = \"p@x.example\";"));

	(void)state;
	ROWS(c, rows);
	config_free(&c);
	c = config_of("", ACCOUNT("a", "addresses = \"p@x.example\";") ACCOUNT("b", "addresses = \"q@x.example\";"));
	ROWS(c, rows);
	config_free(&c);
}

static void reasons_are_told(void **state)
{
	static const struct {
		const char *local, *domain, *text;
	} rows[] = {
		{ "boss", "office.example", "boss@office.example in account boss" },
		{ "boss+x", "office.example", "(`+detail' ignored) boss@office.example in account boss" },
		{ "x", "office.example", "(whole domain) @office.example in account office" },
		{ "postmaster", "", "(postmaster, whom no address names) account boss, the first by name" },
		{ "x", "x.example", "no account has this address or its domain" },
	};
	struct config *c = config_of("", ACCOUNTS);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = config_route(c, rows[i].local, rows[i].domain);
		struct buf b;

		buf_init(&b, 500);
		assert_int_equal(route_explain(&r, &b), 0);
		assert_string_equal(buf_str(&b), rows[i].text);
		buf_free(&b);
	}
	config_free(&c);
}

/* RCPT asks for each address: that must not cost more where there are many. */
static void many_addresses_are_found_fast(void **state)
{
	enum { MANY = 100000 };
	struct timespec from, to;
	struct buf text;
	struct config *c;

	(void)state;
	buf_init(&text, 8 * 1024 * 1024);
	(void)buf_add_str(&text, "all = { host = \"h\"; user = \"u\"; password = \"p\"; addresses = [");
	for (int i = 0; i < MANY; i++)
		(void)buf_addf(&text, "%s\"user%d@d%d.example\"", i == 0 ? "" : ",\n", i, i % 1000);
	(void)buf_add_str(&text, "]; };");
	c = config_of("", buf_str(&text));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < MANY; i++) {
		char local[30], domain[30];
		struct route r;

		(void)snprintf(local, sizeof(local), "USER%d%s", i, i % 2 ? "+x" : "");
		(void)snprintf(domain, sizeof(domain), "d%d.example", i % 1000);
		r = config_route(c, local, domain);
		assert_int_equal(r.match, i % 2 ? ROUTE_DETAIL : ROUTE_EXACT);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	/* A linear search takes minutes for as many. */
	assert_true(to.tv_sec - from.tv_sec < 5);
	buf_free(&text);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_wins),
		cmocka_unit_test(the_postmaster_is_always_there),
		cmocka_unit_test(the_order_of_the_file_does_not_count),
		cmocka_unit_test(reasons_are_told),
		cmocka_unit_test(many_addresses_are_found_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
