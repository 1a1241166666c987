/* What rules remember: that a message came (RFC 7352), that somebody was answered (RFC 5230). */
#include "base/clock.h"
#include "base/log.h"
#include "spool/inside.h"

enum { YEAR_SECONDS = 366 * 24 * 3600 };

static struct slice key_of(const struct spool_memory *k)
{
	return slice_of((const char *)k->key, SPOOL_KEY_SIZE);
}

/* 1 when it is remembered at NOW, 0, or -1. */
static int is_known(struct spool_server *s, const struct spool_memory *k, int64_t now)
{
	int64_t one;

	return db_number(&s->db, &one, SQL_MEMORY_KNOWN, "tbi", k->account, key_of(k), now);
}

/* Its recipient got the message before: then it was remembered, too, or was not to be. */
static bool is_over(const struct spool_memory *k, const struct earlier *earlier)
{
	return earlier->known > 0 && earlier->tickets[k->to] >= 0;
}

int memory_check(struct spool_server *s, const struct spool_message *m, const struct earlier *earlier)
{
	for (size_t i = 0; i < m->nmemory; i++) {
		const struct spool_memory *k = &m->memory[i];
		int r;

		if (!k->once || is_over(k, earlier))
			continue;
		r = is_known(s, k, s->now);
		if (r < 0)
			return -1;
		if (r == 1) {
			log_info("judged-anew", LOG_STR("message", m->id), LOG_STR("account", k->account));
			return 0;
		}
	}
	return 1;
}

/* Another one of its account: the first that it ever remembered, of those that are left, gives way. One that was there is
 * no newer for being remembered longer. */
static int add(struct spool_server *s, const struct spool_memory *k)
{
	const int64_t seconds = k->seconds < YEAR_SECONDS ? k->seconds : YEAR_SECONDS;
	const int64_t most = (int64_t)s->options.memory_max;
	int64_t last = 0;

	if (db_number(&s->db, &last, SQL_MEMORY_LAST, "t", k->account) < 0 ||
	    db_run(&s->db, SQL_MEMORY_ADD, "tibi", k->account, last + 1, key_of(k), s->now + seconds * 1000) != 0)
		return -1;
	if (most == 0 || last < most)
		return 0;
	if (db_number(&s->db, &last, SQL_MEMORY_LAST, "t", k->account) < 0)
		return -1;
	return db_run(&s->db, SQL_MEMORY_CUT, "ti", k->account, last - most);
}

int memory_add(struct spool_server *s, const struct spool_message *m, const struct earlier *earlier)
{
	for (size_t i = 0; i < m->nmemory; i++)
		if (m->memory[i].seconds > 0 && !is_over(&m->memory[i], earlier) && add(s, &m->memory[i]) != 0)
			return -1;
	return 0;
}

/* ---- what is asked ---- */

static int decode_recall(struct op *op, struct slice fields, struct err *e)
{
	struct spool_message *m = pool_alloc(&op->pool, sizeof *m);
	void *keys;

	op->request = m;
	if (wire_get_all(&wire_key, fields, 1, SPOOL_MEMORY_MAX, &keys, &m->nmemory, &op->pool, e) != 0)
		return -1;
	m->memory = keys;
	return 0;
}

static enum op_result run_recall(struct spool_server *s, struct op *op)
{
	const struct spool_message *m = op->request;
	char *known = pool_alloc(&op->pool, m->nmemory);
	const struct reply reply = { .answer = SPOOL_ACCEPTED, .bytes = slice_of(known, m->nmemory) };
	const int64_t now = clock_wall_ms();

	for (size_t i = 0; i < m->nmemory; i++) {
		const int r = is_known(s, &m->memory[i], now);

		if (r < 0)
			return OP_FAILED;
		known[i] = r == 1 ? 1 : 0;
	}
	op_reply(op, &reply);
	return OP_DONE;
}

const struct verb verbs_memory[] = {
	{ .type = REQUEST_RECALL,
	  .name = "recall",
	  .peers = SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH,
	  .reads = true,
	  .decode = decode_recall,
	  .run = run_recall },
	{ 0 },
};
