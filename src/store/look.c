#include "store/look.h"

/* A header for every UID from FLOOR to END - 1? Others may be among HEADERS: "floor:*" can answer with an older one. */
static bool covered(const struct look *l)
{
	uint32_t next = l->floor_next == 0 ? 1 : l->floor_next;

	for (size_t i = 0; i < l->nheaders && next < l->end; i++) {
		if (l->headers[i] < next)
			continue;
		if (l->headers[i] != next)
			return false;
		next++;
	}
	return next >= l->end;
}

static enum look_reason obstacle(const struct look *l)
{
	bool floor = l->floor_validity != 0 && l->floor_next != 0;

	if (!l->opened)
		return floor ? LOOK_NO_FOLDER : LOOK_NO_FLOOR;
	/* Without a floor the whole folder must be seen. */
	if (floor && l->validity != l->floor_validity)
		return LOOK_OTHER_VALIDITY;
	/* UIDs never fall (RFC 9051, 2.3.1.1): a UIDNEXT below the floor is no answer to build on. */
	if (!l->complete || l->end < l->floor_next)
		return LOOK_INCOMPLETE;
	return covered(l) ? LOOK_FINE : LOOK_GAP;
}

enum look_decision look_decide(const struct look *l, enum look_reason *why)
{
	*why = LOOK_FINE;
	if (l->found)
		return LOOK_FOUND;
	*why = obstacle(l);
	if (!l->settled)
		return LOOK_WAIT;
	if (*why == LOOK_INCOMPLETE)
		return LOOK_WAIT;
	if (*why != LOOK_FINE)
		return LOOK_SEARCH;
	return l->again ? LOOK_ABSENT : LOOK_WAIT;
}

const char *look_reason_text(enum look_reason why)
{
	switch (why) {
	case LOOK_NO_FLOOR:
		return "it may have been sent after the backup was made, and its folder is not there";
	case LOOK_NO_FOLDER:
		return "its folder can't be opened any more";
	case LOOK_OTHER_VALIDITY:
		return "its folder was made anew since (another UIDVALIDITY)";
	case LOOK_INCOMPLETE:
		return "the store did not list the folder completely";
	case LOOK_GAP:
		return "messages were removed from its folder since";
	case LOOK_FINE:
		break;
	}
	return "it is not in its folder";
}
