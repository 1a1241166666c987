/* Replies that their clients may not have read, and by which the same message is known when it comes again. */
#include "base/log.h"
#include "base/mem.h"
#include "spool/inside.h"

/* Of a reply that may not have been read (docs/spool.md). */
enum fate {
	FATE_NAMED = 1,	   /* the same message again is known by its Message-ID */
	FATE_NAMELESS = 2, /* it has none: the same bytes are another message … */
	FATE_UNREAD = 3	   /* … unless it is certain that nobody read the reply */
};

static struct slice print_of(const struct spool_recipient *r)
{
	return slice_of((const char *)r->fingerprint, SPOOL_FINGERPRINT_SIZE);
}

/* The message that got R already: 1 and its *MESSAGE and *TICKET, 0, or -1. What counts longest, where several do: found
 * here, as SQLite would make a table to sort them for each question, which mostly finds none. */
static int find_one(struct spool_server *s, const struct spool_recipient *r, int64_t *message, int64_t *ticket)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_KNOWN, "bi", print_of(r), s->now);
	int64_t latest = s->now;
	int step;

	while ((step = db_step(&s->db, st)) == 1) {
		const int64_t until = sqlite3_column_int64(st, 2);

		if (until <= latest)
			continue;
		latest = until;
		*message = sqlite3_column_int64(st, 0);
		*ticket = sqlite3_column_int64(st, 1);
	}
	return step < 0 ? -1 : latest > s->now;
}

int reply_find(struct spool_server *s, const struct spool_message *m, struct earlier *earlier)
{
	earlier->n = earlier->known = 0;
	for (size_t i = 0; i < m->nrecipients; i++) {
		int64_t message = 0;
		size_t k = 0;
		int r;

		earlier->tickets[i] = -1;
		r = find_one(s, &m->recipients[i], &message, &earlier->tickets[i]);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		earlier->known++;
		while (k < earlier->n && earlier->messages[k] != message)
			k++;
		if (k == earlier->n && k < EARLIER_MAX)
			earlier->messages[earlier->n++] = message;
	}
	return 0;
}

static void add_unsaid(struct peer *p, int64_t ticket)
{
	if (p->nunsaid == p->unsaid_cap) {
		p->unsaid_cap = p->unsaid_cap == 0 ? 8 : 2 * p->unsaid_cap;
		p->unsaid = mem_resize(p->unsaid, p->unsaid_cap, sizeof *p->unsaid);
	}
	p->unsaid[p->nunsaid++] = ticket;
}

static void drop_unsaid(struct peer *p, int64_t ticket)
{
	for (size_t i = 0; i < p->nunsaid; i++)
		if (p->unsaid[i] == ticket) {
			p->unsaid[i] = p->unsaid[--p->nunsaid];
			return;
		}
}

int reply_know(struct spool_server *s, struct op *op, const struct earlier *earlier, int64_t message, int64_t ticket)
{
	const struct spool_message *m = op->request;
	const bool named = m->message_id != NULL;
	/* Nobody is there who could say it. */
	const enum fate fate = named ? FATE_NAMED : op->peer->channel == NULL ? FATE_UNREAD : FATE_NAMELESS;
	const int64_t until = s->now + (named ? AGAIN_MS : AGAIN_NAMELESS_MS);

	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct slice print = print_of(&m->recipients[i]);
		const int64_t old = earlier->tickets[i];
		const int r = old >= 0 ? db_run(&s->db, SQL_KNOW_AGAIN, "biiiit", print, old, ticket, (int64_t)fate, until,
					  m->id)
				       : db_run(&s->db, SQL_KNOW, "biiiit", print, ticket, message, (int64_t)fate, until, m->id);

		if (r != 0)
			return -1;
	}
	if (fate == FATE_NAMELESS)
		add_unsaid(op->peer, ticket);
	return 0;
}

/* ---- what is asked of recipients alone ---- */

