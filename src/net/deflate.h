/*
 * The bytes of COMPRESS=DEFLATE (RFC 4978): one raw DEFLATE stream (RFC 1951) in
 * each direction. It touches no socket. What it holds is bounded, whatever the
 * peer sends: compressed octets wait until they are asked for, a piece at a time.
 */
#ifndef MAILFERRY_NET_DEFLATE_H
#define MAILFERRY_NET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	DEFLATE_PUT_MAX = 32 * 1024, /* octets of one deflate_put */
	DEFLATE_FEED_MAX = 16 * 1024 /* octets of one deflate_feed */
};

struct deflate;

/* Octets so far, before and after, in both directions. */
struct deflate_count {
	uint64_t sent, sent_packed;
	uint64_t got, got_packed;
};

struct deflate *deflate_new(void);
void deflate_free(struct deflate **d);

/* ---- out ---- */

/* Takes all of BYTES; nothing may be pending. */
void deflate_put(struct deflate *d, struct slice bytes);

/* Makes all that was put readable for the peer (Z_SYNC_FLUSH), where it is not yet. */
void deflate_flush(struct deflate *d);

/* Compressed octets for the connection; deflate_sent drops N of them from the front. */
struct slice deflate_pending(const struct deflate *d);
void deflate_sent(struct deflate *d, size_t n);

/* ---- in ---- */

/* BYTES from the connection. Only when deflate_take has asked for them. */
void deflate_feed(struct deflate *d, struct slice bytes);

enum deflate_result {
	DEFLATE_GOT,	/* *GOT octets, one at least */
	DEFLATE_HUNGRY, /* nothing more without deflate_feed */
	DEFLATE_ENDED,	/* the peer has ended its stream */
	DEFLATE_GARBAGE /* this is no DEFLATE stream */
};
enum deflate_result deflate_take(struct deflate *d, char *out, size_t size, size_t *got);

/* Would deflate_take give something, without deflate_feed? It may also give nothing. */
bool deflate_holds(const struct deflate *d);

void deflate_counts(const struct deflate *d, struct deflate_count *out);

#endif
