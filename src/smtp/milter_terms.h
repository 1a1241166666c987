/* What a milter and we agreed on at the start of a connection (option negotiation). */
#ifndef MAILFERRY_SMTP_MILTER_TERMS_H
#define MAILFERRY_SMTP_MILTER_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* The steps of a session. */
enum milter_stage {
	MILTER_AT_CONNECT,
	MILTER_AT_HELO,
	MILTER_AT_MAIL,
	MILTER_AT_RCPT,
	MILTER_AT_DATA,
	MILTER_AT_HEADER,
	MILTER_AT_EOH,
	MILTER_AT_BODY,
	MILTER_AT_EOM,
	MILTER_AT_UNKNOWN,
	MILTER_STAGES
};

enum milter_action { /* what it may do at the end of a message */
	MILTER_MAY_ADD_HEADERS = 0x1,
	MILTER_MAY_CHANGE_BODY = 0x2,
	MILTER_MAY_ADD_RCPT = 0x4,
	MILTER_MAY_DELETE_RCPT = 0x8,
	MILTER_MAY_CHANGE_HEADERS = 0x10,
	MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_CHANGE_FROM = 0x40,
	MILTER_MAY_ADD_RCPT_PAR = 0x80,
	MILTER_MAY_SET_MACROS = 0x100,
	MILTER_MAY_ALL = 0x1ff
};

enum milter_protocol { /* besides the bits of milter_terms.c, by stage */
	MILTER_TAKES_SKIP = 0x400,
	MILTER_TAKES_REFUSED = 0x800, /* recipients that we refuse are told too */
	MILTER_LEADING_SPACE = 0x100000,
	MILTER_PROTOCOL_ALL = 0x1fffff
};

enum { MILTER_MACROS_MAX = 64 }; /* names that a milter may ask for at a stage */

struct milter_terms {
	uint32_t version, actions, protocol;
	char *macros[MILTER_STAGES]; /* owned; names with blanks between, that it asked for at a stage; NULL: the usual
				      * ones */
};

/* Appends the packet with what we offer. */
void milter_terms_offer(struct buf *out);

/* Reads what the milter answered, behind the letter. 0, or -1 and E: it wants what was not offered, or that is no answer.
 */
int milter_terms_read(struct slice data, struct milter_terms *t, struct err *e);

bool milter_terms_skip(const struct milter_terms *t, enum milter_stage stage);	/* it does not want to hear of it */
bool milter_terms_silent(const struct milter_terms *t, enum milter_stage stage); /* it does not answer */

void milter_terms_free(struct milter_terms *t);

#endif
