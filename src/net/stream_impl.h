/* The fields of a stream, and its lowest layers, for the files of stream*.c only. */
#ifndef MAILFERRY_NET_STREAM_IMPL_H
#define MAILFERRY_NET_STREAM_IMPL_H

#include <libetpan/mailstream.h>
#include <openssl/types.h>

#include "net/deflate.h"
#include "net/stream.h"

struct stream {
	int fd;
	char *host;
	SSL *ssl; /* NULL: plain */
	struct tls_verdict verdict;
	int64_t deadline;
	short write_wants; /* what poll must see before a write that took nothing can go on */
	struct buf in;	   /* what the tap let pass; the front IN_AT bytes are read already */
	size_t in_at;
	stream_tap_fn *tap;
	void *tap_arg;
	int wake_fd;
	void (*wake)(void *arg);
	void *wake_arg;
	struct deflate *deflate; /* NULL: not compressed */
	bool careful;		 /* see stream_set_careful */
	struct err failure;
	mailstream *ms;
};

enum { STREAM_WAKE_PAUSE_MS = 100 };

/* ---- stream.c ---- */

/* Fills E with the failure; returns -1. */
int stream_failed(struct stream *s, struct err *e);

/* The peer can only answer what it has: sends what the compressor holds, and adds to EVENTS what more of it waits for. 0, or
 * -1. */
int stream_urge(struct stream *s, short *events);

/* A peer that closed may have answered before: its replies count, though nothing more can be sent. */
void stream_drain(struct stream *s);

/* ---- stream_raw.c ---- */

/* Failures stick: the first one is the reason. All return -1. */
int stream_fail(struct stream *s, enum err_class class, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int stream_fail_io(struct stream *s, int errnum);
int stream_fail_late(struct stream *s);

/* Plain octets, through compression and encryption; never waits. 1 with *GOT or *PUT of one at least, 0 with *WANT set
 * to poll's events, or -1. What was put may stay in the compressor until stream_push. */
int stream_get(struct stream *s, char *p, size_t size, size_t *got, short *want);
int stream_put(struct stream *s, struct slice bytes, size_t *put, short *want);

/* Before waiting for the peer: what the compressor holds is on its way. 1 when all of it is written; else as above. */
int stream_push(struct stream *s, short *want);

/* Octets are there that poll does not see: decrypted or fed, and not yet read. */
bool stream_holds(const struct stream *s);

#endif
