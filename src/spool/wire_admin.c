/* How the queue is shown and acted on. */
#include "spool/protocol.h"

#define QUERY(member) offsetof(struct query, member)

static const struct wire_field query_fields[] = {
	{ 1, WIRE_NAME, false, QUERY(id), 0, PROTOCOL_ID },
	{ 2, WIRE_NAME, false, QUERY(account), 0, PROTOCOL_NAME },
	{ 3, WIRE_NAME, false, QUERY(word), 0, PROTOCOL_TEXT },
	{ 4, WIRE_UINT32, false, QUERY(states), 0, 0 },
	{ 5, WIRE_INT64, false, QUERY(from), 0, 0 },
	{ 6, WIRE_INT, false, QUERY(action), 0, SPOOL_DELETE },
	{ 7, WIRE_BOOL, false, QUERY(again), 0, 1 },
	{ 8, WIRE_BOOL, false, QUERY(history), 0, 1 },
};
const struct wire_table wire_query = WIRE_TABLE(GROUP_QUERY, struct query, query_fields);

#define HEAD(member) offsetof(struct record_head, member)

static const struct wire_field head_fields[] = {
	{ 1, WIRE_NAME, true, HEAD(m.id), 0, PROTOCOL_ID },
	{ 2, WIRE_WORDS, false, HEAD(m.session), 0, PROTOCOL_NAME },
	{ 3, WIRE_WORDS, false, HEAD(m.protocol), 0, PROTOCOL_NAME },
	{ 4, WIRE_WORDS, false, HEAD(m.client), 0, PROTOCOL_ADDRESS },
	{ 5, WIRE_WORDS, false, HEAD(m.helo), 0, PROTOCOL_ADDRESS },
	{ 6, WIRE_WORDS, false, HEAD(m.listener), 0, PROTOCOL_NAME },
	{ 7, WIRE_WORDS, false, HEAD(m.auth), 0, PROTOCOL_NAME },
	{ 8, WIRE_WORDS, true, HEAD(m.sender), 0, PROTOCOL_ADDRESS },
	{ 9, WIRE_WORDS, false, HEAD(m.message_id), 0, PROTOCOL_TEXT },
	{ 10, WIRE_WORDS, false, HEAD(m.from), 0, PROTOCOL_TEXT },
	{ 11, WIRE_WORDS, false, HEAD(m.subject), 0, PROTOCOL_TEXT },
	{ 12, WIRE_INT64, false, HEAD(m.received_ms), 0, 0 },
	{ 14, WIRE_UINT64, false, HEAD(m.size), 0, 0 },
	{ 17, WIRE_INT64, true, HEAD(number), 0, 0 },
	{ 18, WIRE_INT64, false, HEAD(finished_ms), 0, 0 },
	{ 19, WIRE_WORDS, false, HEAD(source), 0, PROTOCOL_NAME },
	{ 20, WIRE_WORDS, false, HEAD(folder), 0, PROTOCOL_MAILBOX },
	{ 21, WIRE_WORDS, false, HEAD(uidl), 0, ORIGIN_NAME_MAX },
	{ 22, WIRE_UINT32, false, HEAD(uid), 0, 0 },
	{ 23, WIRE_WORDS, false, HEAD(parent), 0, PROTOCOL_ID },
	{ 24, WIRE_WORDS, false, HEAD(causes), 0, PROTOCOL_TEXT },
};
const struct wire_table wire_head = WIRE_TABLE(GROUP_MESSAGE, struct record_head, head_fields);

#define RECIPIENT(member) offsetof(struct spool_record_recipient, member)

static const struct wire_field recipient_fields[] = {
	{ 1, WIRE_WORDS, true, RECIPIENT(address), 0, PROTOCOL_ADDRESS },
	{ 2, WIRE_WORDS, false, RECIPIENT(account), 0, PROTOCOL_NAME },
	{ 4, WIRE_WORDS, false, RECIPIENT(verdict), 0, PROTOCOL_TEXT },
};
const struct wire_table wire_record_recipient =
    WIRE_TABLE(GROUP_RECIPIENT, struct spool_record_recipient, recipient_fields);

#define DELIVERY(member) offsetof(struct spool_record_delivery, member)

