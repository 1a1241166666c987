#include "msg/mailto.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

bool mailto_is(struct slice uri)
{
	return slice_starts_nocase(uri, SLICE_LIT("mailto:"));
}

/* ---- which fields ---- */

bool mailto_safe(struct slice name)
{
	static const struct slice not[] = {
		SLICE_LIT("from"),	   SLICE_LIT("sender"),	      SLICE_LIT("bcc"),
		SLICE_LIT("date"),	   SLICE_LIT("message-id"),   SLICE_LIT("received"),
		SLICE_LIT("return-path"),  SLICE_LIT("delivered-to"), SLICE_LIT("auto-submitted"),
		SLICE_LIT("mime-version"), SLICE_LIT("apparently-to"), SLICE_LIT("authentication-results"),
		SLICE_LIT("errors-to"),	   SLICE_LIT("return-receipt-to"), SLICE_LIT("disposition-notification-to"),
		SLICE_LIT("importance"),   SLICE_LIT("x-priority"),
	};
	static const struct slice families[] = {
		SLICE_LIT("resent-"), SLICE_LIT("content-"), SLICE_LIT("list-"), SLICE_LIT("dkim-"),
		SLICE_LIT("arc-"),    SLICE_LIT("x-mailferry-"),
	};

	for (size_t i = 0; i < sizeof not / sizeof not[0]; i++)
		if (slice_eq_nocase(name, not[i]))
			return false;
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		if (slice_starts_nocase(name, families[i]))
			return false;
	return true;
}

/* ---- percent signs ---- */

/* RFC 3986, 2 and 3.4: what may stand in a path or a query. */
static bool is_uri_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@/?", c) != NULL);
}

static int decode(struct slice text, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			if (i + 2 >= text.n || ascii_hex(text.p[i + 1]) < 0 || ascii_hex(text.p[i + 2]) < 0)
				return err_set(e, ERR_INPUT, 0, "\"%%\" must be followed by two hexadecimal digits");
			c = (char)(ascii_hex(text.p[i + 1]) << 4 | ascii_hex(text.p[i + 2]));
			i += 2;
		} else if (!is_uri_char(c)) {
			return err_set(e, ERR_INPUT, 0, "it holds a character that must be written with \"%%\"");
		}
		(void)buf_add_char(out, c);
	}
	if (buf_failed(out))
		return err_set(e, ERR_LIMIT, 0, "it is longer than %d octets", MAILTO_MAX);
	if (!utf8_valid(buf_slice(out)))
		return err_set(e, ERR_INPUT, 0, "what it holds in \"%%\" is no UTF-8");
	return 0;
}

static bool has_control(struct slice s, bool lines)
{
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' || c == 0x7f) && !(lines && (c == '\r' || c == '\n' || c == '\t')))
			return true;
	}
	return false;
}

/* ---- addresses ---- */

static int add_address(struct mailto *m, bool copy, struct address *a, struct err *e)
{
	if (m->nto + m->ncc == MAILTO_ADDRESSES_MAX)
		return err_set(e, ERR_LIMIT, 0, "it names more than %d addresses", MAILTO_ADDRESSES_MAX);
	if (copy)
		m->cc[m->ncc++] = *a;
	else
		m->to[m->nto++] = *a;
	*a = (struct address){ 0 };
	return 0;
}

/* RFC 6068, 2: addr-spec *("," addr-spec); a comma that belongs to an address is written %2C. */
static int parse_path(struct mailto *m, struct slice path, struct err *e)
{
	while (path.n > 0) {
		const size_t n = slice_find(path, ',');
		struct address a = { 0 };
		struct buf text;
		int r;

		buf_init(&text, MAILTO_MAX);
		r = decode(slice_of(path.p, n), &text, e);
		if (r == 0 && address_parse(buf_slice(&text), true, &a) != ADDRESS_OK)
			r = err_set(e, ERR_INPUT, 0, "\"%.200s\" is no address", buf_str(&text));
		if (r == 0)
			r = add_address(m, false, &a, e);
		address_free(&a);
		buf_free(&text);
		if (r != 0)
			return -1;
		path = slice_skip(path, n < path.n ? n + 1 : n);
	}
	return 0;
}

/* The addresses of a "to" or "cc" field. */
static int parse_list(struct mailto *m, bool copy, struct slice value, struct err *e)
{
	struct address_list list;
	size_t bad = 0;
	int r = 0;

	address_list_parse(value, &list, &bad);
	for (size_t i = 0; i < list.n && r == 0 && bad == 0; i++) {
		if (list.all[i].local[0] == '\0' || list.all[i].domain[0] == '\0')
			bad++;
		else
			r = add_address(m, copy, &list.all[i], e);
	}
	address_list_free(&list);
	if (r == 0 && bad > 0)
		r = err_set(e, ERR_INPUT, 0, "\"%s\" holds what is no address", copy ? "cc" : "to");
	return r;
}

