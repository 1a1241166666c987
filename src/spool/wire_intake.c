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
	{ 17, WIRE_UINT64, false, MESSAGE(bundle), 0, 0 },
	{ 18, WIRE_UINT64, false, MESSAGE(at), 0, BUNDLE_MAX },
	{ 19, WIRE_NAME, false, MESSAGE(relay_group), 0, PROTOCOL_NAME },
	{ 20, WIRE_BOOL, false, MESSAGE(apart), 0, 1 },
	{ 21, WIRE_BOOL, false, MESSAGE(refused), 0, 1 },
};
const struct wire_table wire_message = WIRE_TABLE(GROUP_MESSAGE, struct spool_message, message_fields);
const struct wire_table wire_further = WIRE_TABLE(GROUP_FURTHER, struct spool_message, message_fields);

#define RECIPIENT(member) offsetof(struct spool_recipient, member)

static const struct wire_field recipient_fields[] = {
	{ 1, WIRE_WORDS, true, RECIPIENT(address), 0, PROTOCOL_ADDRESS },
	{ 2, WIRE_NAME, true, RECIPIENT(account), 0, PROTOCOL_NAME },
	{ 3, WIRE_FIXED, true, RECIPIENT(fingerprint), 0, SPOOL_FINGERPRINT_SIZE },
	{ 4, WIRE_WORDS, false, RECIPIENT(verdict), 0, PROTOCOL_TEXT },
	{ 5, WIRE_BOOL, false, RECIPIENT(known), 0, 1 },
	{ 6, WIRE_INT, false, RECIPIENT(of), 0, SPOOL_FURTHER_MAX },
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
	{ 9, WIRE_BYTES, false, DELIVERY(to), 0, 2 * SPOOL_RECIPIENTS_MAX },
	{ 10, WIRE_INT, false, DELIVERY(of), 0, SPOOL_FURTHER_MAX },
};
const struct wire_table wire_delivery = WIRE_TABLE(GROUP_DELIVERY, struct spool_delivery, delivery_fields);

#define KEY(member) offsetof(struct spool_memory, member)

static const struct wire_field key_fields[] = {
	{ 1, WIRE_NAME, true, KEY(account), 0, PROTOCOL_NAME },
	{ 2, WIRE_FIXED, true, KEY(key), 0, SPOOL_KEY_SIZE },
	{ 3, WIRE_INT64, false, KEY(seconds), 0, 0 },
	{ 4, WIRE_BOOL, false, KEY(once), 0, 1 },
	{ 5, WIRE_INT, false, KEY(to), 0, SPOOL_RECIPIENTS_MAX - 1 },
};
const struct wire_table wire_key = WIRE_TABLE(GROUP_KEY, struct spool_memory, key_fields);

#define ANSWER(member) offsetof(struct accept_answer, member)

static const struct wire_field answer_fields[] = {
	{ 1, WIRE_UINT32, true, ANSWER(id), 0, UINT32_MAX },
	{ 2, WIRE_INT, true, ANSWER(answer), 0, SPOOL_LOST },
	{ 3, WIRE_INT64, false, ANSWER(number), 0, 0 },
	{ 4, WIRE_INT64, false, ANSWER(ticket), 0, 0 },
	{ 5, WIRE_NAME, false, ANSWER(first), 0, PROTOCOL_ID },
};
const struct wire_table wire_answer = WIRE_TABLE(GROUP_ANSWER, struct accept_answer, answer_fields);

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
	if (m->bundle != 0 && (m->upload != 0 || m->size == 0))
		return err_set(e, ERR_PROTOCOL, 0, "a message whose body would stand in two places");
	if (m->upload != 0 || m->bundle != 0 ? m->body.n != 0 : m->body.n != m->size && m->ndeliveries != 0)
		return err_set(e, ERR_PROTOCOL, 0, "a message whose size is not that of its body");
	for (size_t i = 0; i < m->ndeliveries; i++) {
		const struct spool_delivery *d = &m->deliveries[i];

		if (!protocol_is_id(d->id) || d->account[0] == '\0' || d->folder[0] == '\0')
			return err_set(e, ERR_PROTOCOL, 0, "a delivery without id, account or folder");
	}
	return 0;
}

static int check_further(const struct spool_message *m, struct err *e)
{
	for (size_t i = 0; i < m->nfurther; i++) {
		const struct spool_message *f = &m->further[i];

		if (f->bundle != 0 || f->relay_group != NULL || f->ndeliveries == 0 ||
		    f->nrecipients > SPOOL_FURTHER_TO_MAX)
			return err_set(e, ERR_PROTOCOL, 0, "a further message that can't be one");
		if (check_message(f, e) != 0)
			return -1;
	}
	for (size_t i = 0; i < m->nmemory; i++)
		if (m->memory[i].to >= (int)m->nrecipients)
			return err_set(e, ERR_PROTOCOL, 0, "something to be remembered for nobody");
	return 0;
}

