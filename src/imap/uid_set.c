#include "imap/uid_set.h"

enum { RANGE_OCTETS = 22 }; /* ",4294967295:4294967295" */

size_t uid_set_write(const uint32_t *uids, size_t n, struct buf *out)
{
	size_t start = out->n, i = 0;

	while (i < n && out->n - start + RANGE_OCTETS <= UID_SET_OCTETS) {
		size_t last = i;

		while (last + 1 < n && uids[last + 1] == uids[last] + 1)
			last++;
		(void)buf_addf(out, "%s%lu", i > 0 ? "," : "", (unsigned long)uids[i]);
		if (last > i)
			(void)buf_addf(out, ":%lu", (unsigned long)uids[last]);
		i = last + 1;
	}
	return i;
}

static bool take_number(struct slice *s, uint64_t *n)
{
	struct slice digits = slice_of(s->p, 0);

	while (digits.n < s->n && ascii_is_digit(s->p[digits.n]))
		digits.n++;
	*s = slice_skip(*s, digits.n);
	return slice_number(digits, UINT32_MAX, n) == 0 && *n > 0;
}

static bool take_char(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_skip(*s, 1);
	return true;
}

/* The next range of SET, FIRST not above LAST. False when what comes is none. */
static bool take_range(struct slice *set, uint64_t *first, uint64_t *last)
{
	uint64_t swap;

	if (!take_number(set, first))
		return false;
	*last = *first;
	if (take_char(set, ':') && !take_number(set, last))
		return false;
	/* 9:7 is 7, 8, 9 (RFC 9051, 9, seq-range). */
	if (*last < *first) {
		swap = *first;
		*first = *last;
		*last = swap;
	}
	return true;
}

bool uid_set_count(struct slice set, uint64_t *count)
{
	uint64_t first, last;

	*count = 0;
	do {
		if (!take_range(&set, &first, &last))
			return false;
		*count += last - first + 1;
	} while (take_char(&set, ','));
	return set.n == 0;
}

bool uid_set_has(struct slice set, uint32_t uid)
{
	uint64_t first, last;

	while (take_range(&set, &first, &last)) {
		if (uid >= first && uid <= last)
			return true;
		if (!take_char(&set, ','))
			break;
	}
	return false;
}
