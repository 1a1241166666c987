/*
 * What rules tell others of a message that they refuse. A notice is independent of all other actions (RFC 5435, 7), so it
 * goes out although nothing of the message is kept: as a further message of a record that has no delivery of its own. The
 * message is refused whatever becomes of that, and whoever brings it again is refused, and told of, again.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/derived.h"

void intake_not_told(const struct intake_message *m, const char *why)
{
	log_warning("not-told", LOG_STR("session", m->env.session), LOG_STR("message", m->id), LOG_STR("why", why));
}

bool intake_tells(const struct intake_message *m, size_t i)
{
	const struct intake_verdict *v = &m->verdicts[i];

	if (v->same_as != i || v->known || v->result != INTAKE_REJECTED || m->env.recipients[i].result != INTAKE_REJECTED)
		return false;
	for (size_t k = 0; k < v->plan.n; k++)
		if (v->plan.actions[k].notice != NULL)
			return true;
	return false;
}

bool intake_tell_only(struct intake_message *m, const struct message *msg)
{
	struct intake_sending *s;

	if (m->env.fetched != NULL || m->in->lost || m->in->config->relay == NULL)
		return false;
	s = m->sending = mem_alloc(sizeof *s);
	s->wall_ms = clock_wall_ms();
	s->further.largest = s->further.most = (uint64_t)m->in->config->limits.unaccepted_per_address;
	for (size_t i = 0; i < m->env.nrecipients; i++)
		if (intake_tells(m, i))
			intake_outward_told(s, m, msg, i, i);
	if (intake_derivation_finish(&s->further, m, s->wall_ms) == 0 && s->further.n > 0 &&
	    intake_derivation_deliveries(&s->further) <= SPOOL_DELIVERIES_MAX) {
		random_id(m->told);
		return true;
	}
	if (s->further.n > 0)
		intake_not_told(m, "the rules want too much of a message that they refuse");
	intake_derivation_free(&s->further, m);
	intake_deliveries_free(&s->deliveries);
	free(s);
	m->sending = NULL;
	return false;
}

/* Who takes the message, and first one who has not got it yet: what is noted as of him who has is not done again. */
static size_t find_taker(const struct intake_message *m)
{
	size_t known = m->env.nrecipients;

	for (size_t i = 0; i < m->env.nrecipients; i++) {
		if (m->verdicts[i].same_as != i || m->env.recipients[i].result != INTAKE_ACCEPTED)
			continue;
		if (!m->verdicts[i].known)
			return i;
		known = known < i ? known : i;
	}
	return known;
}

void intake_tell_besides(struct intake_message *m, const struct message *msg, size_t i)
{
	if (!intake_tells(m, i))
		return;
	/* Recorded as of one who takes it: the spool hears of no other. */
	m->tells = true;
	intake_outward_told(m->sending, m, msg, i, find_taker(m));
}

bool intake_told(struct intake_message *m, enum spool_answer answer, const struct spool_taken *taken)
{
	static const char *const why[] = {
		[SPOOL_FULL] = "full",
		[SPOOL_LIMIT] = "the day's number for refused mail is reached",
		[SPOOL_FAILED] = "failed",
		[SPOOL_LOST] = "lost",
	};

	if (m->told[0] == '\0') {
		if (m->tells && answer == SPOOL_DUPLICATE)
			intake_not_told(m, "all who take it got it before");
		return false;
	}
	if (answer == SPOOL_ACCEPTED) {
		log_info("told-of-refused", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			 LOG_STR("as", m->told));
		/* No client will confirm it, and nothing can come again that is known by it. */
		intake_confirm(m->in, taken->ticket, SPOOL_READ);
	} else {
		intake_not_told(m, (size_t)answer < sizeof why / sizeof why[0] ? why[answer] : NULL);
	}
	m->outcome = m->env.recipients[0].result;
	m->events.done(m->arg);
	return true;
}
