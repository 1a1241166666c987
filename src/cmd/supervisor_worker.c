/* Workers: the life of one process, and what it may say. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "cmd/fetcher.h"
#include "cmd/supervisor.h"
#include "cmd/sync_job.h"
#include "intake/notice.h"
#include "role/role.h"
#include "smtp/tally.h"

/* A spool puts right what a crash left before it is ready; on a slow disk with many files that takes its time. */
enum { NAME_LOGGED_MAX = 200, WAKE_CROSSES_MS = 2000, SPOOL_START_SECONDS = 15 * 60 };

/* A fetcher that waits for its server does not hear us. It may be killed at any moment, so nobody waits for it long. */
enum { FETCH_LEAVE_SECONDS = 5 };

/* How long a worker may be in a state, in seconds; 0: for ever. What happens then is in on_deadline. */
static const int state_seconds[] = {
	[WORKER_STARTING] = 60, [WORKER_READY] = 0,  [WORKER_DRAINING] = 15 * 60,
	[WORKER_LEAVING] = 30,	[WORKER_KILLED] = 0,
};

static const char *const state_names[] = {
	[WORKER_STARTING] = "starting", [WORKER_READY] = "ready",   [WORKER_DRAINING] = "draining",
	[WORKER_LEAVING] = "leaving",	[WORKER_KILLED] = "killed",
};

static void log_worker(enum log_level level, const char *event, const struct worker *w, const char *what)
{
	LOG_EVENT(level, event, LOG_STR("kind", slot_kind_names[w->kind]),
		  LOG_STR("account", w->account[0] == '\0' ? NULL : w->account), LOG_NUM("pid", w->pid),
		  LOG_STR("what", what), { 0 });
}

void worker_enter(struct worker *w, enum worker_state state)
{
	struct timeval tv = { .tv_sec = state_seconds[state] };

	/* States are in the order of a life: none comes back. */
	if (state < w->state)
		abort();
	if (state == w->state && state != WORKER_STARTING)
		return;
	if (state == WORKER_STARTING && w->kind == SLOT_SPOOL)
		tv.tv_sec = SPOOL_START_SECONDS;
	if (state == WORKER_LEAVING && w->kind == SLOT_FETCH)
		tv.tv_sec = FETCH_LEAVE_SECONDS;
	/* Its sessions have that long, and then some seconds to hear of it. */
	if (state == WORKER_LEAVING && w->kind == SLOT_RECEIVER)
		tv.tv_sec += w->stop_timeout / 1000;
	w->state = state;
	log_worker(LOG_DEBUG, "role-state", w, state_names[state]);
	(void)event_del(w->deadline);
	if (tv.tv_sec > 0)
		(void)event_add(w->deadline, &tv);
}

void worker_kill(struct worker *w, const char *why)
{
	if (w->state == WORKER_KILLED || w->reaped)
		return;
	log_worker(LOG_WARNING, "role-killed", w, why);
	worker_enter(w, WORKER_KILLED);
	(void)kill(w->pid, SIGKILL);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->state == WORKER_DRAINING)
		worker_stop(w);
	else
		worker_kill(w,
			    w->state == WORKER_STARTING ? "it did not become ready in time" : "it did not end in time");
}

int worker_send(struct worker *w, const struct ipc_out *out, int fd)
{
	struct err e = { 0 };

	if (w->channel != NULL && channel_send(w->channel, out, &fd, fd < 0 ? 0 : 1, &e) == 0)
		return 0;
	/* It has ended: what it said before, how a run went, is read first, and then its end. */
	if (w->channel == NULL || e.code != EPIPE)
		worker_kill(w, w->channel == NULL ? "it closed its socket" : e.text);
	return -1;
}

static int worker_say(struct worker *w, enum role_message type)
{
	struct ipc_out out;
	int r;

	ipc_out_init(&out);
	ipc_begin(&out, (uint16_t)type, 0);
	r = worker_send(w, &out, -1);
	ipc_out_free(&out);
	return r;
}

void worker_stop(struct worker *w)
{
	/* One that has closed its socket is on its way out, and has its time for that. */
	if (w->state == WORKER_KILLED || w->channel == NULL || (w->told_to_end && w->state == WORKER_LEAVING))
		return;
	if (worker_say(w, ROLE_STOP) != 0)
		return;
	w->told_to_end = true;
	worker_enter(w, WORKER_LEAVING);
}

void worker_wake(struct worker *w)
{
	if (w->state > WORKER_READY || w->idle)
		return;
	w->woken = clock_mono_ms();
	(void)worker_say(w, ROLE_DUE);
}

void worker_lift(struct worker *w, const char *account)
{
	struct ipc_out out;

	ipc_out_init(&out);
	ipc_begin(&out, ROLE_LIFT, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, account);
	(void)worker_send(w, &out, -1);
	ipc_out_free(&out);
}

struct worker *worker_of_kind(struct supervisor *sup, enum slot_kind kind)
{
	for (struct slot *s = sup->slots; s != NULL; s = s->next)
		if (s->kind == kind && s->worker != NULL && s->worker->state == WORKER_READY)
			return s->worker;
	return NULL;
}

