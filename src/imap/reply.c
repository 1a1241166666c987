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

bool imap_reply_appenduid(const struct imap_reply *r, uint32_t *uidvalidity, uint32_t *uid)
{
	struct slice args = slice_str(r->args);
	size_t gap = slice_find(args, ' ');
	uint64_t a, b;

	if (r->status != IMAP_OK || !imap_reply_is(r, "APPENDUID") || gap == args.n ||
	    slice_number(slice_of(args.p, gap), UINT32_MAX, &a) != 0 ||
	    slice_number(slice_of(args.p + gap + 1, args.n - gap - 1), UINT32_MAX, &b) != 0 || a == 0 || b == 0)
		return false;
	*uidvalidity = (uint32_t)a;
	*uid = (uint32_t)b;
	return true;
}
