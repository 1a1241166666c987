#include "relay/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024, COMMANDS_AHEAD = 64 * 1024 };

enum kind { KIND_MAIL, KIND_RCPT, KIND_DATA, KIND_END, KIND_EMPTY, KIND_RESET };

struct expected {
	enum kind kind;
	struct relay_transaction *t;
	size_t recipient; /* RCPT: which */
};

struct relay_client {
	struct offers offers;
	struct relay_reply reply;
	struct buf out;
	struct stuffing stuffing;
	struct relay_transaction *all[RELAY_TRANSACTIONS_MAX]; /* the oldest first */
	size_t n;
	struct expected *expected; /* replies in the order of their commands */
	size_t first, nexpected, room;
	bool reset; /* a transaction was given up: the next begins with RSET */
	bool closing, login;
	char words[RELAY_WORDS_SIZE];
};

struct relay_client *relay_client_new(const struct offers *offers)
{
	struct relay_client *c = mem_alloc(sizeof *c);

	c->offers = *offers;
	relay_reply_init(&c->reply);
	buf_init(&c->out, OUTPUT_MAX);
	return c;
}

void relay_client_free(struct relay_client **c)
{
	if (*c == NULL)
		return;
	relay_reply_free(&(*c)->reply);
	buf_free(&(*c)->out);
	free((*c)->expected);
	free(*c);
	*c = NULL;
}

struct buf *relay_client_output(struct relay_client *c)
{
	return &c->out;
}

const char *relay_client_closing(const struct relay_client *c, bool *login)
{
	*login = c->login;
	return c->closing ? c->words : NULL;
}

static bool offers(const struct relay_client *c, unsigned what)
{
	return (c->offers.what & what) != 0;
}

/* ---- outcomes ---- */

static void settle(struct relay_recipient *r, enum relay_outcome outcome, const char *words)
{
	r->outcome = outcome;
	(void)snprintf(r->words, sizeof r->words, "%s", words);
}

/* All that have no outcome of their own yet. */
static void settle_rest(struct relay_transaction *t, enum relay_outcome outcome, const char *words)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].outcome == RELAY_OPEN || t->all[i].outcome == RELAY_NAMED)
			settle(&t->all[i], outcome, words);
}

static void over(struct relay_transaction *t)
{
	t->state = RELAY_OVER;
}

static bool any_open(const struct relay_transaction *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].outcome == RELAY_OPEN)
			return true;
	return false;
}

/* ---- commands ---- */

static void expect(struct relay_client *c, enum kind kind, struct relay_transaction *t, size_t recipient)
{
	if (c->first > 0 && c->first == c->nexpected)
		c->first = c->nexpected = 0;
	if (c->nexpected == c->room)
		c->expected = mem_resize(c->expected, c->room = c->room * 2 + 16, sizeof *c->expected);
	c->expected[c->nexpected++] = (struct expected){ kind, t, recipient };
}

static bool needs_utf8(const struct relay_transaction *t)
{
	bool ascii = ascii_only(slice_str(t->sender));

	for (size_t i = 0; i < t->n; i++)
		ascii = ascii && (t->all[i].outcome != RELAY_OPEN || ascii_only(slice_str(t->all[i].address)));
	return !ascii;
}

/* A report about what we send ourselves need not carry it: we have it. */
static void put_dsn(struct relay_client *c, const struct relay_transaction *t)
{
	const struct relay_asked *a = t->asked;
	const bool ours = a == NULL || !a->relayed;

	if (a != NULL && a->ret[0] != '\0')
		(void)buf_addf(&c->out, " RET=%s", a->ret);
	else if (ours)
		(void)buf_add_str(&c->out, " RET=HDRS");
	if (a != NULL && a->envid.n > 0 && ascii_only(a->envid))
		(void)buf_addf(&c->out, " ENVID=%.*s", (int)a->envid.n, a->envid.p);
	else if (ours)
		(void)buf_addf(&c->out, " ENVID=%s", t->id);
}

