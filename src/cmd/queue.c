#include "cmd/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/record.h"
#include "cmd/table.h"
#include "cmd/text.h"

enum { WHY_BYTES = 8192 };

/* ---- list ---- */

static const struct table_column columns[] = {
	{ "ID", 16 },	  { "AGE", 6 },	  { "STATE", 12 },   { "ACCOUNT", 16 },
	{ "FOLDER", 24 }, { "FROM", 30 }, { "SUBJECT", 40 },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

struct listing {
	const struct queue_args *args;
	struct table *table; /* for people */
	struct holds holds;
	size_t deliveries;
};

/* What the table has not said already: mail that is only waiting for its turn needs no line of its own, and why an
 * account takes nothing stands below the table, once. */
static void add_note(const struct spool_record_delivery *d, struct buf *out)
{
	bool due = d->due_ms <= clock_wall_ms();

	if (d->state == DELIVERY_QUEUED && due && (d->reason == NULL || d->reason[0] == '\0'))
		return;
	delivery_why(d, NULL, out);
}

static void list_delivery(struct listing *l, const struct spool_record *r, const struct spool_record_delivery *d)
{
	const char *sender = r->sender == NULL || r->sender[0] == '\0' ? "<>" : r->sender;
	char age[TEXT_SPAN_SIZE];
	struct buf note;

	l->deliveries++;
	if (l->args->json) {
		delivery_print_json(r, d, &l->holds);
		return;
	}
	text_span(clock_wall_ms() - r->received_ms, age);
	buf_init(&note, WHY_BYTES);
	add_note(d, &note);
	table_row(l->table,
		  (const char *const[COLUMNS]){ r->id, age, delivery_state_name(d->state), d->account, d->folder,
						sender, r->subject },
		  buf_str(&note));
	buf_free(&note);
}

static int list_record(void *arg, const struct spool_record *r)
{
	struct listing *l = arg;

	for (size_t i = 0; i < r->ndeliveries; i++) {
		const struct spool_record_delivery *d = &r->deliveries[i];

		if (l->args->account != NULL && strcmp(l->args->account, d->account) != 0)
			continue;
		if (l->args->all || delivery_waits(d->state))
			list_delivery(l, r, d);
	}
	return 0;
}

static void print_holds(const struct listing *l)
{
	for (size_t i = 0; i < l->holds.n; i++) {
		const struct hold *h = &l->holds.all[i];
		struct buf why;

		if (l->args->account != NULL && strcmp(l->args->account, h->account) != 0)
			continue;
		buf_init(&why, WHY_BYTES);
		hold_why(h, &why);
		(void)printf(h->timed ? "account %s: %s\n" : "account %s takes nothing now: %s\n", h->account, buf_str(&why));
		buf_free(&why);
	}
}

static int queue_list(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
		      struct spool_admin *admin)
{
	struct spool_query query = { .account = a->account, .states = a->all ? 0 : SPOOL_WAITING };
	struct listing l = { .args = a };
	struct err e;
	int r;

	(void)verb;
	if (!a->json)
		l.table = table_new(columns, COLUMNS);
	r = holds_load(&l.holds, a->config_file, admin, &e);
	if (r == 0)
		r = spool_admin_find(admin, &query, list_record, &l, &e);
	table_end(&l.table);
	if (r == 0 && !a->json) {
		if (l.deliveries == 0)
			(void)printf(a->all ? "nothing is recorded\n" : "nothing waits\n");
		print_holds(&l);
	}
	holds_free(&l.holds);
	return r == 0 ? EX_OK : client_error(self, &e);
}

/* ---- show ---- */

struct showing {
	bool json;
	struct holds holds;
	size_t found;
};

static int show_record(void *arg, const struct spool_record *r)
{
	struct showing *s = arg;

	s->found++;
	if (s->json)
		record_print_json(r, &s->holds);
	else
		record_print(r, &s->holds);
	return 0;
}

static int queue_show(const struct command *self, const struct queue_verb *verb, const struct queue_args *a,
		      struct spool_admin *admin)
{
	struct showing s = { .json = a->json };
	struct err e;
	int status = EX_OK, r = holds_load(&s.holds, a->config_file, admin, &e);

	(void)verb;
	for (size_t i = 0; r == 0 && i < a->nids; i++) {
		struct spool_query query = { .id = a->ids[i], .history = true };

		s.found = 0;
		r = spool_admin_find(admin, &query, show_record, &s, &e);
		if (r == 0 && s.found == 0) {
			(void)fprintf(stderr, "mailferry queue show: no message has the id %s\n", a->ids[i]);
			status = EX_NOINPUT;
		}
	}
	holds_free(&s.holds);
	return r == 0 ? status : client_error(self, &e);
}

/* ---- the command line ---- */

static const struct queue_verb verbs[] = {
	{ "list", false, true, false, 0, queue_list },
	{ "show", true, false, true, 0, queue_show },
	{ "retry", true, true, true, SPOOL_RETRY, queue_act },
	{ "hold", true, true, true, SPOOL_HOLD, queue_act },
	{ "release", true, true, true, SPOOL_RELEASE, queue_act },
	{ "delete", true, true, true, SPOOL_DELETE, queue_act },
};

static const struct queue_verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static bool take_flag(struct queue_args *a, const char *arg)
{
	const struct {
		const char *name;
		bool *flag;
	} rows[] = { { "--all", &a->all }, { "--again", &a->again }, { "--yes", &a->yes }, { "--json", &a->json } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, arg) == 0) {
			*rows[i].flag = true;
			return true;
		}
	return false;
}

