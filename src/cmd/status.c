/* mailferry status: is all well? For people, for programs, and for those who watch (the exit statuses of monitoring
 * plugins). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/status.h"
#include "cmd/table.h"
#include "cmd/text.h"

enum { WHY_BYTES = 8192, CRITICAL_MS = 4 * 60 * 60 * 1000 };

static const struct table_column columns[] = {
	{ "ACCOUNT", 24 },     { "STATE", 8 }, { "WAITING", 8 }, { "IN-DOUBT", 8 },    { "PARKED", 8 },
	{ "QUARANTINED", 11 }, { "HELD", 8 },  { "OLDEST", 8 },	 { "LAST FILED", 20 },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

struct status {
	bool check, json;
	struct table *table;
	size_t accounts, held, person;
	uint64_t waiting, doubt, parked, quarantined;
	int64_t now, oldest_ms;
	struct plans plans;
	struct status_sources sources;
	char worst[STATUS_WORDS_MAX]; /* why the first of the worst accounts is held */
	enum grade worst_grade;
};

/* What goes by itself, sooner or later. */
static uint64_t waiting(const struct spool_account_row *row)
{
	return row->waiting[DELIVERY_QUEUED] + row->waiting[DELIVERY_FLIGHT];
}

/* Its mail waits for the times that `at' names. */
static int64_t timed_ms(const struct status *s, const struct spool_account_row *row)
{
	const struct plan_row *plan = plans_account(&s->plans, row->account);

	return plan != NULL && plan->state == PLAN_WAITS && plan->next_ms != INT64_MAX && plan->next_ms > s->now
		   ? plan->next_ms
		   : 0;
}

static enum grade grade(const struct status *s, const struct spool_account_row *row)
{
	if (row->hold_until_ms != 0 && row->hold_person)
		return GRADE_CRITICAL;
	if (row->oldest_ms != 0 && s->now - row->oldest_ms > CRITICAL_MS && timed_ms(s, row) == 0 &&
	    waiting(row) + row->waiting[DELIVERY_DOUBT] > 0)
		return GRADE_CRITICAL;
	if (row->hold_until_ms != 0 || row->waiting[DELIVERY_PARKED] > 0 || row->waiting[DELIVERY_QUARANTINED] > 0)
		return GRADE_WARNING;
	/* No person said wait: rules have sent as much as they may in a day. */
	if (row->waiting[DELIVERY_HELD] > 0 && strcmp(row->account, CONFIG_RELAY) == 0)
		return GRADE_WARNING;
	return GRADE_OK;
}

/* Why, until when, and what to do. */
static void add_words(const struct status *s, const struct spool_account_row *row, struct buf *out)
{
	char span[TEXT_SPAN_SIZE];

	if (row->hold_until_ms == INT64_MAX) {
		(void)text_clean(out, row->hold_reason, 0);
	} else if (row->hold_until_ms != 0) {
		(void)text_clean(out, row->hold_reason, 0);
		text_span(row->hold_until_ms - s->now, span);
		if (row->hold_until_ms > s->now)
			(void)buf_addf(out, "; next try in %s", span);
		else
			(void)buf_add_str(out, "; it is tried now");
		if (row->hold_person)
			(void)buf_addf(out, "; once it is mended: mailferry queue retry --account %s", row->account);
	}
	if (timed_ms(s, row) != 0) {
		text_span(timed_ms(s, row) - s->now, span);
		(void)buf_addf(out, "%sits mail waits for its time, in %s", out->n > 0 ? "; " : "", span);
	}
	if (row->waiting[DELIVERY_HELD] > 0 && strcmp(row->account, CONFIG_RELAY) == 0)
		(void)buf_addf(out, "%swhat rules sent beyond their daily number is held: mailferry queue list --account %s",
			       out->n > 0 ? "; " : "", row->account);
	if (row->waiting[DELIVERY_PARKED] + row->waiting[DELIVERY_QUARANTINED] > 0)
		(void)buf_addf(out, "%sa person must decide about some mail: mailferry queue list --account %s",
			       out->n > 0 ? "; " : "", row->account);
}

