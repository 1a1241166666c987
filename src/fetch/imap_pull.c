/*
 * Messages and header blocks: one UID a command, so that an answer is about one
 * message; as many commands on their way as the window allows, by number and by
 * octets. The octets go from the connection to the handler without a stop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fetch/imap_session.h"

enum {
	OCTETS_ON_THE_WAY = 8 * 1024 * 1024,
	HEAD_GUESS = 8 * 1024,
	SLOWEST = 1024, /* octets a second; what is slower counts as silence */
	WORDS = 400
};

/* An item whose command is on its way. */
enum state { WAITS, HAS_NIL, HAS_NONE, ENDED };

struct pull {
	struct source_session *s;
	const struct source_item *items;
	unsigned char *states; /* enum state of each */
	size_t n;
	const struct source_handler *h;
	bool heads;
	size_t asked, at; /* items whose command was sent; the one whose tagged reply comes next */
	uint32_t first_tag;
	uint64_t on_the_way;
	size_t now;	/* the item whose body comes; NOBODY: none, or one that is read over */
	int64_t limit;	/* … and when it has to be there (clock_mono_ms) */
	bool empty;	/* … and has no octets */
	uint32_t other; /* UID of a body that was not asked for */
	bool over;	/* the handler has had enough, or knows why the session ends */
};

#define NOBODY SIZE_MAX

static const char *host(const struct pull *p)
{
	return p->s->login.source->server.host;
}

static unsigned long uid_of(const struct pull *p, size_t i)
{
	return (unsigned long)p->items[i].number;
}

static uint64_t weight(const struct pull *p, const struct source_item *item)
{
	return p->heads ? HEAD_GUESS : item->size;
}

static int64_t timeout(const struct pull *p)
{
	return p->s->login.source->server.timeout;
}

/* Time and room for the next thing that comes. */
static void refresh(struct pull *p)
{
	uint64_t most = imap_source_max(p->s);

	dialog_allow(p->s->imap, timeout(p), most, most + DIALOG_TOTAL_MAX);
}

/* Within a body: no silence, and no drip. What the handler spends, waiting for the spool perhaps, is not the server's
 * time. */
static int enough(struct pull *p, size_t i, int64_t since, int ret, struct err *e)
{
	int64_t now = clock_mono_ms();

	p->limit += now - since;
	if (p->now != NOBODY)
		dialog_until(p->s->imap, now + timeout(p) < p->limit ? now + timeout(p) : p->limit);
	if (ret == 0)
		return 0;
	p->over = true;
	return err_set(e, ERR_LIMIT, 0, "the transfer of the message with UID %lu was ended here", uid_of(p, i));
}

static int give_end(struct pull *p, size_t i, enum source_got got, const char *words, struct err *e)
{
	int64_t since = clock_mono_ms();

	p->states[i] = ENDED;
	return enough(p, i, since, p->h->end(p->h->arg, &p->items[i], got, words), e);
}

/* ---- what comes ---- */

/* The item with that UID that waits; with UID 0, the first that does. NOBODY: none. */
static size_t find(const struct pull *p, uint32_t uid)
{
	for (size_t i = p->at; i < p->asked; i++)
		if (p->states[i] != ENDED && (uid == 0 || p->items[i].number == uid))
			return i;
	return NOBODY;
}

/* Was it asked for, and came already? */
static bool is_again(const struct pull *p, uint32_t uid)
{
	for (size_t i = p->at; i < p->asked; i++)
		if (p->items[i].number == uid)
			return true;
	return false;
}

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	struct pull *p = arg;
	char words[WORDS];
	int64_t since;

	p->now = find(p, r->uid);
	if (octets > imap_source_max(p->s)) {
		(void)snprintf(words, sizeof words, "%s announces %llu octets, more than a message may have (%llu)",
			       host(p), (unsigned long long)octets, (unsigned long long)imap_source_max(p->s));
		p->over = true;
		if (p->now == NOBODY)
			return err_set(e, ERR_PROTOCOL, 0, "%s, of a message that was not asked for", words);
		if (give_end(p, p->now, SOURCE_GOT_REFUSED, words, e) != 0)
			return -1;
		return err_set(e, ERR_PROTOCOL, 0, "the message with UID %lu: %s", uid_of(p, p->now), words);
	}
	if (p->now == NOBODY)
		return 0;
	p->empty = octets == 0;
	refresh(p);
	since = clock_mono_ms();
	p->limit = since + timeout(p) + (int64_t)(octets * 1000 / SLOWEST);
	return enough(p, p->now, since, p->h->begin(p->h->arg, &p->items[p->now]), e);
}

static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	struct pull *p = arg;
	int64_t since;

	if (p->now == NOBODY)
		return 0;
	since = clock_mono_ms();
	return enough(p, p->now, since, p->h->piece(p->h->arg, bytes), e);
}

/* The body of item I is whole, in a response of UID. */
static int body_done(struct pull *p, size_t i, uint32_t uid, struct err *e)
{
	char words[WORDS];

	if (uid == 0)
		(void)snprintf(words, sizeof words, "%s gives a message and does not say which", host(p));
	else if (uid != p->items[i].number)
		(void)snprintf(words, sizeof words, "%s gives the message with UID %lu in its place", host(p),
			       (unsigned long)uid);
	else if (p->empty && p->items[i].size > 0)
		(void)snprintf(words, sizeof words, "%s gives no octet of it, where it told %llu", host(p),
			       (unsigned long long)p->items[i].size);
	else
		return give_end(p, i, SOURCE_GOT_WHOLE, "", e);
	return give_end(p, i, SOURCE_GOT_REFUSED, words, e);
}

