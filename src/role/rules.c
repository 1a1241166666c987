#include "role/rules.h"

int rules_compile(const struct role *r, struct intake *in, struct buf *errors)
{
	for (size_t i = 0; i < r->nrules; i++) {
		const struct role_rules *rules = &r->rules[i];
		struct sieve_program *program;

		program = sieve_compile(rules->path, slice_of(rules->text, rules->len), errors);
		if (program == NULL)
			return -1;
		buf_clear(errors);
		intake_add_rules(in, rules->path, &program);
	}
	return 0;
}
