/* A receiver without a network: a fake spool and clock behind intake, and one session to talk to. For unit tests and
 * fuzzing. */
#ifndef MAILFERRY_TESTS_SMTP_FAKE_H
#define MAILFERRY_TESTS_SMTP_FAKE_H

#include "base/buf.h"
#include "smtp/session.h"

enum { FAKE_MESSAGES_MAX = 64 };

struct fake_message {	   /* what the spool was asked to keep */
	char *text;	   /* "from=… to=a,b folder=INBOX flags=… note=… body=…" see fake_text */
	struct buf body;   /* inline, or of its upload */
	struct buf prefix; /* of the first delivery */
	size_t ndeliveries;
	int64_t internal_ms;
	unsigned char fingerprint[32]; /* of the first recipient */
};

struct fake {
	struct config *config;
	struct intake *intake;
	struct smtp_service service;
	struct smtp_source source;
	struct smtp_session *session;
	struct buf in, out; /* what the client has sent and not had taken; what it was told */
	bool closed;	    /* the server would have closed by now */
	bool eager;	    /* a socket without delay: everything said counts as read at once */

	/* the spool */
	enum spool_answer answer;	 /* given to requests to accept */
	enum spool_answer upload_answer; /* SPOOL_ACCEPTED: a file */
	struct fake_message messages[FAKE_MESSAGES_MAX];
	size_t nmessages; /* committed: answered with ACCEPTED */
	unsigned confirmed;
	int64_t last_confirmed;
	spool_answer_fn *pending;
	spool_upload_fn *pending_upload;
	void *pending_arg;
	struct fake_message asked; /* waits for its answer */
	int upload_fd;		   /* the fake's end of the file */
	const char *upload_path;   /* NULL: a file in memory */
	unsigned uploads_open, uploads_dropped;
	bool cancelled;
	bool heads; /* messages come without their bodies */
};

/* CONFIG is libconfig text; RULES is the script of every account that has rules, or NULL. */
void fake_open(struct fake *f, const char *config, const char *rules);
void fake_close(struct fake *f);

/* A new session on listener number N, greeted. */
void fake_connect(struct fake *f, size_t n);
void fake_disconnect(struct fake *f);

/* The client sends; everything that can go on does, the spool answers at once. */
void fake_send(struct fake *f, struct slice s);

/* The same, and the spool does not answer. */
void fake_send_only(struct fake *f, struct slice s);

/* The spool answers what waits. False when nothing did. */
bool fake_answer(struct fake *f);

/* Forgets the messages kept so far. */
void fake_forget(struct fake *f);

/* Time goes on; deadlines are kept. */
void fake_wait(struct fake *f, int64_t ms);

/* What the client was told since the last call, as a string that lives until the next. */
const char *fake_told(struct fake *f);

#endif
