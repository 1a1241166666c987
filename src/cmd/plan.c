/* How the schedule stands, as messages. */
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/sync.h"
#include "role/fetch.h"

enum { NAME_MAX_BYTES = 255, WORDS_MAX = 1000, PLAN_ROW = 300 };

enum plan_tag { TAG_NAME = 300, TAG_SOURCE, TAG_STATE, TAG_SINCE, TAG_NEXT, TAG_FAILURES, TAG_PERSON, TAG_WORDS };

void plan_put_row(struct ipc_out *out, const struct plan_row *row)
{
	ipc_begin(out, PLAN_ROW, 0);
	ipc_put_str(out, TAG_NAME, row->name);
	ipc_put_number(out, TAG_SOURCE, row->is_source);
	ipc_put_number(out, TAG_STATE, row->state);
	ipc_put_number(out, TAG_SINCE, row->since_ms);
	ipc_put_number(out, TAG_NEXT, row->next_ms);
	ipc_put_number(out, TAG_FAILURES, row->failures);
	ipc_put_number(out, TAG_PERSON, row->person);
	ipc_put_str(out, TAG_WORDS, row->words);
	fetch_put_progress(out, &row->progress);
}

int plan_get_row(const struct ipc_in *in, struct plan_row *out)
{
	int64_t state = ipc_get_number(in->rest, TAG_STATE, PLAN_WAITS);
	int64_t failures = ipc_get_number(in->rest, TAG_FAILURES, 0);
	char *name, *words;

	if (in->type != PLAN_ROW || state < PLAN_WAITS || state > PLAN_HELD || failures < 0 || failures > INT32_MAX)
		return -1;
	name = ipc_get_str(in->rest, TAG_NAME, NAME_MAX_BYTES);
	words = ipc_get_str(in->rest, TAG_WORDS, WORDS_MAX);
	*out = (struct plan_row){ .name = name == NULL ? mem_strdup("") : name,
				  .is_source = ipc_get_number(in->rest, TAG_SOURCE, 0) == 1,
				  .state = (enum plan_state)state,
				  .since_ms = ipc_get_number(in->rest, TAG_SINCE, 0),
				  .next_ms = ipc_get_number(in->rest, TAG_NEXT, INT64_MAX),
				  .failures = (unsigned)failures,
				  .person = ipc_get_number(in->rest, TAG_PERSON, 0) == 1,
				  .words = words == NULL ? mem_strdup("") : words };
	fetch_get_progress(in->rest, &out->progress);
	return 0;
}

void plan_row_clear(struct plan_row *row)
{
	free((char *)row->name);
	free((char *)row->words);
	fetch_progress_clear(&row->progress);
}
