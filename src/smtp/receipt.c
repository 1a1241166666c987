#include "smtp/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct receipt {
	int64_t ticket;
	bool named;
	bool said;   /* without a name: the spool was told that it is on its way … */
	bool unread; /* … and that it was not read */
};

void receipts_add(struct receipts *r, int64_t ticket, bool named)
{
	if (r->n == RECEIPTS_MAX)
		memmove(r->all, r->all + 1, --r->n * sizeof *r->all);
	r->all = mem_resize(r->all, r->n + 1, sizeof *r->all);
	r->all[r->n++] = (struct receipt){ .ticket = ticket, .named = named };
	r->sent = r->more = false;
}

void receipts_saying(struct receipts *r, struct intake *in)
{
	r->more = r->more || r->sent;
	for (size_t i = 0; i < r->n; i++) {
		if (!r->all[i].named && !r->all[i].said)
			intake_confirm(in, r->all[i].ticket, SPOOL_SAYING);
		r->all[i].said = true;
	}
}

void receipts_sent(struct receipts *r, size_t stale, int64_t now_ms)
{
	if (r->n == 0 || r->sent)
		return;
	r->sent = true;
	r->last = stale == SIZE_MAX;
	r->stale = stale;
	r->sent_ms = now_ms;
}

void receipts_crossed(struct receipts *r, size_t n)
{
	if (r->n > 0 && r->sent && r->stale != SIZE_MAX)
		r->stale += n;
}

/* All of them; what has a name becomes NAMED, what has none NAMELESS. */
static void settle(struct receipts *r, struct intake *in, enum spool_reply named, enum spool_reply nameless)
{
	for (size_t i = 0; i < r->n; i++) {
		const enum spool_reply what = r->all[i].named ? named : nameless;

		if (what != SPOOL_NO_WORD)
			intake_confirm(in, r->all[i].ticket, what);
	}
	receipts_free(r);
}

void receipts_heard(struct receipts *r, struct intake *in, size_t used)
{
	if (r->n == 0 || !r->sent || used == 0)
		return;
	/* A line of which only the end is new was not written after the reply was read. */
	if (r->stale > 0) {
		if (r->stale != SIZE_MAX)
			r->stale -= r->stale < used ? r->stale : used;
		return;
	}
	settle(r, in, SPOOL_READ, SPOOL_READ);
}

bool receipts_wait(const struct receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->all[i].named)
			return true;
	return false;
}

void receipts_closed(struct receipts *r, struct intake *in, bool acknowledged, bool open)
{
	/* In the middle of a transaction the client, or a proxy on the way, has broken off: it may have read nothing. An
	 * alarm may come in the same words a minute later: it must not be taken for the first. */
	if (r->sent && !r->last && acknowledged)
		settle(r, in, open ? SPOOL_NO_WORD : SPOOL_CLOSED, SPOOL_READ);
	/* Whoever has closed both sides answers the reply with a reset, and who waits for it acknowledges it. */
	r->last = true;
}

void receipts_look(struct receipts *r, struct intake *in, bool acknowledged, int64_t now_ms)
{
	/* Behind something else that was said, what is not acknowledged may be that alone. */
	if (!r->sent || (!acknowledged && (r->more || now_ms - r->sent_ms < RECEIPT_SILENCE_MS)))
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct receipt *x = &r->all[i];

		if (x->named || x->unread == !acknowledged)
			continue;
		x->unread = !acknowledged;
		intake_confirm(in, x->ticket, acknowledged ? SPOOL_UNSURE : SPOOL_UNREAD);
	}
}

bool receipts_gone(struct receipts *r, struct intake *in, bool acknowledged, bool reset)
{
	/* What becomes of something else that we said behind it is not about the reply. */
	const bool unread = !r->sent || (!r->more && (!acknowledged || reset));
	bool abort = false;

	for (size_t i = 0; i < r->n; i++) {
		const struct receipt *x = &r->all[i];
		const bool so = unread || (x->unread && !acknowledged);

		abort = abort || (so && !x->named);
		if (!x->named)
			intake_confirm(in, x->ticket, so ? SPOOL_UNREAD : SPOOL_READ);
	}
	receipts_free(r);
	return abort;
}

void receipts_free(struct receipts *r)
{
	free(r->all);
	*r = (struct receipts){ 0 };
}
