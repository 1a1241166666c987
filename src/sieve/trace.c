#include "sieve/trace.h"

#include <stdio.h>

#include "sieve/match.h"

static struct sieve_event event(const struct run *r, enum sieve_trace_kind kind)
{
	return (struct sieve_event){ .kind = kind,
				     .script = r->program->name,
				     .line = r->op->pos.line,
				     .column = r->op->pos.column,
				     .word = r->op->spec != NULL ? r->op->spec->name : "" };
}

static void tell(struct run *r, const struct sieve_event *e)
{
	r->in->trace(r->in->trace_arg, e);
}

void trace_operation(struct run *r, enum sieve_trace_kind kind, bool truth)
{
	struct sieve_event e = event(r, kind);

	e.truth = truth;
	e.compares = r->op->spec != NULL && r->op->spec->matches;
	tell(r, &e);
}

void trace_note(struct run *r, const char *what, const char *why)
{
	enum { NOTE_MAX = 200 };
	struct sieve_event e;
	char text[NOTE_MAX];

	if (!trace_wanted(r))
		return;
	r->noted = true;
	e = event(r, SIEVE_TRACE_NOTE);
	(void)snprintf(text, sizeof text, "%s: %s", what, why);
	e.value = slice_str(text);
	tell(r, &e);
}

void trace_variable(struct run *r, struct slice name, struct slice value)
{
	struct sieve_event e = event(r, SIEVE_TRACE_VARIABLE);

	e.name = name;
	e.value = value;
	tell(r, &e);
}

void trace_match_value(struct run *r, size_t index, struct slice value)
{
	char name[24];

	(void)snprintf(name, sizeof name, "%zu", index);
	trace_variable(r, slice_str(name), value);
}

/* The key that matched, as the script has it; one that holds variables as it was compared. */
static struct slice key_of(const struct matcher *m)
{
	const struct op *op = m->run->op;
	const struct sieve_param *params = op->spec->params;

	for (size_t i = 0; m->match->from == NULL && params[i].name != NULL; i++)
		if ((params[i].flags & PARAM_KEYS) != 0 && m->matched < op->params[i].n)
			return op->params[i].strings[m->matched];
	return m->keys[m->matched].text;
}

void trace_compared(struct matcher *m, struct slice value, bool matched)
{
	struct sieve_event e = event(m->run, SIEVE_TRACE_VALUE);

	e.name = m->run->field_name;
	e.value = value;
	e.truth = matched;
	e.key = matched && m->matched < m->nkeys ? key_of(m) : SLICE_NONE;
	tell(m->run, &e);
}

static void tell_value(struct run *r, enum sieve_trace_kind kind, struct slice value)
{
	struct sieve_event e;

	if (!trace_wanted(r))
		return;
	e = event(r, kind);
	e.value = value;
	tell(r, &e);
}

void trace_value(struct run *r, struct slice value)
{
	tell_value(r, SIEVE_TRACE_VALUE, value);
}

int trace_missing(struct run *r, struct slice value)
{
	tell_value(r, SIEVE_TRACE_MISSING, value);
	return 0;
}
