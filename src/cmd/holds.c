#include "cmd/holds.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/plans.h"
#include "cmd/text.h"

static int keep(void *arg, const struct spool_account_row *row)
{
	struct holds *h = arg;

	if (row->hold_until_ms == 0)
		return 0;
	h->all = mem_resize(h->all, h->n + 1, sizeof *h->all);
	h->all[h->n++] =
	    (struct hold){ mem_strdup(row->account), mem_strdup(row->hold_reason), row->hold_until_ms, false };
	return 0;
}

static void timed_keep(struct holds *h, const struct plan_row *row)
{
	if (row->is_source || row->state != PLAN_WAITS || row->next_ms <= clock_wall_ms() ||
	    holds_of(h, row->name) != NULL)
		return;
	h->all = mem_resize(h->all, h->n + 1, sizeof *h->all);
	h->all[h->n++] = (struct hold){ mem_strdup(row->name), NULL, row->next_ms, true };
}

int holds_load(struct holds *h, const char *config_file, struct spool_admin *admin, struct err *e)
{
	struct plans plans;
	struct err ignored;
	int r;

	*h = (struct holds){ 0 };
	r = spool_admin_accounts(admin, keep, h, e);
	/* Mail is shown also when the schedule can't be asked for. */
	if (r == 0 && plans_load(&plans, config_file, &ignored) == 0)
		for (size_t i = 0; i < plans.n; i++)
			timed_keep(h, &plans.all[i]);
	if (r == 0)
		plans_free(&plans);
	return r;
}

void holds_free(struct holds *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->all[i].account);
		free(h->all[i].reason);
	}
	free(h->all);
	*h = (struct holds){ 0 };
}

const struct hold *holds_of(const struct holds *h, const char *account)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->all[i].account, account) == 0)
			return &h->all[i];
	return NULL;
}

void hold_why(const struct hold *h, struct buf *out)
{
	char span[TEXT_SPAN_SIZE];
	int64_t left = h->until_ms - clock_wall_ms();

	text_span(left, span);
	if (h->timed) {
		(void)buf_addf(out, left > 0 ? "its mail waits for its time, in %s" : "its time has come", span);
		return;
	}
	(void)text_clean(out, h->reason, 0);
	if (h->until_ms == INT64_MAX)
		return;
	if (left > 0)
		(void)buf_addf(out, "; next try in %s", span);
	else
		(void)buf_add_str(out, "; it is tried now");
}
