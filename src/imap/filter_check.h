/* What one line of an IMAP server may look like: pure functions, the grammar part of imap/filter.h. */
#ifndef MAILFERRY_IMAP_FILTER_CHECK_H
#define MAILFERRY_IMAP_FILTER_CHECK_H

#include "imap/filter.h"

enum filter_kind {
	FILTER_STATE, /* OK, NO, BAD */
	FILTER_PREAUTH,
	FILTER_BYE,
	FILTER_PLAIN,	 /* known, never with literals */
	FILTER_LITERALS, /* known, strings in it may be literals */
	FILTER_NAMES,	 /* holds names of folders: libetpan does not see it, imap/untagged.h reads it */
	FILTER_UNKNOWN
};

/* LINE begins with "*", without its line end. TEXT: what stands behind the keyword. */
enum filter_kind filter_check_kind(struct slice line, struct slice *text);

/* 0, or -1 when LINE is no tagged reply with a tag of ours. TEXT: behind the status. */
int filter_check_tagged(struct slice line, uint32_t *tag, enum imap_status *status, struct slice *text);

/* Does LINE end by announcing a literal (also the {n+} and ~{n} forms)? */
bool filter_check_literal(struct slice line, uint64_t *size);

/* The response code at the front of TEXT, brackets included, if it is one that libetpan is to see (CAPABILITY,
 * UIDVALIDITY, UIDNEXT) and is written as it should be; else empty. */
struct slice filter_check_code(struct slice text);

/* Refuses what libetpan can't take anywhere: deep nesting, numbers beyond 32 bits where it keeps 32, broken
 * PERMANENTFLAGS, structures that were never asked for. Not for FILTER_NAMES. 0, or -1 and E. */
int filter_check_line(struct slice line, struct err *e);

#endif
