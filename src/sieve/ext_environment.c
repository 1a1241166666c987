/*
 * "environment" (RFC 5183): what the caller says of the surroundings, and what
 * the engine knows of itself. Names of items have no case. With "variables", the
 * namespace "env" has the same items; a "_" in a name there stands for "-".
 */
#include "sieve/extensions.h"
#include "sieve/match.h"

enum { ENVIRONMENT_NAME };

/* All standard items (4.1) are known, so that :contains "" holds for each of them (4), whatever the caller left out. */
static const struct sieve_item own[] = {
	{ SLICE_LIT("domain"), SLICE_LIT("") },
	{ SLICE_LIT("host"), SLICE_LIT("") },
	{ SLICE_LIT("location"), SLICE_LIT("MS") },
	{ SLICE_LIT("name"), SLICE_LIT("mailferry") },
	{ SLICE_LIT("phase"), SLICE_LIT("during") },
	{ SLICE_LIT("remote-host"), SLICE_LIT("") },
	{ SLICE_LIT("remote-ip"), SLICE_LIT("") },
	{ SLICE_LIT("version"), SLICE_LIT(PACKAGE_VERSION) },
};

static bool is_called(struct slice item, struct slice name, bool variable)
{
	if (item.n != name.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = variable && name.p[i] == '_' ? '-' : name.p[i];

		if (ascii_lower(c) != ascii_lower(item.p[i]))
			return false;
	}
	return true;
}

static bool find(const struct sieve_item *items, size_t n, struct slice name, bool variable, struct slice *value)
{
	for (size_t i = 0; i < n; i++)
		if (is_called(items[i].name, name, variable)) {
			*value = items[i].value.p != NULL ? items[i].value : SLICE_LIT("");
			return true;
		}
	return false;
}

/* What the caller says goes before what the engine thinks. */
static bool get(const struct run *r, struct slice name, bool variable, struct slice *value)
{
	return find(r->in->environment, r->in->nenvironment, name, variable, value) ||
	       find(own, sizeof own / sizeof own[0], name, variable, value);
}

/* Of an item that is not known the test is false, whatever the match type (4). */
static int run_environment(struct run *r, const struct op *op)
{
	struct slice name = run_string(r, op, ENVIRONMENT_NAME), value;
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got != 0)
		return got;
	if (!get(r, name, false, &value))
		return 0;
	got = match_value(&m, value);
	/* An empty one counts as none (4). */
	if (value.n == 0)
		m.values--;
	return got != 0 ? got : match_end(&m);
}

static int get_variable(struct run *r, struct slice name, struct slice *out)
{
	(void)get(r, name, true, out);
	return 0;
}

/* 4.1, 4.2: a standard item, or a vendor's, who may be any. */
static const char *doubt_item(struct slice name)
{
	struct slice value;

	if (slice_starts_nocase(name, SLICE_LIT("vnd.")) || find(own, sizeof own / sizeof own[0], name, false, &value))
		return NULL;
	return "is no item of the environment: the test is false";
}

static const struct sieve_param params[] = {
	{ "the name of the item", VALUE_STRING, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "environment", SIEVE_TEST, .matches = true, .params = params, .doubt = doubt_item, .run = run_environment },
	{ 0 },
};

static const struct sieve_namespace namespaces[] = {
	{ "env", .get = get_variable },
	{ 0 },
};

const struct sieve_extension sieve_environment = { "environment", .commands = commands, .namespaces = namespaces };
