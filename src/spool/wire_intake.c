/* How a message that is taken in travels. */
#include "spool/protocol.h"

#define MESSAGE(member) offsetof(struct spool_message, member)

static const struct wire_field message_fields[] = {
	{ 1, WIRE_NAME, true, MESSAGE(id), 0, PROTOCOL_ID },
	{ 2, WIRE_WORDS, false, MESSAGE(session), 0, PROTOCOL_NAME },
	{ 3, WIRE_WORDS, false, MESSAGE(protocol), 0, PROTOCOL_NAME },
	{ 4, WIRE_WORDS, false, MESSAGE(client), 0, PROTOCOL_ADDRESS },
	{ 5, WIRE_WORDS, false, MESSAGE(helo), 0, PROTOCOL_ADDRESS },
	{ 6, WIRE_WORDS, false, MESSAGE(listener), 0, PROTOCOL_NAME },
	{ 7, WIRE_WORDS, false, MESSAGE(auth), 0, PROTOCOL_NAME },
	{ 8, WIRE_WORDS, true, MESSAGE(sender), 0, PROTOCOL_ADDRESS },
	{ 9, WIRE_WORDS, false, MESSAGE(message_id), 0, PROTOCOL_TEXT },
	{ 10, WIRE_WORDS, false, MESSAGE(from), 0, PROTOCOL_TEXT },
	{ 11, WIRE_WORDS, false, MESSAGE(subject), 0, PROTOCOL_TEXT },
	{ 12, WIRE_INT64, true, MESSAGE(received_ms), 0, 0 },
	{ 13, WIRE_INT64, false, MESSAGE(internal_ms), INT64_MIN, INT64_MAX },
	{ 14, WIRE_UINT64, false, MESSAGE(size), 0, 0 },
	{ 15, WIRE_BYTES, false, MESSAGE(body), 0, IPC_INLINE_MAX },
	{ 16, WIRE_UINT64, false, MESSAGE(upload), 0, 0 },
};
const struct wire_table wire_message = WIRE_TABLE(GROUP_MESSAGE, struct spool_message, message_fields);

#define RECIPIENT(member) offsetof(struct spool_recipient, member)

static const struct wire_field recipient_fields[] = {
	{ 1, WIRE_WORDS, true, RECIPIENT(address), 0, PROTOCOL_ADDRESS },
	{ 2, WIRE_NAME, true, RECIPIENT(account), 0, PROTOCOL_NAME },
	{ 3, WIRE_FIXED, true, RECIPIENT(fingerprint), 0, SPOOL_FINGERPRINT_SIZE },
	{ 4, WIRE_WORDS, false, RECIPIENT(verdict), 0, PROTOCOL_TEXT },
};
const struct wire_table wire_recipient = WIRE_TABLE(GROUP_RECIPIENT, struct spool_recipient, recipient_fields);

#define DELIVERY(member) offsetof(struct spool_delivery, member)

static const struct wire_field delivery_fields[] = {
	{ 1, WIRE_NAME, true, DELIVERY(id), 0, PROTOCOL_ID },
	{ 2, WIRE_NAME, true, DELIVERY(account), 0, PROTOCOL_NAME },
	{ 3, WIRE_NAME, true, DELIVERY(folder), 0, PROTOCOL_MAILBOX },
	{ 4, WIRE_NAME, false, DELIVERY(flags), 0, PROTOCOL_MAILBOX },
	{ 5, WIRE_WORDS, false, DELIVERY(rule), 0, PROTOCOL_TEXT },
	{ 6, WIRE_WORDS, false, DELIVERY(note), 0, PROTOCOL_TEXT },
	{ 7, WIRE_BOOL, false, DELIVERY(create), 0, 1 },
	{ 8, WIRE_BYTES, false, DELIVERY(prefix), 0, SPOOL_PREFIX_MAX },
};
const struct wire_table wire_delivery = WIRE_TABLE(GROUP_DELIVERY, struct spool_delivery, delivery_fields);

bool protocol_is_id(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++)
		if (!ascii_is_digit(s[n]) && (s[n] < 'a' || s[n] > 'z'))
			return false;
	return n == PROTOCOL_ID;
}

int protocol_get_one(const struct wire_table *t, struct slice fields, void *record, struct pool *a, struct err *e)
{
	struct ipc_field f;

	while (ipc_next(&fields, &f))
		if (f.tag == t->tag && f.kind == IPC_GROUP)
			return wire_get(t, f.bytes, record, a, e);
	return err_set(e, ERR_PROTOCOL, 0, "group %u is missing", (unsigned)t->tag);
}

static int check_message(const struct spool_message *m, struct err *e)
{
	if (!protocol_is_id(m->id))
		return err_set(e, ERR_PROTOCOL, 0, "a message with a malformed id");
	if (m->upload != 0 ? m->body.n != 0 : m->body.n != m->size && m->ndeliveries != 0)
		return err_set(e, ERR_PROTOCOL, 0, "a message whose size is not that of its body");
	for (size_t i = 0; i < m->ndeliveries; i++) {
		const struct spool_delivery *d = &m->deliveries[i];

		if (!protocol_is_id(d->id) || d->account[0] == '\0' || d->folder[0] == '\0')
			return err_set(e, ERR_PROTOCOL, 0, "a delivery without id, account or folder");
	}
	return 0;
}

int protocol_get_message(struct slice fields, struct spool_message *m, struct pool *a, struct err *e)
{
	void *recipients, *deliveries, *origins;
	size_t norigins;

	if (protocol_get_one(&wire_message, fields, m, a, e) != 0 ||
	    wire_get_all(&wire_recipient, fields, 0, SPOOL_RECIPIENTS_MAX, &recipients, &m->nrecipients, a, e) != 0 ||
	    wire_get_all(&wire_delivery, fields, 0, SPOOL_DELIVERIES_MAX, &deliveries, &m->ndeliveries, a, e) != 0 ||
	    wire_get_all(&wire_origin, fields, 0, 1, &origins, &norigins, a, e) != 0)
		return -1;
	m->origin = norigins == 0 ? NULL : origins;
	if (m->origin != NULL && m->origin->fate != ORIGIN_TAKEN && m->origin->fate != ORIGIN_SKIPPED)
		return err_set(e, ERR_PROTOCOL, 0, "a message that was neither taken nor stands for a skipped one");
	m->recipients = recipients;
	m->deliveries = deliveries;
	return check_message(m, e);
}

void protocol_put_message(struct packets *p, const struct spool_message *m)
{
	packets_put(p, &wire_message, m);
	for (size_t i = 0; i < m->nrecipients; i++)
		packets_put(p, &wire_recipient, &m->recipients[i]);
	for (size_t i = 0; i < m->ndeliveries; i++)
		packets_put(p, &wire_delivery, &m->deliveries[i]);
	if (m->origin != NULL) {
		struct spool_origin o = *m->origin;

		/* A server may tell any size. */
		o.size = o.size > INT64_MAX ? INT64_MAX : o.size;
		packets_put(p, &wire_origin, &o);
	}
	if (m->nrecipients > SPOOL_RECIPIENTS_MAX || m->ndeliveries > SPOOL_DELIVERIES_MAX ||
	    check_message(m, NULL) != 0)
		p->failed = true;
}
