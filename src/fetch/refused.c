/* Messages that the server does not give, or on which it hangs up: remembered, so that the others get their turn. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fetch/run_impl.h"

bool refused_in_doubt(const struct visit *v, const struct item *item)
{
	return item->row == PAIR_NONE && item->head == PAIR_NONE && item->suspect != PAIR_NONE &&
	       v->rows.all[item->suspect].item == PAIR_NONE;
}

int refused_add(struct visit *v, struct item *item, const char *words)
{
	struct spool_origin o = visit_origin(v, item, ORIGIN_REFUSED);
	char reason[400];

	(void)snprintf(reason, sizeof reason, "the server does not give it: %.300s",
		       words == NULL || *words == '\0' ? "it does not say why" : words);
	o.reason = reason;
	o.tries = 1;
	o.tried_ms = v->run->now_ms;
	if (item->need != ITEM_TAKE)
		return 0; /* it is remembered for another reason */
	item->need = ITEM_DONE;
	visit_line(v, item, SLICE_NONE, reason);
	log_warning("original-refused", LOG_STR("source", v->run->source.name), LOG_STR("folder", v->folder->name),
		    LOG_NUM("number", item->number), LOG_STR("why", words));
	run_trouble(v->run, RUN_OK, "a message can't be had, and is asked for again later: %s", reason);
	if (!v->run->by_uid && item->name == 0 && !head_is_known(o.head)) {
		item->need = ITEM_UNKNOWN;
		return 0;
	}
	if (refused_in_doubt(v, item)) {
		/* Is it what its name means in the memory, or is it new? Nothing is taken for granted, nothing removed.
		 */
		item->need = ITEM_UNKNOWN;
		v->rows.all[item->suspect].item = (uint32_t)(item - v->list.all);
		return 0;
	}
	v->run->refused = true;
	return run_change(v->run, o.number == 0 ? ORIGIN_ADD : ORIGIN_TRIED, &o);
}

void refused_suspect(struct visit *v, struct item *item, const struct err *e)
{
	struct run *r = v->run;
	char words[400];

	if (item == NULL || item->need != ITEM_TAKE || r->stopped ||
	    (e->class != ERR_TEMP && e->class != ERR_PROTOCOL) || e->code == EUSERS ||
	    (r->login.deadline > 0 && clock_mono_ms() >= r->login.deadline))
		return;
	r->broke_off = true;
	r->silences += e->code == ETIMEDOUT;
	if (r->suspect.folder == v->gen->f.number && r->suspect.uid == (r->by_uid ? item->number : 0) &&
	    r->suspect.size == item->size && strcmp(r->suspect.name, listing_name(&v->list, item)) == 0) {
		(void)snprintf(words, sizeof words, "it breaks off each time: %.300s", e->text);
		(void)refused_add(v, item, words);
		return;
	}
	r->suspect.folder = v->gen->f.number;
	r->suspect.uid = r->by_uid ? item->number : 0;
	r->suspect.size = item->size;
	(void)snprintf(r->suspect.name, sizeof r->suspect.name, "%s", listing_name(&v->list, item));
}
