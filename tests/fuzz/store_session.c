/*
 * A store's whole worker against a server that the input drives (store_peer.h).
 * Time is not waited for (world.h).
 *
 * Watched for: a delivery that was sent before it was recorded in flight; one
 * that is called done though no OK to it and no sign of it ever came; one that
 * is called not stored though it was sent and no NO came, or sent again without
 * a look from a new connection; a change of state that the spool would refuse.
 * Of a server that only fails and never lies, also: no message is kept twice,
 * what is called done is there, and all comes to an end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/client.h"
#include "spool/state.h"
#include "store/worker.h"
#include "store_peer.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum {
	INPUT_MAX = 2000,
	DELIVERIES_MAX = 120,
	TURNS_MAX = 3000,
	LYING_TURNS_MAX = 150,
	SETTLE_MS = 60 * 1000
};

/* libetpan loses memory on responses that it rejects; in life the connection ends then. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

static bool serve(void)
{
	return peer_step(world.now_ms);
}

/* ---- the spool ---- */

struct delivery {
	enum delivery_state state;
	char id[PEER_ID + 1], folder[300], floor_folder[300];
	const char *flags;
	bool has_floor, create, taken;
	uint32_t floor_uidvalidity, floor_uidnext;
	int attempts;
	int64_t due, doubt;
	unsigned flights;   /* how often it was recorded */
	unsigned seen;	    /* how often its bytes had been seen at the last record */
	size_t connections; /* how many there had been when it came in doubt */
};

static struct delivery all[DELIVERIES_MAX];
static size_t count;
static uint64_t body_size;
static int64_t hold_until;
static int hold_attempts;

struct spool_store {
	int unused;
};

static void prefix_of(const struct delivery *d, char out[200])
{
	(void)snprintf(out, 200,
		       "Received: from client.example by mail.office.example with SMTP id %s;\r\n"
		       "\tMon, 23 Nov 2026 12:00:00 +0000\r\n",
		       d->id);
}

static void hand_out(struct delivery *d, int64_t number, struct spool_work *w)
{
	char prefix[200];

	prefix_of(d, prefix);
	d->taken = true;
	*w = (struct spool_work){ .number = number,
				  .message = number,
				  .id = mem_strdup(d->id),
				  .state = d->state,
				  .folder = mem_strdup(d->folder),
				  .flags = mem_strdup(d->flags),
				  .prefix = mem_strdup(prefix),
				  .prefix_len = strlen(prefix),
				  .size = body_size,
				  .internal_ms = 1790000000000,
				  .create = d->create,
				  .attempts = d->attempts,
				  .doubt_ms = d->doubt,
				  .floor_uidvalidity = d->floor_uidvalidity,
				  .floor_uidnext = d->floor_uidnext,
				  .floor_folder = d->has_floor ? mem_strdup(d->floor_folder) : NULL };
}

int spool_more(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	int64_t now = clock_wall_ms();

	(void)s;
	(void)max_bytes;
	(void)e;
	*work = mem_array(count + 1, sizeof **work);
	*n = 0;
	*next_due_ms = INT64_MAX;
	if (hold_until > now) {
		*next_due_ms = hold_until;
		return 0;
	}
	for (int doubts = 1; doubts >= 0; doubts--) {
		for (size_t i = 0; i < count && *n < max; i++) {
			struct delivery *d = &all[i];

			if (d->taken || d->state != (doubts ? DELIVERY_DOUBT : DELIVERY_QUEUED))
				continue;
			if (d->due > now)
				*next_due_ms = d->due < *next_due_ms ? d->due : *next_due_ms;
			else
				hand_out(d, (int64_t)i, &(*work)[(*n)++]);
		}
	}
	return 0;
}

int spool_next(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		all[i].taken = false;
	return spool_more(s, max, max_bytes, work, n, next_due_ms, e);
}

void spool_work_free(struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(work[i].id);
		free(work[i].folder);
		free(work[i].flags);
		free(work[i].prefix);
		free(work[i].floor_folder);
	}
	free(work);
}

int spool_body(struct spool_store *s, int64_t message, char **bytes, size_t *len, int *fd, struct err *e)
{
	(void)s;
	(void)message;
	(void)e;
	*len = (size_t)body_size;
	*bytes = mem_alloc(body_size + 1);
	memset(*bytes, 'x', body_size);
	*fd = -1;
	return 0;
}

static struct delivery *find(int64_t number)
{
	if (number < 0 || number >= (int64_t)count)
		abort();
	return &all[number];
}

