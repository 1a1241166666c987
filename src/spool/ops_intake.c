/* Taking a message in. */
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

const struct spool_message *op_message(const struct op *op, size_t place)
{
	const struct spool_message *m = op->request;

	return place == 0 ? m : &m->further[place - 1];
}

static int take_bodies(struct op *op, struct err *e)
{
	const struct spool_message *m = op->request;

	op->nbodies = m->nfurther + 1;
	op->bodies = pool_alloc(&op->pool, op->nbodies * sizeof *op->bodies);
	for (size_t i = 0; i < op->nbodies; i++) {
		const int64_t upload = (int64_t)op_message(op, i)->upload;

		if (upload == 0)
			continue;
		op->bodies[i].upload = upload_take(op->peer, upload);
		if (op->bodies[i].upload == NULL)
			return err_set(e, ERR_PROTOCOL, 0, "a message with a body that was not uploaded");
	}
	return 0;
}

static int decode_accept(struct op *op, struct slice fields, struct err *e)
{
	struct spool_message *m = pool_alloc(&op->pool, sizeof *m);

	op->request = m;
	if (protocol_get_message(fields, m, &op->pool, e) != 0)
		return -1;
	if ((op->peer->role == SPOOL_PEER_FETCH) != (m->origin != NULL))
		return err_set(e, ERR_PROTOCOL, 0,
			       m->origin != NULL ? "a receiver's message with an origin"
						 : "fetched mail without an origin");
	if (m->origin != NULL && m->relay_group != NULL)
		return err_set(e, ERR_PROTOCOL, 0, "fetched mail that is to go out");
	if (m->bundle != 0) {
		struct bundle *b = bundle_find(op->peer->server, op->peer, (int64_t)m->bundle);

		if (b == NULL || bundle_add(b, op, m) != 0)
			return err_set(e, ERR_PROTOCOL, 0, "a message with a body where nothing was written");
	}
	return take_bodies(op, e);
}

/* How many of those whom the delivery is for (recipients of M) are known to have got the message. */
static size_t count_known(const struct spool_message *m, const struct spool_delivery *d, const struct earlier *earlier)
{
	size_t known = 0;

	for (size_t i = 0; i + 1 < d->to.n; i += 2) {
		size_t n = (size_t)(unsigned char)d->to.p[i] << 8 | (unsigned char)d->to.p[i + 1];

		known += n < m->nrecipients && earlier->tickets[n] >= 0;
	}
	return known;
}

static bool all_known(const struct spool_message *m, const struct spool_delivery *d, const struct earlier *earlier)
{
	return d->to.n > 1 && count_known(m, d, earlier) == d->to.n / 2;
}

static bool same_place(const struct spool_delivery *a, const struct spool_delivery *b)
{
	return strcmp(a->account, b->account) == 0 && strcmp(folder_normal(a->folder), folder_normal(b->folder)) == 0;
}

/* 1 when that folder gets, or got, this very content by an earlier delivery: of this message (the first I), or of one
 * that was accepted before and is now sent again to some of its recipients. */
static int is_merged(struct spool_server *s, const struct spool_message *m, size_t i, const struct earlier *earlier)
{
	const struct spool_delivery *d = &m->deliveries[i];
	const char *folder = folder_normal(d->folder);

	if (earlier->known > 0 && all_known(m, d, earlier))
		return 1;
	for (size_t k = 0; k < i; k++)
		if (same_place(&m->deliveries[k], d))
			return 1;
	for (size_t k = 0; k < earlier->n; k++) {
		int64_t number;
		int r = db_number(&s->db, &number, SQL_SAME_FOLDER, "itti", earlier->messages[k], d->account, folder,
				  (int64_t)0);

		if (r != 0)
			return r;
	}
	return 0;
}

static int add_delivery(struct spool_server *s, const struct spool_delivery *d, int64_t message,
			enum delivery_state state)
{
	const bool merged = state == DELIVERY_MERGED;
	const char *note = state == DELIVERY_HELD ? "held, as rules have sent so many messages today" : d->note;

