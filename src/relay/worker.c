#include "relay/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "relay/parcel.h"
#include "store/job.h"
#include "store/trouble.h"

enum { TAKE_MAX = 500, TELL_AGAIN_MS = 60 * 60 * 1000, REASON_SIZE = 1000 };
#define TAKE_OCTETS ((uint64_t)64 * 1024 * 1024)

struct relay_worker {
	struct relay_worker_setup setup;
	const struct config_relay *relay;
	struct config_account times; /* what store/trouble.h asks for */
	struct spool_store *spool;
	struct relay_login login;
	struct relay_session *session;
	struct parcel *first, **last; /* of this turn, not begun */
	int64_t hurry;		      /* monotonic */
	bool lost;		      /* the spool */
	bool known;		      /* attempts was asked for */
	int attempts;		      /* of connections, in a row */
	unsigned done, done_before;   /* recipients */
	unsigned settled;	      /* of this turn */
	struct trouble trouble;
	int64_t told_ms; /* monotonic */
};

struct relay_worker *relay_worker_new(const struct relay_worker_setup *setup)
{
	struct relay_worker *w = mem_alloc(sizeof *w);

	w->setup = *setup;
	w->relay = setup->config->relay;
	w->spool = setup->spool;
	w->times = (struct config_account){ .retry_min = w->relay->retry_min, .retry_max = w->relay->retry_max };
	w->login = (struct relay_login){ .server = &w->relay->server,
					 .hostname = setup->config->hostname,
					 .tls = setup->tls,
					 .token = setup->token,
					 .wake_fd = setup->wake_fd,
					 .wake = setup->wake,
					 .arg = setup->arg };
	w->hurry = INT64_MAX;
	w->last = &w->first;
	return w;
}

void relay_worker_rest(struct relay_worker *w)
{
	relay_session_close(&w->session);
}

static void drop_parcels(struct relay_worker *w)
{
	struct parcel *p;

	while ((p = w->first) != NULL) {
		w->first = p->next;
		parcel_free(&p);
	}
	w->last = &w->first;
}

void relay_worker_free(struct relay_worker **w)
{
	if (*w == NULL)
		return;
	drop_parcels(*w);
	relay_worker_rest(*w);
	free(*w);
	*w = NULL;
}

void relay_worker_hurry(struct relay_worker *w, int64_t ms)
{
	int64_t at = clock_mono_ms() + ms;

	if (at < w->hurry)
		w->hurry = at;
	if (w->session != NULL)
		relay_session_hurry(w->session, w->hurry);
}

/* ---- outcomes ---- */

static void log_outcome(const struct spool_work *work, const struct spool_outcome *o)
{
	static const char *const events[] = {
		[OUTCOME_DONE] = "relayed",	      [OUTCOME_RETRY] = "delayed", [OUTCOME_REFUSED] = "quarantined",
		[OUTCOME_DOUBT] = "in-doubt", [OUTCOME_PARKED] = "parked",
	};

	log_event(o->kind == OUTCOME_DONE ? LOG_INFO : LOG_WARNING, events[o->kind],
		  (const struct log_field[]){ LOG_STR("delivery", work->id), LOG_STR("to", work->folder),
					      LOG_STR("reason", o->reason), { 0 } });
}

static bool is_old(const struct relay_worker *w, const struct spool_work *work)
{
	return clock_wall_ms() - work->internal_ms > w->relay->give_up;
}

/* What an outcome of the machine means for the spool. REASON is the outcome's, in a buffer of the caller. False: nothing
 * is to be told. */
