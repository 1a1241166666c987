#include "fetch/run.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "fetch/copy_map.h"
#include "fetch/run_impl.h"

enum {
	SESSIONS_MAX = 10, /* of one run, when messages break them … */
	SILENCES_MAX = 1   /* … but a server that is silent each time costs its timeout each time */
};

const char *run_end_name(enum run_end end)
{
	static const char *const names[] = {
		[RUN_OK] = "ok",
		[RUN_AWAY] = "server-away",
		[RUN_REFUSED] = "refused",
		[RUN_THROTTLED] = "throttled",
		[RUN_BROKEN] = "broken-server",
		[RUN_FULL] = "spool-full",
		[RUN_LOST] = "spool-lost",
		[RUN_PARTLY] = "partly",
	};

	return (size_t)end < sizeof names / sizeof names[0] ? names[end] : "unknown";
}

/* ---- how a run goes wrong ---- */
int run_stop(struct run *r, enum run_end end, const char *fmt, ...)
{
	va_list ap;

	if (r->stopped)
		return -1; /* the first reason is the one */
	r->stopped = true;
	r->result->end = end;
	va_start(ap, fmt);
	(void)vsnprintf(r->result->words, sizeof r->result->words, fmt, ap);
	va_end(ap);
	return -1;
}

static enum run_end end_of(const struct err *e)
{
	switch (e->class) {
	case ERR_CONFIG:
	case ERR_PERM:
		return RUN_REFUSED;
	case ERR_TEMP:
		return e->code == EUSERS ? RUN_THROTTLED : RUN_AWAY;
	case ERR_SYSTEM:
		return RUN_AWAY;
	default:
		return RUN_BROKEN;
	}
}

int run_source_failed(struct run *r, const struct err *e)
{
	const struct run_progress *p = &r->result->done;

	if (e->class == ERR_TEMP && e->code == ETIMEDOUT && p->messages_all > 0)
		return run_stop(r, RUN_AWAY, "%s; %llu of %llu messages were fetched, the next run goes on there",
				e->text, (unsigned long long)p->messages, (unsigned long long)p->messages_all);
	return run_stop(r, end_of(e), "%s", e->text);
}

int run_memory_failed(struct run *r, const struct err *e)
{
	r->memory_failed = true;
	return run_stop(r, RUN_LOST, "%s", e->text);
}

void run_trouble(struct run *r, enum run_end end, const char *fmt, ...)
{
	struct run_result *result = r->result;
	va_list ap;

	if (r->stopped || (*result->words != '\0' && (result->end != RUN_OK || end == RUN_OK)))
		return;
	result->end = end;
	va_start(ap, fmt);
	(void)vsnprintf(result->words, sizeof result->words, fmt, ap);
	va_end(ap);
}

void run_progress(struct run *r)
{
	if (r->setup->progress != NULL)
		r->setup->progress(r->setup->arg, &r->result->done);
}

/* ---- the spool's answers ---- */
int run_turn_wait(struct run *r)
{
	if (event_base_loop(r->setup->base, EVLOOP_ONCE) == 0)
		return 0;
	return run_stop(r, RUN_LOST, "the spool does not answer any more");
}

/* ---- what the driver's session asks for ---- */
static void turn(void *arg)
{
	const struct run *r = arg;

	(void)event_base_loop(r->setup->base, EVLOOP_NONBLOCK);
}

static int connect_source(void *arg, struct err *e)
{
	const struct run *r = arg;

	return r->setup->login.connect(r->setup->login.arg, e);
}

static char *access_token(void *arg, bool fresh, struct err *e)
{
	const struct run *r = arg;

	return r->setup->login.token(r->setup->login.arg, fresh, e);
}

/* ---- the memory ---- */
int run_change(struct run *r, enum origin_act act, const struct spool_origin *o)
{
	struct err e = { 0 };

	return changes_add(&r->changes, act, o, &e) == 0 ? 0 : run_memory_failed(r, &e);
}

int run_change_row(struct run *r, enum origin_act act, int64_t number)
{
	const struct spool_origin o = { .number = number };

	return run_change(r, act, &o);
}

int run_flush(struct run *r)
{
	struct err e = { 0 };

	if (changes_flush(&r->changes, &e) != 0)
		return run_memory_failed(r, &e);
	return 0;
}

