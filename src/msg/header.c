#include "msg/header.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/encoded_word.h"

/* Takes one line with its end off the front of *REST and returns it without the end. */
static struct slice line_take(struct slice *rest)
{
	size_t n = slice_find(*rest, '\n');
	struct slice line = slice_of(rest->p, n);
	size_t used = n < rest->n ? n + 1 : n;

	if (n < rest->n && n > 0 && line.p[n - 1] == '\r')
		line.n--;
	rest->p += used;
	rest->n -= used;
	return line;
}

/* RFC 5322, 3.6.8: printable ASCII but the colon; blanks before the colon are obsolete, but read (4.5). */
static size_t name_len(struct slice line)
{
	size_t n = 0, name;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
		n++;
	name = n;
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n < line.n && line.p[n] == ':' ? name : 0;
}

enum next { NEXT_FIELD, NEXT_EMPTY_LINE, NEXT_NOTHING };

static enum next field_next(struct slice *rest, struct header_field *f)
{
	struct slice line;
	size_t name;

	if (rest->n == 0)
		return NEXT_NOTHING;
	line = line_take(rest);
	if (line.n == 0)
		return NEXT_EMPTY_LINE;
	name = name_len(line);
	f->name = slice_of(line.p, name);
	f->value = line;
	if (name > 0) {
		size_t colon = name + slice_find(slice_skip(line, name), ':');

		f->value = slice_skip(line, colon + 1);
	}
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
		line = line_take(rest);
		f->value.n = (size_t)(line.p - f->value.p) + line.n;
	}
	return NEXT_FIELD;
}

bool header_next(struct slice *rest, struct header_field *f)
{
	return field_next(rest, f) == NEXT_FIELD;
}

static size_t field_start(const struct header_field *f, struct slice bytes)
{
	return (size_t)((f->name.n > 0 ? f->name.p : f->value.p) - bytes.p);
}

/* The bounds were reached: fields are no longer kept, but the body must still be found. Goes on at the last field kept,
 * whose end the bound may have cut off. */
static void skip_to_body(struct header *h, struct slice bytes)
{
	size_t at = h->n == 0 ? 0 : field_start(&h->fields[h->n - 1], bytes);
	struct slice rest = slice_skip(bytes, at);

	h->cut = true;
	while (rest.n > 0 && !h->complete)
		h->complete = line_take(&rest).n == 0;
	h->body_at = bytes.n - rest.n;
	/* A bound between the CR and the LF of the empty line left the CR as a field. */
	if (h->complete && h->n > 0 && field_start(&h->fields[h->n - 1], bytes) + 2 >= h->body_at)
		h->n--;
}

void header_parse(struct header *h, struct slice bytes)
{
	struct slice rest = slice_of(bytes.p, bytes.n < HEADER_MAX_BYTES ? bytes.n : (size_t)HEADER_MAX_BYTES);
	struct header_field f;
	enum next next;
	size_t cap = 0;

	*h = (struct header){ 0 };
	while ((next = field_next(&rest, &f)) == NEXT_FIELD && h->n < HEADER_MAX_FIELDS) {
		if (h->n == cap) {
			cap = cap == 0 ? 32 : cap * 2;
			h->fields = mem_resize(h->fields, cap, sizeof *h->fields);
		}
		h->fields[h->n++] = f;
	}
	if (next == NEXT_FIELD || (next == NEXT_NOTHING && bytes.n > HEADER_MAX_BYTES)) {
		skip_to_body(h, bytes);
		return;
	}
	h->complete = next == NEXT_EMPTY_LINE;
	h->body_at = bytes.n == 0 ? 0 : (size_t)(rest.p - bytes.p);
}

void header_free(struct header *h)
{
	free(h->fields);
	*h = (struct header){ 0 };
}

const struct header_field *header_find(const struct header *h, struct slice name, size_t *at)
{
	if (name.n == 0)
		return NULL;
	for (size_t i = *at; i < h->n; i++)
		if (slice_eq_nocase(h->fields[i].name, name)) {
			*at = i + 1;
			return &h->fields[i];
		}
	*at = h->n;
	return NULL;
}

bool header_name_fits(struct slice name, struct slice pattern)
{
	if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
		return slice_starts_nocase(name, slice_of(pattern.p, pattern.n - 1));
	return slice_eq_nocase(name, pattern);
}

size_t header_count(const struct header *h, struct slice name)
{
	size_t n = 0, at = 0;

	while (header_find(h, name, &at) != NULL)
		n++;
	return n;
}

int header_unfold(struct slice value, struct buf *out)
{
	value = slice_trim(value);
	while (value.n > 0) {
		size_t n = slice_find(value, '\n'), keep = n;

		/* Only the line end goes; the blanks behind it stay (2.2.3). */
		if (n < value.n && n > 0 && value.p[n - 1] == '\r')
			keep--;
		if (buf_add(out, value.p, keep) != 0)
			return -1;
		n += n < value.n;
		value = slice_skip(value, n);
	}
	return 0;
}

int header_decode(struct slice value, struct buf *out)
{
	struct buf line;
	int r;

	buf_init(&line, value.n);
	r = header_unfold(value, &line);
	if (r == 0)
		r = encoded_words_decode(buf_slice(&line), out);
	buf_free(&line);
	return r;
}

size_t header_enclosed(struct slice s, char close)
{
	size_t depth = 1, i = 1;

	for (; i < s.n && depth > 0; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close)
			depth--;
		else if (s.p[0] == '(' && s.p[i] == '(')
			depth++;
	}
	return i < s.n ? i : s.n;
}

size_t header_until(struct slice s, char stop)
{
	static const char open[] = "\"(<[", close[] = "\")>]";
	size_t i = 0;

	while (i < s.n && s.p[i] != stop) {
		const char *at = s.p[i] != '\0' ? strchr(open, s.p[i]) : NULL;

		i += at != NULL ? header_enclosed(slice_skip(s, i), close[at - open]) : 1;
	}
	return i;
}
