#include "relay/asked.h"

#include <string.h>

enum { ENVID_MAX = 100, ORCPT_MAX = 500 };

static void take_notify(struct slice value, struct relay_asked *out)
{
	if (value.n == 0 || value.n >= sizeof out->notify)
		return;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != ',' && (value.p[i] < 'A' || value.p[i] > 'Z'))
			return;
	memcpy(out->notify, value.p, value.n);
	out->notify[value.n] = '\0';
}

/* RFC 3461, 4.2 and 4.4: as many characters as may stand there, none of which ends a word or a line. */
static void take_xtext(struct slice value, size_t most, struct slice *out)
{
	if (value.n == 0 || value.n > most)
		return;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f || value.p[i] == '=')
			return;
	*out = value;
}

/* "1795712400;R", or with "T" behind it */
static void take_by(struct slice value, struct relay_asked *out)
{
	const size_t end = slice_find(value, ';');
	const struct slice mode = slice_skip(value, end < value.n ? end + 1 : end);
	uint64_t at;

	if (mode.n < 1 || mode.n > 2 || (mode.p[0] != 'N' && mode.p[0] != 'R') || (mode.n == 2 && mode.p[1] != 'T') ||
	    slice_number(slice_of(value.p, end), UINT32_MAX, &at) != 0)
		return;
	out->by = true;
	out->by_at = (int64_t)at;
	out->by_mode = mode.p[0];
	out->by_trace = mode.n == 2;
}

void relay_asked_read(const char *words, struct relay_asked *out)
{
	struct slice rest = slice_str(words);

	*out = (struct relay_asked){ .by = false };
	while (rest.n > 0) {
		const size_t n = slice_find(rest, ' ');
		const struct slice word = slice_of(rest.p, n);

		if (slice_starts_nocase(word, SLICE_LIT("NOTIFY=")))
			take_notify(slice_skip(word, 7), out);
		else if (slice_eq_nocase(word, SLICE_LIT("RET=FULL")) || slice_eq_nocase(word, SLICE_LIT("RET=HDRS")))
			memcpy(out->ret, slice_starts_nocase(word, SLICE_LIT("RET=F")) ? "FULL" : "HDRS", sizeof out->ret);
		else if (slice_starts_nocase(word, SLICE_LIT("ENVID=")))
			take_xtext(slice_skip(word, 6), ENVID_MAX, &out->envid);
		else if (slice_starts_nocase(word, SLICE_LIT("ORCPT=")))
			take_xtext(slice_skip(word, 6), ORCPT_MAX, &out->orcpt);
		else if (slice_eq(word, SLICE_LIT("RELAYED")))
			out->relayed = true;
		else if (slice_starts_nocase(word, SLICE_LIT("BY=")))
			take_by(slice_skip(word, 3), out);
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
}
