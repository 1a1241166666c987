/* Deliveries without their message: what a repair of a damaged database may leave. */
#include <stdlib.h>

#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "spool/inside.h"

struct orphan {
	int64_t message, since, size;
	bool sendable; /* its body is there, and its lines are with its deliveries */
};

static struct orphan *find_all(struct spool_server *s, size_t *n)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_ORPHANS, "t", CONFIG_RELAY);
	struct orphan *all = NULL;
	size_t room = 0;
	int r;

	*n = 0;
	while ((r = db_step(&s->db, st)) == 1) {
		if (*n == room)
			all = mem_resize(all, room = room * 2 + 16, sizeof *all);
		all[(*n)++] = (struct orphan){ .message = sqlite3_column_int64(st, 0),
					       .since = sqlite3_column_int64(st, 1),
					       .size = sqlite3_column_int64(st, 2),
					       /* What goes out needs its sender. */
					       .sendable = sqlite3_column_type(st, 2) != SQLITE_NULL &&
							   sqlite3_column_int64(st, 3) == 0 };
	}
	if (r == 0)
		return all == NULL ? mem_alloc(sizeof *all) : all;
	free(all);
	return NULL;
}

static int adopt(struct spool_server *s, const struct orphan *o)
{
	static const char subject[] = "(its record was lost with a damaged part of the spool)";
	static const char reason[] = "its record was lost with a damaged part of the spool";
	char id[RANDOM_ID_SIZE];
	struct pool a = { 0 };
	int r;

	random_id(id);
	log_error("record-lost", LOG_NUM("message", o->message), LOG_STR("as", id),
		  LOG_STR("effect", o->sendable ? "it is filed all the same" : "it waits for a person"));
	r = db_run(&s->db, SQL_STAND_IN, "ittii", o->message, id, subject, o->since, o->size);
	if (r == 0 && !o->sendable)
		r = message_set_aside(s, o->message, reason, &a);
	pool_free(&a);
	return r;
}

int orphans_any(struct spool_server *s)
{
	size_t n;
	struct orphan *all = find_all(s, &n);
	int r = all == NULL ? -1 : n > 0;

	free(all);
	return r;
}

int orphans_adopt(struct spool_server *s)
{
	size_t n;
	struct orphan *all = find_all(s, &n);
	int r = all == NULL ? -1 : 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = adopt(s, &all[i]);
	free(all);
	return r;
}
