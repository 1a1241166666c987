/* "enotify" (RFC 5435) with the method mailto (RFC 5436), and with "variables" the modifier :encodeurl. */
#include <stdlib.h>

#include "base/mem.h"
#include "msg/mailto.h"
#include "sieve/automatic.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/fcc.h"
#include "sieve/match.h"
#include "sieve/outbound.h"
#include "sieve/result.h"
#include "sieve/trace.h"

enum { CAPABILITY_URI, CAPABILITY_NAME };

/* ---- arguments ---- */

static bool is_valid(struct slice uri, struct err *e)
{
	struct mailto m;
	const bool ok = mailto_parse(uri, &m, e) == 0;

	mailto_free(&m);
	return ok;
}

/* A method that nobody here has is an error when it is used, not before (3.2): a script may ask first. */
static void check_method(struct maker *m, struct slice *uri)
{
	struct err e = { 0 };

	if (mailto_is(*uri) && !is_valid(*uri, &e))
		maker_error(m, "%s is no valid mailto URI: %s", diag_word(*uri), e.text);
}

static void check_importance(struct maker *m, struct slice *text)
{
	if (text->n != 1 || text->p[0] < '1' || text->p[0] > '3')
		maker_error(m, "%s is no importance: expected \"1\" (high), \"2\" or \"3\" (low)", diag_word(*text));
}

/* 3.5 */
static void check_option(struct maker *m, struct slice *text)
{
	const size_t equals = slice_find(*text, '=');
	bool ok = equals < text->n && equals > 0 && (ascii_is_alpha(text->p[0]) || ascii_is_digit(text->p[0]));

	for (size_t i = 1; i < equals && ok; i++)
		ok = ascii_is_alpha(text->p[i]) || ascii_is_digit(text->p[i]) || text->p[i] == '.' || text->p[i] == '-' ||
		     text->p[i] == '_';
	for (size_t i = equals + 1; ok && i < text->n; i++)
		ok = text->p[i] != '\0' && text->p[i] != '\n' && text->p[i] != '\r';
	if (!ok)
		maker_error(m, "%s is no option: expected \"name=value\"", diag_word(*text));
}

/* RFC 5436, 2.3: one mailbox. */
static void check_from(struct maker *m, struct slice *text)
{
	if (outbound_mailboxes(*text) != 1)
		maker_error(m, "%s is no sender: expected an address such as \"user@example.org\"", diag_word(*text));
}

/* ---- who was told before (RFC 5436, 2.7) ---- */

/* Whom a notice goes to, all in one list: their texts, and which of them hear it of an earlier one. */
struct audience {
	char *all[2 * MAILTO_ADDRESSES_MAX];
	bool told[2 * MAILTO_ADDRESSES_MAX];
	size_t n, ntold;
};

static void audience_add(struct audience *who, const struct address *all, size_t n)
{
	enum { ADDRESS_TEXT_MAX = 2 * MAILTO_MAX };
	struct buf text;
	size_t length;

	for (size_t i = 0; i < n; i++) {
		buf_init(&text, ADDRESS_TEXT_MAX);
		(void)address_format(&all[i], &text);
		(void)buf_str(&text);
		who->all[who->n++] = buf_take(&text, &length);
	}
}

static void audience_init(struct audience *who, const struct mailto *m)
{
	*who = (struct audience){ .n = 0 };
	audience_add(who, m->to, m->nto);
	audience_add(who, m->cc, m->ncc);
}

static void audience_free(struct audience *who)
{
	for (size_t i = 0; i < who->n; i++)
		free(who->all[i]);
}

static void audience_leave(struct audience *who, const struct audience *before)
{
	for (size_t i = 0; i < who->n; i++)
		for (size_t k = 0; k < before->n && !who->told[i]; k++) {
			who->told[i] = address_same(slice_str(who->all[i]), slice_str(before->all[k]));
			who->ntold += who->told[i];
		}
}

static bool same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Whoever they go to. */
static bool same_news(const struct mailto *a, const struct mailto *b)
{
	bool same = same_text(a->subject, b->subject) && same_text(a->body, b->body) && a->nfields == b->nfields;

	for (size_t i = 0; i < a->nfields && same; i++)
		same = slice_eq_nocase(slice_str(a->fields[i].name), slice_str(b->fields[i].name)) &&
		       strcmp(a->fields[i].value, b->fields[i].value) == 0;
	return same;
}

