/* Remembered messages that are no longer there. Names of POP3 may be used again by what a server does to its mailbox,
 * and servers show half a mailbox at times: so forgetting takes several complete listings over days. */
#include "base/mem.h"
#include "fetch/run_impl.h"

/* Of a listing with gaps nothing may be concluded: what it lacks would come again as something new. */
static bool has_gaps(const struct visit *v, const struct row *row)
{
	return v->run->by_uid && !row->old && !v->complete && !v->sure;
}

bool visit_misses(const struct visit *v, const struct row *row)
{
	if (row->item != PAIR_NONE)
		return false;
	if (v->run->by_uid && !row->old && !v->complete)
		return v->listed && row->uid >= v->from; /* so far it was a complete one */
	return v->complete && !(v->run->by_uid && !row->old && v->asked_present && visit_has_uid(v, row->uid));
}

/* What becomes of a row that is not there; 0: nothing. A mailbox that shows nothing at all may be one that is being
 * moved to another server, to come back with other names: it proves only removals, and those by the second look. (With
 * IMAP such a change shows; there it is noted, as somebody may have moved the last message to another folder.) */
static enum origin_act act_of(const struct visit *v, const struct row *row, bool empty)
{
	if (row->removal && !row->old && (!empty || row->absent > 0))
		return ORIGIN_FORGET;
	if (empty && !row->removal)
		return v->run->by_uid && row->absent == 0 ? ORIGIN_ABSENT : 0;
	if (row->absent >= ABSENT_LISTINGS && v->run->now_ms - row->absent_ms >= ABSENT_MS)
		return ORIGIN_FORGET;
	return row->absent < ABSENT_LISTINGS ? ORIGIN_ABSENT : 0;
}

/* A run may come to a folder several times; what is missing counts once. */
static bool is_counted(struct run *r, int64_t folder)
{
	for (size_t i = 0; i < r->ncounted; i++)
		if (r->counted[i] == folder)
			return true;
	r->counted = mem_resize(r->counted, r->ncounted + 1, sizeof *r->counted);
	r->counted[r->ncounted++] = folder;
	return false;
}

int visit_absent(struct visit *v)
{
	const bool empty = v->list.n == 0 && (!v->asked_present || v->npresent == 0);

	/* Nothing in a new generation: a server that is still at making it, perhaps. */
	if ((empty && v->fresh && v->flip) || is_counted(v->run, v->gen->f.number))
		return 0;
	for (size_t i = 0; i < v->rows.n; i++) {
		struct row *row = &v->rows.all[i];
		const bool there =
		    row->item != PAIR_NONE || (v->asked_present && !row->old && visit_has_uid(v, row->uid));
		enum origin_act act = 0;

		if (there && row->absent > 0)
			act = ORIGIN_PRESENT;
		else if (!there && !row->foreign && !row->other && visit_misses(v, row) && !has_gaps(v, row))
			act = act_of(v, row, empty);
		if (act == 0)
			continue;
		row->gone = act == ORIGIN_FORGET;
		if (run_change_row(v->run, act, row->number) != 0)
			return -1;
	}
	return run_flush(v->run);
}
