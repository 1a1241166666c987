/* "envelope-deliverby" (RFC 6009, 5): by when the sender wanted the message delivered, as parts of the envelope. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/run.h"

enum { MS = 1000, MINUTE = 60 };

static bool is_given(const struct run *r, size_t i)
{
	return i == 0 && r->in->by_absolute_ms != 0;
}

static int formatted(struct run *r, const char *text, int n, struct address_view *out)
{
	char *p = run_alloc_now(r, (size_t)n, 1);

	if (p == NULL)
		return -1;
	memcpy(p, text, (size_t)n);
	*out = (struct address_view){ .all = slice_of(p, (size_t)n) };
	return 1;
}

/* Minutes ahead of UTC of "+hhmm". */
static int zone_minutes(struct slice zone)
{
	int n = ((zone.p[1] - '0') * 10 + zone.p[2] - '0') * MINUTE + (zone.p[3] - '0') * 10 + zone.p[4] - '0';

	return zone.p[0] == '-' ? -n : n;
}

static void check_zone(struct maker *m, struct slice *zone)
{
	bool ok = zone->n == 5 && (zone->p[0] == '+' || zone->p[0] == '-');

	for (size_t i = 1; ok && i < 5; i++)
		ok = ascii_is_digit(zone->p[i]);
	if (!ok || zone->p[3] > '5' || zone_minutes(*zone) / MINUTE >= 24 || zone_minutes(*zone) / MINUTE <= -24)
		maker_error(m, "%s is no time zone: expected one such as \"+0100\"", diag_word(*zone));
}

/* As "iso8601" of the date test has it, in the zone that the test asks for, or else the local one. */
static int get_absolute(struct run *r, size_t i, struct address_view *out)
{
	const struct value *asked = op_tag(r->op, "zone");
	struct slice zone = asked != NULL ? run_value(r, asked) : SLICE_NONE;
	const int64_t seconds = r->in->by_absolute_ms / MS;
	int minutes = zone.n == 5		? zone_minutes(zone)
		      : r->in->zone_at != NULL	? r->in->zone_at(seconds)
						: r->in->zone;
	int away = minutes < 0 ? -minutes : minutes, n;
	char text[64], offset[16] = "Z";
	struct tm tm;
	time_t t;

	if (!is_given(r, i))
		return 0;
	t = (time_t)seconds + (time_t)minutes * MINUTE;
	if (gmtime_r(&t, &tm) == NULL)
		return 0;
	/* Zero is "Z" and not "+00:00" (RFC 5260, 4.2), so that it compares with what currentdate says. */
	if (minutes != 0)
		(void)snprintf(offset, sizeof offset, "%c%02d:%02d", minutes < 0 ? '-' : '+', away / MINUTE % 100, away % MINUTE);
	n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		     tm.tm_hour, tm.tm_min, tm.tm_sec, offset);
	return n > 0 && (size_t)n < sizeof text ? formatted(r, text, n, out) : 0;
}

/* Seconds from now; below 0 when the time has passed. */
static int get_relative(struct run *r, size_t i, struct address_view *out)
{
	char text[32];
	int64_t ms = r->in->by_absolute_ms - r->in->now_ms;

	if (!is_given(r, i))
		return 0;
	if (ms < 0)
		ms -= MS - 1;
	return formatted(r, text, snprintf(text, sizeof text, "%" PRId64, ms / MS), out);
}

static int get_mode(struct run *r, size_t i, struct address_view *out)
{
	if (!is_given(r, i))
		return 0;
	*out = (struct address_view){ .all = r->in->by_return ? SLICE_LIT("return") : SLICE_LIT("notify") };
	return 1;
}

/* Where no trace is asked for, the empty string says so. */
static int get_trace(struct run *r, size_t i, struct address_view *out)
{
	if (!is_given(r, i))
		return 0;
	*out = (struct address_view){ .all = r->in->by_trace ? SLICE_LIT("trace") : SLICE_LIT("") };
	return 1;
}

static const struct sieve_envelope_part parts[] = {
	{ "bytimeabsolute", false, get_absolute },
	{ "bytimerelative", false, get_relative },
	{ "bymode", false, get_mode },
	{ "bytrace", false, get_trace },
	{ 0 },
};

static const char *const on_envelope[] = { "envelope", NULL };

static const struct sieve_tag tags[] = {
	{ "zone", on_envelope, NULL, VALUE_STRING, 0, "the time zone", check_zone, NULL },
	{ 0 },
};

const struct sieve_extension sieve_envelope_deliverby = { "envelope-deliverby", .tags = tags, .envelope_parts = parts };
