#include "fetch/pop3_reply.h"

#include <string.h>

#include "base/utf8.h"
#include "fetch/source.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice pop3_word(struct slice *rest)
{
	struct slice word;
	size_t n = 0;

	while (n < rest->n && is_blank(rest->p[n]))
		n++;
	*rest = slice_skip(*rest, n);
	n = 0;
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	word = slice_of(rest->p, n);
	*rest = slice_skip(*rest, n);
	return word;
}

/* ---- replies ---- */

/* As much as fits, for people. */
static void clean(struct slice in, char out[POP3_TEXT_MAX + 1])
{
	size_t n = 0;

	in = slice_trim(in);
	while (in.n > 0 && n < POP3_TEXT_MAX) {
		size_t len = utf8_char_len(in);

		if (len > 1 && n + len <= POP3_TEXT_MAX) {
			memcpy(out + n, in.p, len);
			n += len;
		} else {
			out[n++] = len == 1 && in.p[0] >= ' ' && in.p[0] < 0x7f ? in.p[0] : ' ';
		}
		in = slice_skip(in, len == 0 ? 1 : len);
	}
	out[n] = '\0';
}

/* "[CODE/SUB args] text" (RFC 2449, 8). */
static void read_code(struct slice text, struct pop3_reply *r)
{
	struct slice inside, code, rest;

	text = slice_trim(text);
	if (text.n == 0 || text.p[0] != '[')
		return;
	inside = slice_of(text.p + 1, slice_find(slice_skip(text, 1), ']'));
	if (inside.n + 1 == text.n)
		return;
	rest = inside;
	code = pop3_word(&rest);
	if (code.n == 0 || code.n > POP3_CODE_MAX)
		return;
	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] <= ' ' || code.p[i] >= 0x7f)
			return;
	}
	for (size_t i = 0; i < code.n; i++)
		r->code[i] = ascii_upper(code.p[i]);
	r->code[code.n] = '\0';
	(void)slice_number(pop3_word(&rest), UINT64_MAX, &r->number);
}

/* Does LINE begin with the word STATUS? *REST is what stands behind it. */
static bool begins(struct slice line, const char *status, struct slice *rest)
{
	struct slice want = slice_str(status);

	if (!slice_starts_nocase(line, want) || (line.n > want.n && !is_blank(line.p[want.n])))
		return false;
	*rest = slice_skip(line, want.n);
	return true;
}

void pop3_reply_read(struct slice line, struct pop3_reply *r)
{
	struct slice rest = line;

	memset(r, 0, sizeof *r);
	if (begins(line, "+OK", &rest))
		r->status = POP3_OK;
	else if (begins(line, "-ERR", &rest))
		r->status = POP3_ERR;
	else if (begins(line, "+", &rest))
		r->status = POP3_CONTINUE;
	else
		r->status = POP3_JUNK;
	/* A challenge may be as good as a password. */
	if (r->status == POP3_CONTINUE)
		return;
	clean(rest, r->text);
	if (r->status != POP3_JUNK)
		read_code(rest, r);
}

struct slice pop3_challenge(struct slice line)
{
	return line.n > 1 ? slice_trim(slice_skip(line, 1)) : SLICE_NONE;
}

bool pop3_reply_is(const struct pop3_reply *r, const char *code)
{
	return strcmp(r->code, code) == 0;
}

/* ---- listings ---- */

int pop3_read_stat(struct slice line, uint64_t *count)
{
	struct slice rest = line;

	(void)pop3_word(&rest);
	return slice_number(pop3_word(&rest), UINT64_MAX, count);
}

static int read_number(struct slice *rest, uint32_t *number)
{
	uint64_t n;

	if (slice_number(pop3_word(rest), UINT32_MAX, &n) != 0 || n == 0)
		return -1;
	*number = (uint32_t)n;
	return 0;
}

int pop3_read_list(struct slice line, uint32_t *number, uint64_t *size)
{
	struct slice rest = line;

	*size = 0;
	if (read_number(&rest, number) != 0)
		return -1;
	/* The spool keeps sizes as signed. */
	if (slice_number(pop3_word(&rest), INT64_MAX, size) != 0)
		*size = 0;
	return 0;
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f;
}

int pop3_read_uidl(struct slice line, uint32_t *number, struct buf *name)
{
	struct slice rest = line;
	bool plain = true;
	size_t n = 0, begin = name->n;

	if (read_number(&rest, number) != 0)
		return -1;
	rest = slice_trim(rest);
	for (size_t i = 0; i < rest.n; i++)
		plain = plain && is_plain(rest.p[i]);
	for (size_t i = 0; i < rest.n; i++)
		n += plain || (is_plain(rest.p[i]) && rest.p[i] != '%') ? 1 : 3;
	if (n == 0 || n > SOURCE_NAME_MAX)
		return 0;
	for (size_t i = 0; i < rest.n; i++) {
		if (plain || (is_plain(rest.p[i]) && rest.p[i] != '%'))
			(void)buf_add_char(name, rest.p[i]);
		else
			(void)buf_addf(name, "%%%02X", (unsigned)(unsigned char)rest.p[i]);
	}
	if (!buf_failed(name))
		return 0;
	buf_truncate(name, begin);
	return -1;
}