static int add_generation(void *arg, const struct origin_folder *f)
{
	struct run *r = arg;
	struct generation *g;

	r->gens = mem_resize(r->gens, r->ngens + 1, sizeof *r->gens);
	g = &r->gens[r->ngens++];
	*g = (struct generation){ .f = *f,
				  .name = mem_strdup(f->name),
				  .mailbox = mem_strdup(f->mailbox == NULL ? "" : f->mailbox) };
	g->f.name = g->name;
	g->f.mailbox = g->mailbox;
	return 0;
}

int run_read_folders(struct run *r)
{
	struct err e = { 0 };

	if (spool_source_folders(r->setup->memory, add_generation, r, &e) != 0)
		return run_memory_failed(r, &e);
	return 0;
}

/* ---- a run ---- */
static int visit_all(struct run *r, const struct source_folder *folders, const struct copy_target *targets, size_t n)
{
	size_t visited = 0;
	int result = 0;
	bool *later;

	for (size_t i = 0; i < r->ngens; i++)
		for (size_t k = 0; k < n; k++)
			r->gens[i].listed = r->gens[i].listed || strcmp(r->gens[i].name, folders[k].name) == 0;
	later = mem_array(n, sizeof *later);
	for (size_t i = 0; i < n && result == 0; i++) {
		if ((targets != NULL && targets[i].folder == NULL) || (folders[i].target && !r->copy))
			continue; /* what was moved there was fetched */
		visited++;
		result = visit_folder(r, &folders[i], targets == NULL ? NULL : targets[i].folder,
				      n > 1 && r->setup->mode == RUN_FETCH ? VISIT_FIRST : VISIT_ONLY);
		later[i] = result > 0;
		result = result > 0 ? 0 : result;
	}
	for (size_t i = 0; i < n && result == 0; i++)
		if (later[i])
			result = visit_folder(r, &folders[i], NULL, VISIT_AGAIN);
	free(later);
	if (result != 0)
		return -1;
	if (r->result->end == RUN_PARTLY && r->entered == 0)
		r->result->end = RUN_REFUSED;
	r->result->done.folder = "";
	if (visited == 0)
		run_trouble(r, RUN_REFUSED, "%s has none of the folders that `folders' of source %s names",
			    r->source.server.host, r->source.name);
	return 0;
}

/* Folders that a copy leaves out. */
static void tell_left_out(struct run *r, const struct source_folder *folders, const struct copy_target *targets,
			  size_t n)
{
	for (size_t i = 0; i < n && r->setup->line != NULL; i++) {
		const struct run_line l = { .folder = folders[i].name, .name = "", .why = targets[i].why };

		if (targets[i].folder == NULL)
			r->setup->line(r->setup->arg, &l);
	}
}

static int work(struct run *r)
{
	struct source_folder *folders = NULL;
	struct copy_target *targets = NULL;
	const struct config_account *to = NULL;
	struct err e = { 0 };
	size_t n = 0;
	int result;

	if (r->copy) {
		to = config_account(r->setup->config, r->setup->copy_to);
		if (to == NULL)
			return run_stop(r, RUN_REFUSED, "there is no account %s", r->setup->copy_to);
	}
	r->session = r->setup->driver->open(&r->login, &e);
	if (r->session == NULL || r->setup->driver->folders(r->session, &folders, &n, &e) != 0)
		return run_source_failed(r, &e);
	if (to != NULL)
		targets = copy_map(folders, n, intake_facts(r->setup->intake, to), r->setup->source->folders,
				   r->setup->source->nfolders);
	if (targets != NULL)
		tell_left_out(r, folders, targets, n);
	result = visit_all(r, folders, targets, n);
	if (targets != NULL)
		copy_map_free(targets, n);
	source_folders_free(folders, n);
	return result;
}

/* A dry run ends like a broken connection, so that a POP3 server keeps even its marks of what was seen. */
static void end_session(struct run *r)
{
	struct err e = { 0 };

	if (r->session == NULL)
		return;
	if (r->stopped || r->setup->mode == RUN_DRY) {
		r->setup->driver->abort(&r->session);
		return;
	}
	step("fetch: before the session ends");
	if (r->setup->driver->leave(&r->session, &e) == 0)
		return;
	log_warning("no-orderly-end", LOG_STR("source", r->source.name), LOG_STR("error", e.text));
	if (r->removed)
		run_trouble(r, end_of(&e),
			    "the server did not confirm the end of the session, so removed messages may still be "
			    "there, and are removed again: %s",
			    e.text);
}

