/* What each client address has in hand just now: a bounded table, as only addresses with a session stand in it. Other
 * receivers hear of it by the tally. */
#ifndef MAILFERRY_SMTP_SOURCES_H
#define MAILFERRY_SMTP_SOURCES_H

#include <sys/socket.h>

#include "smtp/session.h"

struct sources;

/* T (NULL: there are no others) outlives it. */
struct sources *sources_new(struct tally *t);
void sources_free(struct sources **t);

/* The entry of the address, with one more session in it. An IPv6 address counts as its /64, which is what one client
 * has. NULL for a UNIX socket: those are not told apart. */
struct smtp_source *sources_get(struct sources *t, const struct sockaddr *sa);

/* One session less; S may be NULL. */
void sources_put(struct sources *t, struct smtp_source *s);

/* N octets more (less, where it is negative) of mail that is not accepted yet, of the service and of S, which may be
 * NULL. */
void source_count(struct smtp_service *service, struct smtp_source *s, int64_t n);

/* What all receivers have in hand: of one address (no S: nothing), and octets in all. */
struct tally_sum source_sum(const struct smtp_service *service, const struct smtp_source *s);
uint64_t source_all(const struct smtp_service *service);

#endif
