#include "sieve/casemap.h"

#include "base/utf8.h"

/* Characters from FIRST to LAST, each STEP, that become the one DELTA behind them. */
struct casemap_run {
	uint32_t first, last, step;
	int32_t delta;
};

/* One that becomes N octets of the pool. */
struct casemap_string {
	uint32_t cp;
	uint16_t at, n;
};

#include "sieve/casemap_table.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* How many elements of a table begin at CP or below; that many less one is where CP is, if anywhere. */
#define BEGUN(table, member, cp, n)                                                                                    \
	for (size_t low = 0, high = COUNT(table); low < high;) {                                                       \
		size_t mid = low + (high - low) / 2;                                                                   \
                                                                                                                       \
		if ((table)[mid].member <= (cp))                                                                       \
			n = low = mid + 1;                                                                             \
		else                                                                                                   \
			high = mid;                                                                                    \
	}

enum { FOLDED_MAX = 12 /* octets of what is not in the pool */ };

/* The letters of a Hangul syllable, which no table names: they follow from its number (The Unicode Standard, 3.12). */
static struct slice hangul_letters(uint32_t number, char out[FOLDED_MAX])
{
	enum { LEADING = 0x1100, VOWEL = 0x1161, TRAILING = 0x11a7, VOWELS = 21, TRAILINGS = 28 };
	size_t n = utf8_encode(LEADING + number / (VOWELS * TRAILINGS), out);

	n += utf8_encode(VOWEL + number / TRAILINGS % VOWELS, out + n);
	if (number % TRAILINGS != 0)
		n += utf8_encode(TRAILING + number % TRAILINGS, out + n);
	return slice_of(out, n);
}

/* What CP becomes, in OUT or in the pool. */
static struct slice folded(uint32_t cp, char out[FOLDED_MAX])
{
	enum { SYLLABLES = 0xac00, SYLLABLES_LAST = 0xd7a3 };
	size_t n = 0;

	if (cp >= SYLLABLES && cp <= SYLLABLES_LAST)
		return hangul_letters(cp - SYLLABLES, out);
	BEGUN(strings, cp, cp, n);
	if (n > 0 && strings[n - 1].cp == cp)
		return slice_of((const char *)pool + strings[n - 1].at, strings[n - 1].n);
	n = 0;
	BEGUN(runs, first, cp, n);
	if (n > 0) {
		const struct casemap_run *r = &runs[n - 1];

		if (cp <= r->last && (cp - r->first) % r->step == 0)
			cp = (uint32_t)((int32_t)cp + r->delta);
	}
	return slice_of(out, utf8_encode(cp, out));
}

int casemap_fold(struct slice s, struct buf *out)
{
	char one[FOLDED_MAX];
	uint32_t cp;
	size_t n;

	if (!utf8_valid(s))
		return buf_add_slice(out, s);
	if (buf_reserve(out, s.n) == NULL)
		return -1;
	for (; s.n > 0; s = slice_skip(s, n)) {
		int ret;

		n = 1;
		if ((unsigned char)s.p[0] < 0x80) {
			ret = buf_add_char(out, ascii_upper(s.p[0]));
		} else {
			n = utf8_decode(s, &cp);
			ret = buf_add_slice(out, folded(cp, one));
		}
		if (ret != 0)
			return -1;
	}
	return 0;
}

size_t casemap_folded(struct slice s, size_t *n)
{
	char one[FOLDED_MAX];
	uint32_t cp;

	*n = utf8_decode(s, &cp);
	return *n == 0 ? 0 : folded(cp, one).n;
}