static void put_mail(struct relay_client *c, struct relay_transaction *t)
{
	(void)buf_addf(&c->out, "MAIL FROM:<%s>", t->sender);
	if (offers(c, OFFERS_SIZE))
		(void)buf_addf(&c->out, " SIZE=%llu", (unsigned long long)t->size);
	if (t->eightbit && offers(c, OFFERS_8BITMIME))
		(void)buf_add_str(&c->out, " BODY=8BITMIME");
	if (needs_utf8(t))
		(void)buf_add_str(&c->out, " SMTPUTF8");
	if (offers(c, OFFERS_DSN))
		put_dsn(c, t);
	if (t->asked != NULL && t->asked->by && offers(c, OFFERS_DELIVERBY))
		(void)buf_addf(&c->out, " BY=%lld;%c%s", (long long)(t->asked->by_at - t->now), t->asked->by_mode,
			       t->asked->by_trace ? "T" : "");
	(void)buf_add_str(&c->out, "\r\n");
	expect(c, KIND_MAIL, t, 0);
}

/* RFC 2852, 4.1.4.2: where the time is not watched, the sender is to hear of a delay. */
static bool wants_delay(const struct relay_client *c, const struct relay_transaction *t, const char *notify)
{
	return t->asked != NULL && t->asked->by && t->asked->by_mode == 'N' && t->asked->by_at > t->now &&
	       !offers(c, OFFERS_DELIVERBY) && strcmp(notify, "NEVER") != 0 && strstr(notify, "DELAY") == NULL;
}

static void put_rcpt(struct relay_client *c, const struct relay_transaction *t, const struct relay_recipient *r)
{
	const char *notify = r->notify == NULL ? "" : r->notify;
	const bool delay = wants_delay(c, t, notify);

	(void)buf_addf(&c->out, "RCPT TO:<%s>", r->address);
	if (offers(c, OFFERS_DSN) && (delay || notify[0] != '\0'))
		(void)buf_addf(&c->out, " NOTIFY=%s%s", notify[0] == '\0' ? "FAILURE" : notify, delay ? ",DELAY" : "");
	/* RFC 6533, 3: octets beyond ASCII need SMTPUTF8. */
	if (r->orcpt.n > 0 && offers(c, OFFERS_DSN) && (ascii_only(r->orcpt) || needs_utf8(t)))
		(void)buf_addf(&c->out, " ORCPT=%.*s", (int)r->orcpt.n, r->orcpt.p);
	(void)buf_add_str(&c->out, "\r\n");
}

/* The next command of T. False: none is left, or none may go before a reply. */
static bool put_next(struct relay_client *c, struct relay_transaction *t)
{
	const bool alone = !offers(c, OFFERS_PIPELINING);

	if (t->state != RELAY_NAMING || t->put == t->n + 2 ||
	    (c->first < c->nexpected && (alone || c->out.n > COMMANDS_AHEAD)))
		return false;
	if (c->reset) {
		c->reset = false;
		(void)buf_add_str(&c->out, "RSET\r\n");
		expect(c, KIND_RESET, NULL, 0);
		return true;
	}
	if (t->put == 0) {
		put_mail(c, t);
		t->put++;
		return true;
	}
	while (t->put <= t->n && t->all[t->put - 1].outcome != RELAY_OPEN)
		t->put++;
	if (t->put <= t->n) {
		put_rcpt(c, t, &t->all[t->put - 1]);
		expect(c, KIND_RCPT, t, t->put - 1);
		t->put++;
		return true;
	}
	/* Whoever waits for each reply knows by now whether anybody is left. */
	if (alone && t->named == 0) {
		c->reset = !t->refused;
		over(t);
		return false;
	}
	(void)buf_add_str(&c->out, "DATA\r\n");
	expect(c, KIND_DATA, t, 0);
	t->put++;
	return true;
}

static void pump(struct relay_client *c)
{
	for (size_t i = 0; i < c->n; i++)
		while (put_next(c, c->all[i]))
			;
}

bool relay_client_ready(const struct relay_client *c)
{
	if (c->closing || c->n == RELAY_TRANSACTIONS_MAX)
		return false;
	return c->n == 0 || (c->n == 1 && c->all[0]->state == RELAY_ENDED && offers(c, OFFERS_PIPELINING));
}

