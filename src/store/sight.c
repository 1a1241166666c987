#include "store/sight.h"

#include "base/step.h"
#include "store/classify.h"

static int open_folder(struct imap *s, const char *mailbox, struct sight *v, struct err *e)
{
	enum mailbox_presence presence;
	struct mailbox_status st;
	struct imap_reply r;
	uint32_t tag;

	if (mailbox_examine(s, mailbox, &v->status, &r, e) != 0)
		return -1;
	if (r.status == IMAP_OK) {
		v->opened = v->known = true;
		if (v->status.uidnext != 0)
			return 0;
		if (mailbox_status_send(s, mailbox, &tag, e) != 0 || mailbox_status_read(s, tag, &st, &r, e) != 0)
			return -1;
		v->status.uidnext = st.uidnext;
		return 0;
	}
	v->known = classify_folder(&r) == VERDICT_NO_FOLDER;
	if (v->known)
		return 0;
	if (mailbox_find(s, mailbox, &presence, &r, e) != 0)
		return -1;
	v->known = r.status == IMAP_OK && presence != MAILBOX_PRESENT;
	return 0;
}

/* A UIDNEXT below the floor is stale where a message that is there says so. Otherwise UIDs fell, which they never do
 * (RFC 9051, 2.3.1.1), and it is no answer to build on. */
static bool uids_fell(const struct sight *v, uint32_t floor)
{
	size_t n = v->scan.nheaders;

	return v->status.uidnext < floor && (n == 0 || v->scan.headers[n - 1] < floor - 1);
}

int sight_take(struct sight *v, struct imap *s, const char *mailbox, struct job **jobs, size_t n, uint32_t floor,
	       bool last, struct err *e)
{
	*v = (struct sight){ .opened = false };
	scan_init(&v->scan, jobs, n);
	step("store: before a look");
	if ((last && mailbox_settle(s, mailbox, e) != 0) || open_folder(s, mailbox, v, e) != 0)
		return -1;
	if (!v->opened)
		return 0;
	if (scan_run(&v->scan, s, floor, v->status.uidnext, e) != 0 || mailbox_leave(s, e) != 0)
		return -1;
	if (uids_fell(v, floor))
		v->scan.complete = false;
	step("store: after a look");
	return 0;
}

void sight_free(struct sight *v)
{
	scan_free(&v->scan);
}

enum look_decision sight_decide(const struct sight *v, const struct job *j, struct mailbox_status floor, bool settled,
				bool again, enum look_reason *why)
{
	struct look l = {
		.floor_validity = floor.uidvalidity,
		.floor_next = floor.uidnext,
		.opened = v->opened,
		.validity = v->status.uidvalidity,
		.end = v->scan.end,
		.complete = v->opened ? v->scan.complete : v->known,
		.headers = v->scan.headers,
		.nheaders = v->scan.nheaders,
		.found = j->found != 0,
		.settled = settled,
		.again = again,
	};

	/* A folder that can't be opened now, but is there, tells nothing. */
	if (!v->opened && !v->known) {
		*why = LOOK_INCOMPLETE;
		return LOOK_WAIT;
	}
	return look_decide(&l, why);
}
