/* What a connection does when its process dies, and how waiting for it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"

/* Two ends of a TCP connection; the second takes in little. */
static void connected(int fds[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), little = 4096;
	socklen_t n = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&at, sizeof at), 0);
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
	(void)close(listener);
}

/* Writes until nothing more is taken, tells how much that was, and waits for its end. */
static void write_all(int fd, int tell)
{
	static char octets[16 * 1024];
	struct stream *s = stream_new(fd, "localhost");
	uint64_t total = 0;
	ssize_t n;

	while ((n = stream_write_some(s, slice_of(octets, sizeof octets), NULL)) > 0)
		total += (uint64_t)n;
	if (write(tell, &total, sizeof total) != sizeof total)
		_exit(1);
	for (;;)
		(void)pause();
}

/* The system would go on sending for a process that is gone, for minutes on a slow line: a message would get to a store
 * after it was looked for. */
static void nothing_is_sent_for_the_dead(void **state)
{
	int fds[2], tell[2], status;
	uint64_t written = 0, got = 0;
	char octets[16 * 1024];
	ssize_t n;
	pid_t child;

	(void)state;
	connected(fds);
	assert_int_equal(pipe(tell), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(fds[1]);
		write_all(fds[0], tell[1]);
	}
	(void)close(fds[0]);
	assert_int_equal(read(tell[0], &written, sizeof written), sizeof written);
	assert_true(written > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	while ((n = read(fds[1], octets, sizeof octets)) > 0)
		got += (uint64_t)n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_true(got < written);
	(void)close(fds[1]);
	(void)close(tell[0]);
	(void)close(tell[1]);
}

static void what_is_closed_in_order_gets_there(void **state)
{
	static char octets[16 * 1024];
	struct stream *s;
	size_t got = 0;
	int fds[2];
	ssize_t n;

	(void)state;
	connected(fds);
	s = stream_new(fds[0], "localhost");
	assert_int_equal(stream_write_some(s, slice_of(octets, sizeof octets), NULL), sizeof octets);
	stream_close(&s);
	while ((n = read(fds[1], octets, sizeof octets)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, sizeof octets);
	(void)close(fds[1]);
}

static void note_wake(void *arg)
{
	char c;
	int *fd = arg;

	assert_int_equal(read(*fd, &c, 1), 1);
	*fd = -1;
}

/* Who waits for news fails at no time but the deadline. */
static void waiting_ends_in_four_ways(void **state)
{
	int fds[2], wake[2], woken;
	struct err e = { 0 };
	struct stream *s;
	int64_t begin;

	(void)state;
	connected(fds);
	assert_int_equal(pipe(wake), 0);
	woken = wake[0];
	s = stream_new(fds[0], "localhost");
	stream_set_wake(s, wake[0], note_wake, &woken);
	stream_set_deadline(s, clock_mono_ms() + 60000);

	/* Time. */
	begin = clock_mono_ms();
	assert_int_equal(stream_wait_until(s, begin + 50, &e), 0);
	assert_true(clock_mono_ms() >= begin + 50 && woken == wake[0]);
	assert_int_equal(stream_wait_until(s, begin, &e), 0);

	/* Somebody else's news. */
	assert_int_equal(write(wake[1], "x", 1), 1);
	assert_int_equal(stream_wait_until(s, begin + 50000, &e), 0);
	assert_int_equal(woken, -1);

	/* Something comes, also when the time is over. */
	assert_int_equal(write(fds[1], "abc", 3), 3);
	assert_int_equal(stream_wait_until(s, begin + 50000, &e), 1);
	assert_int_equal(stream_unread(s), 3);

	/* The deadline, which is an error. */
	stream_set_deadline(s, clock_mono_ms() + 30);
	assert_int_equal(stream_wait_until(s, begin + 50000, &e), -1);
	assert_int_equal(e.code, ETIMEDOUT);
	stream_abort(&s);

	/* The end. */
	connected(fds);
	s = stream_new(fds[0], "localhost");
	stream_set_deadline(s, clock_mono_ms() + 60000);
	(void)close(fds[1]);
	assert_int_equal(stream_wait_until(s, clock_mono_ms() + 50000, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	stream_abort(&s);
	(void)close(wake[0]);
	(void)close(wake[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sent_for_the_dead),
		cmocka_unit_test(what_is_closed_in_order_gets_there),
		cmocka_unit_test(waiting_ends_in_four_ways),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("connections", tests, NULL, NULL);
}
