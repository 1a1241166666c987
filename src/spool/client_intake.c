/* The door for those who take mail in: asynchronous, many requests at once. */
#include "spool/client.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "spool/protocol.h"

enum { BUCKETS = 256 };

/* An open request, or one that is answered as soon as the loop runs again. */
struct ask_open {
	struct ask_open *next;
	uint32_t id;
	spool_answer_fn *answer; /* one of the two, or none once it was cancelled */
	spool_upload_fn *upload;
	void *arg;
	enum spool_answer local; /* our own answer, when it waits in the list of those */
};

/* An account whose facts are to be known. */
struct watched {
	char *account;
	bool wanted; /* not asked for since they changed */
};

struct spool_intake {
	struct event_base *base;
	struct channel *channel; /* NULL: lost */
	struct parts parts;
	struct packets packets;
	struct event *wake; /* delivers the local answers */
	struct ask_open *open[BUCKETS];
	struct ask_open *local, **local_last;
	uint32_t last_id, generation;
	bool tell_lost;
	void (*lost)(void *arg);
	void *arg;
	struct watched *watched;
	size_t nwatched;
	const struct watched *asked; /* the one question for facts that is open, or NULL */
	uint32_t asked_id;
	spool_facts_fn *facts;
	void *facts_arg;
};

static void answer(struct ask_open *o, enum spool_answer a, int64_t number, int fd, uint64_t upload)
{
	if (o->answer != NULL)
		o->answer(o->arg, a, number);
	else if (o->upload != NULL)
		o->upload(o->arg, fd, upload, a);
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
		answer(o, o->local, 0, -1, 0);
	} else if (tell) {
		s->tell_lost = false;
		s->lost(s->arg);
	}
}

static void answer_later(struct spool_intake *s, struct ask_open *o, enum spool_answer a)
{
	o->local = a;
	o->next = NULL;
	*s->local_last = o;
	s->local_last = &o->next;
	event_active(s->wake, EV_TIMEOUT, 0);
}

static struct ask_open *open_new(struct spool_intake *s, spool_answer_fn *fn, spool_upload_fn *upload, void *arg)
{
	struct ask_open *o = mem_alloc(sizeof *o);

