#include "imap/dialog.h"

#include <errno.h>
#include <libetpan/mailstream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "imap/answers.h"
#include "imap/session_impl.h"
#include "imap/utf7.h"

enum { COMMAND_MAX = 16 * 1024 };

/* The stream knows why; libetpan only says that something failed. */
static int broken(struct imap *s, struct err *e, const char *otherwise)
{
	const struct err *why = stream_failure(s->stream);
	const char *bye = imap_filter_bye(s->filter);
	enum err_class class = why->class;
	struct answer a;

	if (class != ERR_NONE && bye != NULL) {
		a = answers_read_bye(bye);
		if (a.account == ACCOUNT_PERSON)
			class = ERR_CONFIG;
		return err_set(e, class, a.account == ACCOUNT_FEWER ? EUSERS : why->code, "%s said goodbye: %s%s%s",
			       s->server->host, bye, a.advice == NULL ? "" : "; ", a.advice == NULL ? "" : a.advice);
	}
	if (class != ERR_NONE) {
		if (e != NULL)
			*e = *why;
		return -1;
	}
	return err_set(e, ERR_PROTOCOL, 0, "%s", otherwise);
}

int dialog_put(struct imap *s, struct slice bytes, struct err *e)
{
	if (bytes.n > 0 && mailstream_write(stream_mailstream(s->stream), bytes.p, bytes.n) < 0)
		return broken(s, e, "the command could not be sent");
	return 0;
}

static int __attribute__((format(printf, 3, 0))) put_format(struct imap *s, struct err *e, const char *fmt, va_list ap)
{
	struct buf b;
	int ret;

	buf_init(&b, COMMAND_MAX);
	if (buf_vaddf(&b, fmt, ap) != 0)
		ret = err_set(e, ERR_LIMIT, 0, "a command is too long");
	else
		ret = dialog_put(s, buf_slice(&b), e);
	buf_free(&b);
	return ret;
}

int dialog_putf(struct imap *s, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = put_format(s, e, fmt, ap);
	va_end(ap);
	return ret;
}

int dialog_flush(struct imap *s, struct err *e)
{
	if (mailstream_flush(stream_mailstream(s->stream)) < 0)
		return broken(s, e, "the command could not be sent");
	return 0;
}

int dialog_quote(struct buf *out, const char *text)
{
	(void)buf_add_char(out, '"');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			(void)buf_add_char(out, '\\');
		(void)buf_add_char(out, *c);
	}
	return buf_add_char(out, '"');
}

int dialog_put_quoted(struct imap *s, const char *text, struct err *e)
{
	struct buf b;
	int ret;

	buf_init(&b, COMMAND_MAX);
	if (dialog_quote(&b, text) != 0)
		ret = err_set(e, ERR_LIMIT, 0, "an argument is too long");
	else
		ret = dialog_put(s, buf_slice(&b), e);
	buf_free(&b);
	return ret;
}

int dialog_quote_mailbox(const struct imap *s, struct buf *out, const char *mailbox)
{
	struct buf name;
	int ret;

	buf_init(&name, COMMAND_MAX);
	if (s->utf8 && utf7_decode(slice_str(mailbox), &name) == 0)
		ret = dialog_quote(out, buf_str(&name));
	else
		ret = dialog_quote(out, mailbox);
	buf_free(&name);
	return ret;
}

int dialog_put_mailbox(struct imap *s, const char *mailbox, struct err *e)
{
	struct buf b;
	int ret;

	buf_init(&b, COMMAND_MAX);
	if (dialog_quote_mailbox(s, &b, mailbox) != 0)
		ret = err_set(e, ERR_LIMIT, 0, "an argument is too long");
	else
		ret = dialog_put(s, buf_slice(&b), e);
	buf_free(&b);
	return ret;
}

uint32_t dialog_tag(struct imap *s)
{
	return ++s->tag;
}

void dialog_deadline(struct imap *s, int64_t ms)
{
	int64_t at = clock_mono_ms() + ms;

	stream_set_deadline(s->stream, at < s->hurry ? at : s->hurry);
	imap_filter_allow(s->filter, DIALOG_LITERAL_MAX, DIALOG_TOTAL_MAX);
}

int dialog_await_continue(struct imap *s, struct err *e)
{
	imap_filter_expect_continue(s->filter);
	if (dialog_flush(s, e) != 0)
		return -1;
	for (;;) {
		if (imap_filter_continued(s->filter))
			return 1;
		if (imap_filter_replies(s->filter) > 0)
			return 0;
		if (stream_wait(s->stream, NULL) != 0)
			return broken(s, e, "the connection broke");
	}
}

