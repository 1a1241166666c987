/* Bodies for a store: one by itself, or several small ones at once. Only of messages with a delivery of its account. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "spool/inside.h"

enum { REPLY_OCTETS = IPC_MAX * 4 };

static enum op_result no_body(struct spool_server *s, struct op *op, int64_t message, const char *why)
{
	struct reply reply = { .class = ERR_PERM, .text = why };

	if (!db_in_transaction(&s->db))
		return OP_FAILED; /* something is to be written: in the next batch */
	log_error("body-damaged", LOG_NUM("message", message), LOG_STR("reason", why));
	if (message_set_aside(s, message, why, &op->pool) != 0)
		return OP_FAILED;
	op_reply(op, &reply);
	return OP_DONE;
}

/* AT: where it begins in a file that it shares with others; they are not this store's. -1: it has the file for itself. */
static enum op_result file_body(struct spool_server *s, struct op *op, int64_t message, const char *file, int64_t at,
				int64_t size)
{
	char *path = body_path(s, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int error = errno;
	struct stat st;
	struct err e;

	free(path);
	if (fd < 0 && error != ENOENT) {
		struct reply reply = { .class = ERR_TEMP, .text = strerror(error) };

		op_reply(op, &reply);
		return OP_DONE;
	}
	if (fd < 0)
		return no_body(s, op, message, "its body is missing from the spool");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (at < 0 ? st.st_size != size : st.st_size < at + size)) {
		file_close(&fd);
		return no_body(s, op, message, "its body in the spool is damaged: it has another size");
	}
	/* A database that is older than the files, after a repair or from a backup. */
	if (at >= 0 && bundle_has_hole(fd, at, size)) {
		file_close(&fd);
		return no_body(s, op, message, "its body in the spool is damaged: it was given back already");
	}
	op->reply_fd = fd;
	if (at >= 0) {
		op->reply_fd = bundle_copy(fd, at, size, &e);
		file_close(&fd);
	}
	if (op->reply_fd < 0) {
		struct reply reply = { .class = ERR_TEMP, .text = e.text };

		op_reply(op, &reply);
		return OP_DONE;
	}
	return op_done(op);
}

static enum op_result inline_body(struct spool_server *s, struct op *op, int64_t message, int64_t size)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_BODY_INLINE, "i", message);
	struct reply reply = { 0 };
	int r = db_step(&s->db, st);

	if (r < 0)
		return OP_FAILED;
	if (r == 1) {
		reply.bytes = db_bytes(st, 0);
		if ((int64_t)reply.bytes.n == size)
			op_reply(op, &reply);
		else
			r = 0;
		db_done(st);
	}
	return r == 1 ? OP_DONE : no_body(s, op, message, "its body is missing from the spool");
}

static enum op_result run_body(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	sqlite3_stmt *st = db_ask(&s->db, SQL_BODY_OF, "it", ask->number, op->peer->account->name);
	int r = db_step(&s->db, st);
	int64_t size, at;
	char *file;
	bool finished;

	if (r < 0)
		return OP_FAILED;
	if (r == 0) {
		log_warning("not-its-message", LOG_STR("account", op->peer->account->name),
			    LOG_NUM("message", ask->number));
		return OP_BROKEN;
	}
	size = sqlite3_column_int64(st, 0);
	file = db_text(st, 1) == NULL ? NULL : pool_text(&op->pool, slice_str(db_text(st, 1)));
	finished = sqlite3_column_type(st, 2) != SQLITE_NULL;
	at = sqlite3_column_type(st, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 3);
	db_done(st);
	if (finished) {
		struct reply reply = { .class = ERR_PERM, .text = "the message is finished: its body is gone" };

		op_reply(op, &reply);
		return OP_DONE;
	}
	return file != NULL ? file_body(s, op, ask->number, file, at, size) : inline_body(s, op, ask->number, size);
}

static int decode_asks(struct op *op, struct slice fields, struct err *e)
{
	return op_decode_list(op, &wire_ask, fields, e);
}

/* The body of MESSAGE if it stands in the database. 1; 0 and the store is to be put out; -1. */
static int put_inline(struct spool_server *s, struct op *op, int64_t message)
{
	sqlite3_stmt *st = db_ask(&s->db, SQL_BODY_OF, "it", message, op->peer->account->name);
	int r = db_step(&s->db, st);
	struct body body = { .number = message };
	int64_t size;
	bool here;

	if (r != 1)
		return r;
	size = sqlite3_column_int64(st, 0);
	here = db_text(st, 1) == NULL && sqlite3_column_type(st, 2) == SQLITE_NULL;
	db_done(st);
	if (!here)
		return 1;
	st = db_ask(&s->db, SQL_BODY_INLINE, "i", message);
	r = db_step(&s->db, st);
	if (r < 0)
		return -1;
	if (r == 1) {
		body.bytes = db_bytes(st, 0);
		if ((int64_t)body.bytes.n == size)
			packets_put(&op->reply, &wire_body, &body);
		db_done(st);
	}
	return 1;
}

/* What is damaged, in a file, or more than fits is left out: the store then asks for it by itself. */
static enum op_result run_bodies(struct spool_server *s, struct op *op)
{
	static const struct reply reply = { 0 };
	const struct op_list *l = op->request;
	const struct ask *all = l->all;

	packets_begin(&op->reply, (uint16_t)op->verb->type, op->id);
	for (size_t i = 0; i < l->n && op->reply.total < REPLY_OCTETS; i++) {
		int r = put_inline(s, op, all[i].number);

		if (r == 0) {
			log_warning("not-its-message", LOG_STR("account", op->peer->account->name),
				    LOG_NUM("message", all[i].number));
			return OP_BROKEN;
		}
		if (r < 0)
			return OP_FAILED;
	}
	op_reply(op, &reply);
	return op->reply.failed ? OP_FAILED : OP_DONE;
}

const struct verb verbs_body[] = {
	{ .type = REQUEST_BODY,
	  .name = "body",
	  .peers = SPOOL_PEER_STORE,
	  .reads = true,
	  .decode = op_decode_ask,
	  .run = run_body },
	{ .type = REQUEST_BODIES,
	  .name = "bodies",
	  .peers = SPOOL_PEER_STORE,
	  .reads = true,
	  .decode = decode_asks,
	  .run = run_bodies },
	{ 0 },
};
