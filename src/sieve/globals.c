#include "sieve/globals.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/variables.h"

struct globals {
	struct {
		char *name;
		struct buf *value;
	} all[GLOBALS_MAX];
	size_t n, bytes;
};

struct buf *globals_find(struct run *r, struct slice name, bool make)
{
	struct globals *g = r->globals;
	struct buf *b;

	for (size_t i = 0; g != NULL && i < g->n; i++)
		if (slice_eq_nocase(slice_str(g->all[i].name), name))
			return g->all[i].value;
	if (!make)
		return NULL;
	if (g == NULL)
		g = r->globals = mem_alloc(sizeof *g);
	if (g->n == GLOBALS_MAX) {
		(void)run_error(r, "more than the %d global variables that one message may take", GLOBALS_MAX);
		return NULL;
	}
	b = mem_alloc(sizeof *b);
	buf_init(b, TEXT_MAX);
	g->all[g->n].name = slice_dup(name);
	g->all[g->n++].value = b;
	return b;
}

int globals_set(struct run *r, struct buf *variable, struct slice value)
{
	struct globals *g = r->globals;

	g->bytes += value.n;
	g->bytes -= variable->n;
	if (g->bytes > GLOBALS_BYTES_MAX)
		return run_error(r, "the global variables hold more than %d octets", GLOBALS_BYTES_MAX);
	variable_fill(variable, value);
	return 0;
}

void globals_free(struct globals **g)
{
	if (*g == NULL)
		return;
	for (size_t i = 0; i < (*g)->n; i++) {
		free((*g)->all[i].name);
		buf_free((*g)->all[i].value);
		free((*g)->all[i].value);
	}
	free(*g);
	*g = NULL;
}
