/*
 * What a store is like, for a person who sets an account up (`mailferry probe'):
 * each step on the way is timed, each fact told as soon as it is known, and the
 * first step that fails ends the survey with its reason. Never changes anything
 * but with WRITE: then one message is filed into INBOX, found, and removed.
 */
#ifndef MAILFERRY_STORE_SURVEY_H
#define MAILFERRY_STORE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "net/tls.h"

/* In the order of the way, but that ENCRYPT comes behind GREET where tls is "starttls". */
enum survey_step {
	SURVEY_CONNECT,
	SURVEY_ENCRYPT,
	SURVEY_GREET,
	SURVEY_LOGIN,
	SURVEY_ASK, /* namespace, server, quota */
	SURVEY_LIST,
	SURVEY_WRITE,
	SURVEY_FIND,
	SURVEY_REMOVE,
	SURVEY_AGAIN, /* a second connection, up to the login */
	SURVEY_STEPS
};

enum survey_fact {		   /* text, unless said otherwise */
		   SURVEY_ADDRESS, /* "192.0.2.7:993" */
		   SURVEY_TLS_VERSION,
		   SURVEY_TLS_CIPHER,
		   SURVEY_ISSUER, /* of the certificate, as in net/cert.h */
		   SURVEY_NAMES,
		   SURVEY_VALID_FROM,  /* number: seconds since 1970 */
		   SURVEY_VALID_UNTIL, /* number */
		   SURVEY_FINGERPRINT,
		   SURVEY_PIN,
		   SURVEY_KEY,
		   SURVEY_RESUMED, /* number: 1 when the second connection resumed the TLS session of the first */
		   SURVEY_MECHANISM,
		   SURVEY_COMPRESSED, /* number: 1 when COMPRESS=DEFLATE is on */
		   SURVEY_CAPABILITIES, /* with a blank between */
		   SURVEY_SERVER,	/* by its ID */
		   SURVEY_APPEND_LIMIT, /* number: octets */
		   SURVEY_SEPARATOR,	/* "" for a flat store */
		   SURVEY_PREFIX,
		   SURVEY_OTHERS,      /* prefixes of other people's and shared folders */
		   SURVEY_QUOTA_NOTE,  /* why there is no quota to show */
		   SURVEY_FOLDERS_CUT, /* number: 1 when there are more folders than were told */
		   SURVEY_UID,	       /* number: of the test message */
		   SURVEY_UID_TOLD,    /* number: 1 when the store told it by itself (APPENDUID) */
		   SURVEY_LEFT, /* number: 1 when the test message is still there, marked as deleted: no UID EXPUNGE */
		   SURVEY_FACTS
};

struct survey_sink {
	/* After MS milliseconds; E is NULL when it went well. */
	void (*step)(void *arg, enum survey_step step, int64_t ms, const struct err *e);
	void (*text)(void *arg, enum survey_fact fact, const char *text); /* as the server wrote it */
	void (*number)(void *arg, enum survey_fact fact, int64_t n);
	void (*folder)(void *arg, const char *name, const char *mailbox, const char *use); /* MAILBOX: on the wire */
	void (*quota)(void *arg, const char *root, const char *resource, uint64_t used, uint64_t most);
	void *arg;
};

struct survey {
	const struct config_server *server;
	const char *hostname;	/* ours, for the test message */
	struct tls_client *tls; /* NULL where the account's tls is "none" */
	bool write;
	int (*connect)(void *arg, struct err *e);	      /* a descriptor, or -1 */
	char *(*token)(void *arg, bool fresh, struct err *e); /* as in imap/session.h */
	void *arg;
	const struct survey_sink *sink;
};

/* 0, or -1 and E: what the step that failed was told with. */
int survey_run(const struct survey *survey, struct err *e);

#endif
