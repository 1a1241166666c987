/* What a job tells whoever asked for it, and what is left out for one who reads slowly. */
#include <string.h>

#include "base/log.h"
#include "cmd/sync_impl.h"

/* Octets that wait for a client, at which: what is told often is left out; lines are; nobody waits for it any more. */
enum { QUEUE_MORE = 64 * 1024, QUEUE_LINES = 4 * 1024 * 1024, QUEUE_MAX = 16 * 1024 * 1024 };

void sync_send(struct sync_job *j, const struct ipc_out *out)
{
	struct err e;

	if (j->broken)
		return;
	if (channel_waiting(j->client) < QUEUE_MAX && channel_send(j->client, out, NULL, 0, &e) == 0)
		return;
	log_info("sync-client-dropped", LOG_STR("why", "it does not read what it asked for"));
	sync_break(j);
}

static struct sync_part *source_of(struct sync_job *j, const char *name)
{
	for (size_t i = 0; i < j->nsources; i++)
		if (strcmp(j->sources[i].name, name) == 0)
			return &j->sources[i];
	return NULL;
}

static bool left_out(struct sync_job *j, struct sync_event *ev)
{
	size_t waiting = channel_waiting(j->client);
	struct sync_part *p;

	if (ev->kind == SYNC_PROGRESS)
		return waiting > QUEUE_MORE;
	if (ev->kind != SYNC_LINE && ev->kind != SYNC_RAN)
		return false;
	p = source_of(j, ev->name);
	if (ev->kind == SYNC_LINE && waiting > QUEUE_LINES) {
		if (p != NULL)
			p->lost++;
		return true;
	}
	if (p != NULL) {
		ev->lost = p->lost;
		p->lost = 0;
	}
	return false;
}

void sync_emit(struct sync_job *j, struct sync_event *ev)
{
	struct ipc_out out;

	if (j->broken)
		return;
	if (ev->name == NULL)
		ev->name = "";
	if (ev->words == NULL)
		ev->words = "";
	if (ev->progress.folder == NULL)
		ev->progress.folder = "";
	if (j->client == NULL) {
		if (j->fn(j->arg, ev) != 0)
			sync_break(j);
		return;
	}
	if (left_out(j, ev))
		return;
	ipc_out_init(&out);
	sync_put_event(&out, ev);
	sync_send(j, &out);
	ipc_out_free(&out);
}
