/* What the rules of one recipient say about a message. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "intake/internal.h"
#include "intake/lists.h"
#include "intake/verdicts.h"
#include "msg/received.h"
#include "msg/special_use.h"
#include "msg/summary.h"
#include "spool/types.h"

enum { NOTE_MAX = 500, WORD_MAX = 200 };

static const struct sieve_program *find_program(const struct intake *in, const char *path)
{
	for (size_t i = 0; i < in->nrules; i++)
		if (strcmp(in->rules[i].path, path) == 0)
			return in->rules[i].program;
	return NULL;
}

/* One line for people of a text that a rule or a peer made. */
static void add_word(struct buf *b, const char *text)
{
	char *word = summary_text(slice_str(text), WORD_MAX);

	(void)buf_add_str(b, word);
	free(word);
}

static void add_action(struct buf *b, const struct plan_action *a)
{
	const char *what = a->mailbox != NULL ? a->mailbox : a->address != NULL ? a->address : a->reason;

	if (b->n > 0)
		(void)buf_add_str(b, ", ");
	(void)buf_add_str(b, plan_kind_name(a->kind));
	if (what != NULL) {
		(void)buf_add_char(b, ' ');
		add_word(b, what);
	}
	(void)buf_addf(b, " (line %u)", a->line);
}

/* What trace tells: the actions, as many as fit. */
static char *describe(const struct plan *p)
{
	struct buf b;
	char *text;

	buf_init(&b, SPOOL_TEXT_MAX);
	for (size_t i = 0; i < p->n && b.n < WORD_MAX; i++)
		add_action(&b, &p->actions[i]);
	if (p->implicit_keep)
		(void)buf_add_str(&b, b.n == 0 ? "implicit keep" : ", implicit keep");
	if (p->error != NULL) {
		(void)buf_add_str(&b, ": the rules failed: ");
		add_word(&b, p->error);
	}
	text = slice_dup(buf_slice(&b));
	buf_free(&b);
	return text;
}

/* ---- what rules may ask of the store ---- */

struct lookup {
	const struct intake *in;
	const struct config_account *account;
};

static bool mailbox_exists(void *arg, struct slice mailbox)
{
	const struct lookup *l = arg;

	return facts_find(intake_facts(l->in, l->account), mailbox) != NULL;
}

static bool use_exists(void *arg, struct slice mailbox, struct slice use)
{
	const struct lookup *l = arg;
	const struct facts *f = intake_facts(l->in, l->account);
	unsigned bit = special_use_of(use);
	const struct facts_folder *found;

	if (bit == 0)
		return false;
	if (mailbox.n == 0)
		return facts_find_use(f, bit) != NULL;
	found = facts_find(f, mailbox);
	return found != NULL && ((found->uses & bit) != 0 || found == facts_find_use(f, bit));
}

static bool id_exists(void *arg, struct slice id)
{
	const struct lookup *l = arg;

	return facts_find_id(intake_facts(l->in, l->account), id) != NULL;
}

static bool metadata(void *arg, struct slice mailbox, struct slice name, struct buf *out)
{
	const struct lookup *l = arg;
	const struct facts_annotation *a = facts_find_annotation(intake_facts(l->in, l->account), mailbox, name);

	return a != NULL && buf_add_slice(out, a->value) == 0;
}

/* Where the store has a folder with the id, that is meant, whatever it is called; else the name that the rule gives (RFC
 * 9042, 4). */
static void resolve_id(const struct lookup *l, const char *id, char **mailbox)
{
	const struct facts_folder *f = id == NULL ? NULL : facts_find_id(intake_facts(l->in, l->account), slice_str(id));

	if (f == NULL || *mailbox == NULL)
		return;
	free(*mailbox);
	*mailbox = mem_strdup(f->name);
}

static void resolve_ids(const struct lookup *l, struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct plan_action *a = &p->actions[i];

		resolve_id(l, a->mailbox_id, &a->mailbox);
		if (a->answer != NULL)
			resolve_id(l, a->answer->fcc.mailbox_id, &a->answer->fcc.mailbox);
		if (a->notice != NULL)
			resolve_id(l, a->notice->fcc.mailbox_id, &a->notice->fcc.mailbox);
	}
}

static bool listed(void *arg, struct slice list, struct slice value)
{
	const struct lookup *l = arg;

	return lists_has(l->in->lists, list, value);
}

static bool list_member(void *arg, struct slice list, size_t i, struct slice *member)
{
	const struct lookup *l = arg;

	return lists_member(l->in->lists, list, i, member);
}

/* The conditions in WHEN, as rules know them; how many. */
static size_t notify_words(unsigned when, struct slice out[3])
{
	static const struct {
		enum intake_notify bit;
		struct slice word;
	} all[] = {
		{ INTAKE_NEVER, SLICE_LIT("NEVER") },
		{ INTAKE_SUCCESS, SLICE_LIT("SUCCESS") },
		{ INTAKE_FAILURE, SLICE_LIT("FAILURE") },
		{ INTAKE_DELAY, SLICE_LIT("DELAY") },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0] && n < 3; i++)
		if ((when & all[i].bit) != 0)
			out[n++] = all[i].word;
	return n;
}

static struct sieve_limits limits_of(const struct config *c)
{
	struct sieve_limits l = sieve_usual_limits;

