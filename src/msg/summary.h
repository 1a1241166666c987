/* The few facts about a message that records keep for people: short, decoded, safe to print. */
#ifndef MAILFERRY_MSG_SUMMARY_H
#define MAILFERRY_MSG_SUMMARY_H

#include <time.h>

#include "base/slice.h"
#include "msg/header.h"

enum { SUMMARY_TEXT_MAX = 500 }; /* octets of each text */

struct summary {
	char *message_id; /* owned, never NULL: "<left@right>" without blanks, or "" */
	char *subject;	  /* owned, never NULL: UTF-8, decoded, cut, without controls */
	char *from;	  /* the same, with the display name */
	time_t date;	  /* the Date field, or -1 */
};

void summary_init(struct summary *s, const struct header *h);
void summary_free(struct summary *s);

/* S as one printable line of UTF-8: controls become blanks, what is no UTF-8 becomes U+FFFD, and what is beyond MAX
 * octets is cut off at a whole character. From mem_alloc. */
char *summary_text(struct slice s, size_t max);

#endif
