/* What those who take mail in ask for. */
#include "spool/client_impl.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

/* Its number as the spool knows it; 0: its file went with the spool that made it. */
static uint64_t upload_number(const struct spool_intake *s, uint64_t upload)
{
	return upload >> 32 == s->generation ? upload & UINT32_MAX : 0;
}

/* What M and those it causes hold of the spool's own, by numbers of the spool's: it is given back. */
static void give_back(struct spool_intake *s, const struct spool_message *m)
{
	for (size_t i = 0; i <= m->nfurther; i++) {
		const uint64_t number = i == 0 ? m->upload : m->further[i - 1].upload;

		if (number != 0)
			door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = (int64_t)number });
	}
}

/* Names the uploads of M and of the FURTHER ones as the spool does. -1: one is gone. */
static int name_uploads(struct spool_intake *s, struct spool_message *m, struct spool_message *further)
{
	bool gone = false;

	for (size_t i = 0; i <= m->nfurther; i++) {
		struct spool_message *one = i == 0 ? m : &further[i - 1];
		const uint64_t upload = one->upload;

		if (upload == 0)
			continue;
		one->upload = upload_number(s, upload);
		gone = gone || one->upload == 0;
	}
	m->further = further;
	return gone ? -1 : 0;
}

/* O with M, whose uploads have the spool's names. What fails on this side of the socket leaves nothing behind on the other:
 * nobody else would give back what the request names. */
static void accept_named(struct spool_intake *s, struct ask_open *o, struct spool_message *m)
{
	bool fits;

	if (m->body.n > IPC_INLINE_MAX && door_put_body(s, o, m) != 0) {
		give_back(s, m);
		return;
	}
	o->upload_number = m->upload;
	door_send_confirms(s); /* they may be of the same client */
	packets_begin(&s->packets, REQUEST_ACCEPT, o->id);
	protocol_put_message(&s->packets, m);
	fits = !s->packets.failed;
	(void)door_submit(s, o);
	if (!fits)
		give_back(s, m);
}

uint64_t spool_accept(struct spool_intake *s, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct ask_open *o = door_ask_new(s, arg);
	struct spool_message copy = *m, *further = mem_array(m->nfurther + 1, sizeof *further);
	const uint64_t id = o->id;

	o->answer = fn;
	for (size_t i = 0; i < m->nfurther; i++)
		further[i] = m->further[i];
	if (name_uploads(s, &copy, further) == 0) {
		accept_named(s, o, &copy);
	} else {
		give_back(s, &copy);
		door_answer_later(s, o, SPOOL_FAILED); /* nothing is kept */
	}
	free(further);
	return id;
}

uint64_t spool_upload_open(struct spool_intake *s, spool_upload_fn *fn, void *arg)
{
	struct ask_open *o = door_ask_new(s, arg);

	o->upload = fn;
	packets_begin(&s->packets, REQUEST_UPLOAD, o->id);
	return door_submit(s, o);
}

uint64_t spool_known(struct spool_intake *s, const struct spool_message *m, spool_known_fn *fn, void *arg)
{
	struct ask_open *o = door_ask_new(s, arg);

	o->known = fn;
	door_send_confirms(s);
	packets_begin(&s->packets, REQUEST_KNOWN, o->id);
	for (size_t i = 0; i < m->nrecipients; i++)
		packets_put(&s->packets, &wire_recipient, &m->recipients[i]);
	return door_submit(s, o);
}

uint64_t spool_recall(struct spool_intake *s, const struct spool_memory *keys, size_t n, spool_known_fn *fn, void *arg)
{
	struct ask_open *o = door_ask_new(s, arg);

	o->known = fn;
	packets_begin(&s->packets, REQUEST_RECALL, o->id);
	for (size_t i = 0; i < n; i++)
		packets_put(&s->packets, &wire_key, &keys[i]);
	return door_submit(s, o);
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
	o->known = NULL;
}

void spool_upload_drop(struct spool_intake *s, uint64_t upload)
{
	if (upload >> 32 == s->generation)
		door_send_ask(s, REQUEST_UPLOAD_DROP, &(struct ask){ .number = (int64_t)(upload & UINT32_MAX) });
}
