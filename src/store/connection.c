/* A worker's connections: one to begin with, more where the account may have them and the mail is worth it. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/worker_impl.h"

enum {
	TRUSTED_MS = 1000,	     /* a connection that was used so lately is not asked first */
	LANES_AGAIN_MS = 10 * 60000, /* a store that let us have fewer is asked again so much later */
	ERRORS_MAX = 8,		     /* NO and BAD on one connection */
	MESSAGES_A_LANE = 50	     /* fewer are not worth another login */
};

static void close_others(struct worker *w)
{
	for (size_t i = 1; i < APPEND_LANES_MAX; i++)
		lane_close(&w->lanes[i]);
}

void worker_hang_up(struct worker *w)
{
	lane_abort(&w->lanes[0]);
}

void worker_rest(struct worker *w)
{
	for (size_t i = 0; i < APPEND_LANES_MAX; i++)
		lane_close(&w->lanes[i]);
}

/* A new connection for L. 0, or -1 and E. */
static int open_lane(struct worker *w, struct lane *l, struct err *e)
{
	struct imap_login login = { .server = &w->account->server,
				    .tls = w->setup.tls,
				    .wake_fd = w->setup.wake_fd,
				    .wake = w->setup.wake,
				    .wake_arg = w->setup.arg,
				    .token = w->setup.token,
				    .token_arg = w->setup.arg };
	int64_t since = clock_mono_ms();
	int fd = w->setup.connect(w->setup.arg, e);
	struct imap *session = fd < 0 ? NULL : imap_open(fd, &login, e);

	if (session == NULL)
		return -1;
	lane_open(l, session, since);
	if (w->hurry != INT64_MAX)
		imap_hurry(session, w->hurry);
	return 0;
}

int worker_log_in(struct worker *w)
{
	bool trusted = clock_mono_ms() - w->used <= TRUSTED_MS, tls;
	struct lane *l = &w->lanes[0];
	struct tls_facts facts;
	struct err e = { 0 };

	/* Stores hang up on those who idle: better noticed now than in the middle of a batch. */
	if (!trusted)
		close_others(w);
	if (l->session != NULL && !trusted && imap_noop(l->session, &e) != 0)
		lane_abort(l);
	/* Better now than by a BYE in the middle of a message: some stores hang up after ten. */
	if (l->session != NULL && imap_errors(l->session) >= ERRORS_MAX)
		lane_close(l);
	if (l->session != NULL)
		return 0;
	w->passed = w->refused = 0;
	if (open_lane(w, l, &e) != 0) {
		trouble_from(&w->trouble, &e);
		return -1;
	}
	tls = imap_tls_facts(l->session, &facts);
	log_debug("logged-in", LOG_STR("account", w->account->name), LOG_STR("auth", imap_mechanism(l->session)),
		  LOG_STR("path", lane_path(l)), LOG_STR("tls", tls ? facts.version : NULL),
		  LOG_STR("session", !tls	     ? NULL
				     : facts.resumed ? "resumed"
						     : "new"));
	return 0;
}

void worker_fewer_lanes(struct worker *w, const char *why)
{
	w->lanes_again = clock_mono_ms() + LANES_AGAIN_MS;
	if (w->lanes_max > 1)
		w->lanes_max--;
	log_info("fewer-connections", LOG_STR("account", w->account->name), LOG_NUM("connections", w->lanes_max),
		 LOG_NUM("configured", w->account->connections), LOG_STR("reason", why));
}

void worker_open_lanes(struct worker *w, size_t n)
{
	size_t open = 1, want = n / MESSAGES_A_LANE;
	struct err e = { 0 };

	if (w->lanes_max < w->account->connections && clock_mono_ms() >= w->lanes_again)
		w->lanes_max = w->account->connections;
	if (want > w->lanes_max)
		want = w->lanes_max;
	for (; open < want && open < APPEND_LANES_MAX; open++) {
		if (w->lanes[open].session != NULL)
			continue;
		if (open_lane(w, &w->lanes[open], &e) == 0)
			continue;
		/* What there is must do. */
		w->lanes_max = (unsigned)open + 1;
		worker_fewer_lanes(w, e.text);
		return;
	}
}
