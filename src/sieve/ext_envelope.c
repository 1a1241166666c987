/* "envelope" (RFC 5228, 5.4). */
#include "sieve/address_match.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/registry.h"
#include "sieve/view.h"

enum { ENVELOPE_PARTS };

static void check_part(struct compiler *c, struct slice *name, struct pos at)
{
	int ext;

	if (registry_envelope_part(*name, &ext) == NULL)
		compile_error(c, at, "unknown envelope part %s: expected \"from\" or \"to\"", diag_word(*name));
	else if (!compile_has(c, ext))
		bind_missing_require(c, at, diag_word(*name), ext);
}

static int get_from(struct run *r, struct address_view *out)
{
	return view_address(r, r->in->from, out) == 0 ? 1 : -1;
}

static int get_to(struct run *r, struct address_view *out)
{
	return view_address(r, r->in->to, out) == 0 ? 1 : -1;
}

static int run_envelope(struct run *r, const struct op *op)
{
	struct matcher m = { r, op->match, 0 };
	int got = 0;

	for (size_t i = 0; i < run_count(op, ENVELOPE_PARTS) && got == 0; i++) {
		int ext;
		const struct sieve_envelope_part *part =
		    registry_envelope_part(run_string(r, op, ENVELOPE_PARTS, i), &ext);
		struct address_view a;

		got = part != NULL ? part->get(r, &a) : 0;
		if (got > 0)
			got = part->address ? address_match(&m, op, &a) : match_value(&m, a.all);
	}
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_envelope_part parts[] = {
	{ "from", true, get_from },
	{ "to", true, get_to },
	{ 0 },
};

static const struct sieve_param params[] = {
	{ "the envelope parts", VALUE_STRINGS, 0, NULL, check_part },
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "envelope", SIEVE_TEST, .matches = true, .addresses = true, .params = params, .run = run_envelope },
	{ 0 },
};

const struct sieve_extension sieve_envelope = { "envelope", .commands = commands, .envelope_parts = parts };
