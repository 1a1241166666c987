#include "imap/fetch_response.h"

#include "msg/date.h"
#include "msg/flag.h"

enum place { AT_ITEM, AT_VALUE, INSIDE_LIST, BEHIND_VALUE };
enum item { ITEM_OTHER, ITEM_UID, ITEM_FLAGS, ITEM_DATE, ITEM_SIZE, ITEM_BODY };

enum { NAME_MAX_OCTETS = 200, DATE_OCTETS = 40 };

void fetch_reader_init(struct fetch_reader *r, const struct fetch_events *events)
{
	*r = (struct fetch_reader){ .events = *events };
	buf_init(&r->now.flags, FETCH_FLAGS_MAX);
}

void fetch_reader_free(struct fetch_reader *r)
{
	buf_free(&r->now.flags);
}

static int broken(const struct fetch_reader *r, const char *what, struct err *e)
{
	if (r->now.uid != 0)
		return err_set(e, ERR_PROTOCOL, 0, "the server sent a FETCH response for the message with UID %lu that %s",
			       (unsigned long)r->now.uid, what);
	return err_set(e, ERR_PROTOCOL, 0, "the server sent a FETCH response that %s", what);
}

/* ---- tokens ---- */

/* Up to a blank or parenthesis. */
static struct slice take_word(struct slice *s)
{
	struct slice w = slice_of(s->p, 0);

	while (w.n < s->n && s->p[w.n] != ' ' && s->p[w.n] != '(' && s->p[w.n] != ')')
		w.n++;
	*s = slice_skip(*s, w.n);
	return w;
}

/* The name of an item: "BODY[HEADER.FIELDS (TO)]<0>" is one. */
static struct slice take_name(struct slice *s)
{
	struct slice w = slice_of(s->p, 0);
	bool bracket = false;

	while (w.n < s->n) {
		char c = s->p[w.n];

		if (!bracket && (c == ' ' || c == '(' || c == ')'))
			break;
		bracket = c == '[' || (bracket && c != ']');
		w.n++;
	}
	*s = slice_skip(*s, w.n);
	return w;
}

/* Behind the opening quote: how many octets stand before the closing one; s.n: there is none. */
static size_t quoted_length(struct slice s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.n ? i : s.n;
}

/* ---- values ---- */

static enum item item_of(const struct fetch_reader *r, struct slice name)
{
	if (r->section != NULL && slice_eq_nocase(name, slice_str(r->section)))
		return ITEM_BODY;
	if (slice_eq_nocase(name, SLICE_LIT("UID")))
		return ITEM_UID;
	if (slice_eq_nocase(name, SLICE_LIT("FLAGS")))
		return ITEM_FLAGS;
	if (slice_eq_nocase(name, SLICE_LIT("INTERNALDATE")))
		return ITEM_DATE;
	if (slice_eq_nocase(name, SLICE_LIT("RFC822.SIZE")))
		return ITEM_SIZE;
	return ITEM_OTHER;
}

static int take_flags(struct fetch_reader *r, struct slice *s, struct err *e)
{
	struct buf *out = &r->now.flags;

	if (!slice_take(s, '('))
		return broken(r, "has no list of flags", e);
	buf_clear(out);
	while (!slice_take(s, ')')) {
		struct slice flag = take_word(s);
		size_t before = out->n;

		if (flag.n == 0 && !slice_take(s, ' '))
			return broken(r, "has a broken list of flags", e);
		if (flag_system(flag).n == 0 && !flag_is_keyword(flag))
			continue;
		if ((before > 0 && buf_add_char(out, ' ') != 0) || buf_add_slice(out, flag) != 0) {
			out->failed = false;
			buf_truncate(out, before);
		}
	}
	r->now.has_flags = true;
	return 0;
}

/* "17-Jul-1996 02:44:25 -0700"; what can't be read is as good as not told. */
static void note_date(struct fetch_reader *r, struct slice text)
{
	int64_t t = text.n <= DATE_OCTETS ? (int64_t)date_parse(text) : -1;

	r->now.has_date = true;
	r->now.internal_ms = t > 0 ? t * 1000 : 0;
}

static int give_string(struct fetch_reader *r, struct slice s, struct err *e)
{
	size_t octets = 0;

	for (size_t i = 0; i < s.n; i++, octets++)
		i += s.p[i] == '\\';
	if (r->events.begin(r->events.arg, &r->now, octets, e) != 0)
		return -1;
	while (s.n > 0) {
		size_t n;

		if (s.p[0] == '\\')
			s = slice_skip(s, 1);
		/* The octet that was quoted, and up to the next such one. */
		for (n = s.n > 0; n < s.n && s.p[n] != '\\'; n++)
			;
		if (n > 0 && r->events.piece(r->events.arg, slice_of(s.p, n), e) != 0)
			return -1;
		s = slice_skip(s, n);
	}
	r->now.whole = true;
	return 0;
}

static bool is_new_body(const struct fetch_reader *r)
{
	return r->item == ITEM_BODY && !r->now.whole && !r->now.nil;
}

static int take_quoted(struct fetch_reader *r, struct slice *s, struct err *e)
{
	size_t n = quoted_length(*s);
	struct slice text = slice_of(s->p, n);

	if (n == s->n)
		return broken(r, "has a string without an end", e);
	*s = slice_skip(*s, n + 1);
	if (r->item == ITEM_DATE)
		note_date(r, text);
	return is_new_body(r) ? give_string(r, text, e) : 0;
}

