/* What is remembered of a folder, as far as a run has to hold it against what is there. */
#ifndef MAILFERRY_FETCH_ROWS_H
#define MAILFERRY_FETCH_ROWS_H

#include "base/buf.h"
#include "fetch/pair.h"
#include "spool/source.h"

/* Reasons that begin so are those of the limits: an original that was left for its size is looked at again when the
 * limit is another one. */
#define REASON_LARGER "larger than "
#define REASON_OLDER  "older than "

struct row {
	int64_t number, folder;
	int64_t absent_ms, tried_ms, taken_ms;
	uint64_t size;
	uint32_t uid, name; /* NAME: offset into the texts */
	uint32_t absent, tries;
	uint32_t item; /* index of the item that it is paired with, or PAIR_NONE */
	unsigned char head[ORIGIN_HEAD_SIZE];
	uint8_t fate, settled;
	bool removal, handled;
	bool larger, older; /* SKIPPED: by that limit */
	bool old;	    /* of another generation: only its head can tell */
	bool foreign;	    /* of another folder that is there */
	bool other;	    /* OLD, of another mailbox that the source meant before */
	bool gone;	    /* forgotten in this run */
};

struct rows {
	struct row *all; /* owned */
	size_t n, cap;
	struct buf text;
	bool failed; /* no memory */
};

void rows_init(struct rows *r);
void rows_free(struct rows *r);
struct row *rows_add(struct rows *r, const struct spool_origin *o); /* NULL: r->failed */
const char *rows_name(const struct rows *r, const struct row *row);

#endif
