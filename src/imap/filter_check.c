#include "imap/filter_check.h"

#include <string.h>

static struct slice word(struct slice *s)
{
	size_t n = slice_find(*s, ' ');
	struct slice w = slice_of(s->p, n);

	if (n < s->n)
		n++;
	s->p += n;
	s->n -= n;
	return w;
}

static const struct {
	struct slice name;
	enum filter_kind kind;
} kinds[] = {
	{ { "OK", 2 }, FILTER_STATE },	    { { "NO", 2 }, FILTER_STATE },
	{ { "BAD", 3 }, FILTER_STATE },	    { { "PREAUTH", 7 }, FILTER_PREAUTH },
	{ { "BYE", 3 }, FILTER_BYE },	    { { "CAPABILITY", 10 }, FILTER_PLAIN },
	{ { "SEARCH", 6 }, FILTER_PLAIN },  { { "NAMESPACE", 9 }, FILTER_NAMES },
	{ { "LIST", 4 }, FILTER_NAMES },    { { "STATUS", 6 }, FILTER_NAMES },
	{ { "ENABLED", 7 }, FILTER_NAMES }, { { "METADATA", 8 }, FILTER_NAMES },
};

enum filter_kind filter_check_kind(struct slice line, struct slice *text)
{
	struct slice w;
	uint64_t n;

	*text = line;
	if (!slice_eq(word(text), SLICE_LIT("*")))
		return FILTER_UNKNOWN;
	w = word(text);
	if (slice_number(w, UINT32_MAX, &n) == 0)
		return slice_eq_nocase(word(text), SLICE_LIT("FETCH")) ? FILTER_LITERALS : FILTER_UNKNOWN;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!slice_eq_nocase(w, kinds[i].name))
			continue;
		/* An empty list is legal nowhere but in SEARCH. */
		if (kinds[i].kind == FILTER_PLAIN && text->n == 0 && !slice_eq_nocase(w, SLICE_LIT("SEARCH")))
			return FILTER_UNKNOWN;
		return kinds[i].kind;
	}
	return FILTER_UNKNOWN;
}

int filter_check_tagged(struct slice line, uint32_t *tag, enum imap_status *status, struct slice *text)
{
	static const struct slice names[] = { { "OK", 2 }, { "NO", 2 }, { "BAD", 3 } };
	uint64_t n;
	struct slice w;

	*text = line;
	if (slice_number(word(text), INT32_MAX, &n) != 0)
		return -1;
	*tag = (uint32_t)n;
	w = word(text);
	for (int i = IMAP_OK; i <= IMAP_BAD; i++) {
		if (slice_eq_nocase(w, names[i])) {
			*status = (enum imap_status)i;
			return 0;
		}
	}
	return -1;
}

bool filter_check_literal(struct slice line, uint64_t *size)
{
	size_t end = line.n, at;

	if (end < 3 || line.p[end - 1] != '}')
		return false;
	end--;
	if (line.p[end - 1] == '+')
		end--;
	for (at = end; at > 0 && ascii_is_digit(line.p[at - 1]); at--)
		;
	if (at == end || at == 0 || line.p[at - 1] != '{')
		return false;
	if (slice_number(slice_of(line.p + at, end - at), UINT64_MAX, size) != 0)
		*size = UINT64_MAX;
	return true;
}

/* Behind NAME and a blank stands a number: is it one that 32 bits hold? */
static bool number_fits(struct slice line, struct slice name)
{
	for (size_t i = 0; i + name.n < line.n; i++) {
		struct slice at = slice_of(line.p + i, line.n - i);
		size_t n = 0;
		uint64_t v;

		if (!slice_starts_nocase(at, name))
			continue;
		at.p += name.n;
		at.n -= name.n;
		while (n < at.n && ascii_is_digit(at.p[n]))
			n++;
		if (n > 0 && slice_number(slice_of(at.p, n), UINT32_MAX, &v) != 0)
			return false;
	}
	return true;
}

static size_t atom_length(struct slice s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] > ' ' && s.p[i] < 0x7f && memchr("(){%*\"\\]", s.p[i], 9) == NULL)
		i++;
	return i;
}

