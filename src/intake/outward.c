/* What rules want sent: the messages that reply/ makes, as further ones of the message that caused them. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "intake/derived.h"
#include "reply/reply.h"
#include "sieve/automatic.h"

enum { OLD_MS = 3 * 24 * 3600 * 1000 }; /* fetched mail that nobody waits for an answer to */

/* Of one recipient's rules. */
struct sender {
	struct intake_sending *s;
	const struct intake_message *m;
	const struct message *msg;
	size_t i, to; /* index of the recipient, and of the one in whose name it is recorded */
	bool refused; /* by I */
	struct reply_frame frame;
	char id[RANDOM_ID_SIZE];
};

static void begin(struct sender *x, struct intake_sending *s, const struct intake_message *m, const struct message *msg,
		  size_t i)
{
	const struct intake_recipient *r = &m->env.recipients[i];

	*x = (struct sender){ .s = s, .m = m, .msg = msg, .i = i, .to = i };
	x->frame = (struct reply_frame){
		.message = msg,
		.sender = slice_str(m->env.sender),
		.recipient = slice_str(r->address),
		.orcpt = slice_str(r->orcpt),
		.from = slice_str(m->in->config->relay->from),
		.hostname = m->in->config->hostname,
		.now_ms = s->wall_ms,
	};
}

/* ---- what becomes of it ---- */

/* An answer that was not sent is not remembered as one. */
static void forget(const struct sender *x)
{
	static const char kind[] = "vacation ";
	struct plan *p = &x->m->verdicts[x->i].plan;

	for (size_t i = 0; i < p->nmemory;) {
		struct plan_memory *one = &p->memory[i];

		if (one->key_n < sizeof kind - 1 || memcmp(one->key, kind, sizeof kind - 1) != 0) {
			i++;
			continue;
		}
		free(one->key);
		*one = p->memory[--p->nmemory];
	}
}

/* Nobody else hears of it: it stands on the message where that is filed, and an answer is not
 * remembered. */
static void skip(const struct sender *x, const struct plan_action *a, const char *why)
{
	const struct config_account *account = x->m->env.recipients[x->i].account;
	char *note = mem_printf("%s (line %u) is not sent: %.300s", plan_kind_name(a->kind), a->line, why);

	/* What would have gone on, or back, must not be lost. */
	if (a->kind == PLAN_REDIRECT || (a->kind == PLAN_REJECT && x->m->verdicts[x->i].by_mail))
		intake_deliver_inbox(&x->s->deliveries, account, x->i, NULL, 0, NULL, note);
	else
		intake_deliveries_note_of(&x->s->deliveries, account, note);
	if (a->kind == PLAN_VACATION)
		forget(x);
	free(note);
}

static void give_up(const struct sender *x, const struct plan_action *a, const char *why)
{
	log_warning("not-sent", LOG_STR("session", x->m->env.session), LOG_STR("message", x->m->id),
		    LOG_STR("account", x->m->env.recipients[x->i].account->name), LOG_STR("what", plan_kind_name(a->kind)),
		    LOG_NUM("line", a->line), LOG_STR("error", why));
	skip(x, a, why);
}

/* Why nothing is said of this message to anybody; NULL: it is news. */
static const char *is_no_news(const struct sender *x, const struct plan_action *a)
{
	const struct intake_message *m = x->m;

	if (m->env.fetched != NULL && m->internal_ms < x->s->wall_ms - OLD_MS)
		return "the message was fetched, and is older than three days";
	if (a->kind == PLAN_VACATION && m->memory_off)
		return "it is not known who was answered before";
	return NULL;
}

/* The same to the same, which the rules of another address of this account want as well: it is for both then. */
static struct intake_derived *find_same(const struct sender *x, const struct plan_action *a, const char *why,
					const struct reply *r)
{
	const struct intake_derivation *f = &x->s->further;
	const struct config_account *account = x->m->env.recipients[x->i].account;

	for (size_t i = 0; i < f->n && a->content == 0; i++) {
		struct intake_derived *d = f->all[i];
		size_t n = 0;

		if (d->copy || d->of != 0 || d->by == x->i || d->why == NULL || strcmp(d->why, why) != 0 ||
		    x->m->env.recipients[d->by].account != account)
			continue;
		for (size_t k = 0; k < r->nto; k++)
			for (size_t j = 0; j < d->deliveries.n; j++)
				n += d->deliveries.all[j].account == NULL && strcmp(d->deliveries.all[j].folder, r->to[k]) == 0;
		if (n == r->nto)
			return d;
	}
	return NULL;
}

