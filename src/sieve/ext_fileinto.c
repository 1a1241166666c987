/* "fileinto" (RFC 5228, 4.1). */
#include "msg/special_use.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/result.h"

/* A folder by its use is one by that name: "\Junk:Spam" (msg/special_use.h). */
static int find_target(struct run *r, const struct op *op, struct slice *target)
{
	struct slice name = run_string(r, op, 0), wanted = run_value(r, op_tag(op, "specialuse")), other;
	unsigned use;
	char *both;

	*target = name;
	if (wanted.n == 0 || !special_use_split(wanted, &use, &other) || other.n > 0)
		return 0;
	both = run_alloc_now(r, wanted.n + 1 + name.n, 1);
	if (both == NULL)
		return -1;
	memcpy(both, wanted.p, wanted.n);
	both[wanted.n] = ':';
	/* A variable may have left nothing of it, which is told of where it is added. */
	if (name.n > 0)
		memcpy(both + wanted.n + 1, name.p, name.n);
	*target = slice_of(both, wanted.n + 1 + name.n);
	return 0;
}

static int run_fileinto(struct run *r, const struct op *op)
{
	struct wish w = { .kind = PLAN_FILEINTO,
			  .mailbox_id = run_value(r, op_tag(op, "mailboxid")),
			  .create = op_tag(op, "create") != NULL,
			  .copy = op_tag(op, "copy") != NULL };

	if (find_target(r, op, &w.target) != 0)
		return -1;
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
