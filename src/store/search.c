#include "store/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "imap/mailbox.h"
#include "msg/special_use.h"
#include "store/scan.h"

enum { NEWEST = 200 /* messages of each folder that are read whatever its search says */ };

/* The id goes into a command: it must be what we once made. */
static bool plain_id(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_alpha(id[i]) && !ascii_is_digit(id[i]))
			return false;
	}
	return n >= 8 && n <= 64;
}

static void found(struct recover *rc, struct job *j, const char *mailbox, uint32_t uidvalidity)
{
	char *folder = folder_from_wire(imap_style(rc->session), mailbox);

	j->note = "found in this folder, after its own told nothing";
	if (strcmp(folder, j->work->folder) == 0)
		j->note = NULL;
	quiet_forget(rc->quiet, j->work->number);
	job_found(j, uidvalidity, folder);
	log_info("found-elsewhere", LOG_STR("account", rc->account->name), LOG_STR("delivery", j->work->id),
		 LOG_STR("folder", folder));
	free(folder);
}

/* Those of JOBS that were not found yet, into OUT: how many. */
static size_t unfound(struct job **jobs, size_t n, struct job **out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state != JOB_ANSWERED)
			out[k++] = jobs[i];
	}
	return k;
}

/* What the store's own search says, checked against the headers. */
static int ask_search(struct recover *rc, const char *mailbox, uint32_t uidvalidity, struct job **jobs, size_t n,
		      struct err *e)
{
	uint32_t hits[SEARCH_HITS_MAX];
	struct imap_reply r;
	size_t nhits;

	for (size_t i = 0; i < n; i++) {
		if (!plain_id(jobs[i]->work->id))
			continue;
		if (mailbox_search_received(rc->session, jobs[i]->work->id, hits, SEARCH_HITS_MAX, &nhits, &r, e) != 0)
			return -1;
		if (nhits == 0)
			continue;
		if (scan_verify(rc->session, jobs[i], hits, nhits, e) != 0)
			return -1;
		if (jobs[i]->found != 0)
			found(rc, jobs[i], mailbox, uidvalidity);
	}
	return 0;
}

/* Hosted stores search an index that lags, or find nothing in headers. What was moved or copied here lately is among the
 * newest; and a mailbox with the UIDVALIDITY of a floor may be the folder itself under another name. */
static int read_newest(struct recover *rc, const char *mailbox, const struct mailbox_status *st, struct job **jobs,
		       size_t n, struct err *e)
{
	uint32_t from = st->uidnext > NEWEST ? st->uidnext - NEWEST : 1;
	struct scan scan;
	int ret;

	for (size_t i = 0; i < n; i++) {
		const struct spool_work *w = jobs[i]->work;

		if (w->floor_uidvalidity == st->uidvalidity && w->floor_uidnext != 0 && w->floor_uidnext < from)
			from = w->floor_uidnext;
	}
	scan_init(&scan, jobs, n);
	ret = scan_run(&scan, rc->session, from, st->uidnext, e);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		if (jobs[i]->found != 0)
			found(rc, jobs[i], mailbox, st->uidvalidity);
	}
	scan_free(&scan);
	return ret;
}

static int search_folder(struct recover *rc, const char *mailbox, struct job **jobs, size_t n, struct err *e)
{
	struct job **left = mem_array(n + 1, sizeof(struct job *));
	struct mailbox_status st;
	struct imap_reply r;
	int ret = mailbox_examine(rc->session, mailbox, &st, &r, e);

	if (ret == 0 && r.status == IMAP_OK) {
		ret = ask_search(rc, mailbox, st.uidvalidity, left, unfound(jobs, n, left), e);
		n = unfound(jobs, n, left);
		if (ret == 0 && n > 0)
			ret = read_newest(rc, mailbox, &st, left, n, e);
		if (ret == 0)
			ret = mailbox_leave(rc->session, e);
	}
	free(left);
	return ret;
}

/* One round over the folders that are for all mail (as Gmail has it: everything is there), or over the others. */
static int search_some(struct recover *rc, const struct catalog *c, bool all_mail, size_t *searched, struct job **jobs,
		       size_t n, struct err *e)
{
	struct job **left = mem_array(n + 1, sizeof(struct job *));
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < c->n && *searched <= SEARCH_FOLDERS_MAX && unfound(jobs, n, left) > 0; i++) {
		if (!c->all[i].select || ((c->all[i].uses & USE_ALL) != 0) != all_mail)
			continue;
		if ((*searched)++ < SEARCH_FOLDERS_MAX)
			ret = search_folder(rc, c->all[i].wire, jobs, n, e);
	}
	free(left);
	return ret;
}

int search_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	const struct catalog *c;
	size_t searched = 0;
	bool cut = false;

	if (mailbox_catalog(rc->session, true, &c, e) != 0 || search_some(rc, c, true, &searched, jobs, n, e) != 0 ||
	    search_some(rc, c, false, &searched, jobs, n, e) != 0)
		return -1;
	cut = !c->known || c->cut || searched > SEARCH_FOLDERS_MAX;
	for (size_t k = 0; k < n; k++) {
		struct job *j = jobs[k];

		if (j->state == JOB_ANSWERED)
			continue;
		quiet_forget(rc->quiet, j->work->number);
		job_settle(
		    j, OUTCOME_PARKED, 0, false,
		    "the store never said whether it took this message; %s, and it was not seen in any other folder%s. "
		    "Look into the mailbox; then `mailferry queue retry' looks again, and with --again sends it again",
		    j->note == NULL ? "it is not in its folder" : j->note,
		    cut ? " (there are too many to search all)" : "");
		log_warning("parked", LOG_STR("account", rc->account->name), LOG_STR("delivery", j->work->id),
			    LOG_STR("folder", j->work->folder), LOG_STR("reason", j->reason));
	}
	return 0;
}