/* What is asked of the relay, as relay/asked.h has it. */
static void ask(const struct sender *x, const struct plan_dsn *dsn, struct buf *out)
{
	if (dsn->notify != NULL)
		(void)buf_addf(out, "NOTIFY=%s", dsn->notify);
	if (dsn->ret != NULL)
		(void)buf_addf(out, "%sRET=%s", out->n > 0 ? " " : "", dsn->ret);
	if (dsn->by)
		(void)buf_addf(out, "%sBY=%lld;%c%s", out->n > 0 ? " " : "", (long long)(x->s->wall_ms / 1000 + dsn->by_seconds),
			       dsn->by_mode == 'R' ? 'R' : 'N', dsn->by_trace ? "T" : "");
}

/* Does the message go to more than the one address of a redirect? */
static bool is_expanded(const struct plan *p)
{
	size_t n = p->implicit_keep;

	for (size_t i = 0; i < p->n; i++)
		n += p->actions[i].kind == PLAN_REDIRECT || p->actions[i].kind == PLAN_FILEINTO ||
		     p->actions[i].kind == PLAN_KEEP;
	return n > 1;
}

/* What was made becomes a further message; R is left empty. NULL when there is no room for it. */
static struct intake_derived *derive(const struct sender *x, const struct plan_action *a, struct reply *r)
{
	char *why = mem_printf("%s (line %u)", plan_kind_name(a->kind), a->line);
	struct intake_derived *d = find_same(x, a, why, r);
	struct buf words;

	if (d != NULL) {
		/* What goes for one who takes the message, too, is no more of one that is refused. */
		d->refused = d->refused && x->refused;
		for (size_t i = 0; i < r->nto && d->cause != x->to; i++)
			intake_deliver_outward(&d->deliveries, x->to, r->to[i]);
		free(why);
		return d;
	}
	d = intake_derive_own(&x->s->further, x->to, &r->content);
	if (d == NULL) {
		free(why);
		give_up(x, a, "there are too many messages of one, or it is too large");
		return NULL;
	}
	d->by = x->i;
	d->refused = x->refused;
	memcpy(d->id, x->id, sizeof d->id);
	d->sender = r->sender;
	d->from = r->from;
	d->subject = r->subject;
	d->message_id = r->message_id;
	r->sender = r->from = r->subject = r->message_id = NULL;
	d->why = why;
	d->of = a->content;
	buf_init(&words, INTAKE_DSN_WORDS_MAX);
	ask(x, &r->dsn, &words);
	if (a->kind == PLAN_REDIRECT && r->same_sender)
		intake_dsn_words(x->m, x->i, &r->dsn, is_expanded(&x->m->verdicts[x->i].plan), &words);
	for (size_t i = 0; i < r->nto; i++)
		intake_deliver_asking(&d->deliveries, x->to, r->to[i], buf_str(&words));
	buf_free(&words);
	return d;
}

static void file_copy(const struct sender *x, struct intake_derived *d, const struct plan_fcc *fcc, unsigned line)
{
	if (fcc->mailbox != NULL)
		intake_deliver_fcc(&d->deliveries, x->m->env.recipients[x->i].account, x->to, fcc, line);
}

/* ---- one action ---- */

static void redirect(struct sender *x, const struct plan_action *a)
{
	const struct config_relay *relay = x->m->in->config->relay;
	const struct plan *p = &x->m->verdicts[x->i].plan;
	const struct reply_redirect what = {
		.address = a->address,
		.content = a->content > 0 && a->content <= p->ncontents ? &p->contents[a->content - 1] : NULL,
		.dsn = a->dsn,
		.path = relay->redirect_sender == CONFIG_PATH_SENDER ? REPLY_PATH_SENDER
			: relay->redirect_sender == CONFIG_PATH_FROM ? REPLY_PATH_FIXED
								     : REPLY_PATH_RECIPIENT,
		.wrap = relay->redirect == CONFIG_REDIRECT_WRAP,
	};
	struct reply r;
	struct err e;

	if (reply_redirect(&x->frame, &what, &r, &e) == 0)
		(void)derive(x, a, &r);
	else
		give_up(x, a, e.text);
	reply_free(&r);
}

/* What was composed into R (MADE 0, else E says why not) goes out by itself, and a copy of it where FCC says. */
static void send_apart(struct sender *x, const struct plan_action *a, int made, struct reply *r, const struct err *e,
		       const struct plan_fcc *fcc)
{
	struct intake_derived *d;

	if (made != 0) {
		give_up(x, a, e->text);
	} else if ((d = derive(x, a, r)) != NULL) {
		d->apart = true;
		file_copy(x, d, fcc, a->line);
	}
	reply_free(r);
}

