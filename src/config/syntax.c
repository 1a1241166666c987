#include "config/syntax.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/keys.h"
#include "config/lex.h"
#include "config/source.h"

#define HIDDEN "a password stands behind `=' in double quotes, and within it \\\" for a quote and \\\\ for a backslash"

struct member {
	struct slice name;
	unsigned line;
};

struct level {
	char open; /* '{', '[', '(', or 0 for the file itself */
	unsigned line;
	struct slice name; /* of the setting whose value this is; none for an element */
	struct member *members;
	size_t nmembers;
	char element; /* in an array: kind of the first element */
};

struct parser {
	struct lexer lexer;
	struct lex_token token;
	struct level levels[SYNTAX_DEPTH_MAX + 1];
	unsigned depth;
	bool after_secret;    /* the last value was a password */
	unsigned secret_line; /* of the last password: what stands beside it may be a part of it */
	unsigned names;
	struct syntax *out;
	struct report *report;
};

void syntax_free(struct syntax *s)
{
	free(s->lines);
	*s = (struct syntax){ 0 };
}

static void line_note(struct parser *p, unsigned line)
{
	struct syntax *s = p->out;

	if (s->nlines == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->lines = mem_resize(s->lines, s->cap, sizeof(*s->lines));
	}
	s->lines[s->nlines++] = line;
}

static bool is_mark(const struct lex_token *t, char c)
{
	return t->kind == LEX_MARK && t->text.p[0] == c;
}

static bool is_secret(struct slice name)
{
	static const struct slice words[] = { SLICE_LIT("pass"), SLICE_LIT("secret") };

	for (size_t i = 0; i < name.n; i++) {
		for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
			if (slice_starts_nocase(slice_of(name.p + i, name.n - i), words[w]))
				return true;
		}
	}
	return false;
}

/* May the token be a part of a password? A quote within one ends its text too early. */
static bool is_hidden(const struct parser *p, struct slice name)
{
	return is_secret(name) || is_secret(p->levels[p->depth].name) ||
	       (p->secret_line != 0 && p->token.line == p->secret_line);
}

/* The path of the key NAME where the parser stands. */
static const char *path_of(const struct parser *p, struct slice name, char out[REPORT_PATH_SIZE])
{
	struct buf b;

	if (!is_secret(name) && is_hidden(p, name))
		name = SLICE_NONE;
	buf_init(&b, REPORT_PATH_SIZE - 1);
	for (unsigned i = 1; i <= p->depth; i++) {
		if (p->levels[i].name.n > 0 && b.n > 0)
			(void)buf_add_char(&b, '.');
		(void)buf_add_slice(&b, p->levels[i].name);
	}
	if (name.n > 0 && b.n > 0)
		(void)buf_add_char(&b, '.');
	(void)buf_add_slice(&b, name);
	memset(out, 0, REPORT_PATH_SIZE);
	memcpy(out, buf_str(&b), b.n);
	buf_free(&b);
	return out;
}

static int hidden_report(struct parser *p)
{
	char path[REPORT_PATH_SIZE];

	report_error(p->report, p->token.line, path_of(p, SLICE_NONE, path), HIDDEN);
	return -1;
}

/* What is wrong with a token that can't stand anywhere. */
static int bad_report(struct parser *p, struct slice name)
{
	static const char *const texts[] = {
		[LEX_OPEN_STRING] = "the text that starts here is not closed on its line: a `\"' is missing",
		[LEX_OPEN_COMMENT] = "the comment that starts here is never closed: `*/' is missing",
		[LEX_ESCAPE] =
		    "a backslash in quotes stands before \\ \" n r t or x and two digits; write \\\\ for one backslash",
		[LEX_LARGE] = "this number is too large",
		[LEX_CURLED] = "typographic quotes: use the plain double quote \"",
		[LEX_SINGLE] = "text stands in double quotes \"…\", not in single ones",
	};
	char path[REPORT_PATH_SIZE];
	const struct lex_token *t = &p->token;
	struct buf word;

	(void)path_of(p, name, path);
	if (t->fault < LEX_OTHER && texts[t->fault] != NULL) {
		report_error(p->report, t->line, path, "%s", texts[t->fault]);
		return -1;
	}
	if (is_hidden(p, name)) {
		report_error(p->report, t->line, path, HIDDEN);
		return -1;
	}
	buf_init(&word, 200);
	report_quote(&word, t->text, 40);
	if (t->fault == LEX_UNIT)
		report_error(p->report, t->line, path, "sizes, times and addresses stand in quotes: write \"%s\"",
			     buf_str(&word));
	else
		report_error(p->report, t->line, path, "found %s: text stands in double quotes: write \"%s\"",
			     buf_str(&word), buf_str(&word));
	buf_free(&word);
	return -1;
}

