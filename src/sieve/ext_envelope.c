/* "envelope" (RFC 5228, 5.4). */
#include "sieve/address_match.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/registry.h"
#include "sieve/view.h"

enum { ENVELOPE_PARTS };

static void check_part(struct maker *m, struct slice *name)
{
	int ext;

	if (registry_envelope_part(*name, &ext) == NULL)
		maker_unknown(m, "unknown envelope part %s: expected \"from\" or \"to\"", diag_word(*name));
	else if (!maker_has(m, ext))
		maker_missing(m, diag_word(*name), ext);
}

/* TEXT is parsed once a run, however often a script asks: *SEEN is NULL before. */
static int get(struct run *r, struct slice text, struct address_view **seen, struct address_view *out)
{
	struct address_view *a;

	if (text.p == NULL)
		return 0;
	if (*seen == NULL) {
		a = run_alloc(r, 1, sizeof *a);
		if (a == NULL || view_address(r, text, a) != 0)
			return -1;
		*seen = a;
	}
	*out = **seen;
	return 1;
}

static int get_from(struct run *r, size_t i, struct address_view *out)
{
	return i == 0 ? get(r, r->in->from, &r->from, out) : 0;
}

static int get_to(struct run *r, size_t i, struct address_view *out)
{
	return i == 0 ? get(r, r->in->to, &r->to, out) : 0;
}

/* What is no address has no parts (RFC 6009, 4 and 5). */
static void check_envelope(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *names = &op->params[ENVELOPE_PARTS];
	const struct sieve_envelope_part *part = NULL;
	const struct ast_arg *tag = node->args;
	int ext;

	while (tag != NULL && (tag->kind != AST_TAG || registry_address_part(tag->tag, &ext) == NULL))
		tag = tag->next;
	for (size_t i = 0; tag != NULL && names->texts == NULL && i < names->n; i++)
		if ((part = registry_envelope_part(names->strings[i], &ext)) != NULL && !part->address)
			compile_error(c, tag->pos, "\":%.*s\" takes a part of an address, and \"%s\" is none", (int)tag->tag.n,
				      tag->tag.p, part->name);
}

/* All values of one part, until one matches. */
static int match_part(struct matcher *m, const struct op *op, const struct sieve_envelope_part *part)
{
	struct address_view a;
	int got, ext;

	if (!part->address && op->address != registry_address_part(SLICE_LIT("all"), &ext))
		return run_error(m->run, "\":%s\" takes a part of an address, and \"%s\" is none", op->address->name,
				 part->name);
	for (size_t i = 0; (got = part->get(m->run, i, &a)) > 0; i++) {
		got = part->address ? address_match(m, op, &a) : match_value(m, a.all);
		if (got != 0)
			return got;
	}
	return got;
}

static int run_envelope(struct run *r, const struct op *op)
{
	struct strings names = run_param(r, op, ENVELOPE_PARTS);
	struct matcher m;
	int got = match_start(&m, r, op);

	for (size_t i = 0; i < names.n && got == 0; i++) {
		int ext;
		const struct sieve_envelope_part *part = registry_envelope_part(names.all[i], &ext);

		got = part != NULL ? match_part(&m, op, part) : 0;
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
	{ "envelope", SIEVE_TEST, .matches = true, .addresses = true, .params = params, .check = check_envelope,
	  .run = run_envelope },
	{ 0 },
};

const struct sieve_extension sieve_envelope = { "envelope", .commands = commands, .envelope_parts = parts };