static void enter(struct delivery *d, enum delivery_state to)
{
	if (!state_legal((int)d->state, (int)to, ACTOR_STORE))
		abort();
	d->state = to;
}

int spool_bodies(struct spool_store *s, const int64_t *messages, size_t n, spool_bytes_fn *fn, void *arg, struct err *e)
{
	(void)s;
	(void)messages;
	(void)n;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

int spool_in_flight(struct spool_store *s, const struct spool_flight *f, size_t n, struct err *e)
{
	(void)s;
	(void)e;
	peer_listen();
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = find(f[i].number);
		bool known = d->has_floor && strcmp(d->floor_folder, f[i].mailbox) == 0;

		enter(d, DELIVERY_FLIGHT);
		d->flights++;
		d->seen = peer_seen(d->id);
		if (known && (f[i].uidvalidity == 0 ||
			      (f[i].uidvalidity == d->floor_uidvalidity && d->floor_uidnext <= f[i].uidnext)))
			continue;
		d->has_floor = true;
		d->floor_uidvalidity = f[i].uidvalidity;
		d->floor_uidnext = f[i].uidnext;
		(void)snprintf(d->floor_folder, sizeof d->floor_folder, "%s", f[i].mailbox);
	}
	return 0;
}

/* What must be true for each outcome, whatever the server says. */
static void check_outcome(const struct delivery *d, const struct spool_outcome *o)
{
	bool sent = d->state == DELIVERY_FLIGHT && peer_seen(d->id) > d->seen;

	switch (o->kind) {
	case OUTCOME_DONE:
		if (!peer_answered(d->id, "OK", false) && !peer_showed(d->id))
			abort();
		if (!peer_lied() && peer_kept(d->id) == 0)
			abort();
		return;
	case OUTCOME_RETRY:
	case OUTCOME_REFUSED:
	case OUTCOME_ELSEWHERE:
		if (sent && !peer_answered(d->id, "NO", true) && !(peer_lied() && peer_answered(d->id, "BAD", true)))
			abort();
		if (d->state == DELIVERY_DOUBT && peer_connections() <= d->connections)
			abort();
		return;
	default:
		return;
	}
}

int spool_settle(struct spool_store *s, const struct spool_outcome *o, size_t n, struct err *e)
{
	static const enum delivery_state states[] = {
		[OUTCOME_DONE] = DELIVERY_DONE,		  [OUTCOME_RETRY] = DELIVERY_QUEUED,
		[OUTCOME_REFUSED] = DELIVERY_QUARANTINED, [OUTCOME_DOUBT] = DELIVERY_DOUBT,
		[OUTCOME_PARKED] = DELIVERY_PARKED,	  [OUTCOME_ELSEWHERE] = DELIVERY_QUEUED,
	};

	(void)s;
	(void)e;
	peer_listen();
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = find(o[i].number);

		check_outcome(d, &o[i]);
		if (o[i].kind == OUTCOME_DOUBT && d->state != DELIVERY_DOUBT) {
			d->doubt = clock_wall_ms();
			d->connections = peer_connections();
		}
		enter(d, states[o[i].kind]);
		d->taken = false;
		d->due = o[i].due_ms == 0 ? clock_wall_ms() : o[i].due_ms;
		d->attempts += o[i].sent;
		if (o[i].kind == OUTCOME_ELSEWHERE || o[i].unsent) {
			d->has_floor = false;
			d->floor_uidvalidity = d->floor_uidnext = 0;
		}
		if (o[i].kind == OUTCOME_ELSEWHERE) {
			(void)snprintf(d->folder, sizeof d->folder, "%s", o[i].folder);
		}
		if (o[i].reason != NULL && strlen(o[i].reason) > 4000)
			abort();
	}
	return 0;
}

int spool_hold_account(struct spool_store *s, int64_t until_ms, const char *reason, int attempts, bool person,
		       struct err *e)
{
	(void)person;
	(void)s;
	(void)reason;
	(void)e;
	hold_until = until_ms;
	hold_attempts = attempts;
	/* A day at most, and a jitter. */
	if (until_ms > clock_wall_ms() + 25 * 3600 * 1000)
		abort();
	return 0;
}

int spool_account(struct spool_store *s, int64_t *until_ms, int *attempts, struct err *e)
{
	(void)s;
	(void)e;
	*until_ms = hold_until;
	*attempts = hold_attempts;
	return 0;
}

