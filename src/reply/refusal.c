/* That a message was rejected: a message disposition notification (RFC 5429, 2.2.1; RFC 8098; RFC 6533 where addresses or
 * header hold more than ASCII). */
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/summary.h"
#include "msg/compose.h"
#include "reply/reply_impl.h"
#include "reply/thread.h"

static void put_text(const struct reply_frame *f, struct slice reason, struct buf *out)
{
	struct buf text;

	buf_init(&text, COMPOSE_MAX);
	(void)buf_addf(&text,
		       "The message that you sent to %.*s was refused by the recipient's mail filtering program, and was not "
		       "delivered. The reason given is as follows:\r\n\r\n",
		       (int)f->recipient.n, f->recipient.p);
	(void)buf_add_slice(&text, reason);
	(void)buf_add_str(&text, "\r\n");
	compose_body(out, buf_slice(&text));
	buf_free(&text);
}

/* "rfc822;address", or "utf-8;address" (RFC 6533, 3). Cut, and without anything that ends a line. */
static void put_recipient(struct buf *out, const char *name, struct slice typed)
{
	char *line = summary_text(typed, 600);

	(void)buf_addf(out, "%s: %s\r\n", name, line);
	free(line);
}

static void put_fields(const struct reply_frame *f, bool global, struct buf *out)
{
	const struct slice id = thread_id(&f->message->header);
	char *final = mem_printf("%s;%.*s", ascii_only(f->recipient) ? "rfc822" : "utf-8", (int)f->recipient.n, f->recipient.p);

	(void)buf_addf(out, "Content-Type: message/%s\r\nContent-Transfer-Encoding: %s\r\n\r\nReporting-UA: %s; mailferry\r\n",
		       global ? "global-disposition-notification" : "disposition-notification", global ? "8bit" : "7bit",
		       f->hostname);
	if (f->orcpt.n > 0 && slice_find(f->orcpt, ';') < f->orcpt.n)
		put_recipient(out, "Original-Recipient", f->orcpt);
	put_recipient(out, "Final-Recipient", slice_str(final));
	if (id.n > 0)
		(void)buf_addf(out, "Original-Message-ID: %.*s\r\n", (int)id.n, id.p);
	(void)buf_add_str(out, "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n");
	free(final);
}

static int write_all(const struct reply_frame *f, struct slice reason, const struct address *to, struct buf *text,
		     struct reply *out, struct err *e)
{
	const struct message *m = f->message;
	const size_t head = m->header.body_at < m->head.n ? m->header.body_at : m->head.n;
	const bool foreign_head = !ascii_only(slice_of(m->head.p, head));
	const bool global = !ascii_only(f->recipient) || !ascii_only(f->orcpt);
	struct buf tail;

	if (reply_from(f, SLICE_NONE, text, out, e) != 0)
		return -1;
	compose_addresses(text, "To", to, 1, &out->utf8);
	reply_subject_of(f, text, out, "Rejected: ", "Your message was rejected");
	/* RFC 3834, 3.1.7 and 5 */
	compose_plain(text, "Auto-Submitted", "auto-replied");
	reply_common(f, text, out);
	thread_fields(text, &m->header, true);
	(void)buf_addf(text,
		       "Content-Type: multipart/report; report-type=disposition-notification;\r\n boundary=\"=_%s\"\r\n"
		       "Content-Transfer-Encoding: %s\r\n\r\n--=_%s\r\n",
		       f->id, global || foreign_head ? "8bit" : "7bit", f->id);
	put_text(f, reason, text);
	(void)buf_addf(text, "\r\n--=_%s\r\n", f->id);
	put_fields(f, global, text);
	/* The header shows which message it was. The whole of it would be a way to have mail sent to others. */
	(void)buf_addf(text, "\r\n--=_%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", f->id,
		       foreign_head ? "message/global-headers" : "text/rfc822-headers", foreign_head ? "8bit" : "7bit");
	if (buf_failed(text))
		return 0; /* reply_finish tells */
	reply_add_text(out, text);
	reply_add_range(out, 0, head);
	buf_init(&tail, 200);
	(void)buf_addf(&tail, "\r\n--=_%s--\r\n", f->id);
	reply_add_text(out, &tail);
	return 0;
}

int reply_refusal(const struct reply_frame *f, struct slice reason, struct reply *out, struct err *e)
{
	struct address to = { 0 };
	struct buf text;
	int r;

	*out = (struct reply){ 0 };
	buf_init(&text, COMPOSE_MAX);
	r = reply_address(f->sender, &to, e);
	if (r == 0)
		r = reply_add_to(out, &to, e);
	if (r == 0)
		r = write_all(f, reason, &to, &text, out, e);
	if (r == 0) {
		/* RFC 8098, 3: without an envelope sender. */
		out->sender = mem_strdup("");
		out->dsn.notify = mem_strdup("NEVER");
	}
	address_free(&to);
	return reply_finish(out, &text, r, e);
}
