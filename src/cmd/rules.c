#include "cmd/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "sieve/sieve.h"

static int script_load(const char *path, struct rules_script *out, struct buf *errors)
{
	struct sieve_program *program;
	struct buf text;
	struct err e;

	buf_init(&text, SIEVE_SCRIPT_MAX);
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
	sieve_program_free(&program);
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
