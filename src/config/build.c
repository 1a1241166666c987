#include "config/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/route.h"
#include "config/value.h"

/* Where a value stands and what is being filled. */
struct place {
	struct build *b;
	enum key_group group;
	void *base;
	struct config_server *server; /* of an account or a source: what KEYS_SERVER and KEYS_OAUTH fill */
	struct group_lines *lines;
	char path[REPORT_PATH_SIZE]; /* "accounts.office", or "" */
};

static unsigned line_of(const config_setting_t *s)
{
	return (unsigned)(uintptr_t)config_setting_get_hook(s);
}

/* What holds the field of K. */
static void *base_of(const struct place *p, const struct key *k)
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

static void path_join(const char *path, const char *name, char out[REPORT_PATH_SIZE])
{
	/* Cut where it is absurdly long: an error line need not repeat all of it. */
	(void)snprintf(out, REPORT_PATH_SIZE, "%.120s%s%.120s", path, path[0] == '\0' ? "" : ".", name);
}

static void got_print(const config_setting_t *s, bool secret, struct buf *out)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		if (secret) {
			(void)buf_add_str(out, "another text");
			return;
		}
		(void)buf_add_char(out, '"');
		report_quote(out, slice_str(config_setting_get_string(s)), 80);
		(void)buf_add_char(out, '"');
		return;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		(void)buf_addf(out, secret ? "a number" : "%lld", config_setting_get_int64(s));
		return;
	case CONFIG_TYPE_FLOAT:
		(void)buf_addf(out, secret ? "a number" : "%g", config_setting_get_float(s));
		return;
	case CONFIG_TYPE_BOOL:
		(void)buf_add_str(out, config_setting_get_bool(s) ? "true" : "false");
		return;
	case CONFIG_TYPE_GROUP:
		(void)buf_add_str(out, "a group { … }");
		return;
	default:
		(void)buf_add_str(out, "a list");
	}
}

/* A password, or a command that may hold one in spite of the manual. */
static bool is_private(const struct key *k)
{
	return k->type == KEY_SECRET || k->type == KEY_SECRETS || strncmp(k->name, "password", 8) == 0;
}

/* "expected …, got …", and why. */
static void value_error(const struct place *p, const struct key *k, const config_setting_t *s, const char *hint)
{
	char path[REPORT_PATH_SIZE];
	struct buf text;
	bool bare = config_setting_is_number(s) && (k->type == KEY_SIZE || k->type == KEY_DURATION);

	path_join(p->path, k->name, path);
	buf_init(&text, 2000);
	(void)buf_add_str(&text, "expected ");
	key_expects(k, &text);
	(void)buf_add_str(&text, ", got ");
	got_print(s, is_private(k), &text);
	if (bare)
		hint = k->type == KEY_SIZE ? "write number and unit in quotes, such as \"50M\""
					   : "write number and unit in quotes, such as \"10m\"";
	else if (config_setting_is_number(s) && k->type != KEY_COUNT && k->type != KEY_PORT)
		hint = "put it in quotes";
	if (hint[0] != '\0')
		(void)buf_addf(&text, ": %s", hint);
	report_error(p->b->report, line_of(s), path, "%s", buf_str(&text));
	mem_wipe(text.p, text.n);
	buf_free(&text);
}

static int number_set(const struct place *p, const struct key *k, long long n)
{
	void *at = (char *)base_of(p, k) + k->offset;
	uint16_t port = (uint16_t)n;
	unsigned count = (unsigned)n;

	if (n < k->min || n > k->max)
		return -1;
	if (k->type == KEY_PORT)
		memcpy(at, &port, sizeof(port));
	else
		memcpy(at, &count, sizeof(count));
	return 0;
}

static bool is_integer(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64;
}

