#include "msg/date.h"

enum { WORDS_MAX = 16, VALUE_MAX = 1000 };

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const struct {
	struct slice name;
	int minutes;
} zones[] = {
	{ SLICE_LIT("ut"), 0 },	    { SLICE_LIT("gmt"), 0 },	{ SLICE_LIT("utc"), 0 },    { SLICE_LIT("z"), 0 },
	{ SLICE_LIT("est"), -300 }, { SLICE_LIT("edt"), -240 }, { SLICE_LIT("cst"), -360 }, { SLICE_LIT("cdt"), -300 },
	{ SLICE_LIT("mst"), -420 }, { SLICE_LIT("mdt"), -360 }, { SLICE_LIT("pst"), -480 }, { SLICE_LIT("pdt"), -420 },
	{ SLICE_LIT("cet"), 60 },   { SLICE_LIT("cest"), 120 }, { SLICE_LIT("bst"), 60 },
};

struct reading {
	unsigned day, month, hour, minute, second;
	int64_t year;
	int zone; /* minutes east of UTC */
	bool have_day, have_year, have_time, have_zone;
	bool strange; /* there is a word that no date has */
};

int64_t date_days(int64_t year, unsigned month, unsigned day)
{
	enum { CYCLE_DAYS = 146097 /* of 400 years, which are added, so that none is negative */ };

	/* Years that begin in March put the leap day last. */
	int64_t y = (month <= 2 ? year - 1 : year) + 400, m = month <= 2 ? month + 9 : month - 3;
	int64_t leaps = y / 4 - y / 100 + y / 400;

	return y * 365 + leaps + (m * 153 + 2) / 5 + day - 1 - 719468 - CYCLE_DAYS;
}

static unsigned month_days(int64_t year, unsigned month)
{
	int64_t next = month == 12 ? date_days(year + 1, 1, 1) : date_days(year, month + 1, 1);

	return (unsigned)(next - date_days(year, month, 1));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* VALUE in OUT, with a blank in place of each comment, and without blanks around colons, where they are obsolete, but
 * read (4.3). */
static struct slice without_comments(struct slice value, char out[VALUE_MAX])
{
	size_t depth = 0, n = 0;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\\' && depth > 0) {
			i++;
			continue;
		}
		depth += c == '(';
		if (c == ')' && depth > 0) {
			depth--;
			c = ' ';
		}
		if (depth > 0)
			continue;
		while (c == ':' && n > 0 && is_blank(out[n - 1]))
			n--;
		if (!is_blank(c) || (n > 0 && out[n - 1] != ':'))
			out[n++] = c;
	}
	return slice_of(out, n);
}

/* The next word: without blanks and commas. False at the end. A hyphen parts words that start with a digit
 * ("02-Jan-2026"), for elsewhere it is a sign. */
static bool next_word(struct slice *rest, struct slice *word)
{
	size_t i = 0, n = 0;

	while (i < rest->n && is_blank(rest->p[i]))
		i++;
	*rest = slice_skip(*rest, i);
	while (n < rest->n && !is_blank(rest->p[n]) && rest->p[n] != '\0')
		n++;
	n += n == 0 && rest->n > 0;
	*word = slice_of(rest->p, n);
	*rest = slice_skip(*rest, n);
	return n > 0;
}

static bool number(struct slice s, uint64_t max, unsigned *out)
{
	uint64_t v;

	if (slice_number(s, max, &v) != 0)
		return false;
	*out = (unsigned)v;
	return true;
}

static bool read_time(struct reading *r, struct slice w)
{
	size_t a = slice_find(w, ':'), b;
	struct slice rest = slice_skip(w, a + 1);

	if (r->have_time)
		return false;
	r->have_time = true;
	b = slice_find(rest, ':');
	if (b < rest.n) {
		struct slice s = slice_skip(rest, b + 1);

		s.n = slice_find(s, '.'); /* fractions are seen */
		if (s.n > 2 || !number(s, 60, &r->second))
			return false;
	}
	return a <= 2 && b <= 2 && number(slice_of(w.p, a), 23, &r->hour) &&
	       number(slice_of(rest.p, b), 59, &r->minute);
}

static bool read_zone(struct reading *r, struct slice w)
{
	unsigned v;

	if (r->have_zone || w.n != 5 || !number(slice_of(w.p + 1, 4), 2359, &v) || v % 100 > 59)
		return false;
	r->have_zone = true;
	r->zone = (int)(v / 100 * 60 + v % 100);
	if (w.p[0] == '-')
		r->zone = -r->zone;
	return true;
}

