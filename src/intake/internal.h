/* Between intake's own files. */
#ifndef MAILFERRY_INTAKE_INTERNAL_H
#define MAILFERRY_INTAKE_INTERNAL_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/encode.h"
#include "intake/intake.h"
#include "msg/message.h"
#include "sieve/sieve.h"

struct lists;
struct intake_verdicts;

struct intake_rules {
	char *path;
	struct sieve_program *program;
	bool shared; /* it is that of another path, which has the same text */
};

struct intake_left { /* what the spool said last of a group's day; zero: nothing */
	int64_t day;
	uint64_t n;
};

struct intake {
	const struct config *config;
	const struct intake_spool *functions;
	void *spool;
	struct intake_rules *rules;
	size_t nrules;
	struct lists *lists;
	struct intake_verdicts *verdicts;
	struct facts *facts; /* of the account with that index in the configuration, behind them that of the relay … */
	int64_t *facts_at;   /* … and when they were told */
	struct intake_left *left; /* of each group of relay_for */
	size_t nutf8;	     /* accounts whose store takes UTF-8 */
	EVP_MD *sha256;	     /* fetched once: fetching costs more than hashing a small message */
	uint64_t making; /* octets of further messages that are not yet the spool's */
	uint64_t held; /* octets in memory of messages over IPC_INLINE_MAX */
	bool lost;
	struct intake_notice *notices; /* under way */
	struct intake_message *copying; /* messages that take turns: that are written anew, or judged */
	void (*ask_turn)(void *arg);
	void *turn_arg;
	bool turn_asked;
	int64_t turn_ms; /* of processor time that rules take before it is somebody else's turn */
};

/* What the rules want for one recipient. */
struct intake_verdict {
	enum intake_result result; /* ACCEPTED, REJECTED or LOOPING */
	struct plan plan;	   /* for ACCEPTED, and for REJECTED with further actions */
	char *reason;		   /* owned; of a refusal */
	char *note;		   /* owned; why it is not filed as asked, or NULL */
	const char *unsent;	   /* why redirects of PLAN are not sent; NULL: they are */
	char *text;		   /* owned; for trace */
	char *folder;		   /* owned; where it goes whatever PLAN says; NULL: as PLAN says */
	size_t same_as;		   /* index of the first recipient with this address; its own when it is the first */
	bool by_mail;		   /* REJECTED in words that no dialogue takes: it is accepted, and its sender is sent them */
	bool known;		   /* got this message already: nothing is done for it */
	uint64_t octets;	   /* that count in intake_message.planned */
};

/* Runs the rules of R's account over WHAT. Fills V but for same_as; intake_verdict_free it. */
struct intake_judged {
	const struct message *message;
	const struct sieve_memory *memory;
	size_t nmemory;
	bool memory_off;
};
void intake_judge(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		  const struct intake_judged *what, struct intake_verdict *v);
void intake_verdict_free(struct intake_verdict *v);

/* The items of OUT that the "environment" of rules has (RFC 5183), and how many. IP is room for one of them. */
enum { INTAKE_ENVIRONMENT_MAX = 4 };
size_t intake_environment(const struct intake *in, const struct intake_envelope *env, struct buf *ip,
			  struct sieve_item out[INTAKE_ENVIRONMENT_MAX]);

/* ---- deliveries: what is stored, merged by account and folder ---- */
struct intake_delivery {
	char id[RANDOM_ID_SIZE];
	const struct config_account *account; /* NULL: the relay */
	char *folder;			      /* owned; of the relay the recipient */
	struct buf flags, rule, note, prefix;
	bool create;
	size_t *to; /* owned: indices of the recipients */
	size_t nto;
	char *wire; /* owned; the same as spool_delivery has them, or NULL */
};

struct intake_deliveries {
	struct intake_delivery *all; /* owned */
	size_t n;
	bool overflow; /* more than SPOOL_DELIVERIES_MAX: nothing of it may be used */
};

/* Adds what the verdict on recipient TO (an index) wants filed of its plan's CONTENT: 0 is the message as it came. */
void intake_deliver(struct intake_deliveries *d, const struct config_account *account, size_t to,
		    const struct intake_verdict *v, size_t content);

/* Is CONTENT filed anywhere? */
bool intake_files(const struct plan *p, size_t content);

/* Adds a delivery of recipient TO into INBOX. FLAGS may be NULL, NOTE too. */
void intake_deliver_inbox(struct intake_deliveries *d, const struct config_account *account, size_t to,
			  char *const *flags, size_t nflags, const char *rule, const char *note);

/* Adds a delivery of recipient TO into FOLDER, which is made where it is not there. NOTE may be NULL. */
void intake_deliver_folder(struct intake_deliveries *d, const struct config_account *account, size_t to,
			   const char *folder, const char *note);

/* Adds a delivery to recipient TO, ADDRESS, through the relay. */
void intake_deliver_outward(struct intake_deliveries *d, size_t to, const char *address);

