/* How a POP3 session begins: greeting, CAPA (RFC 2449), STLS (RFC 2595), UTF8 (RFC 6856), authentication. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"

enum { STAMP_MAX = 250 };

/*
 * The stamp of APOP, if it is a msg-id as RFC 1939, 7 wants it: printable, with
 * one "@". Octets that are none let somebody between learn the password from the
 * digests of chosen stamps.
 */
static void note_stamp(struct source_session *s, struct slice line)
{
	size_t begin = slice_find(line, '<'), n, ats = 0;

	if (begin == line.n)
		return;
	line = slice_skip(line, begin);
	n = slice_find(line, '>');
	if (n == line.n || n > STAMP_MAX)
		return;
	for (size_t i = 1; i < n; i++) {
		if (line.p[i] <= ' ' || line.p[i] >= 0x7f || line.p[i] == '<')
			return;
		ats += line.p[i] == '@';
	}
	if (ats == 1 && line.p[1] != '@' && line.p[n - 1] != '@')
		s->stamp = slice_dup(slice_of(line.p, n + 1));
}

static int greet(struct source_session *s, struct err *e)
{
	const struct config_server *c = s->server;
	struct pop3_reply r;
	struct slice line;
	size_t used;

	pop3_deadline(s);
	if (pop3_line(s, &line, &used, e) != 0)
		return -1;
	pop3_reply_of(s, line, &r);
	if (r.status == POP3_OK)
		note_stamp(s, line);
	pop3_take(s, used);
	switch (r.status) {
	case POP3_OK:
		return 0;
	case POP3_ERR:
		return pop3_refused(s, &r, "does not take connections", e);
	case POP3_CONTINUE:
	case POP3_JUNK:
		break;
	}
	return err_set(e, ERR_PROTOCOL, 0,
		       "%s port %u does not greet as a POP3 server does (\"%.*s\"); check host, port and tls", c->host,
		       c->port, 100, r.text);
}

static int start_tls(struct source_session *s, struct err *e)
{
	const struct config_server *c = s->server;
	struct pop3_reply r;

	/* One that does not know CAPA may still know STLS. */
	if (s->capa && (s->can & POP3_CAN_STLS) == 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s port %u does not offer STLS; set tls = \"implicit\" and its port (995), or ask the "
			       "provider",
			       c->host, c->port);
	if (pop3_run(s, &r, e, "STLS") != 0)
		return -1;
	if (r.status != POP3_OK)
		return err_set(e, pop3_mean(&r, true).class, 0, "%s port %u refuses STLS: \"%s\"; set tls = \"implicit\" "
			       "and its port (995), or ask the provider", c->host, c->port, r.text);
	pop3_deadline(s);
	if (stream_start_tls(s->stream, s->login->tls, e) != 0)
		return -1;
	/* What was learned before may be forged (RFC 2595, 4). */
	s->capa = false;
	s->can = 0;
	s->sasl = 0;
	s->login_delay = 0;
	s->mechanisms[0] = '\0';
	return pop3_ask_capa(s, e);
}

/* Messages as they are, and not what a server makes of those with UTF-8 in their headers (RFC 6856, 2.1). */
static int switch_utf8(struct source_session *s, struct err *e)
{
	struct pop3_reply r;

	if ((s->can & POP3_CAN_UTF8) == 0)
		return 0;
	if (pop3_run(s, &r, e, "UTF8") != 0)
		return -1;
	if (r.status == POP3_ERR)
		log_debug("utf8-refused", LOG_STR("source", s->source->name), LOG_STR("text", r.text));
	return 0;
}

int pop3_log_in(struct source_session *s, struct err *e)
{
	const struct config_server *c = s->server;

	pop3_deadline(s);
	if (c->tls == CONFIG_TLS_IMPLICIT && stream_start_tls(s->stream, s->login->tls, e) != 0)
		return -1;
	if (greet(s, e) != 0 || pop3_ask_capa(s, e) != 0)
		return -1;
	if (c->tls == CONFIG_TLS_STARTTLS && start_tls(s, e) != 0)
		return -1;
	if (switch_utf8(s, e) != 0 || pop3_authenticate(s, e) != 0)
		return -1;
	log_debug("logged-in", LOG_STR("source", s->source->name), LOG_STR("auth", s->mechanism));
	return 0;
}