static bool translate(struct relay_worker *w, const struct spool_work *work, enum relay_outcome outcome,
		      const char *words, struct spool_outcome *o, char reason[REASON_SIZE])
{
	const int64_t later = clock_wall_ms() + trouble_backoff(&w->times, work->attempts + 1);

	*o = (struct spool_outcome){ .number = work->number, .reason = reason, .sent = true };
	(void)snprintf(reason, REASON_SIZE, "%s", words);
	switch (outcome) {
	case RELAY_DONE:
		o->kind = OUTCOME_DONE;
		return true;
	case RELAY_LATER:
		o->kind = is_old(w, work) ? OUTCOME_REFUSED : OUTCOME_RETRY;
		o->due_ms = later;
		if (o->kind == OUTCOME_REFUSED)
			(void)snprintf(reason, REASON_SIZE, "given up, as it is older than give_up says: %s", words);
		return true;
	case RELAY_REFUSED:
		o->kind = OUTCOME_REFUSED;
		return true;
	case RELAY_DOUBT:
		o->kind = w->relay->in_doubt == CONFIG_DOUBT_AGAIN ? OUTCOME_RETRY : OUTCOME_PARKED;
		o->due_ms = later;
		(void)snprintf(reason, REASON_SIZE, "the relay may have sent it: its answer was lost (%s)", words);
		return true;
	default:
		return false;
	}
}

static int tell(struct relay_worker *w, const struct spool_work *const *works, const struct spool_outcome *all, size_t n)
{
	const char *person = NULL;
	struct err e = { 0 };

	if (n == 0)
		return 0;
	step("relay: before settling");
	if (spool_settle(w->spool, all, n, &e) != 0) {
		log_error("settle-failed", LOG_STR("account", CONFIG_RELAY), LOG_STR("reason", e.text));
		w->lost = true;
		return -1;
	}
	step("relay: after settling");
	for (size_t i = 0; i < n; i++) {
		log_outcome(works[i], &all[i]);
		w->done += all[i].kind == OUTCOME_DONE;
		if (all[i].kind == OUTCOME_REFUSED || all[i].kind == OUTCOME_PARKED)
			person = all[i].reason;
	}
	w->settled += (unsigned)n;
	if (person != NULL)
		w->setup.waits(w->setup.arg, person);
	return 0;
}

/* ---- what the session asks ---- */

static void queue(struct relay_worker *w, struct parcel *p)
{
	*w->last = p;
	w->last = &p->next;
}

/* The content of P can't be had, for E. What is damaged the spool has set aside. A failing disk says nothing of other mail,
 * which must not wait for it. */
static void put_off(struct relay_worker *w, const struct parcel *p, const struct err *e)
{
	struct spool_outcome *all = mem_array(p->t.n, sizeof *all);
	char reason[REASON_SIZE], words[REASON_SIZE];

	log_error("body-not-read", LOG_STR("delivery", p->work[0]->id), LOG_STR("reason", e->text));
	(void)snprintf(words, sizeof words, "its body could not be read: %s", e->text);
	for (size_t i = 0; i < p->t.n; i++) {
		(void)translate(w, p->work[i], RELAY_LATER, words, &all[i], reason);
		all[i].sent = false;
	}
	if (e->class == ERR_PERM)
		w->settled++;
	else if (job_spool_lost(e))
		w->lost = true;
	else
		(void)tell(w, p->work, all, p->t.n);
	free(all);
}

static struct relay_transaction *next(void *arg)
{
	struct relay_worker *w = arg;
	struct err e = { 0 };
	struct parcel *p;

	while (!w->lost && w->hurry == INT64_MAX && (p = w->first) != NULL) {
		w->first = p->next;
		p->next = NULL;
		if (w->first == NULL)
			w->last = &w->first;
		if (parcel_load(p, w->spool, &e) == 0)
			return &p->t;
		put_off(w, p, &e);
		parcel_free(&p);
	}
	return NULL;
}

static bool commit(void *arg, struct relay_transaction *t)
{
	struct relay_worker *w = arg;
	struct parcel *p = t->arg;
	struct spool_flight *all = mem_array(t->n, sizeof *all);
	struct err e = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].outcome == RELAY_NAMED)
			all[n++] = (struct spool_flight){ .number = p->work[i]->number,
							  .mailbox = w->relay->server.host };
	p->committed = spool_in_flight(w->spool, all, n, &e) == 0;
	free(all);
	if (!p->committed)
		log_error("in-flight-failed", LOG_STR("account", CONFIG_RELAY), LOG_STR("reason", e.text));
	/* Whether it is on record is not known when the spool is gone. */
	w->lost = w->lost || (!p->committed && e.class != ERR_PERM);
	return p->committed;
}