static const char *token_text(const struct parser *p, struct slice name, struct buf *b)
{
	const struct lex_token *t = &p->token;

	buf_clear(b);
	if (t->kind == LEX_END)
		return "the end of the file";
	/* A text may be a password. */
	if (t->kind == LEX_STRING)
		return "a text in quotes";
	if (t->kind != LEX_MARK && is_hidden(p, name))
		return "a word that is not shown";
	(void)buf_add_char(b, '`');
	report_quote(b, t->text, 40);
	(void)buf_add_char(b, '\'');
	return buf_str(b);
}

static int value_report(struct parser *p, struct slice name)
{
	char path[REPORT_PATH_SIZE];
	struct buf b;

	if (p->token.kind == LEX_BAD)
		return bad_report(p, name);
	(void)path_of(p, name, path);
	buf_init(&b, 200);
	if (p->token.kind == LEX_NAME && is_hidden(p, name)) {
		report_error(p->report, p->token.line, path, HIDDEN);
	} else if (p->token.kind == LEX_NAME) {
		report_quote(&b, p->token.text, 40);
		if (key_is_bool(name))
			report_error(p->report, p->token.line, path, "found `%s': write true or false", buf_str(&b));
		else
			report_error(p->report, p->token.line, path,
				     "found `%s': text stands in double quotes: write \"%s\"", buf_str(&b),
				     buf_str(&b));
	} else if ((is_mark(&p->token, ']') || is_mark(&p->token, ')')) && name.n == 0) {
		report_error(p->report, p->token.line, path, "a comma before `%.1s': remove it", p->token.text.p);
	} else {
		report_error(p->report, p->token.line, path, "a value is missing before %s", token_text(p, name, &b));
	}
	buf_free(&b);
	return -1;
}

static int expected_report(struct parser *p, const char *what)
{
	char path[REPORT_PATH_SIZE];
	struct buf b;

	if (p->token.kind == LEX_BAD)
		return bad_report(p, SLICE_NONE);
	buf_init(&b, 200);
	report_error(p->report, p->token.line, path_of(p, SLICE_NONE, path), "expected %s, found %s", what,
		     token_text(p, SLICE_NONE, &b));
	buf_free(&b);
	return -1;
}

static int member_add(struct parser *p, struct slice name, unsigned line)
{
	struct level *l = &p->levels[p->depth];
	char path[REPORT_PATH_SIZE];

	(void)path_of(p, name, path);
	if (name.n > 64) {
		report_error(p->report, line, NULL, "a name of more than 64 characters");
		return -1;
	}
	for (size_t i = 0; i < l->nmembers; i++) {
		struct buf where;

		if (!slice_eq(l->members[i].name, name))
			continue;
		buf_init(&where, 5000);
		source_where(p->report->source, l->members[i].line, &where);
		report_error(p->report, line, path, "given twice; the first is at %s", buf_str(&where));
		buf_free(&where);
		return 0;
	}
	if (++p->names > SYNTAX_NAMES_MAX) {
		report_error(p->report, line, path, "more than %d names in one configuration", SYNTAX_NAMES_MAX);
		return -1;
	}
	if (l->nmembers >= SYNTAX_MEMBERS_MAX) {
		report_error(p->report, line, path, "more than %d names in one group", SYNTAX_MEMBERS_MAX);
		return -1;
	}
	if ((l->nmembers & (l->nmembers - 1)) == 0)
		l->members = mem_resize(l->members, l->nmembers == 0 ? 1 : l->nmembers * 2, sizeof(*l->members));
	l->members[l->nmembers++] = (struct member){ name, line };
	return 0;
}

static void next(struct parser *p)
{
	p->token = lexer_next(&p->lexer);
}

static int level_open(struct parser *p, struct slice name)
{
	if (p->depth >= SYNTAX_DEPTH_MAX) {
		report_error(p->report, p->token.line, NULL, "more than %d levels of brackets", SYNTAX_DEPTH_MAX);
		return -1;
	}
	p->depth++;
	p->levels[p->depth] = (struct level){ .open = p->token.text.p[0], .line = p->token.line, .name = name };
	next(p);
	return 0;
}

/* Arrays hold scalars of one kind; libconfig only says "mismatched element type". */
static int element_check(struct parser *p)
{
	struct level *l = &p->levels[p->depth];
	char kind = p->token.kind == LEX_STRING ? 's' : p->token.kind == LEX_NUMBER ? 'n' : 'b';
	char path[REPORT_PATH_SIZE];

	if (l->open != '[')
		return 0;
	if (p->token.kind == LEX_MARK) {
		report_error(p->report, p->token.line, path_of(p, SLICE_NONE, path),
			     "an array […] holds plain values, not groups or lists");
		return -1;
	}
	if (l->element != 0 && l->element != kind) {
		report_error(p->report, p->token.line, path_of(p, SLICE_NONE, path),
			     "the values of an array must be of one kind: all texts in quotes, or all numbers");
		return -1;
	}
	l->element = kind;
	return 0;
}

