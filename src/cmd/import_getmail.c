/* A getmailrc: one retriever a file, as getmail's configuration manual has it. Tables say what becomes of each key. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/import_ini.h"
#include "cmd/import_keys.h"

static bool flag_read(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool means;
	} words[] = { { "1", true },  { "yes", true }, { "true", true },   { "on", true },
		      { "0", false }, { "no", false }, { "false", false }, { "off", false } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq_nocase(slice_str(text), slice_str(words[i].word))) {
			*out = words[i].means;
			return true;
		}
	return false;
}

static void key_take(struct import_mailbox *r, const struct import_key *key, const struct import_item *item)
{
	struct import_key_value v = { .text = item->value, .line = item->line };

	if (key->shape == IMPORT_KEY_NUMBER && slice_number(slice_str(v.text), INT64_MAX / 1000, &v.number) != 0) {
		import_error(r->imp, item->line, "%s: expected a number, got \"%.60s\"", key->key, v.text);
		return;
	}
	if (key->shape == IMPORT_KEY_FLAG && !flag_read(v.text, &v.flag)) {
		import_error(r->imp, item->line, "%s: expected true or false, got \"%.60s\"", key->key, v.text);
		return;
	}
	if (key->shape == IMPORT_KEY_TUPLE && import_ini_tuple(r->imp, item->line, v.text, &v.list) != 0) {
		import_error(r->imp, item->line, "%s: expected quoted words in parentheses", key->key);
		return;
	}
	if (key->take != NULL)
		key->take(r, &v);
	if (key->note != NULL && (key->shape != IMPORT_KEY_FLAG || v.flag))
		import_note(r->imp, item->line, "%s %.200s: %s", key->key, v.text, key->note);
}

/* IMPORT_SECTIONS: another one, of a filter or a destination. */
static enum import_section section_of(struct slice name)
{
	static const char *const names[] = { "retriever", "destination", "options" };

	for (size_t i = 0; i < IMPORT_SECTIONS; i++)
		if (slice_eq(name, slice_str(names[i])))
			return (enum import_section)i;
	return IMPORT_SECTIONS;
}

static void on_item(void *arg, const struct import_item *item)
{
	struct import_mailbox *r = arg;
	enum import_section section = section_of(item->section);
	int n = item->section.n > 60 ? 60 : (int)item->section.n;
	const struct import_key *key;

	if (item->key == NULL) {
		r->retriever = r->retriever || section == IMPORT_RETRIEVER;
		return;
	}
	key = import_key_find(section, item->key);
	if (key != NULL) {
		key_take(r, key, item);
		return;
	}
	if (section == IMPORT_SECTIONS && strcmp(item->key, "type") == 0 &&
	    slice_starts_nocase(item->section, SLICE_LIT("filter")))
		import_note(
		    r->imp, item->line,
		    "[%.*s] %.60s: no equivalent: mailferry runs no programs on mail; rules sort it, and what a spam "
		    "filter wrote into the header can be asked for: mailferry-rules(7)",
		    n, item->section.p, item->value);
	else if (section == IMPORT_SECTIONS && strcmp(item->key, "type") == 0)
		import_note(r->imp, item->line,
			    "[%.*s] %.60s: no equivalent: a folder in the rules, or an account of its own", n,
			    item->section.p, item->value);
	else if (section == IMPORT_DESTINATION &&
		 (strcmp(item->key, "locals") == 0 || strcmp(item->key, "default") == 0 ||
		  strcmp(item->key, "destinations") == 0 || strcmp(item->key, "path") == 0))
		import_note(r->imp, item->line, "%s: %.300s", item->key, item->value);
	else if (section != IMPORT_SECTIONS && section != IMPORT_DESTINATION)
		import_note(r->imp, item->line, "[%.*s] %s: getmail's manual has no such key", n, item->section.p,
			    item->key);
}

/* What the keys mean together. */
static void source_finish(struct import_mailbox *r)
{
	struct import_source *s = &r->source;
	bool seen = r->on_delete != NULL && strstr(r->on_delete, "\\Seen") != NULL;
	bool deleted = r->on_delete == NULL || strstr(r->on_delete, "\\Deleted") != NULL;

	s->label = s->host;
	s->keep_line = r->delete_line;
	if (r->deletes && r->move_to != NULL) {
		s->move_to = r->move_to;
	} else if (r->deletes && deleted) {
		s->deletes = true;
	} else if (r->deletes) {
		s->mark_seen = seen;
		import_note(r->imp, r->delete_line, "delete with imap_on_delete %.100s: the originals stay%s",
			    r->on_delete, seen ? " and are marked as read" : "");
	} else if (r->delete_days > 0) {
		s->deletes = true;
		s->delete_days = r->delete_days;
	}
	if (r->move_to != NULL && !r->deletes)
		import_note(r->imp, s->line, "move_on_delete: without delete, getmail moved nothing; nor does this");
	if (r->read_all && !r->deletes)
		import_note(r->imp, s->line,
			    "read_all is true unless it is set: getmail fetched everything again at each run; "
			    "mailferry fetches each message once");
	s->all = true;
}

void import_getmailrc(struct import *imp, const char *file, struct slice text)
{
	struct import_mailbox *r = mem_alloc(sizeof *r);

	r->imp = imp;
	r->read_all = true;
	r->source.file = imp->file = file;
	r->source.line = 1;
	import_ini_read(imp, text, on_item, r);
	if (r->retriever) {
		source_finish(r);
		import_source_add(imp, &r->source);
	} else {
		import_error(imp, 1, "there is no section [retriever]: is this a getmailrc?");
	}
	free(r);
}
