/* Between the receiver's own files. */
#ifndef MAILFERRY_SMTP_INTERNAL_H
#define MAILFERRY_SMTP_INTERNAL_H

#include "base/encode.h"
#include "smtp/data.h"
#include "smtp/reply.h"
#include "smtp/session.h"

enum smtp_state {
	SMTP_NEW,     /* no banner yet */
	SMTP_GREETED, /* no EHLO yet */
	SMTP_IDLE,
	SMTP_MAIL,     /* a sender, no recipient yet */
	SMTP_RCPT,     /* at least one recipient */
	SMTP_CONTENT,  /* reading a message */
	SMTP_SKIPPING, /* reading away a message that is refused already */
	SMTP_DECIDING, /* the spool has been asked */
	SMTP_ENDED
};
#define SMTP_IN(state) (1u << (state))

struct smtp_transaction {
	char *sender; /* owned */
	bool eightbit;
	uint64_t declared; /* SIZE of MAIL, 0 when it was not given */
	uint64_t size_max; /* octets of content that anybody here can take */
	struct intake_recipient *recipients;
	size_t nrecipients;
	size_t refused;	      /* RCPTs that were not taken */
	size_t envelope_size; /* octets, see SMTP_ENVELOPE_MAX */
	struct intake_message *message;
	struct smtp_data data;
	uint64_t received; /* octets on the wire */
	uint64_t counted;  /* of them, how many count as unaccepted */
	uint64_t size;	   /* octets of content */
	int64_t started_ms, heard_ms;
	struct smtp_reply refusal; /* SMTP_SKIPPING: what the end of data is answered with; code 0: by result */
};

struct smtp_session {
	struct smtp_service *service;
	const struct config_listener *listener;
	struct smtp_source *source;
	smtp_wake_fn *wake;
	void *arg;
	char id[RANDOM_ID_SIZE];
	char *client, *ip, *helo; /* owned */
	enum smtp_state state;
	bool extended;	/* EHLO or LHLO */
	bool skip_line; /* a line that is too long is passing by */
	bool paused;	/* intake can't take more just now */
	bool abrupt;	/* ended by us: the client may still be sending */
	size_t skipped; /* octets of that line */
	unsigned commands, messages, unknown;
	int64_t since_ms;    /* when it began to wait for the command */
	int64_t delay_ms;    /* until then replies are held back; 0: no delay */
	int64_t unconfirmed; /* message whose 250 the client may not have read, or 0 */
	bool named;	     /* that message can be told from others by its header */
	bool sent;	     /* that 250 is on its way */
	bool last;	     /* the client had sent its last before that */
	size_t stale;	     /* input that was sent before it can have been read */
	struct smtp_transaction *t;
	struct buf out;
};

void smtp_enter(struct smtp_session *s, enum smtp_state to);
void smtp_say(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Says so, logs it and ends the session. */
void smtp_end(struct smtp_session *s, int code, const char *enhanced, const char *text);

/* USED octets of input were taken: if they came after the client can have read the last 250, that is confirmed. */
void smtp_heard(struct smtp_session *s, size_t used);

/* verbs.c: one command line without its end. MORE: input is there behind it. */
void smtp_command(struct smtp_session *s, struct slice line, bool more);

/* envelope.c: MAIL and RCPT */
void smtp_mail(struct smtp_session *s, struct slice args);
void smtp_rcpt(struct smtp_session *s, struct slice args);

/* content.c: DATA and what follows */
void smtp_data_begin(struct smtp_session *s);
size_t smtp_content(struct smtp_session *s, struct slice in);
void smtp_transaction_free(struct smtp_session *s); /* forgets it, also in the counters */
int64_t smtp_content_deadline(const struct smtp_session *s);

#endif
