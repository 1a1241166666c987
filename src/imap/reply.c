#include "imap/reply.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, struct slice s)
{
	if (s.n >= size)
		s.n = size - 1;
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

void imap_reply_parse(enum imap_status status, const char *text, struct imap_reply *r)
{
	struct slice s = slice_str(text), code;
	size_t end;

	*r = (struct imap_reply){ .status = status };
	copy(r->text, sizeof r->text, s);
	if (s.n < 2 || s.p[0] != '[' || (end = slice_find(s, ']')) == s.n)
		return;
	code = slice_of(s.p + 1, end - 1);
	end = slice_find(code, ' ');
	if (end < code.n)
		copy(r->args, sizeof r->args, slice_of(code.p + end + 1, code.n - end - 1));
	code.n = end;
	copy(r->code, sizeof r->code, code);
	for (char *c = r->code; *c != '\0'; c++)
		*c = ascii_upper(*c);
}

bool imap_reply_is(const struct imap_reply *r, const char *code)
{
	return strcmp(r->code, code) == 0;
}

/* The number at the front of S, which is shortened by it; 0: none. */
static uint32_t take_number(struct slice *s)
{
	uint64_t n = 0;
	size_t len = 0;

	while (len < s->n && ascii_is_digit(s->p[len]))
		len++;
	if (slice_number(slice_of(s->p, len), UINT32_MAX, &n) != 0)
		n = 0;
	*s = slice_of(s->p + len, s->n - len);
	return (uint32_t)n;
}

static bool take_char(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = slice_of(s->p + 1, s->n - 1);
	return true;
}

/* uid-set = (uniqueid / uid-range) *("," uid-set), whole, of exactly N. */
static bool expand(struct slice set, uint32_t *uids, size_t n)
{
	size_t k = 0;

	do {
		uint32_t first = take_number(&set), last = first;

		if (take_char(&set, ':'))
			last = take_number(&set);
		if (first == 0 || last == 0)
			return false;
		/* 9:7 is 7, 8, 9 (RFC 9051, 9, seq-range). */
		if (last < first) {
			uint32_t swap = first;

			first = last;
			last = swap;
		}
		if (last - first >= n - k)
			return false;
		for (uint32_t uid = first; k < n && uid - first <= last - first; uid++)
			uids[k++] = uid;
	} while (k < n && take_char(&set, ','));
	return k == n && set.n == 0;
}

bool imap_reply_appenduids(const struct imap_reply *r, uint32_t *uidvalidity, uint32_t *uids, size_t n)
{
	struct slice s = slice_str(r->text);
	size_t end = slice_find(s, ']');

	*uidvalidity = 0;
	if (r->status != IMAP_OK || !imap_reply_is(r, "APPENDUID") || end == s.n || n == 0)
		return false;
	/* Of the text, because a long set does not fit in the arguments. */
	s = slice_of(s.p, end);
	end = slice_find(s, ' ');
	if (end == s.n)
		return false;
	s = slice_of(s.p + end + 1, s.n - end - 1);
	*uidvalidity = take_number(&s);
	if (*uidvalidity != 0 && take_char(&s, ' ') && expand(s, uids, n))
		return true;
	return false;
}
