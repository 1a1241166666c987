/* One turn: all requests that wait, in one transaction. */
#include "spool/batch.h"

#include <stdlib.h>

#include "base/clock.h"
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
			p->broken = true;
			return;
		}
	}
}

static bool run_one(struct spool_server *s, struct op *op)
{
	size_t mark = s->neffects;

	s->db.rc = SQLITE_OK;
	if (op->peer->broken) {
		op->result = OP_BROKEN;
		return true;
	}
	if (db_run(&s->db, SQL_SAVE, "") != 0)
		return false;
	op->result = op->verb->run(s, op);
	if (op->result == OP_DONE)
		return db_run(&s->db, SQL_RELEASE, "") == 0;
	op->rc = s->db.rc;
	effects_undo(s, mark);
	if (op->result == OP_FAILED)
		log_error("request-failed", LOG_STR("request", op->verb->name), LOG_STR("reason", db_error(&s->db)),
			  LOG_NUM("code", s->db.rc));
	/* The worst errors end the whole transaction. */
	if (db_damaged(&s->db) || !db_in_transaction(&s->db))
		return false;
	return db_run(&s->db, SQL_BACK, "") == 0 && db_run(&s->db, SQL_RELEASE, "") == 0;
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
	for (struct op *op = all; op != NULL; op = op->next)
		if (!run_one(s, op)) {
			int rc = s->db.rc;

			if (db_in_transaction(&s->db))
				(void)db_run(&s->db, SQL_ROLLBACK, "");
			s->db.rc = rc;
			/* Nothing was written: pages go to the log at the commit. */
			return db_in_transaction(&s->db) ? -2 : -1;
		}
	step("spool: before a commit");
	return db_commit(&s->db);
}

static void fail_one(struct spool_server *s, struct op *op, int rc)
{
	char reason[200];

	(void)sqlite3_snprintf(sizeof reason, reason, "the spool could not record it: %s", sqlite3_errstr(rc));
	server_fail(s, op, (rc & 0xff) == SQLITE_FULL ? SPOOL_FULL : SPOOL_FAILED, reason);
}

static void answer_all(struct spool_server *s, struct op *all, bool committed)
{
	int rc = s->db.rc;

	while (all != NULL) {
		struct op *op = all;

		all = op->next;
		op->next = NULL;
		if (op->result == OP_BROKEN) {
			op->peer->broken = true;
			op_free(op);
		} else if (committed && op->result == OP_DONE) {
			batch_answer(op);
			if (op->keep_file)
				upload_keep(&op->upload);
			op_free(op);
		} else {
			fail_one(s, op, committed ? op->rc : rc);
		}
	}
}

void batch_run(struct spool_server *s)
{
	struct op *all = take_batch(s);
	int r;

	if (all == NULL || s->dead)
		return;
	s->now = clock_wall_ms();
	(void)server_has_room(s);
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
