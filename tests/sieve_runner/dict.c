#include "dict.h"

#include <stdlib.h>

#include "base/mem.h"

static struct slice next_line(struct slice *rest)
{
	size_t n = slice_find(*rest, '\n');
	struct slice line = slice_of(rest->p, n);

	*rest = slice_skip(*rest, n < rest->n ? n + 1 : n);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* A value of more lines is written on one: an octet 1 and a letter stand for what can't stand there. */
static void add_value(struct slice value, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\001' && i + 1 < value.n) {
			c = value.p[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == '1' ? '\001' : c;
		}
		(void)buf_add_char(out, c);
	}
}

static bool is_key(struct slice line, struct slice prefix, struct slice key)
{
	return line.n == prefix.n + key.n && slice_eq(slice_of(line.p, prefix.n), prefix) &&
	       slice_eq(slice_skip(line, prefix.n), key);
}

/* The file, beside the .svtest or absolute; false where there is none. */
static bool load(struct suite *s, const char *path, struct buf *text)
{
	struct err e;
	char *full;
	bool ok;

	if (path == NULL)
		return false;
	full = path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", s->folder, path);
	ok = s->read(s->read_arg, full, text, &e) == 0;
	free(full);
	return ok;
}

bool dict_get(struct suite *s, const char *path, struct slice prefix, struct slice key, struct buf *out)
{
	bool found = false;
	struct slice rest;
	struct buf text;

	buf_init(&text, SIEVE_SCRIPT_MAX);
	rest = load(s, path, &text) ? buf_slice(&text) : SLICE_NONE;
	while (rest.n > 0 && !found) {
		struct slice name = next_line(&rest), value = next_line(&rest);

		found = is_key(name, prefix, key);
		if (found && out != NULL)
			add_value(value, out);
	}
	buf_free(&text);
	return found;
}

bool dict_key(struct suite *s, const char *path, struct slice prefix, size_t i, struct buf *out)
{
	bool found = false;
	struct slice rest;
	struct buf text;

	buf_init(&text, SIEVE_SCRIPT_MAX);
	rest = load(s, path, &text) ? buf_slice(&text) : SLICE_NONE;
	while (rest.n > 0 && !found) {
		struct slice name = next_line(&rest);

		(void)next_line(&rest);
		if (name.n < prefix.n || !slice_eq(slice_of(name.p, prefix.n), prefix))
			continue;
		found = i-- == 0;
		if (found)
			add_value(slice_skip(name, prefix.n), out);
	}
	buf_free(&text);
	return found;
}
