/* What a run shows: the same events in a pipe, on terminals of several widths, and for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/progress.h"

enum { SHOWN_MAX = 256 * 1024, ROWS = 24 };

/* ---- what happens ---- */

static const struct sync_event events[] = {
	{ .kind = SYNC_SOURCE, .name = "old", .state = SYNC_WAITS, .words = "" },
	{ .kind = SYNC_SOURCE, .name = "an-account-with-a-long-name", .state = SYNC_WAITS, .words = "" },
	{ .kind = SYNC_SOURCE, .name = "old", .state = SYNC_RUNS, .words = "", .started_ms = 1000 },
	{ .kind = SYNC_PROGRESS,
	  .name = "old",
	  .words = "",
	  .progress = { .folder = "Lists/\x1b[31mred",
			.messages = 10,
			.messages_all = 2000,
			.octets = 81920,
			.octets_all = 16384000 } },
	{ .kind = SYNC_LINE,
	  .name = "old",
	  .words = "",
	  .line = { .folder = "INBOX",
		    .name = "7",
		    .size = 30000000,
		    .from = "a@example.org",
		    .subject = "Big \x07 one",
		    .why = "larger than 20M" } },
	{ .kind = SYNC_LINE,
	  .name = "old",
	  .words = "",
	  .line = { .folder = "INBOX", .name = "8", .why = "larger than 20M" } },
	{ .kind = SYNC_LINE,
	  .name = "old",
	  .words = "",
	  .line = { .folder = "INBOX", .name = "9", .why = "larger than 20M" } },
	{ .kind = SYNC_LINE,
	  .name = "old",
	  .words = "",
	  .line = { .folder = "INBOX", .name = "10", .why = "larger than 20M" } },
	{ .kind = SYNC_LINE,
	  .name = "old",
	  .words = "",
	  .line = { .folder = "INBOX", .name = "11", .why = "older than 30d" } },
	{ .kind = SYNC_TICK, .name = "", .words = "" },
	{ .kind = SYNC_ACCOUNT, .name = "office", .state = SYNC_RUNS, .words = "", .waiting = 8, .filed = 2 },
	{ .kind = SYNC_RAN,
	  .name = "old",
	  .words = "",
	  .end = RUN_OK,
	  .started_ms = 1000,
	  .ended_ms = 11000,
	  .next_ms = INT64_MAX,
	  .progress = { .folder = "",
			.messages = 1995,
			.messages_all = 1995,
			.octets = 16000000,
			.octets_all = 16000000,
			.skipped = 5,
			.removed = 1995 } },
	{ .kind = SYNC_SOURCE,
	  .name = "an-account-with-a-long-name",
	  .state = SYNC_RUNS,
	  .words = "",
	  .started_ms = 1000 },
	{ .kind = SYNC_RAN,
	  .name = "an-account-with-a-long-name",
	  .words = "password refused: \x1b]0;title\x07 no",
	  .end = RUN_REFUSED,
	  .started_ms = 1000,
	  .ended_ms = 1500,
	  .progress = { .folder = "" } },
	{ .kind = SYNC_ACCOUNT,
	  .name = "office",
	  .state = SYNC_ENDED,
	  .words = "quota exceeded",
	  .held = true,
	  .waiting = 3,
	  .filed = 1992,
	  .stuck = 1,
	  .next_ms = INT64_MAX },
	{ .kind = SYNC_DONE, .name = "", .words = "", .status = EX_CONFIG },
};

/* Far more at work than a window has rows. */
static void show_many(void)
{
	struct progress p;
	char name[20];

	progress_init(&p, NULL, RUN_FETCH);
	for (int i = 0; i < 300; i++) {
		struct sync_event ev = { .kind = SYNC_PROGRESS,
					 .name = name,
					 .words = "",
					 .progress = { .folder = "", .messages = 1, .messages_all = 4 } };

		(void)snprintf(name, sizeof name, "source-%d", i);
		(void)progress_event(&p, &ev);
	}
	for (int i = 0; i < 3; i++)
		(void)progress_event(&p, &(struct sync_event){ .kind = SYNC_TICK, .name = "", .words = "" });
	progress_free(&p);
	_exit(0);
}

