#include "intake/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intake/internal.h"

struct intake *intake_new(const struct config *c, const struct intake_spool *functions, void *spool)
{
	struct intake *in = mem_alloc(sizeof *in);

	in->config = c;
	in->functions = functions;
	in->spool = spool;
	in->facts = mem_array(c->naccounts + 1, sizeof *in->facts);
	in->facts_at = mem_array(c->naccounts + 1, sizeof *in->facts_at);
	for (size_t i = 0; i <= c->naccounts; i++)
		facts_free(&in->facts[i]); /* nothing is known */
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
		sieve_program_free(&(*in)->rules[i].program);
	}
	free((*in)->rules);
	for (size_t i = 0; i < (*in)->config->naccounts; i++)
		facts_free(&(*in)->facts[i]);
	free((*in)->facts);
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

void intake_set_lost(struct intake *in, bool lost)
{
	in->lost = lost;
}

bool intake_lost(const struct intake *in)
{
	return in->lost;
}

void intake_confirm(struct intake *in, int64_t number)
{
	in->functions->confirm(in->spool, number);
}
