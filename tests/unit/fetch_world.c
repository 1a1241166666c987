#include "fetch_world.h"

#include <stdlib.h>

#include "base/mem.h"

const struct fake_kind fake_kinds[FAKE_KINDS] = {
	{ .name = "imap", .imap = true },
	{ .name = "imap in disorder", .imap = true, .disordered = true },
	{ .name = "imap without CONDSTORE", .imap = true, .no_condstore = true },
	{ .name = "pop3" },
	{ .name = "pop3, names of content", .content_names = true },
	{ .name = "pop3, no names", .no_names = true },
	{ .name = "pop3, no names, no heads", .no_names = true, .no_top = true },
};

struct fake_world *fake_world_new(bool imap)
{
	struct fake_world *w = mem_alloc(sizeof *w);

	fake_world_init(w, imap);
	return w;
}

void fake_world_end(struct fake_world **w)
{
	fake_world_free(*w);
	free(*w);
	*w = NULL;
}

void fake_run_well(struct fake_world *w)
{
	const struct run_result r = fake_run(w, RUN_FETCH);

	if (r.end != RUN_OK || r.words[0] != '\0')
		fail_msg("%s: %s", run_end_name(r.end), r.words);
}

void fake_all_taken_once(const struct fake_world *w)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		if (w->contents[i].taken != w->contents[i].arrived)
			fail_msg("content %u came %u times and was taken %u times", i, w->contents[i].arrived,
				 w->contents[i].taken);
}

void fake_arrive_many(struct fake_world *w, size_t folder, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)fake_arrive(w, folder, fake_content(w, true, i % 10 == 0 ? 100000 : 100));
}

struct fake_world *fake_world_of(const struct fake_kind *k)
{
	struct fake_world *w = fake_world_new(k->imap);

	w->content_names = k->content_names;
	w->no_names = k->no_names;
	w->condstore = !k->no_condstore;
	w->top = !k->no_top;
	w->disordered = k->disordered;
	return w;
}

void fake_set_policy(struct fake_world *w, enum fake_policy policy)
{
	w->source.keep = policy == KEEP || policy == MARK;
	w->source.delete = policy == AT_ONCE	      ? CONFIG_DELETE_ACCEPTED
			   : policy == AFTER_DELIVERY ? CONFIG_DELETE_DELIVERED
						      : CONFIG_DELETE_NEVER;
	w->source.move_to = policy == MOVE ? (char *)"Done" : NULL;
	w->source.mark_seen = policy == MARK;
}
