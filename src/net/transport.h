/*
 * A connection that a client made, as octets that can be read and written: plain,
 * or TLS after transport_secure. Nothing here waits; where it can't go on at once
 * it says which readiness of the descriptor to wait for.
 */
#ifndef MAILFERRY_NET_TRANSPORT_H
#define MAILFERRY_NET_TRANSPORT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum transport_status {
	TRANSPORT_OK,
	TRANSPORT_WANT_READ,  /* again when the descriptor is readable */
	TRANSPORT_WANT_WRITE, /* again when it is writable */
	TRANSPORT_END,	      /* the peer has closed its side in order: FIN when plain; with TLS its close_notify */
	TRANSPORT_CUT,	      /* TLS: the peer has closed the connection without close_notify: what it said last may be
			       * missing */
	TRANSPORT_BROKEN      /* a reset, or octets that are no TLS of this session */
};

struct transport {
	int fd;	  /* owned */
	SSL *ssl; /* owned; NULL: plain */
	bool begun, ready; /* the handshake: its first octet was looked at; it is done */
	bool failed;	   /* TLS broke: nothing is read or written any more … */
	bool cut;	   /* … as the peer closed without close_notify (TRANSPORT_CUT) */
	unsigned reads;	   /* of the descriptor, in the call under way */
	int error;	   /* TRANSPORT_BROKEN: its errno; 0: what came is no TLS of this session */
};

/* Takes the non-blocking socket FD. */
void transport_init(struct transport *t, int fd);
void transport_close(struct transport *t); /* at any time, also twice */

bool transport_is_tls(const struct transport *t);

/* From here on TLS, with SSL (owned from now on) as the server's end: handshake first. T stays where it is. */
void transport_secure(struct transport *t, SSL *ssl);

/* One step of the handshake. TRANSPORT_OK: done. TRANSPORT_BROKEN, TRANSPORT_CUT: E says why, for the log; the client was
 * told by an alert. */
enum transport_status transport_handshake(struct transport *t, struct err *e);

/* TRANSPORT_OK: *USED octets, at least one. */
enum transport_status transport_read(struct transport *t, void *p, size_t n, size_t *used);
enum transport_status transport_write(struct transport *t, const void *p, size_t n, size_t *used);

/* Something lies here that was taken from the descriptor already, which then says nothing of it: transport_read gives
 * it, or finds that it is only a part of a record. */
bool transport_pending(const struct transport *t);

/* Octets that lie in the descriptor: with TLS still sealed, and so more than they hold. */
size_t transport_waiting(const struct transport *t);

/* Has all that was written arrived at the peer's system? By a UNIX socket: has the peer read it? */
bool transport_acknowledged(const struct transport *t);

/* Has the peer closed its side, or is the connection gone? What it sent before may not be read yet. *INPUT: something lies
 * there to be read. */
bool transport_hung_up(const struct transport *t, bool *input);

/* Says that nothing more comes from us: close_notify, where it can be said at once, and FIN. */
void transport_shutdown(struct transport *t);

#endif
