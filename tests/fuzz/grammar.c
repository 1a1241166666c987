#include "grammar_impl.h"

#include <string.h>

enum { DEPTH_MAX = 5, TAGS_MAX = 4, SCRIPT_MAX = 64 * 1024 };

/* ---- statements ---- */
static unsigned count_extensions(void)
{
	unsigned n = 0;

	while (sieve_extensions[n] != NULL)
		n++;
	return n;
}

/* One of all extensions; what a file of tests brings counts as any other. */
static const struct sieve_command *choose_command(struct grammar *g, bool test)
{
	unsigned n = count_extensions();
	int base;

	/* Most extensions are only looked at in a test. */
	if (!test && g->depth < DEPTH_MAX && grammar_dice(g, 2) == 0)
		return registry_command(SLICE_LIT("if"), false, &base);
	for (;;) {
		unsigned ext = grammar_dice(g, n), commands = 0;
		const struct sieve_command *c = sieve_extensions[ext]->commands;

		while (c != NULL && c[commands].name != NULL)
			commands++;
		if (commands == 0)
			continue;
		c += grammar_dice(g, commands);
		if ((c->kind == SIEVE_TEST) != test || c->prologue || c->continues ||
		    (c->tests != TESTS_NONE && g->depth >= DEPTH_MAX) || (c->block && g->depth >= DEPTH_MAX) ||
		    (c->ends && grammar_dice(g, g->loops > 0 ? 2 : 8) != 0))
			continue;
		/* These have no place outside of a loop. */
		if (g->loops == 0 && (strcmp(c->name, "break") == 0 || strcmp(c->name, "extracttext") == 0))
			continue;
		g->used |= (uint64_t)1 << ext;
		return c;
	}
}

static bool stands_on(const char *const *on, const char *name)
{
	while (*on != NULL && strcmp(*on, name) != 0)
		on++;
	return *on != NULL;
}

/* Tags that say nothing without another, where a command takes that. */
static const struct {
	const char *tag, *needs;
} together[] = {
	{ "create", "fcc" },
	{ "flags", "fcc" },
	{ "specialuse", "fcc" },
	{ "mailboxid", "fcc" },
	{ "last", "index" },
	{ "anychild", "mime" },
	{ "type", "mime" },
	{ "subtype", "mime" },
	{ "contenttype", "mime" },
	{ "param", "mime" },
	{ "bymode", "bytimerelative" },
	{ "bytrace", "bytimerelative" },
};

/* The tags of a command. */
struct tags {
	const struct sieve_command *on;
	const struct sieve_tag *all[2 * TAGS_MAX];
	unsigned n;
};

static bool excludes(const struct sieve_tag *a, const struct sieve_tag *b)
{
	return a == b || (a->group != NULL && b->group != NULL && strcmp(a->group, b->group) == 0);
}

/* Tag and value of extension EXT, unless another of its group, or it itself, was written. */
static void put_tag(struct grammar *g, struct tags *tags, const struct sieve_tag *tag, unsigned ext)
{
	for (unsigned i = 0; i < tags->n; i++)
		if (excludes(tags->all[i], tag))
			return;
	if (tags->n == sizeof tags->all / sizeof tags->all[0])
		return;
	tags->all[tags->n++] = tag;
	g->used |= (uint64_t)1 << ext;
	grammar_put(g, " :");
	grammar_put(g, tag->name);
	if (tag->value != VALUE_NONE) {
		grammar_put(g, " ");
		grammar_value(g, tag->value, tag->value_name != NULL ? tag->value_name : "");
	}
}

/* The tag NAME, where the command takes it. */
static void put_named(struct grammar *g, struct tags *tags, const char *name)
{
	for (unsigned ext = 0; sieve_extensions[ext] != NULL; ext++) {
		const struct sieve_tag *t = sieve_extensions[ext]->tags;

		for (; t != NULL && t->name != NULL; t++)
			if (strcmp(t->name, name) == 0 && stands_on(t->on, tags->on->name))
				put_tag(g, tags, t, ext);
	}
}

static void put_tags(struct grammar *g, const struct sieve_command *c)
{
	struct tags tags = { .on = c };
	unsigned chosen, all = count_extensions(), from = grammar_dice(g, all);

	for (unsigned i = 0; i < all; i++) {
		unsigned ext = (from + i) % all;
		const struct sieve_tag *t = sieve_extensions[ext]->tags;

		for (; t != NULL && t->name != NULL && tags.n < TAGS_MAX; t++)
			if (stands_on(t->on, c->name) && grammar_dice(g, 4) == 0)
				put_tag(g, &tags, t, ext);
	}
	chosen = tags.n;
	for (unsigned i = 0; i < chosen * (sizeof together / sizeof together[0]); i++)
		if (strcmp(tags.all[i % chosen]->name, together[i / chosen].tag) == 0)
			put_named(g, &tags, together[i / chosen].needs);
	if (tags.n == 0 && strcmp(c->name, "size") == 0)
		put_named(g, &tags, "over");
	if (tags.n == 0 && strcmp(c->name, "test_message") == 0)
		put_named(g, &tags, "smtp");
}

