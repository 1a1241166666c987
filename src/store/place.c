#include "store/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "msg/special_use.h"
#include "store/classify.h"
#include "store/target.h"

enum {
	REASON_MAX = 1400,
	TRIES = 3 /* for a folder that can be made, but not opened */
};

/* One mailbox that jobs of the batch go to. */
struct place {
	const char *mailbox; /* of its first job */
	const struct target *target;
	unsigned use; /* what it is made for, or 0 */
	uint32_t tag;
	struct mailbox_status status;
	struct imap_reply reply; /* to STATUS; REFUSED: to CREATE */
	bool asked; /* … and has not answered */
	bool open, refused;
	bool missing;
	bool shy; /* a delivery that may lie in a folder that was moved away goes here: the name must not be taken anew
		   */
};

static bool may_make(const struct config_account *a, const struct job *j)
{
	return j->work->create || a->create_folders;
}

/* Which mailbox J is for. 0; 1 when that settles it; -1 and E. */
static int name_job(struct imap *s, const struct config_account *a, struct job *j, const struct floors *f,
		    struct target *t, bool *fresh, struct err *e)
{
	char text[REASON_MAX];
	struct mailbox_status known;
	struct err why;
	int ret = 0;

	/* What was open under just that name a moment ago needs no list of folders. */
	if (!target_plain(s, j, t) || !floors_know(f, t->mailbox, &known)) {
		target_free(t);
		ret = target_find(s, j, may_make(a, j), fresh, t, &why);
	}
	if (ret == 0)
		target_claim(j, t);
	free(j->mailbox);
	j->mailbox = mem_strdup(t->mailbox);
	if (ret < 0)
		*e = why;
	if (ret == 1) {
		(void)snprintf(text, sizeof text, "INBOX instead of %.200s: %s", j->work->folder, why.text);
		job_elsewhere(j, "INBOX", text);
	}
	return ret;
}

/* Two names of one folder must meet in the spool, where a message's deliveries to one folder become one: J goes there
 * under the folder's own name. */
static void rename_job(struct job *j, const struct target *t)
{
	char text[REASON_MAX];

	(void)snprintf(text, sizeof text, "on this store %.200s is %.200s", j->work->folder, t->name);
	job_elsewhere(j, t->name, text);
}

/* GNU Mailutils has no INBOX before it was opened once. */
static int open_inbox(struct imap *s, struct place *p, struct err *e)
{
	struct imap_reply r;

	if (mailbox_examine(s, p->mailbox, &p->status, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK)
		return 0;
	if (mailbox_leave(s, e) != 0 || mailbox_status_send(s, p->mailbox, &p->tag, e) != 0)
		return -1;
	return mailbox_status_read(s, p->tag, &p->status, &p->reply, e);
}

/* STATUS of every place that is not known, pipelined. */
static int ask(struct imap *s, struct place *places, size_t n, struct floors *f, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		places[i].open = floors_know(f, places[i].mailbox, &places[i].status);
		places[i].asked = !places[i].open;
		if (places[i].asked && mailbox_status_send(s, places[i].mailbox, &places[i].tag, e) != 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];

		if (p->open)
			continue;
		if (mailbox_status_read(s, p->tag, &p->status, &p->reply, e) != 0)
			return -1;
		p->asked = false;
		p->open = p->reply.status == IMAP_OK;
	}
	for (size_t i = 0; i < n; i++) {
		struct place *p = &places[i];

		if (!p->open && p->reply.status == IMAP_NO && folder_is_inbox(p->mailbox)) {
			p->asked = true;
			if (open_inbox(s, p, e) != 0)
				return -1;
			p->asked = false;
			p->open = p->reply.status == IMAP_OK;
		}
		if (p->open)
			floors_learn(f, p->mailbox, p->status.uidvalidity, p->status.uidnext);
	}
	return 0;
}

