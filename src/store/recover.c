#include "store/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/search.h"
#include "store/sight.h"
#include "store/trouble.h"

static uint32_t lowest_floor(struct job **jobs, size_t n)
{
	uint32_t floor = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		uint32_t f = jobs[i]->work->floor_uidnext;

		floor = f < floor ? f : floor;
	}
	return floor;
}

static int look(struct recover *rc, const char *mailbox, struct job **jobs, size_t n, bool last, struct sight *v,
		struct err *e)
{
	return sight_take(v, rc->session, mailbox, jobs, n, lowest_floor(jobs, n), last, e);
}

static void warn_copies(const struct recover *rc, const struct job *j)
{
	if (j->copies > 1)
		log_warning("doubled", LOG_STR("account", rc->account->name), LOG_STR("delivery", j->work->id),
			    LOG_STR("folder", j->work->folder), LOG_NUM("copies", j->copies));
}

static void absent(struct recover *rc, struct job *j, int64_t now)
{
	int attempts = j->work->attempts, limit = rc->others_pass ? RECOVER_GIVE_UP : RECOVER_GIVE_UP_ALONE;

	quiet_forget(rc->quiet, j->work->number);
	if (attempts >= limit)
		job_settle(
		    j, OUTCOME_REFUSED, 0, false,
		    "the store did not take it in %d tries: each time it refused it or hung up; the log has its words",
		    attempts);
	else
		job_settle(
		    j, OUTCOME_RETRY, attempts > 1 ? now + trouble_backoff(rc->account, attempts - 1) : 0, false,
		    "two looks, one after the other and long enough after the connection ended, did not find it in "
		    "%.200s: it is not on the store, and is sent again",
		    j->work->folder);
}

static void log_look(const struct recover *rc, const struct job *j, const struct sight *v, enum look_decision d,
		     enum look_reason why)
{
	static const char *const results[] = {
		[LOOK_FOUND] = "found", [LOOK_ABSENT] = "absent", [LOOK_WAIT] = "not-seen-yet", [LOOK_SEARCH] = "search"
	};

	log_info("looked", LOG_STR("account", rc->account->name), LOG_STR("delivery", j->work->id),
		 LOG_STR("folder", j->work->folder), LOG_STR("result", results[d]), LOG_NUM("uid", j->found),
		 LOG_STR("reason", d == LOOK_FOUND ? NULL : look_reason_text(why)),
		 LOG_NUM("from", j->work->floor_uidnext), LOG_NUM("messages", v->scan.nheaders));
}

/* What the look says. True when the job must be looked for once more at once, or searched for. */
static bool conclude(struct recover *rc, struct job *j, const struct sight *v, bool again, enum look_reason *why)
{
	struct mailbox_status floor = { j->work->floor_uidvalidity, j->work->floor_uidnext };
	const int64_t now = clock_wall_ms(), doubt = j->work->doubt_ms;
	/* A clock that was set back must not make the wait endless. */
	const int64_t left = quiet_left(rc->quiet, j->work->number, doubt == 0 ? 0 : now - doubt, clock_mono_ms(),
					rc->account->settle);
	const enum look_decision d = sight_decide(v, j, floor, left == 0, again, why);

	log_look(rc, j, v, d, *why);
	switch (d) {
	case LOOK_FOUND:
		warn_copies(rc, j);
		quiet_forget(rc->quiet, j->work->number);
		job_found(j, v->status.uidvalidity, j->work->folder);
		return false;
	case LOOK_ABSENT:
		absent(rc, j, now);
		return false;
	case LOOK_SEARCH:
		return true;
	case LOOK_WAIT:
		break;
	}
	if (left == 0 && *why == LOOK_FINE)
		return true;
	job_settle(j, OUTCOME_DOUBT, left > 0 ? now + left : now + trouble_backoff(rc->account, 2), false,
		   "the store did not say whether it took this message; a look says: %s; it is looked for again",
		   look_reason_text(*why));
	return false;
}

static int recover_folder(struct recover *rc, const char *mailbox, struct job **jobs, size_t n, struct err *e)
{
	struct job **lost = mem_array(n + 1, sizeof(struct job *));
	enum look_reason why = LOOK_FINE;
	size_t nlost = 0;
	struct sight v;
	bool again = false;
	int ret = look(rc, mailbox, jobs, n, false, &v, e);

	for (size_t i = 0; ret == 0 && i < n; i++)
		again = conclude(rc, jobs[i], &v, false, &why) || again;
	if (ret == 0 && again) {
		sight_free(&v);
		/* Absence counts only when a second look after the settle time agrees. */
		ret = look(rc, mailbox, jobs, n, true, &v, e);
		for (size_t i = 0; ret == 0 && i < n; i++) {
			if (jobs[i]->state != JOB_ANSWERED && conclude(rc, jobs[i], &v, true, &why)) {
				jobs[i]->note = look_reason_text(why);
				lost[nlost++] = jobs[i];
			}
		}
	}
	sight_free(&v);
	if (ret == 0 && nlost > 0)
		ret = search_jobs(rc, lost, nlost, e);
	free(lost);
	return ret;
}

static void name_mailbox(struct recover *rc, struct job *j)
{
	free(j->mailbox);
	j->mailbox = mem_strdup(j->work->floor_folder);
	if (j->mailbox == NULL)
		j->mailbox = folder_to_wire(imap_style(rc->session), j->work->folder, NULL);
	if (j->mailbox == NULL)
		j->mailbox = mem_strdup("INBOX");
}

int recover_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		name_mailbox(rc, jobs[i]);
	while (n > 0) {
		size_t k = jobs_gather(jobs, n);

		if (recover_folder(rc, jobs[0]->mailbox, jobs, k, e) != 0)
			return -1;
		jobs += k;
		n -= k;
	}
	return 0;
}

int recover_count(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	while (n > 0) {
		size_t k = jobs_gather(jobs, n);
		struct sight v;
		int ret = look(rc, jobs[0]->mailbox, jobs, k, false, &v, e);

		sight_free(&v);
		if (ret != 0)
			return -1;
		for (size_t i = 0; i < k; i++) {
			warn_copies(rc, jobs[i]);
			if (jobs[i]->copies > 1) {
				jobs[i]->outcome.reason =
				    "the store holds this message more than once: it kept an earlier try "
				    "after all";
			}
		}
		jobs += k;
		n -= k;
	}
	return 0;
}
