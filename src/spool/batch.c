/* One turn: all requests that wait, in one transaction. */
#include "spool/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/step.h"

enum { BATCH_OPS = 500, BATCH_OCTETS = 8 * 1024 * 1024 };

void batch_answer(struct op *op)
{
	struct err e = { 0 };
	struct peer *p = op->peer;

	if (p->channel == NULL || op->verb->silent)
		return;
	for (size_t i = 0; i < op->reply.n; i++) {
		bool last = i == op->reply.n - 1;

		if (channel_send(p->channel, &op->reply.all[i], &op->reply_fd, last && op->reply_fd >= 0 ? 1 : 0, &e) !=
		    0) {
			log_warning("spool-peer-deaf", LOG_STR("reason", e.text));
			p->broken = p->broken || e.code != EPIPE; /* gone: told behind all that it said */
			return;
		}
	}
}

/* What only some of a batch did can be undone from here on. Behind a savepoint each page is copied before it changes, so
 * there is none where requests that need none of their own are ALONE in their transaction. */
static int save(struct spool_server *s, bool alone)
{
	return alone ? 0 : db_run(&s->db, SQL_SAVE, "");
}

static int keep(struct spool_server *s, bool alone)
{
	return alone ? 0 : db_run(&s->db, SQL_RELEASE, "");
}

static int go_back(struct spool_server *s, bool alone)
{
	if (alone)
		return db_run(&s->db, SQL_ROLLBACK, "") == 0 ? db_run(&s->db, SQL_BEGIN, "") : -1;
	return db_run(&s->db, SQL_BACK, "") == 0 ? db_run(&s->db, SQL_RELEASE, "") : -1;
}

static bool run_one(struct spool_server *s, struct op *op, bool alone)
{
	size_t mark = s->neffects;

	s->db.rc = SQLITE_OK;
	if (op->peer->broken) {
		op->result = OP_BROKEN;
		return true;
	}
	if (save(s, alone) != 0)
		return false;
	op->result = op->verb->run(s, op);
	if (op->result == OP_DONE)
		return keep(s, alone) == 0;
	op->rc = s->db.rc;
	effects_undo(s, mark);
	if (op->result == OP_FAILED)
		log_error("request-failed", LOG_STR("request", op->verb->name), LOG_STR("reason", db_error(&s->db)),
			  LOG_NUM("code", s->db.rc));
	/* The worst errors end the whole transaction. */
	if (db_damaged(&s->db) || !db_in_transaction(&s->db))
		return false;
	return go_back(s, alone) == 0;
}

static void forget_reply(struct op *op)
{
	packets_free(&op->reply);
	file_close(&op->reply_fd);
	for (size_t i = 0; i < op->nbodies; i++)
		op->bodies[i].keep = false;
}

/*
 * Requests that stand beside each other in the queue share a savepoint. When one
 * of them fails, what all of them did is undone, and each is run again by itself.
 * Returns 1, 0 when each is to be run by itself, -1 when the whole transaction is
 * to be undone.
 */
static int run_together(struct spool_server *s, struct op *first, const struct op *end, bool alone)
{
	size_t mark = s->neffects;
	bool failed = false;

	s->db.rc = SQLITE_OK;
	if (save(s, alone) != 0)
		return -1;
	for (struct op *op = first; op != end && !failed; op = op->next) {
		op->result = op->peer->broken ? OP_BROKEN : op->verb->run(s, op);
		failed = op->result != OP_DONE && !op->peer->broken;
	}
	if (!failed)
		return keep(s, alone) == 0 ? 1 : -1;
	effects_undo(s, mark);
	for (struct op *op = first; op != end; op = op->next)
		forget_reply(op);
	if (db_damaged(&s->db) || !db_in_transaction(&s->db))
		return -1;
	return go_back(s, alone);
}

/* Those from FIRST on that share a savepoint: what stands behind them. */
static struct op *end_of_group(struct op *first)
{
	struct op *op = first->next;

	while (first->verb->together && op != NULL && op->verb->together)
		op = op->next;
	return op;
}

/* False when the whole transaction is to be undone. ALONE: there is no other group in it. */
static bool run_group(struct spool_server *s, struct op *first, const struct op *end, bool alone)
{
	if (first->next != end) {
		int r = run_together(s, first, end, alone);

		if (r != 0)
			return r > 0;
	}
	for (struct op *op = first; op != end; op = op->next)
		if (!run_one(s, op, alone && first->next == end))
			return false;
	return true;
}

static struct op *take_batch(struct spool_server *s)
{
	struct op *all = s->first, **at = &s->first;
	size_t n = 0, octets = 0;

	while (*at != NULL && n < BATCH_OPS && octets < BATCH_OCTETS) {
		struct op *op = *at;

		n++;
		octets += op->octets;
		s->npending--;
		s->pending_octets -= op->octets;
		s->nloud -= !op->verb->silent;
		at = &op->next;
	}
	s->first = *at;
	if (s->first == NULL)
		s->last = &s->first;
	*at = NULL;
	return all;
}

