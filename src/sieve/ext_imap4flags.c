/* "imap4flags" (RFC 5232): the internal variable is struct run's; result.c puts it on keep and fileinto. Other variables
 * hold their flags as text, parted by blanks. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/variables.h"
#include "sieve/words.h"

enum { FLAGS_VARIABLE, FLAGS_LIST };
enum { OCTETS_A_STEP = 64 };

static bool names_variable(const struct op *op)
{
	return op->params[FLAGS_VARIABLE].type != VALUE_NONE;
}

/* The set that OP is about: of the variable that it names, whose text lives until the operation ends, or the internal
 * one. */
static int load(struct run *r, struct slice name, struct flag_set *set)
{
	struct slice text, *words;
	size_t n;

	set->n = 0;
	if (variable_get(r, name, &text) != 0 || run_charge(r, 1 + text.n / OCTETS_A_STEP) != 0)
		return -1;
	n = words_count(text);
	words = run_alloc_now(r, n, sizeof *words);
	if (words == NULL || run_charge(r, n) != 0)
		return -1;
	n = words_split(text, words);
	for (size_t i = 0; i < n; i++)
		flags_add(set, words[i]);
	return 0;
}

static int store(struct run *r, struct slice name, const struct flag_set *set)
{
	struct buf text;
	int ret;

	buf_init(&text, FLAGS_MAX * (FLAG_LENGTH_MAX + 1));
	for (size_t i = 0; i < set->n; i++) {
		if (i > 0)
			(void)buf_add_char(&text, ' ');
		(void)buf_add_slice(&text, set->all[i]);
	}
	ret = variable_set(r, name, text.n > 0 ? buf_slice(&text) : SLICE_LIT(""));
	buf_free(&text);
	return ret;
}

enum change { CHANGE_SET, CHANGE_ADD, CHANGE_REMOVE };

static int change(struct run *r, const struct op *op, enum change what)
{
	struct strings flags = run_param(r, op, FLAGS_LIST);
	struct slice name = names_variable(op) ? run_string(r, op, FLAGS_VARIABLE) : SLICE_NONE;
	struct flag_set set = { .n = 0 };

	if (what != CHANGE_SET && name.p == NULL)
		set = r->flags.set;
	else if (what != CHANGE_SET && load(r, name, &set) != 0)
		return -1;
	if (run_charge(r, flags.n) != 0)
		return -1;
	for (size_t i = 0; i < flags.n; i++) {
		if (what == CHANGE_REMOVE)
			flags_remove(&set, flags.all[i]);
		else
			flags_add(&set, flags.all[i]);
	}
	if (name.p != NULL)
		return store(r, name, &set);
	flags_keep(&r->flags, &set);
	return 0;
}

static int run_addflag(struct run *r, const struct op *op)
{
	return change(r, op, CHANGE_ADD);
}

static int run_setflag(struct run *r, const struct op *op)
{
	return change(r, op, CHANGE_SET);
}

static int run_removeflag(struct run *r, const struct op *op)
{
	return change(r, op, CHANGE_REMOVE);
}

static int match_set(struct matcher *m, const struct flag_set *set)
{
	int got = 0;

	for (size_t i = 0; i < set->n && got == 0; i++)
		got = match_value(m, set->all[i]);
	return got;
}

static int run_hasflag(struct run *r, const struct op *op)
{
	struct strings names = { NULL, 0 };
	struct flag_set set;
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got == 0 && !names_variable(op))
		got = match_set(&m, &r->flags.set);
	else if (got == 0)
		names = run_param(r, op, FLAGS_VARIABLE);
	for (size_t i = 0; i < names.n && got == 0; i++)
		got = load(r, names.all[i], &set) == 0 ? match_set(&m, &set) : -1;
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_param action_params[] = {
	{ "the variable name", VALUE_STRING, PARAM_OPTIONAL | PARAM_CONSTANT, "variables", variable_name_check },
	{ "the list of flags", VALUE_STRINGS, PARAM_WORDS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param test_params[] = {
	{ "the variable list", VALUE_STRINGS, PARAM_OPTIONAL, "variables", variable_name_check },
	{ "the list of flags", VALUE_STRINGS, PARAM_WORDS | PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "setflag", SIEVE_ACTION, .params = action_params, .run = run_setflag },
	{ "addflag", SIEVE_ACTION, .params = action_params, .run = run_addflag },
	{ "removeflag", SIEVE_ACTION, .params = action_params, .run = run_removeflag },
	{ "hasflag", SIEVE_TEST, .matches = true, .params = test_params, .run = run_hasflag },
	{ 0 },
};

static const char *const on_filing[] = { "keep", "fileinto", "vacation", "notify", NULL };

static const struct sieve_tag tags[] = {
	{ "flags", on_filing, NULL, VALUE_STRINGS, PARAM_WORDS, "the list of flags", NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_imap4flags = { "imap4flags", .commands = commands, .tags = tags };
