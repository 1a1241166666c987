/* notify with a mailto URI (RFC 5435, RFC 5436). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/mailto.h"
#include "msg/compose.h"
#include "reply/reply_impl.h"
#include "reply/thread.h"

/* ---- envelope (RFC 5436, 2.7) ---- */

/* The one address of :from, if it is one that this recipient may write in. */
static bool parse_from(const struct reply_frame *f, const struct plan_notice *n, struct address *a)
{
	struct address_list list;
	struct address own = { 0 };
	size_t bad = 0;
	bool ok = false;

	if (n->from == NULL)
		return false;
	address_list_parse(slice_str(n->from), &list, &bad);
	if (bad == 0 && list.n == 1 && address_parse(f->recipient, true, &own) == ADDRESS_OK)
		ok = f->any_author || slice_eq_nocase(slice_str(list.all[0].domain), slice_str(own.domain));
	if (ok) {
		*a = list.all[0];
		list.all[0] = (struct address){ 0 };
	}
	address_free(&own);
	address_list_free(&list);
	return ok;
}

static int set_envelope(const struct reply_frame *f, const struct mailto *m, const struct address *from, struct reply *out,
			struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->nto && r == 0; i++)
		r = reply_add_to(out, &m->to[i], e);
	for (size_t i = 0; i < m->ncc && r == 0; i++)
		r = reply_add_to(out, &m->cc[i], e);
	/* What reports about a failure makes no further one. */
	if (r == 0)
		out->sender = f->sender.n == 0 ? mem_strdup("") : compose_address(from, &out->utf8);
	return r;
}

static bool is_among(const struct address *a, const struct address *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->local, all[i].local) == 0 && slice_eq_nocase(slice_str(a->domain), slice_str(all[i].domain)))
			return true;
	return false;
}

static bool is_told(const struct address *a, const struct plan_notice *n, struct buf *text)
{
	buf_clear(text);
	(void)address_format(a, text);
	for (size_t i = 0; i < n->ntold; i++)
		if (address_same(buf_slice(text), slice_str(n->told[i])))
			return true;
	return false;
}

/* "they SHOULD NOT sent duplicate notifications to the same address": those who were told, and whoever stands there
 * twice, are dropped. */
static void drop_told(struct mailto *m, const struct plan_notice *n)
{
	enum { ADDRESS_TEXT_MAX = 2 * MAILTO_MAX };
	struct buf text;
	size_t nto = 0, ncc = 0;

	buf_init(&text, ADDRESS_TEXT_MAX);
	for (size_t i = 0; i < m->nto; i++) {
		if (is_told(&m->to[i], n, &text) || is_among(&m->to[i], m->to, nto))
			address_free(&m->to[i]);
		else
			m->to[nto++] = m->to[i];
	}
	for (size_t i = 0; i < m->ncc; i++) {
		if (is_told(&m->cc[i], n, &text) || is_among(&m->cc[i], m->to, nto) || is_among(&m->cc[i], m->cc, ncc))
			address_free(&m->cc[i]);
		else
			m->cc[ncc++] = m->cc[i];
	}
	m->nto = nto;
	m->ncc = ncc;
	buf_free(&text);
}

/* ---- header ---- */

/* 2.7.1: who owns the script, by address where it can stand there. */
static void put_auto_submitted(const struct reply_frame *f, struct buf *out)
{
	(void)buf_add_str(out, "Auto-Submitted: auto-notified;\r\n");
	if (!ascii_only(f->recipient) || f->recipient.n > 300) {
		(void)buf_addf(out, " owner-token=%s\r\n", f->id);
		return;
	}
	(void)buf_add_str(out, " owner-email=\"");
	for (size_t i = 0; i < f->recipient.n; i++) {
		const char c = f->recipient.p[i];

		if (c == '"' || c == '\\')
			(void)buf_add_char(out, '\\');
		(void)buf_add_char(out, c >= ' ' && c != 0x7f ? c : '?');
	}
	(void)buf_add_str(out, "\"\r\n");
}

static void put_subject(const struct reply_frame *f, const struct plan_notice *n, const struct mailto *m, struct buf *out,
			struct reply *r)
{
	if (n->message != NULL && n->message[0] != '\0')
		reply_subject(out, r, slice_str(n->message));
	else if (m->subject != NULL && m->subject[0] != '\0')
		reply_subject(out, r, slice_str(m->subject));
	else
		reply_subject_of(f, out, r, "", "New message");
}

