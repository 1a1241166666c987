#include "role/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/schedule.h"
#include "config/value.h"

/* The rows of a table say where a member stands and under which tag it travels. */
struct number_row {
	uint16_t tag;
	size_t offset;
};

struct text_row {
	uint16_t tag;
	size_t offset;
};

#define PROGRESS(member) offsetof(struct run_progress, member)

static const struct number_row progress_rows[] = {
	{ FETCH_TAG_MESSAGES, PROGRESS(messages) }, { FETCH_TAG_MESSAGES_ALL, PROGRESS(messages_all) },
	{ FETCH_TAG_OCTETS, PROGRESS(octets) },	    { FETCH_TAG_OCTETS_ALL, PROGRESS(octets_all) },
	{ FETCH_TAG_SKIPPED, PROGRESS(skipped) },   { FETCH_TAG_KNOWN, PROGRESS(known) },
	{ FETCH_TAG_OWN, PROGRESS(own) },	    { FETCH_TAG_REMOVED, PROGRESS(removed) },
	{ FETCH_TAG_MOVED, PROGRESS(moved) },	    { FETCH_TAG_MARKED, PROGRESS(marked) },
};

#define LINE(member) offsetof(struct run_line, member)

static const struct text_row line_rows[] = {
	{ FETCH_TAG_FOLDER, LINE(folder) },
	{ FETCH_TAG_MESSAGE, LINE(name) },
	{ FETCH_TAG_FROM, LINE(from) },
	{ FETCH_TAG_SUBJECT, LINE(subject) },
	{ FETCH_TAG_MESSAGE_ID, LINE(message_id) },
	{ FETCH_TAG_TO, LINE(to) },
	{ FETCH_TAG_ACCOUNT, LINE(account) },
	{ FETCH_TAG_INTO, LINE(into) },
	{ FETCH_TAG_RULE, LINE(rule) },
	{ FETCH_TAG_WHY, LINE(why) },
};

enum { NPROGRESS = sizeof progress_rows / sizeof progress_rows[0], NLINE = sizeof line_rows / sizeof line_rows[0] };

/* A thousand sources may be added up. */
static const int64_t number_max = INT64_MAX / 4096;

static void put_text(struct ipc_out *out, uint16_t tag, const char *s)
{
	struct slice all = slice_str(s);

	if (s == NULL)
		return;
	if (all.n > FETCH_TEXT_MAX) {
		all.n = FETCH_TEXT_MAX;
		/* Not within a character. */
		while (all.n > 0 && ((unsigned char)all.p[all.n] & 0xc0) == 0x80)
			all.n--;
	}
	ipc_put_bytes(out, tag, all);
}

static int64_t get_bounded(struct slice fields, uint16_t tag)
{
	int64_t v = ipc_get_number(fields, tag, 0);

	return v < 0 ? 0 : v > number_max ? number_max : v;
}

static char *get_text(struct slice fields, uint16_t tag)
{
	char *s = ipc_get_str(fields, tag, FETCH_TEXT_MAX);

	return s == NULL ? mem_strdup("") : s;
}

int64_t fetch_poll_ms(const struct config_source *s, int64_t now_ms)
{
	int64_t wait = s->every > 0 ? s->every : s->nat > 0 ? INT64_MAX : FETCH_POLL_MS;
	char hint[VALUE_HINT_SIZE];
	struct schedule at;

	for (size_t i = 0; i < s->nat; i++) {
		int64_t next =
		    schedule_parse(slice_str(s->at[i]), &at, hint) == 0 ? schedule_next(&at, 1, now_ms) : INT64_MAX;

		if (next != INT64_MAX && next - now_ms < wait)
			wait = next - now_ms;
	}
	return wait == INT64_MAX ? FETCH_POLL_MS : wait;
}

