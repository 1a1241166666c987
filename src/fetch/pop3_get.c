/*
 * RETR, TOP and DELE, many at once where the server takes that (RFC 2449, 6.6):
 * commands go out while replies come in, so that neither side waits for the
 * other, and a line with a long way costs no more than a short one.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "fetch/pop3_body.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"

enum {
	AHEAD_MAX = 16 * 1024 * 1024, /* octets asked for and not there: more than any line holds */
	DELE_AHEAD = 500,
	MESSAGE_MAX = 1024 * 1024 * 1024 /* where the login sets no other */
};

struct get {
	struct source_session *s;
	const struct source_item *items;
	size_t n;
	const char *verb, *tail; /* "RETR" "", "TOP" " 0" */
	bool heads;
	const struct source_handler *h;
	size_t asked, done;
	uint64_t ahead; /* octets of those that are asked for and not done */
	/* of the one in hand */
	struct pop3_body body;
	unsigned head_tail; /* heads: how much of CRLF CRLF was seen; 4: its content is over */
};

static unsigned window(const struct source_session *s)
{
	return (s->can & POP3_CAN_PIPELINING) != 0 && s->source->window > 1 ? s->source->window : 1;
}

static uint64_t message_max(const struct source_session *s)
{
	return s->login->message_max > 0 ? s->login->message_max : MESSAGE_MAX;
}

static struct pop3_message *listed(const struct source_session *s, const struct source_item *item)
{
	struct pop3_message *m = pop3_listing_find(&s->listing, item->number, (size_t)item->number - 1);

	return m == NULL || m->removed ? NULL : m;
}

/* Why item I is not asked for, or NULL. */
static const char *unwanted(const struct get *g, size_t i, enum source_got *got)
{
	const struct pop3_message *m = listed(g->s, &g->items[i]);

	*got = m == NULL ? SOURCE_GOT_VANISHED : SOURCE_GOT_REFUSED;
	if (m == NULL)
		return "it is not in this session's listing";
	return !g->heads && m->size > message_max(g->s) ? "the server announces more octets than the limit" : NULL;
}

static uint64_t weight(const struct get *g, size_t i)
{
	enum source_got got;

	return g->heads || unwanted(g, i, &got) != NULL ? 0 : listed(g->s, &g->items[i])->size;
}

/* Asks for what may be on its way now. In groups: a packet of one command each would be dear. */
static int ask(struct get *g, struct err *e)
{
	unsigned most = window(g->s);
	size_t flying = g->asked - g->done;
	enum source_got got;

	if (flying > 0 && flying + (most + 7) / 8 > most)
		return 0;
	while (g->asked < g->n && g->asked - g->done < most && (g->asked - g->done < 2 || g->ahead < AHEAD_MAX)) {
		if (unwanted(g, g->asked, &got) == NULL &&
		    pop3_put(g->s, e, "%s %" PRIu32 "%s", g->verb, g->items[g->asked].number, g->tail) != 0)
			return -1;
		g->ahead += weight(g, g->asked);
		g->asked++;
	}
	pop3_push(g->s);
	return 0;
}

static int stopped(const struct get *g, struct err *e)
{
	return err_set(e, ERR_LIMIT, 0, "the transfer from %s was stopped", g->s->server->host);
}

static int end(struct get *g, enum source_got got, const char *words, struct err *e)
{
	const struct source_item *item = &g->items[g->done];

	g->ahead -= weight(g, g->done);
	g->done++;
	return g->h->end(g->h->arg, item, got, words) != 0 ? stopped(g, e) : 0;
}

/* The item in hand is why the session is over. */
static int spoilt(struct get *g, const char *why, struct err *e)
{
	struct err ignored;

	(void)end(g, SOURCE_GOT_REFUSED, why, &ignored);
	return err_set(e, ERR_PROTOCOL, 0, "message %" PRIu32 " of %s: %s", g->items[g->done - 1].number,
		       g->s->server->host, why);
}

/* ---- content ---- */

/* Who takes it may have to wait for a disk: that is not the server's delay. */
static int give(struct get *g, struct slice bytes)
{
	int64_t since = clock_mono_ms();
	int ret = bytes.n == 0 ? 0 : g->h->piece(g->h->arg, bytes);

	pop3_excuse(g->s, since);
	return ret;
}

/* Only up to the empty line, whatever a server adds to it. */
static int give_head(struct get *g, struct slice bytes)
{
	static const char want[4] = { '\r', '\n', '\r', '\n' };
	size_t n = 0;

	if (g->head_tail == 4)
		return 0;
	while (n < bytes.n && g->head_tail < 4) {
		char c = bytes.p[n++];

		if (c == want[g->head_tail])
			g->head_tail++;
		else
			g->head_tail = c == '\r' ? 1 : 0;
	}
	return give(g, slice_of(bytes.p, n));
}

static int take_piece(void *arg, struct slice bytes)
{
	struct get *g = arg;

	return g->heads ? give_head(g, bytes) : give(g, bytes);
}

/* A reply where a message should begin: the server has answered once too often, and each message would get the content of
 * another. No message begins so: whoever delivered it has put a field before it. */
static bool might_be_reply(struct slice in)
{
	return in.n < 4 && (in.p[0] == '+' || in.p[0] == '-');
}

static bool looks_like_reply(struct slice in)
{
	return in.n >= 4 && (slice_starts_nocase(in, SLICE_LIT("+OK ")) || slice_starts_nocase(in, SLICE_LIT("+OK\r")) ||
			     slice_starts_nocase(in, SLICE_LIT("-ERR")));
}

