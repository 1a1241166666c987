/* redirect (RFC 5228, 4.2): a message goes on to somebody else. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "msg/received.h"
#include "msg/compose.h"
#include "reply/reply_impl.h"
#include "reply/thread.h"

/* ---- loops ---- */

/* The address of a mark, as it was before it was encoded and folded. From mem_alloc. */
static char *mark_address(struct slice value)
{
	enum { LOOKED_AT = 4096 };
	struct buf text;
	char *line;

	buf_init(&text, LOOKED_AT);
	(void)header_decode(value.n < LOOKED_AT ? value : slice_of(value.p, LOOKED_AT), &text);
	line = slice_dup(slice_trim(buf_slice(&text)));
	buf_free(&text);
	return line;
}

static bool is_mark_of(struct slice value, struct slice recipient)
{
	char *address = mark_address(value);
	const bool same = utf8_eq_nocase(slice_str(address), recipient);

	free(address);
	return same;
}

enum reply_loop reply_loop(const struct message *m, struct slice recipient)
{
	const struct header_field *f;
	size_t at = 0, marks = 0;

	while ((f = header_find(&m->header, SLICE_LIT(REPLY_MARK), &at)) != NULL) {
		if (is_mark_of(f->value, recipient))
			return REPLY_REDIRECTED_BEFORE;
		marks++;
	}
	if (marks >= REPLY_MARKS_MAX || header_count(&m->header, SLICE_LIT("Received")) > REPLY_HOPS_MAX)
		return REPLY_TOO_MANY_HOPS;
	return REPLY_NO_LOOP;
}

const char *reply_loop_text(enum reply_loop l)
{
	switch (l) {
	case REPLY_REDIRECTED_BEFORE:
		return "it was redirected for this recipient before";
	case REPLY_TOO_MANY_HOPS:
		return "it has come over so many servers that it seems to go round";
	case REPLY_NO_LOOP:
		break;
	}
	return "it does not go round";
}

/* What is wrapped has a header of its own: the marks of the message within must not be lost with it. */
static void put_marks(const struct reply_frame *f, struct buf *out, bool all)
{
	const struct header_field *field;
	size_t at = 0;

	compose_text(out, REPLY_MARK, f->recipient);
	while (all && (field = header_find(&f->message->header, SLICE_LIT(REPLY_MARK), &at)) != NULL) {
		char *address = mark_address(field->value);

		compose_text(out, REPLY_MARK, slice_str(address));
		free(address);
	}
}

/* ---- envelope ---- */

static int set_envelope(const struct reply_frame *f, const struct reply_redirect *r, const struct address *to,
			struct reply *out, struct err *e)
{
	/* RFC 6009, 6.1 and 7.1: what the rule asks about reports is asked for the owner of the rule. */
	const bool asks = r->dsn != NULL && (r->dsn->notify != NULL || r->dsn->ret != NULL || r->dsn->by);
	const enum reply_path path = asks && r->path == REPLY_PATH_SENDER ? REPLY_PATH_RECIPIENT : r->path;
	struct address from = { 0 };
	int ret = reply_add_to(out, to, e);

	/* RFC 5321, 4.5.5: what reports about a failure makes no further one. */
	out->same_sender = f->sender.n == 0 || path == REPLY_PATH_SENDER;
	if (ret == 0 && f->sender.n == 0) {
		out->sender = mem_strdup("");
	} else if (ret == 0) {
		if (path == REPLY_PATH_SENDER)
			ret = reply_address(f->sender, &from, e);
		else if (path == REPLY_PATH_FIXED)
			ret = reply_own(f, &from, e);
		else
			ret = reply_address(f->recipient, &from, e);
		if (ret == 0)
			out->sender = compose_address(&from, &out->utf8);
		address_free(&from);
	}
	if (ret == 0 && r->dsn != NULL) {
		out->dsn = *r->dsn;
		out->dsn.notify = mem_strdup(r->dsn->notify);
		out->dsn.ret = mem_strdup(r->dsn->ret);
	}
	return ret;
}

/* ---- as it is ---- */

static bool header_is_ascii(const struct message *m)
{
	return ascii_only(slice_of(m->head.p, m->header.body_at < m->head.n ? m->header.body_at : m->head.n));
}

/* RFC 5322, 3.6.6: all Resent fields stand together in front. */
static int write_resent(const struct reply_frame *f, const struct address *to, struct buf *text, struct reply *out,
			struct err *e)
{
	char date[CLOCK_RFC5322_SIZE];
	struct address own = { 0 };
	int r = reply_own(f, &own, e);

	if (r == 0) {
		clock_rfc5322((time_t)(f->now_ms / 1000), date);
		put_marks(f, text, false);
		compose_addresses(text, "Resent-From", &own, 1, &out->utf8);
		compose_addresses(text, "Resent-To", to, 1, &out->utf8);
		compose_plain(text, "Resent-Date", date);
		(void)buf_addf(text, "Resent-Message-ID: <%s@%s>\r\n", f->id, f->hostname);
		/* One that has no header at all gets the end of one. */
		if (f->message->header.n == 0 && f->message->size > 0 && f->message->head.n > 0 && f->message->head.p[0] != '\r')
			(void)buf_add_str(text, "\r\n");
	}
	address_free(&own);
	return r;
}

static void keep_facts(const struct reply_frame *f, struct reply *out)
{
	const struct slice id = thread_id(&f->message->header);

	out->message_id = slice_dup(id);
	out->from = reply_field(f, SLICE_LIT("From"), 500);
	out->subject = reply_field(f, SLICE_LIT("Subject"), 500);
}

