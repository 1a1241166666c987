#include "smtp/milter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "smtp/milter_wire.h"

static const char letters[MILTER_STAGES] = {
	[MILTER_AT_CONNECT] = MILTER_CONNECT, [MILTER_AT_HELO] = MILTER_HELO, [MILTER_AT_MAIL] = MILTER_MAIL,
	[MILTER_AT_RCPT] = MILTER_RCPT,	      [MILTER_AT_DATA] = MILTER_DATA, [MILTER_AT_HEADER] = MILTER_HEADER,
	[MILTER_AT_EOH] = MILTER_EOH,	      [MILTER_AT_BODY] = MILTER_BODY, [MILTER_AT_EOM] = MILTER_EOM,
	[MILTER_AT_UNKNOWN] = MILTER_UNKNOWN,
};

struct milter {
	const struct config_milter *config;
	int64_t (*now)(void);
	enum milter_state state;
	bool negotiating;
	bool heard, down;
	struct milter_terms terms;
	enum milter_stage stage; /* MILTER_ASKED: of what */
	int64_t deadline, last;	 /* last: that no "still at work" goes beyond */
	struct buf in, out;
	enum milter_verdict verdict;
	struct milter_reply reply;
	struct milter_edits edits;
	char why[256];
};

struct milter *milter_new(const struct config_milter *c, int64_t (*now)(void))
{
	struct milter *m = mem_alloc(sizeof *m);

	m->config = c;
	m->now = now;
	m->deadline = INT64_MAX;
	buf_init(&m->in, MILTER_PACKET_MAX + 64 * 1024);
	buf_init(&m->out, MILTER_OUTPUT_MAX);
	return m;
}

static void answer_clear(struct milter *m)
{
	free(m->reply.text);
	m->reply = (struct milter_reply){ 0 };
	milter_edits_free(&m->edits);
	m->verdict = MILTER_CONTINUE;
}

void milter_free(struct milter **m)
{
	if (*m == NULL)
		return;
	answer_clear(*m);
	milter_terms_free(&(*m)->terms);
	buf_free(&(*m)->in);
	buf_free(&(*m)->out);
	free(*m);
	*m = NULL;
}

const struct config_milter *milter_config(const struct milter *m)
{
	return m->config;
}

/* ---- the connection ---- */

static void begin(struct milter *m, enum milter_state state, int64_t timeout)
{
	m->state = state;
	m->deadline = m->now() + timeout;
	m->last = m->now() + MILTER_PROGRESS_MAX * timeout;
}

static void failed(struct milter *m, const char *why)
{
	if (m->state == MILTER_FAILED)
		return;
	answer_clear(m);
	(void)snprintf(m->why, sizeof m->why, "%s", why);
	m->state = MILTER_FAILED;
	m->verdict = MILTER_NONE;
	m->deadline = INT64_MAX;
	buf_free(&m->in);
	buf_free(&m->out);
}

void milter_open(struct milter *m)
{
	answer_clear(m);
	milter_terms_free(&m->terms);
	buf_free(&m->in);
	buf_free(&m->out);
	m->heard = false;
	m->down = true;
	m->negotiating = false;
	begin(m, MILTER_OPENING, m->config->connect_timeout);
}

void milter_connected(struct milter *m, struct milter_terms *terms)
{
	m->down = false;
	if (terms != NULL) {
		m->terms = *terms;
		*terms = (struct milter_terms){ 0 };
		m->state = MILTER_READY;
		m->deadline = INT64_MAX;
		return;
	}
	m->negotiating = true;
	milter_terms_offer(&m->out);
}

struct buf *milter_output(struct milter *m)
{
	return &m->out;
}

void milter_lost(struct milter *m, const char *why)
{
	failed(m, why);
}

int64_t milter_deadline(const struct milter *m)
{
	return m->state == MILTER_READY && m->out.n == 0 ? INT64_MAX : m->deadline;
}

void milter_late(struct milter *m)
{
	failed(m, m->state == MILTER_OPENING ? "it takes too long to connect" : "it takes too long to answer");
}

