/* A sync without a daemon: a supervisor in this process, for as long as it takes. */
#include "base/log.h"
#include "cmd/sync_job.h"

struct alone {
	const struct sync_request *request;
	sync_event_fn *fn;
	void *arg;
};

static int begin(struct supervisor *sup, void *arg)
{
	const struct alone *a = arg;
	struct err e;

	if (sync_for_self(sup, a->request, a->fn, a->arg, &e) == 0)
		return 0;
	log_error("not-started", LOG_STR("why", e.text));
	return -1;
}

int sync_alone(const char *file, struct setup *setup, const struct sync_request *r, sync_event_fn *fn, void *arg)
{
	struct alone a = { r, fn, arg };

	return supervisor_run_sync(file, setup, begin, &a);
}
