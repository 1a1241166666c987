/* Between intake's own files. */
#ifndef MAILFERRY_INTAKE_INTERNAL_H
#define MAILFERRY_INTAKE_INTERNAL_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/encode.h"
#include "intake/intake.h"
#include "msg/message.h"
#include "sieve/plan.h"

struct intake_rules {
	char *path;
	struct sieve_program *program;
};

struct intake {
	const struct config *config;
	const struct intake_spool *functions;
	void *spool;
	struct intake_rules *rules;
	size_t nrules;
	struct facts *facts; /* of the account with that index in the configuration … */
	int64_t *facts_at;   /* … and when they were told */
	EVP_MD *sha256;	     /* fetched once: fetching costs more than hashing a small message */
	bool lost;
	struct intake_notice *notices; /* under way */
};

/* What the rules want for one recipient. */
struct intake_verdict {
	enum intake_result result; /* ACCEPTED, REJECTED or LOOPING */
	struct plan plan;	   /* for ACCEPTED, and for REJECTED with further actions */
	char *reason;		   /* owned; of a refusal */
	char *note;		   /* owned; why it is not filed as asked, or NULL */
	char *text;		   /* owned; for trace */
	char *folder;		   /* owned; where it goes whatever PLAN says; NULL: as PLAN says */
	size_t same_as;		   /* index of the first recipient with this address; its own when it is the first */
};

/* Runs the rules of R's account over MSG. Fills V but for same_as; intake_verdict_free it. */
void intake_judge(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		  const struct message *msg, struct intake_verdict *v);
void intake_verdict_free(struct intake_verdict *v);

/* ---- deliveries: what is stored, merged by account and folder ---- */
struct intake_delivery {
	char id[RANDOM_ID_SIZE];
	const struct config_account *account;
	char *folder; /* owned */
	struct buf flags, rule, note, prefix;
	bool create;
	size_t *to; /* owned: indices of the recipients */
	size_t nto;
};

struct intake_deliveries {
	struct intake_delivery *all; /* owned */
	size_t n;
	bool overflow; /* more than SPOOL_DELIVERIES_MAX: nothing of it may be used */
};

/* Adds what the verdict on recipient TO (an index) asks for. */
void intake_deliver(struct intake_deliveries *d, const struct config_account *account, size_t to,
		    const struct intake_verdict *v);

/* Adds a delivery of recipient TO into INBOX. FLAGS may be NULL, NOTE too. */
void intake_deliver_inbox(struct intake_deliveries *d, const struct config_account *account, size_t to,
			  char *const *flags, size_t nflags, const char *rule, const char *note);

/* Adds a delivery of recipient TO into FOLDER, which is made where it is not there. NOTE may be NULL. */
void intake_deliver_folder(struct intake_deliveries *d, const struct config_account *account, size_t to,
			   const char *folder, const char *note);

/* Adds FLAGS, separated by blanks, to every delivery; \Deleted and what no store can be asked for are left out. */
void intake_deliveries_flags(struct intake_deliveries *d, const char *flags);

/* Adds NOTE to every delivery. */
void intake_deliveries_note(struct intake_deliveries *d, const char *note);

/* Which lines stand in front of fetched mail (docs/fetch.md). */
struct intake_lines {
	bool without_path, without_delivered;
};

/* Gives every delivery its id and its header lines. 0, or -1 when one does not fit. */
int intake_deliveries_finish(struct intake_deliveries *d, const struct intake *in, const struct intake_envelope *env,
			     struct intake_lines lines, int64_t wall_ms);
void intake_deliveries_free(struct intake_deliveries *d);

/* ---- one message ---- */
struct intake_message {
	struct intake *in;
	struct intake_envelope env;
	struct intake_events events;
	void *arg;
	char id[RANDOM_ID_SIZE];

	struct buf data;   /* the whole message, or once it is in a file, its header block */
	size_t header_end; /* offset behind the empty line, when header_done */
	bool header_done;
	uint64_t size;
	EVP_MD_CTX *hash;

	int fd;		  /* of the upload; -1: everything is in data */
	uint64_t upload;  /* its number */
	uint64_t opening; /* handle of the request for it, or 0 */
	uint64_t written_back;

	enum { INTAKE_COLLECTING, INTAKE_ASKED, INTAKE_DONE } stage;
	uint64_t asked; /* handle of the request to accept */
	int64_t number;
	bool named; /* see intake_is_named */

	/* Of fetched mail, fetched.c: */
	struct intake_recipient *own; /* owned; env.recipients, once the header was read */
	char *sender;		      /* owned; env.sender */
	char *unmatched;	      /* owned; why nobody is known to take it: note of its one delivery, or NULL */
	struct intake_lines lines;
	int64_t internal_ms;
	uint64_t nuls; /* that were replaced */
	bool cut;      /* its header block is longer than HEADER_MAX_BYTES */
	enum intake_result outcome;
	char *why; /* owned; for people */

	struct intake_verdict *verdicts; /* one a recipient, while the request is made */
	unsigned char digest[EVP_MAX_MD_SIZE];
};

/* request.c: judges, and asks the spool. True: results are there. */
bool intake_submit(struct intake_message *m);

/* Sets the result of all recipients, or of all that are not refused. */
void intake_set_results(struct intake_message *m, enum intake_result result, bool keep_refused);

/* ---- fetched.c: what is different where nobody hands the message in ---- */

/* PIECE without NULs: as it is, or a copy in *COPY (owned by the caller). */
struct slice intake_fetched_clean(struct intake_message *m, struct slice piece, char **copy);

/* Works out sender, recipients, time and lines. */
void intake_fetched_envelope(struct intake_message *m, const struct header *h);

/* Where a message goes that rules are not asked about: V is filled in. False: ask them. */
bool intake_fetched_direct(const struct intake_message *m, const struct message *msg, size_t i,
			   struct intake_verdict *v);

/* Rules refuse it: V becomes what is done instead. */
void intake_fetched_keep(const struct intake_message *m, struct intake_verdict *v);

/* Why the message is not taken, once results are there. */
void intake_fetched_explain(struct intake_message *m);
void intake_fetched_free(struct intake_message *m);

/* notice.c: ends what is under way. */
void intake_notices_end(struct intake *in);

/* Gives back what a finished message does not need. */
void intake_release(struct intake_message *m);

#endif