static void answer(struct sender *x, const struct plan_action *a)
{
	const char *old = is_no_news(x, a);
	struct reply r;
	struct err e;

	if (old != NULL)
		skip(x, a, old);
	else
		send_apart(x, a, reply_vacation(&x->frame, a->answer, &r, &e), &r, &e, &a->answer->fcc);
}

static void notify(struct sender *x, const struct plan_action *a)
{
	const char *old = is_no_news(x, a);
	struct reply r;
	struct err e;

	if (old != NULL)
		skip(x, a, old);
	else
		send_apart(x, a, reply_notify(&x->frame, a->notice, &r, &e), &r, &e, &a->notice->fcc);
}

/* RFC 5429, 2.2.1: never to what was not written by a person (RFC 3834, 2). */
static enum automatic who_sent(const struct intake *in, struct slice sender, struct slice recipient,
			       const struct message *msg)
{
	const struct slice own[] = { recipient, slice_str(in->config->relay->from) };
	const struct automatic_facts f = { .header = &msg->header, .from = sender, .own = own, .nown = 2 };

	return automatic_sent(&f);
}

static void refuse(struct sender *x, const struct plan_action *a)
{
	const enum automatic automatic = who_sent(x->m->in, x->frame.sender, x->frame.recipient, x->msg);
	const char *old = is_no_news(x, a);
	struct intake_derived *d;
	struct reply r;
	struct err e;

	if (!x->m->in->config->relay->notices)
		return;
	if (automatic != AUTOMATIC_NOT || old != NULL) {
		log_info("no-notice", LOG_STR("session", x->m->env.session), LOG_STR("message", x->m->id),
			 LOG_STR("why", old != NULL ? old : automatic_text(automatic)));
		return;
	}
	if (reply_refusal(&x->frame, slice_str(a->reason), &r, &e) != 0)
		give_up(x, a, e.text);
	else if ((d = derive(x, a, &r)) != NULL)
		d->apart = true;
	reply_free(&r);
}

/* ---- the door ---- */

void intake_outward_plan(struct intake_sending *s, const struct intake_message *m, const struct message *msg, size_t i)
{
	const struct intake_verdict *v = &m->verdicts[i];
	struct sender x;

	if (m->in->config->relay == NULL)
		return;
	begin(&x, s, m, msg, i);
	for (size_t k = 0; k < v->plan.n; k++) {
		const struct plan_action *a = &v->plan.actions[k];

		random_id(x.id);
		x.frame.id = x.id;
		if (a->kind == PLAN_REDIRECT && v->unsent == NULL)
			redirect(&x, a);
		else if (a->kind == PLAN_VACATION && a->answer != NULL)
			answer(&x, a);
		else if (a->kind == PLAN_NOTIFY && a->notice != NULL)
			notify(&x, a);
		else if (a->kind == PLAN_REJECT || a->kind == PLAN_EREJECT)
			refuse(&x, a);
	}
}

void intake_outward_told(struct intake_sending *s, const struct intake_message *m, const struct message *msg, size_t i,
			 size_t to)
{
	const struct intake_verdict *v = &m->verdicts[i];
	struct sender x;

	if (m->in->config->relay == NULL)
		return;
	begin(&x, s, m, msg, i);
	x.to = to;
	x.refused = true;
	for (size_t k = 0; k < v->plan.n; k++) {
		random_id(x.id);
		x.frame.id = x.id;
		if (v->plan.actions[k].notice != NULL)
			notify(&x, &v->plan.actions[k]);
	}
}

bool intake_outward_answers(const struct intake *in, struct slice sender, struct slice recipient,
			    const struct message *msg)
{
	return in->config->relay != NULL && in->config->relay->notices &&
	       who_sent(in, sender, recipient, msg) == AUTOMATIC_NOT;
}

const char *intake_outward_refusal(const struct intake *in, const struct intake_recipient *r, const struct message *msg)
{
	enum reply_loop loop;

	if (in->config->relay == NULL)
		return "there is no relay";
	loop = reply_loop(msg, slice_str(r->address));
	return loop == REPLY_NO_LOOP ? NULL : reply_loop_text(loop);
}

size_t intake_own_addresses(const struct config_account *a, const char *out[INTAKE_OWN_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < a->naddresses && n < INTAKE_OWN_MAX; i++)
		if (a->addresses[i][0] != '@')
			out[n++] = a->addresses[i];
	out[n] = NULL;
	return n;
}