static void put_importance(const struct plan_notice *n, struct buf *out)
{
	if (n->importance == 1) {
		compose_plain(out, "Importance", "high");
		compose_plain(out, "X-Priority", "1");
	} else if (n->importance == 3) {
		compose_plain(out, "Importance", "low");
		compose_plain(out, "X-Priority", "5");
	}
}

static bool has_field(const struct mailto *m, struct slice name)
{
	for (size_t i = 0; i < m->nfields; i++)
		if (slice_eq_nocase(slice_str(m->fields[i].name), name))
			return true;
	return false;
}

/* Fields of the URI; of one name the first alone. */
static void put_fields(const struct mailto *m, struct buf *out)
{
	for (size_t i = 0; i < m->nfields; i++) {
		bool again = false;
		char *name;

		for (size_t k = 0; k < i; k++)
			again = again || slice_eq_nocase(slice_str(m->fields[k].name), slice_str(m->fields[i].name));
		if (again)
			continue;
		name = mem_strdup(m->fields[i].name);
		name[0] = ascii_upper(name[0]);
		compose_text(out, name, slice_str(m->fields[i].value));
		free(name);
	}
}

static int write_header(const struct reply_frame *f, const struct plan_notice *n, const struct mailto *m, struct slice from,
			struct buf *text, struct reply *out, struct err *e)
{
	put_auto_submitted(f, text);
	if (reply_from(f, from, text, out, e) != 0)
		return -1;
	compose_addresses(text, "To", m->to, m->nto, &out->utf8);
	compose_addresses(text, "Cc", m->cc, m->ncc, &out->utf8);
	put_subject(f, n, m, text, out);
	put_importance(n, text);
	put_fields(m, text);
	reply_common(f, text, out);
	if (!has_field(m, SLICE_LIT("References")) && !has_field(m, SLICE_LIT("In-Reply-To")))
		thread_fields(text, &f->message->header, false);
	return 0;
}

/* ---- body ---- */

static void add_line(const struct reply_frame *f, struct buf *out, const char *label, const char *name)
{
	char *value = reply_field(f, slice_str(name), 500);

	if (value != NULL && value[0] != '\0')
		(void)buf_addf(out, "%s%s\r\n", label, value);
	free(value);
}

/* RFC 5435, 3.6: at least who wrote, and about what. */
static void put_body(const struct reply_frame *f, const struct mailto *m, struct buf *out)
{
	struct buf text;

	if (m->body != NULL) {
		compose_body(out, slice_str(m->body));
		return;
	}
	buf_init(&text, 8 * 1024);
	(void)buf_addf(&text, "A message has come to %.*s:\r\n\r\n", (int)f->recipient.n, f->recipient.p);
	add_line(f, &text, "From:    ", "From");
	add_line(f, &text, "Date:    ", "Date");
	add_line(f, &text, "Subject: ", "Subject");
	compose_body(out, buf_slice(&text));
	buf_free(&text);
}

int reply_notify(const struct reply_frame *f, const struct plan_notice *n, struct reply *out, struct err *e)
{
	struct reply_frame now = *f;
	struct address given = { 0 }, own = { 0 };
	struct mailto m;
	struct buf text;
	bool valid;
	int r;

	now.seen = &n->seen;
	*out = (struct reply){ 0 };
	buf_init(&text, COMPOSE_MAX);
	r = mailto_parse(slice_str(n->method), &m, e);
	if (r != 0)
		(void)err_prefix(e, "the notification method");
	else
		drop_told(&m, n);
	valid = r == 0 && f->from.n == 0 && parse_from(f, n, &given);
	if (r == 0)
		r = reply_own(f, &own, e);
	if (r == 0)
		r = set_envelope(f, &m, valid ? &given : &own, out, e);
	if (r == 0)
		r = write_header(&now, n, &m, valid || f->from.n > 0 ? slice_str(n->from) : SLICE_NONE, &text, out, e);
	if (r == 0)
		put_body(&now, &m, &text);
	if (r == 0 && !buf_failed(&text))
		reply_add_text(out, &text);
	address_free(&given);
	address_free(&own);
	mailto_free(&m);
	return reply_finish(out, &text, r, e);
}