/* The connection is over in the middle of it, with E. */
static int cut_short(struct get *g, struct err *e)
{
	if (stream_failure(g->s->stream)->code != ETIMEDOUT || !pop3_body_unended(&g->body))
		return -1;
	return spoilt(g, "the server does not end it with a line that holds only a dot", e);
}

static int read_body(struct get *g, struct err *e)
{
	struct source_session *s = g->s;
	bool first = true;
	int ret = 0;

	g->head_tail = 2; /* a header may be empty */
	while (ret == 0) {
		struct slice in = pop3_peek(s);
		size_t used;

		if (in.n == 0 || (first && might_be_reply(in))) {
			if (pop3_wait(s, e) != 0)
				return cut_short(g, e);
			continue;
		}
		if (first && window(s) > 1 && looks_like_reply(in))
			return err_set(e, ERR_PROTOCOL, 0, "%s sends a reply where message %" PRIu32 " should begin",
				       s->server->host, g->items[g->done].number);
		first = false;
		ret = pop3_body_feed(&g->body, in, &used, take_piece, g);
		pop3_take(s, used);
		if (ret < 0)
			return stopped(g, e);
		if (g->body.octets > message_max(s))
			return spoilt(g, "it is longer than the limit, and than the server announced", e);
		if (ask(g, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- replies ---- */

static enum source_got why_not(const struct pop3_reply *r)
{
	static const char *const texts[] = { "no such message", "deleted", "expunged", "not found", "doesn't exist",
					     "does not exist", "no longer" };

	for (size_t i = 0; r->code[0] == '\0' && i < sizeof texts / sizeof texts[0]; i++) {
		if (strcasestr(r->text, texts[i]) != NULL)
			return SOURCE_GOT_VANISHED;
	}
	return SOURCE_GOT_REFUSED;
}

/* A server without CAPA does not say beforehand that it has no TOP. */
static bool lacks_top(struct get *g, const struct pop3_reply *r)
{
	g->s->top_works = g->s->top_works || r->status == POP3_OK;
	return g->heads && !g->s->top_works && (g->s->can & POP3_CAN_TOP) == 0 && g->done == 0 &&
	       why_not(r) == SOURCE_GOT_REFUSED;
}

static int no_top(struct source_session *s, struct err *e)
{
	s->no_top = true;
	return err_set(e, ERR_PERM, 0, "%s does not have TOP", s->server->host);
}

static int take_one(struct get *g, struct err *e)
{
	const struct source_item *item = &g->items[g->done];
	enum source_got got;
	const char *why = unwanted(g, g->done, &got);
	struct pop3_reply r;

	if (why != NULL)
		return end(g, got, why, e);
	pop3_deadline(g->s);
	if (pop3_reply(g->s, &r, e) != 0)
		return -1;
	if (lacks_top(g, &r))
		return no_top(g->s, e);
	if (r.status == POP3_ERR)
		return end(g, why_not(&r), r.text, e);
	pop3_body_begin(&g->body, g->heads ? 0 : listed(g->s, item)->size, g->s->lf);
	if (g->h->begin(g->h->arg, item) != 0)
		return stopped(g, e);
	return read_body(g, e) != 0 ? -1 : end(g, SOURCE_GOT_WHOLE, "", e);
}

int pop3_get(struct source_session *s, const struct source_item *items, size_t n, bool heads,
	     const struct source_handler *h, struct err *e)
{
	struct get g = { .s = s,
			 .items = items,
			 .n = n,
			 .heads = heads,
			 .h = h,
			 .verb = heads ? "TOP" : "RETR",
			 .tail = heads ? " 0" : "" };

	if (pop3_list_all(s, e) != 0 || pop3_quiet(s, e) != 0)
		return -1;
	if (heads && (s->no_top || (s->capa && (s->can & POP3_CAN_TOP) == 0)))
		return no_top(s, e);
	while (g.done < g.n) {
		if (ask(&g, e) != 0 || take_one(&g, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- DELE ---- */

static void complain(struct buf *refused, const struct source_item *item, const char *words)
{
	if (refused != NULL)
		(void)buf_addf(refused, "%smessage %" PRIu32 ": %s", refused->n > 0 ? "; " : "", item->number, words);
}

/* Only what this session has listed just so: a number means another message in another session. */
static struct pop3_message *same(const struct source_session *s, const struct source_item *item)
{
	struct pop3_message *m = listed(s, item);

	return m != NULL && m->size == item->size && strcmp(pop3_listing_name_of(&s->listing, m), item->name) == 0 ? m
														   : NULL;
}

int pop3_remove(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused, struct err *e)
{
	size_t ahead = window(s) > 1 ? DELE_AHEAD : 1, asked = 0;
	struct pop3_message *m;
	struct pop3_reply r;

	if (pop3_list_all(s, e) != 0 || pop3_quiet(s, e) != 0)
		return -1;
	for (size_t done = 0; done < n; done++) {
		for (; asked < n && asked - done < ahead; asked++) {
			if (same(s, &items[asked]) == NULL)
				continue;
			if (pop3_put(s, e, "DELE %" PRIu32, items[asked].number) != 0)
				return -1;
		}
		m = same(s, &items[done]);
		if (m == NULL) {
			complain(refused, &items[done], "it is not in this session's listing");
			continue;
		}
		pop3_deadline(s);
		if (pop3_reply(s, &r, e) != 0)
			return -1;
		if (r.status == POP3_OK)
			m->removed = true;
		else
			complain(refused, &items[done], r.text);
	}
	return 0;
}