int dialog_reply(struct imap *s, uint32_t tag, bool wait, struct imap_reply *r, struct err *e)
{
	struct filter_reply raw;
	struct mailimap_response *response = NULL;
	char *alert;
	int ret;

	while (imap_filter_replies(s->filter) == 0) {
		ret = wait ? stream_wait(s->stream, NULL) : stream_poll(s->stream, NULL);
		if (ret < 0 && imap_filter_replies(s->filter) == 0)
			return broken(s, e, "the connection broke");
		if (ret <= 0 && !wait && imap_filter_replies(s->filter) == 0)
			return 0;
	}
	(void)imap_filter_take(s->filter, &raw);
	imap_reply_parse(raw.status, raw.text, r);
	s->errors += r->status != IMAP_OK;
	free(s->kept);
	s->kept = raw.kept;
	s->kept_len = raw.kept_len;
	s->kept_cut = raw.cut;
	raw.kept = NULL;
	filter_reply_free(&raw);
	alert = imap_filter_take_alert(s->filter);
	if (alert != NULL)
		log_warning("store-alert", LOG_STR(config_field(s->server), s->server->name), LOG_STR("text", alert));
	free(alert);
	if (raw.tag != tag)
		return err_set(e, ERR_PROTOCOL, 0, "%s answered a command out of order", s->server->host);

	if (s->diverted)
		return 1;
	/* libetpan takes the bytes of the whole reply, gathers its data, and checks the tag once more. */
	s->mi->imap_tag = (int)tag;
	if (mailimap_read_line(s->mi) == NULL)
		return broken(s, e, "the reply could not be read");
	ret = mailimap_parse_response(s->mi, &response);
	if (ret == MAILIMAP_NO_ERROR)
		mailimap_response_free(response);
	else if (ret != MAILIMAP_ERROR_PROTOCOL || r->status != IMAP_BAD)
		return broken(s, e, "the server sent a response that can't be understood");
	return 1;
}

int dialog_finish(struct imap *s, uint32_t tag, struct imap_reply *r, struct err *e)
{
	if (dialog_put(s, SLICE_LIT("\r\n"), e) != 0 || dialog_flush(s, e) != 0)
		return -1;
	return dialog_reply(s, tag, true, r, e) == 1 ? 0 : -1;
}

int dialog_run(struct imap *s, struct imap_reply *r, struct err *e, const char *fmt, ...)
{
	uint32_t tag = dialog_tag(s);
	va_list ap;
	int ret;

	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu ", (unsigned long)tag) != 0)
		return -1;
	va_start(ap, fmt);
	ret = put_format(s, e, fmt, ap);
	va_end(ap);
	return ret != 0 ? -1 : dialog_finish(s, tag, r, e);
}

struct mailimap_response_info *dialog_info(struct imap *s)
{
	return s->mi->imap_response_info;
}

struct mailimap_selection_info *dialog_selection(struct imap *s, bool fresh)
{
	if (fresh) {
		if (s->mi->imap_selection_info != NULL)
			mailimap_selection_info_free(s->mi->imap_selection_info);
		s->mi->imap_selection_info = mailimap_selection_info_new();
	}
	return s->mi->imap_selection_info;
}

struct slice dialog_kept(const struct imap *s, bool *cut)
{
	if (cut != NULL)
		*cut = s->kept_cut;
	return slice_of(s->kept, s->kept_len);
}

void dialog_expect(struct imap *s, uint64_t octets)
{
	imap_filter_allow(s->filter, DIALOG_LITERAL_MAX, octets);
}

void dialog_forget_continue(struct imap *s)
{
	imap_filter_forget_continue(s->filter);
}

/* ---- data that the caller reads ---- */

void dialog_divert(struct imap *s, const struct filter_sink *sink)
{
	s->diverted = true;
	imap_filter_divert(s->filter, sink);
}

void dialog_allow(struct imap *s, int64_t ms, uint64_t literal, uint64_t total)
{
	dialog_deadline(s, ms);
	imap_filter_allow(s->filter, literal, total);
}

void dialog_until(struct imap *s, int64_t mono_ms)
{
	stream_set_deadline(s->stream, mono_ms < s->hurry ? mono_ms : s->hurry);
}

int dialog_wait_until(struct imap *s, int64_t mono_ms, struct err *e)
{
	int ret;

	if (dialog_flush(s, e) != 0)
		return -1;
	ret = stream_wait_until(s->stream, mono_ms, NULL);
	return ret < 0 ? broken(s, e, "the connection broke") : ret;
}

/* ---- several sessions at once ---- */

ssize_t dialog_write_some(struct imap *s, struct slice bytes, struct err *e)
{
	ssize_t n = stream_write_some(s->stream, bytes, NULL);

	return n < 0 ? broken(s, e, "the command could not be sent") : n;
}

void dialog_expect_continue(struct imap *s)
{
	imap_filter_expect_continue(s->filter);
}

int dialog_continued(struct imap *s, struct err *e)
{
	for (;;) {
		int ret;

		if (imap_filter_continued(s->filter))
			return 1;
		ret = stream_poll(s->stream, NULL);
		if (ret == 0 || (ret < 0 && imap_filter_replies(s->filter) > 0))
			return 0;
		if (ret < 0)
			return broken(s, e, "the connection broke");
	}
}

void dialog_wait_any(const struct dialog_watch *w, size_t n)
{
	struct stream_watch all[STREAM_WATCH_MAX];

	if (n > STREAM_WATCH_MAX)
		n = STREAM_WATCH_MAX;
	for (size_t i = 0; i < n; i++) {
		/* A reply that came while a continuation request was looked for: nothing more may come behind it. */
		if (imap_filter_replies(w[i].session->filter) > 0)
			return;
		all[i] = (struct stream_watch){ w[i].session->stream, w[i].write };
	}
	stream_wait_any(all, n);
}