/* ---- fields ---- */

static bool is_field_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= 70;
}

static int take_body(struct mailto *m, struct slice value)
{
	char *before = m->body;

	m->body = before == NULL ? slice_dup(value) : mem_printf("%s\r\n%s", before, value.n == 0 ? "" : value.p);
	free(before);
	return 0;
}

static int take_field(struct mailto *m, struct slice name, struct slice value, struct err *e)
{
	const bool body = slice_eq_nocase(name, SLICE_LIT("body"));

	if (!is_field_name(name))
		return err_set(e, ERR_INPUT, 0, "behind \"?\" or \"&\" stands no name of a header field");
	/* RFC 6068, 5: line breaks are for the body alone. */
	if (has_control(value, body))
		return err_set(e, ERR_INPUT, 0, "the value of \"%.*s\" holds a control character", (int)name.n, name.p);
	if (body)
		return take_body(m, value);
	value = slice_trim(value);
	if (slice_eq_nocase(name, SLICE_LIT("to")) || slice_eq_nocase(name, SLICE_LIT("cc")))
		return parse_list(m, slice_eq_nocase(name, SLICE_LIT("cc")), value, e);
	if (slice_eq_nocase(name, SLICE_LIT("subject"))) {
		m->subject = m->subject == NULL ? slice_dup(value) : m->subject;
		return 0;
	}
	if (!mailto_safe(name))
		return 0;
	if (m->nfields == MAILTO_FIELDS_MAX)
		return err_set(e, ERR_LIMIT, 0, "it sets more than %d header fields", MAILTO_FIELDS_MAX);
	m->fields[m->nfields++] = (struct mailto_field){ slice_dup(name), slice_dup(value) };
	return 0;
}

static int parse_field(struct mailto *m, struct slice field, struct err *e)
{
	const size_t equals = slice_find(field, '=');
	struct buf name, value;
	int r;

	if (equals == field.n)
		return err_set(e, ERR_INPUT, 0, "\"%.*s\" has no \"=\"", (int)(field.n < 60 ? field.n : 60), field.p);
	buf_init(&name, MAILTO_MAX);
	buf_init(&value, MAILTO_MAX);
	r = decode(slice_of(field.p, equals), &name, e);
	if (r == 0)
		r = decode(slice_skip(field, equals + 1), &value, e);
	if (r == 0)
		r = take_field(m, buf_slice(&name), slice_of(buf_str(&value), value.n), e);
	buf_free(&name);
	buf_free(&value);
	return r;
}

int mailto_parse(struct slice uri, struct mailto *out, struct err *e)
{
	struct slice path, query;
	size_t mark;

	*out = (struct mailto){ 0 };
	if (!mailto_is(uri))
		return err_set(e, ERR_INPUT, 0, "it does not begin with \"mailto:\"");
	if (uri.n > MAILTO_MAX)
		return err_set(e, ERR_LIMIT, 0, "it is longer than %d octets", MAILTO_MAX);
	uri = slice_skip(uri, 7);
	mark = slice_find(uri, '?');
	path = slice_of(uri.p, mark);
	query = slice_skip(uri, mark < uri.n ? mark + 1 : mark);
	if (path.n > 0 && path.p[path.n - 1] == ',')
		return err_set(e, ERR_INPUT, 0, "an address is missing behind the last comma");
	if (parse_path(out, path, e) != 0)
		return -1;
	while (query.n > 0) {
		const size_t n = slice_find(query, '&');

		if (parse_field(out, slice_of(query.p, n), e) != 0)
			return -1;
		query = slice_skip(query, n < query.n ? n + 1 : n);
	}
	if (out->nto + out->ncc == 0)
		return err_set(e, ERR_INPUT, 0, "it names nobody to write to");
	return 0;
}

void mailto_free(struct mailto *m)
{
	for (size_t i = 0; i < m->nto; i++)
		address_free(&m->to[i]);
	for (size_t i = 0; i < m->ncc; i++)
		address_free(&m->cc[i]);
	for (size_t i = 0; i < m->nfields; i++) {
		free(m->fields[i].name);
		free(m->fields[i].value);
	}
	free(m->subject);
	free(m->body);
	*m = (struct mailto){ 0 };
}