static void show(progress_view *view, enum run_mode mode)
{
	struct progress p;

	progress_init(&p, view, mode);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		(void)progress_event(&p, &events[i]);
	progress_free(&p);
	(void)fflush(stdout);
	_exit(p.status == EX_CONFIG ? 0 : 1);
}

/* All that a child writes to FD. */
static void collect(int fd, char *shown)
{
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, shown + n, SHOWN_MAX - 1 - n)) > 0 || (r < 0 && errno == EINTR))
		n += r > 0 ? (size_t)r : 0;
	shown[n] = '\0';
}

static void in_a_pipe(progress_view *view, enum run_mode mode, char *shown)
{
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		show(view, mode);
	}
	(void)close(fds[1]);
	collect(fds[0], shown);
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void on_a_terminal(unsigned rows, unsigned columns, const char *term, const char *no_color, bool many,
			  char *shown)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	struct termios t;
	pid_t pid;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	pid = fork();
	if (pid == 0) {
		int slave = open(ptsname(master), O_RDWR | O_NOCTTY);

		(void)tcgetattr(slave, &t);
		t.c_oflag &= ~(tcflag_t)OPOST;
		(void)tcsetattr(slave, TCSANOW, &t);
		(void)dup2(slave, STDOUT_FILENO);
		(void)close(slave);
		(void)close(master);
		(void)setenv("TERM", term, 1);
		(void)setenv("NO_COLOR", no_color, 1);
		if (many)
			show_many();
		show(NULL, RUN_FETCH);
	}
	/* The end of the child ends the reading with EIO. */
	collect(master, shown);
	(void)close(master);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void has(const char *shown, const char *text)
{
	if (strstr(shown, text) == NULL)
		fail_msg("\"%s\" is missing in:\n%s", text, shown);
}

static void has_not(const char *shown, const char *text)
{
	if (strstr(shown, text) != NULL)
		fail_msg("\"%s\" stands in:\n%s", text, shown);
}

static char shown[SHOWN_MAX];

static void a_pipe_gets_plain_lines(void **state)
{
	(void)state;
	in_a_pipe(NULL, RUN_FETCH, shown);
	has(shown, "old: fetched 1995 messages, 16 MB in 10s (1.6 MB/s); 5 skipped; 1995 removed at the source\n");
	has(shown, "    4 left: larger than 20M\n      INBOX 7, 30 MB, from a@example.org, \"Big ? one\"\n");
	has(shown, "      … and 1 more\n    1 left: older than 30d\n      INBOX 11, 0 B\n");
	has(shown, "an-account-with-a-long-name: nothing came; a person must act: password refused: ?]0;title? no\n");
	has(shown,
	    "account office: 1992 filed; 3 wait; it takes nothing now: quota exceeded; a person must decide about 1: "
	    "mailferry queue list --account office\n");
	has_not(shown, "\x1b");
	has_not(shown, "\r");
}

static void quiet_shows_nothing(void **state)
{
	(void)state;
	in_a_pipe(progress_quiet, RUN_FETCH, shown);
	assert_string_equal(shown, "");
}

static void dumb_terminals_get_plain_lines(void **state)
{
	(void)state;
	on_a_terminal(ROWS, 80, "dumb", "", false, shown);
	has(shown, "old: fetched 1995 messages");
	has_not(shown, "\x1b");
	on_a_terminal(ROWS, 80, "", "", false, shown);
	has_not(shown, "\x1b");
}

/* What the terminal holds at the end, had it endless rows and columns. */
struct tty {
	char rows[400][400];
	size_t row, column, most; /* octets; what the block of this test has is ASCII, but for an ellipsis */
};

