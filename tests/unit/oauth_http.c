/* The HTTP client: replies cut at every byte, bounds, deadlines; URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/value.h"
#include "oauth/http.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

/* Feeds BYTES in two pieces, split at AT. 1, 0 or -1 as the parser says at the end, EOF or not. */
static int feed(struct slice bytes, size_t at, bool eof, struct http_reply *r)
{
	struct http_parser *p;
	struct err e;
	int ret;

	http_reply_init(r);
	p = http_parser_new(r);
	ret = http_parser_feed(p, slice_of(bytes.p, at), false, &e);
	if (ret == 0)
		ret = http_parser_feed(p, slice_skip(bytes, at), false, &e);
	if (ret == 0 && eof)
		ret = http_parser_feed(p, SLICE_NONE, true, &e);
	if (ret < 0)
		assert_true(e.class == ERR_PROTOCOL && e.text[0] != '\0');
	http_parser_free(&p);
	return ret;
}

static void replies_are_read_however_they_are_cut(void **state)
{
	static const struct {
		const char *text;
		int ret;
		bool eof;
		int status;
		const char *body;
		int64_t retry;
	} rows[] = {
		{ HEAD "Content-Length: 3\r\n\r\nabc", 1, false, 200, "abc", 0 },
		{ HEAD "content-length:3 \r\nX: y\r\n\r\nabcdef", 1, false, 200, "abc", 0 },
		{ "HTTP/1.0 404 Not here\nContent-Length: 0\n\n", 1, false, 404, "", 0 },
		{ "HTTP/1.1 204\r\n\r\n", 1, false, 204, "", 0 },
		{ HEAD "\r\nto the end", 1, true, 200, "to the end", 0 },
		{ HEAD "\r\nto the end", 0, false, 200, "to the end", 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n", 1, false, 200,
		  "abcde", 0 },
		{ HEAD "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", 1, false, 200, "0123456789",
		  0 },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" HEAD
		  "Content-Length: 1\r\n\r\nx",
		  1, false, 200, "x", 0 },
		{ "HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", 1, false, 429, "", 120000 },
		{ "HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", 1, false, 503,
		  "", HTTP_RETRY_MAX_MS },
		{ "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", 1,
		  false, 503, "", 0 },
		{ "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", 1,
		  false, 503, "", HTTP_RETRY_MAX_MS },
		{ "HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 1, false, 503, "", 0 },
		{ HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", 1, false, 200, "ab", 0 },
		/* cut short */
		{ "", -1, true, 0, "", 0 },
		{ HEAD "Content-Length: 3\r\n\r\nab", -1, true, 200, "ab", 0 },
		{ HEAD "Content-Le", -1, true, 200, "", 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", -1, true, 200, "abc", 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", -1, true, 200, "abc", 0 },
		/* what HTTP does not know, or what could be taken in two ways */
		{ "220 mail.example ESMTP\r\n", -1, false, 0, NULL, 0 },
		{ "HTTP/2 200\r\n", -1, false, 0, NULL, 0 },
		{ "HTTP/1.1 2000 OK\r\n", -1, false, 0, NULL, 0 },
		{ "HTTP/1.1 099 OK\r\n", -1, false, 0, NULL, 0 },
		{ "HTTP/1.1 999 OK\r\n", -1, false, 0, NULL, 0 },
		{ "HTTP/1.1 101 Switching\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: -1\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: +1\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: 1 1\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: 99999999999999999999\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: 262145\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: gzip\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Content-Encoding: gzip\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "no colon\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "X: y\r\n folded\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", -1, false, 0, NULL, 0 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", -1, false, 0, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice text = slice_str(rows[i].text);

		for (size_t at = 0; at <= text.n; at++) {
			struct http_reply r;
			int ret = feed(text, at, rows[i].eof, &r);

			if (ret != rows[i].ret)
				fail_msg("row %zu, cut at %zu: %d", i, at, ret);
			if (rows[i].body != NULL) {
				assert_int_equal(r.status, rows[i].status);
				assert_string_equal(buf_str(&r.body), rows[i].body);
				assert_int_equal(r.retry_after, rows[i].retry);
			}
			http_reply_free(&r);
		}
	}
}

/* A server that never ends something. */
static void all_is_bounded(void **state)
{
	static const struct {
		const char *before, *again;
	} rows[] = {
		{ "HTTP/1.1 200 ", "a" },
		{ HEAD, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" },
		{ HEAD "X: ", "a" },
		{ HEAD "\r\n", "a" },
		{ "", "HTTP/1.1 100 Continue\r\n\r\n" },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n" },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n",
		  "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n" },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n", "0" },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n", "T: aaaaaaaaaaaaaaaaaaaaaaa\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice again = slice_str(rows[i].again);
		struct http_parser *p;
		struct http_reply r;
		struct err e;
		size_t octets = 0;
		int ret;

		http_reply_init(&r);
		p = http_parser_new(&r);
		ret = http_parser_feed(p, slice_str(rows[i].before), false, &e);
		for (; ret == 0 && octets < 4000000; octets += again.n)
			ret = http_parser_feed(p, again, false, &e);
		if (ret != -1 || octets > 1000000)
			fail_msg("row %zu: %d after %zu octets", i, ret, octets);
		assert_non_null(strstr(e.text, "too large"));
		http_parser_free(&p);
		http_reply_free(&r);
	}
}

/* A server in a process of its own: reads the request, then says REPLY; octet by octet with PAUSE_MS, or at once. */
static pid_t serve(int fd, const char *reply, unsigned pause_ms)
{
	char request[4096];
	pid_t pid = fork();

	if (pid != 0) {
		(void)close(fd);
		return pid;
	}
	if (read(fd, request, sizeof request) <= 0)
		_exit(1);
	for (const char *c = reply; *c != '\0'; c++) {
		if (send(fd, c, 1, MSG_NOSIGNAL) != 1)
			break;
		(void)usleep(pause_ms * 1000);
	}
	_exit(0);
}

static int post(const char *reply, unsigned pause_ms, int64_t ms, struct http_reply *r, struct err *e)
{
	char hint[VALUE_HINT_SIZE];
	struct url url;
	int fds[2], ret;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pid = serve(fds[1], reply, pause_ms);
	assert_int_equal(url_parse("http://localhost:99/t?x=y", &url, hint), 0);
	http_reply_init(r);
	ret = http_post(fds[0], &url, NULL, SLICE_LIT("a=b"), clock_mono_ms() + ms, r, e);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return ret;
}

static void a_post_ends_with_a_reply_or_at_its_deadline(void **state)
{
	struct http_reply r;
	struct err e = { 0 };
	int64_t began;

	(void)state;
	assert_int_equal(post(HEAD "Content-Length: 2\r\n\r\n{}", 0, 30000, &r, &e), 0);
	assert_string_equal(buf_str(&r.body), "{}");
	http_reply_free(&r);
	assert_int_equal(post(HEAD "\r\n{}", 0, 30000, &r, &e), 0);
	assert_string_equal(buf_str(&r.body), "{}");
	http_reply_free(&r);
	assert_int_equal(post("", 0, 30000, &r, &e), -1);
	http_reply_free(&r);
	assert_int_equal(post("SSH-2.0-OpenSSH\r\n", 0, 30000, &r, &e), -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "localhost"));
	http_reply_free(&r);
	began = clock_mono_ms();
	assert_int_equal(
	    post(HEAD "Content-Length: 100000\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 50, 1000, &r, &e),
	    -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(e.code, ETIMEDOUT);
	assert_true(clock_mono_ms() - began < 30000);
	http_reply_free(&r);
}

static void urls_lead_to_one_place(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		bool tls;
		const char *path;
	} rows[] = {
		{ "https://login.example.net/token", "login.example.net", 443, true, "/token" },
		{ "HTTPS://login.example.net:8443", "login.example.net", 8443, true, "/" },
		{ "https://[2001:db8::1]:1/a?b=c", "2001:db8::1", 1, true, "/a?b=c" },
		{ "https://[2001:db8::1]/", "2001:db8::1", 443, true, "/" },
		{ "http://127.0.0.1:8080/t", "127.0.0.1", 8080, false, "/t" },
		{ "http://localhost/t", "localhost", 80, false, "/t" },
		{ "http://[::1]:5/t", "::1", 5, false, "/t" },
		{ "https://login.example.net/{tenant}/token", "login.example.net", 443, true, "/{tenant}/token" },
		{ "http://login.example.net/token", NULL, 0, false, NULL },
		{ "http://127.0.0.1.example.net/token", NULL, 0, false, NULL },
		{ "ftp://login.example.net/", NULL, 0, false, NULL },
		{ "login.example.net", NULL, 0, false, NULL },
		{ "https://user@login.example.net/", NULL, 0, false, NULL },
		{ "https://login.example.net:0/", NULL, 0, false, NULL },
		{ "https://login.example.net:65536/", NULL, 0, false, NULL },
		{ "https://login.example.net:/", NULL, 0, false, NULL },
		{ "https:///token", NULL, 0, false, NULL },
		{ "https://", NULL, 0, false, NULL },
		{ "https://a b/", NULL, 0, false, NULL },
		{ "https://login.example.net/a\r\nX: y", NULL, 0, false, NULL },
		{ "https://login.example.net/#f", NULL, 0, false, NULL },
		{ "https://login.example.net?x=y", NULL, 0, false, NULL },
		{ "https://[::1/", NULL, 0, false, NULL },
		{ "https://[::1]x/", NULL, 0, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char hint[VALUE_HINT_SIZE];
		struct url u;
		int ret = url_parse(rows[i].text, &u, hint);

		if ((ret == 0) != (rows[i].host != NULL))
			fail_msg("row %zu: %d, %s", i, ret, hint);
		if (ret != 0)
			continue;
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.tls, rows[i].tls);
		assert_true(slice_eq(u.path, slice_str(rows[i].path)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_however_they_are_cut),
		cmocka_unit_test(all_is_bounded),
		cmocka_unit_test(a_post_ends_with_a_reply_or_at_its_deadline),
		cmocka_unit_test(urls_lead_to_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
