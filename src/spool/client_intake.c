/* The door for those who take mail in: asynchronous, many requests at once. */
#include "spool/client_impl.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static void answer(struct ask_open *o, enum spool_answer a, int fd, uint64_t upload)
{
	if (o->answer != NULL)
		o->answer(o->arg, a, NULL);
	else if (o->upload != NULL)
		o->upload(o->arg, fd, upload, a);
	else if (o->known != NULL)
		o->known(o->arg, a, SLICE_NONE);
	free(o);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct spool_intake *s = arg;
	struct ask_open *o = s->local;
	bool tell = s->tell_lost;

	(void)fd;
	(void)what;
	if (o != NULL) {
		/* One at a time: the callback may add, cancel or free. */
		s->local = o->next;
		if (s->local == NULL)
			s->local_last = &s->local;
		if (s->local != NULL || tell)
			event_active(s->wake, EV_TIMEOUT, 0);
		answer(o, o->local, -1, 0);
	} else if (tell) {
		s->tell_lost = false;
		s->lost(s->arg);
	}
}

void door_answer_later(struct spool_intake *s, struct ask_open *o, enum spool_answer a)
{
	o->local = a;
	o->next = NULL;
	*s->local_last = o;
	s->local_last = &o->next;
	event_active(s->wake, EV_TIMEOUT, 0);
}

struct ask_open *door_ask_new(struct spool_intake *s, void *arg)
{
	struct ask_open *o = mem_alloc(sizeof *o);

	if (++s->last_id == 0)
		s->last_id = 1;
	o->id = s->last_id;
	o->arg = arg;
	return o;
}

static void open_add(struct spool_intake *s, struct ask_open *o)
{
	o->next = s->open[o->id % BUCKETS];
	s->open[o->id % BUCKETS] = o;
}

static struct ask_open *open_take(struct spool_intake *s, uint32_t id)
{
	for (struct ask_open **at = &s->open[id % BUCKETS]; *at != NULL; at = &(*at)->next) {
		struct ask_open *o = *at;

		if (o->id == id) {
			*at = o->next;
			return o;
		}
	}
	return NULL;
}

/* Nothing that was asked will be answered; FD goes with the channel. */
void door_lose(struct spool_intake *s)
{
	if (s->channel == NULL)
		return;
	channel_free(&s->channel);
	parts_free(&s->parts);
	bundles_close(&s->bundles);
	s->nconfirms = 0; /* not confirmed does no harm */
	for (size_t i = 0; i < BUCKETS; i++)
		while (s->open[i] != NULL) {
			struct ask_open *o = s->open[i];

			s->open[i] = o->next;
			door_answer_later(s, o, SPOOL_LOST);
		}
	s->asked = NULL;
	for (size_t i = 0; i < s->nwatched; i++)
		s->watched[i].wanted = true;
	s->tell_lost = true;
	event_active(s->wake, EV_TIMEOUT, 0);
}

static void on_closed(void *arg, const struct err *e)
{
	log_warning("spool-lost", LOG_STR("reason", e->text));
	door_lose(arg);
}

int door_send(struct spool_intake *s)
{
	struct err e = { 0 };

	for (size_t i = 0; i < s->packets.n; i++)
		if (channel_send(s->channel, &s->packets.all[i], NULL, 0, &e) != 0) {
			log_warning("spool-lost", LOG_STR("reason", e.text));
			return -1;
		}
	return 0;
}

void door_send_ask(struct spool_intake *s, enum request type, const struct ask *ask)
{
	if (s->channel == NULL)
		return;
	packets_begin(&s->packets, (uint16_t)type, 0);
	packets_put(&s->packets, &wire_ask, ask);
	if (!s->packets.failed && door_send(s) != 0)
		door_lose(s);
}

/* To a message. */
static void answer_with(struct ask_open *o, enum spool_answer a, const struct spool_taken *taken)
{
	if (o->answer != NULL)
		o->answer(o->arg, a, a == SPOOL_ACCEPTED || a == SPOOL_DUPLICATE || a == SPOOL_LIMIT ? taken : NULL);
	free(o);
}

/* To a question by itself. A message that was taken is answered with others. */
static void answer_one(struct ask_open *o, const struct reply *reply)
{
	const enum spool_answer a = (enum spool_answer)reply->answer;

	if (o->known != NULL)
		o->known(o->arg, a, a == SPOOL_ACCEPTED ? reply->bytes : SLICE_NONE);
	else if (o->answer != NULL)
		o->answer(o->arg, a == SPOOL_ACCEPTED || a == SPOOL_DUPLICATE ? SPOOL_LOST : a, NULL);
	free(o);
}