/* The same, with WORDS as relay/asked.h has them. */
void intake_deliver_asking(struct intake_deliveries *d, size_t to, const char *address, const char *words);

enum { INTAKE_DSN_WORDS_MAX = 1000 };

/* Appends to WORDS what the sender of M has asked about reports for recipient I, but for NOTIFY and RET where ASKED has
 * them: for what goes on with its sender as it came. EXPANDED: it does not go to that one address alone. */
void intake_dsn_words(const struct intake_message *m, size_t i, const struct plan_dsn *asked, bool expanded,
		      struct buf *words);

/* Adds a delivery of recipient I, whom no account has, through the relay, with what its sender has asked. */
void intake_deliver_relayed(struct intake_deliveries *d, const struct intake_message *m, size_t i);

/* Adds a copy of what is sent, as FCC (of the rule in LINE) wants it filed. */
void intake_deliver_fcc(struct intake_deliveries *d, const struct config_account *account, size_t to,
			const struct plan_fcc *fcc, unsigned line);

/* Adds FLAGS, separated by blanks, to every delivery; \Deleted and what no store can be asked for are left out. */
void intake_deliveries_flags(struct intake_deliveries *d, const char *flags);

/* Adds NOTE to the deliveries of ACCOUNT. */
void intake_deliveries_note_of(struct intake_deliveries *d, const struct config_account *account, const char *note);

/* Adds NOTE to every delivery. */
void intake_deliveries_note(struct intake_deliveries *d, const char *note);

/* Which lines stand in front of fetched mail (docs/fetch.md). */
struct intake_lines {
	bool without_path, without_delivered;
	bool ours; /* mailferry wrote it: nobody handed it in, and it is for nobody but who is told in it */
};

/* What stands in front of outward mail besides the Received line: fields that it lacks. */
struct intake_outward {
	const char *message; /* our id of it */
	bool without_date, without_id;
	bool bare; /* it has no header at all */
};

/* Gives every delivery its id and its header lines. 0, or -1 when one does not fit. */
int intake_deliveries_finish(struct intake_deliveries *d, const struct intake *in, const struct intake_envelope *env,
			     struct intake_lines lines, const struct intake_outward *outward, int64_t wall_ms);
size_t intake_deliveries_octets(const struct intake_deliveries *d); /* in a request, beside ids */
void intake_deliveries_free(struct intake_deliveries *d);

/* ---- outward.c: what rules want sent ---- */
enum { INTAKE_OWN_MAX = 200 };

/* Why the rules of R can't redirect MSG; NULL: they can. */
const char *intake_outward_refusal(const struct intake *in, const struct intake_recipient *r, const struct message *msg);

/* Is SENDER one who is sent the words by which RECIPIENT's rules reject MSG? */
bool intake_outward_answers(const struct intake *in, struct slice sender, struct slice recipient,
			    const struct message *msg);

/* The addresses of A that are no domains; NULL ends them. How many. */
size_t intake_own_addresses(const struct config_account *a, const char *out[INTAKE_OWN_MAX + 1]);

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
	bool sealed, stripped;

	/* What milters want, edit.c: */
	struct intake_edit *edit; /* owned; other content; NULL: as it came */
	struct intake_message *next_copying, **prev_copying; /* place in the list, while it takes turns */
	char *first_sender;	  /* owned; the one that the client gave, where there is another now */
	char *discard;		  /* owned; why nothing is filed */
	char *hold, *hold_note;	  /* owned; folder for all of it, and why */

	int fd;		  /* of the upload; -1: everything is in data */
	uint64_t upload;  /* its number */
	uint64_t opening; /* handle of the request for it, or 0 */
	uint64_t written, written_back; /* octets in the file; and of them, on their way to the disk */
	size_t held;	/* octets that count in intake.held */
	bool finishing; /* complete; waits for the upload to be opened */

	enum { INTAKE_COLLECTING, INTAKE_ASKED, INTAKE_DONE } stage;
	uint64_t asked; /* handle of the request to accept */
	int64_t ticket;
	bool named;   /* see intake_is_named */
	enum { INTAKE_NAME_AS_IS, INTAKE_NAMED, INTAKE_NAMELESS } came; /* the client's header, once it was changed */
	bool refused; /* see intake_finish_refused */
	bool tells;   /* told.c: others take it, and notices of those who refuse it go with it */
	char told[RANDOM_ID_SIZE]; /* told.c: id under which notices of a refused message are asked for; "": none are */

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
	size_t judged;			 /* so many have theirs, in this round */
	bool judged_once;		 /* all have one; a round goes over those whose rules wanted to know something */
	bool judging;			 /* the round goes on in the next turn */
	uint64_t planned;		 /* octets of the rules' own in all of them */
	struct intake_sending *sending;	 /* owned; derived.h; NULL: nothing is planned yet */
	bool busy;			 /* somebody is asked, and the content is wanted afterwards */
	uint64_t lent;			 /* the upload, while the spool has it and may give it back */

	/* recall.c: what rules asked to know of what is remembered */
	struct intake_recalled *recalled;
	size_t nrecalled;
	unsigned rounds, anew;
	bool memory_off;
	unsigned char digest[EVP_MAX_MD_SIZE];
};