/* Finds out who of WHO, whom M is for, is told the same by what the plan has: 0, or -1 after run_error. */
static int find_told(struct run *r, const struct mailto *m, struct slice message, struct audience *who)
{
	enum { NOTICE_CHARGE = 64, URI_CHARGE = 16 };
	struct audience before;
	struct mailto other;

	for (size_t i = 0; i < r->plan->n && who->ntold < who->n; i++) {
		const struct plan_notice *n = r->plan->actions[i].notice;

		if (n == NULL || (n->message == NULL) != (message.p == NULL) || !slice_eq(slice_str(n->message), message))
			continue;
		if (run_charge(r, NOTICE_CHARGE + strlen(n->method) / URI_CHARGE) != 0)
			return -1;
		if (mailto_parse(slice_str(n->method), &other, NULL) == 0 && same_news(m, &other)) {
			audience_init(&before, &other);
			audience_leave(who, &before);
			audience_free(&before);
		}
		mailto_free(&other);
	}
	return 0;
}

/* ---- notify ---- */

static int take_options(struct run *r, const struct op *op, struct plan_notice *n)
{
	const struct value *given = op_tag(op, "options");
	struct strings options = given != NULL ? run_strings(r, given) : (struct strings){ NULL, 0 };

	if (run_charge(r, options.n) != 0)
		return -1;
	if (options.n > 0)
		n->options = mem_array(options.n, sizeof *n->options);
	for (; n->noptions < options.n; n->noptions++)
		n->options[n->noptions] = slice_dup(options.all[n->noptions]);
	return 0;
}

/* Those of WHO that are told take their place in N. */
static void take_told(struct audience *who, struct plan_notice *n)
{
	if (who->ntold > 0)
		n->told = mem_array(who->ntold, sizeof *n->told);
	for (size_t i = 0; i < who->n; i++) {
		if (!who->told[i])
			continue;
		n->told[n->ntold++] = who->all[i];
		who->all[i] = NULL;
	}
}

static int add_notice(struct run *r, const struct op *op, struct slice method, struct audience *who)
{
	struct slice importance = run_value(r, op_tag(op, "importance"));
	const size_t before = r->plan->n;
	struct plan_notice *n;

	if (result_add(r, op, &(struct wish){ .kind = PLAN_NOTIFY }) != 0)
		return -1;
	if (r->plan->n == before)
		return 0;
	n = mem_alloc(sizeof *n);
	r->plan->actions[before].notice = n;
	n->method = slice_dup(method);
	take_told(who, n);
	n->from = run_take(r, op, "from");
	n->message = run_take(r, op, "message");
	n->importance = importance.n == 1 ? (unsigned)(importance.p[0] - '0') : 2;
	return take_options(r, op, n) == 0 && outbound_see(r, &n->seen) == 0 ? fcc_take(r, op, &n->fcc) : -1;
}

/* Those whom nobody told of it yet. */
static int tell(struct run *r, const struct op *op, struct slice method, struct slice message)
{
	struct audience who;
	struct mailto m;
	struct err e;
	int ret = 0;

	if (mailto_parse(method, &m, &e) != 0)
		ret = run_error(r, "%s is no valid mailto URI: %s", diag_word(method), e.text);
	audience_init(&who, &m);
	if (ret == 0)
		ret = find_told(r, &m, message, &who);
	if (ret == 0 && who.ntold < who.n)
		ret = add_notice(r, op, method, &who);
	else if (ret == 0)
		trace_note(r, "sends nothing", "whoever it is for is told the same already");
	audience_free(&who);
	mailto_free(&m);
	return ret;
}

