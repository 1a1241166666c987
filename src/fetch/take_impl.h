/* Inside visit_take: all that is asked for (take.c), and one message of it on its way (taking.c). */
#ifndef MAILFERRY_FETCH_TAKE_IMPL_H
#define MAILFERRY_FETCH_TAKE_IMPL_H

#include "fetch/run_impl.h"

/* What is to become of it. Nothing of it is done before the source has said that it was the message that was asked for.
 */
enum verdict {
	VERDICT_TAKE,
	VERDICT_FOUND, /* remembered under another name */
	VERDICT_OWN,
	VERDICT_OLD,
	VERDICT_LONG,	/* longer than was said */
	VERDICT_STOPPED /* intake wants no more of it */
};

struct take;

struct taking { /* one message on its way */
	struct take *take;
	struct item *item;
	struct head_gather gather;
	enum { TAKING_HEAD, TAKING_BODY, TAKING_DROP } state;
	enum verdict verdict;
	struct head head;
	struct spool_origin origin;
	struct intake_fetched fetched;
	struct intake_message *message;
	uint64_t octets;
	bool waits;		      /* for resume */
	struct taking *next, *before; /* while the spool is asked */
};

struct take {
	struct visit *v;
	const uint32_t *which;
	const struct source_item *items; /* those that were asked for, in the order of WHICH */
	bool *ended;			 /* of each */
	size_t n;
	struct taking *now;
	struct taking *asked;
	size_t nasked;
	uint64_t octets_asked;
	uint64_t octets_before; /* progress, without the message in hand */
};

/* ---- taking.c ---- */

/* Those that return int: 0, or -1 when the run is stopped or the session must end. */

void taking_free(struct taking **t);

/* The header block is there: is the message wanted at all? If so, intake gets the block. */
int taking_decide(struct taking *t);

/* More of the message, to intake; returns when it may go on. */
int taking_feed(struct taking *t, struct slice bytes);

/* A server may announce less than it sends: what is over the limit is read away, up to a point. */
int taking_bound(struct taking *t);

/* K's message in hand is complete: the spool is asked, or it gets the fate that was decided. K->now is NULL when it
 * waits for the spool's answer. */
int taking_finish(struct take *k);

#endif
