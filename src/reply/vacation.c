/* vacation (RFC 5230, 5): the answer, as a personal responder of RFC 3834 writes it. */
#include <stdlib.h>

#include "base/mem.h"
#include "msg/compose.h"
#include "msg/entity.h"
#include "reply/reply_impl.h"
#include "reply/thread.h"

/* 5.3: what the script says, or "Auto: " and that of the message. */
static void put_subject(const struct reply_frame *f, const struct plan_answer *a, struct buf *text, struct reply *out)
{
	if (a->subject != NULL && a->subject[0] != '\0')
		reply_subject(text, out, slice_str(a->subject));
	else
		reply_subject_of(f, text, out, "Auto: ", "Automated reply");
}

static int write_header(const struct reply_frame *f, const struct plan_answer *a, const struct address *to, struct buf *text,
			struct reply *out, struct err *e)
{
	if (reply_from(f, slice_str(a->from), text, out, e) != 0)
		return -1;
	compose_addresses(text, "To", to, 1, &out->utf8);
	put_subject(f, a, text, out);
	compose_plain(text, "Auto-Submitted", "auto-replied");
	reply_common(f, text, out);
	thread_fields(text, &f->message->header, true);
	return 0;
}

int reply_vacation(const struct reply_frame *f, const struct plan_answer *a, struct reply *out, struct err *e)
{
	const struct slice reason = slice_str(a->reason);
	struct reply_frame now = *f;
	struct address to = { 0 };
	struct buf text;
	int r;

	now.seen = &a->seen;
	*out = (struct reply){ 0 };
	buf_init(&text, COMPOSE_MAX);
	r = reply_address(slice_str(a->to), &to, e);
	if (r == 0 && a->mime)
		r = entity_check(reason, e);
	if (r == 0)
		r = write_header(&now, a, &to, &text, out, e);
	if (r == 0)
		r = reply_add_to(out, &to, e);
	if (r == 0) {
		/* 5.1: nobody is told of a failure. */
		out->sender = mem_strdup("");
		out->dsn.notify = mem_strdup("NEVER");
		if (a->mime)
			entity_write(reason, &text);
		else
			compose_body(&text, reason);
		if (!buf_failed(&text))
			reply_add_text(out, &text);
	}
	address_free(&to);
	return reply_finish(out, &text, r, e);
}
