/* Between the receiver's own files. */
#ifndef MAILFERRY_SMTP_INTERNAL_H
#define MAILFERRY_SMTP_INTERNAL_H

#include "base/encode.h"
#include "msg/address.h"
#include "smtp/data.h"
#include "smtp/milter_chain.h"
#include "smtp/receipt.h"
#include "smtp/reply.h"
#include "smtp/session.h"

enum smtp_state {
	SMTP_NEW,     /* no banner yet */
	SMTP_GREETED, /* no EHLO yet */
	SMTP_IDLE,
	SMTP_AUTH, /* in the middle of AUTH: each line is an answer to it */
	SMTP_SECURING, /* STARTTLS was given: the handshake comes */
	SMTP_MAIL,     /* a sender, no recipient yet */
	SMTP_RCPT,     /* at least one recipient */
	SMTP_CONTENT,  /* reading a message */
	SMTP_SKIPPING, /* reading away a message that is refused already */
	SMTP_CHUNKS,	 /* between two chunks of a message (RFC 3030) */
	SMTP_SWALLOWING, /* reading away a chunk that there is no message for */
	SMTP_DECIDING, /* the spool has been asked */
	SMTP_ENDED
};
#define SMTP_IN(state) (1u << (state))

/* Octets of waiting output beyond which words of rules and milters are left out. */
enum { SMTP_REASONS_MAX = 128 * 1024 };

struct smtp_transaction {
	char *sender; /* owned */
	bool eightbit;
	bool utf8;	 /* SMTPUTF8 was given */
	const char *ret; /* see struct intake_envelope */
	char *envid, *envid_xtext; /* owned; decoded, and as it came */
	uint64_t declared; /* SIZE of MAIL, 0 when it was not given */
	uint64_t size_max; /* octets of content that anybody here can take */
	const struct config_relay_for *relay_for; /* who lets it go out; NULL: all recipients are ours */
	size_t outward;				  /* recipients that are not */
	struct intake_recipient *recipients;
	size_t nrecipients;
	size_t refused;	      /* RCPTs that were not taken */
	size_t surplus;	      /* … as there were so many already */
	size_t envelope_size; /* octets, see SMTP_ENVELOPE_MAX */
	struct intake_message *message;
	struct smtp_data data;
	uint64_t received; /* octets on the wire */
	uint64_t counted;  /* of them, how many count as unaccepted */
	uint64_t size;	   /* octets of content */
	int64_t started_ms, heard_ms;
	bool chunked, last, failed; /* it comes by BDAT; the chunk in hand is the last; one was refused */
	unsigned empty;		    /* chunks without an octet */
	uint64_t chunk, left;	    /* octets of the chunk in hand, and of them still to come */
	uint64_t skipped;	    /* octets of chunks that were read away */
	/* What milters have to do with: */
	char id[RANDOM_ID_SIZE];	/* the queue id that it will have; only where there are milters */
	char *told;			/* owned; the recipient that they are told of … */
	const char *told_refusal;	/* … and with what it was refused; NULL: it was not */
	bool held;			/* a milter wants it held back */
	char *discard;			/* owned; who throws it away: all goes on, and nothing is filed */
	struct milter_reply refused_by; /* what the end of data is answered with where they refuse; code 0: they do not */
	size_t nanswers;		/* RCPTs that were taken: LMTP has one answer for each */
	struct smtp_reply refusal; /* SMTP_SKIPPING: what the end of data is answered with; code 0: by result */
};

/* What MAIL and RCPT were told besides the address. */
struct smtp_parameters {
	bool eightbit, utf8;
	uint64_t size;
	const char *ret;
	unsigned notify;      /* enum intake_notify */
	char *envid, *envid_xtext, *orcpt; /* owned until they are taken */
};

/* What a session does next, once it has what it waited for. */
typedef void smtp_then_fn(struct smtp_session *s);

