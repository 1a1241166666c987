/* What a store's answers do to deliveries and account. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/worker_impl.h"

enum { FULL_STEPS = 5 /* of back-off: so long a message waits that a full mailbox has no room for */ };

void worker_doubt(struct worker *w, struct job *j, int64_t due, bool silent, bool suspect, const char *reason)
{
	int64_t now = clock_mono_ms();

	quiet_note(&w->quiet, j->work->number, now, silent);
	w->newest_doubt = now;
	job_settle(j, OUTCOME_DOUBT, due, suspect, "%s", reason);
}

static void answered_no_folder(struct worker *w, struct job *j, const struct imap_reply *r)
{
	if (j->resend) {
		worker_doubt(w, j, 0, false, false, "its folder is gone");
	} else if (!j->retried) {
		floors_forget(&w->floors, j->mailbox);
		j->retried = true; /* STATUS will show whether it can be made again */
		j->denied = true;
		j->state = JOB_READY;
	} else if (folder_is_inbox(j->work->folder)) {
		job_settle(j, OUTCOME_RETRY, 0, false, "the store says that there is no INBOX: %s", r->text);
		trouble_set(&w->trouble, false, j->reason);
	} else {
		job_elsewhere(j, "INBOX",
			      "INBOX instead, because the store lists the folder but files nothing into it");
	}
}

static void answered_no_place(struct worker *w, struct job *j, const struct imap_reply *r)
{
	char text[FILTER_TEXT_MAX + 300];

	if (folder_is_inbox(j->work->folder)) {
		job_settle(j, OUTCOME_RETRY, 0, false, "the store takes no mail into INBOX: %s", r->text);
		trouble_set(&w->trouble, true, j->reason);
		return;
	}
	(void)snprintf(text, sizeof text, "INBOX instead of %.200s: %s", j->work->folder, r->text);
	job_elsewhere(j, "INBOX", text);
}

/* A flag set that is new to a connection asks before its message is sent. Is the answer to that no to its keywords?
 * That is found out by asking without them. Stores say so in many ways, and a rule's keyword must not stop the account.
 */
static bool drops_keywords(struct worker *w, struct job *j, enum verdict v, const struct imap_reply *r)
{
	bool flags = strcasestr(r->text, "keyword") != NULL || strcasestr(r->text, "flag") != NULL;

	if (!j->keywords || j->retried || (j->body_begun && (v != VERDICT_LATER || !flags)))
		return false;
	if (v != VERDICT_LATER && v != VERDICT_NO_PLACE && v != VERDICT_REFUSED && !imap_reply_is(r, "LIMIT"))
		return false;
	/* BAD ends the connection, so the next one must know. */
	w->no_keywords = w->no_keywords || r->status == IMAP_BAD;
	job_drop_keywords(j);
	j->retried = true;
	j->state = JOB_READY;
	return true;
}

static void answered_later(struct worker *w, struct job *j, const struct imap_reply *r)
{
	job_settle(j, OUTCOME_RETRY, clock_wall_ms() + trouble_backoff(w->account, j->work->attempts + 1), true,
		   "the store said: %s", r->text);
}

static void answered_done(struct worker *w, struct job *j, const struct answer *a)
{
	uint32_t validity = j->stored_validity != 0 ? j->stored_validity : j->floor.uidvalidity;

	if (j->stored_uid != 0 && j->stored_uid != UINT32_MAX)
		floors_learn(&w->floors, j->mailbox, validity, j->stored_uid + 1);
	job_done(j, validity, j->stored_uid, j->work->folder);
	w->stored++;
	w->passed++;
	if (a->account == ACCOUNT_SLOWER)
		w->window = w->window > 1 ? w->window / 2 : 1;
}

/* Less mail may still fit into an account that is full: if some did in this turn, only this message waits. */
static void answered_hold(struct worker *w, struct job *j, const struct imap_reply *r, const struct answer *a)
{
	bool full = a->account == ACCOUNT_FULL, first = !w->trouble.set;
	int64_t due = full ? clock_wall_ms() + trouble_backoff(w->account, FULL_STEPS) : 0;
	char text[FILTER_TEXT_MAX + 200];

	(void)snprintf(text, sizeof text, "the store takes no mail now: %s%s%s%s", r->text,
		       a->advice == NULL ? "" : " (", a->advice == NULL ? "" : a->advice, a->advice == NULL ? "" : ")");
	trouble_set(&w->trouble, a->account == ACCOUNT_PERSON, text);
	job_settle(j, OUTCOME_RETRY, due, false, "%s", text);
	if (!full)
		return;
	if (first)
		w->trouble.full = w->trouble.tell = true;
	if (j->size / 2 < w->size_limit)
		w->size_limit = j->size / 2;
}

