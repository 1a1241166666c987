/* What several sessions at once may count on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "imap/dialog.h"
#include "imap/session_impl.h"

/* Who waits in vain fails when it is over; nothing that is right here takes any of it. */
enum { PATIENCE_MS = 60000 };

static void says(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A NO may come between the look for a reply and the look for a continuation request. Nothing comes behind it, so who
 * waits for more waits in vain. */
static void a_reply_that_came_ends_the_wait(void **state)
{
	struct imap s = { .hurry = INT64_MAX };
	struct dialog_watch w = { &s, false };
	struct err e = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	s.stream = stream_new(fds[0], "localhost");
	s.filter = imap_filter_new();
	stream_set_tap(s.stream, imap_filter_feed, s.filter);
	dialog_deadline(&s, PATIENCE_MS);
	says(fds[1], "* OK ready\r\n");
	dialog_expect_continue(&s);
	assert_int_equal(dialog_continued(&s, &e), 0);

	says(fds[1], "1 NO not now\r\n");
	assert_int_equal(dialog_continued(&s, &e), 0);
	dialog_wait_any(&w, 1);
	assert_int_equal(stream_failure(s.stream)->class, ERR_NONE);

	stream_close(&s.stream);
	imap_filter_free(&s.filter);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_that_came_ends_the_wait),
	};

	return cmocka_run_group_tests_name("several sessions at once", tests, NULL, NULL);
}
