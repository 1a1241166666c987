/* What grant's files share. */
#ifndef MAILFERRY_OAUTH_GRANT_IMPL_H
#define MAILFERRY_OAUTH_GRANT_IMPL_H

#include "oauth/grant.h"

/* What an error of a provider means: ERROR is its word of RFC 6749, 5.2 ("" when there is none), WORDS its description
 * (may be NULL), STATUS of HTTP or 0. Fills E with account, the provider's words and what to do. */
enum grant_verdict grant_explain(const struct config_server *a, enum grant_step step, const char *error,
				 const char *words, int status, struct err *e);

#endif
