/* Memory that is freed all at once: what one request was decoded into. */
#ifndef MAILFERRY_SPOOL_POOL_H
#define MAILFERRY_SPOOL_POOL_H

#include "base/slice.h"

struct pool_block;

struct pool {
	struct pool_block *first; /* zero is an empty pool */
	size_t total;		  /* octets given out */
};

void *pool_alloc(struct pool *a, size_t n);	 /* zeroed */
char *pool_text(struct pool *a, struct slice s); /* a terminated copy */
struct slice pool_copy(struct pool *a, struct slice s);
void pool_free(struct pool *a); /* empties it */

#endif