struct smtp_session {
	struct smtp_service *service;
	const struct config_listener *listener;
	struct smtp_source *source;
	struct smtp_client known;
	smtp_wake_fn *wake;
	void *arg;
	char id[RANDOM_ID_SIZE];
	char *client, *ip, *helo; /* owned */
	bool proxied, unnamed;	  /* see struct smtp_origin */
	struct smtp_tls tls;
	char *subject, *issuer; /* owned; of the client's certificate, or NULL */
	char *user; /* owned; who has authenticated, or NULL */
	const char *mechanism; /* by which; a constant */
	struct smtp_auth *auth; /* owned; SMTP_AUTH alone has it */
	enum smtp_state state;
	bool extended;	/* EHLO or LHLO */
	bool answered;	/* SMTP_SECURING: with 220; not a word may be sent outside TLS any more */
	bool skip_line; /* a line that is too long is passing by */
	bool skip_auth; /* it is one of AUTH */
	bool refused_data; /* the last command was DATA, in vain */
	bool paused;	/* intake can't take more just now */
	bool abrupt;	/* ended by us: the client may still be sending */
	size_t skipped; /* octets of that line */
	unsigned commands, messages, unknown, errors;
	unsigned forgiven; /* transactions since the last message that ended without one, and whose recipients do not count */
	unsigned failures; /* to authenticate */
	int64_t since_ms;    /* when it began to wait for the command */
	int64_t delay_ms;    /* until then replies are held back; 0: no delay */
	struct receipts receipts; /* 250s that the client may not have read */
	smtp_then_fn *waiting;	  /* what comes when another program has answered; NULL: nothing is waited for */
	struct milter_chain *milters; /* NULL: the listener has none */
	struct smtp_transaction *t;
	struct buf out;
	uint64_t swallowed; /* octets of chunks without a message, of all the session */
	struct {
		uint64_t left;
		const struct smtp_reply *with; /* what it is answered with */
		enum smtp_state back;	       /* where the session stands after it */
		int64_t until_ms;
	} chunk; /* SMTP_SWALLOWING */
	struct {
		struct milter_reply reply; /* code 0: there is none */
		size_t recipients;
	} unwanted; /* a message that milters refused at its first chunk: those that follow are answered with the same */
};

