#include "store/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/classify.h"

enum {
	REASON_MAX = 1400,
	TRIES = 3 /* for a folder that can be made, but not opened */
};

/* One mailbox that jobs of the batch go to. */
struct place {
	const char *mailbox; /* of its first job */
	struct job *first;
	uint32_t tag;
	struct mailbox_status status;
	struct imap_reply reply; /* to STATUS */
	bool open;
	bool missing;
	bool shy; /* a delivery that may lie in a folder that was moved away goes here: the name must not be taken anew
		   */
};

/* The wire name. 0; or 1 when the name itself settles the job. */
static int name_job(struct imap *s, struct job *j)
{
	const char *folder = j->work->folder;
	char text[REASON_MAX], *canonical;
	struct err e;
	int ret = 0;

	free(j->mailbox);
	j->mailbox = folder_to_wire(imap_style(s), folder, &e);
	if (j->mailbox == NULL) {
		(void)snprintf(text, sizeof text, "INBOX instead of %.200s: %s", folder, e.text);
		job_elsewhere(j, "INBOX", text);
		return 1;
	}
	/* A floor in another folder is of an attempt that is over: this folder has not seen it. */
	if (j->work->floor_folder != NULL && strcmp(j->work->floor_folder, j->mailbox) != 0)
		j->resend = false;
	/* Two names of one folder must meet in the spool, where a message's deliveries to one folder become one. */
	canonical = folder_from_wire(imap_style(s), j->mailbox);
	if (strcmp(canonical, folder) != 0 && !j->resend) {
		(void)snprintf(text, sizeof text, "on this store %.200s is %.200s", folder, canonical);
		job_elsewhere(j, canonical, text);
		ret = 1;
	}
	free(canonical);
	return ret;
}

/* STATUS of every place that is not known, pipelined. */
static int ask(struct imap *s, struct place *places, size_t n, struct floors *f, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		places[i].open = floors_know(f, places[i].mailbox, &places[i].status);
		if (!places[i].open && mailbox_status_send(s, places[i].mailbox, &places[i].tag, e) != 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];

		if (p->open)
			continue;
		if (mailbox_status_read(s, p->tag, &p->status, &p->reply, e) != 0)
			return -1;
		p->open = p->reply.status == IMAP_OK;
		if (p->open)
			floors_learn(f, p->mailbox, p->status.uidvalidity, p->status.uidnext);
	}
	return 0;
}

