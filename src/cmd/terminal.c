#include "cmd/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slice.h"

enum { PIECE = 4096, ERASE = 0x7f, BACKSPACE = 0x08, END_OF_FILE = 0x04 };

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { ENDINGS = sizeof ending / sizeof ending[0] };

static struct termios before;

static void on_signal(int number)
{
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

void terminal_begin(struct terminal *t)
{
	struct termios now;

	*t = (struct terminal){ .fd = STDIN_FILENO };
	buf_init(&t->in, TERMINAL_LINE_MAX);
	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return;
	now = before;
	now.c_lflag &= ~(tcflag_t)ICANON;
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	for (size_t i = 0; i < ENDINGS; i++)
		(void)signal(ending[i], on_signal);
	t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

bool terminal_hide(struct terminal *t)
{
	struct termios now;

	if (!t->raw || tcgetattr(STDIN_FILENO, &now) != 0)
		return false;
	now.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

void terminal_end(struct terminal *t)
{
	if (t->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	for (size_t i = 0; t->raw && i < ENDINGS; i++)
		(void)signal(ending[i], SIG_DFL);
	t->raw = false;
	mem_wipe(t->in.p, t->in.cap);
	buf_free(&t->in);
}

static void take(struct terminal *t, char c)
{
	if (t->raw && (c == ERASE || c == BACKSPACE)) {
		if (t->in.n > 0)
			buf_truncate(&t->in, t->in.n - 1);
	} else if (t->raw && c == END_OF_FILE) {
		t->fd = -1;
	} else {
		(void)buf_add_char(&t->in, c); /* what is too much is left out */
	}
}

/* The first whole line of what was read. */
static int line_take(struct terminal *t, char **line)
{
	size_t n = slice_find(buf_slice(&t->in), '\n');

	if (n == t->in.n)
		return 0;
	*line = slice_dup(slice_of(t->in.p, n > 0 && t->in.p[n - 1] == '\r' ? n - 1 : n));
	buf_consume(&t->in, n + 1);
	return 1;
}

int terminal_line(struct terminal *t, char **line)
{
	char piece[PIECE];
	ssize_t n;

	n = t->fd < 0 ? 0 : read(t->fd, piece, sizeof piece);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	for (ssize_t i = 0; i < n; i++)
		take(t, piece[i]);
	mem_wipe(piece, sizeof piece);
	if (n <= 0)
		t->fd = -1;
	if (line_take(t, line) == 1)
		return 1;
	if (buf_failed(&t->in) || (t->fd < 0 && t->in.n > 0)) {
		*line = slice_dup(buf_slice(&t->in));
		buf_clear(&t->in);
		return 1;
	}
	return t->fd < 0 ? -1 : 0;
}
