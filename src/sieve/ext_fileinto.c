/* "fileinto" (RFC 5228, 4.1). */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/result.h"

static int run_fileinto(struct run *r, const struct op *op)
{
	struct wish w = { .kind = PLAN_FILEINTO,
			  .target = run_string(r, op, 0, 0),
			  .create = op_tag(op, "create") != NULL,
			  .copy = op_tag(op, "copy") != NULL };

	return result_add(r, op, &w);
}

static const struct sieve_param params[] = {
	{ "the mailbox", VALUE_STRING, 0, NULL, mailbox_name_check },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "fileinto", SIEVE_ACTION, .params = params, .run = run_fileinto },
	{ 0 },
};

const struct sieve_extension sieve_fileinto = { "fileinto", .commands = commands };
