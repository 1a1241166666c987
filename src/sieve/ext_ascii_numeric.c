/* "comparator-i;ascii-numeric" (RFC 4790, 9.1): numbers of any length; what begins with no digit is infinite. */
#include "sieve/extensions.h"

static struct slice number_of(struct slice s)
{
	size_t n = 0;

	while (n < s.n && ascii_is_digit(s.p[n]))
		n++;
	s.n = n;
	while (s.n > 1 && s.p[0] == '0')
		s = slice_skip(s, 1);
	return s;
}

static int fold_number(struct slice in, struct buf *out)
{
	struct slice number = number_of(in);

	/* Equal to every other infinity, and to no number. */
	return number.n > 0 ? buf_add_slice(out, number) : buf_add_char(out, 'i');
}

static int order_numbers(struct slice a, struct slice b)
{
	a = number_of(a);
	b = number_of(b);
	if (a.n == 0 || b.n == 0)
		return (a.n == 0) - (b.n == 0);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return memcmp(a.p, b.p, a.n);
}

static const struct sieve_comparator comparators[] = {
	{ "i;ascii-numeric", COLLATE_EQUALITY | COLLATE_ORDERING, .fold = fold_number, .order = order_numbers },
	{ 0 },
};

const struct sieve_extension sieve_ascii_numeric = { "comparator-i;ascii-numeric", .comparators = comparators };
