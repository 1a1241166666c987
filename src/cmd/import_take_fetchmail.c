/* fetchmail's .fetchids: the mailboxes that it tells of, and the sources that they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "cmd/import_state.h"
#include "cmd/import_take.h"
#include "cmd/text.h"

enum { GROUPS_MAX = 1000, NAME_BYTES = 8192 };

/* A mailbox of the file, USER@HOST, and the source that it is. */
struct group {
	struct slice user, host;
	const struct config_source *source;
	size_t messages;
};

struct reading {
	struct import_taking *taking;
	struct group groups[GROUPS_MAX];
	size_t ngroups, hint;
	const struct group *only;
};

static const char *group_name(const struct group *g, struct buf *out)
{
	struct buf raw;

	buf_init(&raw, NAME_BYTES);
	(void)buf_add_slice(&raw, g->user);
	(void)buf_add_char(&raw, '@');
	(void)buf_add_slice(&raw, g->host);
	buf_clear(out);
	(void)text_clean(out, buf_str(&raw), 200);
	buf_free(&raw);
	return buf_str(out);
}

static int on_group(void *arg, const struct import_seen *seen)
{
	struct reading *r = arg;
	size_t i = r->hint;

	/* The lines of a mailbox stand together. */
	if (i >= r->ngroups || !slice_eq(r->groups[i].user, seen->user) || !slice_eq(r->groups[i].host, seen->host))
		for (i = 0; i < r->ngroups; i++)
			if (slice_eq(r->groups[i].user, seen->user) && slice_eq(r->groups[i].host, seen->host))
				break;
	if (i == GROUPS_MAX)
		return 0;
	if (i == r->ngroups)
		r->groups[r->ngroups++] = (struct group){ .user = seen->user, .host = seen->host };
	r->hint = i;
	r->groups[i].messages++;
	return 0;
}

static int on_fetched(void *arg, const struct import_seen *seen)
{
	struct reading *r = arg;

	if (slice_eq(r->only->user, seen->user) && slice_eq(r->only->host, seen->host))
		import_take_add(r->taking, &(struct spool_import){ .name = import_take_copy(r->taking, seen->name) });
	return 0;
}

static bool is_user(const struct group *g, const struct config_source *s)
{
	return slice_eq(g->user, slice_str(s->server.user));
}

static bool is_host(const struct group *g, const struct config_source *s)
{
	return slice_eq_nocase(g->host, slice_str(s->server.host));
}

/* Which of the file's mailboxes is the source that was named? By its name in the file, by user and host, by user, or
 * because there is but one. */
static struct group *group_of(struct reading *r, const struct config_source *s)
{
	const char *of = r->taking->args->of;
	struct group *found = NULL;
	size_t users = 0;
	struct buf name;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < r->ngroups && of != NULL; i++)
		if (strcmp(group_name(&r->groups[i], &name), of) == 0)
			found = &r->groups[i];
	buf_free(&name);
	if (of != NULL)
		return found;
	for (size_t i = 0; i < r->ngroups; i++)
		if (is_user(&r->groups[i], s) && is_host(&r->groups[i], s))
			return &r->groups[i];
	for (size_t i = 0; i < r->ngroups; i++)
		if (is_user(&r->groups[i], s)) {
			found = &r->groups[i];
			users++;
		}
	return users == 1 ? found : users == 0 && r->ngroups == 1 ? &r->groups[0] : NULL;
}

static void groups_list(const struct reading *r)
{
	struct buf name;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < r->ngroups; i++)
		(void)fprintf(stderr, "  %s: %zu message%s\n", group_name(&r->groups[i], &name), r->groups[i].messages,
			      r->groups[i].messages == 1 ? "" : "s");
	buf_free(&name);
}

static int groups_assign(struct reading *r)
{
	const struct import_taking *t = r->taking;
	struct group *g;

	if (t->source != NULL) {
		if (t->source->protocol != CONFIG_POP3)
			return import_take_fail(t, EX_USAGE, "source %s is IMAP; fetchmail remembers POP3 mail only",
						t->source->name);
		g = group_of(r, t->source);
		if (g == NULL) {
			(void)import_take_fail(
			    t, EX_DATAERR,
			    "%s does not say which mail is that of source %s; give --of with one of these:",
			    t->args->file, t->source->name);
			groups_list(r);
			return EX_DATAERR;
		}
		g->source = t->source;
		return EX_OK;
	}
	for (size_t i = 0; i < r->ngroups; i++)
		for (size_t k = 0; k < t->config->nsources && r->groups[i].source == NULL; k++) {
			const struct config_source *s = &t->config->sources[k];

			if (s->protocol == CONFIG_POP3 && is_user(&r->groups[i], s) && is_host(&r->groups[i], s))
				r->groups[i].source = s;
		}
	return EX_OK;
}

/* EX_OK, or EX_DATAERR after saying which mailboxes of the file are no source's. */
static int strays_tell(const struct reading *r)
{
	const struct import_taking *t = r->taking;
	struct buf name;
	int status = EX_OK;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < r->ngroups && t->source == NULL; i++) {
		if (r->groups[i].source != NULL)
			continue;
		(void)group_name(&r->groups[i], &name);
		status = import_take_fail(
		    t, EX_DATAERR,
		    "%s: %zu messages of %s were left: no source of %s has this user and host. If one is that "
		    "mailbox: mailferry import fetchmailrc --state %s SOURCE --of '%s'",
		    t->args->file, r->groups[i].messages, buf_str(&name), t->config_file, t->args->file,
		    buf_str(&name));
	}
	buf_free(&name);
	return status;
}

static int all_take(struct reading *r, struct spool_admin *admin)
{
	struct import_taking *t = r->taking;
	struct buf name;
	int status, strays;
	size_t bad;

	bad = import_state_fetchmail(buf_slice(&t->text), on_group, r);
	if (bad > 0 && r->ngroups == 0)
		return import_take_fail(
		    t, EX_DATAERR, "%s: no line of it is USER@HOST UIDL: is it what fetchmail remembers (.fetchids)?",
		    t->args->file);
	if (r->ngroups == 0) {
		(void)printf("%s is empty: there is nothing to take over\n", t->args->file);
		return EX_OK;
	}
	import_take_bad(t, bad);
	status = groups_assign(r);
	strays = status == EX_OK ? strays_tell(r) : status;
	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < r->ngroups && status == EX_OK; i++) {
		if (r->groups[i].source == NULL)
			continue;
		r->only = &r->groups[i];
		t->source = r->groups[i].source;
		(void)import_state_fetchmail(buf_slice(&t->text), on_fetched, r);
		status = import_take_hand(t, admin, group_name(r->only, &name));
	}
	buf_free(&name);
	return status == EX_OK ? strays : status;
}

int import_take_fetchmail(struct import_taking *t, struct spool_admin *admin)
{
	struct reading *r = mem_alloc(sizeof *r);
	int status;

	r->taking = t;
	status = all_take(r, admin);
	free(r);
	return status;
}