static int resend(const struct reply_frame *f, const struct reply_redirect *r, const struct address *to, struct buf *text,
		  struct reply *out, struct err *e)
{
	if (write_resent(f, to, text, out, e) != 0)
		return -1;
	if (buf_failed(text))
		return 0; /* reply_finish tells */
	out->utf8 = out->utf8 || !header_is_ascii(f->message);
	keep_facts(f, out);
	reply_add_text(out, text);
	reply_add_content(out, r->content, f->message);
	return 0;
}

/* ---- as an attachment ---- */

/* Where an answer goes: to where the message says. */
static void put_reply_to(const struct reply_frame *f, struct buf *out, struct reply *r)
{
	static const struct slice names[] = { SLICE_LIT("Reply-To"), SLICE_LIT("From") };
	enum { ADDRESSES_MAX = 10 };
	struct address_list list = { 0 };
	struct address sender = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < 2 && n == 0; i++) {
		size_t at = 0;
		const struct header_field *field = header_find(&f->message->header, names[i], &at);

		if (field == NULL)
			continue;
		address_list_free(&list);
		address_list_parse(field->value, &list, NULL);
		/* Addresses without a domain are nobody's here. */
		for (size_t k = 0; k < list.n && n < ADDRESSES_MAX; k++)
			if (list.all[k].domain[0] != '\0' && list.all[k].local[0] != '\0') {
				struct address swap = list.all[n];

				list.all[n++] = list.all[k];
				list.all[k] = swap;
			}
	}
	if (n > 0)
		compose_addresses(out, "Reply-To", list.all, n, &r->utf8);
	else if (f->sender.n > 0 && address_parse(f->sender, true, &sender) == ADDRESS_OK)
		compose_addresses(out, "Reply-To", &sender, 1, &r->utf8);
	address_list_free(&list);
	address_free(&sender);
}

static void add_line(const struct reply_frame *f, struct buf *out, const char *label, const char *name)
{
	char *value = reply_field(f, slice_str(name), 500);

	if (value != NULL && value[0] != '\0')
		(void)buf_addf(out, "%s%s\r\n", label, value);
	free(value);
}

static void put_cover(const struct reply_frame *f, struct buf *out)
{
	struct buf text;

	buf_init(&text, 8 * 1024);
	(void)buf_addf(&text, "This message came to %.*s, whose rules send it on to you:\r\n\r\n", (int)f->recipient.n,
		       f->recipient.p);
	add_line(f, &text, "From:    ", "From");
	add_line(f, &text, "To:      ", "To");
	add_line(f, &text, "Date:    ", "Date");
	add_line(f, &text, "Subject: ", "Subject");
	if (f->sender.n > 0)
		(void)buf_addf(&text, "Sent by: %.*s\r\n", (int)f->sender.n, f->sender.p);
	(void)buf_add_str(&text, "\r\nIt is attached as it came. An answer to this message goes to whoever wrote it.\r\n");
	compose_body(out, buf_slice(&text));
	buf_free(&text);
}

/* Where octets beyond ASCII may be, 8bit is said; that is no lie about those that are not (RFC 2045, 6.2). */
static const char *encoding_of(const struct reply_frame *f, const struct plan_content *c)
{
	const struct message *m = f->message;

	return c == NULL && m->head.n == m->size && ascii_only(m->head) ? "7bit" : "8bit";
}

static int wrap(const struct reply_frame *f, const struct reply_redirect *r, const struct address *to, struct buf *text,
		struct reply *out, struct err *e)
{
	const char *encoding = encoding_of(f, r->content);
	/* RFC 6532, 3.7: a header with octets beyond ASCII is no message/rfc822. */
	const char *type = header_is_ascii(f->message) ? "message/rfc822" : "message/global";
	struct buf tail;

	put_marks(f, text, true);
	if (reply_from(f, SLICE_NONE, text, out, e) != 0)
		return -1;
	compose_addresses(text, "To", to, 1, &out->utf8);
	put_reply_to(f, text, out);
	reply_subject_of(f, text, out, "Fwd: ", "Fwd: (no subject)");
	compose_plain(text, "Auto-Submitted", "auto-generated");
	reply_common(f, text, out);
	thread_fields(text, &f->message->header, false);
	(void)buf_addf(text,
		       "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\nContent-Transfer-Encoding: %s\r\n\r\n--=_%s\r\n", f->id,
		       encoding, f->id);
	put_cover(f, text);
	(void)buf_addf(text,
		       "\r\n--=_%s\r\nContent-Type: %s\r\nContent-Disposition: attachment\r\n"
		       "Content-Transfer-Encoding: %s\r\n\r\n",
		       f->id, type, encoding);
	if (buf_failed(text))
		return 0; /* reply_finish tells */
	reply_add_text(out, text);
	reply_add_content(out, r->content, f->message);
	buf_init(&tail, 200);
	(void)buf_addf(&tail, "\r\n--=_%s--\r\n", f->id);
	reply_add_text(out, &tail);
	return 0;
}

int reply_redirect(const struct reply_frame *f, const struct reply_redirect *r, struct reply *out, struct err *e)
{
	struct address to = { 0 };
	struct buf text;
	int ret;

	*out = (struct reply){ 0 };
	buf_init(&text, COMPOSE_MAX);
	ret = reply_address(slice_str(r->address), &to, e);
	if (ret == 0)
		ret = set_envelope(f, r, &to, out, e);
	if (ret == 0)
		ret = r->wrap ? wrap(f, r, &to, &text, out, e) : resend(f, r, &to, &text, out, e);
	address_free(&to);
	return reply_finish(out, &text, ret, e);
}
