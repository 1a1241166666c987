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

bool log_wants(enum log_level level)
{
	return level <= log_most;
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

/* What moves the cursor, can't be seen, or turns the direction of what stands behind it: a line must be what it seems. */
static bool hides(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
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
			uint32_t cp = 0;
			size_t used = utf8_decode(s, &cp);

			if (used == 0 || hides(cp)) {
				used = used == 0 ? 1 : used;
				for (size_t i = 0; i < used; i++)
					(void)buf_addf(b, "\\x%02x", (unsigned char)s.p[i]);
			} else {
				if (s.p[0] == '"' || s.p[0] == '\\')
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
	static struct buf b = { .max = LINE_MAX_BYTES }; /* kept from line to line */
	char stamp[CLOCK_STAMP_SIZE];

	if (!log_wants(level))
		return;
	buf_clear(&b);
	clock_stamp(clock_wall_ms(), stamp);
	(void)buf_addf(&b, "time=%s level=%s role=%s event=%s", stamp, names[level], log_role, event);
	for (const struct log_field *f = fields; f->key != NULL; f++) {
		size_t before = b.n;

		if (f->kind == LOG_TEXT && f->text.p == NULL)
			continue;
		(void)buf_add_char(&b, ' ');
		(void)buf_add_str(&b, f->key);
		(void)buf_add_char(&b, '=');
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
}