	if (!state_legal(STATE_NONE, (int)state, ACTOR_INTAKE))
		return -1;
	server_account(s, d->account)->dirty = true;
	return db_run(&s->db, SQL_DELIVERY_ADD, "ittittttiiib", message, d->id, d->account, (int64_t)state,
		      folder_normal(d->folder), d->flags, d->rule, note, (int64_t)d->create, s->now, s->now,
		      merged ? SLICE_NONE : d->prefix);
}

/* Where a message that waits has its body: *FILE is NULL when it is in the database. */
static void place_body(struct op *op, size_t place, const char **file, const int64_t **at)
{
	const struct spool_message *m = op_message(op, place);

	if (place == 0 && op->bundle != NULL) {
		*file = op->bundle->name;
		*at = (const int64_t *)&m->at;
	} else if (op->bodies[place].upload != NULL) {
		*file = op->bodies[place].upload->name;
		op->bodies[place].keep = true;
	}
}

static int add_message(struct spool_server *s, const struct spool_message *m, const char *file, const int64_t *at,
		       const int64_t *parent, int64_t *number)
{
	if (db_run(&s->db, SQL_MESSAGE_ADD, "tttttttttttiiitnni", m->id, m->session, m->protocol, m->client, m->helo,
		   m->listener, m->auth, m->sender, m->message_id, m->from, m->subject, m->received_ms, m->internal_ms,
		   (int64_t)m->size, file, at, parent, (int64_t)m->apart) != 0)
		return -1;
	*number = sqlite3_last_insert_rowid(s->db.handle);
	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct spool_recipient *r = &m->recipients[i];

		if (db_run(&s->db, SQL_RECIPIENT_ADD, "iittt", *number, (int64_t)i, r->address, r->account,
			   r->verdict) != 0)
			return -1;
	}
	return 0;
}

/* The rows of the message at PLACE, whose deliveries begin in STATES. */
static int add_rows(struct spool_server *s, struct op *op, size_t place, const enum delivery_state *states,
		    const int64_t *parent, int64_t *number)
{
	const struct spool_message *m = op_message(op, place);
	const int64_t *at = NULL;
	const char *file = NULL;
	bool waits = false;

	for (size_t i = 0; i < m->ndeliveries; i++)
		waits = waits || !state_final(states[i]);
	if (waits)
		place_body(op, place, &file, &at);
	if (add_message(s, m, file, at, parent, number) != 0)
		return -1;
	for (size_t i = 0; i < m->ndeliveries; i++)
		if (add_delivery(s, &m->deliveries[i], *number, states[i]) != 0)
			return -1;
	if (!waits)
		return db_run(&s->db, SQL_MESSAGE_FINISH, "ii", *number, s->now);
	if (file == NULL && db_run(&s->db, SQL_BODY_ADD, "ib", *number, m->body.n == 0 ? SLICE_LIT("") : m->body) != 0)
		return -1;
	return 0;
}

/* 1 when delivery I of F, which WHOLE causes, is none of its own: another of F goes there; or one who is known to have got
 * WHOLE asked for the same, and what an earlier message caused went there. 0 or -1. */
static int is_caused_before(struct spool_server *s, const struct spool_message *whole, const struct spool_message *f,
			    size_t i, const struct earlier *earlier)
{
	const struct spool_delivery *d = &f->deliveries[i];

	for (size_t k = 0; k < i; k++)
		if (same_place(&f->deliveries[k], d))
			return 1;
	if (earlier->known == 0 || count_known(whole, d, earlier) == 0)
		return 0;
	if (all_known(whole, d, earlier))
		return 1;
	for (size_t k = 0; k < earlier->n; k++) {
		int64_t number;
		int r = db_number(&s->db, &number, SQL_CAUSED_THERE, "iitt", earlier->messages[k], (int64_t)f->apart,
				  d->account, folder_normal(d->folder));

		if (r != 0)
			return r;
	}
	return 0;
}

