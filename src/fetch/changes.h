/* Changes of the memory, gathered so that many are one commit. In a dry run they come to nothing. */
#ifndef MAILFERRY_FETCH_CHANGES_H
#define MAILFERRY_FETCH_CHANGES_H

#include "base/buf.h"
#include "spool/source.h"

struct changes {
	struct spool_source *memory; /* NULL: a dry run */
	struct origin_change all[ORIGIN_BATCH_MAX];
	size_t name[ORIGIN_BATCH_MAX], reason[ORIGIN_BATCH_MAX]; /* offsets into the texts; 0: NULL */
	size_t n;
	struct buf text;
};

void changes_init(struct changes *c, struct spool_source *memory);
void changes_free(struct changes *c);

/* Copies O. 0, or -1 and E: a full batch could not be committed. */
int changes_add(struct changes *c, enum origin_act act, const struct spool_origin *o, struct err *e);

/* The same, of the row with NUMBER. */
int changes_row(struct changes *c, enum origin_act act, int64_t number, struct err *e);

/* Commits what was gathered. */
/* How many can be added before it is committed. */
size_t changes_room(const struct changes *c);

int changes_flush(struct changes *c, struct err *e);

#endif
