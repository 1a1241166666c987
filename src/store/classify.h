/*
 * What a store's tagged answer to APPEND means. "Not stored" is only believed
 * from a closed list of response codes (RFC 3501, RFC 5530, RFC 7889, RFC 9208);
 * any other NO to a message whose bytes were sent is a doubt, and so is BAD.
 */
#ifndef MAILFERRY_STORE_CLASSIFY_H
#define MAILFERRY_STORE_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/reply.h"

enum verdict {
	VERDICT_DONE,
	VERDICT_NO_FOLDER, /* not stored: the folder is missing */
	VERDICT_NO_PLACE,  /* not stored: this folder takes no mail */
	VERDICT_REFUSED,   /* not stored: this message will never be taken */
	VERDICT_LATER,	   /* not stored: this message, later */
	VERDICT_HOLD,	   /* not stored: the account takes nothing now */
	VERDICT_DOUBT	   /* nobody knows */
};

/* SENT: was any byte of the message on its way when the answer came? */
enum verdict classify_append(const struct imap_reply *r, bool sent);

/* STATUS, CREATE or EXAMINE of a folder was answered NO: VERDICT_NO_FOLDER, NO_PLACE, LATER or HOLD. */
enum verdict classify_folder(const struct imap_reply *r);

/* "Suggested Backoff Time: N milliseconds", as Exchange writes it: N, capped at an hour; 0 when TEXT says no such
 * thing. */
int64_t classify_wait(const char *text);

/* Does an OK ask to slow down? */
bool classify_throttled(const struct imap_reply *r);

#endif