/* Those of the message, then those of the first further one, and so on. */
static int split(struct spool_message *m, struct spool_message *further, const struct spool_recipient *recipients,
		 size_t nrecipients, const struct spool_delivery *deliveries, size_t ndeliveries, struct err *e)
{
	size_t r = 0, d = 0;

	for (size_t i = 0; i <= m->nfurther; i++) {
		struct spool_message *to = i == 0 ? m : &further[i - 1];
		const size_t r0 = r, d0 = d;

		while (r < nrecipients && recipients[r].of == (int)i)
			r++;
		while (d < ndeliveries && deliveries[d].of == (int)i)
			d++;
		to->recipients = recipients + r0;
		to->nrecipients = r - r0;
		to->deliveries = deliveries + d0;
		to->ndeliveries = d - d0;
	}
	if (r == nrecipients && d == ndeliveries && m->nrecipients <= SPOOL_RECIPIENTS_MAX)
		return 0;
	return err_set(e, ERR_PROTOCOL, 0, "a recipient or a delivery that belongs to no message");
}

int protocol_get_message(struct slice fields, struct spool_message *m, struct pool *a, struct err *e)
{
	enum { RECIPIENTS_ALL = SPOOL_RECIPIENTS_MAX + SPOOL_FURTHER_MAX * SPOOL_FURTHER_TO_MAX };
	void *recipients, *deliveries, *origins, *further, *memory;
	size_t norigins, nrecipients, ndeliveries;

	if (protocol_get_one(&wire_message, fields, m, a, e) != 0 ||
	    wire_get_all(&wire_recipient, fields, 0, RECIPIENTS_ALL, &recipients, &nrecipients, a, e) != 0 ||
	    wire_get_all(&wire_delivery, fields, 0, SPOOL_DELIVERIES_MAX, &deliveries, &ndeliveries, a, e) != 0 ||
	    wire_get_all(&wire_origin, fields, 0, 1, &origins, &norigins, a, e) != 0 ||
	    wire_get_all(&wire_further, fields, 0, SPOOL_FURTHER_MAX, &further, &m->nfurther, a, e) != 0 ||
	    wire_get_all(&wire_key, fields, 0, SPOOL_MEMORY_MAX, &memory, &m->nmemory, a, e) != 0)
		return -1;
	m->origin = norigins == 0 ? NULL : origins;
	if (m->origin != NULL && m->origin->fate != ORIGIN_TAKEN && m->origin->fate != ORIGIN_SKIPPED)
		return err_set(e, ERR_PROTOCOL, 0, "a message that was neither taken nor stands for a skipped one");
	m->further = further;
	m->memory = memory;
	if (split(m, further, recipients, nrecipients, deliveries, ndeliveries, e) != 0 || check_message(m, e) != 0)
		return -1;
	return check_further(m, e);
}

static void put_people(struct packets *p, const struct spool_message *m, int of)
{
	for (size_t i = 0; i < m->nrecipients; i++) {
		struct spool_recipient r = m->recipients[i];

		r.of = of;
		packets_put(p, &wire_recipient, &r);
	}
	for (size_t i = 0; i < m->ndeliveries; i++) {
		struct spool_delivery d = m->deliveries[i];

		d.of = of;
		packets_put(p, &wire_delivery, &d);
	}
}

void protocol_put_message(struct packets *p, const struct spool_message *m)
{
	size_t ndeliveries = m->ndeliveries;

	packets_put(p, &wire_message, m);
	put_people(p, m, 0);
	for (size_t i = 0; i < m->nfurther && i < SPOOL_FURTHER_MAX; i++) {
		packets_put(p, &wire_further, &m->further[i]);
		put_people(p, &m->further[i], (int)i + 1);
		ndeliveries += m->further[i].ndeliveries;
	}
	for (size_t i = 0; i < m->nmemory; i++)
		packets_put(p, &wire_key, &m->memory[i]);
	if (m->origin != NULL) {
		struct spool_origin o = *m->origin;

		/* A server may tell any size. */
		o.size = o.size > INT64_MAX ? INT64_MAX : o.size;
		packets_put(p, &wire_origin, &o);
	}
	if (m->nrecipients > SPOOL_RECIPIENTS_MAX || ndeliveries > SPOOL_DELIVERIES_MAX ||
	    m->nfurther > SPOOL_FURTHER_MAX || m->nmemory > SPOOL_MEMORY_MAX || check_message(m, NULL) != 0 ||
	    check_further(m, NULL) != 0)
		p->failed = true;
}
