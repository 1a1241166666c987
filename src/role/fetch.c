/*
 * mailferry-fetch: fetches the mail of one source. The supervisor starts it when
 * a run is due and says so; it leaves when the run has ended, or stays connected
 * where the source has `push'. It may be killed at any moment.
 */
#include "role/fetch_impl.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "msg/charset.h"
#include "net/crypto.h"
#include "net/sasl.h"
#include "role/rules.h"

/* FACTS_MS: how long the spool may take to tell what is known of the accounts. LAST_WORDS_MS: how long the supervisor may take
 * to hear how a run went, and the lines of a dry run in front of that. */
enum { FACTS_MS = 5 * 1000, LAST_WORDS_MS = 60 * 1000, NAME_MAX_BYTES = 255 };

static _Noreturn void fail(const char *what, const char *why)
{
	log_error("role-start-failed", LOG_STR("what", what), LOG_STR("why", why));
	exit(EX_SOFTWARE);
}

/* ---- the supervisor ---- */

void fetch_say(struct fetch *f, struct ipc_out *out)
{
	struct err e;

	if (f->supervisor != NULL && channel_send(f->supervisor, out, NULL, 0, &e) != 0)
		log_warning("supervisor-not-told", LOG_STR("reason", e.text));
	ipc_out_free(out);
}

static void on_run(struct fetch *f, struct slice fields)
{
	int64_t mode = ipc_get_number(fields, FETCH_TAG_MODE, RUN_FETCH);

	/* What intake and memory are made for can't change any more. */
	if (f->fixed && mode != (int64_t)f->mode)
		return;
	if (!f->fixed) {
		f->fixed = true;
		f->mode = mode == RUN_DRY || mode == RUN_COPY ? (enum run_mode)mode : RUN_FETCH;
		f->copy_to = ipc_get_str(fields, FETCH_TAG_COPY_TO, NAME_MAX_BYTES);
	}
	f->asked = f->called = true;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct fetch *f = arg;

	switch (in->type) {
	case ROLE_STOP:
		/* As after a kill: what the spool has taken it keeps, and nothing else was changed. */
		log_info("stopped");
		_exit(0);
	case ROLE_RUN:
		on_run(f, in->rest);
		return 0;
	case ROLE_CONNECT:
	case ROLE_TOKEN:
		if (nfds != 1)
			return -1;
		role_take_socket(in->type == ROLE_CONNECT ? &f->role.connect : &f->role.token, &fds[0]);
		f->handed = true;
		return 0;
	default:
		return 0;
	}
}

static void on_closed(void *arg, const struct err *e)
{
	(void)arg;
	log_error("supervisor-gone", LOG_STR("error", e->text));
	_exit(EX_TEMPFAIL);
}

static const struct channel_handler handler = { on_message, on_closed };

/* ---- the event loop ---- */

