#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

/* A line stays below PIPE_BUF, so that lines of several roles never mix in a pipe. */
enum { LINE_MAX_BYTES = 4000, VALUE_MAX_BYTES = 1000 };

static const char *log_role = "mailferry";
static enum log_level log_most = LOG_INFO;

void log_open(const char *role, enum log_level most)
{
	log_role = role;
	log_most = most;
}

void log_set_level(enum log_level most)
{
	log_most = most;
}

static bool needs_quotes(struct slice s)
{
	if (s.n == 0)
		return true;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return true;
	}
	return false;
}

static void add_value(struct buf *b, struct slice s)
{
	bool cut = s.n > VALUE_MAX_BYTES;

	if (cut)
		s.n = VALUE_MAX_BYTES;
	if (!needs_quotes(s)) {
		(void)buf_add_slice(b, s);
	} else {
		(void)buf_add_char(b, '"');
		while (s.n > 0) {
			size_t used = utf8_char_len(s);
			unsigned char c = (unsigned char)s.p[0];

			if (used == 0 || c < ' ' || c == 0x7f || (used == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)) {
				(void)buf_addf(b, "\\x%02x", c);
				used = 1;
			} else {
				if (c == '"' || c == '\\')
					(void)buf_add_char(b, '\\');
				(void)buf_add(b, s.p, used);
			}
			s.p += used;
			s.n -= used;
		}
		(void)buf_add_char(b, '"');
	}
	if (cut)
		(void)buf_add_str(b, "...");
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	char stamp[CLOCK_STAMP_SIZE];
	struct buf b;

	if (level > log_most)
		return;
	buf_init(&b, LINE_MAX_BYTES);
	clock_stamp(clock_wall_ms(), stamp);
	(void)buf_addf(&b, "time=%s level=%s role=%s event=%s", stamp, names[level], log_role, event);
	for (const struct log_field *f = fields; f->key != NULL; f++) {
		size_t before = b.n;

		if (f->kind == LOG_TEXT && f->text.p == NULL)
			continue;
		(void)buf_addf(&b, " %s=", f->key);
		if (f->kind == LOG_NUMBER)
			(void)buf_addf(&b, "%lld", (long long)f->number);
		else
			add_value(&b, f->text);
		/* A field that does not fit is left out whole. */
		if (buf_failed(&b) || b.n >= b.max - 1) {
			buf_truncate(&b, before);
			b.failed = false;
		}
	}
	(void)buf_add_char(&b, '\n');
	/* Nothing can be done about a log that can't be written; mail goes on. */
	ssize_t ignored = write(STDERR_FILENO, b.p, b.n);
	(void)ignored;
	buf_free(&b);
}
