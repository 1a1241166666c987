#include "cmd/rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "sieve/sieve.h"

struct missing {
	const char *path;
	struct buf *errors;
	bool any;
};

/* What a rule would promise and nobody could keep is an error now, not a lost message later. */
static void missing_report(void *arg, const char *command, unsigned line, unsigned column)
{
	struct missing *m = arg;

	m->any = true;
	(void)buf_addf(
	    m->errors,
	    "%s:%u:%u: error: `%s' can't be used: this mailferry sends no mail to other servers; file the message "
	    "into a folder instead\n",
	    m->path, line, column, command);
}

static int script_load(const char *path, struct rules_script *out, struct buf *errors)
{
	struct missing missing = { path, errors, false };
	struct sieve_program *program;
	struct buf text;
	struct err e;

	/* One octet more than allowed, so that the compiler tells which script is too large. */
	buf_init(&text, SIEVE_SCRIPT_MAX + 1);
	if (file_read(path, &text, &e) != 0) {
		(void)buf_addf(errors, "%s\n", e.text);
		buf_free(&text);
		return -1;
	}
	program = sieve_compile(path, buf_slice(&text), errors);
	if (program == NULL) {
		buf_free(&text);
		return -1;
	}
	sieve_program_each(program, missing_report, &missing);
	sieve_program_free(&program);
	if (missing.any) {
		buf_free(&text);
		return -1;
	}
	out->path = mem_strdup(path);
	out->text = buf_take(&text, &out->len);
	return 0;
}

/* Several accounts may share one script. */
static bool named_before(const struct config *c, size_t account)
{
	for (size_t i = 0; i < account; i++)
		if (c->accounts[i].rules != NULL && strcmp(c->accounts[i].rules, c->accounts[account].rules) == 0)
			return true;
	return false;
}

int rules_load(const struct config *c, struct rules *out, struct buf *errors)
{
	int r = 0;

	*out = (struct rules){ .all = mem_array(c->naccounts, sizeof *out->all) };
	for (size_t i = 0; i < c->naccounts; i++) {
		if (c->accounts[i].rules == NULL || named_before(c, i))
			continue;
		if (script_load(c->accounts[i].rules, &out->all[out->n], errors) != 0)
			r = -1;
		else
			out->n++;
	}
	return r;
}

void rules_free(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->all[i].path);
		free(r->all[i].text);
	}
	free(r->all);
	*r = (struct rules){ 0 };
}
