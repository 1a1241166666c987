/* The second half of a sync: the mail that waits for the accounts concerned is filed. */
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "cmd/hours.h"
#include "cmd/spool_ask.h"
#include "cmd/sync_impl.h"

/* LOOKS: how often an account must look the same before it is taken for done: one look may cross the order on its way.
 * NOTHING_MS: no store needs so long for nothing, one command may take minutes. */
enum { LOOKS = 2, NOTHING_MS = 15 * 60 * 1000, FAILED_STARTS_MAX = 3, UNSAID_MAX = 20 };

static struct sync_part *account_of(struct sync_job *j, const char *name)
{
	for (size_t i = 0; i < j->naccounts; i++)
		if (strcmp(j->accounts[i].name, name) == 0)
			return &j->accounts[i];
	return NULL;
}

static void tell(struct sync_job *j, const struct sync_part *p, int64_t next_ms, bool held, const char *words)
{
	struct sync_event ev = { .kind = SYNC_ACCOUNT,
				 .name = p->name,
				 .state = p->state,
				 .waiting = p->waiting,
				 .filed = p->filed,
				 .stuck = p->stuck,
				 .next_ms = next_ms,
				 .held = held,
				 .words = words };

	sync_emit(j, &ev);
}

/* No store came that would leave again: mail that comes now waits for its time. */
static void close_hours(const struct sync_job *j, const struct sync_part *p)
{
	struct slot *s = slot_of_account(j->sup, slice_str(p->name));

	if (s != NULL && s->hours != NULL && s->worker == NULL)
		hours_left(s->hours, s->due != INT64_MAX, clock_wall_ms());
}

void sync_file_left(struct sync_job *j)
{
	for (size_t i = 0; i < j->naccounts; i++)
		if (j->accounts[i].state == SYNC_RUNS)
			close_hours(j, &j->accounts[i]);
}

static void end(struct sync_job *j, struct sync_part *p, int64_t next_ms, bool held, const char *words, int status)
{
	close_hours(j, p);
	p->state = SYNC_ENDED;
	sync_worse(j, status);
	tell(j, p, next_ms, held, words);
}

/* Is P done, by ROW? Then it is told. */
static bool judge(struct sync_job *j, struct sync_part *p, const struct spool_account_row *row)
{
	struct slot *s = slot_of_account(j->sup, slice_str(p->name));
	int64_t now = clock_wall_ms();

	if (s == NULL) {
		end(j, p, INT64_MAX, false, "it is no longer in the configuration", EX_CONFIG);
	} else if (p->waiting == 0) {
		end(j, p, INT64_MAX, false,
		    p->stuck > 0 ? "some of it waits for a person; see: mailferry queue list" : NULL, EX_OK);
	} else if (row->hold_until_ms > now) {
		end(j, p, row->hold_until_ms, true, row->hold_reason, row->hold_person ? EX_CONFIG : EX_TEMPFAIL);
	} else if (row->waiting[DELIVERY_FLIGHT] == 0 && row->next_due_ms > now) {
		end(j, p, row->next_due_ms, false, "what waits is tried again later; see: mailferry queue list",
		    EX_TEMPFAIL);
	} else if (s->failed_starts >= FAILED_STARTS_MAX) {
		end(j, p, INT64_MAX, false, "its store does not start; see mailferry's log", EX_TEMPFAIL);
	} else if (clock_mono_ms() - p->moved_ms > NOTHING_MS) {
		end(j, p, INT64_MAX, false, "its store makes no progress; see mailferry's log", EX_TEMPFAIL);
	} else {
		/* Its store has left in the middle, after an hour or more: that closed it. */
		if (s->hours != NULL && !s->hours->open)
			slot_file_now(s);
		return false;
	}
	return true;
}

static void take_row(struct sync_job *j, struct sync_part *p, const struct spool_account_row *row)
{
	uint64_t waiting = row->waiting[DELIVERY_QUEUED] + row->waiting[DELIVERY_FLIGHT] + row->waiting[DELIVERY_DOUBT];
	uint64_t stuck =
	    row->waiting[DELIVERY_PARKED] + row->waiting[DELIVERY_QUARANTINED] + row->waiting[DELIVERY_HELD];
	uint64_t filed;
	bool moved;

	/* A spool that was started again counts from 0; so does one that was started for this sync, and it may have
	 * filed much before we look for the first time. */
	if (!p->based || row->filed < p->base)
		p->base = row->filed < p->base || j->sup->sync_only ? 0 : row->filed;
	p->based = true;
	filed = row->filed - p->base;
	if (filed < p->filed)
		filed = p->filed;
	moved = waiting != p->waiting || filed != p->filed || stuck != p->stuck;
	p->waiting = waiting;
	p->filed = filed;
	p->stuck = stuck;
	if (moved)
		p->moved_ms = clock_mono_ms();
	if (p->state == SYNC_ENDED)
		return;
	if (j->stage == SYNC_FILES && ++p->looks >= LOOKS && judge(j, p, row))
		return;
	if (moved)
		tell(j, p, row->next_due_ms, false, NULL);
}

/* An account of which the spool does not speak has no mail: it never had any, or the spool was started again since. */
static void missing(struct sync_job *j)
{
	static const struct spool_account_row none = { .next_due_ms = INT64_MAX };

	for (size_t i = 0; i < j->naccounts; i++)
		if (!j->accounts[i].seen)
			take_row(j, &j->accounts[i], &none);
}

static void on_account(void *arg, const struct spool_account_row *row, bool good)
{
	struct sync_job *j = arg;
	struct sync_part *p = row == NULL ? NULL : account_of(j, row->account);

	if (p != NULL) {
		p->seen = true;
		take_row(j, p, row);
	}
	if (row != NULL)
		return;
	j->asked = false;
	j->unsaid = good ? 0 : j->unsaid + 1;
	if (good)
		missing(j);
	if (j->stage != SYNC_FILES)
		return;
	if (j->unsaid >= UNSAID_MAX) {
		sync_worse(j, EX_TEMPFAIL);
		sync_done(j, "the spool can't say how the mail is; see mailferry's log");
		return;
	}
	for (size_t i = 0; i < j->naccounts; i++)
		if (j->accounts[i].state != SYNC_ENDED)
			return;
	sync_done(j, NULL);
}

void sync_watch(struct sync_job *j)
{
	if (j->asked || j->sup->ask == NULL || j->naccounts == 0 || j->stage == SYNC_OVER || j->stage == SYNC_TELLS)
		return;
	j->asked = true;
	for (size_t i = 0; i < j->naccounts; i++)
		j->accounts[i].seen = false;
	spool_ask_accounts(j->sup->ask, on_account, j);
}

void sync_file(struct sync_job *j)
{
	struct worker *spool = worker_of_kind(j->sup, SLOT_SPOOL);

	j->stage = SYNC_FILES;
	for (size_t i = 0; i < j->naccounts; i++) {
		struct sync_part *p = &j->accounts[i];
		struct slot *s = slot_of_account(j->sup, slice_str(p->name));

		p->state = SYNC_RUNS;
		p->looks = 0;
		p->moved_ms = clock_mono_ms();
		tell(j, p, INT64_MAX, false, NULL);
		if (spool != NULL)
			worker_lift(spool, p->name);
		if (s != NULL)
			slot_file_now(s);
	}
	sync_watch(j);
}