void smtp_enter(struct smtp_session *s, enum smtp_state to);
void smtp_say(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Says so, logs it and ends the session. */
void smtp_end(struct smtp_session *s, int code, const char *enhanced, const char *text);

/* wait.c: the one way to wait for another program in the middle of a session. From smtp_wait to smtp_resume no input is
 * taken and no time of the client's runs: whoever answers has deadlines of its own, and calls smtp_resume in any case,
 * from the event loop and not from inside a call of the session. Then THEN goes on. A session that ends meanwhile
 * forgets THEN. S may be gone when smtp_resume returns. */
void smtp_wait(struct smtp_session *s, smtp_then_fn *then);
void smtp_resume(struct smtp_session *s);

/* milter_session.c: each asks the milters, and THEN comes, now or later; at once where there are none. THEN looks what they
 * decided: where they refuse, smtp_milters_refused has answered. TEXTS are copied. */
void smtp_milters_ask(struct smtp_session *s, enum milter_stage stage, const struct slice *texts, size_t n,
		      smtp_then_fn *then);
void smtp_milters_banner(struct smtp_session *s, smtp_then_fn *then);
void smtp_milters_mail(struct smtp_session *s, smtp_then_fn *then);
void smtp_milters_rcpt(struct smtp_session *s, const char *address, smtp_then_fn *then);
bool smtp_milters_refused(struct smtp_session *s);
bool smtp_milters_unwelcome(struct smtp_session *s); /* the same for the banner */
void smtp_milters_rcpt_refused(struct smtp_session *s, const char *address); /* by us: those that want to know hear of it */
void smtp_milter_quote(struct smtp_session *s, const struct milter_reply *r); /* as a reply, … */
void smtp_milter_say(struct smtp_session *s, const struct milter_reply *r);   /* … and 421 ends the session */

/* At the end of a message: what is to be done with it. */
enum smtp_milters_end {
	SMTP_MILTERS_SUBMIT, /* it goes on */
	SMTP_MILTERS_REFUSE, /* t->refused_by */
	SMTP_MILTERS_OVER,   /* results are there: intake has refused it */
	SMTP_MILTERS_GONE    /* the session has ended */
};
enum smtp_milters_end smtp_milters_decided(struct smtp_session *s);

/* verbs.c: one command line without its end. MORE: input is there behind it. */
void smtp_command(struct smtp_session *s, struct slice line, bool more);
void smtp_command_answered(struct smtp_session *s, size_t before); /* from BEFORE on in the output: errors count */
void smtp_command_long(struct smtp_session *s, bool auth); /* one that was too long, of AUTH or not, has passed by */

/* The transaction ends without a message: its recipients are no commands for all that, but not without end. */
void smtp_commands_forgive(struct smtp_session *s);

/* What LINE, which is no command, begins with tells of octets that must not be taken for commands: has ended the session. */
bool smtp_command_opaque(struct smtp_session *s, struct slice line);

/* session_tls.c */
bool smtp_offers_tls(const struct smtp_session *s); /* STARTTLS would be taken */
bool smtp_needs_tls(const struct smtp_session *s);  /* there is none, and nothing counts before there is */
bool smtp_unspeakable(const struct smtp_session *s); /* the client expects TLS and there is none: say nothing */

/* auth.c */
enum { SMTP_AUTH_MAX = 12288 }; /* octets of a line of AUTH with its end (RFC 4954, 4) */
bool smtp_has_auth(const struct smtp_session *s);
bool smtp_needs_auth(const struct smtp_session *s);		     /* no mail is taken before AUTH */
bool smtp_auth_list(const struct smtp_session *s, struct buf *line); /* appends the mechanisms; false: none */
size_t smtp_line_max(const struct smtp_session *s, struct slice in); /* octets that the line IN begins with may have */
void smtp_auth(struct smtp_session *s, struct slice args);
void smtp_auth_answer(struct smtp_session *s, struct slice line, bool more); /* a line in SMTP_AUTH */
void smtp_auth_hasty(struct smtp_session *s); /* something came behind a line of AUTH before that was answered */
void smtp_auth_long(struct smtp_session *s);  /* a line of AUTH was too long, and has passed by */
void smtp_auth_free(struct smtp_session *s);  /* forgets the exchange */

/* ehlo.c: the reply to EHLO and LHLO */
void smtp_offer(struct smtp_session *s);

/* The protocol as Received and its like name it (RFC 3848): "ESMTPSA". */
const char *smtp_protocol(const struct smtp_session *s);

/* parameters.c: reads those in REST into P. False when one was answered already. */
enum smtp_parameter_of { SMTP_PARAMETER_MAIL = 1, SMTP_PARAMETER_RCPT = 2 };
bool smtp_parameters(struct smtp_session *s, enum smtp_parameter_of of, struct slice rest, struct smtp_parameters *p);
void smtp_parameters_free(struct smtp_parameters *p);

/* dsn.c: one parameter each. False when it was answered already. */
bool smtp_read_ret(struct smtp_session *s, struct slice value, struct smtp_parameters *p);
bool smtp_read_envid(struct smtp_session *s, struct slice value, struct smtp_parameters *p);
bool smtp_read_notify(struct smtp_session *s, struct slice value, struct smtp_parameters *p);
bool smtp_read_orcpt(struct smtp_session *s, struct slice value, struct smtp_parameters *p);

/* Is SMTPUTF8 offered here? */
bool smtp_utf8_offered(const struct smtp_session *s);

/* envelope.c: MAIL and RCPT */
void smtp_mail(struct smtp_session *s, struct slice args);
void smtp_rcpt(struct smtp_session *s, struct slice args);

/* For milters: TEXT ("<a@b.example>", with or without brackets) as an address without them, from mem_alloc, and in *OUT
 * (NULL: not asked); NULL: it is none. */
char *smtp_milter_address(const char *text, bool null_ok, struct address *out);

/* One more recipient: takes *A and TEXT over; or why not, and nothing was taken. */
const char *smtp_milter_recipient(struct smtp_session *s, struct address *a, char *text);
void smtp_milter_remove(struct smtp_session *s, size_t at);

/* content.c: DATA and what follows */
void smtp_data_begin(struct smtp_session *s);
size_t smtp_content(struct smtp_session *s, struct slice in);
void smtp_transaction_free(struct smtp_session *s); /* forgets it, also in the counters */
int64_t smtp_content_deadline(const struct smtp_session *s);
void smtp_content_begin(struct smtp_session *s, bool chunked); /* now SMTP_CONTENT or SMTP_CHUNKS */
void smtp_content_refuse(struct smtp_session *s, const struct smtp_reply *with); /* now SMTP_SKIPPING */
const struct smtp_reply *smtp_content_refusal(const struct smtp_session *s);	 /* of a message that is refused */
int smtp_content_take(void *session, struct slice piece); /* for smtp_data_finish */
void smtp_content_complete(struct smtp_session *s);	  /* all has come, or was read away */

/* bdat.c */
void smtp_bdat(struct smtp_session *s, struct slice args);
void smtp_chunk_end(struct smtp_session *s); /* nothing of the chunk in hand is left to come */
void smtp_unwanted_forget(struct smtp_session *s); /* what comes now is of no message that was refused */
size_t smtp_swallow(struct smtp_session *s, struct slice in);
int64_t smtp_swallow_deadline(const struct smtp_session *s);

#endif
