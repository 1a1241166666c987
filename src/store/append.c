#include "store/append.h"

#include "imap/dialog.h"

/* A step of each lane. True when any moved. */
static bool step_all(struct append *a)
{
	bool moved = false;

	for (size_t i = 0; i < a->nlanes; i++) {
		struct lane *l = &a->lanes[i];
		struct err e = { 0 };
		int ret;

		if (l->session == NULL)
			continue;
		ret = lane_step(l, &e);
		moved = moved || ret != 0;
		if (ret >= 0)
			continue;
		/* Whatever was answered before the connection broke counts; behind a BAD or garbage nothing does. */
		if (e.class != ERR_PROTOCOL)
			lane_last_words(l);
		a->broke(a->arg, l, &e);
	}
	return moved;
}

/* False when no lane has anything outstanding. */
static bool wait_any(struct append *a)
{
	struct dialog_watch w[APPEND_LANES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->nlanes && n < APPEND_LANES_MAX; i++) {
		struct lane *l = &a->lanes[i];

		if (l->session != NULL && lane_busy(l))
			w[n++] = (struct dialog_watch){ l->session, l->blocked };
	}
	if (n == 0)
		return false;
	dialog_wait_any(w, n);
	return true;
}

void append_run(struct append *a)
{
	bool busy = true;

	while (busy) {
		/* Other work can take long: what came meanwhile is read before anybody is called silent. */
		a->between(a->arg);
		busy = step_all(a) || wait_any(a);
	}
}
