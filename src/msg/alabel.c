#include "msg/alabel.h"

/* RFC 3492, 5 */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 0x80, LABEL_MAX = 63 };

/* RFC 3492, 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static bool digit(char c, uint32_t *value)
{
	c = ascii_lower(c);
	if (ascii_is_alpha(c))
		*value = (uint32_t)(c - 'a');
	else if (ascii_is_digit(c))
		*value = (uint32_t)(c - '0') + 26;
	else
		return false;
	return true;
}

/* Walks one generalised variable-length integer (RFC 3492, 3.3) off S and adds it to *I. */
static bool take_delta(struct slice *s, uint32_t bias, uint32_t *i)
{
	uint32_t w = 1;

	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias, d;

		if (s->n == 0 || !digit(s->p[0], &d) || d > (UINT32_MAX - *i) / w)
			return false;
		*s = slice_of(s->p + 1, s->n - 1);
		*i += d * w;
		if (d < t)
			return true;
		if (w > UINT32_MAX / (BASE - t))
			return false;
		w *= BASE - t;
	}
}

/* RFC 3492, 6.2, without keeping the text: only whether it is one. */
static bool is_punycode(struct slice s)
{
	uint32_t n = INITIAL_N, i = 0, bias = INITIAL_BIAS, points = 0;
	size_t basic = s.n;

	while (basic > 0 && s.p[basic - 1] != '-')
		basic--;
	if (basic > 0) {
		points = (uint32_t)basic - 1;
		s = slice_of(s.p + basic, s.n - basic);
	}
	if (s.n == 0)
		return false;
	while (s.n > 0) {
		uint32_t before = i;

		if (!take_delta(&s, bias, &i))
			return false;
		bias = adapt(i - before, ++points, before == 0);
		if (i / points > UINT32_MAX - n)
			return false;
		n += i / points;
		if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff))
			return false;
		i = i % points + 1;
	}
	return true;
}

bool alabel_domain_valid(struct slice domain)
{
	while (domain.n > 0) {
		size_t n = slice_find(domain, '.');
		struct slice label = slice_of(domain.p, n);

		if (slice_starts_nocase(label, SLICE_LIT("xn--")) &&
		    (n > LABEL_MAX || !is_punycode(slice_of(label.p + 4, n - 4))))
			return false;
		n = n < domain.n ? n + 1 : n;
		domain = slice_of(domain.p + n, domain.n - n);
	}
	return true;
}
