/* COMPRESS=DEFLATE below a stream: the other end is zlib itself, and mostly unkind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <libetpan/mailstream.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "net/deflate.h"
#include "net/lan.h"
#include "net/stream.h"

enum { TEXT = 3000, LARGE = 3 * 1024 * 1024 };

static char text[TEXT];

/* Half of it packs well, half of it not at all. */
static void fill(char *p, size_t n)
{
	random_bytes(p, n);
	for (size_t i = 0; i < n; i++) {
		if (i / 500 % 2 == 0)
			p[i] = "Received: from scanner.office.example\r\n"[i % 39];
	}
}

/* IN as one DEFLATE stream, flushed as LAST says. */
static size_t pack(const char *in, size_t n, int last, char *out, size_t size)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in,
		       .avail_in = (uInt)n,
		       .next_out = (Bytef *)out,
		       .avail_out = (uInt)size };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	(void)deflate(&z, last);
	assert_int_equal(z.avail_in, 0);
	(void)deflateEnd(&z);
	return size - z.avail_out;
}

static struct stream *begin(int *other)
{
	struct stream *s;
	struct err e;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	s = stream_new(pair[0], "imap.example.net");
	stream_set_deadline(s, clock_mono_ms() + 60000);
	assert_int_equal(stream_start_deflate(s, &e), 0);
	*other = pair[1];
	return s;
}

static void read_all(struct stream *s, char *out, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t got = mailstream_read(stream_mailstream(s), out + at, n - at);

		assert_true(got > 0);
		at += (size_t)got;
	}
}

/* ---- the codec alone ---- */

static void pieces_of_any_size_come_back_whole(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 100, 999, DEFLATE_FEED_MAX };

	(void)state;
	for (size_t a = 0; a < sizeof sizes / sizeof sizes[0]; a++) {
		for (size_t b = 0; b < sizeof sizes / sizeof sizes[0]; b++) {
			struct deflate *from = deflate_new(), *to = deflate_new();
			char *back = mem_alloc(TEXT + DEFLATE_FEED_MAX);
			struct deflate_count count;
			size_t at = 0, got, n;

			for (size_t i = 0; i < TEXT; i += n) {
				n = TEXT - i < sizes[a] ? TEXT - i : sizes[a];
				deflate_put(from, slice_of(text + i, n));
			}
			deflate_flush(from);
			deflate_flush(from); /* nothing more to say */
			while (deflate_pending(from).n > 0) {
				struct slice p = deflate_pending(from);

				n = p.n < sizes[b] ? p.n : sizes[b];
				deflate_feed(to, slice_of(p.p, n));
				while (deflate_take(to, back + at, sizes[a], &got) == DEFLATE_GOT)
					at += got;
				deflate_sent(from, n);
			}
			assert_int_equal(at, TEXT);
			assert_memory_equal(back, text, TEXT);
			deflate_counts(from, &count);
			assert_int_equal(count.sent, TEXT);
			n = (size_t)count.sent_packed;
			deflate_counts(to, &count);
			assert_int_equal(count.got, TEXT);
			assert_int_equal(count.got_packed, n);
			assert_true(n < TEXT * 2 / 3);
			deflate_free(&from);
			deflate_free(&to);
			free(back);
		}
	}
}

/* ---- reading ---- */

static void replies_may_be_cut_anywhere(void **state)
{
	char packed[TEXT * 2], back[TEXT];
	size_t n = pack(text, TEXT, Z_SYNC_FLUSH, packed, sizeof packed);

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		int other;
		struct stream *s = begin(&other);
		struct err e;
		int ret;

		assert_int_equal(write(other, packed, cut), (ssize_t)cut);
		while ((ret = stream_poll(s, &e)) == 1)
			;
		assert_int_equal(ret, 0);
		assert_int_equal(write(other, packed + cut, n - cut), (ssize_t)(n - cut));
		read_all(s, back, TEXT);
		assert_memory_equal(back, text, TEXT);
		assert_int_equal(stream_poll(s, &e), 0);
		stream_close(&s);
		(void)close(other);
	}
}

