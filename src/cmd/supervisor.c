#include "cmd/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "cmd/activation.h"
#include "cmd/control_server.h"
#include "cmd/fetcher.h"
#include "cmd/notify.h"
#include "cmd/spool_ask.h"
#include "cmd/sync_job.h"
#include "role/role.h"
#include "smtp/meter.h"
#include "smtp/tally.h"

enum { BIND_PATIENCE_MS = 3000, BIND_PAUSE_MS = 50 };
enum { STOP_SECONDS = 30, STOP_SPOOL_SECONDS = 10, LOOK_SECONDS = 60, ERRORS_MAX = 64 * 1024, FILES_WANTED = 65536 };

const char *const slot_kind_names[SLOT_KINDS + 1] = {
	[SLOT_RECEIVER] = "receiver", [SLOT_FETCH] = "fetch", [SLOT_STORE] = "store",
	[SLOT_RELAY] = "relay",	      [SLOT_CONNECT] = "connect",   [SLOT_TOKEN] = "token", [SLOT_SPOOL] = "spool",
};

void supervisor_log_lines(const char *event, enum log_level level, const struct buf *lines)
{
	struct slice rest = buf_slice(lines);

	while (rest.n > 0) {
		size_t n = slice_find(rest, '\n');

		LOG_EVENT(level, event, LOG_SLICE("why", slice_of(rest.p, n)), { 0 });
		n = n < rest.n ? n + 1 : n;
		rest = slice_of(rest.p + n, rest.n - n);
	}
}

/* ---- starting ---- */

/* In one line, for `systemctl status'. */
static void tell_ready(struct supervisor *sup)
{
	const struct config *c = sup->setup->config;

	sup->reloading = false;
	notify_manager(sup->manager, "READY=1\nSTATUS=%s%zu listeners, %zu accounts, %zu sources",
		       sup->wrong ? "The changed configuration is wrong, the old one stays in force (see the log). " : "",
		       c->nlisteners, c->naccounts, c->nsources);
}

void supervisor_announce(struct supervisor *sup)
{
	if ((sup->announced && !sup->reloading) || sup->stage != STAGE_RUNNING)
		return;
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (!slot_kind_files(s->kind) && s->kind != SLOT_FETCH && s->kind != SLOT_TOKEN &&
		    (s->worker == NULL || s->worker->state != WORKER_READY))
			return;
	tell_ready(sup);
	if (sup->announced)
		return;
	sup->announced = true;
	log_info("ready", LOG_STR("hostname", sup->setup->config->hostname),
		 LOG_NUM("listeners", sup->setup->config->nlisteners),
		 LOG_NUM("accounts", sup->setup->config->naccounts), LOG_NUM("sources", sup->setup->config->nsources));
}

/* ---- stopping: receivers first, the spool last, so that what was begun can be finished ---- */

static void stop_kind(struct supervisor *sup)
{
	for (struct worker *w = sup->workers; w != NULL; w = w->next)
		if (w->kind == sup->stopping)
			worker_stop(w);
}

static bool kind_runs(const struct supervisor *sup, enum slot_kind kind)
{
	for (const struct worker *w = sup->workers; w != NULL; w = w->next)
		if (w->kind == kind)
			return true;
	return false;
}

void supervisor_stop_advance(struct supervisor *sup)
{
	if (sup->stage != STAGE_STOPPING)
		return;
	while (sup->stopping < SLOT_KINDS && !kind_runs(sup, sup->stopping)) {
		sup->stopping++;
		if (sup->stopping < SLOT_KINDS)
			stop_kind(sup);
	}
	if (sup->stopping == SLOT_KINDS)
		(void)event_base_loopbreak(sup->base);
}

static void stop_by_force(struct supervisor *sup)
{
	for (struct worker *w = sup->workers; w != NULL; w = w->next)
		if (w->kind != SLOT_SPOOL || sup->stopping == SLOT_SPOOL)
			worker_kill(w, "mailferry stops and can't wait longer");
}

static void on_stop_deadline(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval tv = { .tv_sec = STOP_SPOOL_SECONDS };
	struct supervisor *sup = arg;

	(void)fd;
	(void)what;
	stop_by_force(sup);
	(void)event_add(sup->stop_deadline, &tv);
}

void supervisor_stop(struct supervisor *sup)
{
	const struct timeval tv = { .tv_sec = sup->setup->config->stop_timeout / 1000 + STOP_SECONDS };

	if (sup->stage == STAGE_STOPPING)
		return;
	notify_manager(sup->manager, "STOPPING=1\nSTATUS=Waiting up to %lld s for messages under way",
		       (long long)sup->setup->config->stop_timeout / 1000);
	sup->stage = STAGE_STOPPING;
	sup->stopping = SLOT_RECEIVER;
	control_server_free(&sup->control);
	setup_close(sup->setup);
	(void)event_add(sup->stop_deadline, &tv);
	stop_kind(sup);
	supervisor_stop_advance(sup);
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	struct supervisor *sup = arg;

	(void)what;
	if (sup->stage == STAGE_STOPPING) {
		stop_by_force(sup);
		return;
	}
	log_info("stopping", LOG_STR("signal", strsignal((int)number)));
	sync_end_all(sup, "mailferry was told to stop; what was begun is taken up by the next run");
	supervisor_stop(sup);
}

