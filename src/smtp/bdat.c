/*
 * BDAT (RFC 3030, 2): the message in chunks, each with its length in front. What
 * a chunk holds goes to intake as it comes; a chunk that is refused is read away,
 * so that the next command is found. Where that can't be, the session ends.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "smtp/internal.h"

enum {
	EMPTY_MAX = 10, /* chunks without an octet in a message */
	SMALL = 1024,	/* octets; a smaller chunk counts as a command without a message */
	DIGITS_MAX = 20,
	SKIP_SIZES = 4 /* how many times SIZE the chunks of a refused message may have */
};

static const struct smtp_reply too_large = { 552, "5.3.4", "The message is too large" };
static const struct smtp_reply too_empty = { 551, "5.5.1", "Too many chunks without content" };
static const struct smtp_reply no_queue = { 451, "4.3.0", "The queue is not available just now, try again later" };

/* "SIZE" or "SIZE LAST" */
static bool read_arguments(struct slice args, uint64_t *size, bool *last)
{
	const struct slice number = slice_of(args.p, slice_find(args, ' '));
	const struct slice word = slice_trim(slice_skip(args, number.n));

	*last = slice_eq_nocase(word, SLICE_LIT("LAST"));
	return number.n <= DIGITS_MAX && slice_number(number, INT64_MAX, size) == 0 && (*last || word.n == 0);
}

/* ---- outside of a message ---- */

/* Why there is no message to add to. */
static const struct smtp_reply *out_of_order(const struct smtp_session *s)
{
	static const struct smtp_reply hello = { 503, "5.5.1", "Send EHLO first" };
	static const struct smtp_reply lhlo = { 503, "5.5.1", "Send LHLO first" };
	static const struct smtp_reply mail = { 503, "5.5.1", "Send MAIL first" };
	static const struct smtp_reply rcpt = { 503, "5.5.1", "Send RCPT first" };
	static const struct smtp_reply refused = { 554, "5.5.1", "No recipient was taken" };

	if (s->state == SMTP_GREETED || !s->extended)
		return s->listener->protocol == CONFIG_LMTP ? &lhlo : &hello;
	if (s->state == SMTP_MAIL)
		return s->t->refused > 0 && s->listener->protocol != CONFIG_LMTP ? &refused : &rcpt;
	return &mail;
}

static void say(struct smtp_session *s, const struct smtp_reply *r)
{
	smtp_reply_put(&s->out, r);
}

/* WITH: what it is answered with; NULL: it was answered already. */
static void swallow(struct smtp_session *s, const struct smtp_reply *with, uint64_t size)
{
	static const struct smtp_reply far_too_large = { 552, "5.3.4", "The message is far too large" };
	const struct config *c = s->service->config;
	const uint64_t most = intake_size_offer(s->service->intake); /* for all of a session */
	const int64_t now = s->service->now();
	int64_t slow;

	/* Reading it away could take for ever. */
	if (s->swallowed > most || size > most - s->swallowed) {
		with = with == NULL ? &far_too_large : with;
		smtp_end(s, with->code, with->enhanced, with->text);
		return;
	}
	if (size == 0) {
		if (with != NULL)
			say(s, with);
		return;
	}
	s->swallowed += size;
	s->chunk.left = size;
	s->chunk.with = with;
	s->chunk.back = s->state;
	slow = c->limits.data_timeout + (int64_t)(size * 1000 / SMTP_BYTE_RATE);
	s->chunk.until_ms = now + (slow < c->limits.message_timeout ? slow : c->limits.message_timeout);
	smtp_enter(s, SMTP_SWALLOWING);
}

size_t smtp_swallow(struct smtp_session *s, struct slice in)
{
	const size_t used = in.n < s->chunk.left ? in.n : (size_t)s->chunk.left;

	receipts_heard(&s->receipts, s->service->intake, used);
	s->chunk.left -= used;
	s->since_ms = s->service->now();
	if (s->chunk.left == 0) {
		smtp_enter(s, s->chunk.back);
		if (s->chunk.with != NULL)
			say(s, s->chunk.with);
	}
	return used;
}

int64_t smtp_swallow_deadline(const struct smtp_session *s)
{
	const int64_t silence = s->since_ms + s->service->config->limits.data_timeout;

	return silence < s->chunk.until_ms ? silence : s->chunk.until_ms;
}

/* ---- within a message ---- */

void smtp_chunk_end(struct smtp_session *s)
{
	struct smtp_transaction *t = s->t;

	if (!t->last) {
		if (s->state == SMTP_CONTENT) {
			smtp_say(s, 250, "2.0.0", "%llu octets received", (unsigned long long)t->chunk);
		} else {
			t->failed = true;
			say(s, smtp_content_refusal(s));
		}
		smtp_enter(s, SMTP_CHUNKS);
		return;
	}
	if (s->state == SMTP_CONTENT) {
		enum smtp_data_end end = smtp_data_finish(&t->data, smtp_content_take, s);

		if (end == SMTP_DATA_BARE) {
			smtp_end(s, 521, "5.5.2", "A message must not end with a bare CR");
			return;
		}
		/* Once intake goes on, it is called again. */
		if (end == SMTP_DATA_STOP && s->paused)
			return;
	}
	smtp_content_complete(s);
}