static void drain_replaced(struct supervisor *sup)
{
	for (struct worker *w = sup->workers; w != NULL; w = w->next)
		if (w->kind == SLOT_RECEIVER && w->slot == NULL && w->state < WORKER_DRAINING &&
		    worker_say(w, ROLE_DRAIN) == 0) {
			w->told_to_end = true;
			worker_enter(w, WORKER_DRAINING);
		}
}

/* What waited for a sign-in, or for the token role itself, need not wait longer. */
static void lift_for_token(struct supervisor *sup)
{
	struct worker *spool = worker_of_kind(sup, SLOT_SPOOL);

	fetchers_lift(sup, true);
	if (spool != NULL)
		worker_lift(spool, NULL);
}

static int on_ready(struct worker *w)
{
	struct supervisor *sup = w->sup;
	bool was_missing;

	if (w->ready_once)
		return -1;
	w->ready_once = true;
	if (w->state != WORKER_STARTING)
		return 0;
	worker_enter(w, WORKER_READY);
	if (w->kind == SLOT_RECEIVER)
		supervisor_notices_say(w->sup);
	/* Stores come and go with the mail, and tell of it themselves. */
	log_worker(slot_kind_files(w->kind) || w->kind == SLOT_FETCH ? LOG_DEBUG : LOG_INFO, "role-ready", w, NULL);
	if (w->slot == NULL)
		return 0;
	was_missing = w->slot->failed_starts > 0;
	w->slot->failed_starts = 0;
	if (w->kind == SLOT_SPOOL) {
		sup->restored = false;
		worker_hand_out(w);
		worker_ask(w);
	} else if (w->kind == SLOT_FETCH) {
		fetcher_ready(w->slot->fetcher);
	} else if (w->kind == SLOT_CONNECT || w->kind == SLOT_TOKEN) {
		worker_hand_out(w);
		if (w->kind == SLOT_TOKEN && was_missing)
			lift_for_token(sup);
	} else if (w->kind == SLOT_RECEIVER) {
		drain_replaced(sup);
	}
	supervisor_announce(sup);
	slot_consider_all(sup);
	return 0;
}

/* Wall clock; one before 1970 would overflow where it is counted with. */
static int64_t get_time(struct slice fields, int64_t otherwise)
{
	int64_t t = ipc_get_number(fields, ROLE_TAG_TIME, otherwise);

	return t < 0 ? 0 : t;
}

static int on_due(struct worker *w, struct slice fields)
{
	struct slice account = ipc_get_bytes(fields, ROLE_TAG_NAME);
	struct slot *s = slot_of_account(w->sup, account);

	step("supervisor: mail is due");
	if (account.n > NAME_LOGGED_MAX)
		return -1;
	if (s != NULL) {
		slot_due(s, get_time(fields, 0));
	} else if (!w->sup->warned) {
		w->sup->warned = true;
		log_warning("mail-without-account", LOG_SLICE("account", account),
			    LOG_STR("what", "mail waits for an account that the configuration does not name; name it "
					    "again, or look at it with: mailferry queue list"));
	}
	return 0;
}

static int on_idle(struct worker *w, struct slice fields)
{
	/* It looked after the last word about due mail reached it, unless that word is still on its way. */
	if (w->slot != NULL && clock_mono_ms() - w->woken > WAKE_CROSSES_MS)
		w->slot->due = INT64_MAX;
	w->idle = true;
	w->idle_until = get_time(fields, INT64_MAX);
	return 0;
}

/* The spool may still run: it puts out who does not listen, and a receiver gives up a spool that does not. One that is
 * started again is handed out when it is ready. */
static int on_spool_wanted(struct worker *w)
{
	struct worker *spool = worker_of_kind(w->sup, SLOT_SPOOL);
	struct err e = { 0 };

	if (spool != NULL && w->state <= WORKER_DRAINING && worker_pair(spool, w, ROLE_SPOOL, &e) != 0)
		log_worker(LOG_WARNING, "role-not-connected", w, e.text);
	return 0;
}

/* A person has signed in. */
static int on_lift(struct worker *w)
{
	lift_for_token(w->sup);
	return 0;
}

static int on_notice(struct worker *w, struct slice fields)
{
	struct slice name = w->kind == SLOT_TOKEN ? ipc_get_bytes(fields, ROLE_TAG_NAME) : slice_str(w->account);
	char *text = ipc_get_str(fields, ROLE_TAG_TEXT, ROLE_TEXT_MAX);
	int64_t kind = ipc_get_number(fields, ROLE_TAG_KIND, 0);
	struct slot *s = slot_of_name(w->sup, name);

	supervisor_notice(w->sup, s, s != NULL && s->fetcher != NULL && kind == NOTICE_HELD ? NOTICE_SOURCE : kind,
			  text);
	free(text);
	return 0;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct worker *w = arg;

	(void)fds;
	if (nfds != 0)
		return -1;
	if (in->type == ROLE_READY)
		return on_ready(w);
	if (in->type == ROLE_DUE && w->kind == SLOT_SPOOL)
		return on_due(w, in->rest);
	if (in->type == ROLE_IDLE && slot_kind_files(w->kind))
		return on_idle(w, in->rest);
	if (in->type == ROLE_SPOOL && w->kind == SLOT_RECEIVER)
		return on_spool_wanted(w);
	if (in->type == ROLE_LIFT && w->kind == SLOT_TOKEN)
		return on_lift(w);
	if (in->type == ROLE_NOTICE && (w->kind == SLOT_TOKEN || slot_kind_files(w->kind)))
		return on_notice(w, in->rest);
	if (in->type == ROLE_NOTICE && w->kind == SLOT_SPOOL)
		return supervisor_held(w->sup, in->rest);
	if (w->kind == SLOT_FETCH)
		return fetcher_says(w, in);
	return -1;
}