/* One text, or an array or list of them. */
static void list_set(const struct place *p, const struct key *k, const config_setting_t *s)
{
	bool one = config_setting_type(s) == CONFIG_TYPE_STRING;
	int n = one ? 1 : config_setting_length(s);
	char hint[VALUE_HINT_SIZE] = "";

	if (!one && !config_setting_is_array(s) && !config_setting_is_list(s)) {
		value_error(p, k, s, hint);
		return;
	}
	if (n == 0) {
		value_error(p, k, s, "it is empty");
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = one ? s : config_setting_get_elem(s, (unsigned)i);
		int failed = -1;

		hint[0] = '\0';
		if (config_setting_type(e) == CONFIG_TYPE_STRING) {
			struct slice text = slice_str(config_setting_get_string(e));

			if (k->type == KEY_ADDRESSES)
				failed = build_address(p->b, p->base, text, line_of(e), hint);
			else if (k->type == KEY_PINS)
				failed = build_pin(p->server, text, hint);
			else if (k->type == KEY_NETWORKS)
				failed = build_network(p->base, text, hint);
			else
				failed = build_element(k, text, base_of(p, k), hint);
		}
		if (failed)
			value_error(p, k, e, hint);
	}
}

/* A password in a file that everybody may read is no secret any more. */
static void secret_check(const struct place *p, const struct key *k, const config_setting_t *s)
{
	const struct source_file *f = source_file(p->b->source, line_of(s));
	char path[REPORT_PATH_SIZE];

	if (!p->b->files || f->readable == NULL)
		return;
	path_join(p->path, k->name, path);
	report_error(p->b->report, line_of(s), path, "%s", f->readable);
}

static void value_set(const struct place *p, const struct key *k, const config_setting_t *s)
{
	char hint[VALUE_HINT_SIZE] = "";
	const char *file = p->b->files ? p->b->config->file : NULL;
	int failed = -1;
	bool flag;

	switch (k->type) {
	case KEY_ADDRESSES:
	case KEY_NETWORKS:
	case KEY_PINS:
	case KEY_FIELDS:
	case KEY_FOLDERS:
	case KEY_TIMES:
		list_set(p, k, s);
		return;
	case KEY_COUNT:
	case KEY_PORT:
		if (is_integer(s))
			failed = number_set(p, k, config_setting_get_int64(s));
		break;
	case KEY_BOOL:
		if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
			flag = config_setting_get_bool(s) != 0;
			memcpy((char *)base_of(p, k) + k->offset, &flag, sizeof(flag));
			failed = 0;
		}
		break;
	default:
		if (config_setting_type(s) == CONFIG_TYPE_STRING)
			failed = build_text(k, slice_str(config_setting_get_string(s)), file, base_of(p, k), hint);
	}
	if (failed)
		value_error(p, k, s, hint);
	else if (k->type == KEY_SECRET)
		secret_check(p, k, s);
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
			memcpy((char *)base_of(p, k) + k->offset, &flag, sizeof(flag));
		else if (k->type == KEY_COUNT)
			(void)number_set(p, k, strtoll(k->otherwise, NULL, 10));
		else
			(void)build_text(k, slice_str(k->otherwise), NULL, base_of(p, k), hint);
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
		path_join(p->path, k->name, path);
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
		report_error(b->report, line_of(s), k->name, "the group is empty: expected NAME = { … }; in it");
	named_room(b, group, n);
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct place p = { .b = b, .group = group };
		struct buf got;

		path_join(k->name, config_setting_name(e), p.path);
		if (!config_setting_is_group(e) || !name_good(config_setting_name(e))) {
			buf_init(&got, 500);
			got_print(e, true, &got);
			report_error(b->report, line_of(e), p.path,
				     "expected a name of letters, digits, - and _, and a group { … }, got %s",
				     buf_str(&got));
			buf_free(&got);
			continue;
		}
		named_begin(&p, config_setting_name(e));
		if (config_setting_length(e) == 0 && b->strict)
			report_error(b->report, line_of(e), p.path, "the group is empty");
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
	path_join(outer->path, k->name, p.path);
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
	path_join(outer->path, k->name, p.path);
	if (config_setting_length(s) == 0 && p.b->strict)
		report_error(p.b->report, line_of(s), p.path, "the group is empty");
	group_set(&p, s);
}

/* All of one group. S may be NULL: then only the defaults. */
static void group_set(struct place *p, const config_setting_t *s)
{
	int n = s == NULL ? 0 : config_setting_length(s);

	if (s != NULL)
		p->lines->line = line_of(s);
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
			path_join(p->path, config_setting_name(e), path);
			report_error(p->b->report, line_of(e), path, "unknown%s", buf_str(&near));
			buf_free(&near);
			continue;
		}
		p->lines->key[key_index(k)] = line_of(e);
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
