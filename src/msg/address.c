#include "msg/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { LABEL_MAX = 63 };

struct cursor {
	struct slice rest;
	bool foreign; /* a character beyond ASCII was read */
};

static bool take(struct cursor *c, char want)
{
	if (c->rest.n == 0 || c->rest.p[0] != want)
		return false;
	c->rest.p++;
	c->rest.n--;
	return true;
}

bool address_is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

size_t address_foreign_len(struct slice s)
{
	uint32_t cp = 0;
	size_t n = utf8_decode(s, &cp);

	return n > 1 && cp >= 0xa0 && cp != 0x2028 && cp != 0x2029 ? n : 0;
}

/* Adds the run of atext at the front, which may be empty, to OUT. */
static void take_atom(struct cursor *c, struct buf *out)
{
	size_t n = 0, k = 0;

	for (; n < c->rest.n; n += k) {
		k = 1;
		if (address_is_atext(c->rest.p[n]))
			continue;
		k = address_foreign_len(slice_skip(c->rest, n));
		if (k == 0)
			break;
		c->foreign = true;
	}
	(void)buf_add(out, c->rest.p, n);
	c->rest = slice_skip(c->rest, n);
}

/* RFC 5321, 4.1.2: Quoted-string, behind its first quote. */
static bool take_quoted(struct cursor *c, struct buf *out)
{
	while (c->rest.n > 0 && c->rest.p[0] != '"') {
		size_t n = 1;

		if (take(c, '\\')) {
			if (c->rest.n == 0 || c->rest.p[0] < ' ' || c->rest.p[0] > '~')
				return false;
		} else if ((unsigned char)c->rest.p[0] >= 0x80) {
			n = address_foreign_len(c->rest);
			c->foreign = true;
			if (n == 0)
				return false;
		} else if (c->rest.p[0] < ' ' || c->rest.p[0] > '~') {
			return false;
		}
		(void)buf_add(out, c->rest.p, n);
		c->rest = slice_skip(c->rest, n);
	}
	return take(c, '"');
}

static bool take_local(struct cursor *c, struct buf *out)
{
	if (take(c, '"'))
		return take_quoted(c, out);
	for (;;) {
		size_t before = out->n;

		take_atom(c, out);
		if (out->n == before)
			return false;
		if (!take(c, '.'))
			return true;
		(void)buf_add_char(out, '.');
	}
}

static bool literal_ok(struct slice s)
{
	unsigned char address[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];
	int family = AF_INET;

	s = slice_of(s.p + 1, s.n - 2);
	if (slice_starts_nocase(s, SLICE_LIT("IPv6:"))) {
		s = slice_skip(s, 5);
		family = AF_INET6;
	}
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, address) == 1;
}

static bool label_char(struct slice s, size_t *n)
{
	*n = 1;
	/* The underscore is no host name, but scanners and Windows hosts are called so. */
	if (ascii_is_alpha(s.p[0]) || ascii_is_digit(s.p[0]) || s.p[0] == '-' || s.p[0] == '_')
		return true;
	*n = address_foreign_len(s);
	return *n > 0;
}

enum address_fault address_check_domain(struct slice d, bool utf8)
{
	size_t label = 0, n;
	bool hyphen = false, foreign = false;

	if (d.n > ADDRESS_DOMAIN_MAX + 1)
		return ADDRESS_TOO_LONG;
	if (d.n > 1 && d.p[0] == '[' && d.p[d.n - 1] == ']')
		return literal_ok(d) ? ADDRESS_OK : ADDRESS_SYNTAX;
	if (d.n > 0 && d.p[d.n - 1] == '.')
		d.n--;
	for (size_t i = 0; i < d.n; i += n) {
		n = 1;
		if (d.p[i] == '.') {
			if (label == 0 || label > LABEL_MAX || hyphen)
				return ADDRESS_SYNTAX;
			label = 0;
			continue;
		}
		if (!label_char(slice_skip(d, i), &n) || (label == 0 && d.p[i] == '-'))
			return ADDRESS_SYNTAX;
		foreign = foreign || n > 1;
		hyphen = d.p[i] == '-';
		label += n;
	}
	if (label == 0 || label > LABEL_MAX || hyphen)
		return ADDRESS_SYNTAX;
	if (d.n > ADDRESS_DOMAIN_MAX)
		return ADDRESS_TOO_LONG;
	return foreign && !utf8 ? ADDRESS_NEEDS_UTF8 : ADDRESS_OK;
}

/* The bytes at the front that may belong to a domain, or a literal with its brackets. */
static struct slice take_domain(struct cursor *c)
{
	struct slice s = c->rest;
	size_t n = 0, k = 1;

	if (s.n > 0 && s.p[0] == '[') {
		n = slice_find(s, ']');
		n += n < s.n;
	} else {
		while (n < s.n && (s.p[n] == '.' || label_char(slice_skip(s, n), &k))) {
			n += s.p[n] == '.' ? 1 : k;
			c->foreign = c->foreign || k > 1;
		}
	}
	c->rest = slice_skip(s, n);
	return slice_of(s.p, n);
}

