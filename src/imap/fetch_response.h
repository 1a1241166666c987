/*
 * FETCH responses (RFC 9051, 7.5.2) as they arrive: the items that a source of
 * mail needs, with the body piece by piece, so that its size costs no memory.
 * What else a server tells in them is passed over. Strict where bytes are
 * counted: behind a literal nothing may stand but the rest of a response, or
 * the literal was not as long as the server said.
 *
 * Fed by a filter's sink (imap/filter.h), which bounds lines and literals.
 */
#ifndef MAILFERRY_IMAP_FETCH_RESPONSE_H
#define MAILFERRY_IMAP_FETCH_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { FETCH_FLAGS_MAX = 8 * 1024, FETCH_DEPTH_MAX = 100 };

/* What one response told; of one that is not yet whole, what it told so far. */
struct fetch_response {
	uint32_t uid; /* 0: not told */
	bool has_size, has_flags, has_date;
	uint64_t size;	     /* RFC822.SIZE */
	int64_t internal_ms; /* 0: not clear */
	struct buf flags;    /* those that a client may set, with blanks between; what does not fit is left out */
	bool nil;	     /* the body is NIL */
	bool whole;	     /* the body came */
};

struct fetch_events { /* -1 and E end the connection */
	/* The body begins: OCTETS of it. */
	int (*begin)(void *arg, const struct fetch_response *so_far, uint64_t octets, struct err *e);
	int (*piece)(void *arg, struct slice bytes, struct err *e);
	int (*done)(void *arg, const struct fetch_response *r, struct err *e);
	void *arg;
};

struct fetch_reader {
	struct fetch_events events;
	const char *section; /* "BODY[]": which item is the body; NULL: none */
	struct fetch_response now;
	bool inside;	  /* a response is not whole */
	int at;		  /* where in it; see fetch_response.c */
	int item;	  /* whose value is read */
	unsigned depth;	  /* parentheses open in that value */
	bool body;	  /* the literal that comes now is the body */
};

void fetch_reader_init(struct fetch_reader *r, const struct fetch_events *events);
void fetch_reader_free(struct fetch_reader *r);

/* As the functions of a filter_sink. 1: it was (part of) a FETCH response; 0: it was not; -1 and E. */
int fetch_reader_line(struct fetch_reader *r, struct slice line, bool more, bool literal, uint64_t size, struct err *e);
int fetch_reader_octets(struct fetch_reader *r, struct slice bytes, struct err *e);

#endif