static void on_closed(void *arg, const struct err *e)
{
	struct worker *w = arg;

	channel_free(&w->channel);
	if (e->class == ERR_PROTOCOL)
		worker_kill(w, e->text);
	else if (w->state < WORKER_LEAVING)
		worker_enter(w, WORKER_LEAVING);
}

static const struct channel_handler handler = { .message = on_message, .closed = on_closed };

int worker_start(struct slot *s, struct err *e)
{
	struct supervisor *sup = s->sup;
	struct worker *w;
	int pair[2];
	pid_t pid;

	step("supervisor: start a role");
	if (ipc_pair(pair, e) != 0)
		return -1;
	pid = process_start(sup->programs, slot_kind_names[s->kind], &sup->identity, pair[1], e);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return -1;
	}
	w = mem_alloc(sizeof *w);
	w->sup = sup;
	w->slot = s;
	w->kind = s->kind;
	w->place = TALLY_PLACES;
	w->account = mem_strdup(s->account);
	w->pid = pid;
	w->started = clock_mono_ms();
	w->stop_timeout = sup->setup->config->stop_timeout;
	w->channel = channel_new(sup->base, pair[0], &handler, w);
	w->deadline = event_new(sup->base, -1, 0, on_deadline, w);
	if (w->deadline == NULL)
		abort();
	w->next = sup->workers;
	sup->workers = w;
	sup->stores += slot_kind_files(w->kind);
	s->worker = w;
	s->due = INT64_MAX;
	if (s->fetcher != NULL)
		fetcher_starts(s->fetcher);
	worker_enter(w, WORKER_STARTING);
	if (worker_tell(w, e) != 0)
		worker_kill(w, e->text);
	return 0;
}

static void log_death(const struct worker *w, int status, bool clean)
{
	enum log_level level = !clean						? LOG_ERROR
			       : slot_kind_files(w->kind) || w->kind == SLOT_FETCH ? LOG_DEBUG
										: LOG_INFO;
	char what[80];

	if (WIFSIGNALED(status))
		(void)snprintf(what, sizeof what, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(what, sizeof what, "exit status %d", WEXITSTATUS(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		LOG_EVENT(LOG_ERROR, "role-forbidden", LOG_STR("kind", slot_kind_names[w->kind]),
			  LOG_STR("account", w->account[0] == '\0' ? NULL : w->account), LOG_NUM("pid", w->pid),
			  LOG_STR("signal", "SIGSYS"),
			  LOG_STR("what", "it made a system call that no program of mailferry needs, and the sandbox ended it: either "
					  "somebody has taken it over by what it read, or a library does what it did not do "
					  "before. Which call it was says the kernel: journalctl -k --grep type=1326, or ausearch -m "
					  "SECCOMP. Look before you set sandbox to \"off\"; see docs/security.md"),
			  { 0 });
	log_worker(level, clean ? "role-ended" : "role-died", w, what);
}

/* A receiver has ended, and is none of the workers any more. */
static void sweep_places(const struct supervisor *sup)
{
	bool held[TALLY_PLACES] = { false };

	for (const struct worker *x = sup->workers; x != NULL; x = x->next)
		if (x->kind == SLOT_RECEIVER && x->place < TALLY_PLACES)
			held[x->place] = true;
	tally_sweep(sup->tally, held);
}

void worker_reaped(struct worker *w, int status)
{
	struct worker **p = &w->sup->workers;
	struct slot *s;
	bool clean;

	w->reaped = true;
	/* Its last words may still be on the way. */
	if (w->channel != NULL)
		channel_drain(w->channel);
	s = w->slot;
	clean = WIFEXITED(status) && WEXITSTATUS(status) == 0 && (w->told_to_end || w->idle);

	step("supervisor: a role has ended");
	if (w->kind == SLOT_RECEIVER)
		tally_clear(w->sup->tally, w->place);
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (w->kind == SLOT_RECEIVER)
		sweep_places(w->sup);
	w->sup->stores -= slot_kind_files(w->kind);
	log_death(w, status, clean);
	if (s != NULL && s->fetcher != NULL)
		fetcher_ended(s->fetcher, w, status);
	if (s != NULL && s->gone)
		slot_free(s);
	else if (s != NULL)
		slot_ended(s, w, clean);
	channel_free(&w->channel);
	event_free(w->deadline);
	free(w->account);
	free(w);
}