static int decode_known(struct op *op, struct slice fields, struct err *e)
{
	struct spool_message *m = pool_alloc(&op->pool, sizeof *m);
	void *recipients;

	op->request = m;
	if (wire_get_all(&wire_recipient, fields, 1, SPOOL_RECIPIENTS_MAX, &recipients, &m->nrecipients, &op->pool, e) !=
	    0)
		return -1;
	m->recipients = recipients;
	return 0;
}

static enum op_result run_known(struct spool_server *s, struct op *op)
{
	const struct spool_message *m = op->request;
	char *known = pool_alloc(&op->pool, m->nrecipients);
	struct earlier earlier;
	struct reply reply = { .answer = SPOOL_ACCEPTED, .bytes = slice_of(known, m->nrecipients) };

	if (reply_find(s, m, &earlier) != 0)
		return OP_FAILED;
	for (size_t i = 0; i < m->nrecipients; i++)
		known[i] = earlier.tickets[i] >= 0 ? 1 : 0;
	op_reply(op, &reply);
	return OP_DONE;
}

/* ---- what became of a reply ---- */

/* TICKET was given to P, or to a receiver that is gone (the spool may have been started again since). */
static bool is_its_own(const struct spool_server *s, const struct peer *p, int64_t ticket)
{
	const int64_t serial = ticket >> 32;

	for (const struct peer *other = s->peers; other != NULL; other = other->next)
		if (other != p && other->serial == serial)
			return false;
	return true;
}

static int confirm_one(struct spool_server *s, const struct op *op, const struct ask *ask)
{
	if (ask->text != NULL)
		return db_run(&s->db, SQL_UNANSWERED, "t", ask->text);
	if (!is_its_own(s, op->peer, ask->number))
		return 0;
	drop_unsaid(op->peer, ask->number);
	if (ask->count != SPOOL_SAYING)
		log_debug("reply-told", LOG_NUM("ticket", ask->number),
			  LOG_STR("client", ask->count == SPOOL_UNREAD	 ? "has not read it"
					    : ask->count == SPOOL_UNSURE ? "may have read it"
									 : "has read it"));
	switch (ask->count) {
	case SPOOL_READ:
		return db_run(&s->db, SQL_CONFIRM, "i", ask->number);
	case SPOOL_CLOSED:
		return db_run(&s->db, SQL_CLOSED, "ii", ask->number, s->now + AGAIN_CLOSED_MS);
	case SPOOL_UNREAD:
		return db_run(&s->db, SQL_UNREAD, "i", ask->number);
	case SPOOL_UNSURE:
		return db_run(&s->db, SQL_UNSURE, "i", ask->number);
	default:
		return 0; /* SPOOL_SAYING */
	}
}

static enum op_result run_confirm(struct spool_server *s, struct op *op)
{
	const struct op_list *l = op->request;
	const struct ask *all = l->all;

	for (size_t i = 0; i < l->n; i++)
		if (confirm_one(s, op, &all[i]) != 0)
			return OP_FAILED;
	return OP_DONE;
}

static int decode_confirm(struct op *op, struct slice fields, struct err *e)
{
	return op_decode_list(op, &wire_ask, fields, e);
}

static enum op_result run_left(struct spool_server *s, struct op *op)
{
	for (size_t i = 0; i < op->peer->nunsaid; i++)
		if (db_run(&s->db, SQL_UNREAD, "i", op->peer->unsaid[i]) != 0)
			return OP_FAILED;
	return OP_DONE;
}

const struct verb verb_left = { .type = REQUEST_CONFIRM, .name = "left", .silent = true, .together = true, .run = run_left };

const struct verb verbs_reply[] = {
	{ .type = REQUEST_CONFIRM,
	  .name = "confirm",
	  .peers = SPOOL_PEER_INTAKE,
	  .silent = true,
	  .together = true,
	  .decode = decode_confirm,
	  .run = run_confirm },
	{ .type = REQUEST_KNOWN,
	  .name = "known",
	  .peers = SPOOL_PEER_INTAKE,
	  .decode = decode_known,
	  .run = run_known },
	{ 0 },
};