static const struct wire_field delivery_fields[] = {
	{ 1, WIRE_INT64, true, DELIVERY(number), 0, 0 },
	{ 2, WIRE_NAME, true, DELIVERY(id), 0, PROTOCOL_ID },
	{ 3, WIRE_WORDS, true, DELIVERY(account), 0, PROTOCOL_NAME },
	{ 4, WIRE_INT, true, DELIVERY(state), DELIVERY_QUEUED, DELIVERY_DELETED },
	{ 5, WIRE_WORDS, true, DELIVERY(folder), 0, PROTOCOL_MAILBOX },
	{ 6, WIRE_WORDS, false, DELIVERY(flags), 0, PROTOCOL_MAILBOX },
	{ 7, WIRE_WORDS, false, DELIVERY(rule), 0, PROTOCOL_TEXT },
	{ 8, WIRE_WORDS, false, DELIVERY(note), 0, PROTOCOL_TEXT },
	{ 9, WIRE_WORDS, false, DELIVERY(reason), 0, PROTOCOL_TEXT },
	{ 10, WIRE_INT, false, DELIVERY(attempts), 0, INT32_MAX },
	{ 11, WIRE_INT64, false, DELIVERY(due_ms), 0, 0 },
	{ 12, WIRE_INT64, false, DELIVERY(since_ms), 0, 0 },
	{ 13, WIRE_INT64, false, DELIVERY(doubt_ms), 0, 0 },
	{ 14, WIRE_UINT32, false, DELIVERY(uidvalidity), 0, 0 },
	{ 15, WIRE_UINT32, false, DELIVERY(uid), 0, 0 },
};
const struct wire_table wire_record_delivery = WIRE_TABLE(GROUP_RECORD, struct spool_record_delivery, delivery_fields);

#define STEP(member) offsetof(struct spool_record_step, member)

static const struct wire_field step_fields[] = {
	{ 1, WIRE_INT64, true, STEP(delivery), 0, 0 },
	{ 2, WIRE_INT, true, STEP(n), 0, INT32_MAX },
	{ 3, WIRE_INT64, true, STEP(at_ms), 0, 0 },
	{ 4, WIRE_INT, true, STEP(state), DELIVERY_QUEUED, DELIVERY_DELETED },
	{ 5, WIRE_INT, false, STEP(attempt), 0, INT32_MAX },
	{ 6, WIRE_WORDS, false, STEP(words), 0, PROTOCOL_TEXT },
};
const struct wire_table wire_record_step = WIRE_TABLE(GROUP_STEP, struct spool_record_step, step_fields);

#define ACCOUNT(member) offsetof(struct spool_account_row, member)

static const struct wire_field account_fields[] = {
	{ 1, WIRE_WORDS, true, ACCOUNT(account), 0, PROTOCOL_NAME },
	{ 2, WIRE_INT64, false, ACCOUNT(hold_until_ms), 0, 0 },
	{ 3, WIRE_WORDS, false, ACCOUNT(hold_reason), 0, PROTOCOL_TEXT },
	{ 4, WIRE_INT, false, ACCOUNT(hold_attempts), 0, INT32_MAX },
	{ 5, WIRE_INT64, false, ACCOUNT(next_due_ms), 0, 0 },
	{ 6, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_QUEUED]), 0, 0 },
	{ 7, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_FLIGHT]), 0, 0 },
	{ 8, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_DOUBT]), 0, 0 },
	{ 9, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_PARKED]), 0, 0 },
	{ 10, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_QUARANTINED]), 0, 0 },
	{ 11, WIRE_UINT64, false, ACCOUNT(waiting[DELIVERY_HELD]), 0, 0 },
	{ 12, WIRE_BOOL, false, ACCOUNT(hold_person), 0, 1 },
	{ 13, WIRE_INT64, false, ACCOUNT(oldest_ms), 0, 0 },
	{ 14, WIRE_INT64, false, ACCOUNT(filed_ms), 0, 0 },
	{ 15, WIRE_UINT64, false, ACCOUNT(filed), 0, 0 },
};
const struct wire_table wire_account = WIRE_TABLE(GROUP_ACCOUNT, struct spool_account_row, account_fields);

#define CHANGE(member) offsetof(struct spool_change, member)

static const struct wire_field change_fields[] = {
	{ 1, WIRE_NAME, true, CHANGE(message), 0, PROTOCOL_ID },
	{ 2, WIRE_NAME, true, CHANGE(delivery), 0, PROTOCOL_ID },
	{ 3, WIRE_WORDS, true, CHANGE(account), 0, PROTOCOL_NAME },
	{ 4, WIRE_INT, true, CHANGE(before), DELIVERY_QUEUED, DELIVERY_DELETED },
	{ 5, WIRE_INT, true, CHANGE(after), DELIVERY_QUEUED, DELIVERY_DELETED },
	{ 6, WIRE_WORDS, false, CHANGE(refused), 0, PROTOCOL_TEXT },
};
const struct wire_table wire_change = WIRE_TABLE(GROUP_CHANGE, struct spool_change, change_fields);
