/* Lines and octets of a POP3 session. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"
#include "net/line.h"
#include "net/sasl.h"

enum {
	GOOD_DEAL = 64 * 1024,	   /* octets within one timeout that show that the server means it */
	LINE_SKIP_MAX = 1024 * 1024 /* of a line of a listing */
};

void pop3_deadline(struct source_session *s)
{
	int64_t until = clock_mono_ms() + s->server->timeout, all = s->login->deadline;

	s->taken = 0;
	stream_set_deadline(s->stream, all > 0 && all < until ? all : until);
}

void pop3_excuse(struct source_session *s, int64_t since_ms)
{
	int64_t took = clock_mono_ms() - since_ms, until = stream_deadline(s->stream), all = s->login->deadline;

	if (took <= 0)
		return;
	until += took;
	stream_set_deadline(s->stream, all > 0 && all < until ? all : until);
}

/* The connection is over. A server that said why has the word. */
static int broken(struct source_session *s, struct err *e)
{
	const struct err *why = stream_failure(s->stream);
	struct pop3_reply r;
	struct slice line;
	size_t used;

	if (line_read(pop3_peek(s), POP3_LINE_MAX, &line, &used) == LINE_CRLF) {
		pop3_reply_of(s, line, &r);
		if (r.status == POP3_ERR)
			return pop3_refused(s, &r, "ended the session", e);
	}
	if (e != NULL)
		*e = *why;
	if (why->class == ERR_NONE)
		return err_set(e, ERR_TEMP, ECONNRESET, "the connection to %s broke", s->server->host);
	if (why->code == ETIMEDOUT && s->login->deadline > 0 && clock_mono_ms() >= s->login->deadline)
		return err_set(e, ERR_TEMP, ETIMEDOUT, "%s did not come to an end within the deadline of source %s",
			       s->server->host, s->source->name);
	return -1;
}

int pop3_put(struct source_session *s, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int ret;

	if (s->out_at == s->out.n) {
		buf_clear(&s->out);
		s->out_at = 0;
	}
	va_start(ap, fmt);
	ret = buf_vaddf(&s->out, fmt, ap);
	va_end(ap);
	if (ret != 0 || buf_add_str(&s->out, "\r\n") != 0)
		return err_set(e, ERR_LIMIT, 0, "a command to %s is too long", s->server->host);
	return 0;
}

void pop3_push(struct source_session *s)
{
	while (s->out_at < s->out.n) {
		ssize_t n = stream_write_some(s->stream, slice_skip(buf_slice(&s->out), s->out_at), NULL);

		if (n <= 0)
			break;
		s->out_at += (size_t)n;
	}
}

void pop3_wipe(struct source_session *s)
{
	pop3_push(s);
	if (s->out_at == s->out.n)
		buf_clear(&s->out);
	if (s->out.n == 0) {
		s->out_at = 0;
		mem_wipe(s->out.p, s->out.cap);
	}
}

int pop3_wait(struct source_session *s, struct err *e)
{
	size_t had = pop3_peek(s).n;

	for (;;) {
		struct stream_watch w = { .stream = s->stream };
		int ret;

		pop3_push(s);
		/* A server that closed may have answered before: its replies count. */
		if (pop3_peek(s).n > had)
			return 0;
		ret = stream_poll(s->stream, NULL);
		if (ret != 0)
			return ret < 0 ? broken(s, e) : 0;
		w.write = s->out_at < s->out.n;
		stream_wait_any(&w, 1);
	}
}

struct slice pop3_peek(const struct source_session *s)
{
	return stream_peek(s->stream);
}

void pop3_take(struct source_session *s, size_t n)
{
	stream_take(s->stream, n);
	s->taken += n;
	if (s->taken >= GOOD_DEAL)
		pop3_deadline(s);
}

/* What was not asked for: a server that shuts down may say so, and nothing else. */
int pop3_quiet(struct source_session *s, struct err *e)
{
	struct pop3_reply r;
	struct slice line;
	size_t used;

	pop3_deadline(s);
	while (stream_poll(s->stream, NULL) == 1 && pop3_peek(s).n < POP3_LINE_MAX)
		;
	if (pop3_peek(s).n == 0)
		return stream_failure(s->stream)->class == ERR_NONE ? 0 : broken(s, e);
	if (pop3_line(s, &line, &used, e) != 0)
		return -1;
	pop3_reply_of(s, line, &r);
	pop3_take(s, used);
	if (r.status == POP3_ERR)
		return pop3_refused(s, &r, "ended the session", e);
	return err_set(e, ERR_PROTOCOL, 0, "%s says something that it was not asked for: \"%s\"", s->server->host, r.text);
}

static int endless(const struct source_session *s, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "%s sends a line without an end where a reply belongs", s->server->host);
}

static int skip_line(struct source_session *s, struct err *e)
{
	size_t skipped = 0;
	bool done;

	for (;;) {
		size_t n = line_skip(pop3_peek(s), &done);

		pop3_take(s, n);
		skipped += n;
		if (done)
			return 0;
		if (skipped > LINE_SKIP_MAX)
			return endless(s, e);
		if (pop3_wait(s, e) != 0)
			return -1;
	}
}

int pop3_list_line(struct source_session *s, struct slice *line, size_t *used, bool *cut, struct err *e)
{
	for (;;) {
		enum line_end end = line_read(pop3_peek(s), POP3_LINE_MAX, line, used);

		*cut = end == LINE_LONG;
		if (end == LINE_LONG)
			return skip_line(s, e);
		if (end != LINE_MORE)
			return 0;
		if (pop3_wait(s, e) != 0)
			return -1;
	}
}

int pop3_line(struct source_session *s, struct slice *line, size_t *used, struct err *e)
{
	for (;;) {
		enum line_end end = line_read(pop3_peek(s), POP3_LINE_MAX, line, used);

		if (end == LINE_LONG)
			return endless(s, e);
		s->lf = end == LINE_LF;
		if (end != LINE_MORE)
			return 0;
		if (pop3_wait(s, e) != 0)
			return -1;
	}
}

void pop3_reply_of(const struct source_session *s, struct slice line, struct pop3_reply *r)
{
	pop3_reply_read(line, r);
	for (size_t i = 0; i < POP3_SECRETS; i++)
		sasl_hide(r->text, s->secrets[i]);
}

int pop3_out_of_step(const struct source_session *s, const char *text, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "%s says \"%.*s\" where a reply of POP3 belongs", s->server->host, 200, text);
}

int pop3_reply(struct source_session *s, struct pop3_reply *r, struct err *e)
{
	struct slice line;
	size_t used;

	if (pop3_line(s, &line, &used, e) != 0)
		return -1;
	pop3_reply_of(s, line, r);
	pop3_take(s, used);
	if (r->status == POP3_OK || r->status == POP3_ERR)
		return 0;
	return pop3_out_of_step(s, r->status == POP3_CONTINUE ? "+" : r->text, e);
}

int pop3_run(struct source_session *s, struct pop3_reply *r, struct err *e, const char *fmt, ...)
{
	char command[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof command)
		return err_set(e, ERR_LIMIT, 0, "a command to %s is too long", s->server->host);
	if (pop3_quiet(s, e) != 0 || pop3_put(s, e, "%s", command) != 0)
		return -1;
	return pop3_reply(s, r, e);
}