static void add_row(struct status *s, const struct spool_account_row *row)
{
	char n[5][24], oldest[TEXT_SPAN_SIZE] = "-", filed[TEXT_TIME_SIZE] = "-";
	const uint64_t counts[] = { waiting(row), row->waiting[DELIVERY_DOUBT], row->waiting[DELIVERY_PARKED],
				    row->waiting[DELIVERY_QUARANTINED], row->waiting[DELIVERY_HELD] };
	struct buf why;

	for (size_t i = 0; i < 5; i++)
		(void)snprintf(n[i], sizeof n[i], "%llu", (unsigned long long)counts[i]);
	if (row->oldest_ms != 0)
		text_span(s->now - row->oldest_ms, oldest);
	if (row->filed_ms != 0)
		text_time(row->filed_ms, filed);
	buf_init(&why, WHY_BYTES);
	add_words(s, row, &why);
	table_row(s->table,
		  (const char *const[COLUMNS]){ row->account, row->hold_until_ms != 0 ? "held" : "fine", n[0], n[1],
						n[2], n[3], n[4], oldest, filed },
		  why.n > 0 ? buf_str(&why) : NULL);
	buf_free(&why);
}

static void put_time(json_t *o, const char *key, int64_t wall_ms)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (wall_ms != 0 && wall_ms != INT64_MAX)
		clock_stamp(wall_ms, stamp);
	(void)json_object_set_new(o, key, wall_ms != 0 && wall_ms != INT64_MAX ? json_string(stamp) : json_null());
}

static void print_json(const struct status *s, const struct spool_account_row *row)
{
	json_t *o = json_object(), *counts = json_object();
	struct buf why;

	(void)json_object_set_new(o, "account", json_string(row->account));
	(void)json_object_set_new(o, "state", json_string(row->hold_until_ms != 0 ? "held" : "fine"));
	(void)json_object_set_new(o, "person", json_boolean(row->hold_until_ms != 0 && row->hold_person));
	buf_init(&why, WHY_BYTES);
	text_utf8(&why, row->hold_reason == NULL ? "" : row->hold_reason);
	(void)json_object_set_new(o, "reason", row->hold_until_ms != 0 ? json_string(buf_str(&why)) : json_null());
	buf_clear(&why);
	add_words(s, row, &why);
	(void)json_object_set_new(o, "words", why.n > 0 ? json_string(buf_str(&why)) : json_null());
	buf_free(&why);
	put_time(o, "held_until", row->hold_until_ms);
	(void)json_object_set_new(o, "attempts", json_integer(row->hold_attempts));
	for (int i = DELIVERY_QUEUED; i <= DELIVERY_HELD; i++)
		(void)json_object_set_new(counts, delivery_state_name((enum delivery_state)i),
					  json_integer((json_int_t)row->waiting[i]));
	(void)json_object_set_new(o, "deliveries", counts);
	put_time(o, "oldest", row->oldest_ms);
	put_time(o, "next_due", row->next_due_ms);
	put_time(o, "files_at", timed_ms(s, row));
	put_time(o, "last_filed", row->filed_ms);
	/* A failure to write is found when standard output is closed. */
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(o);
}

static int on_account(void *arg, const struct spool_account_row *row)
{
	struct status *s = arg;
	enum grade g = grade(s, row);

	s->accounts++;
	s->held += row->hold_until_ms != 0;
	s->person += row->hold_until_ms != 0 && row->hold_person;
	s->waiting += waiting(row);
	s->doubt += row->waiting[DELIVERY_DOUBT];
	s->parked += row->waiting[DELIVERY_PARKED];
	s->quarantined += row->waiting[DELIVERY_QUARANTINED];
	if (row->oldest_ms != 0 && (s->oldest_ms == 0 || row->oldest_ms < s->oldest_ms))
		s->oldest_ms = row->oldest_ms;
	if (g > s->worst_grade) {
		struct buf why;

		s->worst_grade = g;
		buf_init(&why, WHY_BYTES);
		(void)text_clean(&why, row->hold_until_ms != 0 ? row->hold_reason : NULL, 200);
		(void)snprintf(s->worst, sizeof s->worst, "account %s%s%s", row->account, why.n > 0 ? ": " : "",
			       buf_str(&why));
		buf_free(&why);
	}
	if (s->check)
		return 0;
	if (s->json)
		print_json(s, row);
	else
		add_row(s, row);
	return 0;
}

