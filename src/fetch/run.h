/*
 * One run over a source: list, fetch what is new, through the rules into the
 * spool, then see to the originals. It may be killed at any moment: a message
 * and the memory of its origin are one commit, and nothing at the source changes
 * before it.
 */
#ifndef MAILFERRY_FETCH_RUN_H
#define MAILFERRY_FETCH_RUN_H

#include "fetch/source.h"
#include "intake/intake.h"
#include "spool/source.h"

struct event_base;

enum run_mode {
	RUN_FETCH,
	RUN_DRY, /* says what it would do, message by message; changes nothing anywhere */
	RUN_COPY /* every folder, without rules, into folders of the same names: `mailferry copy' */
};

/* How far it is. Octets are those that the source told. */
struct run_progress {
	const char *folder;		 /* the one in hand, "" */
	uint64_t messages, messages_all; /* fetched; to be fetched */
	uint64_t octets, octets_all;
	uint64_t skipped, known,
	    own; /* too large or old; fetched before under another name; filed there by ourselves */
	uint64_t removed, moved, marked;
};

/* Something about one message: skipped, refused by the server, or (RUN_DRY) what would be done with it. Valid during
 * the call. */
struct run_line {
	const char *folder, *name; /* where it is: UID or UIDL */
	uint64_t size;
	const char *from, *subject, *message_id; /* decoded, NULL when not known */
	const char *to;				 /* the recipient */
	const char *account, *into;		 /* RUN_DRY: where it would go; INTO: folder, or NULL for nowhere */
	const char *rule;			 /* "office.sieve:12" */
	const char *why;			 /* in words */
};

/* For a dry run: the spool behind the intake that it is given. It accepts nothing. */
struct run_dry;
struct run_dry *run_dry_new(void);
void run_dry_free(struct run_dry **d);
extern const struct intake_spool run_dry_spool;

struct run_setup {
	const struct config *config;
	const struct config_source *source;
	enum run_mode mode;
	const char *copy_to;	 /* RUN_COPY: name of the account */
	struct event_base *base; /* of INTAKE; the run turns it while it waits */
	struct intake *intake;
	struct run_dry *dry; /* RUN_DRY: the spool of INTAKE, with run_dry_spool; else NULL */
	struct spool_source *memory;
	const struct source_driver *driver;
	/* The run fills in its source, deadline, delay and wake. WAKE_FD is readable whenever BASE has something to do:
	 * the run's wake turns it. */
	struct source_login login;
	const bool *called; /* run_wait ends when this is true; may be NULL */
	void (*progress)(void *arg, const struct run_progress *p); /* often: the callee limits */
	void (*line)(void *arg, const struct run_line *l);
	void *arg;
};

enum run_end {
	RUN_OK,
	RUN_AWAY,      /* the server could not be reached, or was silent: sooner again, with back-off */
	RUN_REFUSED,   /* credential, certificate, folder: a person must act */
	RUN_THROTTLED, /* it asks us to come less often */
	RUN_BROKEN,    /* it broke its protocol */
	RUN_FULL,      /* the spool takes nothing now */
	RUN_LOST,       /* the spool went away: end the process */
	RUN_PARTLY      /* a folder could not be had: a person must act. The others were fetched, and are by schedule */
};
const char *run_end_name(enum run_end end); /* "ok", "server-away", … */

struct run_result {
	enum run_end end;
	struct run_progress done;
	int64_t delay_ms; /* how long the server asks to be left alone, 0: it did not say */
	char words[500];  /* why, for people; "" when all is well */
};

/* The session is closed when it returns. */
void run_once(const struct run_setup *setup, struct run_result *result);

/* IDLE: waits for news at the source until UNTIL (clock_mono_ms). RUN_OK and *NEWS, or as run_once. *CAN false: the
 * server can't, poll it. */
void run_wait(const struct run_setup *setup, int64_t until, bool *news, bool *can, struct run_result *result);

#endif
