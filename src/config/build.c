#include "config/build_impl.h"

#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

		if (!key_is_of(k, p->group) || !key_is_required(k, p->group) || p->lines->key[i] != 0)
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

/* Groups under names of the operator's choice. Each element begins with its name. */
static const struct named {
	const char *key;
	enum key_group group;
	size_t size;	    /* of an element */
	size_t list, count; /* where struct config has them */
	size_t lines;	    /* where struct build has theirs */
	size_t server;	    /* where an element has its struct config_server; NO_SERVER */
} named[] = {
#define NAMED(key, group, list, count, server)                                                                         \
	{                                                                                                              \
		key, group, sizeof *((struct config *)NULL)->list, offsetof(struct config, list),                      \
		    offsetof(struct config, count), offsetof(struct build, list), server                               \
	}
#define NO_SERVER SIZE_MAX
	NAMED("certificates", KEYS_CERTIFICATE, certificates, ncertificates, NO_SERVER),
	NAMED("listeners", KEYS_LISTENER, listeners, nlisteners, NO_SERVER),
	NAMED("milters", KEYS_MILTER, milters, nmilters, NO_SERVER),
	NAMED("accounts", KEYS_ACCOUNT, accounts, naccounts, offsetof(struct config_account, server)),
	NAMED("sources", KEYS_SOURCE, sources, nsources, offsetof(struct config_source, server)),
	NAMED("relay_for", KEYS_RELAY_FOR, relay_for, nrelay_for, NO_SERVER),
};
enum { NNAMED = sizeof named / sizeof named[0] };

_Static_assert(offsetof(struct config_certificate, name) == 0 && offsetof(struct config_listener, name) == 0 &&
		   offsetof(struct config_account, name) == 0 && offsetof(struct config_source, name) == 0 &&
		   offsetof(struct config_milter, name) == 0 && offsetof(struct config_relay_for, name) == 0,
	       "an element of a named group begins with its name");

static const struct named *named_find(enum key_group group)
{
	size_t i = 0;

	while (i < NNAMED && named[i].group != group)
		i++;
	return i < NNAMED ? &named[i] : NULL;
}

static struct group_lines **named_lines(struct build *b, const struct named *n)
{
	return (struct group_lines **)(void *)((char *)b + n->lines);
}

/* Room for N of them, before the first is read. */
static void named_room(struct build *b, const struct named *of, size_t n)
{
	*(void **)(void *)((char *)b->config + of->list) = mem_array(n, of->size);
	*named_lines(b, of) = mem_array(n, sizeof(struct group_lines));
}

/* The next of them, with its name. */
static void named_begin(struct place *p, const struct named *of, const char *name)
{
	char *config = (char *)p->b->config;
	size_t *n = (size_t *)(void *)(config + of->count);
	char *list, *copy = mem_strdup(name);

	memcpy(&list, config + of->list, sizeof list);
	p->base = list + *n * of->size;
	p->lines = &(*named_lines(p->b, of))[*n];
	memcpy(p->base, &copy, sizeof copy);
	if (of->server != NO_SERVER) {
		p->server = (struct config_server *)(void *)((char *)p->base + of->server);
		p->server->name = copy;
		p->server->of_source = of->group == KEYS_SOURCE;
	}
	++*n;
}

static void named_set(const struct place *outer, const struct named *of, const struct key *k, const config_setting_t *s)
{
	struct build *b = outer->b;
	size_t n = (size_t)config_setting_length(s);

	if (n == 0 && b->strict)
		report_error(b->report, build_line_of(s), k->name, "the group is empty: expected NAME = { … }; in it");
	named_room(b, of, n);
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct place p = { .b = b, .group = of->group };
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
		named_begin(&p, of, config_setting_name(e));
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

	p.group = k->inner;
	if (p.group == KEYS_OAUTH)
		p.server->oauth = true;
	place_path(outer->path, k->name, p.path);
	group_set(&p, s);
	outer->lines->line = line;
}

/* The one of its kind. */
static void relay_set(const struct place *outer, const config_setting_t *s)
{
	struct config *c = outer->b->config;
	struct place p = { .b = outer->b, .group = KEYS_RELAY, .lines = &outer->b->relay, .path = CONFIG_RELAY };

	p.base = c->relay = mem_alloc(sizeof *c->relay);
	p.server = &c->relay->server;
	p.server->name = CONFIG_RELAY;
	p.server->of_relay = true;
	if (config_setting_length(s) == 0 && p.b->strict)
		report_error(p.b->report, build_line_of(s), p.path, "the group is empty");
	group_set(&p, s);
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
	if (named_find(k->inner) != NULL) {
		named_set(outer, named_find(k->inner), k, s);
		return;
	}
	if (k->inner == KEYS_RELAY) {
		relay_set(outer, s);
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

#define FILLED_AS_INT(name) _Static_assert(sizeof(enum name) == sizeof(int), "KEY_ENUM fields are filled as int")
	FILLED_AS_INT(config_tls);
	FILLED_AS_INT(config_offer);
	FILLED_AS_INT(config_protocol);
	FILLED_AS_INT(config_newlines);
	FILLED_AS_INT(config_compress);
	FILLED_AS_INT(config_mailbox);
	FILLED_AS_INT(config_auth);
	FILLED_AS_INT(config_sandbox);
	FILLED_AS_INT(config_delete);
	FILLED_AS_INT(config_haste);
	FILLED_AS_INT(config_doubt);
	FILLED_AS_INT(config_failure);

	group_set(&limits, NULL);
	group_set(&top, root);
	routes_finish(b->config, b->report);
}

void build_free(struct build *b)
{
	for (size_t i = 0; i < NNAMED; i++) {
		free(*named_lines(b, &named[i]));
		*named_lines(b, &named[i]) = NULL;
	}
}
