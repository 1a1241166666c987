/* Messages that the limits leave at the source: remembered as left, told, and noted in the mailbox where that is
 * wanted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/note.h"
#include "fetch/run_impl.h"
#include "msg/summary.h"

static void size_words(uint64_t n, char out[40])
{
	if (n >= 10 * 1024 * 1024)
		(void)snprintf(out, 40, "%llu MB", (unsigned long long)(n / (1024 * 1024)));
	else if (n >= 10 * 1024)
		(void)snprintf(out, 40, "%llu KB", (unsigned long long)(n / 1024));
	else
		(void)snprintf(out, 40, "%llu octets", (unsigned long long)n);
}

bool skip_by_size(const struct run *r, uint64_t size, char reason[200])
{
	const uint64_t most = (uint64_t)r->setup->config->limits.message_size;
	const uint64_t larger = r->copy ? 0 : (uint64_t)r->source.skip.larger;
	char has[40], may[40];

	size_words(size, has);
	if (larger > 0 && size > larger) {
		size_words(larger, may);
		(void)snprintf(reason, 200, REASON_LARGER "the %s that `skip' of source %.60s allows: it has %s", may,
			       r->source.name, has);
		return true;
	}
	if (size > most) {
		size_words(most, may);
		(void)snprintf(reason, 200, REASON_LARGER "the %s that limits.message_size allows: it has %s", may,
			       has);
		return true;
	}
	return false;
}

bool skip_by_age(const struct run *r, int64_t age_ms, char reason[200])
{
	const int64_t older = r->source.skip.older;

	if (r->copy || older <= 0 || age_ms <= 0 || r->now_ms - age_ms <= older)
		return false;
	(void)snprintf(reason, 200, REASON_OLDER "the %lld days that `skip' of source %.60s allows: it has %lld",
		       (long long)(older / RUN_DAY_MS), r->source.name, (long long)((r->now_ms - age_ms) / RUN_DAY_MS));
	return true;
}

void visit_line(struct visit *v, const struct item *item, struct slice block, const char *why)
{
	const struct run_setup *setup = v->run->setup;
	struct header header;
	struct summary sum;
	char uid[16];
	struct run_line l = {
		.folder = v->folder->name, .name = listing_name(&v->list, item), .size = item->size, .why = why
	};

	if (setup->line == NULL)
		return;
	(void)snprintf(uid, sizeof uid, "%u", item->number);
	if (*l.name == '\0')
		l.name = uid;
	header_parse(&header, block);
	summary_init(&sum, &header);
	l.from = *sum.from == '\0' ? NULL : sum.from;
	l.subject = *sum.subject == '\0' ? NULL : sum.subject;
	l.message_id = *sum.message_id == '\0' ? NULL : sum.message_id;
	setup->line(setup->arg, &l);
	summary_free(&sum);
	header_free(&header);
}

int skip_tell(struct visit *v, struct item *item, struct slice block, const char *reason)
{
	struct run *r = v->run;
	struct spool_origin o = visit_origin(v, item, ORIGIN_SKIPPED);
	struct head head;
	bool noted = false;

	o.reason = reason;
	if (block.n > 0) {
		head_read(block, &head);
		memcpy(o.head, head.hash, sizeof o.head);
	}
	visit_line(v, item, block, reason);
	r->result->done.skipped++;
	item->need = ITEM_DONE;
	if (r->setup->mode == RUN_DRY)
		return 0;
	if (!r->by_uid && item->name == 0 && !head_is_known(o.head)) {
		item->need = ITEM_UNKNOWN; /* a server without UIDL and TOP */
		return 0;
	}
	if (r->source.skip.note && r->setup->mode == RUN_FETCH && note_skipped(v, item, &o, block, &noted) != 0)
		return -1;
	return noted ? 0 : run_change(r, o.number == 0 ? ORIGIN_ADD : ORIGIN_TRIED, &o);
}

static int tell(struct visit *v, struct item *item, struct slice block, bool got)
{
	char reason[200] = "";
	int64_t date = item->internal_ms;

	if (got && date == 0) {
		struct head head;

		head_read(block, &head);
		date = head.date_ms;
	}
	if (!skip_by_size(v->run, item->size, reason) && !skip_by_age(v->run, date, reason))
		(void)snprintf(reason, sizeof reason, "the limits leave it");
	return skip_tell(v, item, block, reason);
}

int visit_skip(struct visit *v)
{
	uint32_t *which = malloc((v->list.n + 1) * sizeof *which);
	size_t n = 0;
	int r = 0;

	if (which == NULL)
		return run_stop(v->run, RUN_REFUSED, "there is no memory to tell what the limits leave");
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.all[i].need == ITEM_SKIP)
			which[n++] = (uint32_t)i;
	if (n > 0)
		r = visit_heads(v, which, n, tell);
	free(which);
	return r != 0 ? r : run_flush(v->run);
}