/* The line that agrees to it and the first compressed octets come in one piece. */
static void what_stands_behind_the_ok_is_unpacked(void **state)
{
	static const char ok[] = "7 OK DEFLATE active\r\n";
	char packed[TEXT * 2], back[TEXT];
	struct stream *s;
	struct err e;
	int pair[2];
	size_t n;

	(void)state;
	for (int careful = 1; careful >= 0; careful--) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		s = stream_new(pair[0], "imap.example.net");
		stream_set_deadline(s, clock_mono_ms() + 60000);
		memcpy(packed, ok, sizeof ok - 1);
		n = sizeof ok - 1 + pack(text, TEXT, Z_SYNC_FLUSH, packed + sizeof ok - 1, sizeof packed - sizeof ok);
		assert_int_equal(write(pair[1], packed, n), (ssize_t)n);
		stream_set_careful(s, careful == 1);
		while (stream_unread(s) < sizeof ok - 1)
			assert_int_equal(stream_wait(s, &e), 0);
		stream_set_careful(s, false);
		read_all(s, back, sizeof ok - 1);
		assert_memory_equal(back, ok, sizeof ok - 1);
		if (careful) {
			assert_int_equal(stream_start_deflate(s, &e), 0);
			read_all(s, back, TEXT);
			assert_memory_equal(back, text, TEXT);
		} else {
			/* It was read as plain octets: better no connection than nonsense. */
			assert_int_equal(stream_start_deflate(s, &e), -1);
			assert_int_equal(e.class, ERR_PROTOCOL);
		}
		stream_close(&s);
		(void)close(pair[1]);
	}
}

struct bound {
	size_t left, largest;
};

static int bounded(void *arg, struct slice bytes, struct buf *out, struct err *e)
{
	struct bound *b = arg;

	b->largest = bytes.n > b->largest ? bytes.n : b->largest;
	if (bytes.n > b->left)
		return err_set(e, ERR_PROTOCOL, 0, "more than was asked for");
	b->left -= bytes.n;
	return buf_add_slice(out, bytes);
}

static void bombs_meet_the_bounds_of_plain_octets(void **state)
{
	static char zeros[LARGE], packed[64 * 1024];
	struct bound b = { .left = 100 * 1024 };
	size_t n = pack(zeros, sizeof zeros, Z_SYNC_FLUSH, packed, sizeof packed);
	struct stream *s;
	struct err e;
	int other, ret;

	(void)state;
	assert_true(n < 8 * 1024);
	s = begin(&other);
	stream_set_tap(s, bounded, &b);
	assert_int_equal(write(other, packed, n), (ssize_t)n);
	while ((ret = stream_poll(s, &e)) == 1)
		;
	assert_int_equal(ret, -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	assert_true(b.largest <= 16 * 1024);
	assert_true(stream_unread(s) <= 100 * 1024);
	stream_abort(&s);
	(void)close(other);
}

static void bad_streams_end_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum err_class class;
		int code;
		const char *why;
	} rows[] = {
		{ "\xff\xff\xff\xff", 4, ERR_PROTOCOL, 0, "not compressed as was agreed" },
		{ "* 5 EXISTS\r\n", 12, ERR_PROTOCOL, 0, "not compressed as was agreed" },
		/* A stored block whose length is not the complement of the other. */
		{ "\x00\x05\x00\x00\x00hello", 10, ERR_PROTOCOL, 0, "not compressed as was agreed" },
		/* An empty last block: the end of the stream, and something behind it. */
		{ "\x03\x00zzz", 5, ERR_TEMP, ECONNRESET, "closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int other;
		struct stream *s = begin(&other);
		struct err e;

		assert_int_equal(write(other, rows[i].bytes, rows[i].n), (ssize_t)rows[i].n);
		(void)shutdown(other, SHUT_WR);
		while (stream_wait(s, &e) == 0)
			;
		if (e.class != rows[i].class || e.code != rows[i].code || strstr(e.text, rows[i].why) == NULL)
			fail_msg("row %zu: %d %d %s", i, e.class, e.code, e.text);
		stream_abort(&s);
		(void)close(other);
	}
}

