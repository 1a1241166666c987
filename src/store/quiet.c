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

int64_t quiet_left(struct quiet *q, int64_t number, int64_t age, int64_t now, int64_t settle)
{
	struct quiet_one *one = find(q, number);
	int64_t left;

	if (one == NULL) {
		quiet_note(q, number, age > 0 ? now - age : now, false);
		one = find(q, number);
	}
	left = one->since + (one->silent ? settle * SILENT_TIMES : settle) - now;
	return left > 0 ? left : 0;
}

void quiet_forget(struct quiet *q, int64_t number)
{
	struct quiet_one *one = find(q, number);

	if (one != NULL)
		*one = q->all[--q->n];
}
