/* What was handed to the transport, which sends nothing: one entry a recipient, in the order of sending. */
#ifndef MAILFERRY_TESTS_OUTBOX_H
#define MAILFERRY_TESTS_OUTBOX_H

#include "base/buf.h"
#include "base/err.h"

struct sent {
	char *bytes;
	size_t n;
	char *from; /* "" is the null sender */
	char *to;
};

struct outbox {
	struct sent *all;
	size_t n;
	uint64_t size;
};

enum { OUTBOX_MAX = 64 * 1024 * 1024 };

int outbox_add(struct outbox *o, struct slice bytes, const char *from, const char *to, struct err *e);
void outbox_clear(struct outbox *o);

#endif