	if (++s->last_id == 0)
		s->last_id = 1;
	o->id = s->last_id;
	o->answer = fn;
	o->upload = upload;
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
static void lose(struct spool_intake *s)
{
	if (s->channel == NULL)
		return;
	channel_free(&s->channel);
	parts_free(&s->parts);
	for (size_t i = 0; i < BUCKETS; i++)
		while (s->open[i] != NULL) {
			struct ask_open *o = s->open[i];

			s->open[i] = o->next;
			answer_later(s, o, SPOOL_LOST);
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
	lose(arg);
}

static int send_packets(struct spool_intake *s)
{
	struct err e = { 0 };

	for (size_t i = 0; i < s->packets.n; i++)
		if (channel_send(s->channel, &s->packets.all[i], NULL, 0, &e) != 0) {
			log_warning("spool-lost", LOG_STR("reason", e.text));
			return -1;
		}
	return 0;
}

static void send_number(struct spool_intake *s, enum request type, int64_t number)
{
	const struct ask ask = { .number = number };

	if (s->channel == NULL)
		return;
	packets_begin(&s->packets, (uint16_t)type, 0);
	packets_put(&s->packets, &wire_ask, &ask);
	if (!s->packets.failed && send_packets(s) != 0)
		lose(s);
}

/* ---- facts: one account at a time, as they may be large ---- */

static void ask_facts(struct spool_intake *s)
{
	struct ask ask = { 0 };

	for (size_t i = 0; s->channel != NULL && s->asked == NULL && i < s->nwatched; i++) {
		if (!s->watched[i].wanted)
			continue;
		s->watched[i].wanted = false;
		s->asked = &s->watched[i];
		ask.text = s->asked->account;
	}
	if (ask.text == NULL)
		return;
	if (++s->last_id == 0)
		s->last_id = 1;
	s->asked_id = s->last_id;
	packets_begin(&s->packets, REQUEST_FACTS, s->asked_id);
	packets_put(&s->packets, &wire_ask, &ask);
	if (s->packets.failed || send_packets(s) != 0)
		lose(s);
}

static int on_facts(struct spool_intake *s, uint32_t id, struct slice fields)
{
	struct facts f = { .append_limit = UINT64_MAX };
	struct pool a = { 0 };
	struct reply reply;
	struct buf text;
	int r = -1;

	buf_init(&text, FACTS_MAX);
	if (s->asked != NULL && id == s->asked_id && protocol_get_one(&wire_reply, fields, &reply, &a, NULL) == 0)
		r = protocol_get_pieces(fields, &text, NULL);
	if (r == 0) {
		const char *account = s->asked->account;

		s->asked = NULL;
		/* What a store wrote: not worth a connection. */
		if (facts_read(buf_slice(&text), &f) != 0) {
			log_warning("facts-malformed", LOG_STR("account", account));
			facts_free(&f);
		}
		/* A spool that could not look now: what is known stays. */
		if (reply.answer == SPOOL_ACCEPTED)
			s->facts(s->facts_arg, account, reply.number, &f);
		facts_free(&f);
		ask_facts(s);
	}
	pool_free(&a);
	buf_free(&text);
	return r;
}

static int on_news(struct spool_intake *s, struct slice fields)
{
	struct pool a = { 0 };
	struct ask ask;
	int r = protocol_get_one(&wire_ask, fields, &ask, &a, NULL);

	for (size_t i = 0; r == 0 && ask.text != NULL && i < s->nwatched; i++)
		if (strcmp(s->watched[i].account, ask.text) == 0)
			s->watched[i].wanted = true;
	pool_free(&a);
	if (r == 0)
		ask_facts(s);
	return r;
}

void spool_facts_watch(struct spool_intake *s, const char *const *accounts, size_t n, spool_facts_fn *fn, void *arg)
{
	s->watched = mem_array(n + 1, sizeof *s->watched);
	s->nwatched = n;
	for (size_t i = 0; i < n; i++)
		s->watched[i] = (struct watched){ mem_strdup(accounts[i]), true };
	s->facts = fn;
	s->facts_arg = arg;
	ask_facts(s);
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
	if (in->type == REQUEST_NEWS)
		return on_news(s, fields);
	if (in->type == REQUEST_FACTS)
		return on_facts(s, in->id, fields);
	r = protocol_get_one(&wire_reply, fields, &reply, &a, NULL);
	pool_free(&a);
	o = r == 0 ? open_take(s, in->id) : NULL;
	if (o == NULL)
		return -1;
	if (in->type == REQUEST_ACCEPT) {
		answer(o, (enum spool_answer)reply.answer, reply.number, -1, 0);
		return 0;
	}
	if (reply.answer == SPOOL_ACCEPTED && nfds == 1) {
		fd = fds[0];
		fds[0] = -1;
	}
	if (o->upload == NULL) { /* cancelled */
		file_close(&fd);
		free(o);
		if (reply.answer == SPOOL_ACCEPTED)
			send_number(s, REQUEST_UPLOAD_DROP, reply.number);
		return 0;
	}
	if (fd < 0 && reply.answer == SPOOL_ACCEPTED)
		reply.answer = SPOOL_FAILED;
	/* The generation tells a number of this spool process from those of one that is gone. */
	answer(o, (enum spool_answer)reply.answer, 0, fd,
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
	if (s->wake == NULL)
		abort();
	parts_init(&s->parts);
	spool_intake_replace(s, fd);
	return s;
}

void spool_intake_replace(struct spool_intake *s, int fd)
{
	lose(s);
	s->tell_lost = false;
	s->generation++;
	s->channel = channel_new(s->base, fd, &handler, s);
	ask_facts(s);
}

void spool_intake_free(struct spool_intake **sp)
{
	struct spool_intake *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	lose(s);
	while (s->local != NULL) {
		struct ask_open *o = s->local;

		s->local = o->next;
		free(o);
	}
	for (size_t i = 0; i < s->nwatched; i++)
		free(s->watched[i].account);
	free(s->watched);
	event_free(s->wake);
	parts_free(&s->parts);
	packets_free(&s->packets);
	free(s);
}

/* Sends what stands in s->packets as the request O, or answers it soon. */
static uint64_t submit(struct spool_intake *s, struct ask_open *o)
{
	if (s->channel == NULL) {
		answer_later(s, o, SPOOL_LOST);
	} else if (s->packets.failed) {
		log_error("message-not-taken", LOG_STR("reason", "a field of the message does not fit a request"));
		answer_later(s, o, SPOOL_FAILED);
	} else {
		open_add(s, o);
		if (send_packets(s) != 0)
			lose(s);
	}
	return o->id;
}

uint64_t spool_accept(struct spool_intake *s, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct ask_open *o = open_new(s, fn, NULL, arg);
	struct spool_message copy = *m;

	if (m->upload != 0) {
		if (m->upload >> 32 != s->generation) { /* its file went with the spool that made it: nothing is kept */
			answer_later(s, o, SPOOL_FAILED);
			return o->id;
		}
		copy.upload = m->upload & UINT32_MAX;
	}
	packets_begin(&s->packets, REQUEST_ACCEPT, o->id);
	protocol_put_message(&s->packets, &copy);
	return submit(s, o);
}

uint64_t spool_upload_open(struct spool_intake *s, spool_upload_fn *fn, void *arg)
{
	struct ask_open *o = open_new(s, NULL, fn, arg);

	packets_begin(&s->packets, REQUEST_UPLOAD, o->id);
	return submit(s, o);
}

void spool_cancel(struct spool_intake *s, uint64_t handle)
{
	struct ask_open *o;

	for (o = s->open[handle % BUCKETS]; o != NULL && o->id != handle; o = o->next)
		;
	if (o == NULL)
		for (o = s->local; o != NULL && o->id != handle; o = o->next)
			;
	if (o == NULL)
		return;
	o->answer = NULL;
	o->upload = NULL;
}

void spool_upload_drop(struct spool_intake *s, uint64_t upload)
{
	if (upload >> 32 == s->generation)
		send_number(s, REQUEST_UPLOAD_DROP, (int64_t)(upload & UINT32_MAX));
}

void spool_confirm(struct spool_intake *s, int64_t number)
{
	send_number(s, REQUEST_CONFIRM, number);
}