/* A message that WHOLE causes; none when all that asked for it did so before. */
static int add_further(struct spool_server *s, struct op *op, size_t place, const struct earlier *earlier,
		       int64_t parent)
{
	const struct spool_message *whole = op->request, *m = op_message(op, place);
	enum delivery_state states[SPOOL_DELIVERIES_MAX];
	size_t known = 0;
	int64_t number, outside = 0;
	int quota;

	for (size_t i = 0; i < m->ndeliveries; i++)
		known += earlier->known > 0 && all_known(whole, &m->deliveries[i], earlier);
	if (known == m->ndeliveries)
		return 0;
	for (size_t i = 0; i < m->ndeliveries; i++) {
		const int r = is_caused_before(s, whole, m, i, earlier);

		if (r < 0)
			return -1;
		states[i] = r == 1 ? DELIVERY_MERGED : DELIVERY_QUEUED;
		outside += r == 0 && account_is_relay(m->deliveries[i].account);
	}
	quota = quota_take_rules(s, m, outside);
	if (quota < 0 || quota == 2)
		return quota < 0 ? -1 : 0;
	for (size_t i = 0; i < m->ndeliveries; i++)
		if (quota == 0 && states[i] == DELIVERY_QUEUED && account_is_relay(m->deliveries[i].account))
			states[i] = DELIVERY_HELD;
	return add_rows(s, op, place, states, &parent, &number);
}

/* Everything that the request is to leave. */
static int add_all(struct spool_server *s, struct op *op, const struct earlier *earlier, int64_t *number)
{
	const struct spool_message *m = op->request;
	enum delivery_state states[SPOOL_DELIVERIES_MAX];

	for (size_t i = 0; i < m->ndeliveries; i++) {
		const int r = is_merged(s, m, i, earlier);

		if (r < 0)
			return -1;
		states[i] = r == 1 ? DELIVERY_MERGED : DELIVERY_QUEUED;
	}
	if (add_rows(s, op, 0, states, NULL, number) != 0)
		return -1;
	for (size_t i = 1; i <= m->nfurther; i++)
		if (add_further(s, op, i, earlier, *number) != 0)
			return -1;
	return memory_add(s, m, earlier);
}

/* Does it wait for anything that decides what becomes of an original? */
static bool is_filed(const struct spool_message *m)
{
	if (m->ndeliveries > 0)
		return true;
	for (size_t i = 0; i < m->nfurther; i++)
		if (!m->further[i].apart)
			return true;
	return false;
}

static enum op_result answer(struct op *op, enum spool_answer a, int64_t number)
{
	op->answer = (struct accept_answer){ .answer = (int)a, .number = number };
	return OP_DONE;
}

/* A message and where it was fetched, both or neither. */
static enum op_result run_accept_fetched(struct spool_server *s, struct op *op)
{
	static const struct earlier none = { 0 };
	const struct spool_message *m = op->request;
	const char *source = op->peer->source->name;
	struct spool_origin row, new = *m->origin;
	bool note = new.fate == ORIGIN_SKIPPED;
	int64_t number;
	int r = origin_known(s, source, m->origin, &row, &op->pool);

	if (r < 0)
		return OP_FAILED;
	if (r == 2) {
		log_warning("not-its-memory", LOG_STR("source", source), LOG_STR("request", op->verb->name),
			    LOG_NUM("folder", m->origin->folder));
		return OP_BROKEN;
	}
	if (r == 0) /* its memory was dropped meanwhile: the next run begins anew */
		return answer(op, SPOOL_FAILED, 0);
	if (row.number != 0 && ((row.fate != ORIGIN_SKIPPED && row.fate != ORIGIN_REFUSED) ||
				(note && row.fate == ORIGIN_SKIPPED && new.number == 0))) {
		log_info("taken-already", LOG_STR("message", m->id), LOG_STR("source", source),
			 LOG_NUM("origin", row.number), LOG_NUM("accepted-as", row.message));
		return answer(op, SPOOL_DUPLICATE, row.message);
	}
	/* What is fetched is filed: it has no group that lets it out. */
	if (quota_take(s, m, &number) != 1)
		return OP_BROKEN;
	r = memory_check(s, m, &none);
	if (r == 0)
		return answer(op, SPOOL_ANEW, 0);
	if (r < 0 || add_all(s, op, &none, &number) != 0)
		return OP_FAILED;
	/* What becomes of a note says nothing about the original. */
	new.message = note ? 0 : number;
	new.settled = !note && !is_filed(m) ? ORIGIN_DELIVERED : ORIGIN_WAITS;
	new.taken_ms = s->now;
	if (origin_write(s, row.number, &new) != 0 ||
	    (!note && db_run(&s->db, SQL_SOURCE_TOOK, "ti", source, new.folder) != 0))
		return OP_FAILED;
	return answer(op, SPOOL_ACCEPTED, number);
}