void relay_client_begin(struct relay_client *c, struct relay_transaction *t)
{
	char words[RELAY_WORDS_SIZE];

	t->state = RELAY_NAMING;
	t->put = t->named = 0;
	t->refused = false;
	for (size_t i = 0; i < t->n; i++)
		settle(&t->all[i], RELAY_OPEN, "");
	if (c->offers.size > 0 && t->size > c->offers.size) {
		(void)snprintf(words, sizeof words, "it has %llu octets, and the relay takes %llu at most",
			       (unsigned long long)t->size, (unsigned long long)c->offers.size);
		settle_rest(t, RELAY_REFUSED, words);
	}
	if (t->eightbit && !offers(c, OFFERS_8BITMIME))
		settle_rest(t, RELAY_REFUSED,
			    "it holds octets beyond ASCII, and the relay does not offer 8BITMIME to carry them");
	for (size_t i = 0; i < t->n && !offers(c, OFFERS_SMTPUTF8); i++)
		if (t->all[i].outcome == RELAY_OPEN &&
		    !(ascii_only(slice_str(t->sender)) && ascii_only(slice_str(t->all[i].address))))
			settle(&t->all[i], RELAY_REFUSED,
			       "an address in it is not ASCII, and the relay does not offer SMTPUTF8");
	/* RFC 2852, 4.1.4: what is to be returned when its time is over does not go where nobody watches the time. */
	if (t->asked != NULL && t->asked->by && t->asked->by_mode == 'R' && t->asked->by_at <= t->now)
		settle_rest(t, RELAY_REFUSED, "the time by which the rule wants it delivered is over");
	else if (t->asked != NULL && t->asked->by && t->asked->by_mode == 'R' && !offers(c, OFFERS_DELIVERBY))
		settle_rest(t, RELAY_REFUSED, "the rule wants it delivered by a time, and the relay does not offer DELIVERBY");
	else if (t->asked != NULL && t->asked->by && t->asked->by_mode == 'R' && t->asked->by_at - t->now < c->offers.by_min)
		settle_rest(t, RELAY_REFUSED, "the rule wants it delivered sooner than the relay can say that it will be");
	c->all[c->n++] = t;
	if (!any_open(t))
		over(t);
	pump(c);
}

/* ---- replies ---- */

static enum relay_outcome grade(int code)
{
	return code / 100 == 2 ? RELAY_DONE : code / 100 == 4 ? RELAY_LATER : RELAY_REFUSED;
}

/* Trouble that is not this message's. */
static void note_closing(struct relay_client *c, const struct expected *x, int code, const char *words)
{
	/* RFC 4954, 6; RFC 3207, 4 */
	const bool login = x->kind == KIND_MAIL && (code == 530 || code == 538);

	if (c->closing || (code != 421 && !login))
		return;
	c->closing = true;
	c->login = login;
	(void)snprintf(c->words, sizeof c->words, "%s", words);
}

static void mail_answered(struct relay_client *c, struct relay_transaction *t, int code, const char *words)
{
	if (code / 100 == 2)
		return;
	t->refused = true;
	/* What has to do with the login is mended there. */
	settle_rest(t, c->closing ? RELAY_UNSENT : grade(code), words);
}

static void recipient_answered(struct relay_transaction *t, struct relay_recipient *r, int code, const char *words)
{
	if (t->refused || r->outcome != RELAY_OPEN)
		return;
	if (code / 100 == 2) {
		settle(r, RELAY_NAMED, words);
		t->named++;
	} else if (t->named > 0 && (code == 452 || code == 552)) {
		/* RFC 5321, 4.5.3.1.10: too many at once, also where 552 says so. */
		settle(r, RELAY_SOON, words);
	} else {
		settle(r, grade(code), words);
	}
}

/* 354 although nobody is left: an empty message is what RFC 2920, 3.1 has for that. */
static void data_answered(struct relay_client *c, struct relay_transaction *t, int code, const char *words)
{
	if (code == 354 && t->named > 0) {
		t->state = RELAY_WANTED;
		return;
	}
	if (code == 354) {
		(void)buf_add_str(&c->out, ".\r\n");
		expect(c, KIND_EMPTY, t, 0);
		t->state = RELAY_ENDED;
		return;
	}
	settle_rest(t, grade(code), words);
	c->reset = true;
	over(t);
}

static int out_of_place(const char *words, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "it answers something that was not asked: \"%s\"", words);
}

