/* mailferry status, of sources: when each last ran, what came, when it runs next, and what is wrong. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/status.h"
#include "cmd/table.h"
#include "cmd/text.h"

enum { WORDS_BYTES = 8192, WORST_COLUMNS = 200, FAILURES_WARNED = 3 };

static const struct table_column columns[] = {
	{ "SOURCE", 24 }, { "STATE", 8 }, { "LAST RUN", 12 }, { "CAME", 20 }, { "IN ALL", 10 }, { "NEXT RUN", 12 },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* How its newest run went; zeros for a source that never ran. */
struct past {
	char *source; /* owned, as all below */
	struct source_run run;
	char *end, *words;
	int64_t restored_ms;
};

struct pasts {
	struct past *all;
	size_t n;
};

static int keep(void *arg, const struct spool_source_row *row)
{
	struct pasts *p = arg;
	struct past *mine;

	p->all = mem_resize(p->all, p->n + 1, sizeof *p->all);
	mine = &p->all[p->n++];
	*mine = (struct past){ .source = mem_strdup(row->source), .run = row->run, .restored_ms = row->restored_ms };
	mine->end = mem_strdup(row->run.end);
	mine->words = mem_strdup(row->run.words);
	mine->run.end = mine->end;
	mine->run.words = mine->words;
	return 0;
}

static void pasts_free(struct pasts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->all[i].source);
		free(p->all[i].end);
		free(p->all[i].words);
	}
	free(p->all);
}

static const struct past *past_of(const struct pasts *p, const char *source)
{
	static const struct past none;

	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->all[i].source, source) == 0)
			return &p->all[i];
	return &none;
}

/* One that could open some of its folders only goes on by its schedule, but is not well. */
static bool is_failing(const struct plan_row *row)
{
	return row->failures > 0 || row->person;
}

static const char *state_name(const struct plan_row *row)
{
	switch (row->state) {
	case PLAN_QUEUED:
		return "queued";
	case PLAN_RUNS:
		return "runs";
	case PLAN_IDLE:
		return "listens";
	case PLAN_HELD:
		return row->person ? "held" : "fails";
	case PLAN_WAITS:
		break;
	}
	return is_failing(row) ? "partly" : "fine";
}

static enum grade grade(const struct plan_row *row)
{
	if (row->person)
		return GRADE_CRITICAL;
	return row->failures >= FAILURES_WARNED ? GRADE_WARNING : GRADE_OK;
}

static void span_add(struct buf *out, const char *before, int64_t ms, const char *after)
{
	char span[TEXT_SPAN_SIZE];

	text_span(ms, span);
	(void)buf_addf(out, "%s%s%s", before, span, after);
}

/* What is wrong, how long it has been, and what to do. */
static void words_add(const struct plan_row *row, const struct past *past, struct buf *out)
{
	const char *why = row->words != NULL && row->words[0] != '\0' ? row->words : past->words;
	int64_t now = clock_wall_ms();

	if (row->state == PLAN_RUNS && row->progress.messages_all > 0)
		(void)buf_addf(out, "%llu of %llu messages", (unsigned long long)row->progress.messages,
			       (unsigned long long)row->progress.messages_all);
	if (is_failing(row)) {
		(void)buf_add_str(out, out->n > 0 ? "; " : "");
		(void)text_clean(out, why == NULL || why[0] == '\0' ? "the newest run failed" : why, 0);
		if (row->failures > 1)
			(void)buf_addf(out, "; %u failures in a row", row->failures);
		if (past->end != NULL && strcmp(past->end, run_end_name(RUN_PARTLY)) == 0)
			(void)buf_add_str(out, "; the rest is fetched");
		else if (past->run.ok_ms > 0)
			span_add(out, "; the last good run was ", now - past->run.ok_ms, " ago");
		else
			(void)buf_add_str(out, "; no run of it went well yet");
		if (row->person) {
			(void)buf_add_str(out, "; once it is mended: mailferry sync ");
			(void)text_clean(out, row->name, 0);
		}
	}
	if (!is_failing(row) && past->words != NULL && past->words[0] != '\0') {
		(void)buf_add_str(out, out->n > 0 ? "; " : "");
		(void)text_clean(out, past->words, 0);
	}
	if (past->run.started_ms != 0 && past->run.ended_ms == 0 && row->state != PLAN_RUNS && row->state != PLAN_IDLE)
		(void)buf_addf(out, "%sits newest run was cut off", out->n > 0 ? "; " : "");
	if (past->restored_ms != 0)
		(void)buf_addf(
		    out,
		    "%sa backup of the spool was put back: what was fetched after it was made may be fetched once "
		    "more",
		    out->n > 0 ? "; " : "");
}

static void next_add(const struct plan_row *row, struct buf *out)
{
	int64_t left = row->next_ms - clock_wall_ms();

	if (row->state == PLAN_RUNS || row->state == PLAN_QUEUED)
		(void)buf_add_str(out, "now");
	else if (row->next_ms == INT64_MAX || row->next_ms == 0)
		(void)buf_add_str(out, "when asked");
	else if (left <= 0)
		(void)buf_add_str(out, "now");
	else
		span_add(out, "in ", left, "");
}

