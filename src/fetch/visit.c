/* One folder of a source, from entering it to noting what it was. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "fetch/run_impl.h"

/* The newest generation of FOLDER in this mailbox, or NULL. */
static struct generation *newest(const struct run *r, const struct source_folder *folder)
{
	for (size_t i = r->ngens; i > 0; i--)
		if (generation_is_ours(r, &r->gens[i - 1]) && strcmp(r->gens[i - 1].name, folder->name) == 0)
			return &r->gens[i - 1];
	return NULL;
}

static struct source_mark mark_of(const struct generation *g)
{
	return (struct source_mark){ g->f.uidvalidity, g->f.uidnext, g->f.modseq, g->f.exists };
}

/* The one of this mailbox; before those of which it is not known whose they are. */
static struct generation *known_generation(const struct visit *v)
{
	struct run *r = v->run;
	struct generation *unknown = NULL;

	for (size_t i = r->ngens; i > 0; i--) {
		struct generation *g = &r->gens[i - 1];

		if (!generation_is_ours(r, g) || strcmp(g->name, v->folder->name) != 0 ||
		    (r->by_uid && g->f.uidvalidity != v->now.uidvalidity))
			continue;
		if (*g->mailbox != '\0')
			return g;
		unknown = unknown == NULL ? g : unknown;
	}
	return unknown;
}

static int put_generation(struct visit *v, struct origin_folder *f)
{
	struct err e = { 0 };

	if (v->run->setup->mode == RUN_DRY || spool_source_folder_put(v->run->setup->memory, f, &e) == 0)
		return 0;
	return run_memory_failed(v->run, &e);
}

/* The generation that is there now: a known one, or a new one. */
static int find_generation(struct visit *v)
{
	struct run *r = v->run;
	struct generation g = { .listed = true };

	v->gen = known_generation(v);
	if (v->gen != NULL && *v->gen->mailbox != '\0')
		return 0;
	if (v->gen != NULL) { /* from now on it is known whose it is */
		free(v->gen->mailbox);
		v->gen->mailbox = mem_strdup(r->mailbox);
		v->gen->f.mailbox = v->gen->mailbox;
		return put_generation(v, &v->gen->f);
	}
	g.name = mem_strdup(v->folder->name);
	g.mailbox = mem_strdup(r->mailbox);
	g.f = (struct origin_folder){ .name = g.name,
				      .mailbox = g.mailbox,
				      .uidvalidity = r->by_uid ? v->now.uidvalidity : 0 };
	if (put_generation(v, &g.f) != 0) {
		free(g.name);
		free(g.mailbox);
		return -1;
	}
	step("fetch: a new folder is noted");
	r->gens = mem_resize(r->gens, r->ngens + 1, sizeof *r->gens);
	v->gen = &r->gens[r->ngens++];
	*v->gen = g;
	v->same = false;
	return 0;
}

static bool has_news(const struct visit *v)
{
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].row == PAIR_NONE && v->list.all[i].need != ITEM_KNOWN)
			return true;
	return false;
}

/* What is new in a folder may be what is missed in it since an earlier run, or in another one: somebody has moved it.
 */
static int read_missed(struct visit *v)
{
	if (!v->run->by_uid || v->run->copy || !has_news(v))
		return 0;
	return plan_missed(v);
}

static int enter(struct visit *v)
{
	struct run *r = v->run;
	const struct generation *before = newest(r, v->folder);
	const bool known = before != NULL && before->f.listed_ms != 0;
	struct source_mark mark = { 0 };
	const bool write = r->setup->mode == RUN_FETCH &&
			   (originals_at_once(r) || (before != NULL && originals_due(r, before->f.number)));
	struct err e = { 0 };

	if (known)
		mark = mark_of(before);
	if (r->setup->driver->enter(r->session, v->folder, write, known ? &mark : NULL, &v->now, &v->same, &e) != 0) {
		if (e.class != ERR_PERM)
			return run_source_failed(r, &e);
		run_trouble(r, RUN_PARTLY, "%s", e.text);
		return 1;
	}
	r->entered++;
	v->same = v->same && known && (!r->by_uid || v->now.uidvalidity == before->f.uidvalidity);
	if (find_generation(v) != 0)
		return -1;
	v->fresh = v->gen->f.listed_ms == 0;
	return 0;
}

