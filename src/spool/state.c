#include "spool/state.h"

#include "spool/source.h"

const struct state_rule state_rules[] = {
	{ STATE_NONE, DELIVERY_QUEUED, ACTOR_INTAKE },		{ STATE_NONE, DELIVERY_MERGED, ACTOR_INTAKE },
	{ STATE_NONE, DELIVERY_HELD, ACTOR_INTAKE },

	{ DELIVERY_QUEUED, DELIVERY_FLIGHT, ACTOR_STORE },	{ DELIVERY_QUEUED, DELIVERY_QUEUED, ACTOR_STORE },
	{ DELIVERY_QUEUED, DELIVERY_QUARANTINED, ACTOR_STORE }, { DELIVERY_QUEUED, DELIVERY_MERGED, ACTOR_STORE },
	{ DELIVERY_QUEUED, DELIVERY_DOUBT, ACTOR_STORE },	{ DELIVERY_QUEUED, DELIVERY_QUEUED, ACTOR_ADMIN },
	{ DELIVERY_QUEUED, DELIVERY_HELD, ACTOR_ADMIN },	{ DELIVERY_QUEUED, DELIVERY_DELETED, ACTOR_ADMIN },
	{ DELIVERY_QUEUED, DELIVERY_QUARANTINED, ACTOR_SPOOL }, { DELIVERY_QUEUED, DELIVERY_DOUBT, ACTOR_SPOOL },

	{ DELIVERY_FLIGHT, DELIVERY_DONE, ACTOR_STORE },	{ DELIVERY_FLIGHT, DELIVERY_FLIGHT, ACTOR_STORE },
	{ DELIVERY_FLIGHT, DELIVERY_QUEUED, ACTOR_STORE },	{ DELIVERY_FLIGHT, DELIVERY_QUARANTINED, ACTOR_STORE },
	{ DELIVERY_FLIGHT, DELIVERY_DOUBT, ACTOR_STORE },	{ DELIVERY_FLIGHT, DELIVERY_PARKED, ACTOR_STORE },
	{ DELIVERY_FLIGHT, DELIVERY_MERGED, ACTOR_STORE },	{ DELIVERY_FLIGHT, DELIVERY_DOUBT, ACTOR_SPOOL },

	{ DELIVERY_DOUBT, DELIVERY_DONE, ACTOR_STORE },		{ DELIVERY_DOUBT, DELIVERY_QUEUED, ACTOR_STORE },
	{ DELIVERY_DOUBT, DELIVERY_FLIGHT, ACTOR_STORE },	{ DELIVERY_DOUBT, DELIVERY_DOUBT, ACTOR_STORE },
	{ DELIVERY_DOUBT, DELIVERY_PARKED, ACTOR_STORE },	{ DELIVERY_DOUBT, DELIVERY_QUARANTINED, ACTOR_STORE },
	{ DELIVERY_DOUBT, DELIVERY_MERGED, ACTOR_STORE },	{ DELIVERY_DOUBT, DELIVERY_DOUBT, ACTOR_ADMIN },
	{ DELIVERY_DOUBT, DELIVERY_QUEUED, ACTOR_ADMIN },	{ DELIVERY_DOUBT, DELIVERY_DELETED, ACTOR_ADMIN },
	{ DELIVERY_DOUBT, DELIVERY_PARKED, ACTOR_SPOOL },

	{ DELIVERY_PARKED, DELIVERY_DOUBT, ACTOR_ADMIN },	{ DELIVERY_PARKED, DELIVERY_QUEUED, ACTOR_ADMIN },
	{ DELIVERY_PARKED, DELIVERY_DELETED, ACTOR_ADMIN },

	{ DELIVERY_QUARANTINED, DELIVERY_QUEUED, ACTOR_ADMIN }, { DELIVERY_QUARANTINED, DELIVERY_DELETED, ACTOR_ADMIN },
	{ DELIVERY_QUARANTINED, DELIVERY_PARKED, ACTOR_SPOOL },

	{ DELIVERY_HELD, DELIVERY_QUEUED, ACTOR_ADMIN },	{ DELIVERY_HELD, DELIVERY_DELETED, ACTOR_ADMIN },
	{ DELIVERY_HELD, DELIVERY_PARKED, ACTOR_SPOOL },
};
const size_t state_nrules = sizeof state_rules / sizeof state_rules[0];

bool state_legal(int from, int to, enum state_actor actor)
{
	for (size_t i = 0; i < state_nrules; i++)
		if (state_rules[i].from == from && state_rules[i].to == to && state_rules[i].actor == actor)
			return true;
	return false;
}

const char *state_actor_name(enum state_actor actor)
{
	static const char *const names[] = { "", "intake", "store", "person", "spool" };

	return names[actor];
}

bool state_final(enum delivery_state s)
{
	return s >= DELIVERY_DONE;
}

const char *delivery_state_name(enum delivery_state s)
{
	static const char *const names[] = { "none",	    "queued", "in-flight", "in-doubt", "parked",
					     "quarantined", "held",   "done",	   "merged",   "deleted" };

	return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "unknown";
}

const char *origin_fate_name(enum origin_fate fate)
{
	static const char *const names[] = { "none", "taken", "skipped", "own", "known", "refused" };

	return (size_t)fate < sizeof names / sizeof names[0] ? names[fate] : "unknown";
}

const char *origin_settled_name(enum origin_settled settled)
{
	static const char *const names[] = { "waits", "delivered", "stuck" };

	return (size_t)settled < sizeof names / sizeof names[0] ? names[settled] : "unknown";
}
