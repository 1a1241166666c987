/* What happened to deliveries that did not end well at once: a bounded list for each, for people. */
#include <stdio.h>

#include "spool/inside.h"

enum { FIRST = 10, NEWEST = 30, WORDS_MAX = 600, REPLY_MAX = 4 * 1024 * 1024 };

static int add(struct spool_server *s, const struct delivery_row *row, int64_t at, enum delivery_state state,
	       int attempt, const char *words)
{
	int64_t last = 0;

	if (db_number(&s->db, &last, SQL_HISTORY_LAST, "i", row->number) < 0 ||
	    db_run(&s->db, SQL_HISTORY_ADD, "iiiiit", row->number, last + 1, at, (int64_t)state, (int64_t)attempt,
		   words) != 0)
		return -1;
	if (last < FIRST + NEWEST)
		return 0;
	return db_run(&s->db, SQL_HISTORY_CUT, "iii", row->number, (int64_t)FIRST, last + 1 - NEWEST);
}

/* An attempt is only worth a line when something else than done came of it: it is written when it is over. */
static int add_attempt(struct spool_server *s, const struct delivery_row *row, const char *then)
{
	char words[WORDS_MAX];

	if (account_is_relay(row->account))
		return add(s, row, row->since, DELIVERY_FLIGHT, row->attempts + 1, "sent to the relay");
	(void)snprintf(words, sizeof words, "sent to %.300s (UIDVALIDITY %lu; it would be there from UID %lu on)%s",
		       row->folder, (unsigned long)row->floor_uidvalidity, (unsigned long)row->floor_uidnext, then);
	return add(s, row, row->since, DELIVERY_FLIGHT, row->attempts + 1, words);
}

/* What a person did, for the spool is only told the change. */
static const char *person_words(enum delivery_state from, enum delivery_state to)
{
	bool doubt = from == DELIVERY_DOUBT || from == DELIVERY_PARKED;

	switch (to) {
	case DELIVERY_HELD:
		return "a person keeps it back (queue hold)";
	case DELIVERY_DELETED:
		return "a person dropped it (queue delete)";
	case DELIVERY_DOUBT:
		return "a person wants it looked for now (queue retry)";
	default:
		if (doubt)
			return "a person wants it sent again, though it may be there (queue retry --again)";
		return from == DELIVERY_QUEUED ? "a person wants it tried now (queue retry)" : "a person let it go";
	}
}

/* 1: something happened to it that is told of; 0; -1. Attempts do not say so: not every one that went wrong is counted. */
static int is_told(struct spool_server *s, const struct delivery_row *row)
{
	int64_t last = 0;

	return db_number(&s->db, &last, SQL_HISTORY_LAST, "i", row->number) < 0 ? -1 : last > 0;
}

int history_note(struct spool_server *s, const struct delivery_row *row, enum state_actor actor,
		 const struct delivery_change *c)
{
	const char *words = c->words != NULL ? c->words : c->reason;
	int attempts = row->attempts + (c->sent ? 1 : 0), told;

	if (actor == ACTOR_ADMIN)
		words = person_words(row->state, c->to);
	if (row->state == DELIVERY_FLIGHT) {
		/* Its turn did not come before the connection ended. */
		if (c->to == DELIVERY_QUEUED && !c->sent && words == NULL)
			return 0;
		if (c->to == DELIVERY_DONE && (told = is_told(s, row)) <= 0)
			return told;
		if (!c->unsent &&
		    add_attempt(s, row, c->to == DELIVERY_FLIGHT ? "; not taken so, and sent again at once" : "") != 0)
			return -1;
	}
	/* Said by the line above, once it is over. */
	if (c->to == DELIVERY_FLIGHT)
		return 0;
	return add(s, row, s->now, c->to, attempts, words);
}

int history_put(struct spool_server *s, struct op *op, int64_t message)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_HISTORY, "i", message);
	int r;

	while ((r = db_step(&s->db, st)) == 1) {
		const struct spool_record_step step = { .delivery = sqlite3_column_int64(st, 0),
							.n = sqlite3_column_int(st, 1),
							.at_ms = sqlite3_column_int64(st, 2),
							.state = (enum delivery_state)sqlite3_column_int(st, 3),
							.attempt = sqlite3_column_int(st, 4),
							.words = db_text(st, 5) };

		packets_put(&op->reply, &wire_record_step, &step);
		/* A message for a thousand folders, all of them in trouble: what fits must do. */
		if (op->reply.total > REPLY_MAX) {
			db_done(st);
			return 0;
		}
	}
	return r;
}
