#include "sieve/parser.h"

#include <stdio.h>

#include "sieve/lexer.h"
#include "sieve/sieve.h"

struct parser {
	struct lexer lexer;
	struct token tok;
	struct pos last_end; /* behind the token before TOK */
	struct diag *diag;
	struct arena *arena;
	unsigned depth;
};

static struct ast_node *parse_commands(struct parser *p, bool in_block);
static const char *found(const struct parser *p);

static bool is_mark(const struct parser *p, char mark)
{
	return p->tok.kind == TOKEN_PUNCTUATION && p->tok.mark == mark;
}

static void next(struct parser *p)
{
	if (is_mark(p, ';') || is_mark(p, '{') || is_mark(p, '}'))
		p->lexer.stray = false;
	p->last_end = p->tok.end;
	sieve_lexer_next(&p->lexer, &p->tok);
}

/* A syntax error, but where it may only follow from such characters. */
static void tell(struct parser *p, struct pos at, const char *expected)
{
	if (!p->lexer.stray)
		diag_add(p->diag, at, "expected %s, found %s", expected, found(p));
}

/* With the arena full there is nothing sensible to go on with. */
static bool gives_up(const struct parser *p)
{
	return p->lexer.exhausted;
}

/* The end of the script says nothing more once it was told what it ended within. */
static bool is_cut(const struct parser *p)
{
	return gives_up(p) || (p->lexer.cut && p->tok.kind == TOKEN_END);
}

static void *make(struct parser *p, size_t n)
{
	void *v = arena_try(p->arena, n);

	if (v == NULL)
		p->lexer.exhausted = true;
	return v;
}

static const char *found(const struct parser *p)
{
	static char mark[] = "\" \"";

	switch (p->tok.kind) {
	case TOKEN_END:
		return "the end of the script";
	case TOKEN_IDENTIFIER:
		return diag_word(p->tok.text);
	case TOKEN_TAG:
		return "a tag";
	case TOKEN_NUMBER:
		return "a number";
	case TOKEN_STRING:
		return "a string";
	case TOKEN_PUNCTUATION:
		break;
	}
	mark[1] = p->tok.mark;
	return mark;
}

/* Over a whole block, whatever is in it; TOK is its "{". */
static void skip_block(struct parser *p)
{
	unsigned open = 0;

	do {
		if (is_mark(p, '{'))
			open++;
		else if (is_mark(p, '}'))
			open--;
		next(p);
	} while (open > 0 && p->tok.kind != TOKEN_END && !gives_up(p));
	p->lexer.cut = p->lexer.cut || open > 0;
}

static bool enter(struct parser *p)
{
	if (p->depth < SIEVE_NESTING_MAX) {
		p->depth++;
		return true;
	}
	diag_add(p->diag, p->tok.pos, "blocks and tests stand more than %d deep within each other", SIEVE_NESTING_MAX);
	return false;
}

static void parse_block(struct parser *p, struct ast_node *node)
{
	struct pos open = p->tok.pos;

	node->has_block = true;
	node->block_pos = open;
	if (!enter(p)) {
		skip_block(p);
		return;
	}
	next(p);
	node->block = parse_commands(p, true);
	p->depth--;
	if (is_mark(p, '}'))
		next(p);
	else if (!is_cut(p))
		diag_add(p->diag, open, "this block has no end: expected \"}\"");
	p->lexer.cut = p->lexer.cut || p->tok.kind == TOKEN_END;
}

/* Behind the command in which an error was: its block is still read, for the errors in it. */
static void recover(struct parser *p, struct ast_node *node)
{
	node->broken = true;
	while (!gives_up(p) && p->tok.kind != TOKEN_END && !is_mark(p, '}')) {
		if (is_mark(p, '{')) {
			parse_block(p, node);
			return;
		}
		if (is_mark(p, ';')) {
			next(p);
			return;
		}
		next(p);
	}
}

static struct ast_string *parse_string(struct parser *p)
{
	struct ast_string *s = make(p, sizeof *s);

	if (s != NULL) {
		s->text = p->tok.text;
		s->pos = p->tok.pos;
		next(p);
	}
	return s;
}

/* TOK is "[". 0, or -1 after an error. */
static int parse_list(struct parser *p, struct ast_arg *arg)
{
	struct ast_string **tail = &arg->strings;

	do {
		next(p);
		if (p->tok.kind != TOKEN_STRING) {
			tell(p, p->tok.pos, "a string in the list");
			return -1;
		}
		*tail = parse_string(p);
		if (*tail == NULL)
			return -1;
		tail = &(*tail)->next;
		arg->nstrings++;
	} while (is_mark(p, ','));
	if (!is_mark(p, ']')) {
		tell(p, p->tok.pos, "\",\" or \"]\" in the list of strings");
		return -1;
	}
	next(p);
	return 0;
}

