/* What the configuration says of milters: addresses, names, what strangers may not write, and who gets which part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "config/load.h"
#include "config/peer.h"
#include "config/value.h"

#define ACCOUNTS                                                                                                       \
	"hostname = \"mail.office.example\";\n"                                                                        \
	"accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"     \
	"    addresses = [ \"@h.example\" ]; }; };\n"

static void addresses_of_all_kinds(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		const char *path;
	} rows[] = {
		{ "inet:127.0.0.1:11332", "127.0.0.1", 11332, "" },
		{ "inet:localhost:1", "localhost", 1, "" },
		{ "inet:[2001:db8::1]:65535", "2001:db8::1", 65535, "" },
		{ "inet6:[::1]:25", "::1", 25, "" },
		{ "INET:8891@localhost", "localhost", 8891, "" },
		{ "unix:/run/x.sock", "", 0, "/run/x.sock" },
		{ "local:/run/x.sock", "", 0, "/run/x.sock" },
		{ "127.0.0.1:11332", NULL, 0, NULL },
		{ "inet:127.0.0.1", NULL, 0, NULL },
		{ "inet:127.0.0.1:0", NULL, 0, NULL },
		{ "inet:127.0.0.1:65536", NULL, 0, NULL },
		{ "inet:2001:db8::1:25", NULL, 0, NULL },
		{ "inet::25", NULL, 0, NULL },
		{ "inet:[]:25", NULL, 0, NULL },
		{ "inet:a b:25", NULL, 0, NULL },
		{ "unix:", NULL, 0, NULL },
		{ "unix:/123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "012345678",
		  NULL, 0, NULL },
		{ "", NULL, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char hint[VALUE_HINT_SIZE];
		struct config_peer p;

		if (rows[i].host == NULL) {
			assert_int_equal(config_peer_parse(slice_str(rows[i].text), &p, hint), -1);
			assert_true(hint[0] != '\0');
			continue;
		}
		assert_int_equal(config_peer_parse(slice_str(rows[i].text), &p, hint), 0);
		assert_string_equal(p.host, rows[i].host);
		assert_int_equal(p.port, rows[i].port);
		assert_true(slice_eq(p.path, slice_str(rows[i].path)));
	}
}

static void errors_say_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "listeners = { a = { address = \"127.0.0.1:25\"; milters = [ \"x\" ]; }; };", "no milter is called \"x\": add a group" },
		{ "milters = { y = { address = \"unix:/y\"; }; };\n"
		  "listeners = { a = { address = \"127.0.0.1:25\"; milters = [ \"x\" ]; }; };",
		  "no milter is called \"x\": look at" },
		{ "milters = { y = { address = \"unix:/y\"; }; };\n"
		  "listeners = { a = { address = \"127.0.0.1:25\"; milters = [ \"y\", \"y\" ]; }; };",
		  "\"y\" stands there twice" },
		{ "milters = { y = { address = \"/y\"; }; };", "milters.y.address" },
		{ "milters = { y = { on_failure = \"accept\"; }; };", "milters.y.address" },
		{ "milters = { y = { address = \"unix:/y\"; on_failure = \"maybe\"; }; };", "\"tempfail\" or \"accept\"" },
		{ "listeners = { a = { address = \"127.0.0.1:25\"; remove_headers = [ \"X*Y\" ]; }; };", "* stands at the end only" },
		{ "users = \"u\"; listeners = { a = { address = \"127.0.0.1:25\"; auth = \"offered\"; auth_plaintext = true; }; };",
		  "auth_plaintext': everybody may connect" },
		{ "users = \"u\"; listeners = { a = { address = \"127.0.0.1:25\"; auth = \"offered\"; auth_plaintext = true;\n"
		  "networks = [ \"0.0.0.0/0\" ]; }; };",
		  "auth_plaintext': everybody may connect" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf text, errors;
		struct config *c;

		buf_init(&text, 10000);
		buf_init(&errors, 10000);
		(void)buf_addf(&text, "%s%s\n", ACCOUNTS, rows[i].text);
		c = config_check("test", buf_slice(&text), &errors);
		assert_null(c);
		if (strstr(buf_str(&errors), rows[i].error) == NULL)
			print_error("%s\n", buf_str(&errors));
		assert_non_null(strstr(buf_str(&errors), rows[i].error));
		buf_free(&text);
		buf_free(&errors);
	}
}

static struct config *part_of(const struct config *c, enum config_part part)
{
	struct buf text, errors;
	struct config *p;

	buf_init(&text, 1000000);
	buf_init(&errors, 10000);
	assert_int_equal(config_render(c, part, NULL, &text), 0);
	p = config_parse("part", buf_slice(&text), &errors);
	if (p == NULL)
		print_error("%s\n%s\n", buf_str(&errors), buf_str(&text));
	assert_non_null(p);
	buf_free(&text);
	buf_free(&errors);
	return p;
}

static void each_role_gets_its_part(void **state)
{
	static const char text[] =
	    ACCOUNTS "milters = { a = { address = \"unix:/a\"; on_failure = \"accept\"; content_timeout = \"7s\"; };\n"
		     "  b = { address = \"inet:127.0.0.1:9\"; }; };\n"
		     "listeners = { open = { address = \"192.0.2.1:25\"; milters = [ \"b\", \"a\" ]; };\n"
		     "  lan = { address = \"192.0.2.1:26\"; networks = [ \"192.0.2.0/24\" ]; };\n"
		     "  mine = { address = \"192.0.2.1:27\"; remove_headers = [ \"X-Mine\", \"X-Other*\" ]; };\n"
		     "  none = { address = \"192.0.2.1:28\"; remove_headers = [ ]; };\n"
		     "  local = { address = \"unix:/l\"; protocol = \"lmtp\"; };\n"
		     "  all = { address = \"192.0.2.1:29\"; networks = [ \"192.0.2.0/24\", \"0.0.0.0/1\" ]; };\n"
		     "  behind = { address = \"unix:/p\"; proxy = [ \"unix\" ]; };\n"
		     "  known = { address = \"unix:/q\"; proxy = [ \"unix\" ]; networks = [ \"192.0.2.0/24\" ]; }; };\n";
	struct buf errors;
	struct config *c, *p;

	(void)state;
	buf_init(&errors, 10000);
	c = config_check("test", slice_str(text), &errors);
	if (c == NULL)
		print_error("%s\n", buf_str(&errors));
	assert_non_null(c);
	p = part_of(c, CONFIG_PART_RECEIVER);
	assert_int_equal(p->nmilters, 2);
	assert_int_equal(p->milters[0].on_failure, CONFIG_FAILURE_ACCEPT);
	assert_int_equal(p->milters[0].content_timeout, 7000);
	assert_int_equal(p->milters[1].command_timeout, 30000);
	assert_string_equal(p->milters[1].quarantine, "Quarantine");
	assert_int_equal(p->listeners[0].nmilters, 2);
	assert_string_equal(p->listeners[0].milters[0], "b");
	assert_true(p->listeners[0].nremove_headers > 5);
	assert_int_equal(p->listeners[1].nremove_headers, 0);
	assert_int_equal(p->listeners[2].nremove_headers, 2);
	assert_int_equal(p->listeners[3].nremove_headers, 0);
	assert_int_equal(p->listeners[4].nremove_headers, 0);
	assert_true(config_is_open(&p->listeners[0]));
	assert_false(config_is_open(&p->listeners[1]));
	assert_false(config_is_open(&p->listeners[4]));
	/* Everybody comes there too. */
	for (size_t i = 5; i <= 7; i++) {
		assert_int_equal(config_is_open(&p->listeners[i]), i < 7);
		assert_int_equal(p->listeners[i].nremove_headers > 5, i < 7);
		assert_int_equal(p->listeners[i].chunking, i == 7);
	}
	config_free(&p);
	p = part_of(c, CONFIG_PART_CONNECT);
	assert_string_equal(config_milter(p, "b")->address, "inet:127.0.0.1:9");
	assert_null(config_milter(p, "c"));
	config_free(&p);
	p = part_of(c, CONFIG_PART_SPOOL);
	assert_int_equal(p->nmilters, 0);
	config_free(&p);
	config_free(&c);
	buf_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_all_kinds),
		cmocka_unit_test(errors_say_what_is_wrong),
		cmocka_unit_test(each_role_gets_its_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