/* 0 when what ALL asked is committed, -1 when nothing of it is, -2 when nobody knows. */
static int run_all(struct spool_server *s, struct op *all)
{
	if (db_run(&s->db, SQL_BEGIN, "") != 0)
		return -1;
	for (struct op *op = all, *end; op != NULL; op = end) {
		end = end_of_group(op);
		if (!run_group(s, op, end, op == all && end == NULL && op->verb->together)) {
			int rc = s->db.rc;

			if (db_in_transaction(&s->db))
				(void)db_run(&s->db, SQL_ROLLBACK, "");
			s->db.rc = rc;
			/* Nothing was written: pages go to the log at the commit. */
			return db_in_transaction(&s->db) ? -2 : -1;
		}
	}
	step("spool: before a commit");
	return db_commit(&s->db);
}

/* What is in files of many bodies is made safe before any row names it. Returns those that can go on, in their order;
 * the others are answered. */
static struct op *sync_bundles(struct spool_server *s, struct op *all)
{
	struct op **at = &all;

	while (*at != NULL) {
		struct op *op = *at;
		int error = op->bundle == NULL ? 0 : bundle_sync(s, op->bundle);

		if (error == 0) {
			at = &op->next;
			continue;
		}
		*at = op->next;
		op->next = NULL;
		server_fail(s, op, error == ENOSPC || error == EDQUOT ? SPOOL_FULL : SPOOL_FAILED, strerror(error));
	}
	return all;
}

/* What several messages of one peer are answered with goes in one packet. */
struct answers {
	struct packets packets;
	struct peer *peer; /* NULL: nothing is in it */
	size_t n;
};

static void answers_send(struct answers *a)
{
	struct err e = { 0 };

	for (size_t i = 0; a->peer != NULL && a->peer->channel != NULL && i < a->packets.n; i++)
		if (channel_send(a->peer->channel, &a->packets.all[i], NULL, 0, &e) != 0) {
			log_warning("spool-peer-deaf", LOG_STR("reason", e.text));
			a->peer->broken = a->peer->broken || e.code != EPIPE; /* as in batch_answer */
			break;
		}
	a->peer = NULL;
}

static void answers_add(struct answers *a, struct op *op)
{
	if (op->peer->channel == NULL)
		return;
	if (a->peer != op->peer || a->n == SPOOL_BATCH_MAX) {
		answers_send(a);
		packets_begin(&a->packets, REQUEST_ANSWERS, 0);
		a->peer = op->peer;
		a->n = 0;
	}
	op->answer.id = op->id;
	packets_put(&a->packets, &wire_answer, &op->answer);
	a->n++;
}

static void fail_one(struct spool_server *s, struct op *op, int rc)
{
	char reason[200];

	(void)sqlite3_snprintf(sizeof reason, reason, "the spool could not record it: %s", sqlite3_errstr(rc));
	server_fail(s, op, (rc & 0xff) == SQLITE_FULL ? SPOOL_FULL : SPOOL_FAILED, reason);
}

static void answer_all(struct spool_server *s, struct op *all, bool committed)
{
	struct answers answers = { 0 };
	int rc = s->db.rc;

	while (all != NULL) {
		struct op *op = all;

		all = op->next;
		op->next = NULL;
		if (op->result == OP_BROKEN) {
			op->peer->broken = true;
			op_free(op);
		} else if (committed && op->result == OP_DONE) {
			if (op->verb->type == REQUEST_ACCEPT)
				answers_add(&answers, op);
			else
				batch_answer(op);
			for (size_t i = 0; i < op->nbodies; i++)
				if (op->bodies[i].keep)
					upload_keep(&op->bodies[i].upload);
			if (op->answer.answer == SPOOL_ANEW)
				upload_give_back(op);
			op_free(op);
		} else {
			fail_one(s, op, committed ? op->rc : rc);
		}
	}
	answers_send(&answers);
	packets_free(&answers.packets);
}

void batch_run(struct spool_server *s)
{
	struct op *all = take_batch(s);
	int r;

	if (all == NULL || s->dead)
		return;
	s->now = clock_wall_ms();
	(void)server_has_room(s);
	all = sync_bundles(s, all);
	if (all == NULL)
		return;
	r = run_all(s, all);
	if (r == -2 || db_damaged(&s->db)) {
		/* Nobody gets an answer: the next start tells what is there. */
		effects_undo(s, 0);
		server_fatal(s, db_damaged(&s->db)
				    ? "the database is damaged: stop mailferry, keep a copy of the spool "
				      "directory, then put a backup back and start with --restored"
				    : "a commit failed, and so did taking it back");
		while (all != NULL) {
			struct op *op = all;

			all = op->next;
			op_free(op);
		}
		return;
	}
	step("spool: after a commit");
	if (r == 0)
		effects_commit(s);
	else
		effects_undo(s, 0);
	answer_all(s, all, r == 0);
	step("spool: after the answers");
}
