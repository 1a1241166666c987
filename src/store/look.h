/*
 * What a look into a folder proves about one delivery whose answer was lost. A
 * pure function: the rule of docs/architecture.md, "Deliveries in doubt".
 */
#ifndef MAILFERRY_STORE_LOOK_H
#define MAILFERRY_STORE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum look_decision {
	LOOK_FOUND,  /* it is there */
	LOOK_ABSENT, /* proved not to be there: it may be sent again */
	LOOK_WAIT,   /* not seen, but the store may still be at it */
	LOOK_SEARCH  /* somebody moved things: search all folders, then ask a person */
};

enum look_reason {
	LOOK_FINE,
	LOOK_NO_FLOOR /* and no folder */,
	LOOK_NO_FOLDER,
	LOOK_OTHER_VALIDITY,
	LOOK_INCOMPLETE,
	LOOK_GAP
};

struct look {
	/* Recorded before the first byte. 0: never sent as far as the spool knows, but the spool is a backup put back.
	 */
	uint32_t floor_validity, floor_next;
	bool opened;		 /* the folder is there and could be examined */
	uint32_t validity;	 /* its UIDVALIDITY now */
	uint32_t end;		 /* every UID below was asked for: UIDNEXT, or behind the highest UID seen */
	bool complete;		 /* every FETCH was answered OK */
	const uint32_t *headers; /* UIDs that came with a header, ascending, none twice */
	size_t nheaders;
	bool found;
	bool settled; /* the settle time has passed since the connection ended */
	bool again;   /* this is the look that confirms an absence after the settle time */
};

enum look_decision look_decide(const struct look *l, enum look_reason *why);

const char *look_reason_text(enum look_reason why); /* for people */

#endif
