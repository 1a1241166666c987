/* Between the files of sasl_users. */
#ifndef MAILFERRY_NET_SASL_USERS_IMPL_H
#define MAILFERRY_NET_SASL_USERS_IMPL_H

#include "net/sasl_users.h"

enum { DECOY_SECRET_SIZE = 32, ROUNDS_KINDS_MAX = 16 };

struct sasl_users {
	unsigned char secret[DECOY_SECRET_SIZE];
	struct sasl_user *all; /* sorted by name */
	size_t n;
	/* The numbers of rounds that occur, for decoys; when there are more kinds, the first of them. */
	unsigned rounds[SCRAM_HASHES][ROUNDS_KINDS_MAX];
	size_t nrounds[SCRAM_HASHES];
};

/* Is NAME, without preparation, one that may stand in the file? NULL, or what is wrong with it. */
const char *sasl_users_bad_name(const char *name);

/* After a change of ALL: sorts it and counts anew. */
void sasl_users_sort(struct sasl_users *u);

void sasl_user_clear(struct sasl_user *user);

#endif
