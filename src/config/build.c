#include "config/build_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/route.h"
#include "config/value.h"

unsigned build_line_of(const config_setting_t *s)
{
	return (unsigned)(uintptr_t)config_setting_get_hook(s);
}

void *place_base(const struct place *p, const struct key *k)
{
	return k->group == KEYS_SERVER || k->group == KEYS_OAUTH ? (void *)p->server : p->base;
}

unsigned build_line(const struct group_lines *g, enum key_group group, const char *name)
{
	const struct key *k = key_find(group, slice_str(name));
	unsigned line = k == NULL ? 0 : g->key[key_index(k)];

	return line != 0 ? line : g->line;
}

bool build_given(const struct group_lines *g, enum key_group group, const char *name)
{
	const struct key *k = key_find(group, slice_str(name));

	return k != NULL && g->key[key_index(k)] != 0;
}

void place_path(const char *path, const char *name, char out[REPORT_PATH_SIZE])
{
	/* Cut where it is absurdly long: an error line need not repeat all of it. */
	(void)snprintf(out, REPORT_PATH_SIZE, "%.120s%s%.120s", path, path[0] == '\0' ? "" : ".", name);
}

/* Before the group is read, so that what is given replaces it. The table's defaults are right by test. */
static void defaults_set(const struct place *p)
{
	char hint[VALUE_HINT_SIZE];

	const struct key *k;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		bool flag;

		if (!key_is_of(k, p->group) || k->otherwise == NULL)
			continue;
		flag = strcmp(k->otherwise, "true") == 0;
		if (k->type == KEY_BOOL)
			memcpy((char *)place_base(p, k) + k->offset, &flag, sizeof(flag));
		else if (k->type == KEY_COUNT)
			(void)value_number_set(p, k, strtoll(k->otherwise, NULL, 10));
		else
			(void)build_text(k, slice_str(k->otherwise), NULL, place_base(p, k), hint);
	}
}

static void required_check(const struct place *p)
{
	const struct key *k;

	for (size_t i = 0; p->b->strict && (k = key_at(i)) != NULL; i++) {
		char path[REPORT_PATH_SIZE];
		struct buf text;

		if (!key_is_of(k, p->group) || !k->required || p->lines->key[i] != 0)
			continue;
		place_path(p->path, k->name, path);
		buf_init(&text, 500);
		key_expects(k, &text);
		report_error(p->b->report, p->lines->line, path, "missing: expected %s", buf_str(&text));
		buf_free(&text);
	}
}

static void group_set(struct place *p, const config_setting_t *s);

/* Names of accounts, sources and listeners stand in logs, records and on command lines. */
static bool name_good(const char *name)
{
	return strchr(name, '*') == NULL;
}

/* Room for N of them, before the first is read. */
static void named_room(struct build *b, enum key_group group, size_t n)
{
	struct config *c = b->config;

	if (group == KEYS_ACCOUNT) {
		c->accounts = mem_array(n, sizeof(*c->accounts));
		b->accounts = mem_array(n, sizeof(*b->accounts));
	} else if (group == KEYS_SOURCE) {
		c->sources = mem_array(n, sizeof(*c->sources));
		b->sources = mem_array(n, sizeof(*b->sources));
	} else {
		c->listeners = mem_array(n, sizeof(*c->listeners));
		b->listeners = mem_array(n, sizeof(*b->listeners));
	}
}

/* The next of them, with its name. */
static void named_begin(struct place *p, const char *name)
{
	struct config *c = p->b->config;

	if (p->group == KEYS_ACCOUNT) {
		struct config_account *a = &c->accounts[c->naccounts];

		p->lines = &p->b->accounts[c->naccounts++];
		p->base = a;
		p->server = &a->server;
		a->server.name = a->name = mem_strdup(name);
	} else if (p->group == KEYS_SOURCE) {
		struct config_source *s = &c->sources[c->nsources];

		p->lines = &p->b->sources[c->nsources++];
		p->base = s;
		p->server = &s->server;
		s->server.name = s->name = mem_strdup(name);
		s->server.of_source = true;
	} else {
		p->lines = &p->b->listeners[c->nlisteners];
		p->base = &c->listeners[c->nlisteners];
		c->listeners[c->nlisteners++].name = mem_strdup(name);
	}
}

