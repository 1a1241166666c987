#include "fetch_fake_impl.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct fake_answer {
	struct fake_answer *next;
	struct event *event;
	spool_answer_fn *fn;
	spool_upload_fn *upload;
	void *arg;
	enum spool_answer answer;
	int fd;
	int64_t number;
	uint64_t handle;
};

static void answer(evutil_socket_t fd, short what, void *arg)
{
	struct fake_answer *a = arg, **at = &the->answers;

	(void)fd;
	(void)what;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	event_free(a->event);
	if (a->fn != NULL)
		a->fn(a->arg, a->answer, &(const struct spool_taken){ .number = a->number });
	else if (a->upload != NULL)
		a->upload(a->arg, a->fd, a->handle, a->answer);
	free(a);
}

static struct fake_answer *answer_soon(struct fake_world *w)
{
	static uint64_t handles;
	struct fake_answer *a = mem_alloc(sizeof *a);
	struct fake_answer **last = &w->answers;

	while (*last != NULL)
		last = &(*last)->next;
	*last = a;
	a->handle = ++handles;
	a->fd = -1;
	a->event = evtimer_new(w->base, answer, a);
	event_active(a->event, EV_TIMEOUT, 0);
	return a;
}

static int upload_fd = -1;

static struct slice body_of(const struct spool_message *m, char **copy)
{
	*copy = NULL;
	if (m->upload == 0)
		return m->body;
	*copy = mem_alloc(m->size + 1);
	if (pread(upload_fd, *copy, m->size, 0) != (ssize_t)m->size)
		abort();
	return slice_of(*copy, m->size);
}

/* What the real one does with an origin; spool/source.h. */
static enum spool_answer commit(struct fake_world *w, const struct spool_message *m)
{
	const struct spool_origin *o = m->origin;
	size_t i = o->number != 0 ? fake_row_at(o->number) : fake_row_of_uid(o);
	struct fake_row *r;
	struct slice body;
	char *copy;
	unsigned content;

	if (i < w->nrows &&
	    (w->rows[i].o.fate == ORIGIN_TAKEN || w->rows[i].o.fate == ORIGIN_OWN || w->rows[i].o.fate == ORIGIN_KNOWN))
		return SPOOL_DUPLICATE;
	body = body_of(m, &copy);
	if (w->grows && body.n > 25 && memcmp(body.p, "Status:", 7) == 0)
		body = slice_skip(body, 25);
	content = o->fate == ORIGIN_TAKEN ? fake_content_find(w, body) : 0;
	r = i < w->nrows ? &w->rows[i] : fake_row_new(o);
	fake_row_write(r, o);
	r->o.message = ++w->last_message;
	w->spool_messages++;
	if (o->fate == ORIGIN_TAKEN) {
		if (content == UINT32_MAX)
			fail_msg("the spool got a message that was never sent: %.*s",
				 (int)(body.n > 300 ? 300 : body.n), body.p);
		r->content = content;
		w->contents[content].taken++;
	}
	buf_clear(&w->last_body);
	(void)buf_add_slice(&w->last_body, body);
	if (m->ndeliveries > 0) {
		(void)snprintf(w->last_folder, sizeof w->last_folder, "%s", m->deliveries[0].folder);
		(void)snprintf(w->last_flags, sizeof w->last_flags, "%s", m->deliveries[0].flags);
	}
	free(copy);
	return SPOOL_ACCEPTED;
}

static uint64_t fake_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct fake_world *w = spool;
	struct fake_answer *a = answer_soon(w);
	bool happens, alive = fake_lives(w, &happens);

	a->fn = fn;
	a->arg = arg;
	a->answer = SPOOL_LOST;
	if (w->full || w->failing)
		a->answer = w->full ? SPOOL_FULL : SPOOL_FAILED;
	else if (happens) {
		const enum spool_answer done = commit(w, m);

		a->answer = alive ? done : SPOOL_LOST;
		a->number = w->last_message;
	}
	if (m->upload != 0 && upload_fd >= 0) {
		(void)close(upload_fd);
		upload_fd = -1;
	}
	return a->handle;
}

static void fake_cancel(void *spool, uint64_t handle)
{
	struct fake_world *w = spool;

	for (struct fake_answer *a = w->answers; a != NULL; a = a->next)
		if (a->handle == handle) {
			a->fn = NULL;
			a->upload = NULL;
		}
}

static uint64_t fake_upload_open(void *spool, spool_upload_fn *fn, void *arg)
{
	struct fake_world *w = spool;
	struct fake_answer *a = answer_soon(w);
	bool happens, alive = fake_lives(w, &happens);

	(void)alive;
	a->upload = fn;
	a->arg = arg;
	a->answer = w->ended ? SPOOL_LOST : w->full ? SPOOL_FULL : SPOOL_ACCEPTED;
	if (a->answer == SPOOL_ACCEPTED) {
		if (upload_fd >= 0)
			(void)close(upload_fd);
		upload_fd = memfd_create("upload", 0);
		a->fd = dup(upload_fd);
	}
	return a->handle;
}

static void fake_upload_drop(void *spool, uint64_t upload)
{
	(void)spool;
	(void)upload;
}

static void fake_confirm(void *spool, int64_t ticket, enum spool_reply what)
{
	(void)spool;
	(void)ticket;
	(void)what;
}

const struct intake_spool fake_spool = {
	.accept = fake_accept,
	.cancel = fake_cancel,
	.upload_open = fake_upload_open,
	.upload_drop = fake_upload_drop,
	.confirm = fake_confirm,
};

void fake_spool_close(void)
{
	if (upload_fd >= 0)
		(void)close(upload_fd);
	upload_fd = -1;
}
