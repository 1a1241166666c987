/*
 * The guard between an IMAP server and libetpan (RFC 9051, 7; RFC 3501, 7). It
 * reads the server's bytes line by line, passes on what libetpan is known to
 * take, drops what nobody asked for, and refuses what would crash it, block it
 * or cost memory without bound.
 *
 * Continuation requests and BYE never reach libetpan: they are counted and kept
 * here. Of greeting, tagged and other state responses it sees the status and the
 * few codes that it must read; their text is kept here in full. Responses that
 * hold names of folders are kept for imap/untagged.h: libetpan stumbles over
 * what newer standards added to them, and a name may look like anything.
 */
#ifndef MAILFERRY_IMAP_FILTER_H
#define MAILFERRY_IMAP_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
	FILTER_LINE_MAX = 64 * 1024,
	FILTER_TEXT_MAX = 1000,		  /* of a kept reply */
	FILTER_CHALLENGE_MAX = 16 * 1024, /* of the text of a continuation request */
	FILTER_REPLIES_MAX = 2048,	  /* tagged replies that nobody took yet */
	FILTER_DEPTH_MAX = 16,		  /* parentheses in one line */
	FILTER_KEPT_MAX = 4 * 1024 * 1024 /* octets of kept responses before one tagged reply */
};

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD };

struct filter_reply {
	uint32_t tag;
	enum imap_status status;
	char *text; /* owned; behind the status: "[APPENDUID 1 2] done"; at most FILTER_TEXT_MAX */
	/* The LIST, STATUS, NAMESPACE, ENABLED and METADATA responses that came before it, for untagged_next; owned. CUT: there
	 * were more than FILTER_KEPT_MAX octets of them. */
	char *kept;
	size_t kept_len;
	bool cut;
};

struct imap_filter;

struct imap_filter *imap_filter_new(void);
void imap_filter_free(struct imap_filter **f);

/* A stream_tap_fn; ARG is the filter. */
int imap_filter_feed(void *arg, struct slice bytes, struct buf *out, struct err *e);

/* A command begins: LITERAL octets at most in one literal, TOTAL octets in all until the next call. */
void imap_filter_allow(struct imap_filter *f, uint64_t literal, uint64_t total);

/* Who reads untagged responses instead of libetpan, as they arrive: every line, without its line end, and every piece of
 * a literal. -1 and E end the connection. Names of folders are kept as ever and not told; so is BYE. */
struct filter_sink {
	/* "* 5 EXISTS", or, if MORE, what stands behind a literal. It ends by announcing a literal of SIZE octets if LITERAL. */
	int (*line)(void *arg, struct slice line, bool more, bool literal, uint64_t size, struct err *e);
	int (*octets)(void *arg, struct slice bytes, struct err *e);
	int (*tagged)(void *arg, const struct filter_reply *r, struct err *e); /* it waits for imap_filter_take, too */
	void *arg;
};
/* SINK is copied. From now on libetpan gets nothing more. */
void imap_filter_divert(struct imap_filter *f, const struct filter_sink *sink);

/* Calls FN with what stands behind WORD in each untagged response WORD that has no literal; NULL: no more. */
void imap_filter_listen(struct imap_filter *f, const char *word, void (*fn)(void *arg, struct slice text), void *arg);

/* One continuation request more is wanted; any other is an error. */
void imap_filter_expect_continue(struct imap_filter *f);
bool imap_filter_continued(struct imap_filter *f);	  /* true once for each that came */
const char *imap_filter_challenge(struct imap_filter *f); /* the text of the newest, behind "+ "; until the next */
void imap_filter_forget_continue(struct imap_filter *f);  /* the command was answered instead */

/* Tagged replies that have come whole and were not taken, oldest first. */
unsigned imap_filter_replies(const struct imap_filter *f);
bool imap_filter_take(struct imap_filter *f, struct filter_reply *r);
void filter_reply_free(struct filter_reply *r);

/* The text of the server's BYE and of its newest ALERT; NULL when there was none. The alert is handed over: free() it.
 */
const char *imap_filter_bye(const struct imap_filter *f);
char *imap_filter_take_alert(struct imap_filter *f);

#endif