struct slice filter_check_code(struct slice text)
{
	static const struct slice names[] = { { "[CAPABILITY", 11 }, { "[UIDVALIDITY", 12 }, { "[UIDNEXT", 8 } };

	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		struct slice at = text;
		size_t words = 0, n;
		uint64_t v;

		if (!slice_starts_nocase(text, names[k]))
			continue;
		at.p += names[k].n;
		at.n -= names[k].n;
		while (at.n > 0 && at.p[0] == ' ') {
			n = atom_length(slice_of(at.p + 1, at.n - 1));
			if (n == 0 || (k > 0 && slice_number(slice_of(at.p + 1, n), UINT32_MAX, &v) != 0))
				return SLICE_NONE;
			at.p += n + 1;
			at.n -= n + 1;
			words++;
		}
		if (words == 0 || (k > 0 && words > 1) || at.n == 0 || at.p[0] != ']')
			return SLICE_NONE;
		return slice_of(text.p, text.n - at.n + 1);
	}
	return SLICE_NONE;
}

/* One flag (RFC 9051, 9: flag-perm): "\\*", "\\atom" or an atom. How many bytes, or 0. */
static size_t flag_length(struct slice s)
{
	size_t i = s.n > 0 && s.p[0] == '\\' ? 1 : 0, start = i;

	if (i == 1 && s.n > 1 && s.p[1] == '*')
		return 2;
	i += atom_length(slice_of(s.p + i, s.n - i));
	return i > start ? i : 0;
}

/* "[PERMANENTFLAGS (…)]": libetpan dies of a list that is not what it should be. */
static bool permanentflags_fit(struct slice line)
{
	static const struct slice name = { "[PERMANENTFLAGS", 15 };

	for (size_t i = 0; i + name.n <= line.n; i++) {
		struct slice at = slice_of(line.p + i, line.n - i);
		bool first = true;

		if (!slice_starts_nocase(at, name))
			continue;
		at.p += name.n;
		at.n -= name.n;
		if (at.n < 4 || memcmp(at.p, " (", 2) != 0)
			return false;
		at.p += 2;
		at.n -= 2;
		while (at.n > 0 && at.p[0] != ')') {
			size_t gap = first ? 0 : 1, n;

			if (gap == 1 && at.p[0] != ' ')
				return false;
			n = flag_length(slice_of(at.p + gap, at.n - gap));
			if (n == 0)
				return false;
			at.p += gap + n;
			at.n -= gap + n;
			first = false;
		}
		if (at.n < 2 || at.p[1] != ']')
			return false;
	}
	return true;
}

int filter_check_line(struct slice line, struct err *e)
{
	static const struct slice numbers[] = {
		{ "UIDNEXT ", 8 }, { "UIDVALIDITY ", 12 }, { "UID ", 4 }, { "APPENDUID ", 10 }, { "UNSEEN ", 7 }
	};
	unsigned depth = 0, deepest = 0;
	bool quoted = false;
	struct slice text;
	enum filter_kind kind;

	kind = filter_check_kind(line, &text);
	if (kind == FILTER_NAMES)
		return 0;
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (c == '\\' && quoted)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '(' && !quoted && ++depth > deepest)
			deepest = depth;
		else if (c == ')' && !quoted && depth > 0)
			depth--;
	}
	if (deepest > FILTER_DEPTH_MAX)
		return err_set(e, ERR_PROTOCOL, 0, "the server sent lists nested %u deep", deepest);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (!number_fits(line, numbers[i]))
			return err_set(e, ERR_PROTOCOL, 0, "the server sent a number beyond 32 bits");
	}
	if (!permanentflags_fit(line))
		return err_set(e, ERR_PROTOCOL, 0, "the server sent broken PERMANENTFLAGS");
	if (kind == FILTER_LITERALS && line.p[2] >= '0' && line.p[2] <= '9') {
		for (size_t i = 0; i < text.n; i++) {
			struct slice at = slice_of(text.p + i, text.n - i);

			if (slice_starts_nocase(at, SLICE_LIT("ENVELOPE ")) ||
			    slice_starts_nocase(at, SLICE_LIT("BODYSTRUCTURE ")) ||
			    slice_starts_nocase(at, SLICE_LIT("BODY (")))
				return err_set(e, ERR_PROTOCOL, 0,
					       "the server sent a structure that was not asked for");
		}
	}
	return 0;
}
