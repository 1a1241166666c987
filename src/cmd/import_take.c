#include "cmd/import_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/door.h"
#include "cmd/import_state.h"
#include "cmd/plans.h"
#include "cmd/text.h"

enum { ERRORS_MAX = 64 * 1024, GROUPS_MAX = 1000, GROW = 1024, NAME_BYTES = 8192 };

/* The mailboxes that a .fetchids tells of, USER@HOST, and the source that each is. */
struct group {
	struct slice user, host;
	const struct config_source *source;
	size_t messages;
};

struct taking {
	const struct command *self;
	const struct import_take *args;
	const char *config_file;
	const struct config *config;
	struct buf text, names;
	struct group *groups;
	size_t ngroups, hint;
	/* What is collected for one source. */
	const struct config_source *source;
	const struct group *only;
	const char *folder;
	bool mixed; /* an old file for all folders of a mailbox, which each line names */
	struct spool_import *all;
	size_t n, cap;
};

static int fail(const struct taking *t, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(const struct taking *t, int status, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: ", t->self->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return status;
}

/* A copy of S with a NUL. They never need more room than the file, so they never move. */
static const char *terminated(struct taking *t, struct slice s)
{
	size_t at = t->names.n;

	if (t->names.cap == 0)
		(void)buf_reserve(&t->names, t->text.n + 1);
	(void)buf_add_slice(&t->names, s);
	(void)buf_add_char(&t->names, '\0');
	return t->names.p + at;
}

static void add(struct taking *t, const struct spool_import *one)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? GROW : 2 * t->cap;
		t->all = mem_resize(t->all, t->cap, sizeof *t->all);
	}
	t->all[t->n++] = *one;
}

/* Hands over what was collected, and says so. WHOSE: as the file calls it. */
static int hand_over(struct taking *t, struct spool_admin *admin, const char *whose)
{
	const char *name = t->source->name;
	uint64_t added = 0;
	struct err e;

	if (plans_running(t->config_file, name))
		return fail(t, EX_TEMPFAIL, "source %s is being fetched now: wait until `mailferry status' says that this is over",
			    name);
	if (t->n > 0 && spool_admin_source_import(admin, name, t->all, t->n, &added, &e) != 0)
		return client_error(t->self, &e);
	(void)printf("source %s: %zu message%s of %s will not be fetched again", name, t->n, t->n == 1 ? "" : "s", whose);
	if (added < t->n)
		(void)printf(" (%llu of them %s known already)", (unsigned long long)(t->n - added),
			     t->n - added == 1 ? "was" : "were");
	(void)putchar('\n');
	t->n = 0;
	buf_clear(&t->names);
	return EX_OK;
}

static void bad_tell(const struct taking *t, size_t bad)
{
	if (bad > 0)
		(void)fail(t, 0, "%s: %zu line%s of it make%s no sense and %s left out", t->args->file, bad, bad == 1 ? "" : "s",
			   bad == 1 ? "s" : "", bad == 1 ? "was" : "were");
}

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

/* ---- fetchmail ---- */

static int on_group(void *arg, const struct import_seen *seen)
{
	struct taking *t = arg;
	size_t i = t->hint;

	/* The lines of a mailbox stand together. */
	if (i >= t->ngroups || !slice_eq(t->groups[i].user, seen->user) || !slice_eq(t->groups[i].host, seen->host))
		for (i = 0; i < t->ngroups; i++)
			if (slice_eq(t->groups[i].user, seen->user) && slice_eq(t->groups[i].host, seen->host))
				break;
	if (i == GROUPS_MAX)
		return 0;
	if (i == t->ngroups)
		t->groups[t->ngroups++] = (struct group){ .user = seen->user, .host = seen->host };
	t->hint = i;
	t->groups[i].messages++;
	return 0;
}

