/* Inside the files of SASL: one exchange, and what each family of mechanisms gives. */
#ifndef MAILFERRY_NET_SASL_IMPL_H
#define MAILFERRY_NET_SASL_IMPL_H

#include "net/sasl.h"
#include "net/sasl_prep.h"
#include "net/scram.h"

enum { SASL_NONCE_MAX = 64 };

struct sasl_way {
	const char *name;
	enum scram_hash hash;	   /* SCRAM_HASHES: no SCRAM */
	enum binding_type binding; /* BINDING_TYPES: none */
	bool client_first;
	bool names_two; /* can carry both user and login_as */
	enum { NEEDS_PASSWORD, NEEDS_TOKEN, NEEDS_CERTIFICATE } needs;
	/* Challenge IN (decoded; empty for the initial response) to response OUT (to be encoded). S->round counts the
	 * calls from 0. */
	int (*step)(struct sasl *s, struct slice in, struct buf *out, struct err *e);
};

struct sasl {
	const struct sasl_setup *setup;
	const struct sasl_way *way;
	unsigned round;
	bool committed;
	bool complete; /* nothing more may come but the server's OK or NO */
	enum sasl_verdict verdict;
	char complaint[SASL_COMPLAINT_MAX + 1];
	struct { /* SCRAM */
		char nonce[SASL_NONCE_MAX + 1];
		struct buf gs2;	    /* the header, as sent */
		struct buf message; /* AuthMessage as far as it is known; begins with client-first-message-bare */
		unsigned char server_signature[SCRAM_KEY_MAX];
		bool verified;
	} scram;
};

int sasl_external_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_plain_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_login_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_cram_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_scram_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_bearer_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);
int sasl_xoauth2_step(struct sasl *s, struct slice in, struct buf *out, struct err *e);

/* login_as, or else user. */
const char *sasl_login_name(const struct sasl_setup *setup);

/* The mailbox, where another logs in; "" else. */
const char *sasl_other_user(const struct sasl_setup *setup);

/* Keeps what the server complains of, made printable. */
void sasl_complain(struct sasl *s, enum sasl_verdict verdict, struct slice words);

/* A challenge where none may come. */
int sasl_too_many(const struct sasl *s, struct err *e);

#endif
