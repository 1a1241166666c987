/* Former generations of a folder, whose messages may be found again in the one that is there now. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fetch/run_impl.h"

/* Host names don't tell upper from lower case. */
char *mailbox_name(const struct config_source *s)
{
	char *host = mem_strdup(s->server.host == NULL ? "" : s->server.host), *text;

	for (char *p = host; *p != '\0'; p++)
		*p = ascii_lower(*p);
	text = mem_printf("%s %s %s", s->protocol == CONFIG_IMAP ? "imap" : "pop3", host,
			  s->server.user == NULL ? "" : s->server.user);
	free(host);
	/* The memory takes names only: UTF-8 without control characters. */
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
		    ((unsigned char)*p >= 0x80 && !utf8_valid(slice_str(text))))
			*p = '?';
	return text;
}

bool generation_is_ours(const struct run *r, const struct generation *g)
{
	return *g->mailbox == '\0' || strcmp(g->mailbox, r->mailbox) == 0;
}

static bool is_of(const struct generation *g, const struct source_folder *folder)
{
	return strcmp(g->name, folder->name) == 0;
}

/* POP3 has one folder without a name, which IMAP calls INBOX (RFC 3501, 5.1). */
static bool is_inbox(const char *name)
{
	return *name == '\0' || slice_eq_nocase(slice_str(name), SLICE_LIT("INBOX"));
}

/* Of this folder before its UIDVALIDITY changed; and, when it is new, those of folders that are gone, as it may be one
 * of them under another name; and that of the same folder before the source meant another mailbox. */
static bool is_former(const struct visit *v, const struct generation *g)
{
	if (g == v->gen || g->f.number == 0)
		return false;
	if (!generation_is_ours(v->run, g))
		return v->fresh && (is_of(g, v->folder) || (is_inbox(g->name) && is_inbox(v->folder->name)));
	if (!v->run->by_uid)
		return false;
	if (is_of(g, v->folder))
		return true;
	return v->fresh && !g->listed && g->f.uidvalidity == v->now.uidvalidity && !v->run->copy;
}

int former_read(struct visit *v)
{
	const size_t before = v->rows.n;

	for (size_t i = 0; i < v->run->ngens; i++) {
		const struct generation *g = &v->run->gens[i];
		const size_t first = v->rows.n;

		if (!is_former(v, g))
			continue;
		if (plan_rows(v, g->f.number, 0, true) != 0)
			return -1;
		if (generation_is_ours(v->run, g))
			continue;
		v->before = v->before == NULL || g->f.listed_ms > v->before->f.listed_ms ? g : v->before;
		for (size_t k = first; k < v->rows.n; k++)
			v->rows.all[k].other = true;
	}
	v->flip = v->rows.n > before;
	return 0;
}

/* ---- another mailbox, or the same one behind another name? ---- */
static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, ORIGIN_HEAD_SIZE);
}

static bool is_evidence(const struct row *row)
{
	return row->other && row->absent == 0 && !row->removal && head_is_known(row->head) &&
	       row->fate != ORIGIN_SKIPPED && row->fate != ORIGIN_REFUSED;
}

/* How many of what is remembered, and was there when it was last seen, are there now. */
static size_t count_again(const struct visit *v, size_t *all)
{
	unsigned char(*hashes)[ORIGIN_HEAD_SIZE] = mem_array(v->nheads + 1, sizeof *hashes);
	size_t n = 0, again = 0;

	*all = 0;
	for (size_t i = 0; i < v->nheads; i++)
		memcpy(hashes[n++], v->heads[i].hash, sizeof *hashes);
	qsort(hashes, n, sizeof *hashes, by_hash);
	for (size_t i = 0; i < v->rows.n; i++) {
		const struct row *row = &v->rows.all[i];

		/* A run before this one was killed over it. */
		if (!row->old && row->settled == ORIGIN_STUCK && row->fate == ORIGIN_KNOWN && row->item != PAIR_NONE) {
			++again;
			++*all;
		}
		if (!is_evidence(row))
			continue;
		++*all;
		again += bsearch(row->head, hashes, n, sizeof *hashes, by_hash) != NULL;
	}
	free(hashes);
	return again;
}

void former_judge(struct visit *v)
{
	const struct run *r = v->run;
	size_t all, again;

	if (v->before == NULL)
		return;
	again = count_again(v, &all);
	v->moved = again > 0 && again >= all - again;
	log_warning("another-mailbox", LOG_STR("source", r->source.name), LOG_STR("folder", v->folder->name),
		    LOG_STR("before", v->before->mailbox), LOG_STR("now", r->mailbox), LOG_NUM("remembered", all),
		    LOG_NUM("found-again", again), LOG_STR("taken-for", v->moved ? "the-same" : "another"));
	if (v->moved)
		run_trouble(v->run, RUN_OK,
			    "source %s has meant another mailbox before (%s), with the same mail: %zu messages are "
			    "known from it, and stay at the source",
			    r->source.name, v->before->mailbox, again);
	else
		run_trouble(v->run, RUN_OK,
			    "source %s has meant another mailbox before (%s), with other mail: all of what is there "
			    "now is fetched",
			    r->source.name, v->before->mailbox);
}

/* ITEM is the message of ROW, in another mailbox. It is known; but that it was fetched from there is no reason to
 * remove it here. */
int former_known(struct visit *v, struct item *item, struct row *row)
{
	struct spool_origin o = visit_origin(v, item, ORIGIN_KNOWN);
	char *reason = mem_printf("fetched before from %s", v->before->mailbox);
	int r;

	o.number = 0;
	o.settled = ORIGIN_STUCK;
	o.reason = reason;
	memcpy(o.head, row->head, sizeof o.head);
	item->row = (uint32_t)(row - v->rows.all);
	item->need = ITEM_KNOWN;
	row->item = (uint32_t)(item - v->list.all);
	row->fate = ORIGIN_KNOWN;
	row->settled = ORIGIN_STUCK;
	row->old = row->other = false;
	row->absent = 0;
	row->folder = o.folder;
	row->uid = o.uid;
	row->size = o.size;
	v->run->result->done.known++;
	/* Both in one commit: the old row would stand for a second message. */
	r = changes_room(&v->run->changes) < 2 ? run_flush(v->run) : 0;
	if (r == 0)
		r = run_change(v->run, ORIGIN_ADD, &o);
	free(reason);
	return r == 0 ? run_change_row(v->run, ORIGIN_FORGET, row->number) : -1;
}

/* ---- the end ---- */
static bool is_over(const struct visit *v, const struct generation *g)
{
	if (!generation_is_ours(v->run, g))
		return v->moved && v->gen->f.listed_ms != 0; /* what was not found is no longer there */
	for (size_t k = 0; k < v->rows.n; k++)
		if (v->rows.all[k].old && !v->rows.all[k].gone && v->rows.all[k].folder == g->f.number)
			return false;
	return true;
}

/* Those of which nothing is left to be found. That of another mailbox stays: the source may mean it again. */
int former_drop(struct visit *v)
{
	struct run *r = v->run;
	struct err e = { 0 };

	v->before = NULL; /* it may go */
	for (size_t i = 0; i < r->ngens; i++) {
		struct generation *g = &r->gens[i];

		if (!is_former(v, g) || !is_over(v, g))
			continue;
		if (spool_source_folder_drop(r->setup->memory, g->f.number, &e) != 0)
			return run_memory_failed(r, &e);
		free(g->name);
		free(g->mailbox);
		memmove(g, g + 1, (r->ngens - i - 1) * sizeof *g);
		r->ngens--;
		if (g < v->gen)
			v->gen--;
		i--;
	}
	return 0;
}
