/* Between session.c and login.c. */
#ifndef MAILFERRY_RELAY_SESSION_IMPL_H
#define MAILFERRY_RELAY_SESSION_IMPL_H

#include "net/stream.h"
#include "relay/session.h"

struct relay_session {
	const struct relay_login *login;
	const struct config_server *server;
	struct stream *stream;
	struct relay_reply reply; /* until transactions begin */
	struct offers offers;
	struct relay_client *client; /* NULL until then */
	const char *mechanism;
	const char *secrets[2]; /* what must not stand in errors: password, what was sent last */
	int64_t hurry;		/* monotonic; INT64_MAX: none */
	unsigned sent;		/* transactions */
	bool over;
};

/* Sends LINE, which bears its end, and waits for the reply, which then stands in s->reply. SECRET: LINE is overwritten
 * where it was copied. */
int relay_ask(struct relay_session *s, const char *line, bool secret, struct err *e);

/* "smtp.example.net port 587", for errors. */
enum { RELAY_PLACE_SIZE = 300 };
const char *relay_place(const struct relay_session *s, char out[RELAY_PLACE_SIZE]);

/* The reply in s->reply, for errors: without secrets. */
const char *relay_said(const struct relay_session *s, char out[RELAY_WORDS_SIZE]);

/* login.c: AUTH, where the configuration has a user. */
int relay_log_in(struct relay_session *s, struct err *e);

#endif