static int on_fetched(void *arg, const struct import_seen *seen)
{
	struct taking *t = arg;

	if (slice_eq(t->only->user, seen->user) && slice_eq(t->only->host, seen->host))
		add(t, &(struct spool_import){ .name = terminated(t, seen->name) });
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
static struct group *group_of(struct taking *t, const struct config_source *s)
{
	struct group *found = NULL;
	size_t users = 0;
	struct buf name;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < t->ngroups && t->args->of != NULL; i++)
		if (strcmp(group_name(&t->groups[i], &name), t->args->of) == 0)
			found = &t->groups[i];
	buf_free(&name);
	if (t->args->of != NULL)
		return found;
	for (size_t i = 0; i < t->ngroups; i++)
		if (is_user(&t->groups[i], s) && is_host(&t->groups[i], s))
			return &t->groups[i];
	for (size_t i = 0; i < t->ngroups; i++)
		if (is_user(&t->groups[i], s)) {
			found = &t->groups[i];
			users++;
		}
	return users == 1 ? found : users == 0 && t->ngroups == 1 ? &t->groups[0] : NULL;
}

static void groups_list(const struct taking *t)
{
	struct buf name;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < t->ngroups; i++)
		(void)fprintf(stderr, "  %s: %zu message%s\n", group_name(&t->groups[i], &name), t->groups[i].messages,
			      t->groups[i].messages == 1 ? "" : "s");
	buf_free(&name);
}

static int groups_assign(struct taking *t)
{
	struct group *g;

	if (t->source != NULL) {
		if (t->source->protocol != CONFIG_POP3)
			return fail(t, EX_USAGE, "source %s is IMAP; fetchmail remembers POP3 mail only", t->source->name);
		g = group_of(t, t->source);
		if (g == NULL) {
			(void)fail(t, EX_DATAERR, "%s does not say which mail is that of source %s; give --of with one of these:",
				   t->args->file, t->source->name);
			groups_list(t);
			return EX_DATAERR;
		}
		g->source = t->source;
		return EX_OK;
	}
	for (size_t i = 0; i < t->ngroups; i++)
		for (size_t k = 0; k < t->config->nsources && t->groups[i].source == NULL; k++) {
			const struct config_source *s = &t->config->sources[k];

			if (s->protocol == CONFIG_POP3 && is_user(&t->groups[i], s) && is_host(&t->groups[i], s))
				t->groups[i].source = s;
		}
	return EX_OK;
}

/* EX_OK, or EX_DATAERR after saying which mailboxes of the file are no source's. */
static int strays_tell(const struct taking *t)
{
	struct buf name;
	int status = EX_OK;

	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < t->ngroups && t->source == NULL; i++) {
		if (t->groups[i].source != NULL)
			continue;
		(void)group_name(&t->groups[i], &name);
		status = fail(t, EX_DATAERR,
			      "%s: %zu messages of %s were left: no source of %s has this user and host. If one is that "
			      "mailbox: mailferry import fetchmailrc --state %s SOURCE --of '%s'",
			      t->args->file, t->groups[i].messages, buf_str(&name), t->config_file, t->args->file,
			      buf_str(&name));
	}
	buf_free(&name);
	return status;
}

static int fetchmail_take(struct taking *t, struct spool_admin *admin)
{
	struct buf name;
	int status, strays;
	size_t bad;

	t->groups = mem_array(GROUPS_MAX, sizeof *t->groups);
	bad = import_state_fetchmail(buf_slice(&t->text), on_group, t);
	if (bad > 0 && t->ngroups == 0)
		return fail(t, EX_DATAERR, "%s: no line of it is USER@HOST UIDL: is it what fetchmail remembers (.fetchids)?",
			    t->args->file);
	if (t->ngroups == 0) {
		(void)printf("%s is empty: there is nothing to take over\n", t->args->file);
		return EX_OK;
	}
	bad_tell(t, bad);
	status = groups_assign(t);
	strays = status == EX_OK ? strays_tell(t) : status;
	buf_init(&name, NAME_BYTES);
	for (size_t i = 0; i < t->ngroups && status == EX_OK; i++) {
		if (t->groups[i].source == NULL)
			continue;
		t->only = &t->groups[i];
		t->source = t->groups[i].source;
		(void)import_state_fetchmail(buf_slice(&t->text), on_fetched, t);
		status = hand_over(t, admin, group_name(t->only, &name));
	}
	buf_free(&name);
	return status == EX_OK ? strays : status;
}

/* ---- getmail ---- */

static int on_seen(void *arg, const struct import_seen *seen)
{
	struct taking *t = arg;
	struct spool_import one = { .folder = t->folder, .uidvalidity = seen->uidvalidity, .uid = seen->uid,
				    .taken_ms = seen->seen_ms };

	if (seen->folder.n > 0 && t->mixed)
		one.folder = terminated(t, seen->folder);
	if (seen->uid == 0)
		one.name = terminated(t, seen->name);
	add(t, &one);
	return 0;
}

