/* Between a session and its milters: what they are told of it, and what they change in it. */
#ifndef MAILFERRY_SMTP_MILTER_APPLY_H
#define MAILFERRY_SMTP_MILTER_APPLY_H

#include "smtp/milter.h"

struct smtp_session;

/* A macro's value; ARG is the session. As milter_macro_fn. */
const char *milter_fact(void *arg, const char *name);

void milter_connect_tell(struct milter *m, struct smtp_session *s);

/* Makes the changes that M wants to the message of S, whose content is sealed. What can't be is left out and logged. -1:
 * nothing was done, as the header would be larger than one may be. */
int milter_apply(struct smtp_session *s, struct milter *m);

#endif
