/* "variables" (RFC 5229): set with its modifiers, and the test string. */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/text.h"
#include "sieve/variables.h"

enum { SET_NAME, SET_VALUE };
enum { STRING_SOURCE };

/* ---- modifiers (4.1) ---- */
static int add_changed(struct slice in, size_t n, char (*change)(char), struct buf *out)
{
	char *p = buf_reserve(out, in.n);

	if (p == NULL)
		return -1;
	for (size_t i = 0; i < in.n; i++)
		p[i] = i < n ? change(in.p[i]) : in.p[i];
	buf_commit(out, in.n);
	return 0;
}

static int apply_lower(struct run *r, struct slice in, struct buf *out)
{
	(void)r;
	return add_changed(in, in.n, ascii_lower, out);
}

static int apply_upper(struct run *r, struct slice in, struct buf *out)
{
	(void)r;
	return add_changed(in, in.n, ascii_upper, out);
}

static int apply_lowerfirst(struct run *r, struct slice in, struct buf *out)
{
	(void)r;
	return add_changed(in, 1, ascii_lower, out);
}

static int apply_upperfirst(struct run *r, struct slice in, struct buf *out)
{
	(void)r;
	return add_changed(in, 1, ascii_upper, out);
}

static int apply_quotewildcard(struct run *r, struct slice in, struct buf *out)
{
	int ret = 0;

	(void)r;
	for (size_t i = 0; i < in.n && ret == 0; i++) {
		if (in.p[i] == '*' || in.p[i] == '?' || in.p[i] == '\\')
			ret = buf_add_char(out, '\\');
		if (ret == 0)
			ret = buf_add_char(out, in.p[i]);
	}
	return ret;
}

/* Characters, not octets; an octet that belongs to none counts as one. */
static int apply_length(struct run *r, struct slice in, struct buf *out)
{
	size_t count = 0;

	(void)r;
	while (in.n > 0) {
		size_t n = utf8_char_len(in);

		in = slice_skip(in, n > 0 ? n : 1);
		count++;
	}
	return buf_addf(out, "%zu", count);
}

static const struct sieve_modifier lower = { 40, apply_lower }, upper = { 40, apply_upper },
				   lowerfirst = { 30, apply_lowerfirst }, upperfirst = { 30, apply_upperfirst },
				   quotewildcard = { 20, apply_quotewildcard }, length = { 10, apply_length };

/* ---- set (4) ---- */

/* The modifier of OP with the largest precedence below *BELOW, which becomes its; NULL when there is none. */
static const struct sieve_modifier *next_modifier(const struct op *op, unsigned *below)
{
	const struct sieve_modifier *best = NULL;

	for (size_t i = 0; i < op->ntags; i++) {
		const struct sieve_modifier *m = op->tags[i].tag->modifier;

		if (m != NULL && m->precedence < *below && (best == NULL || m->precedence > best->precedence))
			best = m;
	}
	if (best != NULL)
		*below = best->precedence;
	return best;
}

int variable_set_by(struct run *r, const struct op *op, struct slice name, struct slice value)
{
	enum { CHARGE = 64, GROWS = 12 /* an octet at most, by any modifier */ };
	const struct sieve_modifier *m;
	struct buf in, out;
	unsigned below = UINT32_MAX;
	int ret = run_failed(r) ? -1 : 0;

	buf_init(&in, TEXT_MAX * GROWS);
	buf_init(&out, TEXT_MAX * GROWS);
	while (ret == 0 && (m = next_modifier(op, &below)) != NULL) {
		ret = run_charge(r, 1 + value.n / CHARGE);
		buf_clear(&out);
		if (ret == 0 && m->apply(r, text_front(value, TEXT_MAX), &out) != 0)
			ret = run_error(r, "a modifier makes a value too long");
		if (ret == 0) {
			struct buf other = in;

			in = out;
			out = other;
			value = in.n > 0 ? buf_slice(&in) : SLICE_LIT("");
		}
	}
	if (ret == 0)
		ret = variable_set(r, name, value);
	buf_free(&in);
	buf_free(&out);
	return ret;
}

static int run_set(struct run *r, const struct op *op)
{
	struct slice name = run_string(r, op, SET_NAME), value = run_string(r, op, SET_VALUE);

	return variable_set_by(r, op, name, value);
}

/* ---- string (5) ---- */
static int run_string_test(struct run *r, const struct op *op)
{
	struct strings sources = run_param(r, op, STRING_SOURCE);
	struct matcher m;
	int got = match_start(&m, r, op);

	for (size_t i = 0; i < sources.n && got == 0; i++) {
		got = match_value(&m, sources.all[i]);
		/* An empty string counts as none (5). */
		if (sources.all[i].n == 0)
			m.values--;
	}
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_param set_params[] = {
	{ "the name of the variable", VALUE_STRING, PARAM_CONSTANT, NULL, variable_name_check },
	{ "the value", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param string_params[] = {
	{ "the source strings", VALUE_STRINGS, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "set", SIEVE_ACTION, .params = set_params, .run = run_set },
	{ "string", SIEVE_TEST, .matches = true, .params = string_params, .run = run_string_test },
	{ 0 },
};

/* Also where a part of the message is what is set (RFC 5703, 7). */
static const char *const on_set[] = { "set", "extracttext", NULL };

static const struct sieve_tag tags[] = {
	{ "lower", on_set, "modifier 40", VALUE_NONE, 0, NULL, NULL, &lower },
	{ "upper", on_set, "modifier 40", VALUE_NONE, 0, NULL, NULL, &upper },
	{ "lowerfirst", on_set, "modifier 30", VALUE_NONE, 0, NULL, NULL, &lowerfirst },
	{ "upperfirst", on_set, "modifier 30", VALUE_NONE, 0, NULL, NULL, &upperfirst },
	{ "quotewildcard", on_set, "modifier 20", VALUE_NONE, 0, NULL, NULL, &quotewildcard },
	{ "length", on_set, "modifier 10", VALUE_NONE, 0, NULL, NULL, &length },
	{ 0 },
};

const struct sieve_extension sieve_variables = { "variables", .commands = commands, .tags = tags };
