#include "cmd/import_ini.h"

#include <string.h>

enum { VALUE_MAX = 64 * 1024, KEY_MAX = 64 };

struct ini {
	struct import *imp;
	import_item_fn *fn;
	void *arg;
	struct slice section;
	char key[KEY_MAX + 1]; /* "": none is in hand */
	struct buf value;
	int key_line;
	size_t indent;
};

static size_t indent_of(struct slice line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

static void item_end(struct ini *i)
{
	struct slice value = slice_trim(buf_slice(&i->value));
	struct import_item item = { i->section, i->key, NULL, i->key_line };

	if (i->key[0] == '\0')
		return;
	if (buf_failed(&i->value))
		import_error(i->imp, i->key_line, "%s: the value is too long", i->key);
	else if (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)
		import_error(i->imp, i->key_line, "%s: a NUL stands in the value", i->key);
	else {
		item.value = import_keep(i->imp, value);
		i->fn(i->arg, &item);
	}
	i->key[0] = '\0';
	buf_clear(&i->value);
}

static void section_begin(struct ini *i, struct slice line, int number)
{
	size_t end = slice_find(line, ']');
	struct import_item item = { SLICE_NONE, NULL, NULL, number };

	item_end(i);
	if (end == line.n) {
		import_error(i->imp, number, "expected ] behind the name of the section");
		return;
	}
	i->section = item.section = slice_of(line.p + 1, end - 1);
	i->fn(i->arg, &item);
}

static void key_begin(struct ini *i, struct slice line, int number)
{
	size_t at = slice_find(line, '='), colon = slice_find(line, ':');
	struct slice key;

	item_end(i);
	at = colon < at ? colon : at;
	key = slice_trim(slice_of(line.p, at));
	if (at == line.n || key.n == 0 || key.n > KEY_MAX || memchr(key.p, '\0', key.n) != NULL) {
		import_error(i->imp, number, "expected KEY = VALUE");
		return;
	}
	if (i->section.p == NULL) {
		import_error(i->imp, number, "\"%.*s\" stands in front of the first [section]", (int)key.n, key.p);
		return;
	}
	for (size_t k = 0; k < key.n; k++)
		i->key[k] = ascii_lower(key.p[k]);
	i->key[key.n] = '\0';
	i->key_line = number;
	(void)buf_add_slice(&i->value, slice_trim(slice_skip(line, at + 1)));
}

static void line_take(struct ini *i, struct slice line, int number)
{
	size_t indent = indent_of(line);
	struct slice bare = slice_trim(line);

	if (bare.n == 0 || bare.p[0] == '#' || bare.p[0] == ';')
		return;
	if (i->key[0] != '\0' && indent > i->indent) {
		(void)buf_add_char(&i->value, '\n');
		(void)buf_add_slice(&i->value, bare);
		return;
	}
	i->indent = indent;
	if (bare.p[0] == '[')
		section_begin(i, bare, number);
	else
		key_begin(i, bare, number);
}

void import_ini_read(struct import *imp, struct slice text, import_item_fn *fn, void *arg)
{
	struct ini i = { .imp = imp, .fn = fn, .arg = arg };

	buf_init(&i.value, VALUE_MAX);
	for (int number = 1; text.n > 0; number++) {
		size_t n = slice_find(text, '\n');

		line_take(&i, slice_of(text.p, n), number);
		text = slice_skip(text, n < text.n ? n + 1 : n);
	}
	item_end(&i);
	buf_wipe(&i.value);
}

/* The character that the backslash at S stands in front of. */
static size_t escape_take(const char *s, struct buf *out)
{
	switch (s[1]) {
	case '\0':
		(void)buf_add_char(out, '\\');
		return 1;
	case '\n':
		return 2;
	case 'n':
		(void)buf_add_char(out, '\n');
		return 2;
	case 't':
		(void)buf_add_char(out, '\t');
		return 2;
	case '\\':
	case '\'':
	case '"':
		(void)buf_add_char(out, s[1]);
		return 2;
	default:
		/* Python leaves the backslash of an escape that it does not know. */
		(void)buf_add(out, s, 2);
		return 2;
	}
}

/* The string whose quote stands at S: its length with both quotes, 0 when it is not closed. */
static size_t string_take(const char *s, struct buf *out)
{
	size_t n = 1;

	while (s[n] != s[0]) {
		if (s[n] == '\0')
			return 0;
		if (s[n] == '\\')
			n += escape_take(s + n, out);
		else
			(void)buf_add_char(out, s[n++]);
	}
	return n + 1;
}

int import_ini_tuple(struct import *imp, int line, const char *text, struct import_list *out)
{
	struct buf word;
	int ret = 0;

	buf_init(&word, VALUE_MAX);
	while (*text != '\0' && ret == 0) {
		size_t n = 1;

		if (*text == '"' || *text == '\'') {
			n = string_take(text, &word);
			if (n > 0)
				import_list_add(imp, out, line, import_keep(imp, buf_slice(&word)));
			buf_clear(&word);
		} else if (strchr("() \t\r\n,", *text) == NULL) {
			n = 0;
		}
		if (n == 0)
			ret = -1;
		text += n;
	}
	buf_free(&word);
	return ret;
}
