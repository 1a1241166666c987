/* SIGHUP: the configuration and the rules are read again. What is wrong changes nothing. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/fetcher.h"
#include "cmd/notify.h"
#include "cmd/supervisor.h"
#include "intake/notice.h"

enum { ERRORS_MAX = 64 * 1024 };

/* What runs with the old configuration makes way: receivers when their successors are ready, stores and the token role when
 * they have finished what is in hand, fetchers when their run has ended, the spool only if its own part changed. */
static void replace_workers(struct supervisor *sup)
{
	struct buf part;

	for (struct slot *s = sup->slots; s != NULL; s = s->next) {
		if (s->worker == NULL)
			continue;
		if (s->kind == SLOT_RECEIVER || s->kind == SLOT_CONNECT) {
			struct worker *w = s->worker;

			s->worker = NULL;
			w->slot = NULL;
			/* A receiver that is starting may have greeted a client before its word reaches us: it is
			 * drained like the others. */
			if (s->kind == SLOT_CONNECT)
				worker_stop(w);
		} else if (slot_kind_files(s->kind) || s->kind == SLOT_TOKEN) {
			worker_stop(s->worker);
		} else if (s->fetcher != NULL) {
			fetcher_replace(s->fetcher);
		}
	}
	buf_init(&part, sup->spool_part.max);
	if (config_render(sup->setup->config, CONFIG_PART_SPOOL, NULL, &part) == 0 &&
	    !slice_eq(buf_slice(&part), buf_slice(&sup->spool_part)))
		for (struct worker *w = sup->workers; w != NULL; w = w->next)
			if (w->kind == SLOT_SPOOL)
				worker_stop(w);
	buf_free(&part);
}

/* A password that was corrected need not wait until its account's hold is over. */
static void lift_holds(struct supervisor *sup)
{
	struct worker *w = worker_of_kind(sup, SLOT_SPOOL);

	if (w != NULL)
		worker_lift(w, NULL);
	fetchers_lift(sup, false);
}

static struct setup *reload_load(struct supervisor *sup, struct buf *errors)
{
	struct setup *next = setup_load(sup->file, errors);
	const char *fixed = next == NULL ? NULL : setup_fixed_key(sup->setup, next);
	struct err e;

	if (fixed != NULL)
		(void)buf_addf(errors, "%s: %s: a running mailferry can't change it: restart mailferry\n", sup->file,
			       fixed);
	if (next != NULL && fixed == NULL && supervisor_sandbox(next, &e) != 0) {
		(void)buf_addf(errors, "%s\n", e.text);
		setup_free(&next);
	}
	if (next != NULL && (fixed != NULL || (!sup->sync_only && setup_bind(next, sup->setup, errors) != 0)))
		setup_free(&next);
	return next;
}

/* 0, or -1 with what was wrong in ERRORS. */
static int reload(struct supervisor *sup, struct buf *errors)
{
	struct setup *next;

	notify_reloading(sup->manager);
	sup->reloading = true;
	next = reload_load(sup, errors);
	sup->wrong = next == NULL;
	if (next == NULL) {
		supervisor_log_lines("configuration-error", LOG_ERROR, errors);
		log_error("reload-failed",
			  LOG_STR("what", "the old configuration stays in force; correct the errors above and "
					  "reload again"));
	} else {
		if (!sup->sync_only)
			setup_unlink(sup->setup, next);
		setup_free(&sup->setup);
		sup->setup = next;
		watch_set(&sup->watch, next->config);
		supervisor_set_level(sup);
		replace_workers(sup);
		slot_match(sup);
		lift_holds(sup);
		supervisor_log_lines("rules-warning", LOG_WARNING, &next->rules.warnings);
		log_info("reloaded", LOG_STR("file", sup->file));
		slot_consider_all(sup);
	}
	/* Else when the new receivers are ready. */
	supervisor_announce(sup);
	return next == NULL ? -1 : 0;
}

void supervisor_reload(struct supervisor *sup)
{
	struct buf errors;

	if (sup->stage != STAGE_RUNNING)
		return;
	/* What is read now is not news in a minute. */
	(void)watch_changed(&sup->watch);
	buf_init(&errors, ERRORS_MAX);
	(void)reload(sup, &errors);
	buf_free(&errors);
}

void supervisor_look_at_files(struct supervisor *sup)
{
	const char *path;
	struct buf errors;
	char *name;

	if (sup->stage != STAGE_RUNNING || sup->sync_only)
		return;
	path = watch_changed(&sup->watch);
	if (path == NULL)
		return;
	log_info("file-changed", LOG_STR("file", path));
	name = mem_strdup(path);
	buf_init(&errors, ERRORS_MAX);
	/* Half of a renewal is no disaster: when the other half is there, the files have changed again. */
	if (reload(sup, &errors) != 0)
		supervisor_tell(sup, name, NOTICE_FILES, buf_str(&errors));
	buf_free(&errors);
	free(name);
}
