/*
 * Records on the wire. One table a record says, for both sides, how its members
 * travel and what a reader accepts; a request or a reply is a sequence of such
 * groups, cut into as many packets as it needs.
 */
#ifndef MAILFERRY_SPOOL_WIRE_H
#define MAILFERRY_SPOOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ipc/message.h"
#include "spool/pool.h"

enum wire_kind {
	WIRE_INT64,
	WIRE_UINT64,
	WIRE_UINT32,
	WIRE_INT, /* also enums */
	WIRE_BOOL,
	WIRE_NAME,  /* char *: must fit, be UTF-8 and hold no control characters */
	WIRE_WORDS, /* char *, for people: cut and cleaned by the writer */
	WIRE_BYTES, /* struct slice */
	WIRE_FIXED  /* unsigned char[max] */
};

struct wire_field {
	uint16_t tag;
	enum wire_kind kind;
	bool required;
	size_t offset;
	int64_t min, max; /* of a number; of text and bytes: octets at most */
};

struct wire_table {
	uint16_t tag; /* of the group */
	size_t size;  /* of the record */
	const struct wire_field *fields;
	size_t n;
};
#define WIRE_TABLE(group, type, list)                                                                                  \
	{                                                                                                              \
		(group), sizeof(type), (list), sizeof(list) / sizeof((list)[0])                                        \
	}

/* Decodes one group; RECORD is zeroed first, strings and bytes are copied into A. A missing required member, a member
 * given twice or one out of bounds is ERR_PROTOCOL; unknown ones are skipped. */
int wire_get(const struct wire_table *t, struct slice fields, void *record, struct pool *a, struct err *e);

/* Decodes all groups of that table in FIELDS, at least MIN, at most MAX, into an array in A. */
int wire_get_all(const struct wire_table *t, struct slice fields, size_t min, size_t max, void **records, size_t *n,
		 struct pool *a, struct err *e);

/* ---- writing ---- */
enum { WIRE_TOTAL_MAX = 8 * 1024 * 1024, FIELD_MORE = 1 };

struct packets {
	struct ipc_out *all;
	size_t n, cap, total;
	uint16_t type;
	uint32_t id;
	bool failed; /* a member did not fit: nothing may be sent */
};

void packets_begin(struct packets *p, uint16_t type, uint32_t id); /* P is zero, or used before */
void packets_put(struct packets *p, const struct wire_table *t, const void *record);
void packets_free(struct packets *p);

/* ---- reading ---- */
struct parts {
	struct buf fields; /* of the parts so far */
	uint16_t type;
	uint32_t id;
	bool open;
};

void parts_init(struct parts *p);
void parts_free(struct parts *p);

/* 1: *FIELDS is the whole request or reply, valid until the next call and as long as IN. 0: more will come. -1: broken.
 */
int parts_take(struct parts *p, const struct ipc_in *in, struct slice *fields, struct err *e);

#endif