static int read_piece(void *arg, struct relay_transaction *t, struct slice *piece, bool *last)
{
	(void)arg;
	return parcel_read(t->arg, piece, last);
}

/* Those that were one too many at once. */
static void queue_rest(struct relay_worker *w, const struct parcel *p)
{
	const struct spool_work **rest = mem_array(p->t.n, sizeof(struct spool_work *));
	size_t n = 0;

	for (size_t i = 0; i < p->t.n; i++)
		if (p->t.all[i].outcome == RELAY_SOON)
			rest[n++] = p->work[i];
	if (n > 0)
		queue(w, parcel_new(rest, n));
	free((void *)rest);
}

static bool over(void *arg, struct relay_transaction *t)
{
	struct relay_worker *w = arg;
	struct parcel *p = t->arg;
	const struct spool_work **works = mem_array(t->n, sizeof(struct spool_work *));
	struct spool_outcome *all = mem_array(t->n, sizeof *all);
	char(*reasons)[REASON_SIZE] = mem_array(t->n, sizeof *reasons);
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!translate(w, p->work[i], t->all[i].outcome, t->all[i].words, &all[n], reasons[n]))
			continue;
		works[n++] = p->work[i];
	}
	(void)tell(w, works, all, n);
	if (!w->lost)
		queue_rest(w, p);
	free((void *)works);
	free(all);
	free(reasons);
	parcel_free(&p);
	return !w->lost;
}

/* ---- a turn ---- */

/* Sent before, and the process that waited for the answer ended: there is no way to look. */
static void settle_doubts(struct relay_worker *w, const struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n && !w->lost; i++) {
		const struct spool_work *one = &work[i];
		struct spool_outcome o;
		char reason[REASON_SIZE];

		if (one->state != DELIVERY_DOUBT)
			continue;
		(void)translate(w, one, RELAY_DOUBT, "mailferry ended before it came", &o, reason);
		o.sent = false;
		(void)tell(w, &one, &o, 1);
	}
}

/* Recipients of one message together, as many as may be. */
static void make_parcels(struct relay_worker *w, const struct spool_work *work, size_t n)
{
	const struct spool_work **some = mem_array(n, sizeof(struct spool_work *));
	bool *taken = mem_array(n, sizeof *taken);
	size_t most = w->relay->recipients;
	unsigned told = w->session == NULL ? 0 : relay_session_offers(w->session)->recipients;

	if (told > 0 && told < most)
		most = told;
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (taken[i] || work[i].state == DELIVERY_DOUBT)
			continue;
		for (size_t j = i; j < n && k < most; j++) {
			if (taken[j] || work[j].message != work[i].message || work[j].state == DELIVERY_DOUBT)
				continue;
			taken[j] = true;
			some[k++] = &work[j];
		}
		queue(w, parcel_new(some, k));
	}
	free((void *)some);
	free(taken);
}

/* What the server takes, for those who take mail in. */
static void tell_facts(struct relay_worker *w)
{
	const struct offers *o = relay_session_offers(w->session);
	int64_t now = clock_mono_ms();
	struct err e = { 0 };
	struct buf text;

	if (w->told_ms != 0 && now - w->told_ms < TELL_AGAIN_MS)
		return;
	w->told_ms = now;
	buf_init(&text, FACTS_MAX);
	facts_begin(&text, o->size == 0 ? UINT64_MAX : o->size, (o->what & OFFERS_SMTPUTF8) != 0, '\0', "");
	facts_end(&text, false);
	if (spool_tell(w->spool, buf_slice(&text), &e) != 0)
		log_warning("facts-not-told", LOG_STR("reason", e.text));
	buf_free(&text);
}

