/*
 * A fetchmailrc, as fetchmail(1) has it: entries "poll SERVER server-options
 * (user NAME user-options)…", what `defaults' says for all of them, and `set'.
 * Each user becomes a source. Tables say what a keyword takes and what becomes
 * of it.
 */
#include <string.h>

#include "cmd/import_rows.h"

/* What is wrong with a token is told without it: it may be a password. */
static void token_next(struct import_reader *r)
{
	import_token_next(&r->lexer, &r->t);
	if (r->t.fault != NULL)
		import_error(r->imp, r->t.line, "%s", r->t.fault);
}

/* ---- entries ---- */

static void source_end(struct import_reader *r)
{
	if (r->where == IMPORT_IN_DEFAULTS)
		r->defaults = r->current;
	else if (r->where != IMPORT_AT_START)
		import_source_add(r->imp, &r->current);
	r->where = IMPORT_AT_START;
	r->imp->general = false;
}

static void entry_begin(struct import_reader *r, bool by_hand)
{
	source_end(r);
	r->current = r->defaults;
	r->current.by_hand = by_hand;
	r->current.file = r->imp->file;
	r->current.line = r->t.line;
	r->where = IMPORT_IN_SERVER;
	token_next(r);
	if (r->t.kind != TOKEN_WORD && r->t.kind != TOKEN_STRING) {
		import_error(r->imp, r->t.line, "expected the name of a server");
		return;
	}
	r->current.label = import_keep(r->imp, slice_of(r->t.text, r->t.n));
	if (r->current.host == NULL)
		r->current.host = r->current.label;
	token_next(r);
}

static void defaults_begin(struct import_reader *r)
{
	source_end(r);
	r->current = (struct import_source){ .file = r->imp->file, .line = r->t.line, .deletes = true };
	r->where = IMPORT_IN_DEFAULTS;
	r->imp->general = true;
	token_next(r);
}

static bool is_word(const struct import_reader *r, const char *word)
{
	return r->t.kind == TOKEN_WORD && strcmp(r->t.text, word) == 0;
}

static bool is_text(const struct import_reader *r)
{
	return r->t.kind == TOKEN_WORD || r->t.kind == TOKEN_STRING;
}

/* "user NAME [there]" or "user NAME here is REMOTE there". */
static void user_begin(struct import_reader *r)
{
	int line = r->t.line;
	const char *name;

	token_next(r);
	if (!is_text(r)) {
		import_error(r->imp, line, "expected a name behind user");
		return;
	}
	if (r->where == IMPORT_IN_USER) {
		import_source_add(r->imp, &r->current);
		r->current = r->server;
	} else if (r->where == IMPORT_IN_SERVER) {
		r->server = r->current;
		r->where = IMPORT_IN_USER;
	}
	r->current.line = line;
	name = import_keep(r->imp, slice_of(r->t.text, r->t.n));
	token_next(r);
	r->here = is_word(r, "here");
	if (r->here) {
		r->current.locals = (struct import_list){ { name }, 1 };
		r->current.user = NULL;
	} else {
		r->current.user = name;
	}
}

/* Behind "is" or "to": names of people here, or "remote=here"; or the remote name, when the entry began with the one
 * here. */
static void names_read(struct import_reader *r)
{
	token_next(r);
	if (r->here && is_text(r)) {
		r->current.user = import_keep(r->imp, slice_of(r->t.text, r->t.n));
		token_next(r);
		return;
	}
	while (is_text(r) && !import_row_is_keyword(&r->t)) {
		char pair[2 * IMPORT_TEXT_MAX + 2];
		int line = r->t.line;
		size_t n = r->t.n;

		memcpy(pair, r->t.text, n);
		token_next(r);
		if (r->t.kind == TOKEN_EQUAL) {
			token_next(r);
			if (!is_text(r)) {
				import_error(r->imp, r->t.line, "expected a name behind =");
				return;
			}
			pair[n++] = '=';
			memcpy(pair + n, r->t.text, r->t.n);
			n += r->t.n;
			r->current.multidrop = true;
			token_next(r);
		}
		import_list_add(r->imp, &r->current.locals, line, import_keep(r->imp, slice_of(pair, n)));
	}
	if (r->current.locals.n > 1 || (r->current.locals.n == 1 && strcmp(r->current.locals.at[0], "*") == 0))
		r->current.multidrop = true;
}

/* ---- one statement ---- */

