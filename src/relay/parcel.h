/* One message, and those of its recipients that are named to the relay together. */
#ifndef MAILFERRY_RELAY_PARCEL_H
#define MAILFERRY_RELAY_PARCEL_H

#include "relay/client.h"
#include "spool/client.h"

struct parcel {
	struct parcel *next;
	struct relay_transaction t;   /* its ARG is the parcel */
	const struct spool_work **work; /* of each recipient; borrowed */
	struct relay_asked *asked;    /* of each */
	bool committed;
	/* the content: */
	char *bytes; /* NULL: in FD */
	size_t len;
	int fd;
	uint64_t at; /* octets of prefix and body that were given out */
	char *piece; /* of a file */
};

/* ALL (N) are recipients of one message. */
struct parcel *parcel_new(const struct spool_work *const *all, size_t n);
void parcel_free(struct parcel **p);

/* Gets the content, and looks at it. 0, or -1 and E; ERR_PERM: it is gone, and the spool knows; ERR_TEMP without a code: it
 * can't be read now; else the spool is lost. */
int parcel_load(struct parcel *p, struct spool_store *spool, struct err *e);

/* As struct relay_supply's. */
int parcel_read(struct parcel *p, struct slice *piece, bool *last);

#endif
