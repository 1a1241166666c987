/* A tagged reply taken apart (RFC 9051, 7.1; codes of RFC 5530, 4315, 7889 and others). A value: copy it freely. */
#ifndef MAILFERRY_IMAP_REPLY_H
#define MAILFERRY_IMAP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/filter.h"

struct imap_reply {
	enum imap_status status;
	char code[48];			/* "TRYCREATE" in upper case, "" for none */
	char args[128];			/* what stands in the brackets behind the code */
	char text[FILTER_TEXT_MAX + 1]; /* all of it, code included, as the server wrote it */
};

void imap_reply_parse(enum imap_status status, const char *text, struct imap_reply *r);

bool imap_reply_is(const struct imap_reply *r, const char *code);

/* [APPENDUID validity uid-set] of N messages that were stored by one command, in their order (RFC 4315, 3 and 4; RFC
 * 3502). *UIDVALIDITY is 0 when the store told nothing; UIDS are set, and true returned, only when the set names exactly
 * N. */
bool imap_reply_appenduids(const struct imap_reply *r, uint32_t *uidvalidity, uint32_t *uids, size_t n);

#endif
