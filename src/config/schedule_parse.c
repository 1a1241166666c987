#include "config/schedule.h"

#include <stdio.h>

#include "config/value.h"

enum { FIELDS = 5, SCHEDULE_TEXT_MAX = 1000 };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun",
					   "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct field {
	const char *what;
	unsigned min, max;
	const char *const *names;
	unsigned nnames;
} fields[FIELDS] = {
	{ "minute", 0, 59, NULL, 0 },	       { "hour", 0, 23, NULL, 0 },
	{ "day of month", 1, 31, NULL, 0 },    { "month", 1, 12, month_names, 12 },
	{ "day of week", 0, 7, day_names, 7 },
};

static const struct word {
	const char *name, *means;
} words[] = {
	{ "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" },   { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What in TEXT can't be shown on a terminal was refused before: see schedule_parse. */
static int complain(char *hint, const struct field *f, struct slice part, const char *why)
{
	(void)snprintf(hint, VALUE_HINT_SIZE, "%s `%.*s': %s", f->what, (int)(part.n > 40 ? 40 : part.n), part.p, why);
	return -1;
}

/* A number or a name. END: it closes a range, where Sunday is 7. */
static int value_read(const struct field *f, struct slice text, bool end, unsigned *out)
{
	uint64_t n;

	for (unsigned i = 0; i < f->nnames; i++) {
		if (slice_eq_nocase(text, slice_str(f->names[i]))) {
			*out = end && i == 0 && f->min == 0 ? f->max : f->min + i;
			return 0;
		}
	}
	if (slice_number(text, f->max, &n) != 0 || n < f->min)
		return -1;
	*out = (unsigned)n;
	return 0;
}

/* One element of a list: `*', a value or a range, the first and the last with a step. */
static int part_read(const struct field *f, struct slice part, uint64_t *bits, char *hint)
{
	size_t slash = slice_find(part, '/');
	struct slice range = slice_of(part.p, slash);
	size_t dash = slice_find(range, '-');
	bool star = slice_eq(range, SLICE_LIT("*"));
	unsigned from = f->min, to = f->max;
	uint64_t step = 1;
	char why[80];

	(void)snprintf(why, sizeof why, "expected a number from %u to %u%s", f->min, f->max,
		       f->names == NULL ? "" : " or a name such as ");
	if (f->names != NULL)
		(void)snprintf(why + strlen(why), sizeof why - strlen(why), "%s", f->names[1]);
	if (star && f->nnames == 7)
		to = 6;
	if (!star && value_read(f, slice_of(range.p, dash), false, &from) != 0)
		return complain(hint, f, part, why);
	if (!star && dash == range.n)
		to = from;
	else if (!star && value_read(f, slice_of(range.p + dash + 1, range.n - dash - 1), true, &to) != 0)
		return complain(hint, f, part, why);
	if (to < from)
		return complain(hint, f, part, "the range runs backwards: write two, with a comma between");
	if (slash < part.n) {
		if (!star && dash == range.n)
			return complain(hint, f, part, "a step stands behind a range or `*'");
		if (slice_number(slice_skip(part, slash + 1), f->max, &step) != 0 || step == 0)
			return complain(hint, f, part, "the step behind `/' is out of range");
	}
	for (uint64_t i = from; i <= to; i += step)
		*bits |= (uint64_t)1 << i;
	return 0;
}

static int field_read(const struct field *f, struct slice text, uint64_t *bits, char *hint)
{
	*bits = 0;
	for (;;) {
		size_t comma = slice_find(text, ',');

		if (part_read(f, slice_of(text.p, comma), bits, hint) != 0)
			return -1;
		if (comma == text.n)
			return 0;
		text = slice_skip(text, comma + 1);
	}
}

/* The 30th of February; the 29th comes. */
static bool date_exists(const struct schedule *s)
{
	static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	for (unsigned month = 1; month <= 12; month++) {
		if ((s->months & 1u << month) != 0 && (s->days & (((uint64_t)2 << lengths[month - 1]) - 1)) != 0)
			return true;
	}
	return s->either;
}

/* Takes the fields apart: how many there are; those beyond FIELDS are only counted. */
static size_t fields_split(struct slice text, struct slice out[FIELDS])
{
	size_t n = 0;

	for (;;) {
		size_t len = 0;

		while (text.n > 0 && is_blank(text.p[0]))
			text = slice_skip(text, 1);
		while (len < text.n && !is_blank(text.p[len]))
			len++;
		if (len == 0)
			return n;
		if (n < FIELDS)
			out[n] = slice_of(text.p, len);
		n++;
		text = slice_skip(text, len);
	}
}

static int five_read(struct slice text, struct schedule *out, char *hint)
{
	struct slice part[FIELDS] = { SLICE_NONE };
	uint64_t bits[FIELDS];
	size_t n = fields_split(text, part);

	if (n != FIELDS) {
		(void)snprintf(hint, VALUE_HINT_SIZE,
			       "it has %zu field%s; expected five: minute, hour, day of month, month, day of week", n,
			       n == 1 ? "" : "s");
		return -1;
	}
	for (size_t i = 0; i < FIELDS; i++) {
		if (field_read(&fields[i], part[i], &bits[i], hint) != 0)
			return -1;
	}
	*out = (struct schedule){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f),
		.either = part[2].p[0] != '*' && part[4].p[0] != '*',
		.hourly = slice_eq(part[1], SLICE_LIT("*")),
		.steady = part[0].p[0] == '*' || slice_eq(part[1], SLICE_LIT("*")),
	};
	if (date_exists(out))
		return 0;
	(void)snprintf(hint, VALUE_HINT_SIZE, "that day is in none of the months: it would never come");
	return -1;
}

int schedule_parse(struct slice text, struct schedule *out, char *hint)
{
	hint[0] = '\0';
	text = slice_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		if ((text.p[i] < ' ' && text.p[i] != '\t') || (unsigned char)text.p[i] >= 0x7f)
			return -1;
	}
	if (text.n == 0 || text.n > SCHEDULE_TEXT_MAX)
		return -1;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (slice_eq_nocase(text, slice_str(words[i].name)))
			return five_read(slice_str(words[i].means), out, hint);
	}
	if (text.p[0] == '@') {
		(void)snprintf(hint, VALUE_HINT_SIZE, "the words are @hourly, @daily, @weekly, @monthly and @yearly");
		return -1;
	}
	return five_read(text, out, hint);
}