static void row_add(struct table *t, const struct plan_row *row, const struct past *past)
{
	char octets[TEXT_OCTETS_SIZE], came[64] = "-", total[24];
	struct buf ran, next, words;

	buf_init(&ran, WORDS_BYTES);
	buf_init(&next, WORDS_BYTES);
	buf_init(&words, WORDS_BYTES);
	if (past->run.started_ms == 0)
		(void)buf_add_str(&ran, "never");
	else
		span_add(&ran, "",
			 clock_wall_ms() - (past->run.ended_ms != 0 ? past->run.ended_ms : past->run.started_ms),
			 " ago");
	text_octets(past->run.octets, octets);
	if (past->run.started_ms != 0)
		(void)snprintf(came, sizeof came, past->run.messages == 0 ? "nothing new" : "%llu, %s",
			       (unsigned long long)past->run.messages, octets);
	(void)snprintf(total, sizeof total, "%llu", (unsigned long long)past->run.total);
	next_add(row, &next);
	words_add(row, past, &words);
	table_row(
	    t, (const char *const[COLUMNS]){ row->name, state_name(row), buf_str(&ran), came, total, buf_str(&next) },
	    words.n > 0 ? buf_str(&words) : NULL);
	buf_free(&ran);
	buf_free(&next);
	buf_free(&words);
}

/* ---- for programs ---- */

static void put_str(json_t *o, const char *key, const char *value)
{
	struct buf b;

	buf_init(&b, WORDS_BYTES);
	text_utf8(&b, value == NULL ? "" : value);
	(void)json_object_set_new(o, key, b.n > 0 ? json_string(buf_str(&b)) : json_null());
	buf_free(&b);
}

static void put_time(json_t *o, const char *key, int64_t wall_ms)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (wall_ms != 0 && wall_ms != INT64_MAX)
		clock_stamp(wall_ms, stamp);
	(void)json_object_set_new(o, key, wall_ms != 0 && wall_ms != INT64_MAX ? json_string(stamp) : json_null());
}

static void put_number(json_t *o, const char *key, uint64_t n)
{
	(void)json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *run_object(const struct past *past)
{
	const struct source_run *run = &past->run;
	json_t *o;

	if (run->started_ms == 0)
		return json_null();
	o = json_object();
	put_time(o, "started", run->started_ms);
	put_time(o, "ended", run->ended_ms);
	put_str(o, "end", run->end);
	put_str(o, "words", run->words);
	put_number(o, "messages", run->messages);
	put_number(o, "octets", run->octets);
	put_number(o, "skipped", run->skipped);
	put_number(o, "known", run->known);
	put_number(o, "removed", run->removed);
	put_number(o, "moved", run->moved);
	put_number(o, "marked", run->marked);
	return o;
}

static void print_json(const struct plan_row *row, const struct past *past)
{
	json_t *o = json_object();
	struct buf words;

	put_str(o, "source", row->name);
	put_str(o, "state", state_name(row));
	(void)json_object_set_new(o, "person", json_boolean(row->person));
	put_number(o, "failures", row->failures);
	put_str(o, "reason", is_failing(row) ? row->words : NULL);
	buf_init(&words, WORDS_BYTES);
	words_add(row, past, &words);
	put_str(o, "words", buf_str(&words));
	buf_free(&words);
	put_time(o, "since", row->since_ms);
	put_time(o, "next", row->next_ms);
	put_time(o, "last_good", past->run.ok_ms);
	put_number(o, "total", past->run.total);
	(void)json_object_set_new(o, "restored", json_boolean(past->restored_ms != 0));
	(void)json_object_set_new(o, "last_run", run_object(past));
	if (row->state == PLAN_RUNS) {
		put_number(o, "messages", row->progress.messages);
		put_number(o, "messages_all", row->progress.messages_all);
		put_number(o, "octets", row->progress.octets);
		put_number(o, "octets_all", row->progress.octets_all);
	}
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(o);
}

/* ---- all ---- */

static void sums_add(struct status_sources *sums, const struct plan_row *row)
{
	enum grade g = grade(row);
	struct buf why;

	sums->sources++;
	sums->failing += is_failing(row);
	sums->person += row->person;
	if (g <= sums->grade)
		return;
	sums->grade = g;
	buf_init(&why, WORDS_BYTES);
	(void)text_clean(&why, row->words, WORST_COLUMNS);
	(void)snprintf(sums->worst, sizeof sums->worst, "source %s%s%s", row->name, why.n > 0 ? ": " : "",
		       buf_str(&why));
	buf_free(&why);
}

int status_sources(const struct plans *plans, struct spool_admin *admin, enum status_form form,
		   struct status_sources *sums, struct err *e)
{
	struct pasts pasts = { 0 };
	struct table *table = form == STATUS_TABLE ? table_new(columns, COLUMNS) : NULL;
	int r = spool_admin_sources(admin, false, keep, &pasts, e);

	*sums = (struct status_sources){ 0 };
	for (size_t i = 0; i < plans->n && r == 0; i++) {
		const struct plan_row *row = &plans->all[i];

		if (!row->is_source)
			continue;
		sums_add(sums, row);
		/* An empty line sets this table off from the accounts'. */
		if (form == STATUS_TABLE && sums->sources == 1)
			(void)putchar('\n');
		if (form == STATUS_TABLE)
			row_add(table, row, past_of(&pasts, row->name));
		else if (form == STATUS_JSON)
			print_json(row, past_of(&pasts, row->name));
	}
	table_end(&table);
	pasts_free(&pasts);
	return r;
}
