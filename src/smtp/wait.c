#include "smtp/internal.h"

#include <stdlib.h>

#include "base/log.h"

void smtp_wait(struct smtp_session *s, smtp_then_fn *then)
{
	if (s->waiting != NULL) {
		log_error("bug", LOG_STR("session", s->id), LOG_STR("what", "it waits for two things"));
		abort();
	}
	s->waiting = then;
}

void smtp_resume(struct smtp_session *s)
{
	/* The banner, and the end of a message, answer no command. */
	const bool command = s->state != SMTP_NEW && s->state != SMTP_DECIDING;
	smtp_then_fn *then = s->waiting;
	const size_t before = s->out.n;

	if (then == NULL)
		return;
	s->waiting = NULL;
	/* The client was not asked for anything meanwhile: its time begins anew. */
	s->since_ms = s->service->now();
	then(s);
	if (command)
		smtp_command_answered(s, before);
	s->wake(s->arg);
}