static bool is_day_name(struct slice w)
{
	static const char days[] = "sunmontuewedthufrisat";

	for (size_t d = 0; d < 7 && w.n >= 3; d++)
		if (slice_starts_nocase(w, slice_of(days + d * 3, 3)))
			return true;
	return false;
}

static bool read_name(struct reading *r, struct slice w)
{
	for (unsigned m = 0; m < 12 && r->month == 0 && w.n >= 3; m++)
		if (slice_starts_nocase(w, slice_of(months + (size_t)m * 3, 3))) {
			r->month = m + 1;
			return true;
		}
	if (r->have_time && !r->have_zone) {
		/* One that nobody knows is UTC (4.3). */
		r->have_zone = true;
		for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
			if (slice_eq_nocase(w, zones[i].name)) {
				r->zone = zones[i].minutes;
				return true;
			}
		return true;
	}
	r->strange = r->strange || !is_day_name(w);
	return true;
}

/* 4.3: years of two digits are 1950 to 2049, of three count from 1900. */
static bool read_number(struct reading *r, struct slice w)
{
	unsigned v;

	if (!number(w, 9999, &v))
		return false;
	if (!r->have_day && w.n <= 2) {
		r->day = v;
		r->have_day = true;
		return true;
	}
	if (r->have_year || w.n < 2)
		return false;
	r->have_year = true;
	r->year = w.n == 2 ? (v < 50 ? 2000 : 1900) + (int64_t)v : w.n == 3 ? 1900 + (int64_t)v : (int64_t)v;
	return true;
}

static bool read_word(struct reading *r, struct slice w)
{
	if (slice_find(w, ':') < w.n)
		return read_time(r, w);
	if (w.p[0] == '+' || w.p[0] == '-')
		return read_zone(r, w);
	if (ascii_is_alpha(w.p[0]))
		return read_name(r, w);
	if (!ascii_is_digit(w.p[0]))
		return false;
	while (w.n > 0) {
		size_t n = slice_find(w, '-');
		struct slice part = slice_of(w.p, n);

		if (part.n == 0 || !(ascii_is_alpha(part.p[0]) ? read_name(r, part) : read_number(r, part)))
			return false;
		n += n < w.n;
		w = slice_skip(w, n);
	}
	return true;
}

static int read_all(struct slice value, struct reading *r)
{
	char plain[VALUE_MAX];
	struct slice word;

	*r = (struct reading){ 0 };
	if (value.n > VALUE_MAX)
		return -1;
	value = without_comments(value, plain);
	for (unsigned n = 0; next_word(&value, &word); n++)
		if (n == WORDS_MAX || !read_word(r, word))
			return -1;
	return r->have_day && r->have_year && r->have_time && r->month != 0 && r->day >= 1 &&
			       r->day <= month_days(r->year, r->month) ?
		       0 :
		       -1;
}

static int64_t seconds_of(const struct reading *r)
{
	return date_days(r->year, r->month, r->day) * 86400 + (int64_t)r->hour * 3600 + (int64_t)r->minute * 60 +
	       r->second - (int64_t)r->zone * 60;
}

time_t date_parse(struct slice value)
{
	struct reading r;
	int64_t t;

	if (read_all(value, &r) != 0 || r.year < 1970)
		return -1;
	t = seconds_of(&r);
	return t < 0 ? -1 : (time_t)t;
}

/* What stands behind the last semicolon that is in no comment. */
static struct slice behind_semicolon(struct slice value)
{
	size_t depth = 0, from = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' && depth > 0)
			i++;
		else if (value.p[i] == '(')
			depth++;
		else if (value.p[i] == ')' && depth > 0)
			depth--;
		else if (value.p[i] == ';' && depth == 0)
			from = i + 1;
	}
	return slice_skip(value, from);
}

int date_read(struct slice value, struct date *out)
{
	struct reading r;

	if (read_all(behind_semicolon(value), &r) != 0 || r.strange)
		return -1;
	*out = (struct date){ seconds_of(&r), r.zone, r.second == 60 };
	out->seconds -= out->leap;
	return 0;
}

void date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	/* Years that begin in March, in eras of 400 of them. */
	int64_t d = days + 719468, era = (d >= 0 ? d : d - 146096) / 146097, in_era = d - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

	*day = (unsigned)(in_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}
