#include "store/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "imap/mailbox.h"
#include "store/scan.h"

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
	job_done(j, uidvalidity, j->found, folder);
	log_info("found-elsewhere", LOG_STR("account", rc->account->name), LOG_STR("delivery", j->work->id),
		 LOG_STR("folder", folder));
	free(folder);
}

static int search_folder(struct recover *rc, const char *mailbox, struct job **jobs, size_t n, struct err *e)
{
	uint32_t hits[SEARCH_HITS_MAX];
	struct mailbox_status st;
	struct imap_reply r;
	size_t nhits;

	if (mailbox_examine(rc->session, mailbox, &st, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->state == JOB_ANSWERED || !plain_id(jobs[i]->work->id))
			continue;
		if (mailbox_search_received(rc->session, jobs[i]->work->id, hits, SEARCH_HITS_MAX, &nhits, &r, e) != 0)
			return -1;
		if (nhits == 0)
			continue;
		if (scan_verify(rc->session, jobs[i], hits, nhits, e) != 0)
			return -1;
		if (jobs[i]->found != 0)
			found(rc, jobs[i], mailbox, st.uidvalidity);
	}
	return mailbox_leave(rc->session, e);
}

int search_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	const struct catalog *c;
	size_t left = n, searched = 0;
	bool cut = false;
	int ret = mailbox_catalog(rc->session, true, &c, e);

	for (size_t i = 0; ret == 0 && left > 0 && i < c->n; i++) {
		if (!c->all[i].select)
			continue;
		if (searched++ == SEARCH_FOLDERS_MAX)
			break;
		ret = search_folder(rc, c->all[i].wire, jobs, n, e);
		left = 0;
		for (size_t k = 0; k < n; k++)
			left += jobs[k]->state != JOB_ANSWERED;
	}
	if (ret != 0)
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
