#include "sieve/remember.h"

#include <stdlib.h>

#include "base/mem.h"

static bool has(const struct plan_memory *all, size_t n, struct slice key)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(slice_of(all[i].key, all[i].key_n), key))
			return true;
	return false;
}

static int append(struct run *r, struct plan_memory **all, size_t *n, const struct plan_memory *one, struct slice key)
{
	if (has(*all, *n, key))
		return 0;
	if (*n == REMEMBER_KEYS_MAX)
		return run_error(r, "more than the %d things that one message may be remembered by", REMEMBER_KEYS_MAX);
	*all = mem_resize(*all, *n + 1, sizeof **all);
	(*all)[*n] = *one;
	(*all)[*n].key = slice_dup(key);
	(*all)[*n].key_n = key.n;
	(*n)++;
	return 0;
}

int remember_known(struct run *r, struct slice key)
{
	const struct plan_memory one = { .seconds = 0 };

	if (r->in->memory_off)
		return 0;
	if (run_charge(r, 1 + r->in->nmemory) != 0)
		return -1;
	for (size_t i = 0; i < r->in->nmemory; i++)
		if (slice_eq(r->in->memory[i].key, key))
			return r->in->memory[i].known ? 1 : 0;
	return append(r, &r->plan->wanted, &r->plan->nwanted, &one, key);
}

int remember_add(struct run *r, struct slice key, uint64_t seconds, bool once)
{
	const struct plan_memory one = { .seconds = seconds, .once = once };

	return r->in->memory_off ? 0 : append(r, &r->plan->memory, &r->plan->nmemory, &one, key);
}
