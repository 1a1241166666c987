#include "store/quiet.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SILENT_TIMES = 10 };

void quiet_free(struct quiet *q)
{
	free(q->all);
	*q = (struct quiet){ NULL, 0, 0 };
}

static struct quiet_one *find(struct quiet *q, int64_t number)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->all[i].number == number)
			return &q->all[i];
	}
	return NULL;
}

void quiet_note(struct quiet *q, int64_t number, int64_t since, bool silent)
{
	struct quiet_one *one = find(q, number);

	if (one == NULL) {
		/* Forgetting one only makes its wait start again. */
		if (q->n == QUIET_MAX)
			q->n = 0;
		if (q->n == q->room)
			q->all = mem_resize(q->all, q->room = q->room * 2 + 16, sizeof *q->all);
		one = &q->all[q->n++];
	}
	*one = (struct quiet_one){ number, since, silent };
}

int64_t quiet_until(struct quiet *q, int64_t number, int64_t since, int64_t now, int64_t settle)
{
	struct quiet_one *one = find(q, number);

	if (one == NULL) {
		quiet_note(q, number, since == 0 || since > now ? now : since, false);
		one = find(q, number);
	}
	/* A clock that was set back must not make the wait endless. */
	if (one->since > now)
		one->since = now;
	return one->since + (one->silent ? settle * SILENT_TIMES : settle);
}

void quiet_forget(struct quiet *q, int64_t number)
{
	struct quiet_one *one = find(q, number);

	if (one != NULL)
		*one = q->all[--q->n];
}
