/*
 * What stands in front of a message when it is delivered (RFC 5321, 4.4):
 * Return-Path, Delivered-To, Received. Our Received line names the delivery,
 * and so it is also how a delivery whose outcome is unknown is found again.
 */
#ifndef MAILFERRY_MSG_RECEIVED_H
#define MAILFERRY_MSG_RECEIVED_H

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/slice.h"
#include "msg/address.h"
#include "msg/header.h"

enum {
	RECEIVED_HOPS_MAX = 100, /* Received fields; more is a loop (RFC 5321, 6.3) */
	RECEIVED_WORD_MAX = 255, /* octets of a name; the rest is left out */
	RECEIVED_ADDRESS_MAX = 900,
	RECEIVED_LINES_MAX = 256 * 1024 /* a sensible maximum for the buffer that received_lines fills */
};

struct received_info {
	struct slice hostname;	/* ours */
	struct slice helo;	/* as the client gave it; may be empty */
	struct slice client;	/* its name by DNS; may be empty */
	struct slice ip;	/* "192.0.2.1", "2001:db8::1"; empty for a UNIX socket */
	struct slice protocol;	/* "SMTP", "ESMTP", "LMTP", "POP3", … */
	struct slice id;	/* of the delivery */
	struct slice sender;	/* the return path without brackets; empty for the null path */
	const struct slice *to; /* the recipients of this delivery, without brackets */
	size_t nto;
	struct slice tls_version, tls_cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; empty: it came unencrypted */
	unsigned tls_bits;		      /* of the cipher's key */
	time_t time;		/* of acceptance */
	bool utf8;		/* addresses and names may stand in UTF-8 (RFC 6531) */
	bool without_path;	/* no Return-Path: fetched mail has that of its last transport, or none that is known */
	bool without_delivered; /* no Delivered-To */
	bool without_client;	/* no "from": the way inside our network is nobody else's business */
};

/* Appends the lines, each ended by CRLF. One recipient also stands in the for clause; of several none does, as they are
 * nobody else's business. Whatever the fields hold, what comes out is that many fields, of lines under 998 octets:
 * bytes that do not belong become '?'. 0, or -1 when OUT is full. */
int received_lines(const struct received_info *info, struct buf *out);

/* Walks the Received fields of a header block, or of a part of one, in order. REST is the block at first. For each one
 * whose "by" clause names HOSTNAME (in any case; empty: any host) sets *ID to its id clause, a view into the block;
 * false when there are no more. Comments, quoted strings, addresses and folds are read as such: what stands in them is
 * no clause. Linear in the block. */
bool received_ids_next(struct slice *rest, struct slice hostname, struct slice *id);

/* Is there such a field with exactly ID? */
bool received_id_find(struct slice block, struct slice hostname, struct slice id);

/* The address of the "for" clause of a raw Received VALUE, wherever it stands among the others, without brackets: a
 * view. Empty where there is none with a domain. */
struct slice received_for(struct slice value);

/* When that hop took the message (RFC 5321, 4.4), or -1 when it is not clear. */
time_t received_time(struct slice value);

/* How often has HOSTNAME filed this message for RECIPIENT before? Counts the Received fields by HOSTNAME with an id of
 * the shape that ours have, whose "for" clause or the Delivered-To fields right above it, as received_lines writes
 * them, name RECIPIENT. Case does not matter. */
size_t received_before(const struct header *h, struct slice hostname, const struct address *recipient);

/* Does a Delivered-To name RECIPIENT? Case does not matter. */
bool received_delivered_to(const struct header *h, const struct address *recipient);

enum received_loop {
	RECEIVED_NO_LOOP,
	RECEIVED_TOO_MANY_HOPS,	  /* 554 5.4.6 */
	RECEIVED_DELIVERED_BEFORE /* a Delivered-To names RECIPIENT already: 554 5.4.6 */
};

/* RECIPIENT may be NULL: hops only. Case does not matter in the comparison. */
enum received_loop received_loop(const struct header *h, const struct address *recipient);

#endif
