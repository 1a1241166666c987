/* RFC 5322, 3.4 and 4.4, in one pass over the value: a state for the address being read, and no stack. */
#include <stdlib.h>

#include "base/mem.h"
#include "msg/address.h"
#include "msg/encoded_word.h"

enum {
	COMMENT_DEPTH_MAX = 100, /* deeper is not meant to be read */
	SPEC_MAX = 998		 /* octets of one address */
};

enum token { TOKEN_ATOM, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_ENCODED, TOKEN_SPECIAL, TOKEN_BAD, TOKEN_END };

struct lexer {
	struct slice rest;
	enum token token;
	char special;	  /* TOKEN_SPECIAL: one of <>,;:@. */
	struct slice raw; /* the token as it stands, quotes and brackets left off */
};

static void skip(struct lexer *x, size_t n)
{
	x->rest = slice_skip(x->rest, n);
}

/* The octets of the comment at the front, 0 when it does not end. */
static size_t comment_len(struct slice s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(' && ++depth > COMMENT_DEPTH_MAX)
			return 0;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* From an opening character at the front to the one that closes; 0 when there is none. */
static size_t enclosed_len(struct slice s, char close)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == close)
			return i + 1;
	}
	return 0;
}

static size_t atom_len(struct slice s)
{
	size_t n = 0, k;

	while (n < s.n) {
		k = address_is_atext(s.p[n]) ? 1 : address_foreign_len(slice_skip(s, n));
		if (k == 0)
			break;
		n += k;
	}
	return n;
}

static void take_token(struct lexer *x, enum token token, size_t n, size_t quotes)
{
	x->token = token;
	x->raw = slice_of(x->rest.p + quotes, n - 2 * quotes);
	skip(x, n);
}

/* What does not end swallows the rest: behind an open quote nothing is clear any more. */
static void take_enclosed(struct lexer *x, enum token token, size_t n)
{
	if (n == 0)
		take_token(x, TOKEN_BAD, x->rest.n, 0);
	else
		take_token(x, token, n, 1);
}

static void lexer_next(struct lexer *x)
{
	struct encoded_word w;
	size_t n;

	for (;;) {
		char c = x->rest.n == 0 ? '\0' : x->rest.p[0];

		if (x->rest.n > 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			skip(x, 1);
		else if (c == '(' && (n = comment_len(x->rest)) > 0)
			skip(x, n);
		else
			break;
	}
	if (x->rest.n == 0) {
		x->token = TOKEN_END;
		return;
	}
	switch (x->rest.p[0]) {
	case '<':
	case '>':
	case ',':
	case ';':
	case ':':
	case '@':
	case '.':
		x->special = x->rest.p[0];
		take_token(x, TOKEN_SPECIAL, 1, 0);
		return;
	case '"':
		take_enclosed(x, TOKEN_QUOTED, enclosed_len(x->rest, '"'));
		return;
	case '[':
		take_enclosed(x, TOKEN_LITERAL, enclosed_len(x->rest, ']'));
		return;
	case '(':
		take_enclosed(x, TOKEN_BAD, 0);
		return;
	default:
		break;
	}
	/* A word as a whole, since what it hides may look like an address. */
	n = encoded_word_parse(x->rest, &w);
	if (n > 0 && slice_find(w.text, ' ') == w.text.n && slice_find(w.text, '\t') == w.text.n) {
		take_token(x, TOKEN_ENCODED, n, 0);
		return;
	}
	n = atom_len(x->rest);
	take_token(x, n > 0 ? TOKEN_ATOM : TOKEN_BAD, n > 0 ? n : 1, 0);
}

/* What was read of an addr-spec: local = word *("." word), where dots are also taken doubled or at the ends. */
struct spec {
	struct buf local, domain;
	enum { SPEC_EMPTY, SPEC_WORD, SPEC_DOT, SPEC_AT, SPEC_LABEL, SPEC_LABEL_DOT, SPEC_LITERAL } state;
	bool bad;
};

static void spec_clear(struct spec *s)
{
	buf_clear(&s->local);
	buf_clear(&s->domain);
	s->state = SPEC_EMPTY;
	s->bad = false;
}

/* RFC 5322, 3.2.4: quoted pairs give up the backslash, folds the line end. */
static bool add_quoted(struct buf *out, struct slice raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		size_t n = 1;

		if (raw.p[i] == '\r' && i + 1 < raw.n && raw.p[i + 1] == '\n')
			i++;
		if (raw.p[i] == '\n')
			continue;
		if (raw.p[i] == '\\' && i + 1 < raw.n)
			i++;
		if ((unsigned char)raw.p[i] >= 0x80)
			n = address_foreign_len(slice_skip(raw, i));
		else if (raw.p[i] < ' ' || raw.p[i] == 0x7f)
			return false;
		if (n == 0 || buf_add(out, raw.p + i, n) != 0)
			return false;
		i += n - 1;
	}
	return true;
}

