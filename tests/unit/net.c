/* Listening sockets and lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/line.h"
#include "net/listener.h"

static void lines_are_told_apart(void **state)
{
	static const struct {
		struct slice in;
		enum line_end end;
		size_t line, used;
	} rows[] = {
		{ SLICE_LIT(""), LINE_MORE, 0, 0 },
		{ SLICE_LIT("\r\n"), LINE_CRLF, 0, 2 },
		{ SLICE_LIT("\n"), LINE_LF, 0, 1 },
		{ SLICE_LIT("abc"), LINE_MORE, 0, 0 },
		{ SLICE_LIT("abc\r"), LINE_MORE, 0, 0 },
		{ SLICE_LIT("abc\r\ndef\r\n"), LINE_CRLF, 3, 5 },
		{ SLICE_LIT("abc\ndef\r\n"), LINE_LF, 3, 4 },
		{ SLICE_LIT("a\rb\r\n"), LINE_CRLF, 3, 5 },
		{ SLICE_LIT("a\r\r\n"), LINE_CRLF, 2, 4 },
		{ SLICE_LIT("a\0b\r\n"), LINE_CRLF, 3, 5 },
		{ SLICE_LIT("12345678\r\n"), LINE_CRLF, 8, 10 },
		{ SLICE_LIT("123456789\r\n"), LINE_LONG, 0, 0 },
		{ SLICE_LIT("123456789\n"), LINE_LF, 9, 10 },
		{ SLICE_LIT("1234567890"), LINE_LONG, 0, 0 },
		{ SLICE_LIT("123456789"), LINE_MORE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice line;
		size_t used;

		assert_int_equal(line_read(rows[i].in, 10, &line, &used), rows[i].end);
		assert_int_equal(used, rows[i].used);
		assert_int_equal(line.n, rows[i].line);
	}
}

static void bad_addresses_say_why(void **state)
{
	static const struct {
		const char *address, *why;
	} rows[] = {
		{ "", "no port" },
		{ "127.0.0.1", "no port" },
		{ "127.0.0.1:", "not a number" },
		{ "127.0.0.1:65536", "not a number" },
		{ "127.0.0.1:smtp", "not a number" },
		{ "localhost:25", "not an IP address" },
		{ "::1:25", "not an IP address" },
		{ "[127.0.0.1]:25", "not an IP address" },
		{ "[::1:25", "not an IP address" },
		{ "192.0.2.1:2525", "does not have that address" },
		{ "unix:", "must have 1 to" },
		{ "unix:/nonexistent/directory/socket", "No such file" },
		{ "unix:/etc/passwd", "is no socket" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e;

		assert_int_equal(listener_bind(rows[i].address, &e), -1);
		if (strstr(e.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].address, e.text);
	}
}

static void tcp_listeners_listen(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		char name[LISTENER_NAME_SIZE], again[LISTENER_NAME_SIZE + 10];
		struct err e;
		int fd = listener_bind(addresses[i], &e);

		if (fd < 0 && i == 1)
			continue; /* a machine without IPv6 */
		assert_true(fd >= 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
		listener_peer_name((struct sockaddr *)&sa, len, name);
		(void)snprintf(again, sizeof again, "%s", name);
		assert_int_equal(listener_bind(again, &e), -1);
		assert_non_null(strstr(e.text, "another program listens there"));
		listener_peer_ip((struct sockaddr *)&sa, len, name);
		assert_string_equal(name, i == 0 ? "127.0.0.1" : "::1");
		close(fd);
		fd = listener_bind(again, &e);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void peers_have_names(void **state)
{
	static const struct {
		const char *address, *ip, *name;
	} rows[] = {
		{ "2001:db8::7", "2001:db8::7", "[2001:db8::7]:4123" },
		{ "::1", "::1", "[::1]:4123" },
		/* of a socket that takes both */
		{ "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:4123" },
	};
	const struct sockaddr un = { .sa_family = AF_UNIX };
	char text[LISTENER_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(4123) };

		assert_int_equal(inet_pton(AF_INET6, rows[i].address, &sa.sin6_addr), 1);
		listener_peer_ip((struct sockaddr *)&sa, sizeof sa, text);
		assert_string_equal(text, rows[i].ip);
		listener_peer_name((struct sockaddr *)&sa, sizeof sa, text);
		assert_string_equal(text, rows[i].name);
	}
	listener_peer_ip(&un, sizeof un, text);
	assert_string_equal(text, "");
	listener_peer_name(&un, sizeof un, text);
	assert_string_equal(text, "unix");
}

static void unix_sockets_replace_only_dead_ones(void **state)
{
	char dir[] = "/tmp/mailferry-net-XXXXXX", address[100];
	const char *path = address + 5;
	struct stat st;
	struct err e;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(address, sizeof address, "unix:%s/socket", dir);
	fd = listener_bind(address, &e);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(listener_bind(address, &e), -1);
	assert_non_null(strstr(e.text, "another process listens there"));
	close(fd); /* its name stays behind */
	fd = listener_bind(address, &e);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_told_apart),
		cmocka_unit_test(bad_addresses_say_why),
		cmocka_unit_test(tcp_listeners_listen),
		cmocka_unit_test(peers_have_names),
		cmocka_unit_test(unix_sockets_replace_only_dead_ones),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
