/* What a milter wants changed at the end of a message, gathered until it has given its verdict; bounded. */
#ifndef MAILFERRY_SMTP_MILTER_EDITS_H
#define MAILFERRY_SMTP_MILTER_EDITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "smtp/milter_terms.h"
#include "smtp/milter_wire.h"

enum {
	MILTER_EDITS_MAX = 1000,
	MILTER_EDITS_BYTES_MAX = 512 * 1024 /* octets of all but the body */
};

enum milter_edit_kind {
	MILTER_EDIT_ADD,    /* a header field behind the others */
	MILTER_EDIT_INSERT, /* in front of field INDEX */
	MILTER_EDIT_CHANGE, /* the INDEX-th of its name; "" takes it out */
	MILTER_EDIT_FROM,
	MILTER_EDIT_ADD_RCPT,
	MILTER_EDIT_DELETE_RCPT,
	MILTER_EDIT_QUARANTINE
};

struct milter_edit {
	enum milter_edit_kind kind;
	uint32_t index;
	char *name, *value; /* owned; NAME of a field; VALUE: address, reason */
};

struct milter_edits {
	struct milter_edit *all; /* owned */
	size_t n, bytes;
	bool leading_space; /* values bring their own space behind the colon */
	bool new_body;	    /* there is another body: */
	struct buf body;    /* a piece of it that nobody took yet */
};

/* Reads one packet. 1: it is an edit, 0: it is none, -1: the milter broke the protocol (E). */
int milter_edits_read(struct milter_edits *e, const struct milter_terms *t, const struct milter_packet *p, struct err *err);

void milter_edits_free(struct milter_edits *e); /* and all zero again */

#endif