/* Some stores want the folders above a new one first. */
static int make_parents(struct imap *s, const struct place *p, struct imap_reply *r, struct err *e)
{
	const struct catalog *c;
	size_t prefix;
	char separator = folder_separator(imap_style(s), p->mailbox, &prefix);
	int made = 0;

	for (size_t i = prefix; separator != '\0' && p->mailbox[i] != '\0'; i++) {
		char *parent;

		if (p->mailbox[i] != separator || i == 0)
			continue;
		parent = slice_dup(slice_of(p->mailbox, i));
		if (mailbox_catalog(s, false, &c, e) != 0) {
			free(parent);
			return -1;
		}
		if (c->known && !c->cut && !folder_is_inbox(parent) && catalog_find(c, parent) == NULL) {
			if (mailbox_create(s, parent, 0, r, e) != 0)
				made = -1;
			else
				made = r->status == IMAP_OK ? 1 : 0;
			if (made != 1) {
				free(parent);
				return made;
			}
		}
		free(parent);
	}
	return made;
}

/* What stands right above P and can't hold it, or NULL. */
static const struct catalog_folder *barren_parent(struct imap *s, const struct place *p, const struct catalog *c)
{
	size_t prefix, n = strlen(p->mailbox);
	char separator = folder_separator(imap_style(s), p->mailbox, &prefix);
	const struct catalog_folder *f = NULL;
	char *parent;

	while (n > prefix && p->mailbox[n - 1] != separator)
		n--;
	if (separator == '\0' || n < 2)
		return NULL;
	parent = slice_dup(slice_of(p->mailbox, n - 1));
	f = catalog_find(c, parent);
	free(parent);
	return f == NULL || f->parent ? NULL : f;
}

static int create(struct imap *s, const struct place *p, struct imap_reply *r, struct err *e)
{
	const struct catalog_folder *barren;
	const struct catalog *c;
	enum verdict v;
	int ret;

	if (mailbox_catalog(s, false, &c, e) != 0)
		return -1;
	barren = barren_parent(s, p, c);
	if (barren != NULL) {
		char text[FILTER_TEXT_MAX];

		(void)snprintf(text, sizeof text, "[CANNOT] %.200s can't hold other folders", barren->name);
		imap_reply_parse(IMAP_NO, text, r);
		return 0;
	}
	if (mailbox_create(s, p->mailbox, p->use, r, e) != 0)
		return -1;
	v = classify_folder(r);
	if (r->status != IMAP_NO || imap_reply_is(r, "ALREADYEXISTS") || (v != VERDICT_LATER && v != VERDICT_NO_FOLDER))
		return 0;
	ret = make_parents(s, p, r, e);
	if (ret == 1)
		ret = mailbox_create(s, p->mailbox, p->use, r, e);
	return ret < 0 ? -1 : 0;
}

