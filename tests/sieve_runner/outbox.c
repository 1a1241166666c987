#include "outbox.h"

#include <stdlib.h>

#include "base/mem.h"

int outbox_add(struct outbox *o, struct slice bytes, const char *from, const char *to, struct err *e)
{
	if (bytes.n > OUTBOX_MAX || o->size > OUTBOX_MAX - bytes.n)
		return err_set(e, ERR_LIMIT, 0, "the transport takes no more");
	o->all = mem_resize(o->all, o->n + 1, sizeof *o->all);
	o->all[o->n++] = (struct sent){ slice_dup(bytes), bytes.n, mem_strdup(from), mem_strdup(to) };
	o->size += bytes.n + sizeof *o->all;
	return 0;
}

void outbox_clear(struct outbox *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->all[i].bytes);
		free(o->all[i].from);
		free(o->all[i].to);
	}
	free(o->all);
	*o = (struct outbox){ NULL, 0, 0 };
}
