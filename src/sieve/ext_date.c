/* "date" (RFC 5260, 4 and 5): the tests date and currentdate. Years are 0 to 9999; a date beyond them is none. */
#include <inttypes.h>
#include <stdio.h>

#include "msg/date.h"
#include "sieve/extensions.h"
#include "sieve/index.h"
#include "sieve/match.h"
#include "sieve/view.h"

enum { DATE_NAME, DATE_PART };
enum { CURRENT_PART };
enum { PART_MAX = 128, DAY_SECONDS = 86400 };

/* A time, taken apart in some zone. */
struct moment {
	int64_t days, year; /* since 1970-01-01 there */
	unsigned month, day, hour, minute, second, weekday;
	int zone;
};

/* ---- date parts (4.2) ---- */
static void put_zone(int zone, bool colon, char *out, size_t size)
{
	unsigned minutes = (unsigned)(zone < 0 ? -zone : zone);

	(void)snprintf(out, size, "%c%02u%s%02u", zone < 0 ? '-' : '+', minutes / 60 % 100, colon ? ":" : "",
		       minutes % 60);
}

static void put_year(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%04" PRId64, m->year);
}

static void put_month(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u", m->month);
}

static void put_day(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u", m->day);
}

static void put_date(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%04" PRId64 "-%02u-%02u", m->year, m->month, m->day);
}

static void put_julian(const struct moment *m, char *out)
{
	enum { DAYS_TO_1970 = 40587 };

	(void)snprintf(out, PART_MAX, "%" PRId64, m->days + DAYS_TO_1970);
}

static void put_hour(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u", m->hour);
}

static void put_minute(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u", m->minute);
}

static void put_second(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u", m->second);
}

static void put_time(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%02u:%02u:%02u", m->hour, m->minute, m->second);
}

static void put_iso8601(const struct moment *m, char *out)
{
	char zone[16] = "Z";

	if (m->zone != 0)
		put_zone(m->zone, true, zone, sizeof zone);
	(void)snprintf(out, PART_MAX, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u%s", m->year, m->month, m->day, m->hour,
		       m->minute, m->second, zone);
}

static void put_std11(const struct moment *m, char *out)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char zone[16];

	put_zone(m->zone, false, zone, sizeof zone);
	(void)snprintf(out, PART_MAX, "%.3s, %02u %.3s %04" PRId64 " %02u:%02u:%02u %s", days + (size_t)m->weekday * 3,
		       m->day, months + (size_t)(m->month - 1) * 3, m->year, m->hour, m->minute, m->second, zone);
}

static void put_zone_part(const struct moment *m, char *out)
{
	put_zone(m->zone, false, out, PART_MAX);
}

static void put_weekday(const struct moment *m, char *out)
{
	(void)snprintf(out, PART_MAX, "%u", m->weekday);
}

static const struct {
	const char *name;
	void (*put)(const struct moment *m, char *out);
} parts[] = {
	{ "year", put_year },	    { "month", put_month },	{ "day", put_day },	  { "date", put_date },
	{ "julian", put_julian },   { "hour", put_hour },	{ "minute", put_minute }, { "second", put_second },
	{ "time", put_time },	    { "iso8601", put_iso8601 }, { "std11", put_std11 },	  { "zone", put_zone_part },
	{ "weekday", put_weekday },
};

enum { PARTS = sizeof parts / sizeof parts[0] };

static size_t find_part(struct slice name)
{
	size_t i = 0;

	while (i < PARTS && !slice_eq_nocase(name, slice_str(parts[i].name)))
		i++;
	return i;
}

static void check_part(struct maker *m, struct slice *name)
{
	if (find_part(*name) == PARTS)
		maker_error(
		    m,
		    "unknown date part %s: expected \"year\", \"month\", \"day\", \"date\", \"julian\", \"hour\", "
		    "\"minute\", \"second\", \"time\", \"iso8601\", \"std11\", \"zone\" or \"weekday\"",
		    diag_word(*name));
}

