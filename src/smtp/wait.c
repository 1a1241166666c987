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
	smtp_then_fn *then = s->waiting;

	if (then == NULL)
		return;
	s->waiting = NULL;
	/* The client was not asked for anything meanwhile: its time begins anew. */
	s->since_ms = s->service->now();
	then(s);
	s->wake(s->arg);
}
