#include "smtp_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

const char fake_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"200K\"; recipients = 3; commands = 30; messages = 3; unaccepted = \"300K\";\n"
    "  unaccepted_per_address = \"200K\"; command_timeout = \"60s\"; data_timeout = \"30s\"; message_timeout = "
    "\"300s\"; };\n" FAKE_LISTENERS
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\", \"b@home.example\", \"c@home.example\", \"d@home.example\" ]; }; };\n";

void fake_say(struct fake *f, const char *s)
{
	fake_send(f, slice_str(s));
}

void fake_expect(struct fake *f, const char *what)
{
	const char *told = fake_told(f);

	if (strstr(told, what) == NULL) {
		print_error("expected %s, told %s\n", what, told);
		fail();
	}
}

void fake_send_body(struct fake *f, size_t n)
{
	static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n";
	struct buf b;

	buf_init(&b, n + sizeof line);
	while (b.n + sizeof line - 1 <= n)
		(void)buf_add(&b, line, sizeof line - 1);
	while (b.n + 2 < n)
		(void)buf_add_char(&b, 'x');
	(void)buf_add_str(&b, b.n + 2 == n ? "\r\n" : "");
	for (size_t at = 0; at < b.n; at += 50000)
		fake_send(f, slice_of(b.p + at, b.n - at < 50000 ? b.n - at : 50000));
	buf_free(&b);
}

const char *fake_codes(const char *told)
{
	static char out[4096];
	size_t n = 0;

	for (const char *p = told; *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_non_null(strchr(p, '\n'));
		if (p[3] == ' ' && n + 5 < sizeof out) {
			memcpy(out + n, p, 4);
			n += 4;
		}
	}
	out[n] = '\0';
	return out;
}