bool milter_end(struct milter *m, struct milter_terms *terms)
{
	const bool again = m->state == MILTER_READY && m->terms.version >= MILTER_VERSION && m->in.n == 0;

	*terms = (struct milter_terms){ 0 };
	if (m->state == MILTER_READY)
		milter_packet_end(&m->out, milter_packet_begin(&m->out, again ? MILTER_QUIT_NEW : MILTER_QUIT));
	if (again) {
		*terms = m->terms;
		m->terms = (struct milter_terms){ 0 };
	}
	m->state = MILTER_CLOSED;
	m->deadline = INT64_MAX;
	return again;
}

enum milter_state milter_state(const struct milter *m)
{
	return m->state;
}

const char *milter_why(const struct milter *m)
{
	return m->why;
}

bool milter_was_down(const struct milter *m)
{
	return m->down;
}

bool milter_heard(const struct milter *m)
{
	return m->heard;
}

const struct milter_terms *milter_terms(const struct milter *m)
{
	return &m->terms;
}

/* ---- steps ---- */

static bool begins(struct milter *m, enum milter_stage stage)
{
	if (m->state != MILTER_READY)
		return false;
	answer_clear(m);
	return !milter_terms_skip(&m->terms, stage);
}

/* The step was written: waits for its answer, where one comes. */
static void told(struct milter *m, enum milter_stage stage)
{
	const int64_t timeout = stage == MILTER_AT_EOM ? m->config->content_timeout : m->config->command_timeout;

	if (buf_failed(&m->out)) {
		failed(m, "it does not take what it is told");
		return;
	}
	if (milter_terms_silent(&m->terms, stage)) {
		m->deadline = m->now() + timeout; /* to take what it is told */
		return;
	}
	m->stage = stage;
	begin(m, MILTER_ASKED, timeout);
}

void milter_tell(struct milter *m, enum milter_stage stage, const struct slice *texts, size_t n,
		 milter_macro_fn *macro, void *arg)
{
	size_t at;

	if (!begins(m, stage))
		return;
	if (macro != NULL)
		milter_macros_put(&m->terms, stage, letters[stage], macro, arg, &m->out);
	at = milter_packet_begin(&m->out, letters[stage]);
	for (size_t i = 0; i < n; i++)
		milter_put_text(&m->out, texts[i]);
	milter_packet_end(&m->out, at);
	told(m, stage);
}

void milter_tell_connect(struct milter *m, const char *name, const char *ip, uint16_t port, milter_macro_fn *macro,
			 void *arg)
{
	const bool v6 = strchr(ip, ':') != NULL;
	size_t at;

	if (!begins(m, MILTER_AT_CONNECT))
		return;
	milter_macros_put(&m->terms, MILTER_AT_CONNECT, MILTER_CONNECT, macro, arg, &m->out);
	at = milter_packet_begin(&m->out, MILTER_CONNECT);
	milter_put_text(&m->out, slice_str(name));
	(void)buf_add_char(&m->out, ip[0] == '\0' ? 'L' : v6 ? '6' : '4');
	milter_put_u16(&m->out, port);
	milter_put_text(&m->out, slice_str(ip[0] == '\0' ? "localhost" : ip));
	milter_packet_end(&m->out, at);
	told(m, MILTER_AT_CONNECT);
}

void milter_tell_body(struct milter *m, struct slice piece)
{
	size_t at;

	if (!begins(m, MILTER_AT_BODY))
		return;
	at = milter_packet_begin(&m->out, MILTER_BODY);
	(void)buf_add_slice(&m->out, piece);
	milter_packet_end(&m->out, at);
	told(m, MILTER_AT_BODY);
}

