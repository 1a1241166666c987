#include "sieve/variables.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/globals.h"
#include "sieve/registry.h"
#include "sieve/text.h"
#include "sieve/trace.h"

static size_t find(const struct sieve_program *p, struct slice name)
{
	size_t i = 0;

	while (i < p->nvariables && !slice_eq_nocase(p->variables[i], name))
		i++;
	return i;
}

int variable_declare(struct compiler *c, struct slice name, struct pos at, size_t *index)
{
	struct sieve_program *p = c->program;

	*index = find(p, name);
	if (*index < p->nvariables)
		return 0;
	if (name.n > VARIABLE_NAME_MAX || p->nvariables == VARIABLES_MAX) {
		if (name.n > VARIABLE_NAME_MAX)
			compile_error(c, at, "the name of the variable %s is too long: at most %d octets are allowed",
				      diag_word(name), VARIABLE_NAME_MAX);
		else
			compile_error(c, at, "the variable %s is one too many: at most %d are allowed", diag_word(name),
				      VARIABLES_MAX);
		return -1;
	}
	if (p->variables == NULL)
		p->variables = compile_alloc(c, VARIABLES_MAX, sizeof *p->variables);
	if (p->variable_global == NULL)
		p->variable_global = compile_alloc(c, VARIABLES_MAX, sizeof *p->variable_global);
	if (p->variable_set == NULL)
		p->variable_set = compile_alloc(c, VARIABLES_MAX, sizeof *p->variable_set);
	if (p->variable_global == NULL || p->variable_set == NULL)
		return -1;
	if (p->variables == NULL || compile_copy(c, name, &p->variables[p->nvariables]) != 0)
		return -1;
	p->nvariables++;
	return 0;
}

int variable_declare_global(struct compiler *c, struct slice name, struct pos at)
{
	struct sieve_program *p = c->program;
	size_t index = find(p, name);

	if (index < p->nvariables && p->variable_global[index])
		return 0;
	if (index < p->nvariables && p->variable_set[index]) {
		compile_error(c, at, "the variable %s can't become global: it was set before", diag_word(name));
		return -1;
	}
	/* What was read by this name so far is another variable, which nobody can set any more. */
	if (index < p->nvariables)
		p->variables[index] = SLICE_LIT("");
	if (variable_declare(c, name, at, &index) != 0)
		return -1;
	p->variable_global[index] = true;
	return 0;
}

bool variable_is_identifier(struct slice name)
{
	if (name.n == 0 || ascii_is_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alpha(name.p[i]) && !ascii_is_digit(name.p[i]) && name.p[i] != '_')
			return false;
	return true;
}

/* The namespace of NAME, which the script may use and set; NULL after an error. *REST: the name within. */
static const struct sieve_namespace *settable_space(const struct maker *m, struct slice name, struct slice *rest)
{
	size_t dot = slice_find(name, '.');
	const struct sieve_namespace *space;
	int ext;

	*rest = slice_of(name.p + dot + 1, name.n - dot - 1);
	space = registry_namespace(slice_of(name.p, dot), &ext);
	if (space == NULL)
		maker_unknown(m, "unknown namespace of the variable %s", diag_word(name));
	else if (!maker_has(m, ext))
		maker_missing(m, diag_word(name), ext);
	else if (space->set == NULL || !variable_is_identifier(*rest))
		maker_error(m, "the variable %s can't be set", diag_word(name));
	else
		return space;
	return NULL;
}

void variable_name_check(struct maker *m, struct slice *name)
{
	struct slice rest;
	size_t index;

	if (slice_find(*name, '.') < name->n)
		(void)settable_space(m, *name, &rest);
	else if (!variable_is_identifier(*name))
		maker_error(m, "%s is no name of a variable: expected letters, digits and \"_\", and no digit first",
			    diag_word(*name));
	else if (m->c != NULL && variable_declare(m->c, *name, m->at, &index) == 0)
		m->c->program->variable_set[index] = true;
}

static int share(struct run *r, const struct sieve_program *p, struct variables *v)
{
	for (size_t i = 0; i < p->nvariables; i++) {
		if (!p->variable_global[i])
			continue;
		if (v->shared == NULL)
			v->shared = mem_array(p->nvariables, sizeof *v->shared);
		v->shared[i] = globals_find(r, p->variables[i], true);
		if (v->shared[i] == NULL)
			return -1;
	}
	return 0;
}

