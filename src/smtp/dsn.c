/*
 * What a sender asks about notifications: RET, ENVID, NOTIFY and ORCPT (RFC 3461,
 * 4). Rules may look at it. DSN is not offered for all that: whoever offers it
 * promises notifications, and mailferry sends none. A relay in front of us that
 * does then tells the sender that it handed the message on, which is true
 * (RFC 3461, 5.2.2).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "smtp/internal.h"

enum { ENVID_MAX = 100, ORCPT_MAX = 500 }; /* characters (RFC 3461, 4.2 and 4.4) */

static bool hex_digit(char c, unsigned *n)
{
	/* Capitals only (RFC 3461, 4). */
	if (ascii_is_digit(c))
		*n = (unsigned)(c - '0');
	else if (c >= 'A' && c <= 'F')
		*n = (unsigned)(c - 'A') + 10;
	else
		return false;
	return true;
}

/* Decodes xtext. With UTF8, characters beyond ASCII may stand in it as they are (RFC 6533, 3). NULL when it is none, or
 * when it holds what no notification could: characters that can't be seen. */
static char *xtext(struct slice s, bool utf8)
{
	char *out = mem_array(s.n + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		unsigned high = 0, low = 0;

		if (c == '+') {
			if (s.n - i < 3 || !hex_digit(s.p[i + 1], &high) || !hex_digit(s.p[i + 2], &low))
				break;
			c = (unsigned char)(high << 4 | low);
			i += 2;
			if ((c < ' ' && c != '\t') || c > '~')
				break;
		} else if (c <= ' ' || c == '=' || c == 0x7f || (c > '~' && !utf8)) {
			break;
		}
		out[n++] = (char)c;
		if (i == s.n - 1) {
			out[n] = '\0';
			return out;
		}
	}
	free(out);
	return NULL;
}

static bool wrong(struct smtp_session *s, const char *text)
{
	smtp_say(s, 501, "5.5.4", "%s", text);
	return false;
}

bool smtp_read_ret(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	if (slice_eq_nocase(value, SLICE_LIT("FULL")))
		p->ret = "FULL";
	else if (slice_eq_nocase(value, SLICE_LIT("HDRS")))
		p->ret = "HDRS";
	else
		return wrong(s, "RET must be FULL or HDRS");
	return true;
}

bool smtp_read_envid(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	p->envid = value.n <= ENVID_MAX ? xtext(value, false) : NULL;
	if (p->envid == NULL)
		return wrong(s, "ENVID must be xtext of up to 100 characters");
	p->envid_xtext = slice_dup(value);
	return true;
}

bool smtp_read_notify(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	static const struct {
		struct slice name;
		enum intake_notify when;
	} words[] = {
		{ SLICE_LIT("NEVER"), INTAKE_NEVER },
		{ SLICE_LIT("SUCCESS"), INTAKE_SUCCESS },
		{ SLICE_LIT("FAILURE"), INTAKE_FAILURE },
		{ SLICE_LIT("DELAY"), INTAKE_DELAY },
	};
	bool more = true, known = true;

	while (more && known) {
		struct slice one = slice_of(value.p, slice_find(value, ','));

		more = one.n < value.n;
		value = slice_skip(value, more ? one.n + 1 : one.n);
		known = false;
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			if (slice_eq_nocase(one, words[i].name)) {
				p->notify |= words[i].when;
				known = true;
			}
		}
	}
	if (!known || ((p->notify & INTAKE_NEVER) != 0 && p->notify != INTAKE_NEVER))
		return wrong(s, "NOTIFY must be NEVER, or some of SUCCESS, FAILURE and DELAY");
	return true;
}

bool smtp_read_orcpt(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	static const char text[] = "ORCPT must be the type of an address, a semicolon and xtext, up to 500 characters";
	const size_t n = slice_find(value, ';');
	const bool utf8 = s->t->utf8 && slice_eq_nocase(slice_of(value.p, n), SLICE_LIT("utf-8"));
	char *address;

	if (n == 0 || n == value.n || value.n > ORCPT_MAX)
		return wrong(s, text);
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_alpha(value.p[i]) && !ascii_is_digit(value.p[i]) && value.p[i] != '-')
			return wrong(s, text);
	address = xtext(slice_skip(value, n + 1), utf8);
	if (address == NULL)
		return wrong(s, text);
	p->orcpt = mem_printf("%.*s;%s", (int)n, value.p, address);
	free(address);
	return true;
}