void milter_abort(struct milter *m)
{
	if (m->state == MILTER_ASKED) {
		/* Its answer, when it comes, would be taken for another's. */
		failed(m, "the message was given up while it worked on it");
		return;
	}
	if (m->state != MILTER_READY)
		return;
	answer_clear(m);
	milter_packet_end(&m->out, milter_packet_begin(&m->out, MILTER_ABORT));
	m->deadline = m->now() + m->config->command_timeout;
	if (buf_failed(&m->out))
		failed(m, "it does not take what it is told");
}

/* ---- answers ---- */

static void decide(struct milter *m, enum milter_verdict verdict)
{
	m->verdict = verdict;
	m->state = MILTER_READY;
	m->deadline = INT64_MAX;
}

static void refuse(struct milter *m, int code, const char *enhanced, const char *text)
{
	m->reply.code = code;
	(void)snprintf(m->reply.enhanced, sizeof m->reply.enhanced, "%s", enhanced);
	m->reply.text = mem_strdup(text);
	decide(m, MILTER_REFUSE);
}

/* Takes an enhanced status code (RFC 3463) of CLASS off the front of *LINE. */
static bool enhanced_take(struct slice *line, char class, char out[12])
{
	size_t n = 0;
	unsigned dots = 0, digits = 0;

	while (n < line->n && line->p[n] != ' ') {
		if (line->p[n] == '.' && digits > 0) {
			dots++;
			digits = 0;
		} else if (ascii_is_digit(line->p[n]) && digits < 3) {
			digits++;
		} else {
			return false;
		}
		n++;
	}
	if (dots != 2 || digits == 0 || n > 9 || line->p[0] != class || line->p[1] != '.')
		return false;
	(void)snprintf(out, 12, "%.*s", (int)n, line->p);
	*line = slice_trim(slice_skip(*line, n));
	return true;
}

/* "550 5.7.1 words", or lines "550-5.7.1 words" CRLF "550 …". 0, or -1: that is no reply of a server. */
static int reply_read(struct milter *m, struct slice text)
{
	struct slice rest;
	struct buf words;
	char code[4] = "", enhanced[12] = "";
	char *copy;

	/* Sendmail takes it for a format, so a milter writes each % twice. */
	if (milter_take_text(&text, &rest) != 0 || text.n > 0 || rest.n < 3 || rest.n > MILTER_REPLY_MAX)
		return -1;
	buf_init(&words, MILTER_REPLY_MAX + 1);
	while (rest.n > 0) {
		const size_t end = slice_find(rest, '\n');
		struct slice line = slice_of(rest.p, end);

		rest = slice_skip(rest, end < rest.n ? end + 1 : end);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n < 3 || (line.p[0] != '4' && line.p[0] != '5') || line.p[1] < '0' || line.p[1] > '5' ||
		    !ascii_is_digit(line.p[2]) || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-') ||
		    (code[0] != '\0' && memcmp(line.p, code, 3) != 0)) {
			buf_free(&words);
			return -1;
		}
		(void)snprintf(code, sizeof code, "%.3s", line.p);
		line = slice_skip(line, line.n > 3 ? 4 : 3);
		if (!enhanced_take(&line, code[0], enhanced) && enhanced[0] == '\0')
			(void)snprintf(enhanced, sizeof enhanced, "%c.7.1", code[0]);
		if (words.n > 0)
			(void)buf_add_char(&words, '\n');
		for (size_t i = 0; i < line.n; i++) {
			(void)buf_add_char(&words, line.p[i]);
			if (line.p[i] == '%' && i + 1 < line.n && line.p[i + 1] == '%')
				i++;
		}
	}
	copy = slice_dup(buf_slice(&words));
	refuse(m, (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'), enhanced,
	       copy[0] == '\0' ? "A filter refuses this" : copy);
	free(copy);
	buf_free(&words);
	return 0;
}

static bool of_message(enum milter_stage stage)
{
	return stage != MILTER_AT_CONNECT && stage != MILTER_AT_HELO && stage != MILTER_AT_UNKNOWN;
}