/* ---- zones (4.1) ---- */
static bool read_zone(struct slice text, int *zone)
{
	uint64_t v;

	if (text.n != 5 || (text.p[0] != '+' && text.p[0] != '-') || slice_number(slice_skip(text, 1), 9999, &v) != 0 ||
	    v % 100 > 59)
		return false;
	*zone = (int)(v / 100 * 60 + v % 100);
	if (text.p[0] == '-')
		*zone = -*zone;
	return true;
}

static void check_zone(struct maker *m, struct slice *text)
{
	int zone;

	if (!read_zone(*text, &zone))
		maker_error(m, "%s is no time zone: expected an offset such as \"+0100\" or \"-0830\"",
			    diag_word(*text));
}

/* The zone that OP wants D in: 0, or -1 after run_error. */
static int wanted_zone(struct run *r, const struct op *op, const struct date *d, int *zone)
{
	const struct value *given = op_tag(op, "zone");

	*zone = r->in->zone_at != NULL ? r->in->zone_at(d->seconds) : r->in->zone;
	if (op_tag(op, "originalzone") != NULL)
		*zone = d->zone;
	if (given != NULL && !read_zone(run_value(r, given), zone))
		return -1;
	return 0;
}

/* False when it is beyond the years that there are. */
static bool take_apart(const struct date *d, int zone, struct moment *m)
{
	int64_t t = d->seconds + (int64_t)zone * 60, days = t / DAY_SECONDS;
	unsigned s;

	days -= t % DAY_SECONDS < 0;
	s = (unsigned)(t - days * DAY_SECONDS);
	*m = (struct moment){
		.days = days, .hour = s / 3600, .minute = s / 60 % 60, .second = s % 60 + d->leap, .zone = zone
	};
	/* 1970-01-01 was a Thursday. */
	m->weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
	date_of_days(days, &m->year, &m->month, &m->day);
	return m->year >= 0 && m->year <= 9999;
}

/* ---- the tests ---- */
static int match_date(struct matcher *m, const struct op *op, size_t param, const struct date *d)
{
	size_t part = find_part(run_string(m->run, op, param));
	struct moment moment;
	char text[PART_MAX];
	int zone;

	if (part == PARTS || wanted_zone(m->run, op, d, &zone) != 0)
		return -1;
	if (!take_apart(d, zone, &moment))
		return 0;
	parts[part].put(&moment, text);
	return match_value(m, slice_str(text));
}

/* The first field of the name, or the one that :index says. */
static int run_date(struct run *r, const struct op *op)
{
	enum { CHARGE = 64 };
	struct index_walk walk;
	struct matcher m;
	struct date d;
	size_t field;
	int got = match_start(&m, r, op);

	if (got == 0)
		got = index_start(&walk, r, op, view_message(r), run_param(r, op, DATE_NAME));
	if (got == 0)
		got = index_next(&walk, &field);
	if (got > 0) {
		struct slice value = walk.header->fields[field].value;

		got = run_charge(r, 1 + value.n / CHARGE);
		if (got == 0 && date_read(value, &d) == 0)
			got = match_date(&m, op, DATE_PART, &d);
	}
	return got != 0 ? got : match_end(&m);
}

/* One time for the whole run, wherever it is asked for (5). */
static int run_currentdate(struct run *r, const struct op *op)
{
	struct date now = { .seconds = r->in->now_ms / 1000 };
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got == 0)
		got = match_date(&m, op, CURRENT_PART, &now);
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_param date_params[] = {
	{ "the header name", VALUE_STRING, 0, NULL, NULL },
	{ "the date part", VALUE_STRING, 0, NULL, check_part },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param currentdate_params[] = {
	{ "the date part", VALUE_STRING, 0, NULL, check_part },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "date", SIEVE_TEST, .matches = true, .params = date_params, .check = index_check, .run = run_date },
	{ "currentdate", SIEVE_TEST, .matches = true, .params = currentdate_params, .run = run_currentdate },
	{ 0 },
};

static const char *const on_both[] = { "date", "currentdate", NULL }, *const on_date[] = { "date", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "zone",
	  .on = on_both,
	  .group = "zone",
	  .value = VALUE_STRING,
	  .value_name = "the time zone",
	  .check = check_zone },
	{ .name = "originalzone", .on = on_date, .group = "zone" },
	{ 0 },
};

const struct sieve_extension sieve_date = { "date", .commands = commands, .tags = tags };
