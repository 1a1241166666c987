/* Taking a message in. */
#include <string.h>

#include "base/log.h"
#include "spool/inside.h"

/* Earlier messages that one message's recipients may be known from; more are not looked at. */
enum { EARLIER_MAX = 16 };

struct earlier {
	int64_t messages[EARLIER_MAX];
	size_t n;
	size_t known; /* recipients */
};

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
	if (m->upload == 0)
		return 0;
	op->upload = upload_take(op->peer, (int64_t)m->upload);
	return op->upload != NULL ? 0 : err_set(e, ERR_PROTOCOL, 0, "a message with a body that was not uploaded");
}

/* Which recipients' messages are known from a client that may not have read our reply. */
static int find_earlier(struct spool_server *s, const struct spool_message *m, struct earlier *earlier)
{
	const int64_t since = m->received_ms - (m->message_id == NULL ? AGAIN_NAMELESS_MS : AGAIN_MS);

	for (size_t i = 0; i < m->nrecipients; i++) {
		struct slice print = slice_of((const char *)m->recipients[i].fingerprint, SPOOL_FINGERPRINT_SIZE);
		int64_t message;
		size_t k = 0;
		int r = db_number(&s->db, &message, SQL_KNOWN, "bi", print, since);

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

/* From now on all recipients' fingerprints stand for MESSAGE, until this peer confirms it. */
static int know(struct spool_server *s, struct op *op, int64_t message)
{
	const struct spool_message *m = op->request;

	for (size_t i = 0; i < m->nrecipients; i++) {
		struct slice print = slice_of((const char *)m->recipients[i].fingerprint, SPOOL_FINGERPRINT_SIZE);

		if (db_run(&s->db, SQL_KNOW, "biii", print, message, op->peer->serial, s->now) != 0)
			return -1;
	}
	return 0;
}

/* 1 when that folder gets, or got, this very content by an earlier delivery: of this message (the first I), or of one
 * that was accepted before and is now sent again to some of its recipients. */
static int is_merged(struct spool_server *s, const struct spool_message *m, size_t i, const struct earlier *earlier)
{
	const struct spool_delivery *d = &m->deliveries[i];
	const char *folder = folder_normal(d->folder);

	for (size_t k = 0; k < i; k++)
		if (strcmp(m->deliveries[k].account, d->account) == 0 &&
		    strcmp(folder_normal(m->deliveries[k].folder), folder) == 0)
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

static int add_delivery(struct spool_server *s, const struct spool_delivery *d, int64_t message, bool merged)
{
	enum delivery_state state = merged ? DELIVERY_MERGED : DELIVERY_QUEUED;

	if (!state_legal(STATE_NONE, (int)state, ACTOR_INTAKE))
		return -1;
	server_account(s, d->account)->dirty = true;
	return db_run(&s->db, SQL_DELIVERY_ADD, "ittittttiiib", message, d->id, d->account, (int64_t)state,
		      folder_normal(d->folder), d->flags, d->rule, d->note, (int64_t)d->create, s->now, s->now,
		      merged ? SLICE_NONE : d->prefix);
}

static int add_rows(struct spool_server *s, struct op *op, const struct earlier *earlier, int64_t *number)
{
	const struct spool_message *m = op->request;
	bool merged[SPOOL_DELIVERIES_MAX], waits = false;
	const char *file = NULL;

	for (size_t i = 0; i < m->ndeliveries; i++) {
		int r = is_merged(s, m, i, earlier);

		if (r < 0)
			return -1;
		merged[i] = r == 1;
		waits = waits || !merged[i];
	}
	if (waits && op->upload != NULL) {
		file = op->upload->name;
		op->keep_file = true;
	}
	if (db_run(&s->db, SQL_MESSAGE_ADD, "tttttttttttiiit", m->id, m->session, m->protocol, m->client, m->helo,
		   m->listener, m->auth, m->sender, m->message_id, m->from, m->subject, m->received_ms, m->internal_ms,
		   (int64_t)m->size, file) != 0)
		return -1;
	*number = sqlite3_last_insert_rowid(s->db.handle);
	for (size_t i = 0; i < m->nrecipients; i++) {
		const struct spool_recipient *r = &m->recipients[i];

		if (db_run(&s->db, SQL_RECIPIENT_ADD, "iittt", *number, (int64_t)i, r->address, r->account,
			   r->verdict) != 0)
			return -1;
	}
	for (size_t i = 0; i < m->ndeliveries; i++)
		if (add_delivery(s, &m->deliveries[i], *number, merged[i]) != 0)
			return -1;
	if (!waits)
		return db_run(&s->db, SQL_MESSAGE_FINISH, "ii", *number, s->now);
	if (file == NULL && db_run(&s->db, SQL_BODY_ADD, "ib", *number, m->body.n == 0 ? SLICE_LIT("") : m->body) != 0)
		return -1;
	return 0;
}

static enum op_result answer(struct op *op, enum spool_answer a, int64_t number)
{
	const struct reply reply = { .answer = (int)a, .number = number };

	op_reply(op, &reply);
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
	if (add_rows(s, op, &none, &number) != 0)
		return OP_FAILED;
	/* What becomes of a note says nothing about the original. */
	new.message = note ? 0 : number;
	new.settled = !note && m->ndeliveries == 0 ? ORIGIN_DELIVERED : ORIGIN_WAITS;
	new.taken_ms = s->now;
	if (origin_write(s, row.number, &new) != 0 ||
	    (!note && db_run(&s->db, SQL_SOURCE_TOOK, "ti", source, new.folder) != 0))
		return OP_FAILED;
	return answer(op, SPOOL_ACCEPTED, number);
}

static enum op_result run_accept(struct spool_server *s, struct op *op)
{
	const struct spool_message *m = op->request;
	struct reply reply = { .answer = SPOOL_ACCEPTED };
	struct earlier earlier = { 0 };

	if (s->low)
		return answer(op, SPOOL_FULL, 0);
	if (m->origin != NULL)
		return run_accept_fetched(s, op);
	if (find_earlier(s, m, &earlier) != 0)
		return OP_FAILED;
	if (earlier.n > 0 && earlier.known == m->nrecipients) {
		reply.answer = SPOOL_DUPLICATE;
		reply.number = earlier.messages[0];
		log_info("duplicate", LOG_STR("message", m->id), LOG_STR("session", m->session),
			 LOG_NUM("accepted-as", reply.number));
	} else if (add_rows(s, op, &earlier, &reply.number) != 0) {
		return OP_FAILED;
	}
	if (know(s, op, reply.number) != 0)
		return OP_FAILED;
	op_reply(op, &reply);
	return OP_DONE;
}

static int decode_ask(struct op *op, struct slice fields, struct err *e)
{
	op->request = pool_alloc(&op->pool, sizeof(struct ask));
	return protocol_get_one(&wire_ask, fields, op->request, &op->pool, e);
}

static enum op_result run_confirm(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;

	return db_run(&s->db, SQL_CONFIRM, "ii", ask->number, op->peer->serial) == 0 ? OP_DONE : OP_FAILED;
}

enum { TAKES_IN = SPOOL_PEER_INTAKE | SPOOL_PEER_FETCH };

const struct verb verbs_intake[] = {
	{ .type = REQUEST_ACCEPT, .name = "accept", .peers = TAKES_IN, .decode = decode_accept, .run = run_accept },
	{ .type = REQUEST_CONFIRM,
	  .name = "confirm",
	  .peers = SPOOL_PEER_INTAKE,
	  .silent = true,
	  .decode = decode_ask,
	  .run = run_confirm },
	{ .type = REQUEST_UPLOAD, .name = "upload", .peers = TAKES_IN, .at_once = true, .run = upload_open },
	{ .type = REQUEST_UPLOAD_DROP,
	  .name = "upload-drop",
	  .peers = TAKES_IN,
	  .silent = true,
	  .at_once = true,
	  .decode = decode_ask,
	  .run = upload_drop },
	{ 0 },
};
