#include "store/unclear.h"

#include "base/log.h"
#include "store/sight.h"

/* Below it none of this attempt can lie, nor of those before it. */
static struct mailbox_status floor_of(const struct job *j)
{
	struct mailbox_status floor = j->floor;

	if (j->work->floor_uidvalidity == floor.uidvalidity && j->work->floor_uidnext != 0 &&
	    j->work->floor_uidnext < floor.uidnext)
		floor.uidnext = j->work->floor_uidnext;
	return floor;
}

static void absent(struct job *j)
{
	j->state = JOB_READY;
	j->alone = true;
	j->retried = true;
}

/* A STATUS that still tells the floor would save the look; but stores are known to tell an old one for a while. */
static int look(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	uint32_t floor = UINT32_MAX;
	enum look_reason why;
	struct sight v;
	int ret;

	for (size_t i = 0; i < n; i++) {
		uint32_t one = floor_of(jobs[i]).uidnext;

		floor = one < floor ? one : floor;
	}
	ret = sight_take(&v, rc->session, jobs[0]->mailbox, jobs, n, floor, true, e);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		/* As it said. A folder that is there all the same may hold some of them. */
		if (jobs[i]->folder_gone && !v.opened && v.known) {
			absent(jobs[i]);
			continue;
		}
		switch (sight_decide(&v, jobs[i], floor_of(jobs[i]), true, true, &why)) {
		case LOOK_FOUND:
			job_done(jobs[i], v.status.uidvalidity, jobs[i]->found, jobs[i]->work->folder);
			break;
		case LOOK_ABSENT:
			absent(jobs[i]);
			break;
		case LOOK_WAIT:
		case LOOK_SEARCH:
			break;
		}
	}
	sight_free(&v);
	return ret;
}

int unclear_jobs(struct recover *rc, struct job **jobs, size_t n, struct err *e)
{
	while (n > 0) {
		size_t k = jobs_gather(jobs, n);

		log_warning("batch-refused", LOG_STR("account", rc->account->name), LOG_NUM("messages", k),
			    LOG_STR("folder", jobs[0]->work->folder), LOG_STR("reason", jobs[0]->reason));
		if (look(rc, jobs, k, e) != 0)
			return -1;
		jobs += k;
		n -= k;
	}
	return 0;
}
