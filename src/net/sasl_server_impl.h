/* Inside the files of the SASL server: one exchange, and what each mechanism gives. */
#ifndef MAILFERRY_NET_SASL_SERVER_IMPL_H
#define MAILFERRY_NET_SASL_SERVER_IMPL_H

#include "net/sasl_server.h"

enum { SASL_CLIENT_NONCE_MAX = 256 };

struct sasl_server_way {
	const char *name;
	enum scram_hash hash; /* SCRAM_HASHES: no SCRAM */
	bool plus;	      /* with a channel binding */
	/* The decoded response IN to OUT (to be encoded). S->round counts the calls from 0. */
	enum sasl_server_said (*step)(struct sasl_server *s, struct slice in, struct buf *out);
};

struct sasl_server {
	const struct sasl_server_setup *setup;
	const struct sasl_server_way *way;
	unsigned round;
	enum { EXCHANGING, CLAIMED, ENDED } state;
	const char *reason;
	char *user;	/* owned; as it came, without NUL */
	char *prepared; /* owned; the same as the users' file would have it */
	char *password; /* owned; PLAIN and LOGIN */
	struct {
		struct scram_verifier verifier;
		bool real;    /* the verifier is no decoy */
		bool checked; /* and the client has proved that it knows the password */
		enum binding_type binding;
		struct buf gs2, message; /* its header; AuthMessage as far as it is known */
		struct buf nonce;	 /* the client's, and ours behind it */
		unsigned char proof[SCRAM_KEY_MAX];
	} scram;
};

enum sasl_server_said sasl_server_plain_step(struct sasl_server *s, struct slice in, struct buf *out);
enum sasl_server_said sasl_server_login_step(struct sasl_server *s, struct slice in, struct buf *out);
enum sasl_server_said sasl_server_scram_step(struct sasl_server *s, struct slice in, struct buf *out);
enum sasl_server_said sasl_server_scram_check(struct sasl_server *s, struct buf *out);

/* Keeps who it says that it is. False: that can't be anybody's name. */
bool sasl_server_names(struct sasl_server *s, struct slice user);

/* May the user act for AUTHZID, prepared or not? Only for itself (RFC 4616, 2: the policy is ours). */
bool sasl_server_acts_for(const struct sasl_server *s, struct slice authzid);

enum sasl_server_said sasl_server_refuse(struct sasl_server *s, const char *reason);

#endif
