/* SIGHUP: the configuration and the rules are read again. What is wrong changes nothing. */
#include "base/log.h"
#include "cmd/fetcher.h"
#include "cmd/notify.h"
#include "cmd/supervisor.h"

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
		} else if (s->kind == SLOT_STORE || s->kind == SLOT_TOKEN) {
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

	if (fixed != NULL)
		(void)buf_addf(errors, "%s: %s: a running mailferry can't change it: restart mailferry\n", sup->file,
			       fixed);
	if (next != NULL && (fixed != NULL || (!sup->sync_only && setup_bind(next, sup->setup, errors) != 0)))
		setup_free(&next);
	return next;
}

void supervisor_reload(struct supervisor *sup)
{
	struct setup *next;
	struct buf errors;

	if (sup->stage != STAGE_RUNNING)
		return;
	notify_manager("RELOADING=1");
	buf_init(&errors, ERRORS_MAX);
	next = reload_load(sup, &errors);
	if (next == NULL) {
		supervisor_log_lines("configuration-error", &errors);
		log_error("reload-failed",
			  LOG_STR("what", "the old configuration stays in force; correct the errors above and "
					  "reload again"));
	} else {
		if (!sup->sync_only)
			setup_unlink(sup->setup, next);
		setup_free(&sup->setup);
		sup->setup = next;
		supervisor_set_level(sup);
		replace_workers(sup);
		slot_match(sup);
		lift_holds(sup);
		log_info("reloaded", LOG_STR("file", sup->file));
		slot_consider_all(sup);
	}
	buf_free(&errors);
	notify_manager("READY=1");
}
