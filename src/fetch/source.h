/*
 * The seam behind which POP3 and IMAP stand: one logged-in session with a source
 * of mail, as one table of functions. fetch/run.h drives it and knows neither
 * protocol; a test puts a fake behind it.
 *
 * Calls block, at most until the source's deadline. They return 0, or -1 with E,
 * and then the session is over: only abort is left. E's class says who can mend
 * it, and status tells its text:
 *   ERR_CONFIG    a person: credential, certificate, a folder that is not there
 *   ERR_TEMP      time: server away, too busy, throttled (code EUSERS), deadline (ETIMEDOUT)
 *   ERR_PROTOCOL  the server broke its protocol
 *   ERR_LIMIT     the caller's handler wanted no more
 *
 * Nothing at the source changes but by remove, move and mark, and what they ask
 * for is certain only when a later listing shows it.
 */
#ifndef MAILFERRY_FETCH_SOURCE_H
#define MAILFERRY_FETCH_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "config/config.h"
#include "net/tls.h"

enum {
	SOURCE_NAME_MAX = 255,		     /* octets of a UIDL (RFC 1939, 7: 70) */
	SOURCE_ITEMS_MAX = 10 * 1000 * 1000, /* messages of one folder */
	SOURCE_FOLDERS_MAX = 10 * 1000
};

/* ---- how a session is made ---- */
struct source_login {
	const struct config_source *source; /* with its secret */
	struct tls_client *tls;		    /* NULL only where tls is "none" */
	/* A new connection to the source's host, or -1 and E. */
	int (*connect)(void *arg, struct err *e);
	/* An access token for a source with `oauth', NULL else; as struct imap_login's. */
	char *(*token)(void *arg, bool fresh, struct err *e);
	/* Called during every wait when WAKE_FD is readable: answers of the spool arrive there. */
	int wake_fd;
	void (*wake)(void *arg);
	void *arg;
	/* Set to the milliseconds for which the server asks to be left alone, where it says so (LOGIN-DELAY, RFC 2449, 6.5).
	 * May be NULL. */
	int64_t *delay;
	uint64_t message_max; /* octets: a message that turns out larger is refused before it is read; 0: 1 GB */
	int64_t deadline; /* clock_mono_ms: everything has ended by then; 0: none but those of single commands */
};

/* ---- what there is ---- */
struct source_folder { /* POP3 has one, with an empty name */
	char *name;    /* owned; UTF-8, levels separated by the server's own separator */
	char separator; /* '\0': flat */
	size_t prefix;	/* octets of NAME that are the prefix of its namespace ("INBOX.", separator included), which people
			 * do not mean; 0: none. INBOX itself has none */
	unsigned uses; /* special uses, msg/special_use.h */
	bool target;   /* it is what config_source.move_to means */
};

/* What a folder was when its memory was last complete, and what it is now. Fields that a server does not have are 0. */
struct source_mark {
	uint32_t uidvalidity, uidnext;
	uint64_t modseq; /* HIGHESTMODSEQ (RFC 7162) */
	uint32_t exists;
};

struct source_item {
	uint32_t number;  /* IMAP: the UID. POP3: the number in this session's listing */
	const char *name; /* POP3: the UIDL, "" when the server has none; IMAP: "" */
	uint64_t size;	  /* octets, as the server says; it may lie */
	const char *flags;   /* IMAP: those that a client may set, separated by blanks; "" */
	int64_t internal_ms; /* IMAP: INTERNALDATE; 0: not known */
};

/* ITEM and its strings live until the call returns. Other than 0 ends the listing: the session is still good. */
typedef int source_item_fn(void *arg, const struct source_item *item);

/* ---- the bytes of messages ---- */
enum source_got {
	SOURCE_GOT_WHOLE,    /* all of it was given to piece */
	SOURCE_GOT_VANISHED, /* it is no longer there */
	SOURCE_GOT_REFUSED   /* the server would not give it: WORDS. Others go on */
};

