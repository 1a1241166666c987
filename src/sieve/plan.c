#include "sieve/plan.h"

#include <stdlib.h>

const char *plan_kind_name(enum plan_kind kind)
{
	static const char *const names[PLAN_KINDS] = {
		[PLAN_KEEP] = "keep",	    [PLAN_FILEINTO] = "fileinto", [PLAN_REDIRECT] = "redirect",
		[PLAN_DISCARD] = "discard", [PLAN_REJECT] = "reject",	  [PLAN_EREJECT] = "ereject",
	};

	return names[kind];
}

static void free_strings(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct plan_action *a = &p->actions[i];

		free(a->mailbox);
		free(a->address);
		free(a->reason);
		free_strings(a->flags, a->nflags);
	}
	free(p->actions);
	free_strings(p->keep_flags, p->nkeep_flags);
	free(p->error);
	*p = (struct plan){ .implicit_keep = false };
}
