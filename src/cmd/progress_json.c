/* A run for programs: one object a line for each event. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/text.h"

static void put_str(json_t *o, const char *key, const char *value)
{
	struct buf b;

	if (value == NULL || value[0] == '\0') {
		(void)json_object_set_new(o, key, json_null());
		return;
	}
	buf_init(&b, PROGRESS_LINE_BYTES);
	text_utf8(&b, value);
	(void)json_object_set_new(o, key, json_string(buf_str(&b)));
	buf_free(&b);
}

static void put_number(json_t *o, const char *key, uint64_t n)
{
	(void)json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void put_time(json_t *o, const char *key, int64_t wall_ms)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (wall_ms != 0 && wall_ms != INT64_MAX)
		clock_stamp(wall_ms, stamp);
	put_str(o, key, wall_ms != 0 && wall_ms != INT64_MAX ? stamp : NULL);
}

static void put_sums(json_t *o, const struct run_progress *p)
{
	put_number(o, "messages", p->messages);
	put_number(o, "messages_all", p->messages_all);
	put_number(o, "octets", p->octets);
	put_number(o, "octets_all", p->octets_all);
	put_number(o, "skipped", p->skipped);
	put_number(o, "known", p->known);
	put_number(o, "own", p->own);
	put_number(o, "removed", p->removed);
	put_number(o, "moved", p->moved);
	put_number(o, "marked", p->marked);
}

static const char *state_name(enum sync_state state)
{
	return state == SYNC_WAITS ? "waits" : state == SYNC_RUNS ? "runs" : "ended";
}

static void put_source(json_t *o, const struct sync_event *ev)
{
	put_str(o, "event", "source");
	put_str(o, "source", ev->name);
	put_str(o, "state", state_name(ev->state));
	put_str(o, "words", ev->words);
	(void)json_object_set_new(o, "attached", json_boolean(ev->attached));
	put_time(o, "started", ev->started_ms);
}

static void put_progress(json_t *o, const struct sync_event *ev, const struct progress_source *s)
{
	int64_t left = progress_left_ms(s);
	double octets, messages;

	progress_rate(s, &octets, &messages);
	put_str(o, "event", "progress");
	put_str(o, "source", ev->name);
	put_str(o, "folder", ev->progress.folder);
	put_sums(o, &ev->progress);
	put_number(o, "octets_per_second", (uint64_t)octets);
	(void)json_object_set_new(o, "seconds_left", left < 0 ? json_null() : json_integer(left / 1000));
}

static void put_line(json_t *o, const struct progress *p, const struct sync_event *ev)
{
	put_str(o, "event", "message");
	put_str(o, "source", ev->name);
	put_str(o, "folder", ev->line.folder);
	put_str(o, "id", ev->line.name);
	put_number(o, "size", ev->line.size);
	put_str(o, "from", ev->line.from);
	put_str(o, "subject", ev->line.subject);
	put_str(o, "message_id", ev->line.message_id);
	if (p->mode == RUN_DRY) {
		put_str(o, "to", ev->line.to);
		put_str(o, "account", ev->line.account);
		put_str(o, "into", ev->line.into);
		put_str(o, "rule", ev->line.rule);
	}
	put_str(o, "why", ev->line.why);
	if (ev->lost > 0)
		put_number(o, "lost_before", ev->lost);
}

static void put_ran(json_t *o, const struct sync_event *ev)
{
	put_str(o, "event", "ran");
	put_str(o, "source", ev->name);
	put_str(o, "end", run_end_name(ev->end));
	put_str(o, "words", ev->words);
	put_sums(o, &ev->progress);
	put_time(o, "started", ev->started_ms);
	put_time(o, "ended", ev->ended_ms);
	put_time(o, "next", ev->next_ms);
}

static void put_account(json_t *o, const struct sync_event *ev)
{
	put_str(o, "event", "account");
	put_str(o, "account", ev->name);
	put_str(o, "state", state_name(ev->state));
	(void)json_object_set_new(o, "held", json_boolean(ev->held));
	put_str(o, "words", ev->words);
	put_number(o, "filed", ev->filed);
	put_number(o, "waiting", ev->waiting);
	put_number(o, "stuck", ev->stuck);
	put_time(o, "next", ev->next_ms);
}

void progress_json(struct progress *p, const struct sync_event *ev, struct progress_source *s,
		   struct progress_account *a)
{
	json_t *o;

	(void)a;
	if (ev->kind == SYNC_TICK)
		return;
	o = json_object();
	if (ev->kind == SYNC_SOURCE) {
		put_source(o, ev);
	} else if (ev->kind == SYNC_PROGRESS) {
		put_progress(o, ev, s);
	} else if (ev->kind == SYNC_LINE) {
		put_line(o, p, ev);
	} else if (ev->kind == SYNC_RAN) {
		put_ran(o, ev);
	} else if (ev->kind == SYNC_ACCOUNT) {
		put_account(o, ev);
	} else {
		put_str(o, "event", "done");
		put_number(o, "status", (uint64_t)ev->status);
		put_str(o, "words", ev->words);
		(void)json_object_set_new(o, "changed", json_boolean(p->mode != RUN_DRY));
	}
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	(void)fflush(stdout);
	json_decref(o);
}
