/*
 * The listing of a POP3 session: what STAT, LIST and UIDL say together. It holds
 * for the whole session (RFC 1939, 5).
 */
#ifndef MAILFERRY_FETCH_POP3_LIST_H
#define MAILFERRY_FETCH_POP3_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	POP3_MESSAGES_MAX = 1000 * 1000,
	POP3_NAMES_MAX = 64 * 1024 * 1024 /* octets of all UIDLs */
};

struct pop3_message {
	uint32_t number;
	uint32_t name; /* where its UIDL stands among the names; 0: it has none */
	uint64_t size;
	bool removed; /* DELE was answered OK */
};

struct pop3_listing {
	struct pop3_message *all; /* ascending by number, each once */
	size_t n, cap;
	struct buf names; /* each ends with a NUL; the one at 0 is empty */
	uint64_t stat;	  /* messages that there are, by STAT */
	uint64_t strange; /* lines that can't be */
	bool complete;	  /* what it does not have is not there */
};

void pop3_listing_free(struct pop3_listing *l);

/* 0, or -1: there are too many. */
int pop3_listing_add(struct pop3_listing *l, uint32_t number, uint64_t size);

/* All are added: sorts them, and drops what is there twice. */
void pop3_listing_sort(struct pop3_listing *l);

/* NULL: there is none. HINT: where to look first. */
struct pop3_message *pop3_listing_find(const struct pop3_listing *l, uint32_t number, size_t hint);

/* A line of UIDL. 0, or -1: there are too many. */
int pop3_listing_name(struct pop3_listing *l, struct slice line, size_t hint);

/* All lines have been read: is it complete? NAMED: the server has UIDLs. */
void pop3_listing_judge(struct pop3_listing *l, bool named);

const char *pop3_listing_name_of(const struct pop3_listing *l, const struct pop3_message *m);

#endif