static void put_match(struct grammar *g)
{
	static const struct {
		const char *tag, *extension;
	} all[] = { { ":is", NULL },	    { ":contains", NULL },	{ ":matches", NULL },
		    { ":regex", "regex" },  { ":count", "relational" }, { ":value", "relational" },
		    { ":list", "extlists" } };
	static const char *const comparators[] = { "i;octet", "i;ascii-casemap", "i;ascii-numeric",
						   "i;unicode-casemap" };
	unsigned i = grammar_dice(g, sizeof all / sizeof all[0]), k = grammar_dice(g, 2);

	grammar_put(g, " ");
	grammar_put(g, all[i].tag);
	if (all[i].extension != NULL)
		g->used |= (uint64_t)1 << registry_capability(slice_str(all[i].extension));
	if (i == 4 || i == 5) {
		grammar_put(g, " ");
		grammar_value(g, VALUE_STRING, "relation");
		k = grammar_dice(g, 4);
	} else if (i <= 2) {
		k += grammar_dice(g, 2) * 2;
	}
	if (i == 6 || ((i == 1 || i == 2) && k == 2) || grammar_dice(g, 3) == 0)
		return;
	grammar_put(g, " :comparator \"");
	grammar_put(g, comparators[k]);
	grammar_put(g, "\"");
	if (k >= 2)
		g->used |= (uint64_t)1 << registry_capability(k == 2 ? SLICE_LIT("comparator-i;ascii-numeric")
								     : SLICE_LIT("comparator-i;unicode-casemap"));
}

/* What the argument P of C is, for find_pool. */
static const char *name_of(const struct sieve_command *c, const struct sieve_param *p)
{
	if (strcmp(p->name, "the keys") == 0 || strcmp(p->name, "the value patterns") == 0)
		return "";
	return c->addresses && strcmp(p->name, "the header names") == 0 ? "who" : p->name;
}

static void put_params(struct grammar *g, const struct sieve_command *c)
{
	for (const struct sieve_param *p = c->params; p != NULL && p->name != NULL; p++) {
		bool last = p[1].name == NULL;

		if ((p->flags & PARAM_OPTIONAL) != 0 && (p == c->params || last) && grammar_dice(g, 2) == 0)
			continue;
		if (p->needs != NULL && (p->flags & PARAM_OPTIONAL) != 0 && grammar_dice(g, 2) == 0)
			continue;
		if (p->needs != NULL)
			g->used |= (uint64_t)1 << registry_capability(slice_str(p->needs));
		grammar_put(g, " ");
		grammar_value(g, p->type, name_of(c, p));
	}
}

static void put_test(struct grammar *g);

static void put_tests(struct grammar *g, enum sieve_tests tests)
{
	unsigned n = 1 + grammar_dice(g, LIST_MAX);

	if (tests == TESTS_ONE) {
		grammar_put(g, " ");
		put_test(g);
	} else if (tests == TESTS_LIST) {
		grammar_put(g, " (");
		while (n-- > 0) {
			put_test(g);
			grammar_put(g, n > 0 ? ", " : ")");
		}
	}
}

static void put_command(struct grammar *g, const struct sieve_command *c)
{
	static const char *const parts[] = { ":all", ":localpart", ":domain", ":user", ":detail" };
	unsigned part = grammar_dice(g, 8);

	g->depth++;
	grammar_put(g, c->name);
	if (c->matches && grammar_dice(g, 4) != 0)
		put_match(g);
	if (c->addresses && part < sizeof parts / sizeof parts[0]) {
		grammar_put(g, " ");
		grammar_put(g, parts[part]);
		if (part >= 3)
			g->used |= (uint64_t)1 << registry_capability(SLICE_LIT("subaddress"));
	}
	put_tags(g, c);
	put_params(g, c);
	put_tests(g, c->tests);
	g->depth--;
}

static void put_test(struct grammar *g)
{
	put_command(g, choose_command(g, true));
}

static void put_block(struct grammar *g)
{
	unsigned n = grammar_dice(g, 3);

	grammar_put(g, " {\n");
	g->depth++;
	while (n-- > 0)
		grammar_statement(g);
	g->depth--;
	grammar_put(g, "}");
}