int spool_told(struct spool_store *s, int64_t *at_ms, struct err *e)
{
	(void)s;
	(void)e;
	*at_ms = 0;
	return 0;
}

int spool_tell(struct spool_store *s, struct slice facts, struct err *e)
{
	struct facts f;

	(void)s;
	(void)e;
	/* Whatever a server says of its folders, what is told of them can be read. */
	if (facts_read(facts, &f) != 0)
		abort();
	facts_free(&f);
	return 0;
}

/* ---- the run ---- */

static int dial(void *arg, struct err *e)
{
	int fd = peer_connect();

	(void)arg;
	/* Time goes by with everything that is done. */
	world.now_ms++;
	return fd >= 0 ? fd : err_set(e, ERR_TEMP, 0, "cannot connect");
}

static void wake(void *arg)
{
	(void)arg;
}

static void add_deliveries(const struct peer_setup *setup)
{
	static const char *const folders[] = { "INBOX", "Work", "New", "INBOX" };
	static const char *const flags[] = { "", "\\Seen", "", "keyword" };

	count = setup->deliveries;
	body_size = setup->size;
	for (size_t i = 0; i < count; i++) {
		unsigned kind = (setup->kind + (unsigned)i % 2) % 4;
		struct delivery *d = &all[i];

		*d = (struct delivery){ .state = DELIVERY_QUEUED, .flags = flags[kind], .create = kind == 2 };
		(void)snprintf(d->id, sizeof d->id, "delivery%08u", (unsigned)i);
		(void)snprintf(d->folder, sizeof d->folder, "%s", folders[kind]);
	}
}

static bool waits(void)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].state == DELIVERY_QUEUED || all[i].state == DELIVERY_DOUBT ||
		    all[i].state == DELIVERY_FLIGHT)
			return true;
	}
	return false;
}

/* The bytes of a delivery that was never recorded are nowhere. */
static void check_flights(void)
{
	peer_listen();
	for (size_t i = 0; i < count; i++) {
		if (all[i].flights == 0 && peer_seen(all[i].id) > 0)
			abort();
	}
}

static void run(struct worker *w)
{
	int turns = 0;

	while (waits()) {
		int64_t due = 0;

		world.polls = 0;
		/* A server that lies may keep us busy for ever, a little at a time. */
		if (++turns > (peer_lied() ? LYING_TURNS_MAX : TURNS_MAX)) {
			if (!peer_lied())
				abort();
			return;
		}
		switch (worker_turn(w, &due)) {
		case WORKER_LOST:
			abort();
		case WORKER_IDLE:
			(void)peer_step(world.now_ms);
			if (due > clock_wall_ms())
				world.now_ms += due - clock_wall_ms();
			break;
		case WORKER_BUSY:
			break;
		}
		check_flights();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct config_account account = { .name = (char *)(uintptr_t) "office",
					  .server = { .name = "office",
						      .host = (char *)(uintptr_t) "imap.example.net",
						      .user = (char *)(uintptr_t) "user",
						      .password = (char *)(uintptr_t) "secret",
						      .timeout = 30 * 1000,
						      .tls = CONFIG_TLS_NONE },
					  .settle = SETTLE_MS,
					  .retry_min = 1000,
					  .retry_max = 60 * 1000,
					  .subscribe = true };
	struct spool_store spool = { 0 };
	struct worker_setup setup = {
		.account = &account, .spool = &spool, .connect = dial, .wake_fd = -1, .wake = wake
	};
	struct peer_setup chosen;
	struct worker *w;

	log_set_level(LOG_ERROR);
	world_begin(serve, 200, 1000);
	hold_until = 0;
	hold_attempts = 0;
	peer_begin(p, n < INPUT_MAX ? n : INPUT_MAX, &chosen);
	account.window = chosen.window;
	account.batch = chosen.batch;
	account.connections = chosen.connections;
	add_deliveries(&chosen);
	w = worker_new(&setup);
	run(w);
	worker_free(&w);
	/* What the server keeps late. */
	(void)peer_step(world.now_ms + SETTLE_MS);
	for (size_t i = 0; i < count; i++) {
		unsigned kept = peer_kept(all[i].id);

		if (peer_lied())
			break;
		if (kept > 1 || (all[i].state == DELIVERY_DONE && kept != 1) ||
		    (all[i].state == DELIVERY_QUARANTINED && kept != 0))
			abort();
	}
	peer_end();
	return 0;
}
