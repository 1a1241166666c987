/*
 * What a store's NO, BAD and BYE mean, and what its OK says beside: one table
 * from status, response code (RFC 9051, 7.1; RFC 5530, RFC 7889, RFC 9208) and
 * known text to what became of the command and what becomes of the account.
 *
 * "Not stored" is believed of a message whose bytes were sent only where a row
 * says so: for a closed list of codes, and for texts that their server is known
 * to write before it keeps anything. Any other NO then is a doubt, and so is BAD,
 * because a server that did not understand may have executed what came behind;
 * only a row of its own tells of a BAD after which nothing did.
 */
#ifndef MAILFERRY_IMAP_ANSWERS_H
#define MAILFERRY_IMAP_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imap/reply.h"

/* When the answer came. */
enum answer_phase {
	ANSWER_LOGIN,
	ANSWER_FOLDER, /* to STATUS, CREATE, SUBSCRIBE, EXAMINE, LIST */
	ANSWER_HEAD,   /* to APPEND, before any byte of a message was sent */
	ANSWER_BODY,   /* to APPEND, bytes of the message are on their way or there */
	ANSWER_BYE     /* untagged, at any time */
};

/* What became of the command. */
enum verdict {
	VERDICT_DONE,
	VERDICT_NO_FOLDER, /* not stored: the folder is missing */
	VERDICT_NO_PLACE,  /* not stored: this folder takes no mail */
	VERDICT_REFUSED,   /* not stored: this message will never be taken */
	VERDICT_FORM,	   /* not stored: for how the message is written; wrapped it may be taken */
	VERDICT_LATER,	   /* not stored: this message, later */
	VERDICT_HOLD,	   /* not stored: the account takes nothing now */
	VERDICT_DOUBT	   /* nobody knows */
};

/* What becomes of the account. */
enum answer_account {
	ACCOUNT_GOES_ON,
	ACCOUNT_SLOWER, /* fewer messages at once */
	ACCOUNT_FEWER,	/* fewer connections; no error */
	ACCOUNT_FULL,	/* waits, but smaller mail may fit */
	ACCOUNT_WAITS,	/* until it is tried again */
	ACCOUNT_PERSON	/* until a person has mended something: tried seldom, said loudly */
};

struct answer {
	enum verdict verdict; /* of a login and a BYE: VERDICT_HOLD, or VERDICT_DONE for OK */
	enum answer_account account;
	int64_t wait_ms;    /* how long the account waits at least, an hour at most; 0: not said */
	bool grows;	    /* doubles each time, up to a day */
	const char *advice; /* what a person can do about it, or NULL; static */
	const char *seen;   /* on which stores, for people; NULL when no row fits */
};

struct answer answers_read(const struct imap_reply *r, enum answer_phase phase);

/* The same for the text of a BYE. */
struct answer answers_read_bye(const char *text);

/* How long TEXT, which holds a store's words somewhere, asks to wait: as answer.wait_ms; *GROWS likewise, or NULL. */
int64_t answers_wait(const char *text, bool *grows);

#endif
