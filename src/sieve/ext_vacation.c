/* "vacation" (RFC 5230) and "vacation-seconds" (RFC 6131). */
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/address.h"
#include "msg/entity.h"
#include "sieve/automatic.h"
#include "sieve/extensions.h"
#include "sieve/fcc.h"
#include "sieve/outbound.h"
#include "sieve/remember.h"
#include "sieve/result.h"
#include "sieve/trace.h"

enum { DAY = 24 * 3600, DAYS_USUAL = 7, DAYS_MAX = 366, OWN_MAX = 200 };

static const uint64_t seconds_max = UINT64_C(1) << 31; /* RFC 6131, 2 */

/* ---- arguments ---- */

static void check_from(struct maker *m, struct slice *text)
{
	if (outbound_mailboxes(*text) == 0)
		maker_error(m, "%s is no sender: expected an address such as \"Anna <anna@example.org>\"", diag_word(*text));
}

/* Becomes the bare address; what comes of variables may be none, which is nobody's: a sender must not stop a script by
 * that. */
static void check_address(struct maker *m, struct slice *text)
{
	struct address_list list;
	struct buf out;

	buf_init(&out, 2 * text->n + 16);
	address_list_parse(*text, &list, NULL);
	if (outbound_mailboxes(*text) != 1 || address_format(&list.all[0], &out) != 0) {
		if (m->c == NULL)
			*text = SLICE_LIT("");
		else
			maker_error(m, "%s is no address: expected one such as \"user@example.org\"", diag_word(*text));
	} else if (maker_copy(m, buf_slice(&out), text) != 0) {
		*text = SLICE_NONE;
	}
	buf_free(&out);
	address_list_free(&list);
}

static void check_subject(struct maker *m, struct slice *text)
{
	if (!utf8_valid(*text))
		maker_error(m, "the subject must be UTF-8");
}

static void check_vacation(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *seconds = op_tag(op, "seconds"), *reason = &op->params[0];
	struct err e = { 0 };

	fcc_check(c, node, op);
	if (seconds != NULL && seconds->number > seconds_max)
		compile_error(c, node->pos, "\":seconds\" is too large: less than 2^31 is expected");
	/* A constant one: the rest is seen when it runs. */
	if (reason->texts != NULL || reason->n == 0)
		return;
	if (op_tag(op, "mime") != NULL) {
		if (entity_check(reason->strings[0], &e) != 0)
			compile_error(c, node->pos, "%s", e.text);
	} else if (!utf8_valid(reason->strings[0])) {
		compile_error(c, node->pos, "the text of \"vacation\" must be UTF-8");
	}
}

/* ---- which answer it is (RFC 5230, 4.2) ---- */

struct mark {
	uint64_t a, b;
};

static void mark_add(struct mark *m, const void *p, size_t n)
{
	const unsigned char *octets = p;

	for (size_t i = 0; i < n; i++) {
		m->a = (m->a ^ octets[i]) * UINT64_C(0x100000001b3);
		m->b = (m->b ^ octets[i]) * UINT64_C(0x100000001b3) + (m->b >> 47);
	}
}

/* Whether it was given, how long it is, and what it is: no two lists of arguments look alike. As it stands in the
 * script: "MUST NOT have undergone variable expansion". */
static void mark_argument(struct mark *m, const struct value *v)
{
	const uint64_t n = v == NULL ? UINT64_MAX : v->n > 0 ? v->strings[0].n : 0;

	mark_add(m, &n, sizeof n);
	if (v != NULL && v->n > 0)
		mark_add(m, v->strings[0].p, v->strings[0].n);
}

/* What is remembered: the answer, and who got it. */
static int make_key(struct run *r, const struct op *op, struct slice *key)
{
	const struct value *handle = op_tag(op, "handle"), *mime = op_tag(op, "mime");
	struct mark m = { UINT64_C(0xcbf29ce484222325), UINT64_C(0x6c62272e07bb0142) };
	struct buf text;

	if (handle != NULL) {
		struct slice name = run_value(r, handle);

		if (run_failed(r))
			return -1;
		mark_add(&m, "handle", 6);
		mark_add(&m, name.p, name.n);
	} else {
		mark_argument(&m, op_tag(op, "subject"));
		mark_argument(&m, op_tag(op, "from"));
		mark_add(&m, mime != NULL ? "m" : "-", 1);
		mark_argument(&m, &op->params[0]);
	}
	buf_init(&text, 100 + r->in->from.n);
	(void)buf_addf(&text, "vacation %016llx%016llx ", (unsigned long long)m.a, (unsigned long long)m.b);
	for (size_t i = 0; i < r->in->from.n; i++)
		(void)buf_add_char(&text, ascii_lower(r->in->from.p[i]));
	*key = run_copy(r, buf_slice(&text));
	buf_free(&text);
	return key->p == NULL ? -1 : 0;
}

static uint64_t period(const struct run *r, const struct op *op)
{
	const struct value *days = op_tag(op, "days"), *seconds = op_tag(op, "seconds");
	const uint64_t least = r->limits.vacation_min;
	const uint64_t most = r->limits.vacation_max > 0 ? r->limits.vacation_max : (uint64_t)DAYS_MAX * DAY;
	uint64_t n;

	if (seconds != NULL)
		n = seconds->number;
	else if (days == NULL)
		n = (uint64_t)DAYS_USUAL * DAY;
	else if (days->number < 1)
		n = DAY;
	else
		n = days->number < most / DAY + 1 ? days->number * DAY : most;
	n = n > most ? most : n;
	return n < least ? least : n;
}

