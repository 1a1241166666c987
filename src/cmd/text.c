#include "cmd/text.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/utf8.h"

/* wcwidth knows Unicode only in a locale that does; what we print is UTF-8, whatever the user's locale is. */
void text_prepare(void)
{
	static bool prepared;

	if (prepared)
		return;
	prepared = true;
	(void)setlocale(LC_CTYPE, "C.UTF-8");
}

static int columns_of(uint32_t cp)
{
	text_prepare();
	return wcwidth((wchar_t)cp);
}

size_t text_clean(struct buf *out, const char *s, size_t columns)
{
	struct slice rest = slice_str(s);
	size_t used = 0, cut_at = out->n;
	bool blank = true;

	while (rest.n > 0) {
		uint32_t cp;
		size_t n = utf8_decode(rest, &cp);
		struct slice shown = slice_of(rest.p, n);
		int width = n == 0 || utf8_hidden(cp) ? -1 : columns_of(cp);

		rest = slice_of(rest.p + (n == 0 ? 1 : n), rest.n - (n == 0 ? 1 : n));
		if (n == 1 && (cp == ' ' || (cp >= '\t' && cp <= '\r'))) {
			if (blank || rest.n == 0)
				continue;
			blank = true;
			shown = SLICE_LIT(" ");
			width = 1;
		} else {
			blank = false;
		}
		if (width < 0) {
			shown = SLICE_LIT("?");
			width = 1;
		}
		if (columns != 0 && used + (size_t)width > columns) {
			buf_truncate(out, cut_at);
			(void)buf_add_str(out, "\xe2\x80\xa6");
			return columns;
		}
		(void)buf_add_slice(out, shown);
		used += (size_t)width;
		/* The last place at which an ellipsis still fits. */
		if (columns != 0 && used + 1 <= columns)
			cut_at = out->n;
	}
	return used;
}

void text_utf8(struct buf *out, const char *s)
{
	struct slice rest = slice_str(s);

	while (rest.n > 0) {
		size_t n = utf8_char_len(rest);

		if (n == 0)
			(void)buf_add_str(out, "\xef\xbf\xbd");
		else
			(void)buf_add(out, rest.p, n);
		n = n == 0 ? 1 : n;
		rest = slice_of(rest.p + n, rest.n - n);
	}
}

void text_span(int64_t ms, char out[TEXT_SPAN_SIZE])
{
	static const struct {
		int64_t below, unit;
		char letter;
	} rows[] = { { 120, 1, 's' }, { 120 * 60, 60, 'm' }, { 48 * 3600, 3600, 'h' }, { INT64_MAX, 24 * 3600, 'd' } };
	int64_t s = ms < 0 ? 0 : ms / 1000;
	size_t i = 0;

	while (s >= rows[i].below)
		i++;
	(void)snprintf(out, TEXT_SPAN_SIZE, "%lld%c", (long long)(s / rows[i].unit), rows[i].letter);
}

void text_octets(uint64_t n, char out[TEXT_OCTETS_SIZE])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double shown = (double)n / 1000;
	size_t i = 0;

	if (n < 1000) {
		(void)snprintf(out, TEXT_OCTETS_SIZE, "%u B", (unsigned)n);
		return;
	}
	/* 999.95 would be shown as 1000. */
	for (; shown >= 999.5 && i + 1 < sizeof units / sizeof units[0]; i++)
		shown /= 1000;
	(void)snprintf(out, TEXT_OCTETS_SIZE, shown < 9.95 ? "%.1f %s" : "%.0f %s", shown, units[i]);
}

void text_time(int64_t wall_ms, char out[TEXT_TIME_SIZE])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL || strftime(out, TEXT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, TEXT_TIME_SIZE, "?");
}
