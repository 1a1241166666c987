#include "intake/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intake/internal.h"
#include "intake/lists.h"
#include "intake/verdicts.h"

enum { TURN_MS = 50 };

struct intake *intake_new(const struct config *c, const struct intake_spool *functions, void *spool)
{
	struct intake *in = mem_alloc(sizeof *in);

	in->config = c;
	in->functions = functions;
	in->spool = spool;
	in->turn_ms = TURN_MS;
	in->left = mem_array(c->nrelay_for + 1, sizeof *in->left);
	in->facts = mem_array(c->naccounts + 1, sizeof *in->facts);
	in->facts_at = mem_array(c->naccounts + 1, sizeof *in->facts_at);
	for (size_t i = 0; i <= c->naccounts; i++)
		facts_free(&in->facts[i]); /* nothing is known */
	in->verdicts = verdicts_new(c);
	in->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (in->sha256 == NULL)
		abort(); /* OpenSSL without SHA-256 is a broken installation */
	return in;
}

void intake_free(struct intake **in)
{
	if (*in == NULL)
		return;
	intake_notices_end(*in);
	for (size_t i = 0; i < (*in)->nrules; i++) {
		free((*in)->rules[i].path);
		if (!(*in)->rules[i].shared)
			sieve_program_free(&(*in)->rules[i].program);
	}
	free((*in)->rules);
	lists_free(&(*in)->lists);
	verdicts_free(&(*in)->verdicts);
	for (size_t i = 0; i <= (*in)->config->naccounts; i++)
		facts_free(&(*in)->facts[i]);
	free((*in)->facts);
	free((*in)->left);
	free((*in)->facts_at);
	EVP_MD_free((*in)->sha256);
	free(*in);
	*in = NULL;
}

void intake_add_rules(struct intake *in, const char *path, struct sieve_program **p)
{
	in->rules = mem_resize(in->rules, in->nrules + 1, sizeof *in->rules);
	in->rules[in->nrules++] = (struct intake_rules){ .path = mem_strdup(path), .program = *p };
	*p = NULL;
}

void intake_share_rules(struct intake *in, const char *path, const char *as)
{
	for (size_t i = 0; i < in->nrules; i++) {
		if (strcmp(in->rules[i].path, as) != 0)
			continue;
		in->rules = mem_resize(in->rules, in->nrules + 1, sizeof *in->rules);
		in->rules[in->nrules++] =
		    (struct intake_rules){ .path = mem_strdup(path), .program = in->rules[i].program, .shared = true };
		return;
	}
}

void intake_add_list(struct intake *in, const char *name, struct slice text)
{
	lists_add(&in->lists, name, text);
}

void intake_set_turns(struct intake *in, void (*ask)(void *arg), void *arg)
{
	in->ask_turn = ask;
	in->turn_arg = arg;
}

void intake_set_lost(struct intake *in, bool lost)
{
	in->lost = lost;
}

bool intake_lost(const struct intake *in)
{
	return in->lost;
}

void intake_confirm(struct intake *in, int64_t ticket, enum spool_reply what)
{
	in->functions->confirm(in->spool, ticket, what);
}
