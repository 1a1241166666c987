/* What is asked and told of a sync, as messages. */
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/control.h"
#include "cmd/sync.h"
#include "role/fetch.h"

enum { NAME_MAX_BYTES = 255, NAMES_MAX = 2000, WORDS_MAX = 1000 };

enum sync_tag {
	TAG_NAME = 200, /* of a request: any number of them */
	TAG_STATE,
	TAG_WORDS,
	TAG_ATTACHED,
	TAG_LOST,
	TAG_WAITING,
	TAG_FILED,
	TAG_STUCK,
	TAG_NEXT,
	TAG_HELD,
	TAG_STATUS,
	TAG_STARTED,
	TAG_ENDED
};

/* ---- the request ---- */

void sync_put_request(struct ipc_out *out, const struct sync_request *r)
{
	ipc_put_number(out, FETCH_TAG_MODE, r->mode);
	ipc_put_str(out, FETCH_TAG_COPY_TO, r->copy_to);
	for (size_t i = 0; i < r->n; i++)
		ipc_put_str(out, TAG_NAME, r->names[i]);
}

void sync_request_free(struct sync_request *r)
{
	for (size_t i = 0; i < r->n; i++)
		free((char *)r->names[i]);
	free((void *)r->names);
	free((char *)r->copy_to);
	*r = (struct sync_request){ .n = 0 };
}

static int get_names(struct slice fields, struct sync_request *out)
{
	const char **names = mem_array(NAMES_MAX, sizeof *names);
	struct ipc_field f;

	out->names = names;
	while (ipc_next(&fields, &f)) {
		if (f.tag != TAG_NAME)
			continue;
		if (f.kind != IPC_BYTES || f.bytes.n == 0 || f.bytes.n > NAME_MAX_BYTES || out->n == NAMES_MAX ||
		    memchr(f.bytes.p, '\0', f.bytes.n) != NULL)
			return -1;
		names[out->n++] = slice_dup(f.bytes);
	}
	return 0;
}

int sync_get_request(struct slice fields, struct sync_request *out)
{
	int64_t mode = ipc_get_number(fields, FETCH_TAG_MODE, RUN_FETCH);

	*out = (struct sync_request){ .mode = (enum run_mode)mode,
				      .copy_to = ipc_get_str(fields, FETCH_TAG_COPY_TO, NAME_MAX_BYTES) };
	if (mode >= RUN_FETCH && mode <= RUN_COPY && get_names(fields, out) == 0 &&
	    (mode != RUN_FETCH || out->copy_to == NULL) && (out->copy_to == NULL || out->n == 1) &&
	    (mode != RUN_COPY || out->copy_to != NULL))
		return 0;
	sync_request_free(out);
	return -1;
}

/* ---- the events ---- */

void sync_put_event(struct ipc_out *out, const struct sync_event *ev)
{
	ipc_begin(out, (uint16_t)ev->kind, 0);
	ipc_put_str(out, TAG_NAME, ev->name);
	ipc_put_number(out, TAG_STATE, ev->state);
	ipc_put_str(out, TAG_WORDS, ev->words);
	switch (ev->kind) {
	case SYNC_SOURCE:
		ipc_put_number(out, TAG_ATTACHED, ev->attached);
		ipc_put_number(out, TAG_STARTED, ev->started_ms);
		break;
	case SYNC_PROGRESS:
		fetch_put_progress(out, &ev->progress);
		break;
	case SYNC_LINE:
		fetch_put_line(out, &ev->line);
		ipc_put_number(out, TAG_LOST, (int64_t)ev->lost);
		break;
	case SYNC_RAN:
		fetch_put_progress(out, &ev->progress);
		ipc_put_number(out, FETCH_TAG_END, ev->end);
		ipc_put_number(out, TAG_LOST, (int64_t)ev->lost);
		ipc_put_number(out, TAG_STARTED, ev->started_ms);
		ipc_put_number(out, TAG_ENDED, ev->ended_ms);
		ipc_put_number(out, TAG_NEXT, ev->next_ms);
		break;
	case SYNC_ACCOUNT:
		ipc_put_number(out, TAG_WAITING, (int64_t)ev->waiting);
		ipc_put_number(out, TAG_FILED, (int64_t)ev->filed);
		ipc_put_number(out, TAG_STUCK, (int64_t)ev->stuck);
		ipc_put_number(out, TAG_NEXT, ev->next_ms);
		ipc_put_number(out, TAG_HELD, ev->held);
		break;
	case SYNC_DONE:
		ipc_put_number(out, TAG_STATUS, ev->status);
		break;
	case SYNC_TICK:
		break;
	}
}

static const char *get_text(struct slice fields, uint16_t tag, size_t max)
{
	char *s = ipc_get_str(fields, tag, max);

	return s == NULL ? mem_strdup("") : s;
}

static uint64_t get_count(struct slice fields, uint16_t tag)
{
	int64_t v = ipc_get_number(fields, tag, 0);

	return v < 0 ? 0 : (uint64_t)v;
}

int sync_get_event(const struct ipc_in *in, struct sync_event *out)
{
	int64_t state = ipc_get_number(in->rest, TAG_STATE, SYNC_WAITS);
	int64_t end = ipc_get_number(in->rest, FETCH_TAG_END, RUN_OK);

	if (in->type < SYNC_SOURCE || in->type > SYNC_TICK || state < SYNC_WAITS || state > SYNC_ENDED ||
	    end < RUN_OK || end > RUN_PARTLY)
		return -1;
	*out = (struct sync_event){
		.kind = (enum sync_kind)in->type,
		.name = get_text(in->rest, TAG_NAME, NAME_MAX_BYTES),
		.state = (enum sync_state)state,
		.words = get_text(in->rest, TAG_WORDS, WORDS_MAX),
		.end = (enum run_end)end,
		.attached = ipc_get_number(in->rest, TAG_ATTACHED, 0) == 1,
		.lost = get_count(in->rest, TAG_LOST),
		.started_ms = ipc_get_number(in->rest, TAG_STARTED, 0),
		.ended_ms = ipc_get_number(in->rest, TAG_ENDED, 0),
		.waiting = get_count(in->rest, TAG_WAITING),
		.filed = get_count(in->rest, TAG_FILED),
		.stuck = get_count(in->rest, TAG_STUCK),
		.next_ms = ipc_get_number(in->rest, TAG_NEXT, INT64_MAX),
		.held = ipc_get_number(in->rest, TAG_HELD, 0) == 1,
		.status = (int)(ipc_get_number(in->rest, TAG_STATUS, 0) & 0xff),
	};
	fetch_get_progress(in->rest, &out->progress);
	fetch_get_line(in->rest, &out->line);
	return 0;
}

void sync_event_clear(struct sync_event *ev)
{
	free((char *)ev->name);
	free((char *)ev->words);
	fetch_progress_clear(&ev->progress);
	fetch_line_clear(&ev->line);
}
