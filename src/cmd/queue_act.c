/* mailferry queue retry, hold, release, delete. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/holds.h"
#include "cmd/queue.h"
#include "cmd/record.h"
#include "cmd/text.h"

enum { REFUSED_BYTES = 4096 };

struct acting {
	const struct queue_verb *verb;
	const struct holds *holds;
	size_t met, changed, refused;
};

static int on_change(void *arg, const struct spool_change *c)
{
	struct acting *a = arg;
	struct buf why;

	a->met++;
	if (c->refused != NULL) {
		a->refused++;
		buf_init(&why, REFUSED_BYTES);
		(void)text_clean(&why, c->refused, 0);
		(void)fflush(stdout);
		(void)fprintf(stderr, "mailferry queue %s: %s: %s\n", a->verb->name, c->delivery, buf_str(&why));
		buf_free(&why);
		return 0;
	}
	a->changed++;
	if (c->before == c->after)
		(void)printf("%s (account %s): %s\n", c->delivery, c->account, delivery_state_name(c->after));
	else
		(void)printf("%s (account %s): %s, was %s\n", c->delivery, c->account, delivery_state_name(c->after),
			     delivery_state_name(c->before));
	/* A retry of everything, or of the account, lifts the hold; one of a message does not. */
	if (a->verb->action == SPOOL_RETRY && c->after == DELIVERY_QUEUED && holds_of(a->holds, c->account) != NULL)
		(void)printf(
		    "  but its account takes nothing now; to try at once: mailferry queue retry --account %s\n",
		    c->account);
	return 0;
}

static int on_count(void *arg, const struct spool_record *r)
{
	size_t *waiting = arg;

	for (size_t i = 0; i < r->ndeliveries; i++)
		if (delivery_waits(r->deliveries[i].state)) {
			++*waiting;
			return 0;
		}
	return 0;
}

/* 0 when it may be done; an exit status otherwise. */
static int confirm_delete(const struct command *self, struct spool_admin *admin, const struct spool_query *query)
{
	size_t waiting = 0;
	char answer[16];
	struct err e;

	if (spool_admin_find(admin, query, on_count, &waiting, &e) != 0)
		return client_error(self, &e);
	if (waiting == 0)
		return 0;
	if (!isatty(STDIN_FILENO)) {
		(void)fprintf(
		    stderr,
		    "mailferry queue delete: %zu undelivered message%s would be lost; say --yes if you mean it\n",
		    waiting, waiting == 1 ? "" : "s");
		return EX_USAGE;
	}
	(void)printf("Drop %zu undelivered message%s for good? [y/N] ", waiting, waiting == 1 ? "" : "s");
	(void)fflush(stdout);
	if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	(void)printf("nothing was done\n");
	return EX_TEMPFAIL;
}

static int act_on(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
		  struct spool_admin *admin, const struct spool_query *query, const struct holds *holds)
{
	struct acting acting = { .verb = verb, .holds = holds };
	struct err e;

	if (spool_admin_act(admin, verb->action, query, a->again, on_change, &acting, &e) != 0)
		return client_error(self, &e);
	if (acting.met == 0 && query->id != NULL) {
		(void)fprintf(stderr, "mailferry queue %s: no message has the id %s\n", verb->name, query->id);
		return EX_NOINPUT;
	}
	if (acting.met == 0 && query->account != NULL)
		(void)printf("nothing waits for the account %s\n", query->account);
	else if (acting.met == 0)
		(void)printf("nothing waits\n");
	return acting.refused > 0 ? EX_DATAERR : EX_OK;
}

int queue_act(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
	      struct spool_admin *admin)
{
	/* All and an account mean what waits; a message that is named may be in any state: its answer says why not. */
	struct spool_query rest = { .account = a->account, .states = SPOOL_WAITING };
	struct holds holds = { 0 };
	int status = EX_OK;
	struct err e;

	if (verb->action == SPOOL_DELETE && !a->yes) {
		for (size_t i = 0; i < (a->nids == 0 ? 1 : a->nids); i++) {
			struct spool_query one = { .id = a->nids == 0 ? NULL : a->ids[i] };

			status = confirm_delete(self, admin, a->nids == 0 ? &rest : &one);
			if (status != 0)
				return status;
		}
	}
	if (a->nids == 0)
		return act_on(self, verb, a, admin, &rest, &holds);
	if (holds_load(&holds, a->config_file, admin, &e) != 0) {
		holds_free(&holds);
		return client_error(self, &e);
	}
	for (size_t i = 0; i < a->nids; i++) {
		struct spool_query one = { .id = a->ids[i] };
		int r = act_on(self, verb, a, admin, &one, &holds);

		if (r != EX_OK)
			status = r;
	}
	holds_free(&holds);
	return status;
}
