#include "settings.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static struct setting *find(const struct settings *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(slice_str(s->all[i].name), name))
			return &s->all[i];
	return NULL;
}

void settings_set(struct settings *s, struct slice name, struct slice value)
{
	struct setting *one = find(s, name);

	if (one == NULL) {
		if (s->n == SETTINGS_MAX)
			return;
		s->all = mem_resize(s->all, s->n + 1, sizeof *s->all);
		one = &s->all[s->n++];
		*one = (struct setting){ slice_dup(name), NULL, NULL };
	}
	free(one->recorded);
	one->recorded = slice_dup(value);
}

void settings_unset(struct settings *s, struct slice name)
{
	struct setting *one = find(s, name);

	if (one == NULL)
		return;
	free(one->recorded);
	one->recorded = NULL;
}

void settings_apply(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->all[i].value);
		s->all[i].value = mem_strdup(s->all[i].recorded);
	}
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->all[i].name);
		free(s->all[i].recorded);
		free(s->all[i].value);
	}
	free(s->all);
	*s = (struct settings){ NULL, 0 };
}

const char *settings_get(const struct settings *s, const char *name)
{
	const struct setting *one = find(s, slice_str(name));

	return one != NULL ? one->value : NULL;
}

const char *settings_getf(const struct settings *s, const char *fmt, ...)
{
	enum { NAME_MAX_OCTETS = 500 };
	const char *value = NULL;
	struct buf name;
	va_list ap;

	buf_init(&name, NAME_MAX_OCTETS);
	va_start(ap, fmt);
	if (buf_vaddf(&name, fmt, ap) == 0)
		value = settings_get(s, buf_str(&name));
	va_end(ap);
	buf_free(&name);
	return value;
}

/* Digits, and what stands behind them. */
static bool split(const char *text, uint64_t *n, struct slice *unit)
{
	struct slice all = slice_trim(slice_str(text));
	size_t digits = 0;

	while (digits < all.n && ascii_is_digit(all.p[digits]))
		digits++;
	*unit = slice_trim(slice_skip(all, digits));
	return slice_number(slice_of(all.p, digits), UINT32_MAX, n) == 0;
}

uint64_t settings_number(const struct settings *s, const char *name, uint64_t otherwise)
{
	const char *text = settings_get(s, name);
	struct slice unit;
	uint64_t n;

	if (text == NULL || !split(text, &n, &unit))
		return otherwise;
	switch (unit.n == 0 ? '\0' : ascii_lower(unit.p[0])) {
	case 'k':
		return n << 10;
	case 'm':
		return n << 20;
	case 'g':
		return n << 30;
	default:
		return n;
	}
}

uint64_t settings_ms(const struct settings *s, const char *name, uint64_t otherwise)
{
	const char *text = settings_get(s, name);
	struct slice unit;
	uint64_t n;

	if (text == NULL || !split(text, &n, &unit))
		return otherwise;
	if (slice_starts_nocase(unit, SLICE_LIT("ms")) || slice_starts_nocase(unit, SLICE_LIT("milli")))
		return n;
	return settings_seconds(s, name, 0) * 1000;
}

uint64_t settings_seconds(const struct settings *s, const char *name, uint64_t otherwise)
{
	const char *text = settings_get(s, name);
	struct slice unit;
	uint64_t n;

	if (text == NULL || !split(text, &n, &unit))
		return otherwise;
	switch (unit.n == 0 ? 's' : ascii_lower(unit.p[0])) {
	case 'm':
		return n * 60;
	case 'h':
		return n * 60 * 60;
	case 'd':
		return n * 24 * 60 * 60;
	case 'w':
		return n * 7 * 24 * 60 * 60;
	default:
		return n;
	}
}

bool settings_is_yes(const char *text)
{
	return text != NULL && (ascii_lower(text[0]) == 'y' || ascii_lower(text[0]) == 't' || text[0] == '1');
}

bool settings_flag(const struct settings *s, const char *name, bool otherwise)
{
	const char *text = settings_get(s, name);

	if (text == NULL || text[0] == '\0')
		return otherwise;
	return settings_is_yes(text);
}

bool settings_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t' && rest->p[n] != ',')
		n++;
	*word = slice_of(rest->p, n);
	*rest = slice_skip(*rest, n < rest->n ? n + 1 : n);
	return n > 0;
}
