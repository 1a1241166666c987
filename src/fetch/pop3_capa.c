/* What a server can do (RFC 2449, 5 and 6). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"
#include "net/sasl.h"

enum { LINES_MAX = 200, DAYS_MAX = 100000, DELAY_MAX_S = 24 * 60 * 60 };

static const struct {
	const char *name;
	unsigned bit;
} names[] = {
	{ "STLS", POP3_CAN_STLS }, { "PIPELINING", POP3_CAN_PIPELINING },
	{ "TOP", POP3_CAN_TOP },   { "UIDL", POP3_CAN_UIDL },
	{ "USER", POP3_CAN_USER }, { "UTF8", POP3_CAN_UTF8 },
	{ "SASL", POP3_CAN_SASL },
};

static void note_mechanisms(struct source_session *s, struct slice rest)
{
	struct slice name;

	while ((name = pop3_word(&rest)).n > 0) {
		size_t n = strlen(s->mechanisms);
		bool printable = true;

		for (size_t i = 0; i < name.n; i++)
			printable = printable && name.p[i] > ' ' && name.p[i] < 0x7f;
		s->sasl |= sasl_offered(name);
		/* Whole words only. */
		if (printable && n + name.n + 2 <= sizeof s->mechanisms)
			(void)snprintf(s->mechanisms + n, sizeof s->mechanisms - n, "%s%.*s", n > 0 ? " " : "",
				       (int)name.n, name.p);
	}
}

/* "EXPIRE 60", "EXPIRE 0 USER", "EXPIRE NEVER" (RFC 2449, 6.7). */
static void note_expiry(const struct source_session *s, struct slice rest)
{
	uint64_t days;

	if (!s->source->keep || s->told_expiry || slice_number(pop3_word(&rest), DAYS_MAX, &days) != 0)
		return;
	/* What is kept there will not stay; 0: it may go as soon as it was fetched. */
	log_event(days == 0 ? LOG_WARNING : LOG_INFO, "mail-expires",
		  (const struct log_field[]){ LOG_STR("source", s->source->name), LOG_NUM("days", days), { 0 } });
}

static void note_line(struct source_session *s, struct slice line)
{
	struct slice rest = line, tag = pop3_word(&rest), word;
	uint64_t seconds;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (slice_eq_nocase(tag, slice_str(names[i].name)))
			s->can |= names[i].bit;
	}
	if (slice_eq_nocase(tag, SLICE_LIT("SASL"))) {
		note_mechanisms(s, rest);
	} else if (slice_eq_nocase(tag, SLICE_LIT("UTF8"))) {
		while ((word = pop3_word(&rest)).n > 0) {
			if (slice_eq_nocase(word, SLICE_LIT("USER")))
				s->can |= POP3_CAN_UTF8_USER;
		}
	} else if (slice_eq_nocase(tag, SLICE_LIT("LOGIN-DELAY"))) {
		if (slice_number(pop3_word(&rest), DELAY_MAX_S, &seconds) == 0)
			s->login_delay = (int64_t)seconds * 1000;
	} else if (slice_eq_nocase(tag, SLICE_LIT("EXPIRE"))) {
		note_expiry(s, rest);
	}
}

int pop3_read_capa(struct source_session *s, struct err *e)
{
	struct pop3_reply r;
	struct slice line;
	size_t used;

	if (pop3_reply(s, &r, e) != 0)
		return -1;
	if (r.status == POP3_ERR)
		return 0; /* an old server; or what it had told before the login holds */
	s->capa = true;
	s->can = 0;
	s->sasl = 0;
	s->mechanisms[0] = '\0';
	for (int lines = 0; lines < LINES_MAX; lines++) {
		bool end;

		if (pop3_line(s, &line, &used, e) != 0)
			return -1;
		end = slice_eq(line, SLICE_LIT("."));
		if (!end)
			note_line(s, line);
		pop3_take(s, used);
		if (end) {
			s->told_expiry = true;
			return 0;
		}
	}
	return err_set(e, ERR_PROTOCOL, 0, "%s has more capabilities than can be", s->server->host);
}

int pop3_ask_capa(struct source_session *s, struct err *e)
{
	if (pop3_quiet(s, e) != 0 || pop3_put(s, e, "CAPA") != 0)
		return -1;
	return pop3_read_capa(s, e);
}
