#include "store/trial.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "imap/dialog.h"
#include "imap/mailbox.h"
#include "msg/received.h"

enum {
	MESSAGE_MAX = 8 * 1024,
	LOOKS_MAX = 5, /* hosted stores may show a message a moment after they took it */
	LOOK_PAUSE_MS = 1000
};

static int refused(const struct trial *t, const char *what, const struct imap_reply *r, struct err *e)
{
	return err_set(e, ERR_PERM, 0, "%s does not %s: %.200s", t->server->host, what, r->text);
}

static int message_make(const struct trial *t, struct buf *out)
{
	const struct received_info info = { .hostname = slice_str(t->hostname),
					    .protocol = SLICE_LIT("LMTP"),
					    .id = slice_str(t->id),
					    .time = time(NULL) };
	char date[CLOCK_RFC5322_SIZE];

	clock_rfc5322(info.time, date);
	if (received_lines(&info, out) != 0)
		return -1;
	return buf_addf(out,
			"Date: %s\r\nFrom: mailferry <postmaster@%s>\r\nMessage-ID: <%s@%s>\r\n"
			"Subject: mailferry probe\r\nAuto-Submitted: auto-generated\r\n"
			"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
			"`mailferry probe' filed this message to try the mailbox, and removes it at once.\r\n"
			"If you see it, you may delete it.\r\n",
			date, t->hostname, t->id, t->hostname);
}

/* Asks first whether it is wanted (a synchronising literal): the store may say why not. */
static int append(struct trial *t, struct slice message, struct imap_reply *r, struct err *e)
{
	struct imap *s = t->session;
	uint32_t tag = dialog_tag(s);
	int ret;

	dialog_deadline(s, t->server->timeout);
	if (dialog_putf(s, e, "%lu APPEND INBOX (\\Seen) {%zu}\r\n", (unsigned long)tag, message.n) != 0)
		return -1;
	ret = dialog_await_continue(s, e);
	if (ret < 0)
		return -1;
	if (ret == 1)
		return dialog_put(s, message, e) != 0 ? -1 : dialog_finish(s, tag, r, e);
	dialog_forget_continue(s);
	return dialog_reply(s, tag, true, r, e) == 1 ? 0 : -1;
}

int trial_write(struct trial *t, struct err *e)
{
	struct mailbox_status st;
	struct imap_reply r;
	uint32_t tag, uidvalidity;
	struct buf message;
	int ret = -1;

	random_id(t->id);
	buf_init(&message, MESSAGE_MAX);
	if (mailbox_status_send(t->session, "INBOX", &tag, e) != 0 ||
	    mailbox_status_read(t->session, tag, &st, &r, e) != 0)
		goto done;
	if (r.status != IMAP_OK) {
		ret = refused(t, "tell the state of INBOX", &r, e);
		goto done;
	}
	t->uidvalidity = st.uidvalidity;
	t->floor = st.uidnext;
	if (message_make(t, &message) != 0) {
		ret = err_set(e, ERR_LIMIT, 0, "the test message is too long");
		goto done;
	}
	ret = append(t, buf_slice(&message), &r, e);
	if (ret == 0 && r.status != IMAP_OK)
		ret = refused(t, "take the test message", &r, e);
	if (ret == 0 && imap_reply_appenduids(&r, &uidvalidity, &t->uid, 1)) {
		t->uidvalidity = uidvalidity;
		t->told = true;
	}
done:
	buf_free(&message);
	return ret;
}

static void look_at(void *arg, uint32_t uid, const struct slice *received)
{
	struct trial *t = arg;

	if (uid >= t->floor && received != NULL &&
	    received_id_find(*received, slice_str(t->hostname), slice_str(t->id)))
		t->uid = uid;
}

/* In an opened INBOX. 0 with t->uid set, or 0 when it is not there. */
static int look(struct trial *t, struct err *e)
{
	uint32_t first = t->uid != 0 ? t->uid : t->floor, last = t->uid;
	struct imap_reply r;

	t->uid = 0;
	if (mailbox_fetch_received(t->session, first, last, look_at, t, &r, e) != 0)
		return -1;
	return r.status == IMAP_OK ? 0 : refused(t, "show the test message", &r, e);
}

int trial_find(struct trial *t, struct err *e)
{
	uint32_t told = t->uid;
	struct mailbox_status st;
	struct imap_reply r;

	for (int i = 0; i < LOOKS_MAX; i++) {
		if (i > 0)
			(void)poll(NULL, 0, LOOK_PAUSE_MS);
		/* Anew, so that the store shows what came in meanwhile. */
		if (mailbox_examine(t->session, "INBOX", &st, &r, e) != 0)
			return -1;
		if (r.status != IMAP_OK)
			return refused(t, "open INBOX", &r, e);
		if (st.uidvalidity != t->uidvalidity)
			return err_set(e, ERR_TEMP, 0, "%s renumbered INBOX meanwhile; try again", t->server->host);
		t->uid = told;
		if (look(t, e) != 0)
			return -1;
		if (t->uid != 0)
			return 0;
	}
	return err_set(
	    e, ERR_PERM, 0,
	    "%s took the test message (subject \"mailferry probe\") but does not show it in INBOX: a rule of the "
	    "store may have moved it",
	    t->server->host);
}

int trial_remove(struct trial *t, bool *left, struct err *e)
{
	struct imap_reply r;

	/* Opened read-only so far. Its UID means this message as long as UIDVALIDITY stays, which trial_find has seen.
	 */
	if (dialog_run(t->session, &r, e, "SELECT INBOX") != 0)
		return -1;
	if (r.status != IMAP_OK)
		return refused(t, "open INBOX", &r, e);
	if (look(t, e) != 0)
		return -1;
	if (t->uid == 0)
		return err_set(e, ERR_TEMP, 0, "somebody else removed the test message");
	if (dialog_run(t->session, &r, e, "UID STORE %lu +FLAGS.SILENT (\\Deleted)", (unsigned long)t->uid) != 0)
		return -1;
	if (r.status != IMAP_OK)
		return refused(t, "let the test message be marked as deleted", &r, e);
	*left = !imap_has(t->session, "UIDPLUS") && !imap_has(t->session, "IMAP4rev2");
	if (*left)
		return 0;
	if (dialog_run(t->session, &r, e, "UID EXPUNGE %lu", (unsigned long)t->uid) != 0)
		return -1;
	return r.status == IMAP_OK ? 0 : refused(t, "let the test message be removed", &r, e);
}