	l.actions = c->limits.rules_actions;
	l.notifications = c->limits.rules_notifications;
	l.include_depth = c->limits.rules_depth;
	l.variable_size = (size_t)c->limits.rules_variable;
	l.header_size = (size_t)c->limits.rules_header;
	l.steps = c->limits.rules_steps;
	l.bytes = (size_t)c->limits.rules_space;
	l.cpu_ms = (unsigned)c->limits.rules_time;
	if (c->relay != NULL) {
		l.redirects = c->relay->redirects;
		l.vacation_min = (uint64_t)c->relay->vacation_min / 1000;
		l.vacation_max = (uint64_t)c->relay->vacation_max / 1000;
	}
	return l;
}

/* What the actions of V's plan mean for the answer to the client, and for its note. */
static void judge_actions(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
			  const struct intake_judged *what, struct intake_verdict *v)
{
	for (size_t i = 0; i < v->plan.n; i++) {
		const struct plan_action *a = &v->plan.actions[i];

		if ((a->kind == PLAN_REJECT || a->kind == PLAN_EREJECT) && v->result == INTAKE_ACCEPTED) {
			v->result = INTAKE_REJECTED;
			v->reason = mem_strdup(a->reason != NULL ? a->reason : "");
			/* RFC 5429, 2.2: its exact words. */
			v->by_mail = a->kind == PLAN_REJECT && env->fetched == NULL && !ascii_only(slice_str(v->reason)) &&
				     intake_outward_answers(in, slice_str(env->sender), slice_str(r->address), what->message);
		} else if (a->kind == PLAN_REDIRECT && v->note == NULL &&
			   (v->unsent = intake_outward_refusal(in, r, what->message)) != NULL) {
			char *to = summary_text(slice_str(a->address), WORD_MAX);

			v->note = mem_printf("redirect to %s (line %u) is not sent: %s", to, a->line, v->unsent);
			free(to);
		}
	}
}

static void run(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		const struct intake_judged *what, const struct sieve_program *program, struct intake_verdict *v)
{
	struct lookup lookup = { in, r->account };
	struct slice notify[3];
	struct sieve_item environment[INTAKE_ENVIRONMENT_MAX];
	struct buf ip;
	struct sieve_input input = {
		.message = what->message,
		.name = r->account->rules,
		.memory = what->memory,
		.nmemory = what->nmemory,
		.memory_off = what->memory_off,
		.from = slice_str(env->sender),
		.to = slice_str(r->address),
		.auth = slice_str(env->auth),
		.ret = slice_str(env->ret),
		.envid = slice_str(env->envid),
		.orcpt = slice_str(r->orcpt),
		.notify = notify,
		.nnotify = notify_words(r->notify, notify),
		.mailbox_exists = mailbox_exists,
		.use_exists = use_exists,
		.id_exists = id_exists,
		.metadata = metadata,
		.listed = listed,
		.list_member = list_member,
		.forbid_add = { in->config->rules_forbid_add, in->config->nrules_forbid_add },
		.forbid_delete = { in->config->rules_forbid_delete, in->config->nrules_forbid_delete },
		.spam = verdicts_spam(in->verdicts),
		.virus = verdicts_virus(in->verdicts),
		.arg = &lookup,
		.now_ms = clock_wall_ms(),
		.zone_at = clock_zone,
		.environment = environment,
		.separators = r->account->recipient_delimiter,
	};
	const char *own[INTAKE_OWN_MAX + 1];
	struct sieve_limits limits = limits_of(in->config);
	int failed;

	buf_init(&ip, NOTE_MAX);
	input.nenvironment = intake_environment(in, env, &ip, environment);
	(void)intake_own_addresses(r->account, own);
	input.own = own;
	input.limits = &limits;
	failed = sieve_run(program, &input, &v->plan);
	resolve_ids(&lookup, &v->plan);
	buf_free(&ip);
	if (failed != 0) {
		log_warning("rules-failed", LOG_STR("session", env->session), LOG_STR("account", r->account->name),
			    LOG_STR("to", r->address), LOG_STR("error", v->plan.error));
		v->note = mem_printf("the rules failed, so it is kept: %.400s",
				     v->plan.error != NULL ? v->plan.error : "unknown error");
	}
	judge_actions(in, env, r, what, v);
	v->text = describe(&v->plan);
}

void intake_judge(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		  const struct intake_judged *what, struct intake_verdict *v)
{
	const struct address address = { .local = r->local, .domain = r->domain };
	const struct sieve_program *program = NULL;

	v->result = INTAKE_ACCEPTED;
	/* Fetched mail was delivered before, that is why it is there; fetched.c knows its loops. */
	if (env->fetched == NULL && received_loop(&what->message->header, &address) != RECEIVED_NO_LOOP) {
		v->result = INTAKE_LOOPING;
		v->text = mem_strdup("refused: it was delivered to this recipient before");
		return;
	}
	if (r->account->rules != NULL)
		program = find_program(in, r->account->rules);
	if (program != NULL) {
		run(in, env, r, what, program, v);
		return;
	}
	v->plan.implicit_keep = true;
	if (r->account->rules == NULL) {
		v->text = mem_strdup("keep (the account has no rules)");
		return;
	}
	log_error("rules-missing", LOG_STR("account", r->account->name), LOG_STR("rules", r->account->rules));
	v->text = mem_strdup("implicit keep: the rules are not loaded");
	v->note = mem_strdup("the rules are not loaded, so it is kept");
}

void intake_verdict_free(struct intake_verdict *v)
{
	plan_free(&v->plan);
	free(v->reason);
	free(v->note);
	free(v->text);
	free(v->folder);
	*v = (struct intake_verdict){ 0 };
}
