#include "intake/verdicts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct place {
	char *field, *pattern, *most_field, *most_pattern;
	struct sieve_verdict verdict;
};

struct intake_verdicts {
	struct place spam, virus;
};

static void place_take(struct place *p, const char *where)
{
	if (where == NULL)
		return;
	config_verdict_split(where, &p->field, &p->pattern);
	p->verdict.field = p->field;
	p->verdict.pattern = p->pattern;
}

struct intake_verdicts *verdicts_new(const struct config *c)
{
	struct intake_verdicts *v = mem_alloc(sizeof *v);
	struct sieve_verdict *spam = &v->spam.verdict, *virus = &v->virus.verdict;

	place_take(&v->spam, c->spam_verdict);
	place_take(&v->virus, c->virus_verdict);
	spam->type = c->spam_verdict_type == CONFIG_VERDICT_LENGTH ? SIEVE_VERDICT_LENGTH : SIEVE_VERDICT_SCORE;
	spam->most = c->spam_verdict_most;
	if (c->spam_verdict_most != NULL && strchr(c->spam_verdict_most, ':') != NULL) {
		config_verdict_split(c->spam_verdict_most, &v->spam.most_field, &v->spam.most_pattern);
		spam->most_field = v->spam.most_field;
		spam->most_pattern = v->spam.most_pattern;
	}
	/* RFC 5235, 3.3 */
	*virus = (struct sieve_verdict){ .type = SIEVE_VERDICT_WORDS,
					 .field = virus->field,
					 .pattern = virus->pattern,
					 .words = { NULL, "clean", "replaced", "cured", "suspicious", "infected" },
					 .nocase = true };
	return v;
}

static void place_free(struct place *p)
{
	free(p->field);
	free(p->pattern);
	free(p->most_field);
	free(p->most_pattern);
}

void verdicts_free(struct intake_verdicts **v)
{
	if (*v == NULL)
		return;
	place_free(&(*v)->spam);
	place_free(&(*v)->virus);
	free(*v);
	*v = NULL;
}

const struct sieve_verdict *verdicts_spam(const struct intake_verdicts *v)
{
	return v->spam.field != NULL ? &v->spam.verdict : NULL;
}

const struct sieve_verdict *verdicts_virus(const struct intake_verdicts *v)
{
	return v->virus.field != NULL ? &v->virus.verdict : NULL;
}
