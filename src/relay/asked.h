/*
 * What a rule, or the sender, asks of the relay for one recipient (RFC 3461, RFC
 * 2852, by way of RFC 6009). It stands where deliveries to stores have their flags:
 * words parted by blanks, "NOTIFY=SUCCESS,FAILURE", "RET=FULL", "ENVID=QQ+2B7",
 * "ORCPT=rfc822;a@b.example", "BY=1795712400;R", whose time is that of the wall
 * clock, as a message may have waited. "RELAYED": reports go to the sender, so what
 * he did not ask is not asked (RFC 3461, 5.2.1).
 */
#ifndef MAILFERRY_RELAY_ASKED_H
#define MAILFERRY_RELAY_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { RELAY_NOTIFY_SIZE = 32 };

struct relay_asked {
	char notify[RELAY_NOTIFY_SIZE]; /* "": not said */
	char ret[5];			/* "FULL", "HDRS" or "" */
	struct slice envid, orcpt; /* xtext as it is sent, within the words; empty: not said */
	bool relayed;
	bool by;
	int64_t by_at; /* seconds since 1970 */
	char by_mode;  /* 'N' or 'R' */
	bool by_trace;
};

/* Reads WORDS (NULL: none), which outlive *OUT; what is no such word is left out. */
void relay_asked_read(const char *words, struct relay_asked *out);

#endif
