#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "spool/inside.h"

const char *folder_normal(const char *folder)
{
	return slice_eq_nocase(slice_str(folder), SLICE_LIT("INBOX")) ? "INBOX" : folder;
}

bool account_is_relay(const char *name)
{
	return strcmp(name, CONFIG_RELAY) == 0;
}

static char *copy(sqlite3_stmt *st, int column, struct pool *a)
{
	const char *t = db_text(st, column);

	return t == NULL ? NULL : pool_text(a, slice_str(t));
}

int delivery_load(struct spool_server *s, int64_t number, struct delivery_row *row, struct pool *a)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_DELIVERY, "i", number);
	int r = db_step(&s->db, st);

	if (r != 1)
		return r;
	*row = (struct delivery_row){ .number = number,
				      .message = sqlite3_column_int64(st, 1),
				      .id = copy(st, 2, a),
				      .account = copy(st, 3, a),
				      .state = (enum delivery_state)sqlite3_column_int(st, 4),
				      .folder = copy(st, 5, a),
				      .note = copy(st, 8, a),
				      .due = sqlite3_column_int64(st, 10),
				      .since = sqlite3_column_int64(st, 11),
				      .attempts = sqlite3_column_int(st, 13),
				      .doubt = sqlite3_column_int64(st, 14),
				      .floor_mailbox = copy(st, 15, a),
				      .floor_uidvalidity = (uint32_t)sqlite3_column_int64(st, 16),
				      .floor_uidnext = (uint32_t)sqlite3_column_int64(st, 17) };
	db_done(st);
	return 1;
}

/* While a delivery is in such a state, and for ever in the last, the original that the message was fetched from stays.
 */
static bool is_stuck(enum delivery_state s)
{
	return s == DELIVERY_PARKED || s == DELIVERY_QUARANTINED || s == DELIVERY_DELETED;
}

static int tell_origin(struct spool_server *s, const struct delivery_row *row, enum delivery_state to)
{
	if (is_stuck(to))
		return db_run(&s->db, SQL_ORIGIN_STUCK, "i", row->message);
	return is_stuck(row->state) ? origin_settle(s, row->message) : 0;
}

int delivery_enter(struct spool_server *s, const struct delivery_row *row, enum state_actor actor,
		   const struct delivery_change *c)
{
	if (!state_legal((int)row->state, (int)c->to, actor)) {
		log_warning("change-refused", LOG_STR("delivery", row->id), LOG_STR("account", row->account),
			    LOG_STR("from", delivery_state_name(row->state)), LOG_STR("to", delivery_state_name(c->to)),
			    LOG_STR("by", state_actor_name(actor)));
		return 0;
	}
	if (db_run(&s->db, SQL_ENTER, "iiiitii", row->number, (int64_t)c->to, s->now, c->due, c->reason,
		   (int64_t)(c->sent ? 1 : 0), c->doubt) != 0 ||
	    history_note(s, row, actor, c) != 0 || tell_origin(s, row, c->to) != 0)
		return -1;
	server_account(s, row->account)->dirty = true;
	log_debug("delivery", LOG_STR("delivery", row->id), LOG_STR("account", row->account),
		  LOG_STR("from", delivery_state_name(row->state)), LOG_STR("to", delivery_state_name(c->to)),
		  LOG_STR("by", state_actor_name(actor)), LOG_STR("reason", c->reason));
	return 1;
}

int message_settled(struct spool_server *s, int64_t message)
{
	int64_t one;
	int r = db_number(&s->db, &one, SQL_OPEN_LEFT, "i", message);
	sqlite3_stmt *st;

	if (r != 0)
		return r < 0 ? -1 : 0;
	st = db_ask(&s->db, SQL_FILE_OF, "i", message);
	r = db_step(&s->db, st);
	if (r < 0)
		return -1;
	if (r == 1) {
		const char *file = db_text(st, 0);

		if (file != NULL)
			effect_add(s, (struct effect){ .kind = sqlite3_column_type(st, 1) == SQLITE_NULL ? EFFECT_UNLINK
												      : EFFECT_RELEASE,
						       .file = mem_strdup(file),
						       .at = sqlite3_column_int64(st, 1),
						       .size = sqlite3_column_int64(st, 2) });
		db_done(st);
	}
	if (origin_settle(s, message) != 0 || db_run(&s->db, SQL_BODY_DROP, "i", message) != 0 ||
	    db_run(&s->db, SQL_PREFIXES_DROP, "i", message) != 0)
		return -1;
	return db_run(&s->db, SQL_MESSAGE_FINISH, "ii", message, s->now);
}

int delivery_numbers(struct spool_server *s, enum sql which, int64_t message, int64_t numbers[SPOOL_DELIVERIES_MAX])
{
	sqlite3_stmt *st = db_ask(&s->db, which, "i", message);
	int n = 0, r;

	while ((r = db_step(&s->db, st)) == 1 && n < SPOOL_DELIVERIES_MAX)
		numbers[n++] = sqlite3_column_int64(st, 0);
	if (r < 0)
		return -1;
	db_done(st);
	return n;
}

int message_set_aside(struct spool_server *s, int64_t message, const char *reason, struct pool *a)
{
	int64_t numbers[SPOOL_DELIVERIES_MAX];
	const int n = delivery_numbers(s, SQL_OPEN_OF, message, numbers);

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		struct delivery_row row;
		struct delivery_change c = { .reason = reason };

		if (delivery_load(s, numbers[i], &row, a) < 0)
			return -1;
		if (row.state == DELIVERY_QUEUED)
			c.to = DELIVERY_QUARANTINED;
		else if (row.state == DELIVERY_DOUBT)
			c.to = DELIVERY_PARKED;
		else
			continue;
		c.doubt = row.doubt;
		if (delivery_enter(s, &row, ACTOR_SPOOL, &c) < 0)
			return -1;
		effect_add(s, (struct effect){ .kind = EFFECT_UNTAKE, .account = server_account(s, row.account), .number = row.number });
	}
	return 0;
}