void grammar_statement(struct grammar *g)
{
	const struct sieve_command *c;
	unsigned more;

	if (g->statements == 0)
		return;
	g->statements--;
	c = choose_command(g, false);
	put_command(g, c);
	if (!c->block) {
		grammar_put(g, ";\n");
		return;
	}
	g->loops += strcmp(c->name, "foreverypart") == 0;
	put_block(g);
	g->loops -= strcmp(c->name, "foreverypart") == 0;
	for (more = c->tests == TESTS_ONE ? grammar_dice(g, 3) : 0; more > 0; more--) {
		grammar_put(g, more > 1 ? " elsif " : " else");
		if (more > 1)
			put_test(g);
		put_block(g);
	}
	grammar_put(g, "\n");
}

/* ---- scripts ---- */
static void put_require(struct buf *out, uint64_t used)
{
	bool first = true;

	for (unsigned i = 0; sieve_extensions[i] != NULL; i++) {
		if ((used >> i & 1) == 0 || sieve_extensions[i]->name == NULL)
			continue;
		(void)buf_addf(out, "%s\"%s\"", first ? "require [" : ", ", sieve_extensions[i]->name);
		first = false;
	}
	if (!first)
		(void)buf_add_str(out, "];\n");
}

/* Strings hold variables and encoded characters without any command that says so. */
static uint64_t always(void)
{
	return (uint64_t)1 << registry_capability(SLICE_LIT("variables")) |
	       (uint64_t)1 << registry_capability(SLICE_LIT("encoded-character"));
}

void grammar_script(uint64_t seed, struct buf *out)
{
	struct buf body;
	struct grammar g;

	buf_init(&body, SCRIPT_MAX);
	grammar_init(&g, seed, &body);
	for (unsigned n = 1 + grammar_dice(&g, STATEMENTS_MAX); n > 0; n--)
		grammar_statement(&g);
	put_require(out, g.used | always());
	(void)buf_add_slice(out, buf_slice(&body));
	buf_free(&body);
}

/* ---- changes ---- */

/* Behind a semicolon or a brace, but now and then anywhere; from AT on, round the end. */
static size_t find_place(struct grammar *g, struct slice text)
{
	size_t at = text.n > 0 ? grammar_dice(g, (unsigned)text.n + 1) : 0;

	if (grammar_dice(g, 16) == 0)
		return at;
	while (at < text.n && (at == 0 || strchr(";{}", text.p[at - 1]) == NULL || text.p[at - 1] == '\0'))
		at++;
	return at;
}

size_t grammar_mutate(uint8_t *data, size_t size, size_t max, uint64_t seed, const char *end)
{
	const char *tail = end != NULL ? memmem(data, size, end, strlen(end)) : NULL;
	struct slice text = slice_of((char *)data, tail != NULL ? (size_t)(tail - (char *)data) : size), rest;
	struct buf made, body;
	struct grammar g;
	size_t from, to, n = 0;

	rest = slice_skip(slice_of((char *)data, size), text.n);
	buf_init(&made, SCRIPT_MAX + size);
	buf_init(&body, SCRIPT_MAX);
	grammar_init(&g, seed, &body);
	from = find_place(&g, text);
	to = find_place(&g, text);
	switch (grammar_dice(&g, 8)) {
	case 0: /* a new one */
		grammar_script(seed + 1, &made);
		break;
	case 1: /* without a piece */
	case 2: /* a piece twice */
		(void)buf_add(&made, text.p, from);
		(void)buf_add(&made, text.p + (to < from ? to : from), text.n - (to < from ? to : from));
		if (to > from) {
			buf_clear(&made);
			(void)buf_add(&made, text.p, from);
			(void)buf_add(&made, text.p + to, text.n - to);
		}
		break;
	case 3: /* what is there, in a block */
		g.statements = 1;
		grammar_put(&g, "if ");
		put_test(&g);
		put_require(&made, g.used | always());
		(void)buf_add(&made, text.p, from);
		(void)buf_add_slice(&made, buf_slice(&body));
		(void)buf_add_str(&made, " {\n");
		(void)buf_add(&made, text.p + from, to > from ? to - from : 0);
		(void)buf_add_str(&made, "}\n");
		(void)buf_add_slice(&made, slice_skip(text, to > from ? to : from));
		break;
	default: /* more */
		g.statements = 1 + grammar_dice(&g, 3);
		while (g.statements > 0)
			grammar_statement(&g);
		put_require(&made, g.used | always());
		(void)buf_add(&made, text.p, from);
		(void)buf_add_slice(&made, buf_slice(&body));
		(void)buf_add_slice(&made, slice_skip(text, from));
		break;
	}
	if (made.n > 0 && made.n + rest.n <= max) {
		n = made.n + rest.n;
		memmove(data + made.n, rest.p, rest.n);
		memcpy(data, made.p, made.n);
	}
	buf_free(&body);
	buf_free(&made);
	return n;
}
