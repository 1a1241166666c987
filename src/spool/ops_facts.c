/* What accounts' stores are like (facts.h): a store tells, those who take mail in and people ask. Only texts here. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

enum { STILL_SO_MS = 6 * 60 * 60 * 1000 };

static int decode_tell(struct op *op, struct slice fields, struct err *e)
{
	struct slice *text = pool_alloc(&op->pool, sizeof *text);
	struct buf b;
	int r;

	buf_init(&b, FACTS_MAX);
	r = protocol_get_pieces(fields, &b, e);
	if (r == 0)
		*text = pool_copy(&op->pool, buf_slice(&b));
	op->request = text;
	buf_free(&b);
	return r;
}

static enum op_result run_tell(struct spool_server *s, struct op *op)
{
	static const struct reply reply = { 0 };
	const struct slice *text = op->request;
	struct account *a = op->peer->account;
	sqlite3_stmt *st = db_ask(&s->db, SQL_FACTS_GET, "t", a->name);
	int r = db_step(&s->db, st);
	bool same = false;

	if (r < 0)
		return OP_FAILED;
	if (r == 1) {
		/* That it is still so is news, too, after a while. */
		same = slice_eq(db_bytes(st, 1), *text) && s->now - sqlite3_column_int64(st, 0) < STILL_SO_MS;
		db_done(st);
	}
	if (db_run(&s->db, SQL_FACTS_SET, "tib", a->name, s->now, *text) != 0)
		return OP_FAILED;
	if (!same)
		effect_add(s, (struct effect){ .kind = EFFECT_NEWS, .account = a, .number = 0 });
	op_reply(op, &reply);
	return OP_DONE;
}

static int decode_ask(struct op *op, struct slice fields, struct err *e)
{
	struct ask *ask = pool_alloc(&op->pool, sizeof *ask);

	op->request = ask;
	if (protocol_get_one(&wire_ask, fields, ask, &op->pool, e) != 0)
		return -1;
	return ask->text != NULL ? 0 : err_set(e, ERR_PROTOCOL, 0, "no account is named");
}

static enum op_result run_facts(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	struct reply reply = { 0 };
	sqlite3_stmt *st = db_ask(&s->db, SQL_FACTS_GET, "t", ask->text);
	int r = db_step(&s->db, st);

	if (r < 0)
		return OP_FAILED;
	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	if (r == 1) {
		reply.number = sqlite3_column_int64(st, 0);
		protocol_put_pieces(&op->reply, db_bytes(st, 1));
		db_done(st);
	}
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

void facts_news(struct spool_server *s, const struct account *a)
{
	const struct ask ask = { .text = a->name };
	struct packets p = { 0 };
	struct err e = { 0 };

	packets_begin(&p, REQUEST_NEWS, 0);
	packets_put(&p, &wire_ask, &ask);
	for (struct peer *at = s->peers; at != NULL && !p.failed; at = at->next) {
		if ((at->role & (SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH)) == 0 || at->channel == NULL || at->broken)
			continue;
		if (channel_send(at->channel, &p.all[0], NULL, 0, &e) != 0) {
			log_warning("spool-peer-deaf", LOG_STR("reason", e.text));
			at->broken = e.code != EPIPE;
		}
	}
	packets_free(&p);
}

const struct verb verbs_facts[] = {
	{ .type = REQUEST_TELL, .name = "tell", .peers = SPOOL_PEER_STORE, .decode = decode_tell, .run = run_tell },
	{ .type = REQUEST_FACTS,
	  .name = "facts",
	  .peers = SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH | SPOOL_PEER_ADMIN,
	  .reads = true,
	  .decode = decode_ask,
	  .run = run_facts },
	{ 0 },
};