static int take_atom(struct fetch_reader *r, struct slice *s, struct err *e)
{
	struct slice w = take_word(s);
	uint64_t n;

	if (w.n == 0)
		return broken(r, "has an item without a value", e);
	switch (r->item) {
	case ITEM_UID:
		if (slice_number(w, UINT32_MAX, &n) != 0 || n == 0)
			return err_set(e, ERR_PROTOCOL, 0, "the server tells a UID that is none: %.*s",
				       (int)(w.n < 40 ? w.n : 40), w.p);
		if (r->now.uid != 0 && r->now.uid != n)
			return broken(r, "tells two UIDs", e);
		r->now.uid = (uint32_t)n;
		return 0;
	case ITEM_SIZE:
		if (slice_number(w, INT64_MAX, &n) != 0)
			return broken(r, "tells a size that is no number", e);
		r->now.has_size = true;
		r->now.size = n;
		return 0;
	case ITEM_BODY:
		if (!slice_eq_nocase(w, SLICE_LIT("NIL")))
			return broken(r, "has a body that is no string", e);
		r->now.nil = r->now.nil || !r->now.whole;
		return 0;
	default:
		return 0;
	}
}

/* Over what stands in the parentheses that are open. 1: they are closed; 0: the line ends before that. */
static int skip_list(struct fetch_reader *r, struct slice *s, struct err *e)
{
	while (s->n > 0) {
		char c = s->p[0];
		size_t n;

		*s = slice_skip(*s, 1);
		if (c == '(' && ++r->depth > FETCH_DEPTH_MAX)
			return broken(r, "is nested too deep", e);
		if (c == ')' && --r->depth == 0)
			return 1;
		if (c == '"') {
			n = quoted_length(*s);
			if (n == s->n)
				return broken(r, "has a string without an end", e);
			*s = slice_skip(*s, n + 1);
		}
	}
	return 0;
}

/* ---- one line ---- */

static int finish(struct fetch_reader *r, struct slice rest, bool literal, struct err *e)
{
	if (rest.n > 0 || literal)
		return broken(r, "does not end where it should", e);
	r->inside = false;
	return r->events.done(r->events.arg, &r->now, e);
}

static int take_value(struct fetch_reader *r, struct slice *s, bool literal, uint64_t size, struct err *e)
{
	r->at = BEHIND_VALUE;
	/* "{5}" or "~{5}": only at the end of the line, as the filter saw. */
	if (literal && slice_find(*s, ' ') == s->n && (s->p[0] == '{' || s->p[0] == '~')) {
		*s = SLICE_NONE;
		r->body = is_new_body(r);
		return r->body ? r->events.begin(r->events.arg, &r->now, size, e) : 0;
	}
	if (r->item == ITEM_FLAGS)
		return take_flags(r, s, e);
	if (slice_take(s, '"'))
		return take_quoted(r, s, e);
	if (slice_take(s, '(')) {
		r->depth = 1;
		r->at = INSIDE_LIST;
		return 0;
	}
	return take_atom(r, s, e);
}

static int go_on(struct fetch_reader *r, struct slice s, bool literal, uint64_t size, struct err *e)
{
	bool announced = false;
	int ret = 0;

	for (;;) {
		switch ((enum place)r->at) {
		case AT_ITEM:
			while (slice_take(&s, ' '))
				;
			if (slice_take(&s, ')'))
				return finish(r, s, literal, e);
			r->item = (int)item_of(r, take_name(&s));
			if (!slice_take(&s, ' ') || s.n == 0)
				return broken(r, "has an item without a value", e);
			r->at = AT_VALUE;
			break;
		case AT_VALUE:
			announced = literal;
			if (take_value(r, &s, literal, size, e) != 0)
				return -1;
			announced = announced && s.n == 0 && r->at == BEHIND_VALUE;
			break;
		case INSIDE_LIST:
			ret = skip_list(r, &s, e);
			if (ret < 0)
				return -1;
			if (ret == 0)
				return literal ? 0 : broken(r, "has a list without an end", e);
			r->at = BEHIND_VALUE;
			break;
		case BEHIND_VALUE:
			if (announced)
				return 0;
			if (slice_take(&s, ')'))
				return finish(r, s, literal, e);
			if (!slice_take(&s, ' '))
				return broken(r, "is not as long as it says, or broken", e);
			r->at = AT_ITEM;
			break;
		}
	}
}

/* "* 12 FETCH (": S is put behind it. */
static bool is_fetch(struct slice *s)
{
	uint64_t n;

	if (!slice_take(s, '*') || !slice_take(s, ' ') || slice_number(take_word(s), UINT32_MAX, &n) != 0 || !slice_take(s, ' ') ||
	    !slice_eq_nocase(take_word(s), SLICE_LIT("FETCH")) || !slice_take(s, ' '))
		return false;
	return slice_take(s, '(');
}

int fetch_reader_line(struct fetch_reader *r, struct slice line, bool more, bool literal, uint64_t size, struct err *e)
{
	struct buf flags = r->now.flags;

	if (!more) {
		r->inside = false;
		if (!is_fetch(&line))
			return 0;
		buf_clear(&flags);
		r->now = (struct fetch_response){ .flags = flags };
		r->inside = true;
		r->body = false;
		r->at = AT_ITEM;
	} else if (!r->inside) {
		return 0;
	} else if (r->body) {
		r->body = false;
		r->now.whole = true;
	}
	return go_on(r, line, literal, size, e) == 0 ? 1 : -1;
}

int fetch_reader_octets(struct fetch_reader *r, struct slice bytes, struct err *e)
{
	if (!r->inside)
		return 0;
	if (r->body && r->events.piece(r->events.arg, bytes, e) != 0)
		return -1;
	return 1;
}
