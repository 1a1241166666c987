/* What is known of accounts' stores: one account at a time, as facts may be large. */
#include "spool/client_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

void door_ask_facts(struct spool_intake *s)
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
	if (s->packets.failed || door_send(s) != 0)
		door_lose(s);
}

int door_on_facts(struct spool_intake *s, uint32_t id, struct slice fields)
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
		door_ask_facts(s);
	}
	pool_free(&a);
	buf_free(&text);
	return r;
}

int door_on_news(struct spool_intake *s, struct slice fields)
{
	struct pool a = { 0 };
	struct ask ask;
	int r = protocol_get_one(&wire_ask, fields, &ask, &a, NULL);

	for (size_t i = 0; r == 0 && ask.text != NULL && i < s->nwatched; i++)
		if (strcmp(s->watched[i].account, ask.text) == 0)
			s->watched[i].wanted = true;
	pool_free(&a);
	if (r == 0)
		door_ask_facts(s);
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
	door_ask_facts(s);
}