static int make(struct imap *s, const struct config_account *a, struct place *p, struct floors *f, struct err *e)
{
	struct imap_reply r;

	if (create(s, p, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK && !imap_reply_is(&r, "ALREADYEXISTS") &&
	    strcasestr(r.text, "already exists") == NULL) {
		p->reply = r;
		p->refused = true;
		return 0;
	}
	/* It is there from now on; should STATUS fail all the same, that passes, and is no reason for INBOX. */
	p->missing = false;
	if (r.status == IMAP_OK)
		log_info("folder-made", LOG_STR("account", a->name), LOG_STR("folder", p->target->name),
			 LOG_STR("use", p->use == 0 ? NULL : special_use_name(p->use)));
	/* A folder that can't be subscribed to still takes mail. */
	if (a->subscribe && mailbox_subscribe(s, p->mailbox, &r, e) != 0)
		return -1;
	return ask(s, p, 1, f, e);
}

static bool goes_to(const struct job *j, const struct place *p)
{
	return j->state == JOB_READY && strcmp(j->mailbox, p->mailbox) == 0;
}

/* May J lie in P, or in a folder above it, which CREATE would bring into being again? */
static bool may_lie_above(struct imap *s, const struct job *j, const struct place *p)
{
	bool doubt = j->state == JOB_READY ? j->resend : j->state == JOB_ANSWERED && j->outcome.kind == OUTCOME_DOUBT;
	size_t n = j->mailbox == NULL ? 0 : strlen(j->mailbox), prefix;
	char separator = folder_separator(imap_style(s), p->mailbox, &prefix);

	return doubt && n > 0 && strncmp(j->mailbox, p->mailbox, n) == 0 &&
	       (p->mailbox[n] == '\0' || (separator != '\0' && p->mailbox[n] == separator));
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
		p->shy = p->shy || may_lie_above(s, jobs[i], p);
		wanted = wanted || (goes_to(jobs[i], p) && may_make(a, jobs[i]));
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
	if (p->missing && p->shy && may_make(a, j) && j->retried) {
		/* Its floor is on record by now: next time its folder would be one that it may lie in. */
		(void)snprintf(text, sizeof text,
			       "INBOX instead of %.200s, which is gone, and may only be made again when it is clear "
			       "where other mail went",
			       j->work->folder);
		job_elsewhere(j, "INBOX", text);
		return;
	}
	if (p->missing && p->shy && may_make(a, j)) {
		job_settle(j, OUTCOME_RETRY, now + trouble_backoff(a, 1), false,
			   "its folder is gone, and may only be made again when it is clear where other mail went");
		return;
	}
	/* So many folders and no more: that is nothing to wait for. */
	if (p->refused && imap_reply_is(&p->reply, "LIMIT"))
		v = VERDICT_NO_PLACE;
	if (v == VERDICT_HOLD || (folder_is_inbox(j->work->folder) && (p->missing || v == VERDICT_NO_PLACE))) {
		(void)snprintf(text, sizeof text, "the store takes no mail into %.200s: %s", j->work->folder,
			       p->reply.text);
		/* An INBOX that takes nothing is for a person to mend. */
		trouble_set(t, v != VERDICT_HOLD || answers_read(&p->reply, ANSWER_FOLDER).account == ACCOUNT_PERSON, text);
		job_settle(j, OUTCOME_RETRY, 0, false, "%s", text);
		return;
	}
	if (p->missing || v == VERDICT_NO_PLACE ||
	    (j->work->attempts >= TRIES && (v == VERDICT_NO_FOLDER || p->reply.status == IMAP_BAD))) {
		if (may_make(a, j) && (p->missing || p->refused || v == VERDICT_NO_FOLDER))
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
	struct target t;
	bool known = target_plain(s, j, &t) && floors_know(f, t.mailbox, &j->floor);

	if (known) {
		free(j->mailbox);
		j->mailbox = mem_strdup(t.mailbox);
		target_claim(j, &t);
	}
	target_free(&t);
	return known;
}

int place_jobs(struct imap *s, const struct config_account *a, struct job **jobs, size_t n, struct floors *f,
	       struct trouble *t, const char **asked, struct err *e)
{
	struct place *places = mem_array(n + 1, sizeof *places);
	struct target *targets = mem_array(n + 1, sizeof *targets);
	size_t nplaces = 0;
	bool fresh = false;
	int ret = -1;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (jobs[i]->state != JOB_READY)
			continue;
		ret = name_job(s, a, jobs[i], f, &targets[i], &fresh, e);
		if (ret < 0)
			goto done;
		if (ret == 1)
			continue;
		while (k < nplaces && strcmp(places[k].mailbox, jobs[i]->mailbox) != 0)
			k++;
		if (k == nplaces)
			places[nplaces++] = (struct place){ .mailbox = jobs[i]->mailbox, .target = &targets[i] };
		if (places[k].use == 0)
			places[k].use = targets[i].use;
	}
	ret = -1;
	if (ask(s, places, nplaces, f, e) != 0)
		goto done;
	for (size_t k = 0; k < nplaces; k++) {
		struct place *p = &places[k];

		p->asked = true;
		if (!p->open && reopen(s, a, p, jobs, n, f, e) != 0)
			goto done;
		p->asked = false;
		for (size_t i = 0; i < n; i++) {
			if (!goes_to(jobs[i], p))
				continue;
			if (p->open && targets[i].renamed)
				rename_job(jobs[i], &targets[i]);
			else if (p->open)
				jobs[i]->floor = p->status;
			else
				refuse(a, jobs[i], p, t);
		}
	}
	ret = 0;
done:
	*asked = NULL;
	for (size_t k = 0; ret != 0 && k < nplaces && *asked == NULL; k++)
		*asked = places[k].asked ? places[k].mailbox : NULL;
	for (size_t i = 0; i < n; i++)
		target_free(&targets[i]);
	free(targets);
	free(places);
	return ret;
}