static int run_notify(struct run *r, const struct op *op)
{
	enum { URI_CHARGE = 16 };
	struct slice method = run_string(r, op, 0), message = run_value(r, op_tag(op, "message"));
	struct header header;

	if (run_failed(r) || run_charge(r, 1 + (method.n + message.n) / URI_CHARGE) != 0)
		return -1;
	if (!mailto_is(method))
		return run_error(r, "the notification method %s is not there: expected a URI such as "
				    "\"mailto:user@example.org\"",
				 diag_word(method));
	/* RFC 5436, 2.7: what programs send is no news, also when enclose made a new header of it. */
	if (outbound_header(r, &header) != 0 || run_charge(r, r->in->message->header.n) != 0)
		return -1;
	if (automatic_submitted(&header) || automatic_submitted(&r->in->message->header)) {
		trace_note(r, "sends nothing", automatic_text(AUTOMATIC_SUBMITTED));
		return 0;
	}
	return tell(r, op, method, message);
}

/* ---- tests ---- */

static int run_valid_notify_method(struct run *r, const struct op *op)
{
	enum { URI_CHARGE = 16 };
	struct strings uris = run_param(r, op, 0);

	for (size_t i = 0; i < uris.n; i++) {
		if (run_charge(r, 1 + uris.all[i].n / URI_CHARGE) != 0)
			return -1;
		if (!is_valid(uris.all[i], NULL))
			return 0;
	}
	return 1;
}

/* 5: what is not known fails without an error. Whoever gets mail may be there or not (RFC 5436, 2.2), and a copy of it can
 * be filed, for which the scheme of the URI is enough (RFC 8580, 6.1). */
static int run_capability(struct run *r, const struct op *op)
{
	struct slice uri = run_string(r, op, CAPABILITY_URI), name = run_string(r, op, CAPABILITY_NAME);
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got != 0 || run_charge(r, 1 + uri.n / 16) != 0)
		return -1;
	if (slice_eq_nocase(name, SLICE_LIT("fcc")) && slice_starts_nocase(uri, SLICE_LIT("mailto:")))
		got = match_value(&m, SLICE_LIT("yes"));
	else if (slice_eq_nocase(name, SLICE_LIT("online")) && is_valid(uri, NULL))
		got = match_value(&m, SLICE_LIT("maybe"));
	else
		return 0;
	return got != 0 ? got : match_end(&m);
}

/* ---- the modifier (6): what is not unreserved (RFC 3986, 2.3) is percent-encoded, octet by octet ---- */
static int apply_encodeurl(struct run *r, struct slice in, struct buf *out)
{
	static const struct slice marks = SLICE_LIT("-._~");
	int ret = 0;

	(void)r;
	for (size_t i = 0; i < in.n && ret == 0; i++)
		if (ascii_is_alpha(in.p[i]) || ascii_is_digit(in.p[i]) || slice_find(marks, in.p[i]) < marks.n)
			ret = buf_add_char(out, in.p[i]);
		else
			ret = buf_addf(out, "%%%02X", (unsigned char)in.p[i]);
	return ret;
}

static const struct sieve_modifier encodeurl = { 15, apply_encodeurl };

static const struct sieve_param notify_params[] = {
	{ "the method", VALUE_STRING, 0, NULL, check_method },
	{ 0 },
};

static const struct sieve_param valid_params[] = {
	{ "the notification URIs", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param capability_params[] = {
	{ "the notification URI", VALUE_STRING, 0, NULL, NULL },
	{ "the notification capability", VALUE_STRING, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "notify", SIEVE_ACTION, .outside = true, .params = notify_params, .check = fcc_check, .run = run_notify },
	{ "valid_notify_method", SIEVE_TEST, .params = valid_params, .run = run_valid_notify_method },
	{ "notify_method_capability", SIEVE_TEST, .matches = true, .params = capability_params, .run = run_capability },
	{ 0 },
};

static const char *const on[] = { "notify", NULL };
static const char *const on_set[] = { "set", "extracttext", NULL };

static const struct sieve_tag tags[] = {
	{ "from", on, NULL, VALUE_STRING, 0, "the sender", check_from, NULL },
	{ "importance", on, NULL, VALUE_STRING, 0, "the importance", check_importance, NULL },
	{ "options", on, NULL, VALUE_STRINGS, 0, "the options", check_option, NULL },
	{ "message", on, NULL, VALUE_STRING, 0, "the message", NULL, NULL },
	{ .name = "encodeurl", .on = on_set, .group = "modifier 15", .modifier = &encodeurl },
	{ 0 },
};

const struct sieve_extension sieve_enotify = { "enotify", .commands = commands, .tags = tags };