/* An answer to the step under way. */
static void answer(struct milter *m, const struct milter_packet *p)
{
	char why[64];
	struct err e;
	int r;

	switch (p->letter) {
	case MILTER_SAYS_CONTINUE:
		decide(m, MILTER_CONTINUE);
		return;
	case MILTER_SAYS_ACCEPT:
		decide(m, MILTER_ACCEPT);
		return;
	case MILTER_SAYS_REJECT:
		refuse(m, 550, "5.7.1", m->stage == MILTER_AT_RCPT ? "A filter refuses this recipient"
								     : "A filter refuses this");
		return;
	case MILTER_SAYS_TEMPFAIL:
		refuse(m, 451, "4.7.1", "A filter can't take this just now, try again later");
		return;
	case MILTER_SAYS_REPLY:
		if (reply_read(m, p->data) != 0)
			failed(m, "its reply in its own words is none");
		return;
	case MILTER_SAYS_CONN_FAIL:
	case MILTER_SAYS_SHUTDOWN:
		decide(m, MILTER_HANG_UP);
		return;
	case MILTER_SAYS_PROGRESS:
		m->deadline = m->now() + (m->stage == MILTER_AT_EOM ? m->config->content_timeout
								     : m->config->command_timeout);
		m->deadline = m->deadline < m->last ? m->deadline : m->last;
		return;
	case MILTER_SAYS_DISCARD:
		if (of_message(m->stage)) {
			decide(m, MILTER_DISCARD);
			return;
		}
		break;
	case MILTER_SAYS_SKIP:
		if (m->stage == MILTER_AT_BODY && (m->terms.protocol & MILTER_TAKES_SKIP) != 0) {
			decide(m, MILTER_SKIP);
			return;
		}
		break;
	default:
		r = m->stage == MILTER_AT_EOM ? milter_edits_read(&m->edits, &m->terms, p, &e) : 0;
		if (r < 0)
			failed(m, e.text);
		if (r != 0)
			return;
	}
	(void)snprintf(why, sizeof why, "its answer (octet %u) is out of place", (unsigned char)p->letter);
	failed(m, why);
}

static void negotiated(struct milter *m, const struct milter_packet *p)
{
	struct err e;

	if (p->letter != MILTER_OPTNEG) {
		failed(m, "it does not negotiate as a milter does");
	} else if (milter_terms_read(p->data, &m->terms, &e) != 0) {
		failed(m, e.text);
	} else {
		m->edits.leading_space = false;
		decide(m, MILTER_CONTINUE);
	}
}

bool milter_input(struct milter *m, struct slice in)
{
	struct milter_packet p;
	size_t used = 0;
	int r = 1;

	if (m->state == MILTER_FAILED || m->state == MILTER_CLOSED)
		return false;
	m->heard = true;
	if (buf_add_slice(&m->in, in) != 0) {
		failed(m, "it sends more than it was asked for");
		return true;
	}
	while (m->state == MILTER_OPENING || m->state == MILTER_ASKED) {
		/* The new body leaves piece by piece, so that it needs no memory of its size. */
		if (m->edits.body.n > 0)
			return true;
		r = milter_packet_read(buf_slice(&m->in), &p, &used);
		if (r <= 0)
			break;
		if (m->state == MILTER_OPENING)
			negotiated(m, &p);
		else
			answer(m, &p);
		buf_consume(&m->in, m->state == MILTER_FAILED ? 0 : used);
	}
	if (r < 0)
		failed(m, "it sends a packet with a length that can't be");
	else if (m->state == MILTER_READY && m->in.n > 0)
		failed(m, "it answers more than it was asked");
	else if (m->in.n == 0)
		buf_free(&m->in); /* an idle milter holds no buffer */
	return m->state == MILTER_READY || m->state == MILTER_FAILED;
}

enum milter_verdict milter_verdict(const struct milter *m)
{
	return m->verdict;
}

const struct milter_reply *milter_reply(const struct milter *m)
{
	return &m->reply;
}

struct milter_edits *milter_edits(struct milter *m)
{
	m->edits.leading_space = (m->terms.protocol & MILTER_LEADING_SPACE) != 0;
	return &m->edits;
}
