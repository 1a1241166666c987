/*
 * For whom a fetched message is, and from whom, by its header. The envelope that
 * it had is gone; the transport that filed it at the source may have written it
 * down. Pure, and bounded whatever the header holds.
 */
#ifndef MAILFERRY_INTAKE_ADDRESSEES_H
#define MAILFERRY_INTAKE_ADDRESSEES_H

#include "config/config.h"
#include "msg/address.h"
#include "msg/header.h"

enum {
	ADDRESSEES_MAX = 100,	      /* of one message */
	ADDRESSEES_FIELDS_MAX = 200,  /* fields of one name that are looked at, from the top */
	ADDRESSEES_LOOKUPS_MAX = 2000 /* addresses that are looked up */
};

struct addressee {
	struct address address;		      /* owned */
	const struct config_account *account; /* who takes it */
};

struct addressees {
	struct addressee *all; /* owned; each address once */
	size_t n;
	const char *header; /* which of HEADERS told; NULL: none did */
	bool many;	    /* there are more than ADDRESSEES_MAX: none of them may be relied on */
	char *other;	    /* owned: the first address that was found and that no account has, or NULL */
};

/* Asks HEADERS, N names of fields, in order; the first that names an address of an account tells, and in it the
 * uppermost field, that is the newest hop, with those of the same name right below it, as a transport with several
 * recipients writes them. Of Received the "for" clause. MAILBOX (may be NULL) is the mailbox that the message was
 * fetched from: as Delivered-To tells its name for all mail in it, it counts only where nothing else is found. */
void addressees_find(struct addressees *a, const struct config *c, const struct header *h, char *const *headers,
		     size_t n, const char *mailbox);
void addressees_free(struct addressees *a);

/* The return path: of the uppermost Return-Path, else who Sender or From names, unless that is a mailer; "" for the
 * null sender and where nothing can be read. From mem_alloc. */
char *addressees_sender(const struct header *h);

/* When the message reached the source: the newest hop's time, else its Date, in milliseconds of wall clock; NOW_MS
 * where neither is clear or it lies behind NOW_MS. */
int64_t addressees_arrival(const struct header *h, int64_t now_ms);

#endif
