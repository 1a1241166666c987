/* What is asked for: which sources and accounts are meant, and how the schedule stands. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/hours.h"
#include "cmd/sync_impl.h"

/* ---- whose run, whose mail ---- */

static bool has_part(const struct sync_part *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return true;
	return false;
}

static void add_part(struct sync_part **all, size_t *n, const char *name)
{
	if (has_part(*all, *n, name))
		return;
	*all = mem_resize(*all, *n + 1, sizeof **all);
	(*all)[(*n)++] = (struct sync_part){ .name = mem_strdup(name) };
}

static void add_account(struct sync_job *j, const char *name)
{
	add_part(&j->accounts, &j->naccounts, name);
}

static void add_all_accounts(struct sync_job *j, const struct config *c)
{
	/* Each source that may go anywhere asks for it; many sources and many accounts would take their time. */
	for (size_t i = 0; i < c->naccounts && j->naccounts < c->naccounts; i++)
		add_account(j, c->accounts[i].name);
}

/* With the accounts that its mail may go to: where recipients stand in the messages, any. */
static void add_source(struct sync_job *j, const struct config *c, const struct config_source *s)
{
	add_part(&j->sources, &j->nsources, s->name);
	if (j->mode == RUN_DRY)
		return;
	if (j->mode == RUN_COPY)
		add_account(j, j->copy_to);
	else if (s->account != NULL && (s->to != NULL || s->nrecipient_headers == 0))
		add_account(j, s->account);
	else
		add_all_accounts(j, c);
}

static int add_name(struct sync_job *j, const struct config *c, const char *name, struct err *e)
{
	const struct config_source *s = config_source(c, name);

	if (s != NULL) {
		add_source(j, c, s);
		return 0;
	}
	if (config_account(c, name) == NULL)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "there is no source or account %.100s in the running configuration; send SIGHUP to mailferry when "
		    "the file was changed since",
		    name);
	if (j->mode != RUN_FETCH)
		return err_set(e, ERR_CONFIG, 0, "%.100s is an account; this is for sources", name);
	add_account(j, name);
	return 0;
}

static int check_copy(const struct config *c, const struct sync_request *r, struct err *e)
{
	const struct config_source *s = r->n == 1 ? config_source(c, r->names[0]) : NULL;

	if (r->mode == RUN_FETCH || (r->mode == RUN_DRY && r->copy_to == NULL))
		return 0;
	if (r->copy_to == NULL || config_account(c, r->copy_to) == NULL)
		return err_set(e, ERR_CONFIG, 0, "there is no account %.100s in the running configuration",
			       r->copy_to == NULL ? "" : r->copy_to);
	if (s != NULL && s->protocol != CONFIG_IMAP)
		return err_set(e, ERR_CONFIG, 0,
			       "source %.100s is a POP3 mailbox: it has no folders to copy; fetch it instead", s->name);
	return 0;
}

static int order(struct sync_job *j, const struct sync_request *r, struct err *e)
{
	const struct config *c = j->sup->setup->config;

	j->mode = r->mode;
	j->copy_to = mem_strdup(r->copy_to);
	j->task = fetcher_task_of(r->mode, r->copy_to);
	if (check_copy(c, r, e) != 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (add_name(j, c, r->names[i], e) != 0)
			return -1;
	if (r->n > 0)
		return 0;
	for (size_t i = 0; i < c->nsources; i++)
		add_source(j, c, &c->sources[i]);
	if (j->mode == RUN_FETCH)
		add_all_accounts(j, c);
	return 0;
}

int sync_for_client(struct supervisor *sup, const struct sync_request *r, int fd, struct err *e)
{
	struct sync_job *j = sync_job_new(sup, SYNC_BEGINS, fd, e);

	if (j == NULL)
		return -1;
	if (order(j, r, e) == 0)
		return 0;
	sync_job_free(j);
	return -1;
}

int sync_for_self(struct supervisor *sup, const struct sync_request *r, sync_event_fn *fn, void *arg, struct err *e)
{
	struct sync_job *j = sync_job_new(sup, SYNC_BEGINS, -1, e);

	if (j == NULL)
		return -1;
	j->fn = fn;
	j->arg = arg;
	if (order(j, r, e) == 0)
		return 0;
	sync_job_free(j);
	return -1;
}

bool sync_wants_account(const struct supervisor *sup, const char *account)
{
	for (const struct sync_job *j = sup->jobs; j != NULL; j = j->next)
		if (has_part(j->accounts, j->naccounts, account))
			return true;
	return false;
}

/* ---- how the schedule stands ---- */

static struct plan_row source_row(struct fetcher *f)
{
	struct agenda_next next = fetcher_next(f);
	struct plan_row row = { .name = f->slot->account,
				.is_source = true,
				.state = next.held ? PLAN_HELD : PLAN_WAITS,
				.next_ms = next.at_ms,
				.failures = f->past.failures,
				.person = next.person,
				.words = f->words,
				.progress = f->progress };

	if (f->stage == FETCHER_COMES || f->stage == FETCHER_RUNS) {
		row.state = PLAN_RUNS;
		row.since_ms = f->since_ms;
	} else if (f->stage == FETCHER_IDLES) {
		row.state = PLAN_IDLE;
		row.since_ms = f->since_ms;
		row.next_ms = f->since_ms + fetcher_poll(f);
	} else if (f->queued != 0) {
		row.state = PLAN_QUEUED;
	}
	return row;
}

/* False: nothing is to be told of it. */
static bool row_of(struct slot *s, struct plan_row *row)
{
	if (s->gone || (s->fetcher == NULL && s->hours == NULL))
		return false;
	if (s->fetcher != NULL) {
		*row = source_row(s->fetcher);
		return true;
	}
	*row = (struct plan_row){ .name = s->account,
				  .state = s->worker != NULL ? PLAN_RUNS : PLAN_WAITS,
				  .since_ms = s->hours->opened_ms,
				  .next_ms = hours_next(s->hours),
				  .words = "",
				  .progress.folder = "" };
	return true;
}

static void send_row(struct sync_job *j, const struct plan_row *row)
{
	struct ipc_out out;

	ipc_out_init(&out);
	plan_put_row(&out, row);
	sync_send(j, &out);
	ipc_out_free(&out);
}

void sync_plan(struct sync_job *j)
{
	static const struct plan_row end = { .name = "", .words = "", .progress.folder = "" };
	struct plan_row row;

	for (struct slot *s = j->sup->slots; s != NULL; s = s->next)
		if (row_of(s, &row))
			send_row(j, &row);
	send_row(j, &end);
	j->stage = SYNC_OVER;
	j->over_ms = clock_mono_ms();
}

int sync_tell_plan(struct supervisor *sup, int fd, struct err *e)
{
	return sync_job_new(sup, SYNC_TELLS, fd, e) == NULL ? -1 : 0;
}
