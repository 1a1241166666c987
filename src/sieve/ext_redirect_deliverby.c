/* "redirect-deliverby" (RFC 6009, 7): until when the next server is to deliver (RFC 2852). */
#include "sieve/extensions.h"
#include "sieve/redirect.h"

static void check_time(struct maker *m, struct slice *text)
{
	int64_t ms;

	if (redirect_time(*text, &ms) != 0)
		maker_error(m, "%s is no time: expected one such as \"2026-12-24T18:00:00+01:00\" (RFC 3339)",
			    diag_word(*text));
}

static void check_mode(struct maker *m, struct slice *text)
{
	if (!slice_eq_nocase(*text, SLICE_LIT("notify")) && !slice_eq_nocase(*text, SLICE_LIT("return")))
		maker_error(m, "%s is not what can be done when the time is over: expected \"notify\" or \"return\"",
			    diag_word(*text));
}

static const char *const on[] = { "redirect", NULL };

static const struct sieve_tag tags[] = {
	{ "bytimerelative", on, "time", VALUE_NUMBER, 0, "the number of seconds", NULL, NULL },
	{ "bytimeabsolute", on, "time", VALUE_STRING, 0, "the time", check_time, NULL },
	{ "bymode", on, NULL, VALUE_STRING, 0, "the mode", check_mode, NULL },
	{ "bytrace", on, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_redirect_deliverby = { "redirect-deliverby", .tags = tags };