/* The id under which MESSAGE was accepted, in the op's pool; NULL when its record is gone. 0 or -1. */
static int id_of(struct spool_server *s, struct op *op, int64_t message, const char **id)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_MESSAGE, "i", message);
	int r = db_step(&s->db, st);

	*id = NULL;
	if (r != 1)
		return r;
	*id = pool_text(&op->pool, slice_str(db_text(st, 1)));
	db_done(st);
	return 0;
}

/* What was known when rules refused it is known no longer: there is no delivery, and so it must be decided anew. */
static bool is_outdated(const struct spool_message *m, const struct earlier *earlier)
{
	for (size_t i = 0; i < m->nrecipients; i++)
		if (m->recipients[i].known && earlier->tickets[i] < 0)
			return true;
	return false;
}

static enum op_result run_accept(struct spool_server *s, struct op *op)
{
	const struct spool_message *m = op->request;
	struct accept_answer reply = { .answer = SPOOL_ACCEPTED };
	struct earlier earlier;

	if (m->origin != NULL)
		return s->low ? answer(op, SPOOL_FULL, 0) : run_accept_fetched(s, op);
	if (reply_find(s, m, &earlier) != 0)
		return OP_FAILED;
	if (is_outdated(m, &earlier))
		return answer(op, SPOOL_FAILED, 0);
	if (earlier.n > 0 && earlier.known == m->nrecipients) {
		reply.answer = SPOOL_DUPLICATE;
		reply.number = earlier.messages[0];
		if (id_of(s, op, reply.number, &reply.first) != 0)
			return OP_FAILED;
		log_info("duplicate", LOG_STR("message", m->id), LOG_STR("session", m->session),
			 LOG_STR("accepted-as", reply.first));
	} else if (s->low) {
		return answer(op, SPOOL_FULL, 0);
	} else {
		int64_t left = 0;
		int r = memory_check(s, m, &earlier);

		if (r == 0)
			return answer(op, SPOOL_ANEW, 0);
		r = r < 0 ? r : quota_take(s, m, &left);
		r = r == 1 ? quota_tells(s, m) : r;
		if (r == 0)
			return answer(op, SPOOL_LIMIT, left);
		if (r == 2)
			return OP_BROKEN;
		if (r < 0 || add_all(s, op, &earlier, &reply.number) != 0)
			return OP_FAILED;
	}
	reply.ticket = op->peer->serial << 32 | ++op->peer->last_ticket;
	if (reply_know(s, op, &earlier, reply.number, reply.ticket) != 0)
		return OP_FAILED;
	op->answer = reply;
	return OP_DONE;
}

enum { TAKES_IN = SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH };

const struct verb verbs_intake[] = {
	{ .type = REQUEST_ACCEPT,
	  .name = "accept",
	  .peers = TAKES_IN,
	  .together = true,
	  .decode = decode_accept,
	  .run = run_accept },
	{ .type = REQUEST_UPLOAD, .name = "upload", .peers = TAKES_IN, .at_once = true, .run = upload_open },
	{ .type = REQUEST_BUNDLE, .name = "bundle", .peers = TAKES_IN, .at_once = true, .run = bundle_open },
	{ .type = REQUEST_UPLOAD_DROP,
	  .name = "upload-drop",
	  .peers = TAKES_IN,
	  .silent = true,
	  .at_once = true,
	  .decode = op_decode_ask,
	  .run = upload_drop },
	{ 0 },
};