static enum address_fault parse_mailbox(struct cursor *c, bool utf8, struct address *out)
{
	enum address_fault fault = ADDRESS_SYNTAX;
	struct slice domain;
	struct buf local;

	buf_init(&local, c->rest.n);
	if (take_local(c, &local) && take(c, '@')) {
		domain = take_domain(c);
		fault = address_check_domain(domain, true);
	}
	if (fault == ADDRESS_OK && local.n > ADDRESS_LOCAL_MAX)
		fault = ADDRESS_TOO_LONG;
	if (fault == ADDRESS_OK && c->foreign && !utf8)
		fault = ADDRESS_NEEDS_UTF8;
	if (fault == ADDRESS_OK) {
		if (domain.p[domain.n - 1] == '.')
			domain.n--;
		*out = (struct address){ slice_dup(buf_slice(&local)), slice_dup(domain) };
	}
	buf_free(&local);
	return fault;
}

/* RFC 5321, 4.1.2: A-d-l and its colon; without one, nothing is taken. */
static bool take_route(struct cursor *c, bool *found)
{
	*found = false;
	while (take(c, '@')) {
		*found = true;
		if (address_check_domain(take_domain(c), true) != ADDRESS_OK)
			return false;
		if (take(c, ':'))
			return true;
		if (!take(c, ',') || c->rest.n == 0 || c->rest.p[0] != '@')
			return false;
	}
	return true;
}

enum address_fault address_parse_path(struct slice text, bool utf8, bool null_ok, struct address *out, size_t *used)
{
	static const struct slice postmaster = SLICE_LIT("<postmaster>");
	struct cursor c = { .rest = text };
	struct address found = { 0 };
	enum address_fault fault;
	bool route;

	*used = 0;
	if (!take(&c, '<'))
		return ADDRESS_SYNTAX;
	if (take(&c, '>')) {
		if (!null_ok)
			return ADDRESS_SYNTAX;
		*out = (struct address){ slice_dup(SLICE_NONE), slice_dup(SLICE_NONE) };
		*used = 2;
		return ADDRESS_OK;
	}
	/* RFC 5321, 4.1.1.3: a recipient alone may be named so. */
	if (!null_ok && slice_starts_nocase(text, postmaster)) {
		*out = (struct address){ slice_dup(slice_of(text.p + 1, postmaster.n - 2)), slice_dup(SLICE_NONE) };
		*used = postmaster.n;
		return ADDRESS_OK;
	}
	if (!take_route(&c, &route))
		return ADDRESS_SYNTAX;
	fault = parse_mailbox(&c, utf8, &found);
	if (fault == ADDRESS_SYNTAX)
		return fault;
	if (!take(&c, '>'))
		fault = ADDRESS_SYNTAX;
	else if (route && fault == ADDRESS_OK)
		fault = ADDRESS_SOURCE_ROUTE;
	if (fault == ADDRESS_OK)
		*out = found;
	else
		address_free(&found);
	if (fault != ADDRESS_SYNTAX)
		*used = text.n - c.rest.n;
	return fault;
}

enum address_fault address_parse(struct slice text, bool utf8, struct address *out)
{
	struct cursor c = { .rest = text };
	struct address found = { 0 };
	enum address_fault fault = parse_mailbox(&c, utf8, &found);

	if (c.rest.n > 0)
		fault = ADDRESS_SYNTAX;
	if (fault == ADDRESS_OK)
		*out = found;
	else
		address_free(&found);
	return fault;
}

void address_free(struct address *a)
{
	free(a->local);
	free(a->domain);
	*a = (struct address){ 0 };
}

static bool is_dot_string(struct slice s)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? dot : !address_is_atext(s.p[i]) && (unsigned char)s.p[i] < 0x80)
			return false;
		dot = s.p[i] == '.';
	}
	return s.n > 0 && !dot;
}

int address_format(const struct address *a, struct buf *out)
{
	struct slice local = slice_str(a->local), domain = slice_str(a->domain);

	if (is_dot_string(local) || (local.n == 0 && domain.n == 0)) {
		(void)buf_add_slice(out, local);
	} else {
		(void)buf_add_char(out, '"');
		for (size_t i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				(void)buf_add_char(out, '\\');
			(void)buf_add_char(out, local.p[i]);
		}
		(void)buf_add_char(out, '"');
	}
	if (domain.n > 0) {
		(void)buf_add_char(out, '@');
		(void)buf_add_slice(out, domain);
	}
	return buf_failed(out) ? -1 : 0;
}

bool address_same(struct slice a, struct slice b)
{
	size_t at = a.n;

	while (at > 0 && a.p[at - 1] != '@')
		at--;
	return a.n == b.n && slice_eq(slice_of(a.p, at), slice_of(b.p, at)) &&
	       slice_eq_nocase(slice_of(a.p + at, a.n - at), slice_of(b.p + at, b.n - at));
}
