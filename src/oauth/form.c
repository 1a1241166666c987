/* application/x-www-form-urlencoded (RFC 6749, appendix B). */
#include <stdlib.h>

#include "base/mem.h"
#include "oauth/http.h"

static bool is_unreserved(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void text_add(struct buf *form, const char *text)
{
	for (; *text != '\0'; text++) {
		if (is_unreserved(*text))
			(void)buf_add_char(form, *text);
		else
			(void)buf_addf(form, "%%%02X", (unsigned char)*text);
	}
}

void form_add(struct buf *form, const char *name, const char *value)
{
	/* Behind the "?" of a URL's own, nothing needs to be parted. */
	if (form->n > 0 && form->p[form->n - 1] != '?')
		(void)buf_add_char(form, '&');
	text_add(form, name);
	(void)buf_add_char(form, '=');
	text_add(form, value);
}

/* Decodes TEXT; NULL when it is malformed or holds a NUL. */
static char *text_decode(struct slice text)
{
	char *out = mem_alloc(text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = text.n - i > 2 ? ascii_hex(text.p[i + 1]) : -1;
			int low = text.n - i > 2 ? ascii_hex(text.p[i + 2]) : -1;

			if (high < 0 || low < 0) {
				free(out);
				return NULL;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0') {
			free(out);
			return NULL;
		}
		out[n++] = c;
	}
	return out;
}

char *form_get(struct slice query, const char *name)
{
	while (query.n > 0) {
		size_t n = slice_find(query, '&'), equals;
		struct slice pair = slice_of(query.p, n);

		query = n == query.n ? SLICE_NONE : slice_skip(query, n + 1);
		equals = slice_find(pair, '=');
		if (equals < pair.n && slice_eq(slice_of(pair.p, equals), slice_str(name)))
			return text_decode(slice_skip(pair, equals + 1));
	}
	return NULL;
}
