/* Who is told when that mail waits. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/inside.h"

/* The earliest time in WHICH list of deliveries of one that no store holds. */
static int earliest(struct spool_server *s, const struct account *a, enum sql which, int64_t *due)
{
	sqlite3_stmt *st = db_ask(&s->db, which, "t", a->name);
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		int64_t at = sqlite3_column_int64(st, 0);

		if (account_has_taken(a, sqlite3_column_int64(st, 1)))
			continue;
		if (at < *due)
			*due = at;
		db_done(st);
		return 0;
	}
	return r;
}

int due_of(struct spool_server *s, struct account *a, int64_t *due)
{
	int64_t until = 0, flight;
	int r;

	*due = INT64_MAX;
	if (earliest(s, a, SQL_FIRST_QUEUED, due) != 0 || earliest(s, a, SQL_FIRST_DOUBT, due) != 0)
		return -1;
	/* In flight without a store to answer for it: the next store will look for it. */
	if (a->store == NULL || !a->woken) {
		r = db_number(&s->db, &flight, SQL_FLIGHTS, "t", a->name);
		if (r < 0)
			return -1;
		if (r == 1)
			*due = 0;
	}
	if (db_number(&s->db, &until, SQL_HOLD_GET, "t", a->name) < 0)
		return -1;
	if (*due != INT64_MAX && *due < until)
		*due = until;
	return 0;
}

int due_load(struct spool_server *s)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_ACCOUNTS, "");
	int r;

	while ((r = db_step(&s->db, st)) == 1)
		server_account(s, db_text(st, 0))->dirty = true;
	return r;
}

void due_forget_told(struct spool_server *s)
{
	for (struct account *a = s->accounts; a != NULL; a = a->next)
		a->told = false;
}

void due_check(struct spool_server *s)
{
	int64_t now = clock_wall_ms(), next = INT64_MAX;

	if (s->dead || s->stopping)
		return;
	for (struct account *a = s->accounts; a != NULL; a = a->next) {
		if (a->dirty && due_of(s, a, &a->work) == 0)
			a->dirty = false;
		/* A store at work asks again by itself. */
		if (a->work == INT64_MAX || (a->store != NULL && !a->idle))
			continue;
		if (a->work > now) {
			if (a->work < next)
				next = a->work;
		} else if (!a->told) {
			a->told = true;
			s->options.due(s->options.arg, a->name);
		}
	}
	if (next != INT64_MAX) {
		int64_t wait = next - now;
		struct timeval tv;

		/* The minute timer looks again anyway, also after the clock was set. */
		if (wait > 60 * 1000)
			wait = 60 * 1000;
		tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
		(void)evtimer_add(s->due_timer, &tv);
	}
}
