#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"

void source_init(struct source *s)
{
	*s = (struct source){ 0 };
	buf_init(&s->text, SOURCE_MAX);
}

void source_free(struct source *s)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		free(s->files[i].name);
		free(s->files[i].readable);
	}
	free(s->files);
	free(s->spans);
	mem_wipe(s->text.p, s->text.n);
	buf_free(&s->text);
	*s = (struct source){ 0 };
}

static unsigned file_add(struct source *s, const char *name)
{
	s->files = mem_resize(s->files, s->nfiles + 1, sizeof(*s->files));
	s->files[s->nfiles] = (struct source_file){ .name = mem_strdup(name) };
	return (unsigned)s->nfiles++;
}

/* The next line of the text is FILE_LINE of file FILE. */
static void span_add(struct source *s, unsigned file, unsigned file_line)
{
	s->spans = mem_resize(s->spans, s->nspans + 1, sizeof(*s->spans));
	s->spans[s->nspans++] = (struct source_span){ s->lines + 1, file, file_line };
}

static const struct source_span *span_find(const struct source *s, unsigned line)
{
	const struct source_span *found = NULL;
	size_t low = 0, high = s->nspans;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->spans[mid].line <= line) {
			found = &s->spans[mid];
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return found;
}

void source_where(const struct source *s, unsigned line, struct buf *out)
{
	const struct source_span *span = span_find(s, line);

	if (line == 0 || span == NULL)
		(void)buf_add_str(out, s->nfiles > 0 ? s->files[0].name : "configuration");
	else
		(void)buf_addf(out, "%s:%u", s->files[span->file].name, span->file_line + (line - span->line));
}

const struct source_file *source_file(const struct source *s, unsigned line)
{
	const struct source_span *span = span_find(s, line);

	return &s->files[span == NULL ? 0 : span->file];
}

static void line_add(struct source *s, struct slice line)
{
	(void)buf_add_slice(&s->text, line);
	(void)buf_add_char(&s->text, '\n');
	s->lines++;
}

/* Follows strings and comments through one line, so that an @include inside a comment is none. */
static void comment_follow(struct slice line, bool *inside)
{
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i], next = i + 1 < line.n ? line.p[i + 1] : '\0';

		if (*inside) {
			if (c == '*' && next == '/') {
				*inside = false;
				i++;
			}
		} else if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '#' || (c == '/' && next == '/')) {
			return;
		} else if (c == '/' && next == '*') {
			*inside = true;
			i++;
		}
	}
}

/* `@include "NAME"` at the front of LINE: 1 with NAME and what follows it; 0 when it is no such line; -1: malformed. */
static int include_parse(struct slice line, struct slice *name, struct slice *rest)
{
	static const struct slice word = SLICE_LIT("@include");
	struct slice s = slice_trim(line);
	size_t n;

	if (s.n < word.n || !slice_eq(slice_of(s.p, word.n), word))
		return 0;
	s = slice_trim(slice_of(s.p + word.n, s.n - word.n));
	if (s.n == 0 || s.p[0] != '"')
		return -1;
	s = slice_of(s.p + 1, s.n - 1);
	n = slice_find(s, '"');
	if (n == s.n || n == 0 || slice_find(slice_of(s.p, n), '\\') != n)
		return -1;
	*name = slice_of(s.p, n);
	*rest = slice_of(s.p + n + 1, s.n - n - 1);
	return 1;
}

static int bytes_check(struct source *s, unsigned file, struct slice text, struct report *r)
{
	unsigned line = 1;
	size_t i = 0;

	while (i < text.n) {
		size_t len = utf8_char_len(slice_of(text.p + i, text.n - i));

		if (len == 0 || text.p[i] == '\0') {
			span_add(s, file, line);
			s->lines++;
			report_error(r, s->lines, NULL, "%s",
				     len == 0 ? "expected UTF-8 text; save the file as UTF-8"
					      : "a NUL byte: this is no text file, or it was damaged");
			return -1;
		}
		line += text.p[i] == '\n';
		i += len;
	}
	return 0;
}