static void print_worst(const char *worst)
{
	(void)fputs(worst[0] != '\0' ? "; " : "", stdout);
	for (const char *c = worst; *c != '\0'; c++)
		(void)putchar(*c == '|' ? '/' : *c);
}

/* The one line; what stands behind the bar is for graphs, and may stand nowhere else. */
static void print_check(const struct status *s)
{
	static const char *const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	char span[TEXT_SPAN_SIZE] = "0s";
	int64_t age = s->oldest_ms == 0 ? 0 : (s->now - s->oldest_ms) / 1000;

	if (s->oldest_ms != 0)
		text_span(s->now - s->oldest_ms, span);
	(void)printf("MAILFERRY %s - %zu of %zu accounts held", names[s->worst_grade], s->held, s->accounts);
	if (s->person > 0)
		(void)printf(" (%zu until a person acts)", s->person);
	(void)printf(", %llu waiting, oldest %s, %llu in doubt, %llu parked, %llu quarantined",
		     (unsigned long long)s->waiting, span, (unsigned long long)s->doubt, (unsigned long long)s->parked,
		     (unsigned long long)s->quarantined);
	if (s->sources.sources > 0)
		(void)printf(", %zu of %zu sources failing", s->sources.failing, s->sources.sources);
	print_worst(s->worst);
	print_worst(s->sources.worst);
	(void)printf(" | waiting=%llu in_doubt=%llu parked=%llu quarantined=%llu oldest=%llds held=%zu",
		     (unsigned long long)s->waiting, (unsigned long long)s->doubt, (unsigned long long)s->parked,
		     (unsigned long long)s->quarantined, (long long)(age < 0 ? 0 : age), s->held);
	if (s->sources.sources > 0)
		(void)printf(" sources_failing=%zu", s->sources.failing);
	(void)putchar('\n');
}

/* The daemon could not be asked: the status of the plugin convention for STATUS of ours. */
static int check_failed(int status)
{
	enum grade g =
	    status == EX_CONFIG || status == EX_NOPERM || status == EX_USAGE ? GRADE_UNKNOWN : GRADE_CRITICAL;

	(void)printf("MAILFERRY %s - %s; standard error says more\n", g == GRADE_UNKNOWN ? "UNKNOWN" : "CRITICAL",
		     g == GRADE_UNKNOWN ? "the daemon could not be asked" : "the daemon does not answer");
	(void)fflush(stdout);
	return (int)g;
}

int command_status(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct status s = { .now = clock_wall_ms() };
	struct spool_admin *admin;
	struct err e;
	int status = EX_OK;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0) {
			s.check = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			s.json = true;
		} else {
			status = command_usage(self, "unknown argument \"%s\"", argv[i]);
			return s.check ? (int)GRADE_UNKNOWN : status;
		}
	}
	admin = client_spool(self, config_file, &status);
	if (admin == NULL)
		return s.check ? check_failed(status) : status;
	if (!s.check && !s.json)
		s.table = table_new(columns, COLUMNS);
	if (plans_load(&s.plans, config_file, &e) != 0 || spool_admin_accounts(admin, on_account, &s, &e) != 0)
		status = client_error(self, &e);
	table_end(&s.table);
	if (status == EX_OK && status_sources(&s.plans, admin,
					      s.check  ? STATUS_SUMS
					      : s.json ? STATUS_JSON
						       : STATUS_TABLE,
					      &s.sources, &e) != 0)
		status = client_error(self, &e);
	if (s.sources.grade > s.worst_grade)
		s.worst_grade = s.sources.grade;
	plans_free(&s.plans);
	spool_admin_free(&admin);
	if (s.check && status != EX_OK)
		return check_failed(status);
	if (s.check)
		print_check(&s);
	status = client_done(self, status);
	return s.check && status == EX_OK ? (int)s.worst_grade : status;
}
