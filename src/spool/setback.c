/*
 * A wall clock that is set back. What waits has a time of that clock, and would
 * wait until the old time has come again, for years where a machine began with a
 * wrong one. When each delivery began to wait is on record, so that how long it
 * was meant to wait is known. A clock that jumps ahead needs nothing: what waits
 * is tried early.
 */
#include "base/clock.h"
#include "base/log.h"
#include "spool/inside.h"

enum { SLACK_MS = 5000 }; /* clocks are also moved little by little; that harms nobody */

/* By BACK milliseconds. 0 or -1. */
static int set_back(struct spool_server *s, int64_t now, int64_t back)
{
	int deliveries;

	if (db_run(&s->db, SQL_DUE_BACK, "i", now) != 0)
		return -1;
	deliveries = sqlite3_changes(s->db.handle);
	if (db_run(&s->db, SQL_HOLDS_BACK, "ii", now, back) != 0 ||
	    db_run(&s->db, SQL_REPLIES_BACK, "iii", now, (int64_t)AGAIN_MS, (int64_t)AGAIN_NAMELESS_MS) != 0)
		return -1;
	log_warning("clock-set-back", LOG_NUM("seconds", back / 1000), LOG_NUM("deliveries", deliveries),
		    LOG_STR("effect", "what waits for a time waits as long as it was meant to, from now on"));
	return 0;
}

int setback_start(struct spool_server *s)
{
	const int64_t now = s->now;
	int64_t latest;

	s->ahead = now - clock_mono_ms();
	if (db_number(&s->db, &latest, SQL_LATEST, "") < 0)
		return -1;
	/* By how much a hold was ahead is not known, but deliveries were made in the same time. */
	return latest > now + SLACK_MS ? set_back(s, now, latest - now) : 0;
}

void setback_check(struct spool_server *s)
{
	const int64_t now = clock_wall_ms(), ahead = now - clock_mono_ms(), back = s->ahead - ahead;
	int r = -1;

	if (s->dead || back < SLACK_MS) {
		s->ahead = ahead;
		return;
	}
	if (db_run(&s->db, SQL_BEGIN, "") == 0 && set_back(s, now, back) == 0)
		r = db_commit(&s->db);
	if (r == -2) {
		server_fatal(s, "a commit failed, and so did taking it back");
		return;
	}
	if (r != 0) {
		/* Tried again, as AHEAD stays. */
		log_warning("clock-set-back", LOG_STR("reason", db_error(&s->db)));
		if (db_in_transaction(&s->db))
			(void)db_run(&s->db, SQL_ROLLBACK, "");
		return;
	}
	s->ahead = ahead;
	for (struct account *a = s->accounts; a != NULL; a = a->next)
		a->dirty = true;
	due_forget_told(s);
}