static int file_join(struct source *s, const char *path, const char *name, unsigned depth, unsigned from,
		     struct report *r);

static int text_join(struct source *s, unsigned file, struct slice text, unsigned depth, struct report *r)
{
	static const struct slice mark = SLICE_LIT("\xef\xbb\xbf"); /* what some editors put in front of UTF-8 */
	bool comment = false;
	unsigned line = 0;

	if (bytes_check(s, file, text, r) != 0)
		return -1;
	if (text.n >= mark.n && slice_eq(slice_of(text.p, mark.n), mark))
		text = slice_of(text.p + mark.n, text.n - mark.n);
	span_add(s, file, 1);
	while (text.n > 0) {
		size_t n = slice_find(text, '\n');
		struct slice one = slice_of(text.p, n), name, rest;
		int kind;

		text = n == text.n ? SLICE_NONE : slice_of(text.p + n + 1, text.n - n - 1);
		line++;
		if (one.n > 0 && one.p[one.n - 1] == '\r')
			one.n--;
		kind = comment ? 0 : include_parse(one, &name, &rest);
		if (kind == 0) {
			comment_follow(one, &comment);
			line_add(s, one);
			continue;
		}
		if (kind < 0 || depth == 0) {
			line_add(s, SLICE_NONE);
			report_error(r, s->lines, NULL, "%s",
				     kind < 0 ? "expected @include \"FILE\", with the file's name in double quotes"
					      : "no file may be included here");
			return -1;
		}
		/* The line itself, so that an error about the file can name it. */
		line_add(s, SLICE_NONE);
		{
			char *given = slice_dup(name);
			char *path = file_relative_to(s->files[0].name, given);
			int failed = file_join(s, path, path, depth - 1, s->lines, r);

			free(path);
			free(given);
			if (failed)
				return -1;
		}
		span_add(s, file, line);
		comment_follow(rest, &comment);
		line_add(s, rest);
	}
	return 0;
}

static int file_join(struct source *s, const char *path, const char *name, unsigned depth, unsigned from,
		     struct report *r)
{
	struct err e;
	struct buf bytes;
	struct stat st;
	unsigned file;
	int fd, failed = -1;

	if (s->nfiles >= SOURCE_FILES_MAX || depth == 0) {
		report_error(r, from, NULL, "too many files include each other");
		return -1;
	}
	buf_init(&bytes, SOURCE_MAX);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0) {
		bool first = s->nfiles == 0;

		(void)file_unread(&e, errno, path);
		if (first)
			(void)file_add(s, name);
		report_error(r, from, NULL, "%s%s", e.text,
			     first && e.code == ENOENT ? "; name the configuration with -c FILE" : "");
		goto done;
	}
	file = file_add(s, name);
	if (!S_ISREG(st.st_mode)) {
		report_error(r, from, NULL, "%s is not a regular file", path);
		goto done;
	}
	if (file_check_secret(fd, path, &e) != 0)
		s->files[file].readable = mem_strdup(e.text);
	if (file_read_fd(fd, path, &bytes, &e) != 0) {
		report_error(r, from, NULL, "%s", e.text);
		goto done;
	}
	failed = text_join(s, file, buf_slice(&bytes), depth, r);
done:
	file_close(&fd);
	mem_wipe(bytes.p, bytes.n);
	buf_free(&bytes);
	return failed;
}

static int text_fits(struct source *s, struct report *r)
{
	if (!buf_failed(&s->text))
		return 0;
	report_error(r, 0, NULL, "the configuration is larger than %d MB", SOURCE_MAX / 1024 / 1024);
	return -1;
}

int source_read(struct source *s, const char *file, struct report *r)
{
	if (file_join(s, file, file, SOURCE_INCLUDES_MAX, 0, r) != 0)
		return -1;
	return text_fits(s, r);
}

int source_text(struct source *s, const char *name, struct slice text, struct report *r)
{
	if (text_join(s, file_add(s, name), text, 0, r) != 0)
		return -1;
	return text_fits(s, r);
}