static void spec_word(struct spec *s, const struct lexer *x)
{
	if (x->token == TOKEN_ATOM && (s->state == SPEC_AT || s->state == SPEC_LABEL_DOT)) {
		s->state = SPEC_LABEL;
		s->bad = s->bad || buf_add_slice(&s->domain, x->raw) != 0;
	} else if (x->token == TOKEN_LITERAL && s->state == SPEC_AT) {
		s->state = SPEC_LITERAL;
		/* With its brackets, which stand around it. */
		s->bad = s->bad || buf_add(&s->domain, x->raw.p - 1, x->raw.n + 2) != 0;
	} else if ((x->token == TOKEN_ATOM || x->token == TOKEN_QUOTED) &&
		   (s->state == SPEC_EMPTY || s->state == SPEC_DOT)) {
		s->state = SPEC_WORD;
		if (x->token == TOKEN_QUOTED)
			s->bad = s->bad || !add_quoted(&s->local, x->raw);
		else
			s->bad = s->bad || buf_add_slice(&s->local, x->raw) != 0;
	} else {
		s->bad = true; /* two words without a dot: perhaps two addresses run together */
	}
}

static void spec_dot(struct spec *s)
{
	if (s->state <= SPEC_DOT) {
		s->state = SPEC_DOT;
		s->bad = s->bad || buf_add_char(&s->local, '.') != 0;
	} else if (s->state == SPEC_LABEL) {
		s->state = SPEC_LABEL_DOT;
		s->bad = s->bad || buf_add_char(&s->domain, '.') != 0;
	} else {
		s->bad = true;
	}
}

static void spec_at(struct spec *s)
{
	if (s->state == SPEC_WORD || s->state == SPEC_DOT)
		s->state = SPEC_AT;
	else
		s->bad = true;
}

struct reader {
	struct address_list *list;
	size_t cap, bad;
	struct spec spec;
	enum { OUTSIDE, ROUTE, INSIDE, BEHIND } angle; /* where, as to angle brackets; ROUTE: in "<@a,@b:" */
};

static void element_end(struct reader *r)
{
	struct spec *s = &r->spec;
	bool something = s->state != SPEC_EMPTY || s->bad || r->angle != OUTSIDE;
	struct slice domain = buf_slice(&s->domain);

	if (something && !s->bad && (r->angle == OUTSIDE || r->angle == BEHIND) && s->state >= SPEC_LABEL &&
	    r->list->n < ADDRESS_LIST_MAX && address_check_domain(domain, true) == ADDRESS_OK) {
		if (r->list->n == r->cap) {
			r->cap = r->cap == 0 ? 4 : r->cap * 2;
			r->list->all = mem_resize(r->list->all, r->cap, sizeof *r->list->all);
		}
		if (s->state == SPEC_LABEL_DOT)
			domain.n--;
		r->list->all[r->list->n++] = (struct address){ slice_dup(buf_slice(&s->local)), slice_dup(domain) };
	} else if (something) {
		r->bad++;
	}
	spec_clear(s);
	r->angle = OUTSIDE;
}

static void read_colon(struct reader *r)
{
	struct spec *s = &r->spec;
	bool unclear = r->angle == INSIDE || r->angle == BEHIND || (r->angle == OUTSIDE && s->state >= SPEC_AT);

	/* The end of a group's name or of a route: what stood before it is of no interest. */
	if (!unclear)
		spec_clear(s);
	s->bad = s->bad || unclear;
	if (r->angle == ROUTE)
		r->angle = INSIDE;
}

static void read_special(struct reader *r, char c)
{
	struct spec *s = &r->spec;

	if (c == ';' || (c == ',' && r->angle != ROUTE)) {
		element_end(r);
	} else if (c == ':') {
		read_colon(r);
	} else if (c == '<' && r->angle == OUTSIDE) {
		spec_clear(s); /* the display name */
		r->angle = INSIDE;
	} else if (c == '>' && r->angle == INSIDE) {
		r->angle = BEHIND;
	} else if (r->angle == ROUTE) {
		s->bad = s->bad || (c != '@' && c != '.' && c != ',');
	} else if (c == '@' && r->angle == INSIDE && s->state == SPEC_EMPTY && !s->bad) {
		r->angle = ROUTE;
	} else if (c == '@' && r->angle != BEHIND) {
		spec_at(s);
	} else if (c == '.' && r->angle != BEHIND) {
		spec_dot(s);
	} else {
		s->bad = true;
	}
}

void address_list_parse(struct slice value, struct address_list *out, size_t *bad)
{
	struct lexer x = { .rest = value };
	struct reader r = { .list = out };

	*out = (struct address_list){ 0 };
	buf_init(&r.spec.local, SPEC_MAX);
	buf_init(&r.spec.domain, SPEC_MAX);
	for (lexer_next(&x); x.token != TOKEN_END; lexer_next(&x)) {
		if (x.token == TOKEN_SPECIAL)
			read_special(&r, x.special);
		else if (x.token == TOKEN_BAD || x.token == TOKEN_ENCODED || r.angle == BEHIND)
			r.spec.bad = true;
		else if (r.angle != ROUTE)
			spec_word(&r.spec, &x);
	}
	element_end(&r);
	buf_free(&r.spec.local);
	buf_free(&r.spec.domain);
	if (bad != NULL)
		*bad = r.bad;
}

void address_list_free(struct address_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		address_free(&l->all[i]);
	free(l->all);
	*l = (struct address_list){ 0 };
}
