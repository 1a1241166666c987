#include "cmd/check_folders.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/control.h"
#include "sieve/sieve.h"
#include "spool/admin.h"

void check_folders_ask(const struct config *c, const char *config_file, struct check_folders *f)
{
	struct spool_admin *admin = NULL;
	struct err e;
	int fd = -1;

	*f = (struct check_folders){ mem_array(c->naccounts, sizeof *f->accounts), c->naccounts };
	if (c->control != NULL)
		fd = control_connect(c->control, config_file, CONTROL_WANT_SPOOL, &e);
	if (fd < 0)
		return;
	admin = spool_admin_new(fd);
	for (size_t i = 0; i < f->n; i++) {
		int64_t at_ms;

		if (spool_admin_facts(admin, c->accounts[i].name, &at_ms, &f->accounts[i], &e) != 0)
			break;
	}
	spool_admin_free(&admin);
}

void check_folders_free(struct check_folders *f)
{
	for (size_t i = 0; i < f->n; i++)
		facts_free(&f->accounts[i]);
	free(f->accounts);
	*f = (struct check_folders){ 0 };
}

struct looking {
	const char *account;
	const struct facts *facts;
	struct buf *out;
};

static void look(void *arg, const char *script, struct slice mailbox, unsigned line, unsigned column)
{
	const struct looking *l = arg;

	if (facts_find(l->facts, mailbox) != NULL)
		return;
	(void)buf_addf(l->out, "%s:%u:%u: warning: account `%s' has no folder \"%.*s\": mail for it goes to INBOX, unless "
			       "the folder is made, or \":create\" is given\n",
		       script, line, column, l->account, (int)mailbox.n, mailbox.p);
}

static const struct rules_script *script_of(const struct rules *r, const char *path)
{
	for (size_t i = 0; path != NULL && i < r->n; i++)
		if (strcmp(r->all[i].path, path) == 0)
			return &r->all[i];
	return NULL;
}

void check_folders_warn(const struct config *c, struct rules *r, const struct check_folders *f, struct buf *out)
{
	struct shelf shelf = rules_shelf(r, c->rules_global);
	struct buf errors;

	buf_init(&errors, 1);
	for (size_t i = 0; i < f->n; i++) {
		const struct rules_script *s = script_of(r, c->accounts[i].rules);
		struct sieve_program *program;
		struct looking l = { .account = c->accounts[i].name, .facts = &f->accounts[i], .out = out };

		/* Of a list that was cut nobody knows what is not in it. */
		if (s == NULL || f->accounts[i].n == 0 || f->accounts[i].cut)
			continue;
		program = sieve_compile_with(s->path, slice_of(s->text, s->len),
					     &(struct sieve_scripts[]){ shelf_scripts(&shelf, s->path) }[0], &errors);
		if (program != NULL)
			sieve_program_folders(program, look, &l);
		sieve_program_free(&program);
	}
	rules_shelf_free(r, &shelf);
	buf_free(&errors);
}