static bool is_same_mailbox(const struct run *r)
{
	const struct config_server *s = &r->source.server;

	for (size_t i = 0; i < r->setup->config->naccounts; i++) {
		const struct config_server *a = &r->setup->config->accounts[i].server;

		if (s->host != NULL && a->host != NULL && slice_eq_nocase(slice_str(s->host), slice_str(a->host)) &&
		    s->user != NULL && a->user != NULL && slice_eq_nocase(slice_str(s->user), slice_str(a->user)))
			return true;
	}
	return false;
}

/* All folders, but for those that are excluded. Those that show others' mail once more are no part of "*": whoever
 * copies is told of them. */
static void widen(struct config_source *s)
{
	static const char *const views[] = { "*", "\\All", "\\Flagged", "\\Important" };
	char **all = mem_array(s->nfolders + sizeof views / sizeof views[0], sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		all[n++] = (char *)(uintptr_t)views[i];
	for (size_t i = 0; i < s->nfolders; i++)
		if (s->folders[i][0] == '!')
			all[n++] = s->folders[i];
	s->folders = all;
	s->nfolders = n;
}

void run_prepare(struct run *r, const struct run_setup *setup, struct run_result *result)
{
	*r = (struct run){ .setup = setup, .result = result, .source = *setup->source, .login = setup->login };
	*result = (struct run_result){ .done.folder = "" };
	r->now_ms = clock_wall_ms();
	r->by_uid = r->source.protocol == CONFIG_IMAP;
	r->mailbox = mailbox_name(&r->source);
	r->copy = setup->copy_to != NULL && setup->mode != RUN_FETCH;
	r->same_mailbox = !r->copy && is_same_mailbox(r);
	if (r->copy)
		widen(&r->source);
	r->login.source = &r->source;
	r->login.message_max = (uint64_t)setup->config->limits.message_size;
	r->login.delay = &result->delay_ms;
	r->login.connect = connect_source;
	r->login.token = setup->login.token == NULL ? NULL : access_token;
	r->login.wake = turn;
	r->login.arg = r;
	/* A copy may take days: it has the time limits of single commands. */
	r->login.deadline = r->copy || r->source.deadline <= 0 ? 0 : clock_mono_ms() + r->source.deadline;
	rows_init(&r->retry);
	rows_init(&r->due);
	changes_init(&r->changes, setup->mode == RUN_DRY ? NULL : setup->memory);
}

static void forget_read(struct run *r)
{
	for (size_t i = 0; i < r->ngens; i++) {
		free(r->gens[i].name);
		free(r->gens[i].mailbox);
	}
	free(r->gens);
	r->gens = NULL;
	r->ngens = 0;
	rows_free(&r->retry);
	rows_free(&r->due);
	rows_init(&r->retry);
	rows_init(&r->due);
}

void run_clean(struct run *r)
{
	forget_read(r);
	rows_free(&r->retry);
	rows_free(&r->due);
	changes_free(&r->changes);
	free(r->counted);
	free(r->mailbox);
	if (r->copy)
		free(r->source.folders);
	r->result->done.folder = "";
}

static void run_session(struct run *r)
{
	if (run_read_folders(r) == 0 && originals_load(r) == 0)
		(void)work(r);
	if (!r->memory_failed)
		(void)run_flush(r);
	end_session(r);
}

/* The session broke off at a message, or a message broke it: the others need not wait for the next run. */
static bool may_go_on(struct run *r)
{
	struct run_progress *p = &r->result->done;

	if (!r->stopped || (r->result->end != RUN_BROKEN && r->result->end != RUN_AWAY) || r->memory_failed ||
	    (!r->broke_off && !r->refused) || r->silences > SILENCES_MAX)
		return false;
	if (r->refused)
		(void)snprintf(r->trouble, sizeof r->trouble,
			       "a message can't be had, and is asked for again later: %.230s", r->result->words);
	else if (r->result->end == RUN_BROKEN)
		(void)snprintf(r->trouble, sizeof r->trouble, "a session broke off, and another went on: %.230s",
			       r->result->words);
	r->stopped = r->refused = r->removed = r->broke_off = false;
	/* That a line broke once is no news when the next session has gone on. */
	(void)snprintf(r->result->words, sizeof r->result->words, "%s", r->trouble);
	r->result->end = RUN_OK;
	p->messages_all = p->messages;
	p->octets_all = p->octets;
	forget_read(r);
	return true;
}

void run_once(const struct run_setup *setup, struct run_result *result)
{
	struct run r;
	unsigned sessions = 0;

	run_prepare(&r, setup, result);
	do
		run_session(&r);
	while (++sessions < SESSIONS_MAX && may_go_on(&r));
	run_clean(&r);
}
