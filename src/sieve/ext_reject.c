/* "reject" and "ereject" (RFC 5429); result.c keeps them from deliveries. */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/result.h"

static int run_reject(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_REJECT, .target = run_string(r, op, 0) });
}

static int run_ereject(struct run *r, const struct op *op)
{
	return result_add(r, op, &(struct wish){ .kind = PLAN_EREJECT, .target = run_string(r, op, 0) });
}

static void check_reason(struct maker *m, struct slice *reason)
{
	if (!utf8_valid(*reason))
		maker_error(m, "the reason must be UTF-8");
}

static const struct sieve_param params[] = {
	{ "the reason", VALUE_STRING, 0, NULL, check_reason },
	{ 0 },
};

static const struct sieve_command reject_commands[] = {
	{ "reject", SIEVE_ACTION, .params = params, .run = run_reject },
	{ 0 },
};

static const struct sieve_command ereject_commands[] = {
	{ "ereject", SIEVE_ACTION, .params = params, .run = run_ereject },
	{ 0 },
};

const struct sieve_extension sieve_reject = { "reject", .commands = reject_commands };
const struct sieve_extension sieve_ereject = { "ereject", .commands = ereject_commands };
