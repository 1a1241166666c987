/* STARTTLS (RFC 3207), and TLS from the first octet. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "smtp/internal.h"

bool smtp_offers_tls(const struct smtp_session *s)
{
	return s->service->tls && !s->tls.on &&
	       (s->listener->tls == CONFIG_OFFER_STARTTLS || s->listener->tls == CONFIG_OFFER_REQUIRED);
}

bool smtp_needs_tls(const struct smtp_session *s)
{
	return s->listener->tls == CONFIG_OFFER_REQUIRED && !s->tls.on;
}

bool smtp_unspeakable(const struct smtp_session *s)
{
	if (s->tls.on)
		return false;
	return s->listener->tls == CONFIG_OFFER_IMPLICIT || (s->state == SMTP_SECURING && s->answered);
}

void smtp_session_tls_begin(struct smtp_session *s, bool early, bool ready)
{
	if (s->state != SMTP_SECURING || s->answered)
		return;
	if (early) {
		smtp_end(s, 554, "5.5.0", "You must wait for the reply to STARTTLS before you go on");
		return;
	}
	if (!ready) {
		smtp_say(s, 454, "4.7.0", "TLS is not available just now");
		smtp_enter(s, SMTP_IDLE);
		return;
	}
	smtp_say(s, 220, "2.0.0", "Go ahead");
	s->answered = true;
	s->since_ms = s->service->now();
}

void smtp_session_tls_done(struct smtp_session *s, const struct smtp_tls *t)
{
	free(s->subject);
	free(s->issuer);
	s->subject = mem_strdup(t->subject);
	s->issuer = mem_strdup(t->issuer);
	s->tls = *t;
	s->tls.on = true;
	s->tls.subject = s->subject;
	s->tls.issuer = s->issuer;
	if (s->state != SMTP_SECURING)
		return; /* it was not greeted yet */
	s->answered = false;
	smtp_unwanted_forget(s);
	free(s->helo);
	s->helo = NULL;
	free(s->user);
	s->user = NULL;
	s->mechanism = NULL;
	s->extended = false;
	smtp_enter(s, SMTP_GREETED);
}