static int log_in(struct relay_worker *w, struct err *e)
{
	int fd;

	if (w->session != NULL && !relay_session_gone(w->session))
		return 0;
	relay_worker_rest(w);
	fd = w->setup.connect(w->setup.arg, e);
	if (fd < 0)
		return -1;
	w->session = relay_session_open(fd, &w->login, e);
	if (w->session == NULL)
		return -1;
	if (w->hurry != INT64_MAX)
		relay_session_hurry(w->session, w->hurry);
	tell_facts(w);
	return 0;
}

/* Tells the spool of the connection's trouble, or that it is over. */
static void account_state(struct relay_worker *w)
{
	struct err e = { 0 };
	int64_t ms;
	int r = 0;

	/* Whatever broke because we must leave says nothing. */
	if (w->hurry != INT64_MAX || w->lost)
		return;
	if (w->trouble.set) {
		w->attempts++;
		ms = trouble_hold(&w->times, &w->trouble, w->attempts);
		log_warning("relay-waits", LOG_NUM("seconds", (ms + 999) / 1000), LOG_NUM("attempts", w->attempts),
			    LOG_STR("reason", w->trouble.text));
		r = spool_hold_account(w->spool, clock_wall_ms() + ms, w->trouble.text, w->attempts, w->trouble.person,
				       &e);
		if (r == 0 && w->trouble.person)
			w->setup.held(w->setup.arg, w->trouble.text);
	} else if (w->attempts > 0 && w->done != w->done_before) {
		w->attempts = 0;
		r = spool_hold_account(w->spool, 0, "", 0, false, &e);
	}
	w->trouble.set = false;
	w->done_before = w->done;
	if (r != 0) {
		log_error("hold-failed", LOG_STR("account", CONFIG_RELAY), LOG_STR("reason", e.text));
		w->lost = true;
	}
}

/* The relay can't be had, and these have waited long enough. */
static void give_up(struct relay_worker *w, const struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n && !w->lost && w->hurry == INT64_MAX; i++) {
		const struct spool_work *one = &work[i];
		struct spool_outcome o;
		char reason[REASON_SIZE];

		if (one->state == DELIVERY_DOUBT || !is_old(w, one))
			continue;
		(void)translate(w, one, RELAY_LATER, w->trouble.text, &o, reason);
		o.sent = false;
		(void)tell(w, &one, &o, 1);
	}
}

static void send_all(struct relay_worker *w, const struct spool_work *work, size_t n)
{
	const struct relay_supply supply = { next, commit, read_piece, over, w };
	struct err e = { 0 };
	int r = log_in(w, &e);

	if (r == 0) {
		make_parcels(w, work, n);
		r = relay_session_run(w->session, &supply, &e);
	}
	if (r != 0) {
		relay_worker_rest(w);
		trouble_from(&w->trouble, &e);
		if (w->settled == 0)
			give_up(w, work, n);
	}
	drop_parcels(w);
}

static bool has_mail(const struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (work[i].state != DELIVERY_DOUBT)
			return true;
	return false;
}

enum relay_turn relay_worker_turn(struct relay_worker *w, int64_t *next_due_ms)
{
	struct spool_work *work = NULL;
	struct err e = { 0 };
	int64_t until;
	size_t n = 0;

	if (!w->known && spool_account(w->spool, &until, &w->attempts, &e) != 0)
		goto lost;
	w->known = true;
	if (spool_next(w->spool, TAKE_MAX, TAKE_OCTETS, &work, &n, next_due_ms, &e) != 0)
		goto lost;
	if (n == 0) {
		spool_work_free(work, 0);
		return RELAY_IDLE;
	}
	w->settled = 0;
	settle_doubts(w, work, n);
	if (!w->lost && has_mail(work, n))
		send_all(w, work, n);
	account_state(w);
	spool_work_free(work, n);
	return w->lost ? RELAY_LOST : RELAY_BUSY;
lost:
	log_error("spool-lost", LOG_STR("account", CONFIG_RELAY), LOG_STR("reason", e.text));
	return RELAY_LOST;
}