static void tty_write(struct tty *t, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\r') {
			t->column = 0;
		} else if (*s == '\n') {
			t->row++;
			t->column = 0; /* as a terminal with OPOST does */
		} else if (s[0] == '\x1b' && s[1] == '[') {
			unsigned n = (unsigned)strtoul(s + 2, (char **)&s, 10);

			if (*s == 'A')
				t->row -= n;
			else if (*s == 'K') {
				/* Ends a line of the block, which the terminal must not break. */
				t->most = t->column > t->most ? t->column : t->most;
				t->rows[t->row][t->column] = '\0';
			} else if (*s == 'J')
				for (size_t i = t->row; i < 400; i++)
					t->rows[i][i == t->row ? t->column : 0] = '\0';
			else if (*s != 'm')
				fail_msg("unknown escape %c", *s);
		} else {
			assert_true(t->row < 400);
			assert_true((unsigned char)*s >= 0x20);
			t->rows[t->row][t->column++] = *s;
		}
	}
}

static void terminals_are_redrawn_in_place(void **state)
{
	static const unsigned widths[] = { 20, 40, 60, 80, 132 };

	(void)state;
	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
		static struct tty t;
		size_t rows = 0;

		t = (struct tty){ .row = 0 };
		on_a_terminal(ROWS, widths[i], "xterm", "", false, shown);
		has(shown, "\x1b[32mfetched 1995");
		has(shown, "\x1b[31m");
		tty_write(&t, shown);
		assert_in_range(t.most, 10, widths[i] + 2);
		/* Nothing of the block is left. */
		for (size_t r = 0; r < 400; r++) {
			has_not(t.rows[r], "%");
			rows += t.rows[r][0] != '\0';
		}
		has(t.rows[0], "old: fetched 1995 messages");
		assert_true(rows >= 9);
	}
	on_a_terminal(ROWS, 80, "xterm", "1", false, shown);
	has_not(shown, "\x1b[3");
	has(shown, "[");
	has(shown, "10 of 2000");
}

static void a_small_window_is_not_overrun(void **state)
{
	static const unsigned heights[] = { 1, 2, 3, 6, 24 };

	(void)state;
	for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
		static struct tty t;
		unsigned most = 0;

		t = (struct tty){ .row = 0 };
		on_a_terminal(heights[i], 60, "xterm", "1", true, shown);
		has(shown, "more sources");
		for (const char *at = shown; (at = strstr(at, "\x1b[")) != NULL; at += 2) {
			char *end;
			unsigned up = (unsigned)strtoul(at + 2, &end, 10);

			most = *end == 'A' && up > most ? up : most;
		}
		/* The block never reaches above the window, where nothing can be redrawn. */
		assert_true(most < heights[i]);
		tty_write(&t, shown);
		for (size_t r = 0; r < 400; r++)
			assert_string_equal(t.rows[r], "");
	}
}

static void programs_get_an_object_a_line(void **state)
{
	static const char *const kinds[] = { "source",	"source",  "source",  "progress", "message",
					     "message", "message", "message", "message",  "account",
					     "ran",	"source",  "ran",     "account",  "done" };
	size_t n = 0;

	(void)state;
	in_a_pipe(progress_json, RUN_FETCH, shown);
	for (char *line = shown, *end; *line != '\0'; line = end + 1, n++) {
		json_t *o;

		end = strchr(line, '\n');
		assert_non_null(end);
		o = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_true(json_is_object(o));
		assert_true(n < sizeof kinds / sizeof kinds[0]);
		assert_string_equal(json_string_value(json_object_get(o, "event")), kinds[n]);
		json_decref(o);
	}
	assert_int_equal(n, sizeof kinds / sizeof kinds[0]);
	has(shown, "\"words\":\"password refused: \\u001B]0;title\\u0007 no\"");
}

static void a_dry_run_tells_each_message(void **state)
{
	(void)state;
	in_a_pipe(NULL, RUN_DRY, shown);
	has(shown, "old: INBOX 7, 30 MB, from a@example.org, \"Big ? one\"\n    -> nowhere: larger than 20M\n");
	has(shown, "old: would fetch 1995 messages");
	has_not(shown, "account office");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_gets_plain_lines),	  cmocka_unit_test(quiet_shows_nothing),
		cmocka_unit_test(dumb_terminals_get_plain_lines), cmocka_unit_test(terminals_are_redrawn_in_place),
		cmocka_unit_test(a_small_window_is_not_overrun),  cmocka_unit_test(programs_get_an_object_a_line),
		cmocka_unit_test(a_dry_run_tells_each_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
