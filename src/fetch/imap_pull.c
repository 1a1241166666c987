/*
 * Messages and header blocks: one UID a command, so that an answer is about one
 * message; as many commands on their way as the window allows, by number and by
 * octets. The octets go from the connection to the handler without a stop.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fetch/imap_session.h"

enum {
	OCTETS_ON_THE_WAY = 8 * 1024 * 1024,
	HEAD_GUESS = 8 * 1024,
	SLOWEST = 1024, /* octets a second; what is slower counts as silence */
	WORDS = 400
};

struct pull {
	struct source_session *s;
	const struct source_item *items;
	size_t n;
	const struct source_handler *h;
	bool heads;
	size_t asked, at; /* items whose command was sent; the one whose answer comes */
	uint32_t first_tag;
	uint64_t on_the_way;
	/* of the answer that comes */
	bool begun, whole, nil, empty;
	bool skip;	/* its body is not the one: read over */
	uint32_t other; /* UID of a body that nobody asked for */
	bool over;	/* the handler ended it, or was told all */
};

static const char *host(const struct pull *p)
{
	return p->s->login.source->server.host;
}

static unsigned long uid_of(const struct pull *p)
{
	return (unsigned long)p->items[p->at].number;
}

static uint64_t weight(const struct pull *p, const struct source_item *item)
{
	return p->heads ? HEAD_GUESS : item->size;
}

/* Time and room for OCTETS more. */
static void refresh(struct pull *p, uint64_t octets)
{
	uint64_t most = imap_source_max(p->s);
	int64_t ms = (int64_t)((octets < most ? octets : most) * 1000 / SLOWEST);

	dialog_allow(p->s->imap, p->s->login.source->server.timeout + ms, most, most + DIALOG_TOTAL_MAX);
}

/* What the handler spends, waiting for the spool perhaps, is not the server's time. */
static int enough(struct pull *p, int64_t since, int ret, struct err *e)
{
	int64_t spent = clock_mono_ms() - since;

	if (spent > 0)
		dialog_excuse(p->s->imap, spent);
	if (ret == 0)
		return 0;
	p->over = true;
	return err_set(e, ERR_LIMIT, 0, "the transfer of the message with UID %lu was ended here", uid_of(p));
}

static int give_end(struct pull *p, enum source_got got, const char *words, struct err *e)
{
	int64_t since = clock_mono_ms();

	return enough(p, since, p->h->end(p->h->arg, &p->items[p->at], got, words), e);
}

/* ---- what comes ---- */

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	struct pull *p = arg;
	char words[WORDS];
	int64_t since;

	p->skip = p->at >= p->asked || p->begun || (r->uid != 0 && r->uid != p->items[p->at].number);
	if (octets > imap_source_max(p->s)) {
		(void)snprintf(words, sizeof words, "%s announces %llu octets, more than a message may have (%llu)",
			       host(p), (unsigned long long)octets, (unsigned long long)imap_source_max(p->s));
		if (!p->skip && give_end(p, SOURCE_GOT_REFUSED, words, e) != 0)
			return -1;
		p->over = true;
		if (p->skip)
			return err_set(e, ERR_PROTOCOL, 0, "%s, of a message that was not asked for", words);
		return err_set(e, ERR_PROTOCOL, 0, "the message with UID %lu: %s", uid_of(p), words);
	}
	if (p->skip)
		return 0;
	p->begun = true;
	p->empty = octets == 0;
	refresh(p, octets);
	since = clock_mono_ms();
	return enough(p, since, p->h->begin(p->h->arg, &p->items[p->at]), e);
}

static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	struct pull *p = arg;
	int64_t since;

	if (p->skip)
		return 0;
	since = clock_mono_ms();
	return enough(p, since, p->h->piece(p->h->arg, bytes), e);
}

static int on_done(void *arg, const struct fetch_response *r, struct err *e)
{
	struct pull *p = arg;
	bool ours;

	(void)e;
	if ((!r->whole && !r->nil) || p->at >= p->asked)
		return 0;
	ours = r->uid == p->items[p->at].number;
	if (r->whole && !p->skip)
		p->whole = ours;
	if (r->nil && ours)
		p->nil = true;
	if (!ours)
		p->other = r->uid == 0 ? UINT32_MAX : r->uid;
	p->skip = false;
	return 0;
}

