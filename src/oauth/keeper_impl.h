/* The fields of a keeper, and what its files share. */
#ifndef MAILFERRY_OAUTH_KEEPER_IMPL_H
#define MAILFERRY_OAUTH_KEEPER_IMPL_H

#include "oauth/keeper.h"

enum want { WANT_TOKEN, WANT_PLEASE, WANT_CODE, WANT_AGREED };

struct asker {
	struct asker *next;
	uint64_t id;
	enum want want;
};

/* A person's sign-in that is under way. */
struct sign_in {
	char *redirect;
	char state[GRANT_RANDOM_SIZE], verifier[GRANT_RANDOM_SIZE];
	char *code;	   /* to be exchanged now */
	char *device_code; /* NULL: not asked for yet */
	bool device;
	char *url, *user_code; /* where the person must go, and what to type there */
	int64_t until;	       /* of this clock */
	int64_t interval, next_poll;
};

struct grant {
	struct grant *next;
	unsigned job; /* its number, from 1 */
	char *key;
	const struct config_server *server; /* the first that has it */

	struct stored_token stored; /* refresh_token NULL: there is none */
	bool unwritten;		    /* it is not on disk yet: nothing may be used that came with it */

	char *token; /* NULL: none */
	int64_t got, expires, expires_wall, serial;
	bool refused; /* somebody could not use it */
	int64_t asked, forced, urged;

	bool running;
	struct exchange_order order;
	struct asker *askers;
	struct sign_in *sign_in;

	struct err trouble; /* why the last exchange failed; class ERR_NONE: it did not */
	unsigned failures;
	int64_t not_before;
};

struct keeper {
	const struct config *config;
	struct token_store *store;
	struct keeper_hooks hooks;
	struct grant *grants;
	unsigned running;
	int64_t serial;
	int64_t told; /* when expiring secrets were told last */
};

static inline int64_t keeper_now(const struct keeper *k)
{
	return k->hooks.clock(k->hooks.arg);
}

struct grant *keeper_grant(struct keeper *k, const char *account);
void keeper_ask(struct grant *g, uint64_t id, enum want want);

/* Answers those of G's askers who WANT it: with E, or (E NULL) with what G has. */
void keeper_answer_all(struct keeper *k, struct grant *g, enum want want, const struct err *e);
void keeper_answer_one(struct keeper *k, const struct grant *g, uint64_t id, enum want want, const struct err *e);

void exchange_order_free(struct exchange_order *o);

/* ---- keeper_exchange.c ---- */
/* Begins an exchange of G: STEP with VALUE (may be NULL). */
void keeper_begin(struct keeper *k, struct grant *g, enum grant_step step, const char *value);

bool grant_is_person(const struct grant *g);   /* rests on a sign-in */
bool grant_is_unsigned(const struct grant *g); /* and there is none */
bool grant_is_usable(const struct keeper *k, const struct grant *g);

/* ---- keeper_sign_in.c ---- */
void sign_in_free(struct sign_in **s);
/* What is due of a sign-in: true when an exchange was begun. */
bool sign_in_turn(struct keeper *k, struct grant *g);
int64_t sign_in_next(const struct grant *g); /* when the next is due; INT64_MAX: nothing is */
void sign_in_finished(struct keeper *k, struct grant *g, const struct exchange_result *r, const struct err *e);

#endif
