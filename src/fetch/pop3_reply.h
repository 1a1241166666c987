/*
 * Lines of a POP3 server taken apart (RFC 1939, 3; RFC 2449, 8): replies, and the
 * lines of LIST and UIDL. Every octet of them is hostile.
 */
#ifndef MAILFERRY_FETCH_POP3_REPLY_H
#define MAILFERRY_FETCH_POP3_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	POP3_TEXT_MAX = 300, /* octets of a reply that people get to read */
	POP3_CODE_MAX = 40
};

enum pop3_status {
	POP3_OK,
	POP3_ERR,
	POP3_CONTINUE, /* "+ …": a challenge (RFC 1734) */
	POP3_JUNK      /* no reply at all */
};

struct pop3_reply {
	enum pop3_status status;
	char code[POP3_CODE_MAX + 1]; /* of an extended response code, in upper case: "IN-USE", "SYS/TEMP"; "" for none */
	uint64_t number;	      /* what stands behind the code: LOGIN-DELAY's seconds; 0: nothing */
	/* What the server wrote behind the status, its code included: printable UTF-8, blanks for anything else. Of junk, the
	 * whole line. */
	char text[POP3_TEXT_MAX + 1];
};

/* LINE without its end. */
void pop3_reply_read(struct slice line, struct pop3_reply *r);

/* What stands behind the "+" of a POP3_CONTINUE, without the blank. */
struct slice pop3_challenge(struct slice line);

bool pop3_reply_is(const struct pop3_reply *r, const char *code);

/* The next word of *REST, which is moved on behind it; empty at the end. Blanks and tabs separate. */
struct slice pop3_word(struct slice *rest);

/* "+OK 2 320", by its text behind the status: how many messages. 0, or -1 when there is no such number. */
int pop3_read_stat(struct slice line, uint64_t *count);

/* "1 120": *NUMBER is 1…2^32-1. *SIZE is 0 where it is missing or can't be a size. 0, or -1: this line is none of LIST. */
int pop3_read_list(struct slice line, uint32_t *number, uint64_t *size);

/* "1 whqtswO00WBw418f9t5JxYwZ": NAME is appended as source_item.name has it: octets that are not printable ASCII are
 * written "%XX", and then '%' is, too. Nothing is appended where the UIDL is empty or would be longer than
 * SOURCE_NAME_MAX. -1: this line is none of UIDL, or NAME is full. */
int pop3_read_uidl(struct slice line, uint32_t *number, struct buf *name);

#endif
