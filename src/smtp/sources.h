/* What each client address has in hand just now: a bounded table, as only addresses with a session stand in it. */
#ifndef MAILFERRY_SMTP_SOURCES_H
#define MAILFERRY_SMTP_SOURCES_H

#include <sys/socket.h>

#include "smtp/session.h"

struct sources;

struct sources *sources_new(void);
void sources_free(struct sources **t);

/* The entry of the address, with one more session in it. An IPv6 address counts as its /64, which is what one client
 * has. NULL for a UNIX socket: those are not told apart. */
struct smtp_source *sources_get(struct sources *t, const struct sockaddr *sa);

/* One session less; S may be NULL. */
void sources_put(struct sources *t, struct smtp_source *s);

#endif
