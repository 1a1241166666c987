/* The spool client behind intake's table of functions. */
#include "intake/intake.h"

static uint64_t client_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	return spool_accept(spool, m, fn, arg);
}

static void client_cancel(void *spool, uint64_t handle)
{
	spool_cancel(spool, handle);
}

static uint64_t client_upload_open(void *spool, spool_upload_fn *fn, void *arg)
{
	return spool_upload_open(spool, fn, arg);
}

static void client_upload_drop(void *spool, uint64_t upload)
{
	spool_upload_drop(spool, upload);
}

static uint64_t client_known(void *spool, const struct spool_message *m, spool_known_fn *fn, void *arg)
{
	return spool_known(spool, m, fn, arg);
}

static void client_confirm(void *spool, int64_t ticket, enum spool_reply what)
{
	spool_confirm(spool, ticket, what);
}

static void client_unanswered(void *spool, const char *id)
{
	spool_unanswered(spool, id);
}

static uint64_t client_recall(void *spool, const struct spool_memory *keys, size_t n, spool_known_fn *fn, void *arg)
{
	return spool_recall(spool, keys, n, fn, arg);
}

static bool client_bundles(void *spool, uint64_t size)
{
	return spool_bundles(spool, size);
}

const struct intake_spool intake_spool_client = {
	.accept = client_accept,
	.cancel = client_cancel,
	.upload_open = client_upload_open,
	.upload_drop = client_upload_drop,
	.known = client_known,
	.confirm = client_confirm,
	.unanswered = client_unanswered,
	.bundles = client_bundles,
	.recall = client_recall,
};