/* Flushes without end and nothing in them: only the deadline helps. */
static void empty_blocks_do_not_hold_us_up(void **state)
{
	static char blocks[5 * 4000];
	struct stream *s;
	struct err e;
	int other;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof blocks; i += 5)
		memcpy(blocks + i, "\x00\x00\x00\xff\xff", 5);
	s = begin(&other);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(300);
		stream_abort(&s);
		while (send(other, blocks, sizeof blocks, MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	(void)close(other);
	stream_set_deadline(s, clock_mono_ms() + 300);
	assert_int_equal(stream_wait(s, &e), -1);
	assert_int_equal(e.code, ETIMEDOUT);
	stream_abort(&s);
	(void)waitpid(pid, NULL, 0);
}

/* ---- writing ---- */

/* Unpacks all that comes and sends it back packed, with a flush when there is nothing more to read just now. */
static _Noreturn void echo(int fd)
{
	struct deflate *d = deflate_new();
	char in[DEFLATE_FEED_MAX], out[8192];
	ssize_t n;
	size_t got;

	(void)alarm(300);
	while ((n = read(fd, in, sizeof in)) > 0) {
		deflate_feed(d, slice_of(in, (size_t)n));
		while (deflate_take(d, out, sizeof out, &got) == DEFLATE_GOT) {
			deflate_put(d, slice_of(out, got));
			deflate_flush(d);
			while (deflate_pending(d).n > 0) {
				n = send(fd, deflate_pending(d).p, deflate_pending(d).n, MSG_NOSIGNAL);
				if (n <= 0)
					_exit(1);
				deflate_sent(d, (size_t)n);
			}
		}
	}
	_exit(0);
}

static struct stream *begin_echo(pid_t *pid)
{
	int other, small = 4096;
	struct stream *s = begin(&other);

	(void)setsockopt(other, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		stream_abort(&s);
		echo(other);
	}
	(void)close(other);
	return s;
}

static void check_counts(const struct stream *s, uint64_t n)
{
	struct deflate_count c;

	assert_true(stream_deflated(s, &c));
	assert_int_equal(c.sent, n);
	assert_int_equal(c.got, n);
	assert_true(c.sent_packed < n && c.got_packed < n);
}

/* As commands go: small writes, a flush of libetpan's buffer that knows nothing of zlib's, and the answer. */
static void commands_go_out_before_the_answer_is_waited_for(void **state)
{
	char back[TEXT];
	pid_t pid;
	struct stream *s = begin_echo(&pid);

	(void)state;
	for (size_t n = 1; n < TEXT; n += 37) {
		assert_int_equal(mailstream_write(stream_mailstream(s), text, n), (ssize_t)n);
		assert_int_equal(mailstream_flush(stream_mailstream(s)), 0);
		read_all(s, back, n);
		assert_memory_equal(back, text, n);
	}
	stream_close(&s);
	(void)waitpid(pid, NULL, 0);
}

/* As messages go: much more than any socket holds, the answers read meanwhile. */
static void much_goes_both_ways_at_once(void **state)
{
	char *all = mem_alloc(LARGE), *back = mem_alloc(LARGE);
	size_t put = 0, got = 0;
	struct stream *s;
	struct err e;
	pid_t pid;

	(void)state;
	fill(all, LARGE);
	s = begin_echo(&pid);
	while (got < LARGE) {
		struct stream_watch w = { s, false };
		ssize_t n = 0;
		int ret;

		if (put < LARGE) {
			n = stream_write_some(s, slice_of(all + put, LARGE - put), &e);
			assert_true(n >= 0);
			put += (size_t)n;
			w.write = n == 0;
		}
		while ((ret = stream_poll(s, &e)) == 1)
			;
		assert_int_equal(ret, 0);
		if (stream_unread(s) > 0) {
			n = mailstream_read(stream_mailstream(s), back + got, LARGE - got);
			assert_true(n > 0);
			got += (size_t)n;
		} else if (n == 0) {
			stream_wait_any(&w, 1);
		}
	}
	assert_int_equal(put, LARGE);
	assert_memory_equal(back, all, LARGE);
	check_counts(s, LARGE);
	stream_close(&s);
	(void)waitpid(pid, NULL, 0);
	free(all);
	free(back);
}

/* libetpan's way, which waits: the peer sends back while we write, and must not block us. */
static void a_blocking_write_reads_meanwhile(void **state)
{
	size_t n = LARGE / 16;
	char *all = mem_alloc(n), *back = mem_alloc(n);
	struct stream *s;
	pid_t pid;

	(void)state;
	fill(all, n);
	s = begin_echo(&pid);
	assert_int_equal(mailstream_write(stream_mailstream(s), all, n), (ssize_t)n);
	assert_int_equal(mailstream_flush(stream_mailstream(s)), 0);
	read_all(s, back, n);
	assert_memory_equal(back, all, n);
	check_counts(s, n);
	stream_close(&s);
	(void)waitpid(pid, NULL, 0);
	free(all);
	free(back);
}

/* What was said before the end still counts, though nothing can be sent any more. */
static void replies_before_the_end_are_read(void **state)
{
	char packed[TEXT * 2], fresh[TEXT];
	size_t n = pack(text, TEXT, Z_SYNC_FLUSH, packed, sizeof packed);
	struct stream *s;
	struct err e;
	int other;

	(void)state;
	s = begin(&other);
	assert_int_equal(write(other, packed, n), (ssize_t)n);
	(void)close(other);
	do
		random_bytes(fresh, sizeof fresh);
	while (stream_write_some(s, slice_of(fresh, sizeof fresh), &e) > 0);
	assert_int_equal(stream_unread(s), TEXT);
	assert_int_equal(stream_failure(s)->class, ERR_TEMP);
	stream_abort(&s);
}

/* ---- whose network ---- */

static void private_addresses_are_near(void **state)
{
	static const struct {
		const char *address;
		bool near;
	} rows[] = {
		{ "127.0.0.1", true },	     { "127.255.0.1", true },
		{ "10.1.2.3", true },	     { "11.0.0.1", false },
		{ "172.16.0.1", true },	     { "172.31.255.255", true },
		{ "172.32.0.1", false },     { "172.15.0.1", false },
		{ "192.168.7.7", true },     { "192.169.0.1", false },
		{ "169.254.9.9", true },     { "192.0.2.1", false },
		{ "100.64.0.1", false },     { "::1", true },
		{ "fe80::1", true },	     { "fd00::1", true },
		{ "fc12::1", true },	     { "2001:db8::1", false },
		{ "::ffff:10.0.0.1", true }, { "::ffff:192.0.2.1", false },
		{ "fec0::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		bool six = strchr(rows[i].address, ':') != NULL;
		const void *sa = six ? (const void *)&in6 : (const void *)&in;

		assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, rows[i].address,
					   six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr),
				 1);
		if (lan_address(sa) != rows[i].near)
			fail_msg("%s", rows[i].address);
	}
}

static int prepare(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	fill(text, TEXT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size_come_back_whole),
		cmocka_unit_test(replies_may_be_cut_anywhere),
		cmocka_unit_test(what_stands_behind_the_ok_is_unpacked),
		cmocka_unit_test(bombs_meet_the_bounds_of_plain_octets),
		cmocka_unit_test(bad_streams_end_the_connection),
		cmocka_unit_test(empty_blocks_do_not_hold_us_up),
		cmocka_unit_test(commands_go_out_before_the_answer_is_waited_for),
		cmocka_unit_test(much_goes_both_ways_at_once),
		cmocka_unit_test(a_blocking_write_reads_meanwhile),
		cmocka_unit_test(replies_before_the_end_are_read),
		cmocka_unit_test(private_addresses_are_near),
	};

	return cmocka_run_group_tests_name("deflate", tests, prepare, NULL);
}
