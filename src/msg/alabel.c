#include "msg/alabel.h"

#include "base/utf8.h"

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

/* No label holds these (RFC 5892, 2.6): they can't be seen, or turn the direction of what stands behind them, so that whoever
 * reads the name reads another. */
static bool is_hidden(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || cp == 0x061c || cp == 0x200b || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}

static bool holds_hidden(struct slice label)
{
	while (label.n > 0) {
		uint32_t cp = 0;
		size_t n = utf8_decode(label, &cp);

		if (is_hidden(cp))
			return true;
		label = slice_skip(label, n > 0 ? n : 1);
	}
	return false;
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
		if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) || is_hidden(n))
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
		if (holds_hidden(label))
			return false;
		n = n < domain.n ? n + 1 : n;
		domain = slice_of(domain.p + n, domain.n - n);
	}
	return true;
}

/* ---- writing ---- */

static char digit_char(uint32_t d)
{
	return (char)(d < 26 ? 'a' + d : '0' + (d - 26));
}

/* RFC 3492, 6.3: the integer DELTA. */
static void add_delta(struct buf *out, uint32_t delta, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;

		if (delta < t)
			break;
		(void)buf_add_char(out, digit_char(t + (delta - t) % (BASE - t)));
		delta = (delta - t) / (BASE - t);
	}
	(void)buf_add_char(out, digit_char(delta));
}

/* RFC 3492, 6.3. A label is short, so that no sum here comes near a limit. */
static void add_punycode(struct buf *out, const uint32_t *points, uint32_t count)
{
	uint32_t n = INITIAL_N, delta = 0, bias = INITIAL_BIAS, done = 0, basic;

	for (uint32_t i = 0; i < count; i++)
		if (points[i] < INITIAL_N) {
			(void)buf_add_char(out, (char)points[i]);
			done++;
		}
	basic = done;
	if (basic > 0)
		(void)buf_add_char(out, '-');
	while (done < count) {
		uint32_t next = UINT32_MAX;

		for (uint32_t i = 0; i < count; i++)
			if (points[i] >= n && points[i] < next)
				next = points[i];
		delta += (next - n) * (done + 1);
		n = next;
		for (uint32_t i = 0; i < count; i++) {
			if (points[i] < n)
				delta++;
			if (points[i] != n)
				continue;
			add_delta(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		n++;
	}
}

static int add_label(struct buf *out, struct slice label)
{
	uint32_t points[LABEL_MAX];
	uint32_t count = 0;
	const size_t before = out->n;
	struct buf folded;
	struct slice rest;

	buf_init(&folded, 4 * LABEL_MAX);
	if (label.n > LABEL_MAX || utf8_fold(label, &folded) != 0)
		count = LABEL_MAX + 1;
	rest = buf_slice(&folded);
	if (ascii_only(rest)) {
		(void)buf_add_slice(out, rest);
	} else {
		if (slice_starts_nocase(rest, SLICE_LIT("xn--")))
			count = LABEL_MAX + 1;
		while (rest.n > 0 && count < LABEL_MAX) {
			size_t n = utf8_decode(rest, &points[count]);

			if (n == 0)
				break;
			rest = slice_skip(rest, n);
			count++;
		}
		(void)buf_add_str(out, "xn--");
		if (rest.n == 0 && count <= LABEL_MAX)
			add_punycode(out, points, count);
		else
			count = LABEL_MAX + 1;
	}
	buf_free(&folded);
	return count > LABEL_MAX || out->n - before > LABEL_MAX || buf_failed(out) ? -1 : 0;
}

int alabel_domain(struct slice domain, struct buf *out)
{
	for (;;) {
		const size_t n = slice_find(domain, '.');

		if (add_label(out, slice_of(domain.p, n)) != 0)
			return -1;
		if (n == domain.n)
			return 0;
		if (buf_add_char(out, '.') != 0)
			return -1;
		domain = slice_skip(domain, n + 1);
	}
}