/* request.c: judges, and asks the spool. True: results are there. */
bool intake_submit(struct intake_message *m);

/* The same from there on. Only when nothing is asked any more is the content let go. */
enum intake_from { INTAKE_JUDGE, INTAKE_DECIDE, INTAKE_SEND };
bool intake_go_on(struct intake_message *m, enum intake_from from);

/* More recipients of M, which is judging, in a turn of the event loop. True: results are there. */
bool intake_judge_turn(struct intake_message *m);

bool intake_is_refused(const struct intake_verdict *v);

/* ---- plain.c: where rules want too much ---- */
/* A note for people: why the message is where it is, and what V wanted to send; owned by the caller. */
char *intake_plain_note(const struct intake_verdict *v, const char *why);

/* Recipient I has a verdict: it becomes INBOX where the rules of all together have too much to say. And it has none again. */
void intake_plain_bound(struct intake_message *m, size_t i);
void intake_plain_unbound(struct intake_message *m, size_t i);

/* ask.c: asks the spool to take M in, as it was put together. */
void intake_ask(struct intake_message *m, const struct message *msg);
/* Asks who got it already. */
void intake_ask_known(struct intake_message *m);
bool intake_any_new(const struct intake_message *m); /* somebody takes it who is not known to have got it */
/* Recipient I, who got it, would take it again: the spool is shown what for, and does not do again what another address of the
 * account wants, too. */
bool intake_is_shown(const struct intake_message *m, size_t i);

/* ---- recall.c: what rules remember ---- */
struct intake_recalled {
	const struct config_account *account;
	char *key; /* owned */
	size_t n;
	unsigned char hash[SPOOL_KEY_SIZE];
	bool known;
	size_t remembered_by; /* the first recipient whose rules remember it in this very message; SIZE_MAX: none */
};

/* What the rules of recipient I may know: owned by the caller, its keys by M. */
struct sieve_memory *intake_recall(const struct intake_message *m, size_t i, size_t *n);

/* Recipient I has a verdict: later ones with the same account know what its rules remember. */
void intake_recall_note(struct intake_message *m, size_t i);

/* Some verdict wants to know more: asks for it. True: then go on from INTAKE_JUDGE. False: nobody does, or there is no
 * answer to be had, and memory_off is set. */
bool intake_recall_ask(struct intake_message *m);

/* Of all verdicts: what is to be remembered, for recipients by their PLACES in the request; owned by the caller. */
struct spool_memory *intake_remember(const struct intake_message *m, const size_t *places, size_t *n);
void intake_recall_free(struct intake_message *m);

/* Sets the result of all recipients, or of all that are not refused. */
void intake_set_results(struct intake_message *m, enum intake_result result, bool keep_refused);

/* ---- strip.c: what a stranger may not say ---- */
/* Takes out of the complete header block at the front of DATA what ENV says; *HEADER_END and *SIZE follow. */
void intake_strip(const struct intake *in, const struct intake_envelope *env, struct buf *data, size_t *header_end,
		  uint64_t *size);

/* ---- edit.c ---- */
/* Makes the message what it was changed to, then submits it. True: results are there. */
bool intake_edit_submit(struct intake_message *m);
/* M is written anew, a piece a turn: it gets its turns from now on, until it ends. */
void intake_copying_add(struct intake_message *m);
void intake_copying_end(struct intake_message *m);
void intake_edit_free(struct intake_message *m);

/* message.c: is there room for the body of M where the request goes, or others stand? False: it goes into a file of its own,
 * and then on. To be asked again where somebody was waited for: others may have taken the room. */
bool intake_make_room(struct intake_message *m);

/* Octets N of S into FD, the upload of M, which has *DONE by now (*BACK of them on their way to the disk). -1: M is
 * refused. */
int intake_write(struct intake_message *m, int fd, struct slice s, uint64_t *done, uint64_t *back);

/* What milters decided about recipient I, if they did: V is filled in. False: ask the rules. */
bool intake_edit_direct(const struct intake_message *m, const struct message *msg, size_t i, struct intake_verdict *v);

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

/* ---- size.c ---- */
const char *intake_account_name(const struct config_account *a); /* CONFIG_RELAY for NULL */
/* The spool says that N are left of G for today. */
void intake_set_relay_left(struct intake *in, const struct config_relay_for *g, uint64_t n);

/* notice.c: ends what is under way. */
void intake_notices_end(struct intake *in);

/* Gives back what a finished message does not need. */
void intake_release(struct intake_message *m);

#endif
