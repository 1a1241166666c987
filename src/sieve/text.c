#include "sieve/text.h"

#include "sieve/encoded.h"
#include "sieve/registry.h"
#include "sieve/run.h"
#include "sieve/variables.h"

static bool is_name_start(char c)
{
	return ascii_is_alpha(c) || c == '_';
}

/* The octets of a name or number at the front of S; 0 when there is none. */
static size_t name_length(struct slice s)
{
	size_t n = 0;

	if (s.n == 0 || (!is_name_start(s.p[0]) && !ascii_is_digit(s.p[0])))
		return 0;
	if (ascii_is_digit(s.p[0])) {
		while (n < s.n && ascii_is_digit(s.p[n]))
			n++;
		return n;
	}
	while (n < s.n && (is_name_start(s.p[n]) || ascii_is_digit(s.p[n])))
		n++;
	return n;
}

/* "${name}" or "${space.name}" at the front of S: its length, and *NAME within the braces; 0 when it is none. */
static size_t reference_length(struct slice s, struct slice *name)
{
	size_t at = 2, n;

	if (s.n < 4 || s.p[0] != '$' || s.p[1] != '{')
		return 0;
	for (;;) {
		n = name_length(slice_of(s.p + at, s.n - at));
		/* A namespace begins with an identifier. */
		if (n == 0 || at + n >= s.n || (at == 2 && s.p[at + n] == '.' && ascii_is_digit(s.p[2])))
			return 0;
		at += n;
		if (s.p[at] == '}')
			break;
		if (s.p[at++] != '.')
			return 0;
	}
	*name = slice_of(s.p + 2, at - 2);
	return at + 1;
}

static int match_index(struct compiler *c, struct slice name, struct pos at, size_t *index)
{
	*index = 0;
	for (size_t i = 0; i < name.n; i++) {
		*index = *index * 10 + (size_t)(name.p[i] - '0');
		if (*index >= MATCH_VALUES_MAX) {
			compile_error(c, at, "there is no match variable %s: the last is ${%d}", diag_word(name),
				      MATCH_VALUES_MAX - 1);
			return -1;
		}
	}
	return 0;
}

static int space_piece(struct compiler *c, struct slice name, size_t dot, struct pos at, struct text_piece *p)
{
	struct slice space = slice_of(name.p, dot);
	int ext;

	p->kind = TEXT_SPACE;
	p->text = slice_of(name.p + dot + 1, name.n - dot - 1);
	p->space = registry_namespace(space, &ext);
	if (p->space == NULL) {
		compile_unknown(c, at, "unknown namespace %s of a variable", diag_word(space));
		return -1;
	}
	if (p->space->valid != NULL && !p->space->valid(p->text)) {
		compile_error(c, at, "there can be no variable %s", diag_word(name));
		return -1;
	}
	if (!compile_may(c, ext))
		bind_missing_require(c, at, diag_word(space), ext);
	return 0;
}

static int piece(struct compiler *c, struct slice name, struct pos at, struct text_piece *p)
{
	size_t dot = slice_find(name, '.');

	*p = (struct text_piece){ .kind = TEXT_VARIABLE };
	if (dot < name.n)
		return space_piece(c, name, dot, at, p);
	if (ascii_is_digit(name.p[0])) {
		p->kind = TEXT_MATCH;
		return match_index(c, name, at, &p->index);
	}
	return variable_declare(c, name, at, &p->index);
}

static size_t count_references(struct slice s)
{
	size_t count = 0, n;
	struct slice name;

	while (s.n > 0) {
		n = reference_length(s, &name);
		count += n > 0;
		n = n > 0 ? n : 1;
		s = slice_of(s.p + n, s.n - n);
	}
	return count;
}

static int compile_references(struct compiler *c, struct slice s, size_t count, struct pos at, const struct text **out)
{
	struct text *text = compile_alloc(c, 1, sizeof *text);
	struct text_piece *pieces = compile_alloc(c, 2 * count + 1, sizeof *pieces);
	size_t from = 0, i = 0, n;
	struct slice name;

	if (text == NULL || pieces == NULL)
		return -1;
	text->pieces = pieces;
	while (i < s.n) {
		n = reference_length(slice_of(s.p + i, s.n - i), &name);
		if (n == 0) {
			i++;
			continue;
		}
		if (i > from)
			pieces[text->n++] = (struct text_piece){ TEXT_LITERAL, slice_of(s.p + from, i - from), 0, NULL };
		if (piece(c, name, at, &pieces[text->n++]) != 0)
			return -1;
		i += n;
		from = i;
	}
	if (i > from)
		pieces[text->n++] = (struct text_piece){ TEXT_LITERAL, slice_of(s.p + from, i - from), 0, NULL };
	*out = text;
	return 0;
}

int text_compile(struct compiler *c, struct slice *s, struct pos at, const struct text **text)
{
	size_t count;

	*text = NULL;
	if (compile_requires(c, "encoded-character") && encoded_decode(c, s, at) != 0)
		return -1;
	if (!compile_requires(c, "variables"))
		return 0;
	count = count_references(*s);
	if (count > 0)
		compile_uses(c, "variables");
	return count > 0 ? compile_references(c, *s, count, at, text) : 0;
}

static int piece_value(struct run *r, const struct text_piece *p, struct slice *out)
{
	switch (p->kind) {
	case TEXT_LITERAL:
		*out = p->text;
		return 0;
	case TEXT_VARIABLE:
		*out = variable_value(r, p->index);
		return 0;
	case TEXT_MATCH:
		*out = match_variable(r, p->index);
		return 0;
	case TEXT_SPACE:
		*out = SLICE_LIT("");
		return p->space->get(r, p->text, out);
	}
	return -1;
}

int text_expand(struct run *r, const struct text *text, struct slice *out)
{
	enum { CHARGE = 64 };
	struct buf b;
	int ret = 0;

	buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < text->n && ret == 0; i++) {
		struct slice value = SLICE_NONE;

		ret = piece_value(r, &text->pieces[i], &value);
		/* What is too long is cut, and no error (RFC 5229, 6). */
		if (ret == 0)
			(void)buf_add_slice(&b, text_front(value, TEXT_MAX - b.n));
	}
	if (ret == 0)
		ret = run_charge(r, text->n + b.n / CHARGE);
	if (ret == 0)
		ret = maker_copy(&(struct maker){ .r = r }, buf_slice(&b), out);
	buf_free(&b);
	return ret;
}

struct slice text_front(struct slice s, size_t n)
{
	if (s.n <= n)
		return s;
	/* Back over continuation octets, at most the three that a character has. */
	for (size_t back = 0; back < 3 && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80; back++)
		n--;
	return slice_of(s.p, n);
}