/* 0, or an exit status after the error was printed. A->ids must have room for all arguments. */
static int args_parse(const struct command *self, int argc, char **argv, struct queue_args *a)
{
	for (int i = 1; i < argc; i++) {
		if (take_flag(a, argv[i]))
			continue;
		if (strcmp(argv[i], "--account") == 0) {
			if (++i == argc)
				return command_usage(self, "--account needs the name of an account");
			a->account = argv[i];
		} else if (argv[i][0] == '-' || argv[i][0] == '\0') {
			return command_usage(self, "unknown option \"%s\"", argv[i]);
		} else if (a->verb == NULL) {
			a->verb = argv[i];
		} else {
			a->ids[a->nids++] = argv[i];
		}
	}
	if (a->verb == NULL)
		a->verb = "list";
	return 0;
}

static int args_check(const struct command *self, const struct queue_verb *verb, const struct queue_args *a)
{
	bool choice = a->all || a->account != NULL;

	if (a->nids > 0 && !verb->takes_ids)
		return command_usage(self, "%s takes no ids; `mailferry queue show %s' shows a message", verb->name,
				     a->ids[0]);
	if (choice && !verb->takes_choice)
		return command_usage(self, "%s takes ids only", verb->name);
	if (choice && a->nids > 0)
		return command_usage(self, "either ids, or --all, or --account NAME");
	if (verb->needs_some && !choice && a->nids == 0)
		return command_usage(
		    self, verb->takes_choice ? "%s which? Give ids, --all or --account NAME" : "%s which? Give ids",
		    verb->name);
	if (a->again && verb->action != SPOOL_RETRY)
		return command_usage(self, "--again goes with retry only");
	if (a->yes && verb->action != SPOOL_DELETE)
		return command_usage(self, "--yes goes with delete only");
	return 0;
}

int command_queue(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct queue_args a = { .config_file = config_file, .ids = mem_array((size_t)argc, sizeof *a.ids) };
	const struct queue_verb *verb = NULL;
	struct spool_admin *admin;
	int status = args_parse(self, argc, argv, &a);

	if (status == 0) {
		verb = verb_find(a.verb);
		status =
		    verb == NULL ? command_usage(self, "there is no verb \"%s\"", a.verb) : args_check(self, verb, &a);
	}
	if (status == 0) {
		admin = client_spool(self, config_file, &status);
		if (admin != NULL)
			status = client_done(self, verb->run(self, verb, &a, admin));
		spool_admin_free(&admin);
	}
	free(a.ids);
	return status;
}
