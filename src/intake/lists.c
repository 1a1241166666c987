#include "intake/lists.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct list {
	char *name;
	char *text; /* the lines, in lower case */
	struct slice *lines; /* sorted */
	size_t n;
};

struct lists {
	struct list *all;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int by = n > 0 ? memcmp(x->p, y->p, n) : 0;

	return by != 0 ? by : (x->n > y->n) - (x->n < y->n);
}

static void lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = ascii_lower(p[i]);
}

static void take_lines(struct list *l, size_t len)
{
	struct slice rest = slice_of(l->text, len);
	size_t cap = 0;

	while (rest.n > 0) {
		size_t end = slice_find(rest, '\n');
		struct slice line = slice_trim(slice_of(rest.p, end));

		rest = slice_skip(rest, end < rest.n ? end + 1 : end);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (l->n == cap) {
			cap = cap == 0 ? 64 : cap * 2;
			l->lines = mem_resize(l->lines, cap, sizeof *l->lines);
		}
		l->lines[l->n++] = line;
	}
	if (l->n > 0)
		qsort(l->lines, l->n, sizeof *l->lines, compare);
}

void lists_add(struct lists **lists, const char *name, struct slice text)
{
	struct lists *all = *lists != NULL ? *lists : mem_alloc(sizeof *all);
	struct list *l;

	*lists = all;
	all->all = mem_resize(all->all, all->n + 1, sizeof *all->all);
	l = &all->all[all->n++];
	*l = (struct list){ .name = mem_strdup(name), .text = slice_dup(text) };
	lower(l->text, text.n);
	take_lines(l, text.n);
}

void lists_free(struct lists **lists)
{
	if (*lists == NULL)
		return;
	for (size_t i = 0; i < (*lists)->n; i++) {
		free((*lists)->all[i].name);
		free((*lists)->all[i].text);
		free((*lists)->all[i].lines);
	}
	free((*lists)->all);
	free(*lists);
	*lists = NULL;
}

/* ":addrbook:default" is short for "urn:ietf:params:sieve:addrbook:default" (RFC 6134, 2.5). */
static struct slice short_name(struct slice name)
{
	static const struct slice urn = SLICE_LIT("urn:ietf:params:sieve");

	return slice_starts_nocase(name, urn) && name.n > urn.n && name.p[urn.n] == ':' ? slice_skip(name, urn.n) : name;
}

/* The next octet of *REST, a name as RFC 3986 encodes it. */
static char next_octet(struct slice *rest)
{
	char c = rest->p[0];
	size_t used = 1;

	if (c == '%' && rest->n >= 3 && ascii_hex(rest->p[1]) >= 0 && ascii_hex(rest->p[2]) >= 0) {
		c = (char)(ascii_hex(rest->p[1]) * 16 + ascii_hex(rest->p[2]));
		used = 3;
	}
	*rest = slice_skip(*rest, used);
	return c;
}

/* A and B are the same text once decoded; SAME_CASE: in that. */
static bool same_decoded(struct slice a, struct slice b, bool same_case)
{
	while (a.n > 0 && b.n > 0) {
		const char x = next_octet(&a), y = next_octet(&b);

		if (x != y && (same_case || ascii_lower(x) != ascii_lower(y)))
			return false;
	}
	return a.n == 0 && b.n == 0;
}

/* 2.5: "default" in whatever case and encoding; of other address books case counts, decoded; other names are as they
 * are written. */
static bool same_name(struct slice a, struct slice b)
{
	static const struct slice book = SLICE_LIT(":addrbook:"), usual = SLICE_LIT("default");

	a = short_name(a);
	b = short_name(b);
	if (!slice_starts_nocase(a, book) || !slice_starts_nocase(b, book))
		return slice_eq(a, b);
	a = slice_skip(a, book.n);
	b = slice_skip(b, book.n);
	return same_decoded(a, b, true) || (same_decoded(a, usual, false) && same_decoded(b, usual, false));
}

/* The user's own address book there is always (2.5): where nobody keeps one, nothing is in it. */
static const struct list *find(const struct lists *lists, struct slice name)
{
	static const struct list nothing = { .n = 0 };

	for (size_t i = 0; lists != NULL && i < lists->n; i++)
		if (same_name(slice_str(lists->all[i].name), name))
			return &lists->all[i];
	return same_name(name, SLICE_LIT(":addrbook:default")) ? &nothing : NULL;
}

static bool has_line(const struct list *l, struct slice line)
{
	return l->n > 0 && bsearch(&line, l->lines, l->n, sizeof *l->lines, compare) != NULL;
}

bool lists_has(const struct lists *lists, struct slice name, struct slice value)
{
	enum { VALUE_MAX = 1000 };
	const struct list *l = find(lists, name);
	char text[VALUE_MAX + 1];
	size_t at;
	bool has;

	if (l == NULL || value.p == NULL || value.n > VALUE_MAX)
		return l != NULL && value.p == NULL;
	/* With an "@" in front of it, for a domain. */
	text[0] = '@';
	if (value.n > 0)
		memcpy(text + 1, value.p, value.n);
	lower(text + 1, value.n);
	has = has_line(l, slice_of(text + 1, value.n));
	for (at = value.n; at > 0 && text[at] != '@'; at--)
		;
	return has || (value.n > 0 && has_line(l, slice_of(text + at, value.n + 1 - at)));
}

bool lists_member(const struct lists *lists, struct slice name, size_t i, struct slice *member)
{
	const struct list *l = find(lists, name);

	if (l == NULL || i >= l->n)
		return false;
	*member = l->lines[i];
	return true;
}
