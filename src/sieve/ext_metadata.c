/* "mboxmetadata" and "servermetadata" (RFC 5490, 3.3, 3.4 and 4): annotations of mailboxes and of the store. */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/mailbox_name.h"
#include "sieve/match.h"
#include "sieve/run.h"
#include "sieve/trace.h"

enum { METADATA_COST = 50, METADATA_VALUE_MAX = 64 * 1024 };
enum { MAILBOX, MAILBOX_NAMES };

static int look(struct run *r, struct slice mailbox, struct slice name, struct buf *value)
{
	if (run_charge(r, METADATA_COST) != 0)
		return -1;
	return r->in->metadata != NULL && r->in->metadata(r->in->arg, mailbox, name, value);
}

static int match_one(struct run *r, const struct op *op, struct slice mailbox, struct slice name)
{
	struct matcher m;
	struct buf value;
	int got = match_start(&m, r, op);

	buf_init(&value, METADATA_VALUE_MAX);
	if (got == 0)
		got = look(r, mailbox, name, &value);
	if (got > 0) {
		got = match_value(&m, buf_slice(&value));
		got = got != 0 ? got : match_end(&m);
	}
	buf_free(&value);
	return got;
}

static int all_exist(struct run *r, struct slice mailbox, struct strings names)
{
	int got = 1;

	for (size_t i = 0; i < names.n && got > 0; i++) {
		struct buf value;

		buf_init(&value, METADATA_VALUE_MAX);
		got = look(r, mailbox, names.all[i], &value);
		if (got == 0)
			(void)trace_missing(r, names.all[i]);
		buf_free(&value);
	}
	return got;
}

static int run_metadata(struct run *r, const struct op *op)
{
	return match_one(r, op, run_string(r, op, MAILBOX), run_string(r, op, MAILBOX_NAMES));
}

static int run_metadataexists(struct run *r, const struct op *op)
{
	return all_exist(r, run_string(r, op, MAILBOX), run_param(r, op, MAILBOX_NAMES));
}

static int run_servermetadata(struct run *r, const struct op *op)
{
	return match_one(r, op, SLICE_LIT(""), run_string(r, op, 0));
}

static int run_servermetadataexists(struct run *r, const struct op *op)
{
	return all_exist(r, SLICE_LIT(""), run_param(r, op, 0));
}

/* RFC 5464, 3.2: entries that no store can have. */
static const char *doubt_name(struct slice name)
{
	const bool private = slice_starts_nocase(name, SLICE_LIT("/private/"));
	const bool shared = slice_starts_nocase(name, SLICE_LIT("/shared/"));

	if (!private && !shared)
		return "is no annotation: expected one below \"/private/\" or \"/shared/\"";
	if (name.p[name.n - 1] == '/')
		return "is no annotation: there is nothing behind the last \"/\"";
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '*' || name.p[i] == '%' || (unsigned char)name.p[i] < 0x1a ||
		    (unsigned char)name.p[i] > 0x7f)
			return "is no annotation: \"*\", \"%\", controls and what is not ASCII can't be in its name";
		if (i > 0 && name.p[i] == '/' && name.p[i - 1] == '/')
			return "is no annotation: there is nothing between two \"/\"";
	}
	return NULL;
}

static const struct sieve_param metadata_params[] = {
	{ "the mailbox", VALUE_STRING, 0, NULL, mailbox_name_check },
	{ "the name of the annotation", VALUE_STRING, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param metadataexists_params[] = {
	{ "the mailbox", VALUE_STRING, 0, NULL, mailbox_name_check },
	{ "the names of the annotations", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param servermetadata_params[] = {
	{ "the name of the annotation", VALUE_STRING, 0, NULL, NULL },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_param servermetadataexists_params[] = {
	{ "the names of the annotations", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command mailbox_commands[] = {
	{ "metadata", SIEVE_TEST, .matches = true, .params = metadata_params, .doubt = doubt_name,
	  .doubted = MAILBOX_NAMES, .run = run_metadata },
	{ "metadataexists", SIEVE_TEST, .params = metadataexists_params, .doubt = doubt_name,
	  .doubted = MAILBOX_NAMES, .run = run_metadataexists },
	{ 0 },
};

static const struct sieve_command server_commands[] = {
	{ "servermetadata", SIEVE_TEST, .matches = true, .params = servermetadata_params, .doubt = doubt_name,
	  .run = run_servermetadata },
	{ "servermetadataexists", SIEVE_TEST, .params = servermetadataexists_params, .doubt = doubt_name,
	  .run = run_servermetadataexists },
	{ 0 },
};

const struct sieve_extension sieve_mboxmetadata = { "mboxmetadata", .commands = mailbox_commands };
const struct sieve_extension sieve_servermetadata = { "servermetadata", .commands = server_commands };