/* ---- whether one may be sent (4.5, 4.6) ---- */

static int judge(struct run *r, const struct op *op, enum automatic *out)
{
	enum { HEADER_CHARGE = 64 };
	const struct value *given = op_tag(op, "addresses");
	struct strings more = { NULL, 0 };
	struct slice *own;
	struct header header;
	struct automatic_facts f = { .header = &header, .from = r->in->from };

	if (given != NULL)
		more = run_strings(r, given);
	own = run_alloc_now(r, OWN_MAX, sizeof *own);
	if (own == NULL || run_failed(r) || outbound_header(r, &header) != 0 ||
	    run_charge(r, more.n + 1 + 2 * r->in->message->header.body_at / HEADER_CHARGE) != 0)
		return -1;
	own[f.nown++] = r->in->to;
	for (size_t i = 0; r->in->own != NULL && r->in->own[i] != NULL && f.nown < OWN_MAX; i++)
		own[f.nown++] = slice_str(r->in->own[i]);
	for (size_t i = 0; i < more.n && f.nown < OWN_MAX; i++)
		if (more.all[i].n > 0)
			own[f.nown++] = more.all[i];
	f.own = own;
	*out = r->in->answer_all ? automatic_sent(&f) : automatic_judge(&f);
	/* Two programs must not answer each other because enclose made a new header (4.6). */
	if (*out == AUTOMATIC_NOT)
		*out = automatic_origin(&r->in->message->header);
	return 0;
}

/* ---- the answer ---- */

static int answer(struct run *r, const struct op *op, struct slice reason)
{
	const size_t before = r->plan->n;
	struct plan_answer *a;

	if (result_add(r, op, &(struct wish){ .kind = PLAN_VACATION }) != 0)
		return -1;
	if (r->plan->n == before)
		return 0;
	a = mem_alloc(sizeof *a);
	r->plan->actions[before].answer = a;
	a->to = slice_dup(r->in->from);
	a->from = run_take(r, op, "from");
	a->subject = run_take(r, op, "subject");
	a->reason = slice_dup(reason);
	a->mime = op_tag(op, "mime") != NULL;
	return outbound_see(r, &a->seen) == 0 ? fcc_take(r, op, &a->fcc) : -1;
}

/* 4.7: once a script, and not beside a refusal; whether an answer is due does not matter. 0, 1 when it is not to be
 * done, -1 after run_error. */
static int check_company(struct run *r)
{
	/* What is done stays so. */
	if (r->vacation_line > 0 && r->vacation_at < r->executed)
		return 1;
	if (r->vacation_line > 0)
		return run_error(r, "\"vacation\" after that in line %u: a message can be answered only once", r->vacation_line);
	r->vacation_line = r->op->pos.line;
	r->vacation_at = r->plan->n;
	for (size_t i = r->executed; i < r->plan->n; i++)
		if (r->plan->actions[i].kind == PLAN_REJECT || r->plan->actions[i].kind == PLAN_EREJECT)
			return run_error(r, "\"vacation\" after \"%s\" in line %u: a message can't be both refused and answered",
					 plan_kind_name(r->plan->actions[i].kind), r->plan->actions[i].line);
	return 0;
}

static int run_vacation(struct run *r, const struct op *op)
{
	const uint64_t seconds = period(r, op);
	struct slice reason = run_string(r, op, 0), key;
	enum automatic automatic;
	struct err e = { 0 };
	int known = run_failed(r) ? -1 : check_company(r);

	if (known != 0)
		return known < 0 ? -1 : 0;
	if (run_charge(r, 1 + reason.n / 64) != 0 || judge(r, op, &automatic) != 0)
		return -1;
	if (op_tag(op, "mime") != NULL && entity_check(reason, &e) != 0)
		return run_error(r, "%s", e.text);
	if (automatic != AUTOMATIC_NOT) {
		trace_note(r, "sends no answer", automatic_text(automatic));
		return 0;
	}
	if (seconds > 0) {
		if (make_key(r, op, &key) != 0)
			return -1;
		known = remember_known(r, key);
		if (known == 0 && remember_add(r, key, seconds, true) != 0)
			return -1;
	}
	if (known > 0)
		trace_note(r, "sends no answer", "its sender got one before");
	return known != 0 ? (known < 0 ? -1 : 0) : answer(r, op, reason);
}

static const struct sieve_param params[] = {
	{ "the text", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "vacation", SIEVE_ACTION, .outside = true, .params = params, .check = check_vacation, .run = run_vacation },
	{ 0 },
};

static const char *const on[] = { "vacation", NULL };

static const struct sieve_tag tags[] = {
	{ "days", on, "period", VALUE_NUMBER, 0, "the number of days", NULL, NULL },
	{ "subject", on, NULL, VALUE_STRING, 0, "the subject", check_subject, NULL },
	{ "from", on, NULL, VALUE_STRING, 0, "the sender", check_from, NULL },
	{ "addresses", on, NULL, VALUE_STRINGS, 0, "the addresses", check_address, NULL },
	{ "mime", on, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ "handle", on, NULL, VALUE_STRING, 0, "the name of the answer", NULL, NULL },
	{ 0 },
};

static const struct sieve_tag seconds_tags[] = {
	{ "seconds", on, "period", VALUE_NUMBER, 0, "the number of seconds", NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_vacation = { "vacation", .commands = commands, .tags = tags };
const struct sieve_extension sieve_vacation_seconds = { "vacation-seconds", .tags = seconds_tags, .implies = "vacation" };
