/*
 * The keeper of access tokens: which it has, until when, who waits for one, when
 * the next exchange with a provider is due. It does no exchange itself: it says
 * when one shall begin, and is told how it ended. Accounts that share a client's
 * own access (grant "application") share one token.
 *
 * An exchange at a time for each grant, however many ask; ahead of the expiry
 * where the token is in use; after a failure not before its back-off is over,
 * and everybody who asks meanwhile is told what went wrong last. A refresh token
 * that is given but can't be written to disk keeps the access token back.
 *
 * Times are of the clock that the hooks give (monotonic, milliseconds).
 */
#ifndef MAILFERRY_OAUTH_KEEPER_H
#define MAILFERRY_OAUTH_KEEPER_H

#include "config/config.h"
#include "oauth/exchange.h"

struct keeper;

struct keeper_answer {
	const struct err *err; /* NULL: all is well, and the rest counts */
	const char *token;     /* after keeper_get */
	int64_t expires;       /* wall clock */
	int64_t serial;
	const char *url, *user_code; /* after keeper_sign_in */
};

struct keeper_hooks {
	int64_t (*clock)(void *arg);
	/* Begin this exchange; its end is told by keeper_finished with the same JOB, once. ORDER lives until then. */
	void (*begin)(void *arg, unsigned job, const struct exchange_order *order);
	void (*answer)(void *arg, uint64_t asker, const struct keeper_answer *a);
	void (*signed_in)(void *arg, const char *account);
	/* The operator must know: said once, and again only after it was well in between. EXPIRES: of what will be,
	 * said every day. */
	void (*notice)(void *arg, const char *account, bool expires, const char *text);
	void *arg;
};

/* CONFIG and STORE must outlive it. */
struct keeper *keeper_new(const struct config *config, struct token_store *store, const struct keeper_hooks *hooks);
void keeper_free(struct keeper **k);

/* Requests of ASKER, a number of the caller's; each is answered once, perhaps at once, unless it is forgotten. ACCOUNT
 * is a name of the configuration with oauth. REFUSED: serial of the token that did not work, 0: none. */
void keeper_get(struct keeper *k, uint64_t asker, const char *account, int64_t refused);
/* A person asks next, who may have mended at the provider what it refused: no back-off counts, but every ten seconds only. */
void keeper_urge(struct keeper *k, const char *account);

void keeper_sign_in(struct keeper *k, uint64_t asker, const char *account, const char *redirect);
void keeper_code(struct keeper *k, uint64_t asker, const char *account, const char *answer);
void keeper_wait(struct keeper *k, uint64_t asker, const char *account);
void keeper_forget(struct keeper *k, uint64_t asker);

/* RESULT NULL: the exchange did not come about, for E. */
void keeper_finished(struct keeper *k, unsigned job, const struct exchange_result *result, const struct err *e);

/* Begins what is due. When to come again. */
int64_t keeper_turn(struct keeper *k);

/* Wipes everything that the exchange of JOB does not need: for the process that makes it. */
void keeper_narrow(struct keeper *k, unsigned job);

#endif
