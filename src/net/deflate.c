#include "net/deflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
	RAW = -15,	      /* a window of 32 KB, and no header (RFC 4978, 4) */
	OUT_MAX = 512 * 1024, /* what zlib may hold back, and one put on top */
	OUT_STEP = 16 * 1024
};

struct deflate {
	z_stream out, in;
	bool dirty; /* put, and not flushed since */
	struct buf pending;
	char fed[DEFLATE_FEED_MAX];
	bool full; /* the last take filled its buffer: there may be more in zlib */
	bool ended;
	struct deflate_count count;
};

struct deflate *deflate_new(void)
{
	struct deflate *d = mem_alloc(sizeof *d);

	if (deflateInit2(&d->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
	    inflateInit2(&d->in, RAW) != Z_OK)
		abort();
	buf_init(&d->pending, OUT_MAX);
	return d;
}

void deflate_free(struct deflate **dp)
{
	struct deflate *d = *dp;

	if (d == NULL)
		return;
	(void)deflateEnd(&d->out);
	(void)inflateEnd(&d->in);
	buf_free(&d->pending);
	free(d);
	*dp = NULL;
}

/* ---- out ---- */

static void run(struct deflate *d, struct slice bytes, int flush)
{
	/* zlib reads through this pointer only. */
	d->out.next_in = (Bytef *)(uintptr_t)bytes.p;
	d->out.avail_in = (uInt)bytes.n;
	do {
		char *room = buf_reserve(&d->pending, OUT_STEP);

		if (room == NULL)
			abort();
		d->out.next_out = (Bytef *)room;
		d->out.avail_out = OUT_STEP;
		if (deflate(&d->out, flush) == Z_STREAM_ERROR)
			abort();
		buf_commit(&d->pending, OUT_STEP - d->out.avail_out);
		d->count.sent_packed += OUT_STEP - d->out.avail_out;
	} while (d->out.avail_out == 0);
}

void deflate_put(struct deflate *d, struct slice bytes)
{
	if (bytes.n == 0)
		return;
	run(d, bytes, Z_NO_FLUSH);
	d->dirty = true;
	d->count.sent += bytes.n;
}

void deflate_flush(struct deflate *d)
{
	if (!d->dirty)
		return;
	run(d, SLICE_NONE, Z_SYNC_FLUSH);
	d->dirty = false;
}

struct slice deflate_pending(const struct deflate *d)
{
	return buf_slice(&d->pending);
}

void deflate_sent(struct deflate *d, size_t n)
{
	buf_consume(&d->pending, n);
}

/* ---- in ---- */

void deflate_feed(struct deflate *d, struct slice bytes)
{
	size_t n = bytes.n < sizeof d->fed ? bytes.n : sizeof d->fed;

	if (n > 0)
		memcpy(d->fed, bytes.p, n);
	d->in.next_in = (Bytef *)d->fed;
	d->in.avail_in = (uInt)n;
	d->count.got_packed += n;
}

enum deflate_result deflate_take(struct deflate *d, char *out, size_t size, size_t *got)
{
	int ret;

	if (d->ended)
		return DEFLATE_ENDED;
	if (d->in.avail_in == 0 && !d->full)
		return DEFLATE_HUNGRY;
	d->in.next_out = (Bytef *)out;
	d->in.avail_out = (uInt)size;
	ret = inflate(&d->in, Z_SYNC_FLUSH);
	*got = size - d->in.avail_out;
	d->full = d->in.avail_out == 0;
	d->count.got += *got;
	d->ended = ret == Z_STREAM_END;
	if (*got > 0)
		return DEFLATE_GOT; /* what is wrong behind it shows when it is asked for */
	if (d->ended)
		return DEFLATE_ENDED;
	return ret == Z_OK || ret == Z_BUF_ERROR ? DEFLATE_HUNGRY : DEFLATE_GARBAGE;
}

bool deflate_holds(const struct deflate *d)
{
	return d->in.avail_in > 0 || d->full;
}

void deflate_counts(const struct deflate *d, struct deflate_count *out)
{
	*out = d->count;
}
