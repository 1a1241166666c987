/* A message that a test works with, and the envelope that it came in. */
#ifndef MAILFERRY_TESTS_LETTER_H
#define MAILFERRY_TESTS_LETTER_H

#include "msg/message.h"

struct letter {
	struct letter *next; /* the one before it: what a plan points into must live on */
	char *bytes;	     /* lines end in CRLF */
	size_t n;
	struct message message;
};

enum { LETTER_MAX = 8 * 1024 * 1024 };

/* TEXT as a message: every line end becomes CRLF. NULL where it is larger than LETTER_MAX. */
struct letter *letter_new(struct slice text);
void letter_free_all(struct letter **newest);

/* The first address that can be read in the first of the fields NAMES that has one, from mem_alloc; NULL: none has. */
char *letter_address(const struct letter *l, const char *const *names);

/* NULL: not set. Addresses without brackets; "" is the null sender. */
struct envelope {
	char *from, *to, *orig_to, *auth;
};

void envelope_free(struct envelope *e);

/* All of it anew from the message's fields: Return-Path, Sender, From; Envelope-To, To; else the usual ones. */
void envelope_derive(struct envelope *e, const struct header *h);

enum { ENVELOPE_NULL_OK = 1, ENVELOPE_BARE_OK = 2 };

/* The address in TEXT, with or without brackets, from mem_alloc; NULL where it is none. */
char *envelope_address(struct slice text, unsigned flags);

#endif