static enum source_got judge(const struct pull *p, const struct imap_reply *r, char words[WORDS])
{
	words[0] = '\0';
	if (r->status != IMAP_OK) {
		/* Another client removed it meanwhile (RFC 5530, 3). */
		if (r->status == IMAP_NO && (imap_reply_is(r, "EXPUNGEISSUED") || imap_reply_is(r, "NONEXISTENT")))
			return SOURCE_GOT_VANISHED;
		(void)snprintf(words, WORDS, "%.*s", WORDS - 1, r->text);
		return SOURCE_GOT_REFUSED;
	}
	if (p->whole && !(p->empty && p->items[p->at].size > 0))
		return SOURCE_GOT_WHOLE;
	if (p->whole)
		(void)snprintf(words, WORDS, "%s gives no octet of it, where it told %llu", host(p),
			       (unsigned long long)p->items[p->at].size);
	else if (p->nil)
		(void)snprintf(words, WORDS, "%s has nothing to give in its place (NIL)", host(p));
	else if (p->other == UINT32_MAX)
		(void)snprintf(words, WORDS, "%s gives a message and does not say which", host(p));
	else if (p->other != 0)
		(void)snprintf(words, WORDS, "%s gives the message with UID %lu in its place", host(p),
			       (unsigned long)p->other);
	else
		return SOURCE_GOT_VANISHED;
	return SOURCE_GOT_REFUSED;
}

static int on_reply(void *arg, const struct filter_reply *raw, struct err *e)
{
	struct pull *p = arg;
	char words[WORDS];
	struct imap_reply r;
	enum source_got got;

	/* Out of order, or BAD: dialog_reply or its caller says so, and ends the session. */
	if (p->at >= p->asked || raw->tag != p->first_tag + p->at || raw->status == IMAP_BAD) {
		p->over = p->over || raw->status != IMAP_BAD;
		return raw->status == IMAP_BAD ? 0
					       : err_set(e, ERR_PROTOCOL, 0, "%s answers a command out of order", host(p));
	}
	imap_reply_parse(raw->status, raw->text, &r);
	got = judge(p, &r, words);
	if (give_end(p, got, words, e) != 0)
		return -1;
	p->on_the_way -= weight(p, &p->items[p->at]);
	p->at++;
	p->begun = p->whole = p->nil = p->empty = p->skip = false;
	p->other = 0;
	refresh(p, p->at < p->n ? weight(p, &p->items[p->at]) : 0);
	return 0;
}

/* What broke the session broke it in this message: it must not do so in each run. */
static void on_failed(void *arg, const struct err *e)
{
	struct pull *p = arg;

	if (p->over || p->at >= p->asked || !(p->begun || p->s->reader.now.uid == p->items[p->at].number))
		return;
	p->over = true;
	(void)p->h->end(p->h->arg, &p->items[p->at], SOURCE_GOT_REFUSED, e->text);
}

/* ---- asking ---- */

static size_t window(const struct pull *p)
{
	return p->s->login.source->window > 0 ? p->s->login.source->window : 1;
}

/* Refills when half of the window is answered, so that commands go many to a packet. */
static int ask(struct pull *p, struct err *e)
{
	if (p->asked - p->at > window(p) / 2)
		return 0;
	while (p->asked < p->n && p->asked - p->at < window(p)) {
		uint64_t w = weight(p, &p->items[p->asked]);
		uint32_t tag;

		if (p->asked > p->at && (p->on_the_way > OCTETS_ON_THE_WAY || w > OCTETS_ON_THE_WAY - p->on_the_way))
			break;
		tag = dialog_tag(p->s->imap);
		if (p->asked == 0)
			p->first_tag = tag;
		p->on_the_way += w;
		/* An answer may come while the command is written. */
		p->asked++;
		if (dialog_putf(p->s->imap, e, "%lu UID FETCH %lu (%s)\r\n", (unsigned long)tag,
				(unsigned long)p->items[p->asked - 1].number,
				p->heads ? "BODY.PEEK[HEADER]" : "BODY.PEEK[]") != 0)
			return imap_source_failed(p->s, e);
	}
	return 0;
}

static int walk(struct pull *p, struct err *e)
{
	struct imap_reply r;

	refresh(p, weight(p, &p->items[0]));
	for (size_t done = 0; done < p->n; done++) {
		if (ask(p, e) != 0)
			return -1;
		if (imap_source_reply(p->s, p->first_tag + (uint32_t)done, &r, e) != 0)
			return -1;
		if (r.status == IMAP_BAD)
			return imap_source_refused(p->s, "UID FETCH", &r, e);
	}
	return 0;
}

static int pull(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		bool heads, struct err *e)
{
	struct pull p = { .s = s, .items = items, .n = n, .h = h, .heads = heads };
	int ret;

	if (imap_source_open(s, false, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	s->wants = (struct imap_wants){
		.fetch = { .begin = on_begin, .piece = on_piece, .done = on_done, .arg = &p },
		.section = heads ? "BODY[HEADER]" : "BODY[]",
		.tagged = on_reply,
		.failed = on_failed,
		.arg = &p
	};
	ret = walk(&p, e);
	s->wants = (struct imap_wants){ .section = NULL };
	if (ret != 0 && e != NULL && e->class != ERR_LIMIT && !p.over && p.at < p.asked)
		(void)err_prefix(e, "at the message with UID %lu", uid_of(&p));
	return ret;
}

int imap_source_fetch(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e)
{
	return pull(s, items, n, h, false, e);
}

int imap_source_heads(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e)
{
	return pull(s, items, n, h, true, e);
}
