/* What a fetcher reports, what a client of the control socket asks for, and what it is told: one packet each. Whatever
 * can be read stays the same when it is written and read again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/sync.h"
#include "role/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct ipc_in again(struct ipc_out *out)
{
	struct ipc_in in;
	struct err e;

	must(ipc_parse(buf_slice(&out->buf), &in, &e) == 0);
	return in;
}

static void same_progress(const struct run_progress *a, const struct run_progress *b)
{
	must(same(a->folder, b->folder) && a->messages == b->messages && a->messages_all == b->messages_all);
	must(a->octets == b->octets && a->octets_all == b->octets_all && a->skipped == b->skipped &&
	     a->known == b->known);
	must(a->own == b->own && a->removed == b->removed && a->moved == b->moved && a->marked == b->marked);
	/* As many as there can be sources may be added up. */
	must(a->octets <= INT64_MAX / 4096);
}

static void same_line(const struct run_line *a, const struct run_line *b)
{
	must(same(a->folder, b->folder) && same(a->name, b->name) && a->size == b->size && same(a->from, b->from));
	must(same(a->subject, b->subject) && same(a->message_id, b->message_id) && same(a->to, b->to));
	must(same(a->account, b->account) && same(a->into, b->into) && same(a->rule, b->rule) && same(a->why, b->why));
}

static void read_report(const struct ipc_in *in)
{
	struct fetch_ran a, b;
	struct ipc_out out;

	fetch_get_ran(in->rest, &a);
	must(a.result.end >= RUN_OK && a.result.end <= RUN_PARTLY && strlen(a.result.words) < sizeof a.result.words);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 0);
	fetch_put_ran(&out, &a);
	fetch_get_ran(again(&out).rest, &b);
	same_progress(&a.result.done, &b.result.done);
	must(a.result.end == b.result.end && a.started_ms == b.started_ms && a.ended_ms == b.ended_ms &&
	     a.idle == b.idle);
	must(a.result.delay_ms == b.result.delay_ms && strcmp(a.result.words, b.result.words) == 0);
	ipc_out_free(&out);
}

static void read_event(const struct ipc_in *in)
{
	struct sync_event a, b;
	struct ipc_out out;
	struct ipc_in back;

	if (sync_get_event(in, &a) != 0)
		return;
	ipc_out_init(&out);
	sync_put_event(&out, &a);
	back = again(&out);
	must(sync_get_event(&back, &b) == 0);
	must(a.kind == b.kind && same(a.name, b.name) && a.state == b.state && same(a.words, b.words));
	if (a.kind == SYNC_PROGRESS || a.kind == SYNC_RAN)
		same_progress(&a.progress, &b.progress);
	if (a.kind == SYNC_LINE)
		same_line(&a.line, &b.line);
	if (a.kind == SYNC_ACCOUNT)
		must(a.waiting == b.waiting && a.filed == b.filed && a.stuck == b.stuck && a.next_ms == b.next_ms &&
		     a.held == b.held);
	sync_event_clear(&a);
	sync_event_clear(&b);
	ipc_out_free(&out);
}

static void read_row(const struct ipc_in *in)
{
	struct plan_row a, b;
	struct ipc_out out;
	struct ipc_in back;

	if (plan_get_row(in, &a) != 0)
		return;
	ipc_out_init(&out);
	plan_put_row(&out, &a);
	back = again(&out);
	must(plan_get_row(&back, &b) == 0);
	must(same(a.name, b.name) && same(a.words, b.words) && a.state == b.state && a.next_ms == b.next_ms);
	same_progress(&a.progress, &b.progress);
	plan_row_clear(&a);
	plan_row_clear(&b);
	ipc_out_free(&out);
}

static void read_request(const struct ipc_in *in)
{
	struct sync_request a, b;
	struct ipc_out out;

	if (sync_get_request(in->rest, &a) != 0)
		return;
	must(a.mode >= RUN_FETCH && a.mode <= RUN_COPY && (a.mode != RUN_COPY || (a.copy_to != NULL && a.n == 1)));
	ipc_out_init(&out);
	ipc_begin(&out, 1, 0);
	sync_put_request(&out, &a);
	must(sync_get_request(again(&out).rest, &b) == 0);
	must(a.mode == b.mode && same(a.copy_to, b.copy_to) && a.n == b.n);
	for (size_t i = 0; i < a.n; i++)
		must(same(a.names[i], b.names[i]));
	sync_request_free(&a);
	sync_request_free(&b);
	ipc_out_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_in in;
	struct err e;

	if (size > IPC_MAX / 2 || ipc_parse(slice_of((const char *)data, size), &in, &e) != 0)
		return 0;
	read_report(&in);
	read_event(&in);
	read_row(&in);
	read_request(&in);
	return 0;
}