/* ---- the children ---- */

static void on_child(evutil_socket_t number, short what, void *arg)
{
	struct supervisor *sup = arg;
	int status;
	pid_t pid;

	(void)number;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct worker *w = sup->workers;

		while (w != NULL && w->pid != pid)
			w = w->next;
		/* As process 1 of a container we reap strangers too. */
		if (w != NULL)
			worker_reaped(w, status);
	}
	supervisor_stop_advance(sup);
}

/* ---- the loop ---- */

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	supervisor_reload(arg);
}

static void on_minute(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sup = arg;
	struct worker *spool = worker_of_kind(sup, SLOT_SPOOL);

	(void)fd;
	(void)what;
	/* Without an answer no source begins and no sync ends. */
	if (sup->ask == NULL && spool != NULL && sup->stage == STAGE_RUNNING)
		worker_ask(spool);
	sup->warned = false;
	fetchers_minute(sup);
	slot_consider_all(sup);
	supervisor_tls_minute(sup);
	supervisor_look_at_files(sup);
}

/* It says that this loop goes round; roles have deadlines of their own. */
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	notify_alive(((struct supervisor *)arg)->manager);
}

static void watchdog_prepare(struct supervisor *sup)
{
	const int64_t ms = notify_watchdog_ms() / 2;
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (ms == 0)
		return;
	sup->watchdog = event_new(sup->base, -1, EV_PERSIST, on_watchdog, sup);
	if (sup->watchdog == NULL || event_add(sup->watchdog, &tv) != 0)
		abort();
}

static void add_signal(struct supervisor *sup, size_t i, int number, event_callback_fn fn)
{
	sup->signals[i] = evsignal_new(sup->base, number, fn, sup);
	if (sup->signals[i] == NULL || event_add(sup->signals[i], NULL) != 0)
		abort();
}

static void events_prepare(struct supervisor *sup)
{
	const struct timeval minute = { .tv_sec = LOOK_SECONDS };

	add_signal(sup, 0, SIGCHLD, on_child);
	add_signal(sup, 1, SIGHUP, on_reload);
	add_signal(sup, 2, SIGTERM, on_stop);
	add_signal(sup, 3, SIGINT, on_stop);
	(void)signal(SIGPIPE, SIG_IGN);
	sup->minute = event_new(sup->base, -1, EV_PERSIST, on_minute, sup);
	sup->stop_deadline = event_new(sup->base, -1, 0, on_stop_deadline, sup);
	if (sup->minute == NULL || sup->stop_deadline == NULL || event_add(sup->minute, &minute) != 0)
		abort();
	sup->manager = notify_new(sup->base);
	watchdog_prepare(sup);
}

/* Receivers inherit the limit: a session is a descriptor. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (geteuid() == 0 && limit.rlim_max < FILES_WANTED)
		limit.rlim_max = FILES_WANTED;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void steps_prepare(struct supervisor *sup)
{
	const char *path = getenv("MAILFERRY_STEPS");

	if (path == NULL)
		return;
	sup->steps = open(path, O_RDWR | O_CLOEXEC);
	if (sup->steps < 0)
		log_error("no-steps", LOG_STR("file", path), LOG_STR("why", strerror(errno)));
	sup->killer = step_killer();
	step_open(sup->steps, sup->killer);
}

void supervisor_set_level(struct supervisor *sup)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	const char *level = sup->setup->config->log_level;

	sup->level = LOG_INFO;
	for (size_t i = 0; level != NULL && i < sizeof names / sizeof names[0]; i++)
		if (strcmp(level, names[i]) == 0)
			sup->level = (enum log_level)i;
	/* The person at the terminal sees what happens; the log is for what is wrong. */
	if (sup->sync_only && sup->level == LOG_INFO)
		sup->level = LOG_WARNING;
	log_set_level(sup->level);
}

