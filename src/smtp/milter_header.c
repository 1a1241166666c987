#include "smtp/milter_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/header.h"

enum { NAME_MAX_OCTETS = 255, FIELD_MAX = 80 * 1024 };

static void insert(struct milter_header *h, size_t at, const struct milter_field *f)
{
	h->all = mem_resize(h->all, h->n + 1, sizeof *h->all);
	memmove(h->all + at + 1, h->all + at, (h->n - at) * sizeof *h->all);
	h->all[at] = *f;
	h->n++;
}

static void take_out(struct milter_header *h, size_t at)
{
	free(h->all[at].owned);
	memmove(h->all + at, h->all + at + 1, (h->n - at - 1) * sizeof *h->all);
	h->n--;
}

void milter_header_init(struct milter_header *h, struct slice block)
{
	struct slice rest = block;
	struct header_field f;
	const char *from = rest.p;
	size_t cap = 0;

	while (header_next(&rest, &f)) {
		if (h->n == cap) {
			cap = cap == 0 ? 32 : cap * 2;
			h->all = mem_resize(h->all, cap, sizeof *h->all);
		}
		h->all[h->n++] =
		    (struct milter_field){ .name = f.name, .raw = slice_of(from, (size_t)(rest.p - from)) };
		from = rest.p;
	}
}

void milter_header_free(struct milter_header *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->all[i].owned);
	free(h->all);
	*h = (struct milter_header){ 0 };
}

void milter_header_print(const struct milter_header *h, struct buf *out)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct slice raw = h->all[i].raw;

		(void)buf_add_slice(out, raw);
		/* The last line of what has no empty line may have no end. */
		if (raw.n < 2 || memcmp(raw.p + raw.n - 2, "\r\n", 2) != 0)
			(void)buf_add_str(out, "\r\n");
	}
	(void)buf_add_str(out, "\r\n");
}

/* RFC 5322, 2.2 */
static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= NAME_MAX_OCTETS;
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	return true;
}

/* Lines of VALUE, each but the first one a fold. */
static void value_add(struct buf *out, struct slice value)
{
	bool first = true;

	while (value.n > 0) {
		size_t n = 0;
		struct slice line;

		while (n < value.n && value.p[n] != '\n' && value.p[n] != '\r')
			n++;
		line = slice_of(value.p, n);
		value = slice_skip(value, n < value.n ? n + 1 : n);
		/* A line of blanks alone would look like the end of the header to many. */
		if (!first && is_blank(line))
			continue;
		if (!first)
			(void)buf_add_str(out, line.p[0] == ' ' || line.p[0] == '\t' ? "\r\n" : "\r\n\t");
		for (size_t i = 0; i < line.n; i++) {
			const unsigned char c = (unsigned char)line.p[i];

			(void)buf_add_char(out, (c < ' ' && c != '\t') || c == 0x7f ? '?' : (char)c);
		}
		first = false;
	}
}

static int field_make(struct milter_field *f, const char *name, const char *value, bool leading_space)
{
	const size_t n = strlen(name);
	struct buf text;
	size_t all;

	buf_init(&text, FIELD_MAX);
	(void)buf_addf(&text, "%s:%s", name, leading_space ? "" : " ");
	value_add(&text, slice_str(value));
	(void)buf_add_str(&text, "\r\n");
	if (buf_failed(&text)) {
		buf_free(&text);
		return -1;
	}
	f->owned = buf_take(&text, &all);
	f->raw = slice_of(f->owned, all);
	f->name = slice_of(f->owned, n);
	return 0;
}

/* The INDEX-th field called NAME, from 1 on; H->n when there is none. */
static size_t find(const struct milter_header *h, struct slice name, uint32_t index)
{
	size_t i = 0;

	for (; i < h->n; i++)
		if (slice_eq_nocase(h->all[i].name, name) && (index <= 1 || --index == 0))
			return i;
	return i;
}

int milter_header_apply(struct milter_header *h, const struct milter_edit *e, bool leading_space)
{
	struct milter_field f = { 0 };
	size_t at = h->n;

	if (!is_name(slice_str(e->name)) || h->n >= HEADER_MAX_FIELDS)
		return -1;
	if (e->kind == MILTER_EDIT_CHANGE) {
		at = find(h, slice_str(e->name), e->index);
		if (e->value[0] == '\0') {
			if (at < h->n)
				take_out(h, at);
			return 0;
		}
	}
	if (field_make(&f, e->name, e->value, leading_space) != 0)
		return -1;
	if (e->kind == MILTER_EDIT_CHANGE && at < h->n) {
		free(h->all[at].owned);
		h->all[at] = f;
		return 0;
	}
	/* The first place is that of our Received line, which stands in front of all; milters count it. */
	if (e->kind == MILTER_EDIT_INSERT)
		at = e->index <= 1 ? 0 : e->index - 1;
	insert(h, at < h->n ? at : h->n, &f);
	return 0;
}

void milter_value_print(struct slice value, bool keep_space, struct buf *out)
{
	while (!keep_space && value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t'))
		value = slice_skip(value, 1);
	while (value.n > 0) {
		const size_t n = slice_find(value, '\n');

		if (n < value.n && n > 0 && value.p[n - 1] == '\r') {
			(void)buf_add(out, value.p, n - 1);
			(void)buf_add_char(out, '\n');
		} else {
			(void)buf_add(out, value.p, n < value.n ? n + 1 : n);
		}
		value = slice_skip(value, n < value.n ? n + 1 : n);
	}
}
