/* "ihave" (RFC 5463): the test that enables what is there, and the command "error". */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/registry.h"
#include "sieve/run.h"
#include "sieve/text.h"
#include "sieve/trace.h"

/* Those that change what strings mean can't come into effect behind them (4, last paragraph). */
static bool can_be_enabled(int ext)
{
	return sieve_extensions[ext] != &sieve_variables && sieve_extensions[ext] != &sieve_encoded_character;
}

/* All of them, or none (4, item 4). What was enabled stays so to the end of the script (4, item 1). */
static int run_ihave(struct run *r, const struct op *op)
{
	struct strings names = run_param(r, op, 0);
	uint64_t found = 0;

	if (run_charge(r, names.n) != 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		int ext = registry_capability(names.all[i]);

		if (ext < 0 || (!can_be_enabled(ext) && (r->enabled >> ext & 1) == 0))
			return trace_missing(r, names.all[i]);
		found |= registry_brings(ext);
	}
	r->enabled |= found;
	return 1;
}

static int run_error_command(struct run *r, const struct op *op)
{
	enum { MESSAGE_MAX = 500 };
	struct slice text = text_front(run_string(r, op, 0), MESSAGE_MAX);
	char *line = run_alloc_now(r, text.n, 1);

	if (line == NULL)
		return -1;
	/* It is one line of a log. */
	for (size_t i = 0; i < text.n; i++)
		line[i] = (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? ' ' : text.p[i];
	return run_error(r, "%.*s", (int)text.n, line);
}

static void check_message(struct maker *m, struct slice *text)
{
	if (!utf8_valid(*text))
		maker_error(m, "the message of \"error\" must be UTF-8");
}

static const struct sieve_param ihave_params[] = {
	{ "the extensions", VALUE_STRINGS, PARAM_CONSTANT, NULL, NULL },
	{ 0 },
};

static const struct sieve_param error_params[] = {
	{ "the message", VALUE_STRING, 0, NULL, check_message },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "ihave", SIEVE_TEST, .params = ihave_params, .run = run_ihave },
	{ "error", SIEVE_CONTROL, .ends = true, .params = error_params, .run = run_error_command },
	{ 0 },
};

const struct sieve_extension sieve_ihave = { "ihave", .commands = commands };