/* For each of the items, once: begin, piece…, end; or only end. One message at a time, mostly in the order in which they were
 * asked for; that one is not there may be told behind later ones. Where end says other
 * than WHOLE behind begin, what was given is to be thrown away: only then it showed that it was another message's. Where a
 * message breaks the session (it announces more than message_max, ends in another place than it said), end says REFUSED and
 * why, and then the call fails: it is to be asked for last, or alone, next time. Content comes with
 * CRLF line ends (a bare LF or CR of the source stays as it is), dots undone. A return other than 0 of any of them ends
 * the call with -1 and class ERR_LIMIT, in the middle of a message: the session is over. */
struct source_handler {
	int (*begin)(void *arg, const struct source_item *item);
	int (*piece)(void *arg, struct slice bytes); /* at most INTAKE_PIECE_MAX octets */
	int (*end)(void *arg, const struct source_item *item, enum source_got got, const char *words);
	void *arg;
};

struct source_session;

struct source_driver {
	const char *protocol; /* "pop3", "imap" */

	/* NULL and E on failure. */
	struct source_session *(*open)(const struct source_login *login, struct err *e);

	/* Folders that PATTERNS (config_source.folders) mean, each once, those without \Noselect. Their order is the
	 * server's. *FOLDERS from mem_alloc; source_folders_free. */
	int (*folders)(struct source_session *s, struct source_folder **folders, size_t *n, struct err *e);

	/* Goes to a folder and says what it is now. BEFORE: what was known of it, or NULL. *SAME: nothing in it has changed
	 * since BEFORE, for certain, so that it need not be listed; an IMAP server with CONDSTORE tells so in this round
	 * trip. WRITE: messages will be removed, moved or marked (SELECT instead of EXAMINE). ERR_PERM: there is no such
	 * folder (any more), or it can't be opened; the session is still good. */
	int (*enter)(struct source_session *s, const struct source_folder *folder, bool write,
		     const struct source_mark *before, struct source_mark *now, bool *same, struct err *e);

	/* All messages of the folder with a UID of FROM at least (POP3: all), ascending. *COMPLETE: every such message was
	 * told, and from 1 on as many as there are: those that were not are no longer there. */
	int (*list)(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete, struct err *e);

	/* Which UIDs are there, for pruning: no sizes, no flags; as list. POP3: the same as list. */
	int (*present)(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e);

	/* The header blocks of N items: the handler gets them as if they were messages, up to the empty line (which a message
	 * without a body may lack). No effect on the messages. ERR_PERM: this server can't (POP3 without TOP); the handler was
	 * not called, and the session is still good. */
	int (*heads)(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		     struct err *e);

	/* The messages whole, pipelined. No effect on them (BODY.PEEK). */
	int (*fetch)(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		     struct err *e);

	/* Removes those N for good. Only items of this session's listing of this folder. REFUSED (may be NULL) gets the
	 * server's words when it would not for some: they are found again by the next listing. POP3: DELE; leave makes it
	 * happen. IMAP: \Deleted and UID EXPUNGE; *MARKED (may be NULL): the server has no UID EXPUNGE, so they are only
	 * marked \Deleted. */
	int (*remove)(struct source_session *s, const struct source_item *items, size_t n, bool *marked, struct buf *refused,
		      struct err *e);

	/* The same into FOLDER of the source, which is made if it is not there; NULL where the protocol can't. Without MOVE
	 * (RFC 6851) and UID EXPUNGE: COPY, then \Deleted. */
	int (*move)(struct source_session *s, const struct source_item *items, size_t n, const char *folder, bool *marked,
		    struct buf *refused, struct err *e);

	/* \Seen; NULL where the protocol can't. */
	int (*mark)(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused, struct err *e);

	/* Waits in the folder that was entered last (INBOX, if none was) until something new may be there, or until UNTIL (clock_mono_ms) or a wake:
	 * *NEWS says which; what came since that folder was entered is news at once. IDLE (RFC 2177), renewed in time; NULL where the protocol can't. ERR_PERM: this server can't;
	 * poll. */
	int (*wait)(struct source_session *s, int64_t until, bool *news, struct err *e);

	/* Ends the session in good order; POP3: what was removed goes now. -1: it is not certain that it did. Frees. */
	int (*leave)(struct source_session **s, struct err *e);

	/* Resets the connection: POP3 servers keep everything. Frees; takes NULL. */
	void (*abort)(struct source_session **s);
};

extern const struct source_driver source_pop3, source_imap;

void source_folders_free(struct source_folder *folders, size_t n);

#endif
