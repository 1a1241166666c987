/* "fileinto" (RFC 5228, 4.1). */
#include "msg/special_use.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/result.h"

/* A folder by its use is one by that name: "\Junk:Spam" (msg/special_use.h). */
static int find_target(struct run *r, const struct op *op, struct slice *target)
{
	const struct value *tag = op_tag(op, "specialuse");
	struct slice name = run_string(r, op, 0, 0), other;
	unsigned use;
	char *both;

	*target = name;
	if (tag == NULL || !special_use_split(tag->strings[0], &use, &other) || other.n > 0)
		return 0;
	both = run_alloc(r, tag->strings[0].n + 1 + name.n, 1);
	if (both == NULL)
		return -1;
	memcpy(both, tag->strings[0].p, tag->strings[0].n);
	both[tag->strings[0].n] = ':';
	memcpy(both + tag->strings[0].n + 1, name.p, name.n);
	*target = slice_of(both, tag->strings[0].n + 1 + name.n);
	return 0;
}

static int run_fileinto(struct run *r, const struct op *op)
{
	struct wish w = { .kind = PLAN_FILEINTO,
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
