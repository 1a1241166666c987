/* How a store's work and outcomes travel, and the plain questions and replies. */
#include "spool/protocol.h"

#define ASK(member) offsetof(struct ask, member)

static const struct wire_field ask_fields[] = {
	{ 1, WIRE_INT64, false, ASK(number), 0, 0 },	       { 2, WIRE_INT64, false, ASK(time), 0, 0 },
	{ 3, WIRE_INT64, false, ASK(octets), 0, 0 },	       { 4, WIRE_INT, false, ASK(count), 0, INT32_MAX },
	{ 5, WIRE_WORDS, false, ASK(text), 0, PROTOCOL_TEXT }, { 6, WIRE_BOOL, false, ASK(more), 0, 1 },
	{ 7, WIRE_BOOL, false, ASK(person), 0, 1 },
};
const struct wire_table wire_ask = WIRE_TABLE(GROUP_ASK, struct ask, ask_fields);

#define REPLY(member) offsetof(struct reply, member)

static const struct wire_field reply_fields[] = {
	{ 1, WIRE_INT, true, REPLY(class), 0, ERR_SYSTEM },
	{ 2, WIRE_WORDS, false, REPLY(text), 0, PROTOCOL_TEXT },
	{ 3, WIRE_INT, false, REPLY(answer), 0, SPOOL_LOST },
	{ 4, WIRE_INT64, false, REPLY(number), 0, 0 },
	{ 5, WIRE_INT64, false, REPLY(due), 0, 0 },
	{ 6, WIRE_INT, false, REPLY(attempts), 0, INT32_MAX },
	{ 7, WIRE_BYTES, false, REPLY(bytes), 0, IPC_INLINE_MAX },
};
const struct wire_table wire_reply = WIRE_TABLE(GROUP_REPLY, struct reply, reply_fields);

#define WORK(member) offsetof(struct work, member)

static const struct wire_field work_fields[] = {
	{ 1, WIRE_INT64, true, WORK(w.number), 0, 0 },
	{ 2, WIRE_INT64, true, WORK(w.message), 0, 0 },
	{ 3, WIRE_NAME, true, WORK(w.id), 0, PROTOCOL_ID },
	{ 4, WIRE_INT, true, WORK(w.state), DELIVERY_QUEUED, DELIVERY_DELETED },
	{ 5, WIRE_NAME, true, WORK(w.folder), 0, PROTOCOL_MAILBOX },
	{ 6, WIRE_NAME, false, WORK(w.flags), 0, PROTOCOL_MAILBOX },
	{ 7, WIRE_BYTES, false, WORK(prefix), 0, SPOOL_PREFIX_MAX },
	{ 8, WIRE_UINT64, false, WORK(w.size), 0, 0 },
	{ 9, WIRE_INT64, false, WORK(w.internal_ms), INT64_MIN, INT64_MAX },
	{ 10, WIRE_BOOL, false, WORK(w.create), 0, 1 },
	{ 11, WIRE_BOOL, false, WORK(w.inbox_too), 0, 1 },
	{ 12, WIRE_INT, false, WORK(w.attempts), 0, INT32_MAX },
	{ 13, WIRE_INT64, false, WORK(w.doubt_ms), 0, 0 },
	{ 14, WIRE_UINT32, false, WORK(w.floor_uidvalidity), 0, 0 },
	{ 15, WIRE_UINT32, false, WORK(w.floor_uidnext), 0, 0 },
	{ 16, WIRE_NAME, false, WORK(w.floor_folder), 0, PROTOCOL_MAILBOX },
	{ 17, WIRE_WORDS, false, WORK(w.sender), 0, PROTOCOL_ADDRESS },
};
const struct wire_table wire_work = WIRE_TABLE(GROUP_WORK, struct work, work_fields);

#define FLIGHT(member) offsetof(struct spool_flight, member)

static const struct wire_field flight_fields[] = {
	{ 1, WIRE_INT64, true, FLIGHT(number), 0, 0 },
	{ 2, WIRE_NAME, true, FLIGHT(mailbox), 0, PROTOCOL_MAILBOX },
	{ 3, WIRE_UINT32, false, FLIGHT(uidvalidity), 0, 0 },
	{ 4, WIRE_UINT32, false, FLIGHT(uidnext), 0, 0 },
};
const struct wire_table wire_flight = WIRE_TABLE(GROUP_FLIGHT, struct spool_flight, flight_fields);

#define OUTCOME(member) offsetof(struct spool_outcome, member)

static const struct wire_field outcome_fields[] = {
	{ 1, WIRE_INT64, true, OUTCOME(number), 0, 0 },
	{ 2, WIRE_INT, true, OUTCOME(kind), OUTCOME_DONE, OUTCOME_ELSEWHERE },
	{ 3, WIRE_UINT32, false, OUTCOME(uidvalidity), 0, 0 },
	{ 4, WIRE_UINT32, false, OUTCOME(uid), 0, 0 },
	{ 5, WIRE_INT64, false, OUTCOME(due_ms), 0, 0 },
	{ 6, WIRE_NAME, false, OUTCOME(folder), 0, PROTOCOL_MAILBOX },
	{ 7, WIRE_WORDS, false, OUTCOME(reason), 0, PROTOCOL_TEXT },
	{ 8, WIRE_BOOL, false, OUTCOME(sent), 0, 1 },
	{ 9, WIRE_BOOL, false, OUTCOME(unsent), 0, 1 },
};
const struct wire_table wire_outcome = WIRE_TABLE(GROUP_OUTCOME, struct spool_outcome, outcome_fields);

static const struct wire_field piece_fields[] = {
	{ 1, WIRE_BYTES, true, offsetof(struct piece, bytes), 0, PROTOCOL_PIECE },
};
const struct wire_table wire_piece = WIRE_TABLE(GROUP_PIECE, struct piece, piece_fields);

void protocol_put_pieces(struct packets *p, struct slice text)
{
	while (text.n > 0) {
		struct piece piece = { slice_of(text.p, text.n < PROTOCOL_PIECE ? text.n : PROTOCOL_PIECE) };

		packets_put(p, &wire_piece, &piece);
		text = slice_skip(text, piece.bytes.n);
	}
}

int protocol_get_pieces(struct slice fields, struct buf *out, struct err *e)
{
	struct pool pool = { 0 };
	struct piece *pieces;
	void *all;
	size_t n;
	int r = wire_get_all(&wire_piece, fields, 0, out->max / PROTOCOL_PIECE + 1, &all, &n, &pool, e);

	pieces = all;
	for (size_t i = 0; r == 0 && i < n; i++)
		if (buf_add_slice(out, pieces[i].bytes) != 0)
			r = err_set(e, ERR_PROTOCOL, 0, "a text is too long");
	pool_free(&pool);
	return r;
}

#define BODY(member) offsetof(struct body, member)

static const struct wire_field body_fields[] = {
	{ 1, WIRE_INT64, true, BODY(number), 0, 0 },
	{ 2, WIRE_BYTES, false, BODY(bytes), 0, IPC_INLINE_MAX },
};
const struct wire_table wire_body = WIRE_TABLE(GROUP_BODY, struct body, body_fields);
