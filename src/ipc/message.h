/*
 * One message between two of our programs: a type, a number that pairs a reply
 * with its request, and fields. Every field has a tag and a length; a group
 * holds fields in turn. Nothing is a raw struct: a reader checks what it gets,
 * skips what it does not know, and refuses what does not fit.
 *
 * Layout, little-endian: version u8, flags u8 (0), type u16, id u32, then fields:
 * tag u16, kind u8, zero u8, length u32, bytes.
 */
#ifndef MAILFERRY_IPC_MESSAGE_H
#define MAILFERRY_IPC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	IPC_VERSION = 1,
	IPC_MAX = 160 * 1024,      /* octets of a whole message; larger things travel as descriptors */
	IPC_DEPTH_MAX = 4,         /* groups within groups */
	IPC_INLINE_MAX = 64 * 1024 /* of a message body carried inline */
};

enum ipc_kind { IPC_NUMBER = 1, IPC_BYTES = 2, IPC_GROUP = 3 };

/* ---- writing: errors stick, as with struct buf; ipc_send reports them ---- */
struct ipc_out {
	struct buf buf;
	size_t open[IPC_DEPTH_MAX]; /* where the length of each open group stands */
	unsigned depth;
};

void ipc_begin(struct ipc_out *out, uint16_t type, uint32_t id); /* also reuses an old OUT */
void ipc_out_init(struct ipc_out *out);
void ipc_out_free(struct ipc_out *out);
void ipc_put_number(struct ipc_out *out, uint16_t tag, int64_t v);
void ipc_put_bytes(struct ipc_out *out, uint16_t tag, struct slice s);
void ipc_put_str(struct ipc_out *out, uint16_t tag, const char *s); /* NULL: no field */
void ipc_open(struct ipc_out *out, uint16_t tag);
void ipc_close(struct ipc_out *out);

/* ---- reading ---- */
struct ipc_in {
	uint16_t type;
	uint32_t id;
	struct slice rest; /* the fields not yet read; points into the frame */
};

struct ipc_field {
	uint16_t tag;
	enum ipc_kind kind;
	int64_t number;     /* IPC_NUMBER */
	struct slice bytes; /* IPC_BYTES and IPC_GROUP */
};

/* Checks FRAME whole, groups too, so that ipc_next can't fail later. */
int ipc_parse(struct slice frame, struct ipc_in *in, struct err *e);

/* The next field of REST (of a message, or of a group's bytes): true, or false at the end. */
bool ipc_next(struct slice *rest, struct ipc_field *f);

/* The first field with that tag and kind, or the default. Strings: a fresh copy that holds no NUL, or NULL when the field
 * is missing, holds a NUL or is longer than MAX. */
int64_t ipc_get_number(struct slice fields, uint16_t tag, int64_t otherwise);
struct slice ipc_get_bytes(struct slice fields, uint16_t tag);
char *ipc_get_str(struct slice fields, uint16_t tag, size_t max);

#endif