static int answered(struct relay_client *c, const struct expected *x, struct err *e)
{
	const int code = c->reply.code;
	char words[RELAY_WORDS_SIZE];

	(void)relay_reply_words(&c->reply, words);
	if (code / 100 == 3 && (x->kind != KIND_DATA || code != 354))
		return out_of_place(words, e);
	if (x->kind == KIND_DATA && code / 100 == 2)
		return out_of_place(words, e);
	note_closing(c, x, code, words);
	switch (x->kind) {
	case KIND_MAIL:
		mail_answered(c, x->t, code, words);
		break;
	case KIND_RCPT:
		recipient_answered(x->t, &x->t->all[x->recipient], code, words);
		break;
	case KIND_DATA:
		data_answered(c, x->t, code, words);
		break;
	case KIND_END:
		settle_rest(x->t, grade(code), words);
		over(x->t);
		break;
	case KIND_EMPTY:
		over(x->t);
		break;
	case KIND_RESET:
		if (code / 100 != 2)
			return out_of_place(words, e);
		break;
	}
	return 0;
}

/* Words that no command asked for: a server says so that it hangs up. */
static int unasked(struct relay_client *c, struct err *e)
{
	char words[RELAY_WORDS_SIZE];

	(void)relay_reply_words(&c->reply, words);
	if (c->reply.code / 100 != 4 && c->reply.code / 100 != 5)
		return out_of_place(words, e);
	c->closing = true;
	(void)snprintf(c->words, sizeof c->words, "%s", words);
	return err_set(e, ERR_TEMP, 0, "it hangs up: \"%s\"", words);
}

int relay_client_input(struct relay_client *c, struct slice in, struct err *e)
{
	while (in.n > 0) {
		int r = relay_reply_feed(&c->reply, &in, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return 0;
		if (c->first == c->nexpected)
			return unasked(c, e);
		/* By value: an answer may add to the list. */
		const struct expected x = c->expected[c->first++];

		if (answered(c, &x, e) != 0)
			return -1;
		pump(c);
	}
	return 0;
}

enum relay_wait relay_client_waits(const struct relay_client *c)
{
	if (c->first == c->nexpected)
		return RELAY_WAIT_NOTHING;
	switch (c->expected[c->first].kind) {
	case KIND_DATA:
		return RELAY_WAIT_DATA;
	case KIND_END:
	case KIND_EMPTY:
		return RELAY_WAIT_END;
	default:
		return RELAY_WAIT_COMMAND;
	}
}

/* ---- content ---- */

struct relay_transaction *relay_client_content(const struct relay_client *c)
{
	if (c->n == 0 || (c->all[0]->state != RELAY_WANTED && c->all[0]->state != RELAY_SENDING))
		return NULL;
	return c->all[0];
}

void relay_client_add(struct relay_client *c, struct slice piece)
{
	if (c->all[0]->state == RELAY_WANTED)
		c->stuffing = (struct stuffing){ STUFF_BEGIN };
	c->all[0]->state = RELAY_SENDING;
	if (stuff_add(&c->stuffing, piece, &c->out) != 0)
		abort(); /* the caller must consume the output */
}

void relay_client_end(struct relay_client *c)
{
	relay_client_add(c, SLICE_NONE);
	if (stuff_end(&c->stuffing, &c->out) != 0)
		abort();
	c->all[0]->state = RELAY_ENDED;
	expect(c, KIND_END, c->all[0], 0);
}

/* ---- ends ---- */

struct relay_transaction *relay_client_over(struct relay_client *c)
{
	struct relay_transaction *t = c->n == 0 ? NULL : c->all[0];

	if (t == NULL || t->state != RELAY_OVER)
		return NULL;
	c->n--;
	memmove(c->all, c->all + 1, c->n * sizeof *c->all);
	return t;
}

void relay_client_lost(struct relay_client *c, bool ours, const char *words)
{
	for (size_t i = 0; i < c->n; i++) {
		struct relay_transaction *t = c->all[i];
		const enum relay_outcome early = i == 0 && t->put > 0 && !ours ? RELAY_LATER : RELAY_UNSENT;

		for (size_t k = 0; k < t->n; k++) {
			struct relay_recipient *r = &t->all[k];

			if (r->outcome == RELAY_NAMED && t->state == RELAY_ENDED)
				settle(r, RELAY_DOUBT, words);
			else if (r->outcome == RELAY_NAMED || r->outcome == RELAY_OPEN)
				settle(r, early, words);
		}
		over(t);
	}
	c->first = c->nexpected = 0;
	c->closing = true;
	if (c->words[0] == '\0')
		(void)snprintf(c->words, sizeof c->words, "%s", words);
	buf_clear(&c->out);
}
