#include "cmd/screen.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { LINES_MAX = 200, BYTES_MAX = 1024 * 1024, LEAST = 20, USUAL_COLUMNS = 80, USUAL_ROWS = 24 };

struct block {
	size_t widths[LINES_MAX];
	size_t n;
};

struct screen {
	struct buf above, lines, frame;
	struct block shown, next;
};

struct screen *screen_new(void)
{
	struct screen *s = mem_alloc(sizeof *s);

	buf_init(&s->above, BYTES_MAX);
	buf_init(&s->lines, BYTES_MAX);
	buf_init(&s->frame, 4 * BYTES_MAX);
	return s;
}

static struct winsize size(void)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		w.ws_col = USUAL_COLUMNS;
	if (w.ws_row == 0)
		w.ws_row = USUAL_ROWS;
	return w;
}

size_t screen_columns(const struct screen *s)
{
	size_t n = size().ws_col;

	(void)s;
	return n < LEAST ? LEAST : n;
}

size_t screen_rows(const struct screen *s)
{
	(void)s;
	return size().ws_row;
}

struct buf *screen_above(struct screen *s)
{
	return &s->above;
}

void screen_line(struct screen *s, const char *text, size_t width)
{
	if (s->next.n == LINES_MAX)
		return;
	(void)buf_addf(&s->lines, "%s%s\x1b[K", s->next.n == 0 ? "" : "\n", text);
	s->next.widths[s->next.n++] = width;
}

/* To the first column of the block's first row. A window that became narrower has broken its lines. */
static void go_up(struct screen *s)
{
	size_t columns = screen_columns(s), rows = 0;

	for (size_t i = 0; i < s->shown.n; i++)
		rows += s->shown.widths[i] == 0 ? 1 : (s->shown.widths[i] - 1) / columns + 1;
	(void)buf_add_char(&s->frame, '\r');
	if (rows > 1)
		(void)buf_addf(&s->frame, "\x1b[%zuA", rows - 1);
}

void screen_draw(struct screen *s)
{
	if (s->above.n == 0 && s->next.n == 0 && s->shown.n == 0)
		return;
	go_up(s);
	if (s->above.n > 0) {
		/* What stands there may be longer than what comes. */
		(void)buf_add_str(&s->frame, "\x1b[J");
		(void)buf_add_slice(&s->frame, buf_slice(&s->above));
	}
	(void)buf_add_slice(&s->frame, buf_slice(&s->lines));
	(void)buf_add_str(&s->frame, "\x1b[J");
	(void)file_write_all(STDOUT_FILENO, s->frame.p, s->frame.n, NULL);
	s->shown = s->next;
	s->next.n = 0;
	buf_clear(&s->above);
	buf_clear(&s->lines);
	buf_clear(&s->frame);
}

void screen_free(struct screen **sp)
{
	struct screen *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	screen_draw(s);
	buf_free(&s->above);
	buf_free(&s->lines);
	buf_free(&s->frame);
	free(s);
}