static void on_until(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void fetch_turn(struct fetch *f)
{
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
}

void fetch_turn_until(struct fetch *f, int64_t mono_ms)
{
	int64_t left = mono_ms - clock_mono_ms();
	struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

	if (left <= 0)
		return;
	(void)evtimer_add(f->until, &tv);
	(void)event_base_loop(f->base, EVLOOP_ONCE);
	(void)evtimer_del(f->until);
}

static void watch(struct fetch *f, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	if (epoll_ctl(f->wake_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		fail("no event loop", strerror(errno));
}

/* ---- rules and facts ---- */

static void compile_rules(struct fetch *f)
{
	struct buf errors;

	buf_init(&errors, 64 * 1024);
	if (rules_compile(&f->role, f->intake, &errors) != 0)
		fail("the rules do not compile", buf_str(&errors));
	buf_free(&errors);
}

static void facts_told(void *arg, const char *account, int64_t at_ms, struct facts *facts)
{
	struct fetch *f = arg;

	f->told++;
	intake_set_facts(f->intake, account, at_ms, facts);
}

/* Rules ask which folders there are: without the facts, the first messages would be sorted otherwise than the rest. */
static void wait_for_facts(struct fetch *f)
{
	const struct config *c = f->role.config;
	const char **names = mem_array(c->naccounts + 1, sizeof *names);
	int64_t until = clock_mono_ms() + FACTS_MS;

	for (size_t i = 0; i < c->naccounts; i++)
		names[i] = c->accounts[i].name;
	spool_facts_watch(f->spool, names, c->naccounts, facts_told, f);
	free(names);
	while (f->told < c->naccounts && !f->lost && clock_mono_ms() < until)
		fetch_turn_until(f, until);
}

static void spool_gone(void *arg)
{
	struct fetch *f = arg;

	f->lost = f->called = true;
	if (f->intake != NULL)
		intake_set_lost(f->intake, true);
}

/* ---- the beginning and the end ---- */

static void prepare(struct fetch *f)
{
	int supervisor = f->role.socket;

	if (f->role.config->nsources != 1 || f->role.spool < 0 || f->role.memory < 0 || f->role.connect < 0)
		fail("a fetcher needs its source, the spool and the connector", NULL);
	f->source = &f->role.config->sources[0];
	/* The authorities and our certificate are read now, so that nothing is opened later. A run says what is wrong.
	 */
	if (f->source->server.tls != CONFIG_TLS_NONE)
		f->tls = tls_client_of(&f->source->server, &f->tls_err);
	if (f->tls != NULL)
		f->tls_err = (struct err){ 0 };
	f->base = event_base_new();
	f->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->base == NULL || f->wake_fd < 0)
		fail("no event loop", strerror(errno));
	f->until = evtimer_new(f->base, on_until, f);
	if (f->until == NULL)
		fail("no event loop", strerror(errno));
	watch(f, f->role.spool);
	watch(f, supervisor);
	f->spool = spool_intake_new(f->base, f->role.spool, spool_gone, f);
	f->role.spool = -1;
	f->memory = spool_source_new(f->role.memory);
	f->role.memory = -1;
	charset_warm();
	crypto_start();
	sasl_start();
	role_ready(&f->role);
	f->supervisor = channel_new(f->base, supervisor, &handler, f);
	f->role.socket = -1;
}

/* Once the supervisor has said what kind of run it wants. */
static void prepare_intake(struct fetch *f)
{
	if (f->mode == RUN_DRY) {
		f->dry = run_dry_new();
		f->intake = intake_new(f->role.config, &run_dry_spool, f->dry);
	} else {
		f->intake = intake_new(f->role.config, &intake_spool_client, f->spool);
	}
	compile_rules(f);
	wait_for_facts(f);
}

/* A socket holds little: of what does not fit in, the supervisor would never hear, and take the run for one that was cut off. */
static void say_all(struct fetch *f)
{
	int64_t until = clock_mono_ms() + LAST_WORDS_MS;

	while (channel_waiting(f->supervisor) > 0 && clock_mono_ms() < until)
		fetch_turn_until(f, until);
}

int main(void)
{
	struct fetch f = { .wake_fd = -1 };
	unsigned short_ones = 0;

	role_begin(&f.role, "fetch");
	prepare(&f);
	while (!f.asked && !f.lost)
		(void)event_base_loop(f.base, EVLOOP_ONCE);
	if (f.asked) {
		prepare_intake(&f);
		while (fetch_run(&f) && fetch_wait(&f, &short_ones))
			continue;
	}
	intake_free(&f.intake);
	run_dry_free(&f.dry);
	spool_source_free(&f.memory);
	spool_intake_free(&f.spool);
	say_all(&f);
	channel_free(&f.supervisor);
	tls_client_free(&f.tls);
	event_free(f.until);
	event_base_free(f.base);
	file_close(&f.wake_fd);
	free(f.copy_to);
	role_free(&f.role);
	return f.lost ? EX_TEMPFAIL : 0;
}