void fetch_put_progress(struct ipc_out *out, const struct run_progress *p)
{
	put_text(out, FETCH_TAG_FOLDER, p->folder);
	for (size_t i = 0; i < NPROGRESS; i++) {
		uint64_t v;

		memcpy(&v, (const char *)p + progress_rows[i].offset, sizeof v);
		ipc_put_number(out, progress_rows[i].tag, v > (uint64_t)number_max ? number_max : (int64_t)v);
	}
}

void fetch_get_progress(struct slice fields, struct run_progress *out)
{
	*out = (struct run_progress){ .folder = get_text(fields, FETCH_TAG_FOLDER) };
	for (size_t i = 0; i < NPROGRESS; i++) {
		uint64_t v = (uint64_t)get_bounded(fields, progress_rows[i].tag);

		memcpy((char *)out + progress_rows[i].offset, &v, sizeof v);
	}
}

void fetch_progress_clear(struct run_progress *p)
{
	free((char *)p->folder);
	*p = (struct run_progress){ .folder = NULL };
}

void fetch_put_line(struct ipc_out *out, const struct run_line *l)
{
	for (size_t i = 0; i < NLINE; i++) {
		const char *s;

		memcpy(&s, (const char *)l + line_rows[i].offset, sizeof s);
		put_text(out, line_rows[i].tag, s);
	}
	ipc_put_number(out, FETCH_TAG_SIZE, l->size > (uint64_t)number_max ? number_max : (int64_t)l->size);
}

/* What was not told stays NULL: a dry run's INTO says "nowhere" so. */
void fetch_get_line(struct slice fields, struct run_line *out)
{
	*out = (struct run_line){ .size = (uint64_t)get_bounded(fields, FETCH_TAG_SIZE) };
	for (size_t i = 0; i < NLINE; i++) {
		char *s = ipc_get_str(fields, line_rows[i].tag, FETCH_TEXT_MAX);

		memcpy((char *)out + line_rows[i].offset, &s, sizeof s);
	}
	if (out->folder == NULL)
		out->folder = mem_strdup("");
	if (out->name == NULL)
		out->name = mem_strdup("");
}

void fetch_line_clear(struct run_line *l)
{
	for (size_t i = 0; i < NLINE; i++) {
		char *s;

		memcpy(&s, (char *)l + line_rows[i].offset, sizeof s);
		free(s);
	}
	*l = (struct run_line){ .folder = NULL };
}

void fetch_put_ran(struct ipc_out *out, const struct fetch_ran *r)
{
	fetch_put_progress(out, &r->result.done);
	ipc_put_number(out, FETCH_TAG_END, r->result.end);
	put_text(out, FETCH_TAG_WORDS, r->result.words);
	ipc_put_number(out, FETCH_TAG_DELAY, r->result.delay_ms);
	ipc_put_number(out, FETCH_TAG_STARTED, r->started_ms);
	ipc_put_number(out, FETCH_TAG_ENDED, r->ended_ms);
	ipc_put_number(out, FETCH_TAG_IDLE, r->idle);
}

void fetch_get_ran(struct slice fields, struct fetch_ran *out)
{
	int64_t end = ipc_get_number(fields, FETCH_TAG_END, RUN_BROKEN);
	char *words = ipc_get_str(fields, FETCH_TAG_WORDS, sizeof out->result.words - 1);

	*out = (struct fetch_ran){ .started_ms = get_bounded(fields, FETCH_TAG_STARTED),
				   .ended_ms = get_bounded(fields, FETCH_TAG_ENDED),
				   .idle = ipc_get_number(fields, FETCH_TAG_IDLE, 0) == 1 };
	out->result.end = end < RUN_OK || end > RUN_PARTLY ? RUN_BROKEN : (enum run_end)end;
	out->result.delay_ms = get_bounded(fields, FETCH_TAG_DELAY);
	if (words != NULL)
		memcpy(out->result.words, words, strlen(words) + 1);
	free(words);
	fetch_get_progress(fields, &out->result.done);
	free((char *)out->result.done.folder);
	out->result.done.folder = "";
}