/* Several messages that were committed together. What one answer leads to may lose the spool, or free the client. */
static int on_answers(struct spool_intake *s, struct slice fields)
{
	struct pool a = { 0 };
	struct accept_answer *all;
	bool freed = false;
	void *records;
	size_t n;
	int r = wire_get_all(&wire_answer, fields, 1, SPOOL_BATCH_MAX, &records, &n, &a, NULL);

	all = records;
	s->freed = &freed;
	for (size_t i = 0; r == 0 && i < n && !freed && s->channel != NULL; i++) {
		struct ask_open *o = open_take(s, all[i].id);

		if (o == NULL || o->upload != NULL || o->known != NULL)
			r = -1;
		if (o != NULL && r == 0)
			door_judge_bundle(s, o, (enum spool_answer)all[i].answer);
		/* Given back to somebody who does not want it any more. */
		if (o != NULL && r == 0 && o->answer == NULL && all[i].answer == SPOOL_ANEW && o->upload_number != 0)
			door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = (int64_t)o->upload_number });
		if (o != NULL && r == 0)
			answer_with(o, (enum spool_answer)all[i].answer,
				    &(const struct spool_taken){ all[i].number, all[i].ticket, all[i].first });
		else if (o != NULL)
			answer(o, SPOOL_LOST, -1, 0);
	}
	if (!freed)
		s->freed = NULL;
	pool_free(&a);
	return r;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct spool_intake *s = arg;
	struct pool a = { 0 };
	struct reply reply;
	struct slice fields;
	struct ask_open *o;
	int fd = -1, r = parts_take(&s->parts, in, &fields, NULL);

	if (r <= 0)
		return r;
	if (in->type == REQUEST_BUNDLE)
		return door_on_bundle(s, in->id, fields, fds, nfds);
	if (in->type == REQUEST_ANSWERS)
		return on_answers(s, fields);
	if (in->type == REQUEST_NEWS)
		return door_on_news(s, fields);
	if (in->type == REQUEST_FACTS)
		return door_on_facts(s, in->id, fields);
	r = protocol_get_one(&wire_reply, fields, &reply, &a, NULL);
	o = r == 0 ? open_take(s, in->id) : NULL;
	if (o != NULL && in->type != REQUEST_UPLOAD) {
		door_judge_bundle(s, o, (enum spool_answer)reply.answer);
		answer_one(o, &reply);
		pool_free(&a);
		return 0;
	}
	pool_free(&a);
	if (o == NULL)
		return -1;
	if (reply.answer == SPOOL_ACCEPTED && nfds == 1) {
		fd = fds[0];
		fds[0] = -1;
	}
	if (o->upload == NULL) { /* cancelled */
		file_close(&fd);
		free(o);
		if (reply.answer == SPOOL_ACCEPTED)
			door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = reply.number });
		return 0;
	}
	if (fd < 0 && reply.answer == SPOOL_ACCEPTED)
		reply.answer = SPOOL_FAILED;
	/* The generation tells a number of this spool process from those of one that is gone. */
	answer(o, (enum spool_answer)reply.answer, fd,
	       fd < 0 ? 0 : (uint64_t)s->generation << 32 | (uint64_t)reply.number);
	return 0;
}

static const struct channel_handler handler = { on_message, on_closed };

struct spool_intake *spool_intake_new(struct event_base *base, int fd, void (*lost)(void *arg), void *arg)
{
	struct spool_intake *s = mem_alloc(sizeof *s);

	s->base = base;
	s->lost = lost;
	s->arg = arg;
	s->local_last = &s->local;
	s->wake = event_new(base, -1, 0, on_wake, s);
	s->confirm_timer = evtimer_new(base, door_on_confirms, s);
	if (s->wake == NULL || s->confirm_timer == NULL)
		abort();
	parts_init(&s->parts);
	bundles_init(&s->bundles);
	spool_intake_replace(s, fd);
	return s;
}

void spool_intake_replace(struct spool_intake *s, int fd)
{
	door_lose(s);
	s->tell_lost = false;
	s->generation++;
	s->channel = channel_new(s->base, fd, &handler, s);
	door_send_unanswered(s);
	door_ask_facts(s);
}

void spool_intake_free(struct spool_intake **sp)
{
	struct spool_intake *s = *sp;
	struct err e;

	if (s == NULL)
		return;
	*sp = NULL;
	if (s->freed != NULL)
		*s->freed = true;
	/* A spool that has gone before us needs them no more. */
	if (door_put_confirms(s))
		for (size_t i = 0; i < s->packets.n; i++)
			(void)channel_send(s->channel, &s->packets.all[i], NULL, 0, &e);
	door_lose(s);
	while (s->local != NULL) {
		struct ask_open *o = s->local;

		s->local = o->next;
		free(o);
	}
	door_free_unanswered(s);
	for (size_t i = 0; i < s->nwatched; i++)
		free(s->watched[i].account);
	free(s->watched);
	event_free(s->wake);
	event_free(s->confirm_timer);
	parts_free(&s->parts);
	packets_free(&s->packets);
	free(s);
}

/* Sends what stands in s->packets as the request O, or answers it soon. */
uint64_t door_submit(struct spool_intake *s, struct ask_open *o)
{
	if (s->channel == NULL) {
		door_answer_later(s, o, SPOOL_LOST);
	} else if (s->packets.failed) {
		log_error("message-not-taken", LOG_STR("reason", "a field of the message does not fit a request"));
		door_answer_later(s, o, SPOOL_FAILED);
	} else {
		open_add(s, o);
		if (door_send(s) != 0)
			door_lose(s);
	}
	return o->id;
}
