/*
 * A message known by its header block: what is left to tell one from another
 * where a source has no names for its messages, or has changed them all.
 *
 * The hash is over what does not change while a message lies at its server.
 * Some servers write lines into the header of a message as it is read (Status,
 * X-UIDL, Content-Length …), some end lines otherwise after a move to another
 * program: such lines, line ends and the white space of folds do not count.
 */
#ifndef MAILFERRY_FETCH_HEAD_H
#define MAILFERRY_FETCH_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "msg/header.h"
#include "spool/source.h"

struct head {
	unsigned char hash[ORIGIN_HEAD_SIZE]; /* never all zeros */
	bool named;	 /* it has a Message-ID: another message with the same hash is the same message */
	int64_t date_ms; /* its Date; 0: not clear */
};

/* BLOCK: the header block with or without the empty line behind it. */
void head_read(struct slice block, struct head *out);

/* Is HASH known at all? */
bool head_is_known(const unsigned char hash[ORIGIN_HEAD_SIZE]);

/* ---- gathering the block from the pieces of a message ---- */
struct head_gather {
	struct buf block; /* up to and with the empty line; at most HEADER_MAX_BYTES and one piece */
	bool done;	  /* it is complete, or too long to be waited for */
};

void head_gather_init(struct head_gather *g);
void head_gather_free(struct head_gather *g);

/* Takes what belongs to the block off the front of *PIECE. -1: no memory. */
int head_gather_add(struct head_gather *g, struct slice *piece);

#endif
