/* Messages go from the source through intake into the spool, many on their way at once. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "fetch/take_impl.h"

static int take_begin(void *arg, const struct source_item *item)
{
	struct take *k = arg;
	struct item *mine = listing_find(&k->v->list, item->number);

	taking_free(&k->now);
	if (mine == NULL || mine->need != ITEM_TAKE)
		return run_stop(k->v->run, RUN_BROKEN, "the server answered what was not asked");
	k->now = mem_alloc(sizeof *k->now);
	k->now->take = k;
	k->now->item = mine;
	head_gather_init(&k->now->gather);
	return 0;
}

static int take_piece(void *arg, struct slice bytes)
{
	struct take *k = arg;
	struct taking *t = k->now;
	struct run *r = k->v->run;

	if (t == NULL)
		return run_stop(r, RUN_BROKEN, "a piece of no message came");
	t->octets += bytes.n;
	r->result->done.octets = k->octets_before + (t->octets < t->item->size ? t->octets : t->item->size);
	if (taking_bound(t) != 0)
		return -1;
	if (t->state == TAKING_HEAD) {
		if (head_gather_add(&t->gather, &bytes) != 0)
			return run_stop(r, RUN_FULL, "there is no memory for a header");
		if (t->gather.done && taking_decide(t) != 0)
			return -1;
	}
	run_progress(r);
	if (t->state == TAKING_BODY && taking_feed(t, bytes) != 0)
		return -1;
	return r->stopped ? -1 : 0;
}

/* Who finds it at the source for all that sees here why it was not fetched. The next run that lists it asks again. */
static void vanished(const struct visit *v, struct item *item, const char *words)
{
	item->need = ITEM_DONE;
	log_info("original-vanished", LOG_STR("source", v->run->source.name), LOG_STR("folder", v->folder->name),
		 LOG_NUM("number", item->number), LOG_STR("why", words == NULL || *words == '\0' ? NULL : words));
}

static int take_end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	struct take *k = arg;
	struct visit *v = k->v;
	struct item *mine;
	int r = 0;
	size_t i;

	if (visit_asked(v, item, k->items, k->n, k->ended, &i) != 0)
		return -1;
	mine = &v->list.all[k->which[i]];
	if (got == SOURCE_GOT_VANISHED)
		vanished(v, mine, words);
	else if (got == SOURCE_GOT_REFUSED)
		r = refused_add(v, mine, words);
	else if (k->now == NULL || k->now->item != mine)
		r = run_stop(v->run, RUN_BROKEN, "the end of a message came without the message");
	else
		r = taking_finish(k);
	taking_free(&k->now);
	k->octets_before += mine->size;
	v->run->result->done.octets = k->octets_before;
	run_progress(v->run);
	return v->run->stopped ? -1 : r;
}

/* ---- all of them ---- */
static int wait_for_spool(struct take *k)
{
	while (k->nasked > 0)
		if (run_turn_wait(k->v->run) != 0)
			return -1;
	return k->v->run->stopped ? -1 : 0;
}

/* The message at which the session has ended: the one in hand, or the first that was not answered. */
static struct item *broke_off_at(const struct take *k)
{
	if (k->now != NULL)
		return k->now->item;
	for (size_t i = 0; i < k->n; i++)
		if (!k->ended[i])
			return &k->v->list.all[k->which[i]];
	return NULL;
}

static int take_some(struct take *k, struct source_item *items)
{
	const struct source_handler h = { take_begin, take_piece, take_end, k };
	struct visit *v = k->v;
	struct err e = { 0 };

	for (size_t i = 0; i < k->n; i++)
		items[i] = listing_item(&v->list, &v->list.all[k->which[i]]);
	memset(k->ended, 0, k->n * sizeof *k->ended);
	if (v->run->setup->driver->fetch(v->run->session, items, k->n, &h, &e) != 0) {
		refused_suspect(v, broke_off_at(k), &e);
		return run_source_failed(v->run, &e);
	}
	return v->run->stopped ? -1 : 0;
}

/* The messages of WHICH. What the spool was asked is answered before this returns, whatever happened to the source. */
static int take_all(struct visit *v, const uint32_t *which, size_t n)
{
	struct source_item *items = mem_array(CHUNK, sizeof *items);
	bool *ended = mem_array(CHUNK, sizeof *ended);
	struct take k = { .v = v, .items = items, .ended = ended, .octets_before = v->run->result->done.octets };
	int r = 0;

	for (size_t at = 0; at < n && r == 0; at += CHUNK) {
		k.which = which + at;
		k.n = n - at < CHUNK ? n - at : CHUNK;
		r = take_some(&k, items);
	}
	taking_free(&k.now);
	if (wait_for_spool(&k) != 0)
		r = -1;
	while (k.asked != NULL) {
		struct taking *t = k.asked;

		k.asked = t->next;
		taking_free(&t);
	}
	free(ended);
	free(items);
	return r;
}

/* Those that were refused before, or may have been, come last, one at a time: on some of them a server breaks off. */
static bool is_second_try(const struct visit *v, const struct item *item)
{
	return refused_in_doubt(v, item) || (item->row != PAIR_NONE && v->rows.all[item->row].fate == ORIGIN_REFUSED);
}

int visit_take(struct visit *v)
{
	struct run_progress *p = &v->run->result->done;
	uint32_t *which = malloc((v->list.n + 1) * sizeof *which);
	size_t n = 0, last;
	int r = 0;

	if (which == NULL)
		return run_stop(v->run, RUN_REFUSED, "there is no memory to take so many messages");
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_TAKE && !is_second_try(v, &v->list.all[i]))
			which[n++] = (uint32_t)i;
	last = n;
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_TAKE && is_second_try(v, &v->list.all[i]))
			which[n++] = (uint32_t)i;
	for (size_t i = 0; i < n; i++)
		p->octets_all += v->list.all[which[i]].size;
	p->messages_all += n;
	p->folder = v->folder->name;
	run_progress(v->run);
	step("fetch: before messages are taken");
	if (last > 0)
		r = take_all(v, which, last);
	for (size_t i = last; i < n && r == 0; i++)
		r = take_all(v, which + i, 1);
	free(which);
	return r != 0 ? r : run_flush(v->run);
}