/* ---- the end ---- */
/* How many messages with a UID below the UIDNEXT of the start were seen to be there, or were known to be. */
static uint64_t seen(const struct visit *v)
{
	const uint32_t next = v->now.uidnext == 0 ? UINT32_MAX : v->now.uidnext;
	uint64_t n = 0;

	if (v->asked_present) {
		for (size_t i = 0; i < v->npresent; i++)
			n += v->present[i] < next;
		return n;
	}
	for (size_t i = 0; i < v->list.n; i++)
		n += v->list.all[i].number >= v->from && v->list.all[i].number < next;
	return v->from <= 1 ? n : n + v->gen->f.exists;
}

/* The mark is what the server said, as far as it showed it. If it said that there were more messages than it listed,
 * the next run must look for them. */
static void make_mark(const struct visit *v, struct origin_folder *f)
{
	const uint32_t last = v->list.n == 0 ? 0 : v->list.all[v->list.n - 1].number;
	const uint64_t n = seen(v);

	if (!v->run->by_uid) {
		f->exists = (uint32_t)v->list.n;
		return;
	}
	f->uidnext = v->now.uidnext;
	f->modseq = v->now.modseq;
	f->exists = v->now.exists;
	if (n == v->now.exists && v->now.uidnext != 0)
		return;
	f->uidnext = last >= v->gen->f.uidnext && last != UINT32_MAX ? last + 1 : v->gen->f.uidnext;
	f->exists = (uint32_t)n;
	f->modseq = n == v->now.exists ? v->now.modseq : 0;
}

/* All that was there is remembered: that is noted, so that the next run begins behind it. */
static int note_mark(struct visit *v)
{
	struct run *r = v->run;
	struct origin_folder f = v->gen->f;
	const bool complete = v->complete || v->fresh;
	struct err e = { 0 };

	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_TAKE || v->list.all[i].need == ITEM_SKIP)
			return 0; /* something is still to be done */
	if (v->fresh && v->flip && v->list.n == 0)
		return 0; /* a server that is still at making it anew, perhaps */
	make_mark(v, &f);
	if (complete && (r->now_ms - f.listed_ms > RUN_DAY_MS / 24 || f.exists != v->gen->f.exists))
		f.listed_ms = r->now_ms;
	if (f.uidnext == v->gen->f.uidnext && f.modseq == v->gen->f.modseq && f.exists == v->gen->f.exists &&
	    f.listed_ms == v->gen->f.listed_ms)
		return 0;
	step("fetch: before a folder's mark");
	if (spool_source_folder_put(r->setup->memory, &f, &e) != 0)
		return run_memory_failed(r, &e);
	v->gen->f = f;
	return 0;
}

/* Without names, or without heads where they are in doubt, only the bodies show what is remembered. */
static bool is_unidentified(const struct visit *v)
{
	for (size_t i = 0; !v->run->by_uid && i < v->list.n; i++) {
		const struct item *item = &v->list.all[i];

		if (item->row == PAIR_NONE && item->head == PAIR_NONE &&
		    (item->name == 0 || item->suspect != PAIR_NONE))
			return true;
	}
	return false;
}

static int visit(struct visit *v)
{
	struct run *r = v->run;
	int entered;
	bool late;

	r->result->done.folder = v->folder->name;
	entered = enter(v);
	if (entered != 0)
		return entered < 0 ? -1 : 0;
	if (visit_plan(v) != 0 || former_read(v) != 0)
		return -1;
	if (v->kind == VISIT_FIRST && !v->fresh && !v->mass && has_news(v))
		return visit_absent(v) != 0 ? -1 : 1;
	if (read_missed(v) != 0 || visit_identify(v) != 0)
		return -1;
	if (r->setup->mode == RUN_DRY)
		return visit_skip(v) != 0 ? -1 : visit_dry(v);
	late = is_unidentified(v);
	if ((!late && visit_absent(v) != 0) || visit_skip(v) != 0 || visit_take(v) != 0 ||
	    (late && visit_absent(v) != 0) || visit_originals(v) != 0)
		return -1;
	return note_mark(v) != 0 || run_flush(r) != 0 ? -1 : v->complete ? former_drop(v) : 0;
}

int visit_folder(struct run *r, const struct source_folder *folder, const char *into, enum visit_kind kind)
{
	struct visit v = { .run = r, .folder = folder, .into = into, .kind = kind };
	int result;

	if (into != NULL)
		v.account = config_account(r->setup->config, r->setup->copy_to);
	listing_init(&v.list);
	rows_init(&v.rows);
	result = visit(&v);
	listing_free(&v.list);
	rows_free(&v.rows);
	free(v.present);
	free(v.heads);
	free(v.lost);
	return result;
}
