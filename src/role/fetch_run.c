/* A run of a fetcher, what it is told and what it tells; and the wait for news. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/step.h"
#include "role/connect.h"
#include "role/fetch_impl.h"

enum {
	PROGRESS_MS = 250,    /* between reports */
	LINES_BURST = 50,     /* lines at once, and … */
	LINE_MS = 200,	      /* … one more each */
	NEXT_MS = 10 * 1000,  /* how long a role that was replaced is waited for */
	SHORT_MS = 60 * 1000, /* a wait for news that breaks off sooner … */
	RUNS_BURST = 60,      /* runs at once for news that a server has, and … */
	RUN_MS = 5 * 1000,    /* … one more each: one that always has some would keep us and the spool busy */
	SHORT_MAX = 5	      /* … so often in a row is no way to learn of news */
};

/* ---- what a run needs ---- */

static void on_wake(void *arg)
{
	fetch_turn(arg);
}

/* The connector, or the token role, was replaced: waits until the supervisor hands us a socket to the next one. It says
 * nothing about the source, whose run would fail of it. */
static bool wait_for_next(struct fetch *f, const struct err *e, int64_t until)
{
	if (e->code != EPIPE)
		return false;
	f->handed = false;
	while (!f->handed && clock_mono_ms() < until)
		fetch_turn_until(f, until);
	return f->handed;
}

static int connect_now(void *arg, struct err *e)
{
	struct fetch *f = arg;
	int64_t until = clock_mono_ms() + NEXT_MS;
	int fd;

	step("fetch: connect");
	do
		fd = connect_account(f->role.connect, f->source->name, f->source->server.timeout, e);
	while (fd < 0 && wait_for_next(f, e, until));
	return fd;
}

static char *token_now(void *arg, bool fresh, struct err *e)
{
	struct fetch *f = arg;
	int64_t until = clock_mono_ms() + NEXT_MS;
	char *token;

	do {
		f->asker.socket = f->role.token;
		f->asker.account = f->source->name;
		token = token_get(&f->asker, fresh, e);
	} while (token == NULL && wait_for_next(f, e, until));
	return token;
}

static void on_progress(void *arg, const struct run_progress *p)
{
	struct fetch *f = arg;
	int64_t now = clock_mono_ms();
	struct ipc_out out;

	if (now - f->said_ms < PROGRESS_MS)
		return;
	f->said_ms = now;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_PROGRESS, 0);
	fetch_put_progress(&out, p);
	fetch_say(f, &out);
}

/* A dry run is nothing but its lines; else they are so many only when something is odd, and then some are enough. */
static bool may_say_line(struct fetch *f)
{
	int64_t now = clock_mono_ms();

	if (f->mode == RUN_DRY)
		return true;
	if (f->lines_ms < now - LINES_BURST * LINE_MS)
		f->lines_ms = now - LINES_BURST * LINE_MS;
	if (f->lines_ms > now)
		return false;
	f->lines_ms += LINE_MS;
	return true;
}

static void on_line(void *arg, const struct run_line *l)
{
	struct fetch *f = arg;
	struct ipc_out out;

	if (!may_say_line(f))
		return;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_LINE, 0);
	fetch_put_line(&out, l);
	fetch_say(f, &out);
}

static struct run_setup setup_of(struct fetch *f)
{
	return (struct run_setup){
		.config = f->role.config,
		.source = f->source,
		.mode = f->mode,
		.copy_to = f->copy_to,
		.base = f->base,
		.intake = f->intake,
		.dry = f->dry,
		.memory = f->memory,
		.driver = f->source->protocol == CONFIG_POP3 ? &source_pop3 : &source_imap,
		.login = { .tls = f->tls,
			   .connect = connect_now,
			   .token = f->source->server.oauth ? token_now : NULL,
			   .wake_fd = f->wake_fd,
			   .wake = on_wake,
			   .arg = f },
		.called = &f->called,
		.progress = on_progress,
		.line = on_line,
		.arg = f,
	};
}

/* ---- one run ---- */

