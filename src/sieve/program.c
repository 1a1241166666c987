#include "sieve/program.h"

#include <stdlib.h>

#include "sieve/keyset.h"
#include "sieve/sieve.h"

void sieve_program_free(struct sieve_program **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < (*p)->nincluded; i++)
		if ((*p)->included[i].program != *p)
			sieve_program_free(&(*p)->included[i].program);
	free((*p)->included);
	for (size_t i = 0; i < (*p)->nsets; i++)
		keyset_free(&(*p)->sets[i]);
	arena_free(&(*p)->arena);
	free((*p)->ops);
	free((*p)->name);
	free(*p);
	*p = NULL;
}

static void each(const struct sieve_program *p,
		 void (*fn)(void *arg, const char *script, const char *command, unsigned line, unsigned column), void *arg)
{
	for (size_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];

		if (op->spec != NULL && op->spec->outside)
			fn(arg, p->name, op->spec->name, op->pos.line, op->pos.column);
	}
}

void sieve_program_each(const struct sieve_program *p,
			void (*fn)(void *arg, const char *script, const char *command, unsigned line, unsigned column),
			void *arg)
{
	each(p, fn, arg);
	for (size_t i = 0; i < p->nincluded; i++)
		if (p->included[i].program != NULL && p->included[i].program != p)
			each(p->included[i].program, fn, arg);
}

/* Whether P asks for MAILBOX before it files there, most likely. */
static bool asks_for(const struct sieve_program *p, struct slice mailbox)
{
	for (size_t i = 0; i < p->nops; i++) {
		const struct op *op = &p->ops[i];

		if (op->kind != OP_TEST || strcmp(op->spec->name, "mailboxexists") != 0)
			continue;
		for (size_t k = 0; k < op->params[0].n; k++)
			if (slice_eq_nocase(op->params[0].strings[k], mailbox))
				return true;
	}
	return false;
}

/* Of a script that does it very often, the first are enough. */
enum { TOLD_MAX = 1000 };

static void folders(const struct sieve_program *p, sieve_folder_fn *fn, void *arg)
{
	unsigned told = 0;

	for (size_t i = 0; i < p->nops && told < TOLD_MAX; i++) {
		const struct op *op = &p->ops[i];

		if (op->kind != OP_COMMAND || strcmp(op->spec->name, "fileinto") != 0 || op->params[0].texts != NULL)
			continue;
		/* The name is a last resort where the folder is found by something else. */
		if (op_tag(op, "create") != NULL || op_tag(op, "specialuse") != NULL || op_tag(op, "mailboxid") != NULL ||
		    asks_for(p, op->params[0].strings[0]))
			continue;
		told++;
		fn(arg, p->name, op->params[0].strings[0], op->pos.line, op->pos.column);
	}
}

void sieve_program_folders(const struct sieve_program *p, sieve_folder_fn *fn, void *arg)
{
	folders(p, fn, arg);
	for (size_t i = 0; i < p->nincluded; i++)
		if (p->included[i].program != NULL && p->included[i].program != p)
			folders(p->included[i].program, fn, arg);
}

static void edits(const struct sieve_program *p, sieve_edit_fn *fn, void *arg)
{
	unsigned told = 0;

	for (size_t i = 0; i < p->nops && told < TOLD_MAX; i++) {
		const struct op *op = &p->ops[i];
		bool add;

		if (op->kind != OP_COMMAND)
			continue;
		add = strcmp(op->spec->name, "addheader") == 0;
		if ((!add && strcmp(op->spec->name, "deleteheader") != 0) || op->params[0].texts != NULL)
			continue;
		told++;
		fn(arg, p->name, add, op->params[0].strings[0], op->pos.line, op->pos.column);
	}
}

void sieve_program_edits(const struct sieve_program *p, sieve_edit_fn *fn, void *arg)
{
	edits(p, fn, arg);
	for (size_t i = 0; i < p->nincluded; i++)
		if (p->included[i].program != NULL && p->included[i].program != p)
			edits(p->included[i].program, fn, arg);
}