/* One argument that is no test; 1, 0 when there is none here, -1 after an error. */
static int parse_argument(struct parser *p, struct ast_arg **out)
{
	bool list = is_mark(p, '[');
	struct ast_arg *a;

	if (!list && p->tok.kind != TOKEN_TAG && p->tok.kind != TOKEN_NUMBER && p->tok.kind != TOKEN_STRING)
		return 0;
	a = make(p, sizeof *a);
	if (a == NULL)
		return -1;
	*out = a;
	a->pos = p->tok.pos;
	if (list) {
		a->kind = AST_LIST;
		return parse_list(p, a) == 0 ? 1 : -1;
	}
	if (p->tok.kind == TOKEN_STRING) {
		a->kind = AST_STRING;
		a->nstrings = 1;
		a->strings = parse_string(p);
		return a->strings != NULL ? 1 : -1;
	}
	a->kind = p->tok.kind == TOKEN_TAG ? AST_TAG : AST_NUMBER;
	a->tag = p->tok.text;
	a->number = p->tok.number;
	next(p);
	return 1;
}

static int parse_arguments(struct parser *p, struct ast_node *node);

static struct ast_node *parse_test(struct parser *p)
{
	struct ast_node *t;

	if (p->tok.kind != TOKEN_IDENTIFIER) {
		tell(p, p->tok.pos, "a test");
		return NULL;
	}
	if (!enter(p))
		return NULL;
	t = make(p, sizeof *t);
	if (t != NULL) {
		t->name = p->tok.text;
		t->pos = p->tok.pos;
		t->never = make(p, sizeof *t->never);
		next(p);
		if (parse_arguments(p, t) != 0)
			t = NULL;
	}
	p->depth--;
	return t;
}

/* TOK is "(". */
static int parse_test_list(struct parser *p, struct ast_node *node)
{
	struct ast_node **tail = &node->tests;

	node->test_list = true;
	do {
		next(p);
		*tail = parse_test(p);
		if (*tail == NULL)
			return -1;
		tail = &(*tail)->next;
	} while (is_mark(p, ','));
	if (!is_mark(p, ')')) {
		tell(p, p->tok.pos, "\",\" or \")\" after the test");
		return -1;
	}
	next(p);
	return 0;
}

static int parse_arguments(struct parser *p, struct ast_node *node)
{
	struct ast_arg **tail = &node->args;
	int got;

	while ((got = parse_argument(p, tail)) > 0)
		tail = &(*tail)->next;
	node->end = p->last_end;
	if (got < 0)
		return -1;
	if (p->tok.kind == TOKEN_IDENTIFIER) {
		node->tests = parse_test(p);
		return node->tests != NULL ? 0 : -1;
	}
	return is_mark(p, '(') ? parse_test_list(p, node) : 0;
}

static struct ast_node *parse_command(struct parser *p)
{
	struct ast_node *node = make(p, sizeof *node);

	if (node == NULL)
		return NULL;
	node->pos = p->tok.pos;
	/* Characters of no token spoil the command they stand in, and no other. */
	p->lexer.stray = false;
	if (p->tok.kind != TOKEN_IDENTIFIER) {
		tell(p, p->tok.pos, "a command");
		recover(p, node);
		return node;
	}
	node->name = p->tok.text;
	next(p);
	if (parse_arguments(p, node) != 0) {
		recover(p, node);
		return node;
	}
	node->close = p->tok.pos;
	node->broken = p->lexer.stray;
	if (is_mark(p, ';')) {
		next(p);
	} else if (is_mark(p, '{')) {
		parse_block(p, node);
	} else {
		/* Where the mark is missing, not where that shows. */
		if (!is_cut(p) && !p->lexer.stray)
			diag_add(p->diag, p->last_end, "expected \";\" or a block after %s, found %s",
				 diag_word(node->name), found(p));
		recover(p, node);
	}
	return node;
}

static struct ast_node *parse_commands(struct parser *p, bool in_block)
{
	struct ast_node *first = NULL, **tail = &first;

	while (p->tok.kind != TOKEN_END && !gives_up(p)) {
		if (is_mark(p, '}')) {
			if (in_block)
				break;
			diag_add(p->diag, p->tok.pos, "this \"}\" closes no block: expected a command");
			next(p);
			continue;
		}
		*tail = parse_command(p);
		if (*tail == NULL)
			break;
		tail = &(*tail)->next;
	}
	return first;
}

struct ast_node *sieve_parse(struct slice script, struct arena *arena, struct diag *diag)
{
	struct parser p = { .diag = diag, .arena = arena };
	struct ast_node *first;

	sieve_lexer_init(&p.lexer, script, diag, arena);
	next(&p);
	first = parse_commands(&p, false);
	if (p.lexer.exhausted)
		diag_add(diag, p.tok.pos, "the script is too large to be compiled");
	return first;
}
