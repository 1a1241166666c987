/* The door for a fetcher's memory. */
#include "spool/source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "spool/call.h"

struct spool_source {
	struct call call;
};

struct spool_source *spool_source_new(int fd)
{
	struct spool_source *s = mem_alloc(sizeof *s);

	call_init(&s->call, fd);
	return s;
}

void spool_source_free(struct spool_source **sp)
{
	if (*sp == NULL)
		return;
	call_free(&(*sp)->call);
	free(*sp);
	*sp = NULL;
}

/* One request with at most one record. */
static int ask(struct call *c, enum request type, const struct wire_table *t, const void *record, struct slice *fields,
	       struct err *e)
{
	call_begin(c, type);
	if (t != NULL)
		packets_put(&c->packets, t, record);
	return call_run(c, fields, e);
}

/* All records of T in the reply. */
static int take(struct call *c, const struct wire_table *t, struct slice fields, const void **all, size_t *n,
		struct err *e)
{
	void *got = NULL;

	*all = NULL;
	if (wire_get_all(t, fields, 0, SIZE_MAX, &got, n, &c->pool, e) != 0)
		return err_prefix(e, "spool");
	*all = got;
	return 0;
}

/* Where the next page begins. 1, 0 when this was the last, -1. */
static int next_page(struct call *c, struct slice fields, struct page_of *page, struct err *e)
{
	const void *all;
	size_t n;

	if (take(c, &wire_page, fields, &all, &n, e) != 0)
		return -1;
	if (n > 0)
		*page = *(const struct page_of *)all;
	return n > 0;
}

/* ---- folders ---- */

int spool_source_folders(struct spool_source *s, spool_folder_fn *fn, void *arg, struct err *e)
{
	struct page_of page = { 0 };
	struct call *c = &s->call;
	int more;

	do {
		const struct origin_folder *folders;
		struct slice fields;
		const void *all;
		size_t n;

		if (ask(c, REQUEST_FOLDERS, &wire_page, &page, &fields, e) != 0 ||
		    take(c, &wire_folder, fields, &all, &n, e) != 0)
			return -1;
		folders = all;
		for (size_t i = 0; i < n; i++) {
			struct origin_folder f = folders[i];

			f.name = f.name == NULL ? "" : f.name;
			f.mailbox = f.mailbox == NULL ? "" : f.mailbox;
			if (fn(arg, &f) != 0)
				return 0;
		}
		more = next_page(c, fields, &page, e);
	} while (more > 0);
	return more;
}

int spool_source_folder_put(struct spool_source *s, struct origin_folder *f, struct err *e)
{
	struct slice fields;

	if (ask(&s->call, REQUEST_FOLDER_PUT, &wire_folder, f, &fields, e) != 0)
		return -1;
	f->number = s->call.reply.number;
	return 0;
}

int spool_source_folder_drop(struct spool_source *s, int64_t folder, struct err *e)
{
	const struct ask what = { .number = folder };
	struct slice fields;

	return ask(&s->call, REQUEST_FOLDER_DROP, &wire_ask, &what, &fields, e);
}

/* ---- origins ---- */

/* Page after page of origins to FN. */
static int origins(struct call *c, enum request type, struct page_of page, spool_origin_fn *fn, void *arg,
		   struct err *e)
{
	int more;

	do {
		const struct spool_origin *got;
		struct slice fields;
		const void *all;
		size_t n;

		if (ask(c, type, &wire_page, &page, &fields, e) != 0 || take(c, &wire_origin, fields, &all, &n, e) != 0)
			return -1;
		got = all;
		for (size_t i = 0; i < n; i++) {
			struct spool_origin o = got[i];

			o.name = o.name == NULL ? "" : o.name;
			if (fn(arg, &o) != 0)
				return 0;
		}
		more = next_page(c, fields, &page, e);
	} while (more > 0);
	return more;
}

int spool_source_origins(struct spool_source *s, int64_t folder, uint32_t from, spool_origin_fn *fn, void *arg,
			 struct err *e)
{
	const struct page_of page = { .folder = folder, .key = from };

	return origins(&s->call, REQUEST_ORIGINS, page, fn, arg, e);
}

int spool_source_pending(struct spool_source *s, const struct origin_want *want, spool_origin_fn *fn, void *arg,
			 struct err *e)
{
	const struct page_of page = {
		.fates = want->fates,
		.settled = want->settled,
		.before = want->before_ms,
		.handled = want->handled,
		.absent = want->absent,
	};

	return origins(&s->call, REQUEST_PENDING, page, fn, arg, e);
}

int spool_source_change(struct spool_source *s, const struct origin_change *changes, size_t n, struct err *e)
{
	struct call *c = &s->call;
	struct slice fields;

	if (n == 0)
		return 0;
	if (n > ORIGIN_BATCH_MAX)
		return err_set(e, ERR_INPUT, 0, "too many changes of the memory at once");
	call_begin(c, REQUEST_ORIGIN_CHANGE);
	for (size_t i = 0; i < n; i++) {
		struct origin_change one = changes[i];

		/* A server may tell any size. */
		one.o.size = one.o.size > INT64_MAX ? INT64_MAX : one.o.size;
		packets_put(&c->packets, &wire_origin_change, &one);
	}
	return call_run(c, &fields, e);
}

int spool_source_mine(struct spool_source *s, const char *const *ids, size_t n, bool *mine, struct err *e)
{
	struct call *c = &s->call;
	const struct id *known;
	struct slice fields;
	const void *all;
	size_t asked = 0, nknown;

	if (n > ORIGIN_BATCH_MAX)
		return err_set(e, ERR_INPUT, 0, "too many ids at once");
	call_begin(c, REQUEST_MINE);
	for (size_t i = 0; i < n; i++) {
		const struct id id = { .number = (int64_t)i, .id = ids[i] };

		mine[i] = false;
		/* They stood in somebody's header. */
		if (ids[i] == NULL || !protocol_is_id(ids[i]))
			continue;
		packets_put(&c->packets, &wire_id, &id);
		asked++;
	}
	if (asked == 0)
		return 0;
	if (call_run(c, &fields, e) != 0 || take(c, &wire_id, fields, &all, &nknown, e) != 0)
		return -1;
	known = all;
	for (size_t i = 0; i < nknown; i++)
		if (known[i].number >= 0 && (size_t)known[i].number < n)
			mine[known[i].number] = true;
	return 0;
}

/* ---- runs ---- */

int spool_source_ran(struct spool_source *s, const struct source_run *run, struct err *e)
{
	struct slice fields;

	return ask(&s->call, REQUEST_RAN, &wire_run, run, &fields, e);
}

int spool_source_last(struct spool_source *s, struct source_run *run, struct err *e)
{
	struct slice fields;
	const void *all;
	size_t n;

	*run = (struct source_run){ 0 };
	if (ask(&s->call, REQUEST_LAST, NULL, NULL, &fields, e) != 0 ||
	    take(&s->call, &wire_run, fields, &all, &n, e) != 0)
		return -1;
	if (n > 0)
		*run = *(const struct source_run *)all;
	return 0;
}