static void value_take(struct import_reader *r, const struct import_row *row, int line, bool no)
{
	struct import_value v = { .line = line, .no = no, .text = r->t.text, .n = r->t.n };

	if (row->shape == IMPORT_NUMBER && !import_token_number(&r->t, &v.number)) {
		import_error(r->imp, r->t.line, "%s: expected a number, got \"%.60s\"", row->name, r->t.text);
		return;
	}
	if (row->take != NULL)
		row->take(r, row, &v);
	if (row->note != NULL && row->secret)
		import_note(r->imp, line, "%s: %s", row->name, row->note);
	else if (row->note != NULL)
		import_note(r->imp, line, "%s \"%.200s\": %s", row->name, r->t.text, row->note);
}

static void flag_take(struct import_reader *r, const struct import_row *row, int line, bool no)
{
	struct import_value v = { .line = line, .no = no, .text = "" };
	const char *note = no ? row->note_no : row->note;

	if (row->take != NULL)
		row->take(r, row, &v);
	if (note != NULL)
		import_note(r->imp, line, "%s%s: %s", no ? "no " : "", row->name, note);
}

static void row_read(struct import_reader *r, const struct import_row *row, int line, bool no)
{
	size_t n = 0;

	if (no && row->shape != IMPORT_FLAG && row->shape != IMPORT_COUNTED) {
		import_error(r->imp, line, "\"no\" can't stand in front of %s", row->name);
		return;
	}
	if (row->shape == IMPORT_FLAG || no) {
		flag_take(r, row, line, no);
		return;
	}
	if (row->shape == IMPORT_COUNTED && import_token_number(&r->t, &r->count))
		token_next(r);
	else
		r->count = 0;
	if (!is_text(r)) {
		import_error(r->imp, line, "expected something behind %s", row->name);
		return;
	}
	do {
		value_take(r, row, line, false);
		token_next(r);
		n++;
	} while (row->shape == IMPORT_LIST && is_text(r) && !import_row_is_keyword(&r->t));
}

static void option_read(struct import_reader *r)
{
	int line = r->t.line;
	bool no = is_word(r, "no");
	const struct import_row *row;

	if (no)
		token_next(r);
	row = r->t.kind == TOKEN_WORD ? import_row_find(IMPORT_ROWS_OPTIONS, r->t.text) : NULL;
	if (row == NULL) {
		if (r->beside)
			import_error(r->imp, r->t.line, "a word behind a password is no keyword (quote the password?)");
		else
			import_error(r->imp, r->t.line, "\"%.60s\" is no keyword that can stand here",
				     r->t.kind == TOKEN_EQUAL ? "=" : r->t.text);
		token_next(r);
		return;
	}
	r->beside = row->secret;
	token_next(r);
	if (r->where == IMPORT_AT_START) {
		import_error(r->imp, line, "\"%s\" stands in front of the first poll, skip or defaults", row->name);
		return;
	}
	row_read(r, row, line, no);
}

static void set_read(struct import_reader *r)
{
	int line = r->t.line;
	const struct import_row *row;
	bool no;

	/* `set' belongs to no entry, so it ends the one before. */
	source_end(r);
	token_next(r);
	no = is_word(r, "no");
	if (no)
		token_next(r);
	row = r->t.kind == TOKEN_WORD ? import_row_find(IMPORT_ROWS_SET, r->t.text) : NULL;
	if (row == NULL) {
		import_error(r->imp, line, "set \"%.60s\" is nothing that fetchmail knows", r->t.text);
		return;
	}
	token_next(r);
	if (r->t.kind == TOKEN_EQUAL)
		token_next(r);
	r->imp->general = true;
	row_read(r, row, line, no);
	r->imp->general = false;
}

static void statement_read(struct import_reader *r)
{
	if (is_word(r, "poll") || is_word(r, "server")) {
		entry_begin(r, false);
	} else if (is_word(r, "skip")) {
		entry_begin(r, true);
	} else if (is_word(r, "defaults")) {
		defaults_begin(r);
	} else if (is_word(r, "set")) {
		set_read(r);
	} else if (import_row_is_noise(&r->t)) {
		token_next(r);
	} else if (r->where != IMPORT_AT_START && (is_word(r, "user") || is_word(r, "username"))) {
		user_begin(r);
	} else if (r->where != IMPORT_AT_START && (is_word(r, "is") || is_word(r, "to"))) {
		names_read(r);
	} else {
		option_read(r);
	}
}

void import_fetchmailrc(struct import *imp, const char *file, struct slice text)
{
	struct import_reader r = { .imp = imp, .lexer = { text, 1 } };

	imp->file = file;
	r.defaults.file = file;
	r.defaults.deletes = true; /* fetchmail's own default */
	token_next(&r);
	while (r.t.kind != TOKEN_END)
		statement_read(&r);
	source_end(&r);
	if (imp->nsources == 0 && imp->nnotes == 0 && imp->nerrors == 0 && imp->every == 0)
		import_error(imp, 1, "there is no poll, skip or set in it: is this a fetchmailrc?");
}
