/* What the rules of one recipient say about a message. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "intake/internal.h"
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

static void run(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		const struct message *msg, const struct sieve_program *program, struct intake_verdict *v)
{
	struct lookup lookup = { in, r->account };
	const struct sieve_input input = {
		.message = msg,
		.from = slice_str(env->sender),
		.to = slice_str(r->address),
		.auth = slice_str(env->auth),
		.mailbox_exists = mailbox_exists,
		.use_exists = use_exists,
		.arg = &lookup,
	};

	if (sieve_run(program, &input, &v->plan) != 0) {
		log_warning("rules-failed", LOG_STR("session", env->session), LOG_STR("account", r->account->name),
			    LOG_STR("to", r->address), LOG_STR("error", v->plan.error));
		v->note = mem_printf("the rules failed, so it is kept: %.400s",
				     v->plan.error != NULL ? v->plan.error : "unknown error");
	}
	for (size_t i = 0; i < v->plan.n; i++) {
		const struct plan_action *a = &v->plan.actions[i];

		if ((a->kind == PLAN_REJECT || a->kind == PLAN_EREJECT) && v->result == INTAKE_ACCEPTED) {
			v->result = INTAKE_REJECTED;
			v->reason = mem_strdup(a->reason != NULL ? a->reason : "");
		} else if (a->kind == PLAN_REDIRECT && v->note == NULL) {
			char *to = summary_text(slice_str(a->address), WORD_MAX);

			v->note =
			    mem_printf("redirect to %s (line %u) can't be sent, as there is no relay", to, a->line);
			free(to);
		}
	}
	v->text = describe(&v->plan);
}

void intake_judge(const struct intake *in, const struct intake_envelope *env, const struct intake_recipient *r,
		  const struct message *msg, struct intake_verdict *v)
{
	const struct address address = { .local = r->local, .domain = r->domain };
	const struct sieve_program *program = NULL;

	v->result = INTAKE_ACCEPTED;
	/* Fetched mail was delivered before, that is why it is there; fetched.c knows its loops. */
	if (env->fetched == NULL && received_loop(&msg->header, &address) != RECEIVED_NO_LOOP) {
		v->result = INTAKE_LOOPING;
		v->text = mem_strdup("refused: it was delivered to this recipient before");
		return;
	}
	if (r->account->rules != NULL)
		program = find_program(in, r->account->rules);
	if (program != NULL) {
		run(in, env, r, msg, program, v);
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
