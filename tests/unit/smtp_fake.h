/* A receiver without a network: a fake spool and clock behind intake, and one session to talk to. For unit tests and
 * fuzzing. */
#ifndef MAILFERRY_TESTS_SMTP_FAKE_H
#define MAILFERRY_TESTS_SMTP_FAKE_H

#include "base/buf.h"
#include "smtp/session.h"

enum { FAKE_MESSAGES_MAX = 64, FAKE_MEMORY_MAX = 64 };

struct fake_memory {
	char account[64];
	unsigned char key[SPOOL_KEY_SIZE];
};

struct fake_message {	   /* what the spool was asked to keep */
	char *text;	   /* "from=… to=a,b folder=INBOX flags=… note=… body=…" see fake_text */
	char *further;	   /* " + TEXT body=…" of each that it causes; "" for none */
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
	uint32_t from;	    /* the IPv4 address that it is counted by; 0: 192.0.2.7 */
	bool closed;	    /* the server would have closed by now */
	bool eager;	    /* a socket without delay: everything said counts as read at once */

	/* the spool */
	enum spool_answer answer;	 /* given to requests to accept */
	enum spool_answer upload_answer; /* SPOOL_ACCEPTED: a file */
	struct fake_message messages[FAKE_MESSAGES_MAX];
	size_t nmessages; /* committed: answered with ACCEPTED */
	unsigned confirmed;		    /* replies that were read */
	unsigned told[SPOOL_UNSURE + 1];    /* what was told of replies, by kind */
	int64_t last_confirmed;
	bool known; /* asked who got the message before, the spool says: all */
	const char *known_each; /* or, of each asked for, `1' or `0' */
	int further_of;		/* of the last message: the first recipient that the same delivery is of; -1: not said */
	size_t further_to;	/* of the last message: for how many the first delivery of its first further one is */
	spool_known_fn *pending_known;
	size_t nknown; /* recipients of that question */
	spool_answer_fn *pending;
	spool_upload_fn *pending_upload;
	void *pending_arg;
	struct fake_message asked; /* waits for its answer */
	int upload_fds[4];	   /* the fake's ends of files, by number less one; a changed message has two */
	const char *upload_path;   /* NULL: a file in memory */
	unsigned uploads_open, uploads_dropped;
	unsigned rooms;	 /* so often there is room where bodies share files */
	bool cancelled;
	bool heads; /* messages come without their bodies */

	struct fake_memory memory[FAKE_MEMORY_MAX]; /* committed with messages */
	size_t nmemory;
	unsigned races;		  /* so often somebody is faster in remembering what is to be remembered once */
	bool raced;		  /* that happened to the request that waits */
	bool recalling;		  /* the question that waits is about memory */
	unsigned recalls, anew;	  /* questions; answers */
	char recall[FAKE_MEMORY_MAX]; /* the answer to the one that waits */
};

/* CONFIG is libconfig text; RULES is the script of every account that has rules, or NULL. */
void fake_open(struct fake *f, const char *config, const char *rules);
void fake_close(struct fake *f);

/* The same, and bodies of middle size may share files: f->rooms tells how often there is room. */
void fake_open_sharing(struct fake *f, const char *config, const char *rules);

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
