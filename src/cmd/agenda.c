#include "cmd/agenda.h"

/* FIRST, doubled for each failure but the first, at most MOST. */
static int64_t doubled(int64_t first, unsigned failures, int64_t most)
{
	int64_t wait = first < most ? first : most;

	for (unsigned i = 1; i < failures && wait < most; i++)
		wait = wait <= most / 2 ? wait * 2 : most;
	return wait;
}

static bool has_times(const struct agenda_plan *plan)
{
	return plan->push || plan->table.every > 0 || plan->table.nat > 0;
}

/* The time that the plan names, whatever happened; 0: now. */
static int64_t planned(const struct agenda_plan *plan, const struct agenda_past *past)
{
	/* Whether a run that was cut off had done its work, nobody knows. */
	if (plan->push || (past->started_ms != 0 && past->ended_ms == 0))
		return 0;
	/* Times that passed during a run are not made up for. */
	if (past->started_ms != 0)
		return timetable_next(&plan->table, past->ended_ms);
	/* What is new is looked at soon, but not outside the hours that were named for it. */
	return plan->table.every > 0 ? 0 : timetable_next(&plan->table, past->known_ms);
}

/* The same, with what was missed made up for. */
static int64_t minded(const struct agenda_plan *plan, const struct agenda_past *past, uint16_t draw)
{
	int64_t at, spread = plan->table.jitter;

	if (!has_times(plan))
		return INT64_MAX;
	at = planned(plan, past);
	if (at > past->known_ms)
		return at;
	if (spread > AGENDA_CATCH_UP_MS)
		spread = AGENDA_CATCH_UP_MS;
	return past->known_ms + (spread <= 0 ? 0 : spread * draw / AGENDA_DRAW_MAX);
}

/* How often it runs when all is well: a server that was only away is not tried less often. */
static int64_t interval(const struct agenda_plan *plan)
{
	if (plan->table.every > 0)
		return plan->table.every;
	return plan->push ? AGENDA_FULL_MAX_MS : AGENDA_BROKEN_MAX_MS;
}

static int64_t put_off(const struct agenda_plan *plan, const struct agenda_past *past)
{
	unsigned n = past->failures;

	switch (past->end) {
	case RUN_REFUSED:
		return doubled(AGENDA_REFUSED_MS, n, AGENDA_REFUSED_MAX_MS);
	case RUN_THROTTLED:
		if (past->delay_ms > AGENDA_DELAY_MAX_MS)
			return AGENDA_DELAY_MAX_MS;
		return past->delay_ms > 0 ? past->delay_ms : doubled(AGENDA_THROTTLED_MS, n, AGENDA_REFUSED_MAX_MS);
	case RUN_BROKEN:
		return doubled(AGENDA_BROKEN_MS, n, AGENDA_BROKEN_MAX_MS);
	case RUN_FULL:
	case RUN_LOST:
		return doubled(AGENDA_FULL_MS, n, AGENDA_FULL_MAX_MS);
	case RUN_OK:
	case RUN_PARTLY:
	case RUN_AWAY:
		break;
	}
	return doubled(AGENDA_AWAY_MS, n, interval(plan));
}

struct agenda_next agenda_next(const struct agenda_plan *plan, const struct agenda_past *past, uint16_t draw)
{
	struct agenda_next next = { .at_ms = minded(plan, past, draw) };
	int64_t retry;

	if (past->end == RUN_OK || past->started_ms == 0 || past->ended_ms == 0)
		return next;
	/* What is wrong with one folder does not hold up the others; nor is a source that should stay connected, and
	 * left for that, begun again at once. */
	if (past->end == RUN_PARTLY) {
		next.person = true;
		if (plan->push)
			next.at_ms = past->ended_ms + put_off(plan, past);
		return next;
	}
	next.held = true;
	next.person = past->end == RUN_REFUSED;
	/* Nothing tries again what only a person asks for. */
	if (next.at_ms == INT64_MAX)
		return next;
	retry = past->ended_ms + put_off(plan, past);
	if (past->end == RUN_AWAY && !plan->push)
		next.at_ms = retry < next.at_ms ? retry : next.at_ms;
	else if (past->end == RUN_FULL || past->end == RUN_LOST || plan->push)
		next.at_ms = retry;
	else
		next.at_ms = retry > next.at_ms ? retry : next.at_ms;
	return next;
}

void agenda_mend(struct agenda_past *past, int64_t now)
{
	if (past->started_ms > now)
		past->started_ms = now;
	if (past->ended_ms > now)
		past->ended_ms = now;
	if (past->known_ms > now)
		past->known_ms = now;
}
