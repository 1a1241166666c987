/* The fields of a session, for the files of imap/ only. */
#ifndef MAILFERRY_IMAP_SESSION_IMPL_H
#define MAILFERRY_IMAP_SESSION_IMPL_H

#include <libetpan/mailimap.h>

#include "imap/catalog.h"
#include "imap/filter.h"
#include "imap/session.h"
#include "net/stream.h"

enum { IMAP_MECHANISMS_MAX = 160 };

struct imap {
	const struct config_server *server;
	struct stream *stream;
	struct imap_filter *filter;
	mailimap *mi;
	uint32_t tag;
	bool lan; /* the store is in our own network */
	unsigned can;
	const char *mechanism; /* a literal */
	unsigned sasl;			      /* what the server offers, by sasl_offered */
	char mechanisms[IMAP_MECHANISMS_MAX]; /* the same as it names them, for people */
	uint64_t append_limit;
	bool no_partial; /* the server does not know partial FETCH */
	int64_t hurry;	 /* no deadline is later */
	unsigned errors; /* NO and BAD so far */
	struct folder_style style;
	bool diverted; /* libetpan hears nothing more: see dialog_divert */
	bool utf8; /* UTF8=ACCEPT is enabled: names go as UTF-8 (RFC 6855) */
	/* What came with the reply that was read last, for untagged_next. */
	char *kept;
	size_t kept_len;
	bool kept_cut;
	struct catalog catalog;
	bool listed;	     /* the catalog was asked for */
	bool made;	     /* a folder was made since the catalog was told */
	bool no_list_return; /* the server does not know RETURN (RFC 5258) after all */
};

/* imap/style.c: NAME as LIST or NAMESPACE had it, in modified UTF-7: from mem_alloc, or NULL when it can't be written so. */
char *imap_read_name(const struct imap *s, struct slice name);

/* imap/login.c: CAPABILITY again, and what it says; STARTTLS; authentication. */
int imap_ask_capability(struct imap *s, struct err *e);

/* Forgets what libetpan knows of them, before a command that may tell them anew; afterwards takes what it told, or
 * asks. */
void imap_forget_capability(struct imap *s);
int imap_renew_capability(struct imap *s, struct err *e);

/* imap/authenticate.c */
int imap_authenticate(struct imap *s, const struct imap_login *login, struct err *e);

/* imap/compress.c: turns it on where it is wanted and offered; says what it saved. */
int imap_compress(struct imap *s, struct err *e);
void imap_log_compressed(const struct imap *s);

/* imap/style.c: UTF-8, separator and prefixes. */
int imap_ask_style(struct imap *s, struct err *e);

#endif
