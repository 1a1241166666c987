/*
 * What a hostile program may send the spool: packets, decoded as every request.
 * A message that is accepted must fit when it is sent on, and be the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void message_again(const struct spool_message *m)
{
	struct packets out = { 0 };
	struct pool pool = { 0 };
	struct spool_message again;
	struct slice fields = SLICE_NONE;
	struct parts parts;
	struct err e;
	int r = 0;

	parts_init(&parts);
	packets_begin(&out, REQUEST_ACCEPT, 1);
	protocol_put_message(&out, m);
	if (out.failed)
		abort();
	for (size_t i = 0; i < out.n; i++) {
		struct ipc_in in;

		if (r != 0 || ipc_parse(buf_slice(&out.all[i].buf), &in, &e) != 0)
			abort();
		r = parts_take(&parts, &in, &fields, &e);
	}
	if (r != 1 || protocol_get_message(fields, &again, &pool, &e) != 0)
		abort();
	if ((again.origin == NULL) != (m->origin == NULL) ||
	    (m->origin != NULL && (again.origin->uid != m->origin->uid || again.origin->folder != m->origin->folder ||
				   again.origin->fate != m->origin->fate ||
				   memcmp(again.origin->head, m->origin->head, ORIGIN_HEAD_SIZE) != 0)))
		abort();
	if (strcmp(again.id, m->id) != 0 || !slice_eq(again.body, m->body) || again.nrecipients != m->nrecipients ||
	    again.ndeliveries != m->ndeliveries || again.size != m->size)
		abort();
	for (size_t i = 0; i < m->ndeliveries; i++)
		if (strcmp(again.deliveries[i].folder, m->deliveries[i].folder) != 0 ||
		    !slice_eq(again.deliveries[i].prefix, m->deliveries[i].prefix))
			abort();
	pool_free(&pool);
	parts_free(&parts);
	packets_free(&out);
}

static void decode(struct slice fields)
{
	static const struct wire_table *const lists[] = { &wire_flight, &wire_outcome,	     &wire_work,
							  &wire_change, &wire_account,	     &wire_record_step,
							  &wire_origin, &wire_origin_change, &wire_folder,
							  &wire_id,	&wire_entry,	     &wire_source,
							  &wire_run,	&wire_counts };
	struct spool_message m;
	struct query query;
	struct page_of page;
	struct ask ask;
	struct reply reply;
	struct pool pool = { 0 };
	struct err e;
	void *all;
	size_t n;

	if (protocol_get_message(fields, &m, &pool, &e) == 0)
		message_again(&m);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		(void)wire_get_all(lists[i], fields, 1, SPOOL_BATCH_MAX, &all, &n, &pool, &e);
	(void)protocol_get_one(&wire_query, fields, &query, &pool, &e);
	(void)protocol_get_one(&wire_page, fields, &page, &pool, &e);
	(void)protocol_get_one(&wire_ask, fields, &ask, &pool, &e);
	(void)protocol_get_one(&wire_reply, fields, &reply, &pool, &e);
	pool_free(&pool);
}

/* The input is packets, each behind two octets that say how long it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts parts;
	struct err e;

	parts_init(&parts);
	while (size > 2) {
		size_t n = (size_t)data[0] | (size_t)data[1] << 8;
		struct slice fields;
		struct ipc_in in;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		if (ipc_parse(slice_of((const char *)data, n), &in, &e) == 0 &&
		    parts_take(&parts, &in, &fields, &e) == 1)
			decode(fields);
		data += n;
		size -= n;
	}
	parts_free(&parts);
	return 0;
}
