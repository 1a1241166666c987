/*
 * Inside the IMAP source: a session (imap/session.h) whose untagged data is read
 * here as it arrives. One operation at a time says what it wants of it.
 */
#ifndef MAILFERRY_FETCH_IMAP_SESSION_H
#define MAILFERRY_FETCH_IMAP_SESSION_H

#include "fetch/source.h"
#include "imap/dialog.h"
#include "imap/fetch_response.h"

enum {
	IMAP_SOURCE_MESSAGE_MAX = 1024 * 1024 * 1024, /* octets, where the login has no bound */
	IMAP_SOURCE_RENEW_MS = 9 * 60 * 1000	      /* of IDLE: address translators forget silent connections */
};

/* What the running operation wants to hear; any may be NULL. -1 and E end the connection. */
struct imap_wants {
	struct fetch_events fetch; /* with their own ARG */
	const char *section;	   /* "BODY[]", NULL: none */
	void (*search)(void *arg, struct slice numbers); /* behind SEARCH */
	int (*tagged)(void *arg, const struct filter_reply *r, struct err *e);
	void (*failed)(void *arg, const struct err *e); /* a FETCH response broke the session */
	void *arg;
};

/* What the server told of the mailbox that is opened, or open. */
struct imap_told {
	struct source_mark mark;
	bool exists; /* … was told */
	bool read_only;
	bool news; /* something may have come since */
	bool gone; /* something was removed since */
};

/* A mailbox on the server, as LIST named it. */
struct imap_name {
	char *name; /* as struct source_folder has it */
	char *wire; /* modified UTF-7 */
	bool ahead; /* it was opened in passing, and nobody has asked yet … */
	struct imap_told told; /* … what it was then */
};

struct source_session {
	struct source_login login;
	struct imap *imap;
	struct fetch_reader reader;
	struct imap_wants wants;
	struct imap_name *names;
	size_t nnames;
	char *wire;   /* the folder that was entered, NULL: none */
	bool open;    /* it is open, as TOLD says */
	bool opening; /* EXAMINE or SELECT is under way, */
	uint32_t examine; /* … with this tag */
	bool write;   /* it was opened by SELECT */
	bool plain;   /* the server does not take (CONDSTORE) */
	bool mute;    /* … and does not tell UIDNEXT then */
	struct imap_told told;
	bool woken;
	int64_t renew; /* ms */
};

uint64_t imap_source_max(const struct source_session *s);

/* The words of the answer R to VERB as an error of the session: always -1. */
int imap_source_refused(const struct source_session *s, const char *verb, const struct imap_reply *r, struct err *e);

/* Behind any call of imap/ that failed: makes E what fetch/source.h promises; returns -1. */
int imap_source_failed(const struct source_session *s, struct err *e);

/* The reply to TAG, the oldest command that was not answered; everything written. 0, or -1. */
int imap_source_reply(struct source_session *s, uint32_t tag, struct imap_reply *r, struct err *e);

/* imap_enter.c: the folder that was entered is open, and if WRITE by SELECT. 0, or -1. */
int imap_source_open(struct source_session *s, bool write, struct err *e);

/* What all of S->names are now, in one round trip for many: what imap_source_enter then tells without asking. */
int imap_source_ahead(struct source_session *s, struct err *e);

/* EXAMINE another folder meanwhile: *THERE, and S->told is of it. */
int imap_source_examine(struct source_session *s, const char *wire, bool *there, struct err *e);

/* NAME (UTF-8, the server's separators or "/") as it goes on the wire; from mem_alloc, NULL and E. */
char *imap_source_wire(const struct source_session *s, const char *name, struct err *e);

/* imap_move.c: FOLDER, as people write it, or the folder for a use, on the wire. From mem_alloc; NULL and E. */
char *imap_source_target(struct source_session *s, const char *folder, struct err *e);

/* ---- the functions of the driver, one file each ---- */
int imap_source_folders(struct source_session *s, struct source_folder **folders, size_t *n, struct err *e);
int imap_source_enter(struct source_session *s, const struct source_folder *folder, bool write,
		      const struct source_mark *before, struct source_mark *now, bool *same, struct err *e);
int imap_source_list(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete,
		     struct err *e);
int imap_source_present(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e);
int imap_source_heads(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e);
int imap_source_fetch(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e);
int imap_source_remove(struct source_session *s, const struct source_item *items, size_t n, bool *marked,
		       struct buf *refused, struct err *e);
int imap_source_move(struct source_session *s, const struct source_item *items, size_t n, const char *folder,
		     bool *marked, struct buf *refused, struct err *e);
int imap_source_mark(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused,
		     struct err *e);
int imap_source_wait(struct source_session *s, int64_t until, bool *news, struct err *e);

#endif