/* Roles of a supervisor that was killed die a moment after it, and hold its sockets until then. */
static int bind_patiently(struct setup *setup, struct buf *errors)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * 1000 * 1000 };
	int64_t until = clock_mono_ms() + BIND_PATIENCE_MS;

	while (setup_bind(setup, NULL, errors) != 0) {
		if (clock_mono_ms() >= until)
			return -1;
		buf_clear(errors);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* Everything that must work before the first role starts. 0, or an exit status after an error was logged. */
static int prepare(struct supervisor *sup)
{
	const struct config *c = sup->setup->config;
	struct buf errors;
	struct err e;
	int r;

	sup->programs = programs_open(slot_kind_names, &e);
	if (sup->programs == NULL || supervisor_sandbox(sup->setup, &e) != 0) {
		log_error("not-started", LOG_STR("why", e.text));
		return EX_CONFIG;
	}
	if (identity_find(c, &sup->identity, &e) != 0 || spool_directory_prepare(c->spool, &sup->identity, &e) != 0) {
		log_error("not-started", LOG_STR("why", e.text));
		return EX_CONFIG;
	}
	sup->control = control_server_new(sup->base, c->control, supervisor_hand, sup, &e);
	if (sup->control == NULL) {
		log_error("not-started", LOG_STR("why", e.text));
		return e.class == ERR_TEMP ? EX_TEMPFAIL : EX_CONFIG;
	}
	if (sup->sync_only)
		return 0;
	sup->meter = meter_create(&e);
	if (sup->meter < 0) {
		log_error("not-started", LOG_STR("why", e.text));
		return EX_OSERR;
	}
	sup->tally = tally_create(&e);
	if (sup->tally < 0) {
		log_error("not-started", LOG_STR("why", e.text));
		return EX_OSERR;
	}
	buf_init(&errors, ERRORS_MAX);
	r = bind_patiently(sup->setup, &errors);
	if (r != 0)
		supervisor_log_lines("not-started", LOG_ERROR, &errors);
	else
		activation_warn();
	buf_free(&errors);
	return r == 0 ? 0 : EX_UNAVAILABLE;
}

static void clean_up(struct supervisor *sup)
{
	for (size_t i = 0; i < sizeof sup->signals / sizeof sup->signals[0]; i++)
		event_free(sup->signals[i]);
	sync_free_all(sup);
	supervisor_notices_free(sup);
	while (sup->slots != NULL)
		slot_free(sup->slots);
	spool_ask_free(&sup->ask);
	control_server_free(&sup->control);
	event_free(sup->minute);
	if (sup->watchdog != NULL)
		event_free(sup->watchdog);
	event_free(sup->stop_deadline);
	notify_free(&sup->manager);
	event_base_free(sup->base);
	setup_free(&sup->setup);
	watch_free(&sup->watch);
	mem_wipe(&sup->tickets, sizeof sup->tickets);
	buf_free(&sup->spool_part);
	programs_free(&sup->programs);
	file_close(&sup->steps);
	file_close(&sup->meter);
	file_close(&sup->tally);
}

/* BEGIN is called when all is prepared; NULL: nothing but the schedule says what is to be done. */
static int run(struct supervisor *sup, int (*begin)(struct supervisor *sup, void *arg), void *arg)
{
	int status;

	log_open("supervisor", LOG_INFO);
	supervisor_set_level(sup);
	(void)umask(022);
	/* It knows every secret. Where that can't be done, mail still goes. */
	if (guard_secrets() != 0)
		log_warning("secrets-not-guarded", LOG_STR("why", strerror(errno)));
	files_raise();
	buf_init(&sup->spool_part, SUPERVISOR_PART_MAX);
	sup->base = event_base_new();
	if (sup->base == NULL)
		abort();
	srandom((unsigned)clock_wall_ms() ^ (unsigned)getpid());
	steps_prepare(sup);
	events_prepare(sup);
	fetchers_minute(sup);
	status = prepare(sup);
	if (status == 0 && begin != NULL && begin(sup, arg) != 0)
		status = EX_CONFIG;
	if (status == 0) {
		log_info("starting", LOG_STR("file", sup->file), LOG_NUM("pid", getpid()));
		if (!sup->sync_only)
			supervisor_log_lines("rules-warning", LOG_WARNING, &sup->setup->rules.warnings);
		watch_set(&sup->watch, sup->setup->config);
		slot_match(sup);
		slot_consider_all(sup);
		if (event_base_dispatch(sup->base) != 0)
			abort();
		if (!sup->sync_only)
			setup_unlink(sup->setup, NULL);
		log_info("stopped");
		status = sup->sync_only ? sup->sync_status : EX_OK;
	}
	clean_up(sup);
	return status;
}

static struct supervisor supervisor_new(const char *file, struct setup *setup)
{
	return (struct supervisor){ .file = file, .setup = setup, .steps = -1, .killer = -1, .meter = -1, .tally = -1 };
}

int supervisor_run(const char *file, struct setup *setup, bool restored)
{
	struct supervisor sup = supervisor_new(file, setup);

	sup.restored = restored;
	return run(&sup, NULL, NULL);
}

int supervisor_run_sync(const char *file, struct setup *setup, int (*begin)(struct supervisor *sup, void *arg),
			void *arg)
{
	struct supervisor sup = supervisor_new(file, setup);

	sup.sync_only = true;
	return run(&sup, begin, arg);
}
