/* "redirect-dsn" (RFC 6009, 6): when the sender is told what became of a redirected message (RFC 3461). */
#include <string.h>

#include "sieve/extensions.h"
#include "sieve/redirect.h"

/* RFC 3461, 4.1: NEVER, or some of the others; no blanks. What is said twice is asked once. */
static void check_notify(struct maker *m, struct slice *text)
{
	static const struct slice words[] = { SLICE_LIT("NEVER"), SLICE_LIT("SUCCESS"), SLICE_LIT("FAILURE"),
					      SLICE_LIT("DELAY") };
	struct slice rest = *text;
	unsigned seen = 0;
	size_t n = 0;
	char *list;
	bool ok = rest.n > 0 && rest.p[rest.n - 1] != ',';

	while (ok && rest.n > 0) {
		const struct slice word = slice_of(rest.p, slice_find(rest, ','));
		const size_t used = slice_find(rest, ',');
		size_t i = 0;

		while (i < 4 && !slice_eq_nocase(word, words[i]))
			i++;
		ok = i < 4 && (seen & 1) == 0 && (i > 0 || seen == 0);
		seen |= 1u << i;
		rest = slice_skip(rest, used < rest.n ? used + 1 : used);
	}
	if (!ok) {
		maker_error(m, "%s does not say when to notify: expected \"NEVER\", or some of \"SUCCESS\", \"FAILURE\" and "
			       "\"DELAY\" with commas between them",
			    diag_word(*text));
		return;
	}
	list = maker_alloc(m, text->n + 1, 1);
	if (list == NULL)
		return;
	for (size_t i = 0; i < 4; i++) {
		if ((seen >> i & 1) == 0)
			continue;
		if (n > 0)
			list[n++] = ',';
		memcpy(list + n, words[i].p, words[i].n);
		n += words[i].n;
	}
	*text = slice_of(list, n);
}

static void check_ret(struct maker *m, struct slice *text)
{
	if (slice_eq_nocase(*text, SLICE_LIT("FULL")))
		*text = SLICE_LIT("FULL");
	else if (slice_eq_nocase(*text, SLICE_LIT("HDRS")))
		*text = SLICE_LIT("HDRS");
	else
		maker_error(m, "%s does not say what is returned: expected \"FULL\" or \"HDRS\"", diag_word(*text));
}

static const char *const on[] = { "redirect", NULL };

static const struct sieve_tag tags[] = {
	{ "notify", on, NULL, VALUE_STRING, 0, "when to notify", check_notify, NULL },
	{ "ret", on, NULL, VALUE_STRING, 0, "what is returned", check_ret, NULL },
	{ 0 },
};

const struct sieve_extension sieve_redirect_dsn = { "redirect-dsn", .tags = tags };