/* The folder that the file's name means: one that the source names, else what stands there. From mem_alloc. */
static char *folder_find(const struct config_source *s, struct slice part)
{
	for (size_t i = 0; i < s->nfolders; i++)
		if (import_state_is_folder(part, s->folders[i]))
			return mem_strdup(s->folders[i]);
	return part.n == 0 ? mem_strdup("INBOX") : slice_dup(part);
}

/* Whose memory is the file? NULL after an error. */
static const struct config_source *getmail_source(struct taking *t, struct slice *part)
{
	*part = SLICE_NONE;
	for (size_t i = 0; i < t->config->nsources; i++) {
		const struct config_source *s = &t->config->sources[i];

		if ((t->source == NULL || t->source == s) &&
		    import_state_of(t->args->file, s->server.host, s->server.port, s->server.user, part))
			return s;
	}
	if (t->source == NULL)
		(void)fail(t, EX_DATAERR,
			   "%s: no source of %s has the server, port and user of this name; if one is that mailbox, name it behind "
			   "the file",
			   t->args->file, t->config_file);
	else if (t->source->protocol == CONFIG_IMAP && t->args->folder == NULL)
		(void)fail(t, EX_USAGE, "%s: its name does not tell the folder of source %s: give --folder NAME", t->args->file,
			   t->source->name);
	else
		return t->source;
	return NULL;
}

static int getmail_take(struct taking *t, struct spool_admin *admin)
{
	struct slice part;
	char *folder = NULL, *whose;
	size_t bad;
	int status;

	t->source = getmail_source(t, &part);
	if (t->source == NULL)
		return EX_DATAERR;
	if (t->source->protocol == CONFIG_IMAP)
		folder = t->args->folder != NULL ? mem_strdup(t->args->folder) : folder_find(t->source, part);
	t->folder = folder;
	t->mixed = t->args->folder == NULL && part.n == 0;
	bad = import_state_getmail(buf_slice(&t->text), folder != NULL, on_seen, t);
	if (t->n == 0 && bad > 0) {
		status = fail(t, EX_DATAERR, "%s: no line of it is what getmail remembers of %s mail", t->args->file,
			      folder != NULL ? "IMAP" : "POP3");
	} else {
		bad_tell(t, bad);
		whose = folder == NULL ? mem_strdup("this mailbox")
			: t->mixed	 ? mem_strdup("this mailbox's folders")
					 : mem_printf("folder %s", folder);
		status = hand_over(t, admin, whose);
		free(whose);
	}
	free(folder);
	return status;
}

/* ---- both ---- */

static int take(struct taking *t)
{
	struct door door;
	struct err e;
	int status;

	if (file_read(t->args->file, &t->text, &e) != 0)
		return client_error(t->self, &e) == EX_DATAERR ? EX_DATAERR : EX_NOINPUT;
	status = door_open(&door, t->self, t->config_file);
	if (status == EX_OK && strcmp(t->args->program, "fetchmail") == 0)
		status = fetchmail_take(t, door.admin);
	else if (status == EX_OK)
		status = getmail_take(t, door.admin);
	door_close(&door);
	return status;
}

int import_take(const struct command *self, const char *config_file, const struct import_take *args)
{
	struct taking t = { .self = self, .args = args, .config_file = config_file };
	struct config *config;
	struct buf errors;
	int status = EX_OK;

	buf_init(&errors, ERRORS_MAX);
	buf_init(&t.text, IMPORT_STATE_MAX);
	buf_init(&t.names, IMPORT_STATE_MAX + 1);
	t.config = config = config_look(config_file, &errors);
	if (config == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		status = EX_CONFIG;
	} else if (args->source != NULL && (t.source = config_source(config, args->source)) == NULL) {
		status = fail(&t, EX_USAGE, "%s has no source \"%s\"", config_file, args->source);
	}
	if (status == EX_OK)
		status = take(&t);
	free(t.groups);
	free(t.all);
	buf_free(&t.text);
	buf_free(&t.names);
	buf_free(&errors);
	config_free(&config);
	return status;
}