/* One value: 1 when it opened a level, 0 when it is done, -1 on error. NAME is that of its setting, or none. */
static int value_parse(struct parser *p, struct slice name, unsigned line)
{
	const struct lex_token *t = &p->token;
	bool opens = is_mark(t, '{') || is_mark(t, '[') || is_mark(t, '(');

	if (!opens && t->kind != LEX_STRING && t->kind != LEX_NUMBER && !lex_is_bool(t))
		return value_report(p, name);
	if (name.n == 0 && element_check(p) != 0)
		return -1;
	line_note(p, line == 0 ? t->line : line);
	if (opens)
		return level_open(p, name) == 0 ? 1 : -1;
	p->after_secret = is_secret(name) || is_secret(p->levels[p->depth].name);
	if (p->after_secret)
		p->secret_line = t->line;
	if (t->kind == LEX_STRING) {
		/* Texts beside each other are one. */
		while (t->kind == LEX_STRING)
			next(p);
		return 0;
	}
	next(p);
	return 0;
}

static int close_parse(struct parser *p)
{
	struct level *l = &p->levels[p->depth];
	static const char closers[] = { ['{'] = '}', ['['] = ']', ['('] = ')' };
	struct buf where;

	if (p->depth > 0 && is_mark(&p->token, closers[(unsigned char)l->open])) {
		free(l->members);
		p->depth--;
		next(p);
		return 0;
	}
	if (p->depth == 0) {
		report_error(p->report, p->token.line, NULL, "`%.1s' closes nothing", p->token.text.p);
		return -1;
	}
	buf_init(&where, 5000);
	source_where(p->report->source, l->line, &where);
	if (p->token.kind == LEX_END)
		report_error(p->report, l->line, NULL, "the `%c' here is never closed: `%c' is missing", l->open,
			     closers[(unsigned char)l->open]);
	else
		report_error(p->report, p->token.line, NULL, "found `%.1s', but `%c' of %s is still open",
			     p->token.text.p, l->open, buf_str(&where));
	buf_free(&where);
	return -1;
}

/* One setting of a group: as value_parse. */
static int setting_parse(struct parser *p)
{
	struct slice name = p->token.text;
	unsigned line = p->token.line;
	char path[REPORT_PATH_SIZE];
	struct buf b;

	if (p->token.kind != LEX_NAME)
		return expected_report(p, p->token.kind == LEX_STRING ? "a key (keys stand without quotes)" : "a key");
	if (member_add(p, name, line) != 0)
		return -1;
	if (is_secret(name))
		p->secret_line = line;
	next(p);
	if (p->token.kind != LEX_MARK && is_hidden(p, SLICE_NONE)) {
		report_error(p->report, p->token.line, path_of(p, name, path), HIDDEN);
		return -1;
	}
	if (!is_mark(&p->token, '=') && !is_mark(&p->token, ':')) {
		buf_init(&b, 200);
		report_error(p->report, p->token.line, path_of(p, name, path), "expected `=' behind the key, found %s",
			     token_text(p, SLICE_NONE, &b));
		buf_free(&b);
		return -1;
	}
	next(p);
	return value_parse(p, name, line);
}

enum state { AT_ITEM, AT_VALUE, AT_END_OF_VALUE };

/* Reads one item from where the parser stands and says what comes then. -1 on error. */
static int step_parse(struct parser *p, enum state *state)
{
	char open = p->levels[p->depth].open;
	bool group = open == '{' || open == 0;
	bool closes =
	    is_mark(&p->token, '}') || is_mark(&p->token, ']') || is_mark(&p->token, ')') || p->token.kind == LEX_END;
	int r;

	if (*state == AT_END_OF_VALUE && group) {
		if (is_mark(&p->token, ';') || is_mark(&p->token, ','))
			next(p);
		else if (!closes && p->after_secret && p->token.line == p->secret_line)
			return hidden_report(p);
		*state = AT_ITEM;
		p->after_secret = false;
		return 0;
	}
	if (*state == AT_END_OF_VALUE && is_mark(&p->token, ',')) {
		next(p);
		*state = AT_VALUE;
		return 0;
	}
	if (closes && *state != AT_VALUE) {
		*state = AT_END_OF_VALUE;
		return close_parse(p);
	}
	if (*state == AT_END_OF_VALUE)
		return expected_report(p,
				       open == '[' ? "`,' between the values or `]'" : "`,' between the values or `)'");
	r = group ? setting_parse(p) : value_parse(p, SLICE_NONE, 0);
	*state = r == 1 ? AT_ITEM : AT_END_OF_VALUE;
	return r < 0 ? -1 : 0;
}

int syntax_check(struct slice text, struct syntax *out, struct report *r)
{
	struct parser p = { .out = out, .report = r };
	enum state state = AT_ITEM;
	unsigned before = r->n;
	int failed = 0;

	lexer_init(&p.lexer, text);
	next(&p);
	while (failed == 0 && !(p.token.kind == LEX_END && p.depth == 0))
		failed = step_parse(&p, &state);
	while (p.depth > 0)
		free(p.levels[p.depth--].members);
	free(p.levels[0].members);
	return failed != 0 || r->n > before ? -1 : 0;
}