static void refuse(struct smtp_session *s, const struct smtp_reply *with)
{
	if (s->state != SMTP_SKIPPING)
		smtp_content_refuse(s, with);
}

/* Before its first chunk. */
static void refuse_all(struct smtp_session *s, const struct smtp_reply *with)
{
	s->t->refusal = *with;
	s->t->failed = true;
	intake_refuse(s->t->message, INTAKE_FAILED);
}

static void chunk_begin(struct smtp_session *s, uint64_t size, bool last)
{
	struct smtp_transaction *t = s->t;

	t->chunk = t->left = size;
	t->last = last;
	smtp_enter(s, t->failed ? SMTP_SKIPPING : SMTP_CONTENT);
	if (size == 0 && !last && ++t->empty > EMPTY_MAX)
		refuse(s, &too_empty);
	/* Nothing is set aside for a chunk: its size is only what the client says. */
	if (size > t->size_max - t->size)
		refuse(s, &too_large);
	if (s->state == SMTP_SKIPPING) {
		const uint64_t most = SKIP_SIZES * intake_size_offer(s->service->intake);
		const struct smtp_reply refusal = *smtp_content_refusal(s);

		if (t->skipped > most || size > most - t->skipped) {
			smtp_end(s, refusal.code, refusal.enhanced, refusal.text);
			return;
		}
		t->skipped += size;
	}
	if (size == 0)
		smtp_chunk_end(s);
}

/* ---- a message that milters refused before its first octet ---- */

void smtp_unwanted_forget(struct smtp_session *s)
{
	free(s->unwanted.reply.text);
	s->unwanted.reply = (struct milter_reply){ 0 };
}

/* The client may have sent all chunks already, and goes by the answer to the last (RFC 3030, 2): a 503 there would make
 * it give up what it should try again. */
static void unwanted_keep(struct smtp_session *s)
{
	smtp_unwanted_forget(s);
	if (milter_chain_verdict(s->milters) != MILTER_REFUSE)
		return;
	s->unwanted.reply = *milter_chain_reply(s->milters);
	s->unwanted.reply.text = mem_strdup(s->unwanted.reply.text);
	s->unwanted.recipients = s->t->nrecipients;
}

static void unwanted_chunk(struct smtp_session *s, uint64_t size, bool last)
{
	const size_t n = s->listener->protocol == CONFIG_LMTP && last ? s->unwanted.recipients : 1;

	for (size_t i = 0; i < n; i++)
		smtp_milter_say(s, &s->unwanted.reply);
	if (last)
		smtp_unwanted_forget(s);
	swallow(s, NULL, size);
}

/* Milters have been asked whether they want the message. */
static void first_chunk(struct smtp_session *s)
{
	const uint64_t size = s->t->chunk;
	const bool last = s->t->last;
	const size_t n = s->listener->protocol == CONFIG_LMTP && last ? s->t->nrecipients : 1;

	if (!last && s->milters != NULL)
		unwanted_keep(s);
	if (smtp_milters_refused(s)) {
		const struct milter_reply *r = milter_chain_reply(s->milters);

		if (s->state == SMTP_ENDED)
			return;
		for (size_t i = 1; i < n; i++)
			smtp_milter_quote(s, r);
		smtp_transaction_free(s);
		smtp_enter(s, SMTP_IDLE);
		swallow(s, NULL, size);
		return;
	}
	smtp_content_begin(s, true);
	if (intake_lost(s->service->intake))
		refuse_all(s, &no_queue);
	chunk_begin(s, size, last);
}

void smtp_bdat(struct smtp_session *s, struct slice args)
{
	uint64_t size;
	bool last;

	if (!s->listener->chunking) {
		/* Its payload would be taken for commands, so the session can't go on (RFC 3030, 2). */
		smtp_end(s, 502, "5.5.1", "BDAT is not offered here");
		return;
	}
	if (!read_arguments(args, &size, &last)) {
		smtp_end(s, 521, "5.5.4", "BDAT takes a number of octets, and LAST");
		return;
	}
	if (s->state == SMTP_CHUNKS) {
		if (size >= SMALL && s->commands > 0)
			s->commands--;
		chunk_begin(s, size, last);
	} else if (s->state == SMTP_IDLE && s->unwanted.reply.code != 0) {
		unwanted_chunk(s, size, last);
	} else if (s->state != SMTP_RCPT || !s->extended) {
		swallow(s, out_of_order(s), size);
	} else {
		s->t->chunk = size;
		s->t->last = last;
		smtp_milters_ask(s, MILTER_AT_DATA, NULL, 0, first_chunk);
	}
}