static int on_done(void *arg, const struct fetch_response *r, struct err *e)
{
	struct pull *p = arg;
	size_t i = p->now;

	p->now = NOBODY;
	if (!r->whole && !r->nil) {
		/* It is there, or nothing would be told of it; a change of its flags that nobody asked for proves nothing. */
		if (r->uid != 0 && !r->has_flags && find(p, r->uid) != NOBODY && p->states[find(p, r->uid)] == WAITS)
			p->states[find(p, r->uid)] = HAS_NONE;
		return 0;
	}
	if (r->nil && r->uid != 0 && find(p, r->uid) != NOBODY)
		p->states[find(p, r->uid)] = HAS_NIL;
	if (i == NOBODY || r->uid != p->items[i].number)
		p->other = r->uid != 0 && is_again(p, r->uid) ? p->other : r->uid == 0 ? UINT32_MAX : r->uid;
	if (!r->whole || i == NOBODY)
		return 0;
	if (body_done(p, i, r->uid, e) != 0)
		return -1;
	refresh(p);
	return 0;
}

/* Of an item whose command was answered, and no body came. */
static enum source_got judge(struct pull *p, const struct imap_reply *r, char words[WORDS])
{
	uint32_t other = p->other;

	words[0] = '\0';
	/* Another client removed it meanwhile (RFC 5530, 3). */
	if (r->status != IMAP_OK && (imap_reply_is(r, "EXPUNGEISSUED") || imap_reply_is(r, "NONEXISTENT")))
		return SOURCE_GOT_VANISHED;
	if (r->status != IMAP_OK) {
		(void)snprintf(words, WORDS, "%.*s", WORDS - 1, r->text[0] != '\0' ? r->text : "the server gives no reason");
		return SOURCE_GOT_REFUSED;
	}
	if (p->states[p->at] == HAS_NIL) {
		(void)snprintf(words, WORDS, "%s has nothing to give in its place (NIL)", host(p));
		return SOURCE_GOT_REFUSED;
	}
	if (p->states[p->at] == HAS_NONE) {
		(void)snprintf(words, WORDS, "%s tells of it, and does not give it", host(p));
		return SOURCE_GOT_REFUSED;
	}
	p->other = 0;
	if (other == 0)
		return SOURCE_GOT_VANISHED;
	/* It is there, perhaps. */
	if (other == UINT32_MAX)
		(void)snprintf(words, WORDS, "%s gives a message and does not say which", host(p));
	else
		(void)snprintf(words, WORDS, "%s gives the message with UID %lu in its place", host(p),
			       (unsigned long)other);
	return SOURCE_GOT_REFUSED;
}

static int on_reply(void *arg, const struct filter_reply *raw, struct err *e)
{
	struct pull *p = arg;
	char words[WORDS];
	struct imap_reply r;
	enum source_got got;

	if (raw->status == IMAP_BAD)
		return 0; /* walk says so, and ends the session */
	if (p->at >= p->asked || raw->tag != p->first_tag + p->at)
		return err_set(e, ERR_PROTOCOL, 0, "%s answers a command out of order", host(p));
	if (p->states[p->at] != ENDED) {
		imap_reply_parse(raw->status, raw->text, &r);
		got = judge(p, &r, words);
		if (give_end(p, p->at, got, words, e) != 0)
			return -1;
	}
	p->on_the_way -= weight(p, &p->items[p->at]);
	p->at++;
	refresh(p);
	return 0;
}

/* What broke the session broke it in this message: it must not do so in each run. */
static void on_failed(void *arg, const struct err *e)
{
	struct pull *p = arg;
	uint32_t uid = p->s->reader.now.uid;
	size_t i = p->now;

	if (i == NOBODY && uid != 0)
		i = find(p, uid);
	if (p->over || i == NOBODY || p->states[i] == ENDED)
		return;
	p->over = true;
	p->states[i] = ENDED;
	(void)p->h->end(p->h->arg, &p->items[i], SOURCE_GOT_REFUSED, e->text);
}

/* ---- asking ---- */

static size_t window(const struct pull *p)
{
	return p->s->login.source->window > 0 ? p->s->login.source->window : 1;
}

/* Refills when an eighth of the window is answered, so that commands go many to a packet and the line stays full. */
static int ask(struct pull *p, struct err *e)
{
	if (p->asked > p->at && p->asked - p->at + (window(p) + 7) / 8 > window(p))
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

	refresh(p);
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
	struct pull p = { .s = s, .items = items, .n = n, .h = h, .heads = heads, .now = NOBODY };
	int ret;

	if (imap_source_open(s, false, e) != 0)
		return -1;
	if (n == 0)
		return 0;
	p.states = mem_array(n, sizeof *p.states);
	s->wants = (struct imap_wants){
		.fetch = { .begin = on_begin, .piece = on_piece, .done = on_done, .arg = &p },
		.section = heads ? "BODY[HEADER]" : "BODY[]",
		.tagged = on_reply,
		.failed = on_failed,
		.arg = &p
	};
	ret = walk(&p, e);
	s->wants = (struct imap_wants){ .section = NULL };
	if (ret != 0 && e != NULL && !p.over && (p.now != NOBODY || p.at < p.asked))
		(void)err_prefix(e, "at the message with UID %lu", uid_of(&p, p.now != NOBODY ? p.now : p.at));
	free(p.states);
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