static int make(struct imap *s, const struct config_account *a, struct place *p, struct floors *f, struct err *e)
{
	struct imap_reply r;

	if (mailbox_create(s, p->mailbox, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK && !imap_reply_is(&r, "ALREADYEXISTS") &&
	    strcasestr(r.text, "already exists") == NULL) {
		p->reply = r;
		return 0;
	}
	/* It is there from now on; should STATUS fail all the same, that passes, and is no reason for INBOX. */
	p->missing = false;
	if (r.status == IMAP_OK)
		log_info("folder-made", LOG_STR("account", a->name), LOG_STR("folder", p->first->work->folder));
	/* A folder that can't be subscribed to still takes mail. */
	if (a->subscribe && mailbox_subscribe(s, p->mailbox, &r, e) != 0)
		return -1;
	return ask(s, p, 1, f, e);
}

static bool goes_to(const struct job *j, const struct place *p)
{
	return j->state == JOB_READY && strcmp(j->mailbox, p->mailbox) == 0;
}

static bool may_make(const struct config_account *a, const struct job *j)
{
	return j->work->create || a->create_folders;
}

/* STATUS was refused: is the folder missing, and what then? */
static int reopen(struct imap *s, const struct config_account *a, struct place *p, struct job **jobs, size_t n,
		  struct floors *f, struct err *e)
{
	enum mailbox_presence presence = MAILBOX_MISSING;
	struct imap_reply r;
	bool wanted = false;

	p->missing = classify_folder(&p->reply) == VERDICT_NO_FOLDER;
	if (!p->missing) {
		if (mailbox_find(s, p->mailbox, &presence, &r, e) != 0)
			return -1;
		p->missing = r.status == IMAP_OK && presence != MAILBOX_PRESENT;
	}
	for (size_t i = 0; i < n; i++) {
		if (!goes_to(jobs[i], p))
			continue;
		p->shy = p->shy || jobs[i]->resend;
		wanted = wanted || may_make(a, jobs[i]);
	}
	return p->missing && wanted && !p->shy ? make(s, a, p, f, e) : 0;
}

static void refuse(const struct config_account *a, struct job *j, const struct place *p, struct trouble *t)
{
	enum verdict v = classify_folder(&p->reply);
	int64_t now = clock_wall_ms();
	char text[REASON_MAX];

	if (j->resend && p->missing) {
		job_settle(j, OUTCOME_DOUBT, 0, false, "its folder %s is gone", j->work->folder);
		return;
	}
	if (p->missing && p->shy && may_make(a, j)) {
		job_settle(j, OUTCOME_RETRY, now + trouble_backoff(a, 1), false,
			   "its folder is gone, and may only be made again when it is clear where other mail went");
		return;
	}
	if (v == VERDICT_HOLD || (folder_is_inbox(j->work->folder) && (p->missing || v == VERDICT_NO_PLACE))) {
		(void)snprintf(text, sizeof text, "the store takes no mail into %.200s: %s", j->work->folder,
			       p->reply.text);
		trouble_set(t, false, text);
		job_settle(j, OUTCOME_RETRY, 0, false, "%s", text);
		return;
	}
	if (p->missing || v == VERDICT_NO_PLACE || (v == VERDICT_NO_FOLDER && j->work->attempts >= TRIES)) {
		if (may_make(a, j) && (p->missing || v == VERDICT_NO_FOLDER))
			(void)snprintf(text, sizeof text,
				       "INBOX instead of %.200s, which the store does not let us make: %s",
				       j->work->folder, p->reply.text);
		else if (p->missing)
			(void)snprintf(
			    text, sizeof text,
			    "INBOX instead of %.200s, which is not on the store and may not be made (neither :create "
			    "in the rule nor create_folders in the account)",
			    j->work->folder);
		else
			(void)snprintf(text, sizeof text, "INBOX instead of %.200s, which takes no mail: %s",
				       j->work->folder, p->reply.text);
		job_elsewhere(j, "INBOX", text);
		return;
	}
	job_settle(j, OUTCOME_RETRY, now + trouble_backoff(a, j->work->attempts + 1), true,
		   "the store can't open %s: %s", j->work->folder, p->reply.text);
}

bool place_known(struct imap *s, struct job *j, const struct floors *f)
{
	char *mailbox = folder_to_wire(imap_style(s), j->work->folder, NULL);
	bool known = mailbox != NULL && floors_know(f, mailbox, &j->floor) && name_job(s, j) == 0;

	free(mailbox);
	return known;
}

int place_jobs(struct imap *s, const struct config_account *a, struct job **jobs, size_t n, struct floors *f,
	       struct trouble *t, struct err *e)
{
	struct place *places = mem_array(n + 1, sizeof *places);
	size_t nplaces = 0;
	int ret = -1;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (jobs[i]->state != JOB_READY || name_job(s, jobs[i]) != 0)
			continue;
		while (k < nplaces && strcmp(places[k].mailbox, jobs[i]->mailbox) != 0)
			k++;
		if (k == nplaces)
			places[nplaces++] = (struct place){ .mailbox = jobs[i]->mailbox, .first = jobs[i] };
	}
	if (ask(s, places, nplaces, f, e) != 0)
		goto done;
	for (size_t k = 0; k < nplaces; k++) {
		struct place *p = &places[k];

		if (!p->open && reopen(s, a, p, jobs, n, f, e) != 0)
			goto done;
		for (size_t i = 0; i < n; i++) {
			if (!goes_to(jobs[i], p))
				continue;
			if (p->open)
				jobs[i]->floor = p->status;
			else
				refuse(a, jobs[i], p, t);
		}
	}
	ret = 0;
done:
	free(places);
	return ret;
}
