/* Waiting for news at the source. */
#include <stdlib.h>
#include <string.h>

#include "fetch/run_impl.h"

static const struct source_folder *inbox(const struct source_folder *folders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq_nocase(slice_str(folders[i].name), SLICE_LIT("INBOX")))
			return &folders[i];
	return n == 0 ? NULL : &folders[0];
}

/* Something may have come between the last run and this session. */
static int look(struct run *r, const struct source_folder *folder, bool *news)
{
	const struct generation *known = NULL;
	struct source_mark before = { 0 }, now = { 0 };
	struct err e = { 0 };
	bool same = false;

	for (size_t i = 0; i < r->ngens; i++)
		if (generation_is_ours(r, &r->gens[i]) && strcmp(r->gens[i].name, folder->name) == 0 &&
		    r->gens[i].f.listed_ms != 0)
			known = &r->gens[i];
	if (known != NULL)
		before =
		    (struct source_mark){ known->f.uidvalidity, known->f.uidnext, known->f.modseq, known->f.exists };
	if (r->setup->driver->enter(r->session, folder, false, known == NULL ? NULL : &before, &now, &same, &e) != 0)
		return run_source_failed(r, &e);
	/* Flags that somebody changed are no news. */
	*news = known == NULL || now.uidvalidity != before.uidvalidity || now.uidnext != before.uidnext ||
		(now.uidnext == 0 && now.exists != before.exists);
	return 0;
}

/* A wake on the way here was for nobody but who asks now. */
static bool called(const struct run *r)
{
	return r->setup->called != NULL && *r->setup->called;
}

static int wait_there(struct run *r, int64_t until, bool *news, bool *can)
{
	const struct source_driver *d = r->setup->driver;
	struct source_folder *folders = NULL;
	const struct source_folder *folder;
	struct err e = { 0 };
	size_t n = 0;
	int result = 0;

	r->session = d->open(&r->login, &e);
	if (r->session == NULL || d->folders(r->session, &folders, &n, &e) != 0)
		return run_source_failed(r, &e);
	folder = inbox(folders, n);
	if (folder == NULL)
		result = run_stop(r, RUN_REFUSED, "%s has none of the folders that `folders' of source %s names",
				  r->source.server.host, r->source.name);
	else
		result = look(r, folder, news);
	if (result == 0 && !*news && !called(r) && d->wait(r->session, until, news, &e) != 0) {
		*can = e.class != ERR_PERM;
		if (*can)
			result = run_source_failed(r, &e);
	}
	source_folders_free(folders, n);
	return result;
}

void run_wait(const struct run_setup *setup, int64_t until, bool *news, bool *can, struct run_result *result)
{
	struct err e = { 0 };
	struct run r;

	*news = false;
	*can = setup->driver->wait != NULL;
	run_prepare(&r, setup, result);
	r.login.deadline = 0; /* it waits as long as it is told to */
	if (*can && run_read_folders(&r) == 0)
		(void)wait_there(&r, until, news, can);
	if (r.session != NULL && (r.stopped || setup->driver->leave(&r.session, &e) != 0))
		setup->driver->abort(&r.session);
	run_clean(&r);
}
