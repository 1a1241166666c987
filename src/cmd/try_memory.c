#include "cmd/try_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_known(const struct try_memory *m, struct slice key)
{
	for (size_t i = 0; i < m->n; i++)
		if (slice_eq(m->all[i].key, key))
			return true;
	return false;
}

static void forget_first(struct try_memory *m)
{
	free((char *)m->all[0].key.p);
	memmove(m->all, m->all + 1, (m->n - 1) * sizeof *m->all);
	m->n--;
}

static bool is_refused(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->actions[i].kind == PLAN_REJECT || p->actions[i].kind == PLAN_EREJECT)
			return true;
	return false;
}

void try_memory_add(struct try_memory *m, const struct plan *p)
{
	for (size_t i = 0; p->error == NULL && !is_refused(p) && i < p->nmemory; i++) {
		const struct slice key = slice_of(p->memory[i].key, p->memory[i].key_n);

		if (is_known(m, key))
			continue;
		if (m->n == TRY_MEMORY_MAX)
			forget_first(m);
		m->all = mem_resize(m->all, m->n + 1, sizeof *m->all);
		m->all[m->n++] = (struct sieve_memory){ .key = slice_of(slice_dup(key), key.n), .known = true };
	}
}

void try_memory_free(struct try_memory *m)
{
	while (m->n > 0)
		forget_first(m);
	free(m->all);
	m->all = NULL;
}
