/* Remembered messages that are no longer there. Names of POP3 may be used again by what a server does to its mailbox,
 * and servers show half a mailbox at times: so forgetting takes several complete listings over days. */
#include "fetch/run_impl.h"

static bool is_there(const struct visit *v, const struct row *row)
{
	if (row->item != PAIR_NONE)
		return true;
	return v->run->by_uid && !row->old && v->asked_present && visit_has_uid(v, row->uid);
}

static bool may_be_forgotten(const struct visit *v, const struct row *row, bool empty)
{
	/* What was to be removed, and is not there, is removed; but an empty mailbox may be a server's bad day. */
	if (row->removal && !row->old)
		return !empty || row->absent > 0;
	return !empty && row->absent >= ABSENT_LISTINGS && v->run->now_ms - row->absent_ms >= ABSENT_MS;
}

int visit_absent(struct visit *v)
{
	const bool empty = v->list.n == 0 && (!v->asked_present || v->npresent == 0);

	if (!v->complete)
		return 0;
	for (size_t i = 0; i < v->rows.n; i++) {
		struct row *row = &v->rows.all[i];
		enum origin_act act;

		if (is_there(v, row)) {
			if (row->absent == 0)
				continue;
			act = ORIGIN_PRESENT;
		} else if (may_be_forgotten(v, row, empty)) {
			act = ORIGIN_FORGET;
			row->gone = true;
		} else if (row->absent < ABSENT_LISTINGS) {
			act = ORIGIN_ABSENT;
		} else {
			continue;
		}
		if (run_change_row(v->run, act, row->number) != 0)
			return -1;
	}
	return run_flush(v->run);
}