/* The spool knows of a run before it begins: one that died is told from one that never was. */
static void note(struct fetch *f, const struct fetch_ran *r)
{
	const struct run_progress *p = &r->result.done;
	const struct source_run run = { .started_ms = r->started_ms,
					.ended_ms = r->ended_ms,
					.end = r->ended_ms == 0 ? "" : run_end_name(r->result.end),
					.words = r->result.words[0] == '\0' ? NULL : r->result.words,
					.messages = p->messages,
					.octets = p->octets,
					.skipped = p->skipped,
					.known = p->known,
					.removed = p->removed,
					.moved = p->moved,
					.marked = p->marked };
	struct err e;

	if (f->mode == RUN_DRY || f->lost)
		return;
	if (spool_source_ran(f->memory, &run, &e) != 0)
		log_warning("run-not-recorded", LOG_STR("source", f->source->name), LOG_STR("reason", e.text));
}

static void log_run(const struct fetch *f, const struct fetch_ran *r)
{
	const struct run_progress *p = &r->result.done;
	enum log_level level = r->result.end != RUN_OK ? LOG_WARNING : p->messages > 0 ? LOG_INFO : LOG_DEBUG;

	LOG_EVENT(level, "fetch-ended", LOG_STR("source", f->source->name),
		  LOG_STR("result", run_end_name(r->result.end)), LOG_NUM("messages", p->messages),
		  LOG_NUM("octets", p->octets), LOG_NUM("skipped", p->skipped), LOG_NUM("known", p->known),
		  LOG_NUM("removed", p->removed), LOG_NUM("moved", p->moved),
		  LOG_NUM("ms", r->ended_ms - r->started_ms),
		  LOG_STR("why", r->result.words[0] == '\0' ? NULL : r->result.words), { 0 });
}

bool fetch_run(struct fetch *f)
{
	static const struct run_progress none = { .folder = "" };
	struct fetch_ran ran = { .started_ms = clock_wall_ms(), .result = { .done = { .folder = "" } } };
	struct run_setup setup = setup_of(f);
	struct ipc_out out;

	f->asked = false;
	f->called = f->lost;
	f->said_ms = 0;
	note(f, &ran);
	on_progress(f, &none);
	if (f->tls_err.class != ERR_NONE) {
		ran.result.end = RUN_REFUSED;
		(void)snprintf(ran.result.words, sizeof ran.result.words, "%.*s", (int)sizeof ran.result.words - 1,
			       f->tls_err.text);
	} else {
		run_once(&setup, &ran.result);
	}
	ran.ended_ms = clock_wall_ms();
	note(f, &ran);
	log_run(f, &ran);
	ran.idle = f->source->push && f->mode == RUN_FETCH &&
		   (ran.result.end == RUN_OK || ran.result.end == RUN_PARTLY) && !f->lost;
	ran.result.done.folder = "";
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_RAN, 0);
	fetch_put_ran(&out, &ran);
	fetch_say(f, &out);
	return ran.idle;
}

/* ---- waiting for news ---- */

static void pause_until(struct fetch *f, int64_t until)
{
	while (!f->asked && !f->lost && clock_mono_ms() < until)
		fetch_turn_until(f, until);
}

static void pace(struct fetch *f)
{
	int64_t now = clock_mono_ms();

	if (f->runs_ms < now - RUNS_BURST * RUN_MS)
		f->runs_ms = now - RUNS_BURST * RUN_MS;
	f->runs_ms += RUN_MS;
	pause_until(f, f->runs_ms);
}

bool fetch_wait(struct fetch *f, unsigned *short_ones)
{
	struct run_setup setup = setup_of(f);
	int64_t began = clock_mono_ms(), until = began + fetch_poll_ms(f->source, clock_wall_ms());

	while (!f->asked && !f->lost && clock_mono_ms() < until) {
		struct run_result result = { .end = RUN_OK };
		bool news = false, can = true;

		run_wait(&setup, until, &news, &can, &result);
		if (!can) {
			log_info("push-not-possible", LOG_STR("source", f->source->name), LOG_STR("why", result.words));
			return false;
		}
		if (result.end != RUN_OK) {
			log_info("push-broke-off", LOG_STR("source", f->source->name),
				 LOG_STR("result", run_end_name(result.end)), LOG_STR("why", result.words));
			if (clock_mono_ms() - began >= SHORT_MS)
				break;
			if (++*short_ones >= SHORT_MAX)
				return false;
			pause_until(f, began + SHORT_MS);
			return !f->lost;
		}
		if (news) {
			pace(f);
			break;
		}
	}
	*short_ones = 0;
	return !f->lost;
}