struct variables *variables_new(struct run *r, const struct sieve_program *p)
{
	struct variables *v = mem_alloc(sizeof *v);

	if (p->nvariables > 0)
		v->all = mem_array(p->nvariables, sizeof *v->all);
	v->n = p->nvariables;
	for (size_t i = 0; i < v->n; i++)
		buf_init(&v->all[i], TEXT_MAX);
	buf_init(&v->matched, TEXT_MAX * 2);
	if (share(r, p, v) != 0)
		variables_free(&v);
	return v;
}

void variables_free(struct variables **v)
{
	if (*v == NULL)
		return;
	for (size_t i = 0; i < (*v)->n; i++)
		buf_free(&(*v)->all[i]);
	free((*v)->all);
	free((*v)->shared);
	buf_free(&(*v)->matched);
	free(*v);
	*v = NULL;
}

struct slice variable_value(const struct run *r, size_t index)
{
	const struct variables *v = r->variables;

	const struct buf *b = index >= v->n				       ? NULL
			      : v->shared != NULL && v->shared[index] != NULL ? v->shared[index]
									      : &v->all[index];

	return b != NULL && b->n > 0 ? buf_slice(b) : SLICE_LIT("");
}

int variable_get(struct run *r, struct slice name, struct slice *value)
{
	size_t dot = slice_find(name, '.');
	int ext;

	*value = SLICE_LIT("");
	if (dot < name.n) {
		const struct sieve_namespace *space = registry_namespace(slice_of(name.p, dot), &ext);

		return space != NULL ? space->get(r, slice_of(name.p + dot + 1, name.n - dot - 1), value) : 0;
	}
	*value = variable_value(r, find(r->program, name));
	return 0;
}

void variable_fill(struct buf *b, struct slice value)
{
	char *copy;

	if (b->n == 0 || value.p < b->p || value.p >= b->p + b->n) {
		buf_clear(b);
		(void)buf_add_slice(b, value);
		return;
	}
	/* VALUE is the variable's own. */
	copy = slice_dup(value);
	buf_clear(b);
	(void)buf_add(b, copy, value.n);
	free(copy);
}

int variable_set(struct run *r, struct slice name, struct slice value)
{
	size_t dot = slice_find(name, '.'), index;
	struct buf *b;

	value = text_front(value, r->limits.variable_size);
	if (trace_wanted(r))
		trace_variable(r, name, value);
	if (dot < name.n) {
		struct slice rest;
		const struct sieve_namespace *space = settable_space(&(struct maker){ .r = r }, name, &rest);

		return space != NULL ? space->set(r, rest, value) : -1;
	}
	index = find(r->program, name);
	if (index >= r->variables->n)
		return run_error(r, "%s is no variable of this script", diag_word(name));
	if (r->variables->shared != NULL && r->variables->shared[index] != NULL)
		return globals_set(r, r->variables->shared[index], value);
	b = &r->variables->all[index];
	r->variable_bytes += value.n;
	r->variable_bytes -= b->n;
	if (r->variable_bytes > VARIABLES_BYTES_MAX)
		return run_error(r, "the variables hold more than %d octets", VARIABLES_BYTES_MAX);
	variable_fill(b, value);
	return 0;
}

bool match_variables_wanted(const struct run *r)
{
	return r->program->variables_on;
}

int match_variables_set(struct run *r, struct slice value, const struct span *spans, size_t n)
{
	struct variables *v = r->variables;

	buf_clear(&v->matched);
	v->nspans = 0;
	for (size_t i = 0; i < n && i < MATCH_VALUES_MAX; i++) {
		struct slice s = text_front(slice_of(value.p + spans[i].at, spans[i].n), r->limits.variable_size);

		s = text_front(s, TEXT_MAX * 2 - v->matched.n);
		v->spans[v->nspans++] = (struct span){ v->matched.n, s.n };
		(void)buf_add_slice(&v->matched, s);
		if (trace_wanted(r) && i > 0)
			trace_match_value(r, i, s);
	}
	return run_charge(r, 1 + v->matched.n / 64);
}

struct slice match_variable(const struct run *r, size_t index)
{
	const struct variables *v = r->variables;

	if (index >= v->nspans || v->spans[index].n == 0)
		return SLICE_LIT("");
	return slice_of(v->matched.p + v->spans[index].at, v->spans[index].n);
}
