/* "spamtest", "spamtestplus" and "virustest" (RFC 5235): verdicts of others as numbers. */
#include <stdio.h>

#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/verdict.h"

/* From LEAST, where nothing was found, to MOST. */
static int on_scale(const struct verdict *v, int least, int most)
{
	int64_t n;

	if (v->value >= 0)
		return v->value < most ? v->value : most;
	if (v->parts <= 0)
		return least;
	if (v->parts >= v->whole)
		return most;
	n = least + v->parts * (most - least) / v->whole;
	return n < most ? (int)n : most;
}

/* The one value of the test; where there is no verdict it is "0", and counts as none (3.1). */
static int match_number(struct run *r, const struct op *op, bool tested, int n)
{
	struct matcher m;
	char text[16];
	int len = snprintf(text, sizeof text, "%d", tested ? n : 0), got;

	if (match_start(&m, r, op) != 0)
		return -1;
	got = match_value(&m, slice_of(text, (size_t)len));
	if (!tested)
		m.values = 0;
	return got != 0 ? got : match_end(&m);
}

static int run_spamtest(struct run *r, const struct op *op)
{
	bool percent = op_tag(op, "percent") != NULL;
	struct verdict v;
	int got = verdict_of_spam(r, &v), n = 0;

	if (got < 0)
		return -1;
	/* A word that stands for a value of the first scale stands for its share of the other. */
	if (got > 0 && percent && v.value >= 0)
		v = (struct verdict){ .parts = ((int64_t)v.value - 1) * 1000000, .whole = 9000000, .value = -1 };
	if (got > 0)
		n = percent ? on_scale(&v, 0, 100) : on_scale(&v, 1, 10);
	return match_number(r, op, got > 0, n);
}

static int run_virustest(struct run *r, const struct op *op)
{
	struct verdict v;
	int got = verdict_of_virus(r, &v);

	if (got < 0)
		return -1;
	return match_number(r, op, got > 0, got > 0 ? on_scale(&v, 1, 5) : 0);
}

static const struct sieve_param params[] = {
	{ "the value", VALUE_STRING, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command spam_commands[] = {
	{ "spamtest", SIEVE_TEST, .matches = true, .params = params, .run = run_spamtest },
	{ 0 },
};

static const struct sieve_command virus_commands[] = {
	{ "virustest", SIEVE_TEST, .matches = true, .params = params, .run = run_virustest },
	{ 0 },
};

static const char *const on_spamtest[] = { "spamtest", NULL };

static const struct sieve_tag tags[] = {
	{ "percent", on_spamtest, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_spamtest = { "spamtest", .commands = spam_commands };
const struct sieve_extension sieve_spamtestplus = { "spamtestplus", .tags = tags, .implies = "spamtest" };
const struct sieve_extension sieve_virustest = { "virustest", .commands = virus_commands };
