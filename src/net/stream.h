/*
 * One connection to a server, over TCP or TLS, with an absolute deadline: the
 * low-level stream driver under libetpan. The descriptor comes connected (from
 * the connector) and is never blocked on: every wait is a poll that ends at the
 * deadline, however slowly the peer drips.
 *
 * While a write waits for the peer, replies are read in, so that a peer that
 * answers pipelined commands before it reads on can't lock us up.
 */
#ifndef MAILFERRY_NET_STREAM_H
#define MAILFERRY_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/binding.h"
#include "net/deflate.h"
#include "net/tls.h"

struct _mailstream; /* libetpan's mailstream */
struct stream;

enum { STREAM_INPUT_MAX = 4 * 1024 * 1024 };

/* Sees every byte that arrives, before anybody else, and appends to OUT those that may pass. -1 and E end the
 * connection. */
typedef int stream_tap_fn(void *arg, struct slice bytes, struct buf *out, struct err *e);

/* Takes FD. HOST (copied) is for TLS and error texts. */
struct stream *stream_new(int fd, const char *host);
void stream_set_tap(struct stream *s, stream_tap_fn *tap, void *arg);

/* Watches FD during every wait and calls FN when it is readable; FN may move the deadline. -1 ends the watch. */
void stream_set_wake(struct stream *s, int fd, void (*fn)(void *arg), void *arg);

/* Everything must be done by then (clock_mono_ms). */
void stream_set_deadline(struct stream *s, int64_t mono_ms);
int64_t stream_deadline(const struct stream *s);

/* Handshakes. Bytes that arrived before are a protocol error: they were not encrypted (RFC 9051, 6.2.1). */
int stream_start_tls(struct stream *s, struct tls_client *t, struct err *e);
bool stream_encrypted(const struct stream *s);

/* What the handshake came to; false when the stream is not encrypted. */
bool stream_tls_facts(const struct stream *s, struct tls_facts *out);

/* The channel bindings of the handshake; false when the stream is not encrypted. */
bool stream_bindings(const struct stream *s, struct binding out[BINDING_TYPES]);

/* Overwrites what was written and is still in libetpan's buffer: after a secret was sent. */
void stream_wipe(struct stream *s);

/* Reads octet by octet, so that none behind the line that is waited for is taken: before a switch like COMPRESS. */
void stream_set_careful(struct stream *s, bool careful);

/* From now on DEFLATE in both directions (RFC 4978), below the tap and all bounds: they count what is unpacked. What is
 * written goes out when somebody waits for the peer, at the latest. */
int stream_start_deflate(struct stream *s, struct err *e);

/* What it came to so far; false when the stream is not compressed. */
bool stream_deflated(const struct stream *s, struct deflate_count *out);

/* libetpan's view of the stream; owned by S. */
struct _mailstream *stream_mailstream(struct stream *s);

/* Bytes that libetpan has not read yet: in its buffer and in ours. */
size_t stream_unread(const struct stream *s);

/* For those who read without libetpan: what has arrived and was not taken yet, until the next call on S. Empty: stream_wait. */
struct slice stream_peek(const struct stream *s);
void stream_take(struct stream *s, size_t n); /* the front N octets of it */

/* Reads what has arrived without waiting: 1 when something came, 0 when nothing did, -1 when the connection is over. */
int stream_poll(struct stream *s, struct err *e);

/* The same, but waits for something until the deadline. 0, or -1. */
int stream_wait(struct stream *s, struct err *e);

/* For those who wait for news: 1 when something came, 0 at MONO_MS or when the wake descriptor was readable (its function
 * was called), -1. */
int stream_wait_until(struct stream *s, int64_t mono_ms, struct err *e);

/* For those who drive several streams at once: writes what the connection takes now, without waiting. Octets taken, from
 * the front of BYTES; 0: none now, call again with the same front when stream_wait_any says so; -1 and E. Nothing may be
 * left in libetpan's own buffer. */
ssize_t stream_write_some(struct stream *s, struct slice bytes, struct err *e);

enum { STREAM_WATCH_MAX = 16 };

struct stream_watch {
	struct stream *stream;
	bool write; /* stream_write_some took nothing: wake up when it can go on, too */
};

/* Waits until one of N (at most STREAM_WATCH_MAX) can be read or written, or until the earliest of their deadlines: a
 * stream whose deadline has passed has failed then. The wake descriptor of the first is watched, too. May return early. */
void stream_wait_any(const struct stream_watch *w, size_t n);

/* Why the connection is over, once any call failed: ERR_TEMP with code ETIMEDOUT at the deadline, ECONNRESET when the
 * peer closed; ERR_PROTOCOL from the tap. */
const struct err *stream_failure(const struct stream *s);

/* Closes in good order. */
void stream_close(struct stream **s);

/* Resets: the server sees at once that nobody waits for the rest of a literal, and nothing more is sent. So does the death of
 * the process. */
void stream_abort(struct stream **s);

#endif