/* `listeners', `accounts' and `sources': groups under names of the operator's choice. */
static void named_set(const struct place *outer, const struct key *k, const config_setting_t *s)
{
	struct build *b = outer->b;
	enum key_group group = strcmp(k->name, "accounts") == 0	 ? KEYS_ACCOUNT
			       : strcmp(k->name, "sources") == 0 ? KEYS_SOURCE
								 : KEYS_LISTENER;
	size_t n = (size_t)config_setting_length(s);

	if (n == 0 && b->strict)
		report_error(b->report, build_line_of(s), k->name, "the group is empty: expected NAME = { … }; in it");
	named_room(b, group, n);
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct place p = { .b = b, .group = group };
		struct buf got;

		place_path(k->name, config_setting_name(e), p.path);
		if (!config_setting_is_group(e) || !name_good(config_setting_name(e))) {
			buf_init(&got, 500);
			value_got_print(e, true, &got);
			report_error(b->report, build_line_of(e), p.path,
				     "expected a name of letters, digits, - and _, and a group { … }, got %s",
				     buf_str(&got));
			buf_free(&got);
			continue;
		}
		named_begin(&p, config_setting_name(e));
		if (config_setting_length(e) == 0 && b->strict)
			report_error(b->report, build_line_of(e), p.path, "the group is empty");
		group_set(&p, e);
	}
}

/* `oauth' and `skip': their fields and lines stand in those of what is around them. */
static void within_set(const struct place *outer, const struct key *k, const config_setting_t *s)
{
	struct place p = *outer;
	unsigned line = outer->lines->line;

	p.group = strcmp(k->name, "oauth") == 0 ? KEYS_OAUTH : KEYS_SKIP;
	if (p.group == KEYS_OAUTH)
		p.server->oauth = true;
	place_path(outer->path, k->name, p.path);
	group_set(&p, s);
	outer->lines->line = line;
}

static void inner_set(const struct place *outer, const struct key *k, const config_setting_t *s)
{
	struct place p = { .b = outer->b, .group = KEYS_LIMITS, .base = outer->base, .lines = &outer->b->limits };

	if (!config_setting_is_group(s)) {
		value_error(outer, k, s, "");
		return;
	}
	if (k->group != KEYS_TOP) {
		within_set(outer, k, s);
		return;
	}
	if (strcmp(k->name, "limits") != 0) {
		named_set(outer, k, s);
		return;
	}
	place_path(outer->path, k->name, p.path);
	if (config_setting_length(s) == 0 && p.b->strict)
		report_error(p.b->report, build_line_of(s), p.path, "the group is empty");
	group_set(&p, s);
}

/* All of one group. S may be NULL: then only the defaults. */
static void group_set(struct place *p, const config_setting_t *s)
{
	int n = s == NULL ? 0 : config_setting_length(s);

	if (s != NULL)
		p->lines->line = build_line_of(s);
	defaults_set(p);
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct slice name = slice_str(config_setting_name(e));
		const struct key *k = key_find(p->group, name);
		char path[REPORT_PATH_SIZE];
		struct buf near;

		if (k == NULL || (k->internal && p->b->strict)) {
			buf_init(&near, 300);
			key_suggest(p->group, name, &near);
			place_path(p->path, config_setting_name(e), path);
			report_error(p->b->report, build_line_of(e), path, "unknown%s", buf_str(&near));
			buf_free(&near);
			continue;
		}
		p->lines->key[key_index(k)] = build_line_of(e);
		if (k->type == KEY_GROUP)
			inner_set(p, k, e);
		else
			value_set(p, k, e);
	}
	required_check(p);
}

void build_config(struct build *b, const config_setting_t *root)
{
	struct place top = { .b = b, .group = KEYS_TOP, .base = b->config, .lines = &b->top };
	struct place limits = { .b = b, .group = KEYS_LIMITS, .base = b->config, .lines = &b->limits };

	_Static_assert(sizeof(enum config_tls) == sizeof(int) && sizeof(enum config_protocol) == sizeof(int) &&
			   sizeof(enum config_newlines) == sizeof(int) && sizeof(enum config_compress) == sizeof(int) &&
			   sizeof(enum config_mailbox) == sizeof(int) && sizeof(enum config_delete) == sizeof(int),
		       "KEY_ENUM fields are filled as int");
	group_set(&limits, NULL);
	group_set(&top, root);
	routes_finish(b->config, b->report);
}

void build_free(struct build *b)
{
	free(b->listeners);
	free(b->accounts);
	free(b->sources);
	b->listeners = b->accounts = b->sources = NULL;
}
