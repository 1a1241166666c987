/* Bodies that are written to files of the spool's: which file, and when it takes no more. */
#include "spool/client_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static void ask_bundle(struct spool_intake *s)
{
	if (++s->last_id == 0)
		s->last_id = 1;
	s->bundle_id = s->last_id;
	packets_begin(&s->packets, REQUEST_BUNDLE, s->bundle_id);
	if (door_send(s) != 0)
		door_lose(s);
}

int door_on_bundle(struct spool_intake *s, uint32_t id, struct slice fields, int *fds, size_t nfds)
{
	struct pool a = { 0 };
	struct reply reply;
	int fd = -1, r = protocol_get_one(&wire_reply, fields, &reply, &a, NULL);

	pool_free(&a);
	if (r != 0 || id != s->bundle_id)
		return -1;
	if (reply.answer == SPOOL_ACCEPTED && nfds == 1) {
		fd = fds[0];
		fds[0] = -1;
	}
	bundles_take(&s->bundles, fd, reply.number);
	return 0;
}

bool spool_bundles(struct spool_intake *s, uint64_t size)
{
	int64_t left;
	bool ask, room;

	if (s->channel == NULL || size > SPOOL_BUNDLED_MAX)
		return false;
	room = bundles_room(&s->bundles, size, &left, &ask);
	if (left != 0)
		door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = left });
	if (ask && s->channel != NULL)
		ask_bundle(s);
	return room && s->channel != NULL;
}

/* Writes the body of M where others stand. -1: O is answered. */
int door_put_body(struct spool_intake *s, struct ask_open *o, struct spool_message *m)
{
	struct err e = { 0 };

	if (!spool_bundles(s, m->body.n)) {
		door_answer_later(s, o, SPOOL_FAILED);
		return -1;
	}
	if (bundles_put(&s->bundles, m->body, &m->bundle, &m->at, &e) != 0) {
		log_error("upload-failed", LOG_STR("message", m->id), LOG_STR("error", e.text));
		door_answer_later(s, o, e.code == ENOSPC || e.code == EDQUOT || e.code == EFBIG ? SPOOL_FULL : SPOOL_FAILED);
		return -1;
	}
	m->body = SLICE_NONE;
	o->bundle = m->bundle;
	return 0;
}

/* A file that a body could not be synced in takes none any more. */
void door_judge_bundle(struct spool_intake *s, const struct ask_open *o, enum spool_answer a)
{
	if (o->bundle != 0 && a != SPOOL_ACCEPTED && a != SPOOL_DUPLICATE && a != SPOOL_ANEW && bundles_give_up(&s->bundles, o->bundle))
		door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = (int64_t)o->bundle });
}
