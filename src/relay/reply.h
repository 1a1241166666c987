/*
 * Replies of an SMTP server (RFC 5321, 4.2), read as they come, cut at any octet.
 * They are hostile: a line, their number, and what is kept are bounded.
 */
#ifndef MAILFERRY_RELAY_REPLY_H
#define MAILFERRY_RELAY_REPLY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	RELAY_REPLY_LINE_MAX = 4096, /* octets of a line with its end; RFC 5321 knows 512 */
	RELAY_REPLY_LINES_MAX = 256,
	RELAY_REPLY_TEXT_MAX = 16 * 1024, /* octets kept of one reply; the rest is read and dropped */
	RELAY_WORDS_SIZE = 400
};

struct relay_reply {
	int code;	 /* 200…599 */
	struct buf text; /* its lines without code and end, LF between */
	/* the reader's own: */
	char line[RELAY_REPLY_LINE_MAX];
	size_t n;
	unsigned lines;
	bool whole;
};

void relay_reply_init(struct relay_reply *r);
void relay_reply_free(struct relay_reply *r);

/* Takes octets from the front of *IN. 1: a reply is whole, and stays until the next call; 0: more input; -1 and E: that
 * is no SMTP. */
int relay_reply_feed(struct relay_reply *r, struct slice *in, struct err *e);

/* The reply for people: "550 5.1.1 no such user", one line, printable. Returns OUT. */
const char *relay_reply_words(const struct relay_reply *r, char out[RELAY_WORDS_SIZE]);

#endif
