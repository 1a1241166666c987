#include "role/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sieve/shelf.h"

static const struct role_rules *find(const struct role *r, const char *path)
{
	for (size_t i = 0; i < r->nrules; i++)
		if (strcmp(r->rules[i].path, path) == 0)
			return &r->rules[i];
	return NULL;
}

static struct slice text_of(const struct role_rules *rules)
{
	return slice_of(rules->text, rules->len);
}

/* The script of account N: done already, as another account has it (with the same path, or the same text elsewhere)? */
static bool take_over(const struct role *r, size_t n, const struct role_rules *rules, struct intake *in)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < n; i++)
		if (c->accounts[i].rules != NULL && strcmp(c->accounts[i].rules, rules->path) == 0)
			return true;
	for (size_t i = 0; i < n; i++) {
		const struct role_rules *other = c->accounts[i].rules != NULL ? find(r, c->accounts[i].rules) : NULL;

		if (other == NULL || !shelf_same(text_of(other), text_of(rules)))
			continue;
		intake_share_rules(in, rules->path, other->path);
		return true;
	}
	return false;
}

static bool is_list(const struct config *c, const char *path)
{
	size_t n = shelf_folder(path);

	return c->rules_lists != NULL && n == strlen(c->rules_lists) + 1 && memcmp(path, c->rules_lists, n - 1) == 0;
}

int rules_compile(const struct role *r, struct intake *in, struct buf *errors)
{
	const struct config *c = r->config;
	struct shelf shelf = { .all = mem_array(r->nrules, sizeof *shelf.all), .n = r->nrules, .global = c->rules_global };
	int ret = 0;

	for (size_t i = 0; i < r->nrules; i++)
		shelf.all[i] = (struct shelf_text){ .path = r->rules[i].path, .text = text_of(&r->rules[i]) };
	for (size_t i = 0; ret == 0 && i < c->naccounts; i++) {
		const struct role_rules *rules = c->accounts[i].rules != NULL ? find(r, c->accounts[i].rules) : NULL;
		struct sieve_scripts scripts;
		struct sieve_program *program;

		if (rules == NULL || take_over(r, i, rules, in))
			continue;
		scripts = shelf_scripts(&shelf, rules->path);
		program = sieve_compile_with(rules->path, text_of(rules), &scripts, errors);
		ret = program != NULL ? 0 : -1;
		if (program != NULL) {
			buf_clear(errors);
			intake_add_rules(in, rules->path, &program);
		}
	}
	for (size_t i = 0; i < r->nrules; i++)
		if (is_list(c, r->rules[i].path))
			intake_add_list(in, r->rules[i].path + shelf_folder(r->rules[i].path), text_of(&r->rules[i]));
	shelf_end(&shelf);
	free(shelf.all);
	return ret;
}
