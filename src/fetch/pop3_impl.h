/* The fields of a POP3 session and what its files give each other; for fetch/pop3*.c only. */
#ifndef MAILFERRY_FETCH_POP3_IMPL_H
#define MAILFERRY_FETCH_POP3_IMPL_H

#include "fetch/pop3_list.h"
#include "fetch/pop3_reply.h"
#include "fetch/source.h"
#include "net/stream.h"

enum {
	POP3_MECHANISMS_MAX = 160,
	POP3_LINE_MAX = 20 * 1024, /* of a reply: a challenge of SASL_LINE_MAX, and then some (RFC 2449, 4: 512) */
	POP3_OUT_MAX = 256 * 1024,
	POP3_SECRETS = 3 /* password, token, the line of an exchange that was sent last */
};

enum { /* capabilities (RFC 2449, 6) */
	POP3_CAN_STLS = 1 << 0,
	POP3_CAN_PIPELINING = 1 << 1,
	POP3_CAN_TOP = 1 << 2,
	POP3_CAN_UIDL = 1 << 3,
	POP3_CAN_USER = 1 << 4,
	POP3_CAN_UTF8 = 1 << 5,	     /* RFC 6856 */
	POP3_CAN_UTF8_USER = 1 << 6, /* users and passwords in UTF-8 */
	POP3_CAN_SASL = 1 << 7
};

struct source_session {
	const struct source_login *login;
	const struct config_source *source;
	const struct config_server *server;
	struct stream *stream;
	struct buf out; /* commands on their way; the front OUT_AT octets are written already */
	size_t out_at;
	bool lf;      /* the line that was read last ended with a bare LF */
	size_t taken; /* octets since the deadline was moved last */

	bool capa; /* the server knows CAPA */
	unsigned can;
	unsigned sasl;				/* what it offers, by sasl_offered */
	char mechanisms[POP3_MECHANISMS_MAX];	/* the same as it names them, for people */
	bool told_expiry;
	int64_t login_delay; /* milliseconds between logins (RFC 2449, 6.5); 0: any */
	const char *secrets[POP3_SECRETS];	/* not to be repeated to anybody */
	char *stamp;				/* APOP's, from the greeting; NULL: none */
	const char *mechanism;			/* how we logged in; a literal */
	bool no_top, top_works, no_uidl;	/* as it turned out */
	bool listed;
	struct pop3_listing listing;
};

/* ---- pop3_wire.c: lines and octets; on failure -1 and E, and the session is over ---- */

/* A command has the server's timeout from now on. Also when it has given a good deal of what was asked for: who drips
 * is late, who is slow is not. */
void pop3_deadline(struct source_session *s);

/* What was done since SINCE_MS (clock_mono_ms) took time of ours: the server gets it back. */
void pop3_excuse(struct source_session *s, int64_t since_ms);

/* Appends a command, with its CRLF, to what is on its way; nothing is written yet. */
int pop3_put(struct source_session *s, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Nothing is on its way and nothing has come: the server is waiting for us. -1 when it has said something unasked. */
int pop3_quiet(struct source_session *s, struct err *e);

/* Writes and reads until something more has come than was there. */
int pop3_wait(struct source_session *s, struct err *e);

/* Writes as much as the connection takes now. Should it have broken, pop3_wait says so when there is nothing left to read. */
void pop3_push(struct source_session *s);

/* The same, and overwrites what was sent: it held a secret. */
void pop3_wipe(struct source_session *s);

/* The octets that came; take them when they are dealt with. */
struct slice pop3_peek(const struct source_session *s);
void pop3_take(struct source_session *s, size_t n);

/* A line of at most POP3_LINE_MAX octets, without its end. It lives until the next call, which takes *USED octets off. */
int pop3_line(struct source_session *s, struct slice *line, size_t *used, struct err *e);

/* The same for a line of a listing. One that is too long is passed over: *CUT. */
int pop3_list_line(struct source_session *s, struct slice *line, size_t *used, bool *cut, struct err *e);

/* LINE as a reply, without what nobody may read in it. */
void pop3_reply_of(const struct source_session *s, struct slice line, struct pop3_reply *r);

/* A reply that is +OK or -ERR. */
int pop3_reply(struct source_session *s, struct pop3_reply *r, struct err *e);

/* A command for itself, and its reply. */
int pop3_run(struct source_session *s, struct pop3_reply *r, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The server has answered with something that is no reply. */
int pop3_out_of_step(const struct source_session *s, const char *text, struct err *e);

/* ---- pop3_capa.c ---- */
int pop3_ask_capa(struct source_session *s, struct err *e);
int pop3_read_capa(struct source_session *s, struct err *e); /* the reply to CAPA, which was sent */

/* ---- pop3_login.c: greeting, encryption, authentication ---- */
int pop3_log_in(struct source_session *s, struct err *e);

/* ---- pop3_auth.c ---- */
int pop3_authenticate(struct source_session *s, struct err *e);

/* ---- pop3_list.c ---- */
int pop3_list_all(struct source_session *s, struct err *e);

/* ---- pop3_get.c ---- */
int pop3_get(struct source_session *s, const struct source_item *items, size_t n, bool heads,
	     const struct source_handler *h, struct err *e);
int pop3_remove(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused, struct err *e);

#endif
