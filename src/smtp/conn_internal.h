/* What the parts of a connection share: octets (conn.c) and TLS (conn_tls.c). */
#ifndef MAILFERRY_SMTP_CONN_INTERNAL_H
#define MAILFERRY_SMTP_CONN_INTERNAL_H

#include <event2/event_struct.h>

#include "net/transport.h"
#include "smtp/conn.h"

struct smtp_conn {
	struct smtp_conns *all;
	struct smtp_conn *next, **prev;
	struct smtp_session *session;
	struct smtp_source *source;
	struct event readable, writable;
	struct event more; /* a timer: there may be something to read that was taken from the descriptor */
	const struct config_listener *listener;
	struct transport wire;
	SSL *ready;	       /* owned: TLS is to begin with it when all output has left */
	bool handshaking;      /* neither input nor output is the session's */
	bool answered;	       /* the first octet of the handshake has come */
	bool read_blocked;     /* reading waits for what TLS itself has to write */
	bool write_blocked;    /* writing waits for what TLS itself has to read */
	bool reading, writing; /* the events are set */
	bool spoken;	       /* something was read */
	bool taking;	       /* input goes to the session; whether more lies here is asked afterwards */
	bool shut;	       /* our side is closed */
	bool closed;	       /* the client's side is; whether it gets the reply still matters */
	int64_t gone_ms;       /* when it is cut off; 0: not ending yet */
	size_t lingered;
	struct buf in; /* read, but not taken by the session yet */
};

/* Closes and frees C. RESET: it was the client's doing. */
void conn_drop(struct smtp_conn *c, bool reset);

void conn_set_reading(struct smtp_conn *c, bool on);
void conn_set_writing(struct smtp_conn *c, bool on);

/* After anything happened: moves what can move. False when C is gone. */
bool conn_go_on(struct smtp_conn *c);

/* STARTTLS (RFC 3207). Nothing is read from here on until TLS reads it: what lies there already came unencrypted, and
 * maybe not from the client. True: there is more to do. */
bool conn_starttls(struct smtp_conn *c);

/* The descriptor is ready for the handshake that goes on. */
void conn_handshake(struct smtp_conn *c);

/* The connection of a listener with implicit TLS (RFC 8314, 3). */
void conn_open_tls(struct smtp_conn *c);

#endif