/* What the store says of itself counts, whatever became of a message. */
static void said(struct worker *w, const struct imap_reply *r, const struct answer *a, char *text, size_t size)
{
	(void)snprintf(text, size, "the store said: %s%s%s%s", r->text, a->advice == NULL ? "" : " (",
		       a->advice == NULL ? "" : a->advice, a->advice == NULL ? "" : ")");
	if (a->account == ACCOUNT_WAITS || a->account == ACCOUNT_PERSON)
		trouble_set(&w->trouble, a->account == ACCOUNT_PERSON, text);
}

static void answered_doubt(struct worker *w, struct job *j, const struct imap_reply *r, const struct answer *a)
{
	char text[FILTER_TEXT_MAX + 200];

	said(w, r, a, text, sizeof text);
	worker_doubt(w, j, clock_wall_ms() + trouble_backoff(w->account, j->work->attempts + 1), false, true, text);
}

/* For how it is written: nobody can change that, but as an attachment it may pass. */
static void answered_form(struct worker *w, struct job *j, const struct imap_reply *r)
{
	int64_t again = clock_wall_ms() + trouble_backoff(w->account, 1);
	struct err e = { 0 };
	int ret;

	if (j->wrap != NULL) {
		job_settle(j, OUTCOME_REFUSED, 0, true, "the store refused it as an attachment too: %s", r->text);
		return;
	}
	ret = job_wrap(j, w->spool, r->text, again, &e);
	if (ret == 0) {
		log_info("wrapped", LOG_STR("account", w->account->name), LOG_STR("delivery", j->work->id),
			 LOG_STR("reason", r->text));
		j->state = JOB_READY;
		j->retried = j->alone = true;
	} else if (ret < 0) {
		/* The spool is lost, or its disk fails. */
		job_settle(j, OUTCOME_RETRY, again, true, "the store said: %s; its body could not be read: %s", r->text,
			   e.text);
	}
}

void worker_refused(void *arg, struct job **jobs, size_t n, const struct imap_reply *r)
{
	struct worker *w = arg;
	struct answer a = answers_read(r, ANSWER_BODY);
	char text[FILTER_TEXT_MAX + 200];

	w->refused++;
	/* If the account must wait, they are not tried one by one at once. */
	said(w, r, &a, text, sizeof text);
	if (a.verdict == VERDICT_NO_FOLDER)
		floors_forget(&w->floors, jobs[0]->mailbox);
	for (size_t i = 0; i < n; i++) {
		job_settle(jobs[i], OUTCOME_DOUBT, 0, false, "the store refused it together with others: %s", r->text);
		jobs[i]->state = JOB_UNCLEAR;
		jobs[i]->folder_gone = a.verdict == VERDICT_NO_FOLDER;
	}
}

void worker_answered(void *arg, struct job *j, enum verdict v, const struct imap_reply *r)
{
	struct worker *w = arg;
	struct answer a = answers_read(r, j->body_begun ? ANSWER_BODY : ANSWER_HEAD);

	w->refused += v != VERDICT_DONE;
	if (a.account == ACCOUNT_FEWER)
		worker_fewer_lanes(w, r->text);
	if (drops_keywords(w, j, v, r))
		return;
	switch (v) {
	case VERDICT_DONE:
		answered_done(w, j, &a);
		return;
	case VERDICT_NO_FOLDER:
		answered_no_folder(w, j, r);
		return;
	case VERDICT_NO_PLACE:
		answered_no_place(w, j, r);
		return;
	case VERDICT_FORM:
		answered_form(w, j, r);
		return;
	case VERDICT_REFUSED:
		job_settle(j, OUTCOME_REFUSED, 0, true, "the store said: %s", r->text);
		return;
	case VERDICT_LATER:
		answered_later(w, j, r);
		return;
	case VERDICT_HOLD:
		answered_hold(w, j, r, &a);
		return;
	case VERDICT_DOUBT:
		answered_doubt(w, j, r, &a);
		return;
	}
}
