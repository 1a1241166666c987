/*
 * Messages that a message causes: the same one as a script changed it, and those
 * that mailferry writes itself for its rules (a redirect, an answer, a notice).
 * The spool takes them in together with the message, all or none, each with an
 * id of its own (spool/types.h, struct spool_message: further).
 *
 * Who makes one adds where it goes: intake_deliver_outward and
 * intake_deliver_folder (internal.h) with its DELIVERIES and its CAUSE. Ids and
 * header lines come by themselves: of a copy those of any mail that is filed, of
 * others a Received line that says nothing of the client.
 */
#ifndef MAILFERRY_INTAKE_DERIVED_H
#define MAILFERRY_INTAKE_DERIVED_H

#include "intake/internal.h"
#include "sieve/plan.h"

struct intake_derived {
	char id[RANDOM_ID_SIZE];
	size_t cause;	      /* index of the recipient as whose it is recorded, one who takes the message … */
	size_t by;	      /* … and of the one whose rules want it, who may refuse it */
	struct plan_content own; /* owned */
	const struct plan_content *content; /* what it is: OWN, or one of the plan of the recipient */
	char *sender;	      /* owned; of the envelope: "" the null sender, NULL that of the message */
	char *why;	      /* owned; for people: "vacation (line 3)" */
	char *from, *subject, *message_id; /* owned; for people; NULL: of a copy those of the message, else none */
	bool copy;	      /* the message itself, changed: flags and lines are those of what is filed */
	bool apart, refused;  /* see spool_message */
	size_t of;	      /* of others: which content of the plan they are about, 0 the message as it came */
	struct intake_deliveries deliveries; /* none: it is left out */

	/* derived_body.c: */
	struct buf body; /* a small one */
	int fd;
	uint64_t upload;
	uint64_t done, done_back; /* octets in the file */
};

struct intake_derivation {
	struct intake_derived **all; /* owned */
	size_t n;
	bool overflow; /* what is the message itself did not fit: nothing of it may be used */
	uint64_t largest; /* octets that one may have … */
	uint64_t most;	  /* … and all of them together … */
	uint64_t octets;  /* … which have so many by now */

	/* derived_body.c: */
	uint64_t counted; /* octets that count in intake.making */
	size_t ready;	  /* so many have their bodies */
	size_t inlined;	  /* octets of those in memory */
	size_t piece;	  /* of the next one that goes to a file: what is copied next … */
	uint64_t at;	  /* … from there on in that piece */
	uint64_t opening; /* handle of the request for its file, or 0 */
};

/* What the spool is asked to take in, while it is put together. */
struct intake_sending {
	struct intake_deliveries deliveries;
	struct intake_derivation further;
	int64_t wall_ms;
	bool plain; /* what rules want is left out, and all goes to INBOX */
};

/* A further message that recipient CAUSE's rules want. CONTENT stays the plan's: a message as the script changed it. */
struct intake_derived *intake_derive_copy(struct intake_derivation *f, size_t cause, const struct plan_content *content);

/* The same; CONTENT is taken over and left empty: it is written by mailferry, or for others. Ranges are of the message as it
 * came. NULL when they are too many or too large: the caller goes without, or sets OVERFLOW, and then all mail of this
 * message goes to INBOX unchanged. */
struct intake_derived *intake_derive_own(struct intake_derivation *f, size_t cause, struct plan_content *content);

/* What recipient I's rules want filed in other words. */
void intake_derive_plan(struct intake_derivation *f, const struct intake_message *m, size_t i);

/* What recipient I's rules want sent: redirects, answers, notices (outward.c). */
void intake_outward_plan(struct intake_sending *s, const struct intake_message *m, const struct message *msg, size_t i);

/* Those of it that say something of a message that I refuses: notices. They are noted as recipient TO's. */
void intake_outward_told(struct intake_sending *s, const struct intake_message *m, const struct message *msg, size_t i,
			 size_t to);

/* ---- told.c ---- */
/* Does recipient I refuse the message, and have its rules told others of it? */
bool intake_tells(const struct intake_message *m, size_t i);

/* Nobody takes the message, and results say so: plans what is told of it all the same. False: nothing is. */
bool intake_tell_only(struct intake_message *m, const struct message *msg);

/* Others take it: what recipient I, who may refuse it, tells goes with what is planned for them. */
void intake_tell_besides(struct intake_message *m, const struct message *msg, size_t i);

/* The spool has answered. False: the request was about a message that is taken. True: that was it. */
bool intake_told(struct intake_message *m, enum spool_answer answer, const struct spool_taken *taken);

/* Logs that rules told nobody of a message that they refused. */
void intake_not_told(const struct intake_message *m, const char *why);

/* Gives deliveries their ids and lines. 0, or -1 when one does not fit. */
int intake_derivation_finish(struct intake_derivation *f, struct intake_message *m, int64_t wall_ms);
size_t intake_derivation_octets(const struct intake_derivation *f); /* that its deliveries have in a request */
size_t intake_derivation_deliveries(const struct intake_derivation *f);

/* Gives back what was not handed to the spool. */
void intake_derived_free(struct intake_derived *x, struct intake_message *m);
void intake_derivation_free(struct intake_derivation *f, struct intake_message *m);

/* Writes the bodies of M's. 1: they are there. 0: not yet, intake_go_on will be called. -1: M is refused. */
int intake_derive_bodies(struct intake_message *m);

/* The next piece of a large one, in a turn of the event loop. True: results are there. */
bool intake_derive_turn(struct intake_message *m);

#endif
