/*
 * The peers of sources. What a fetcher read of its memory must be the whole
 * truth, or it fetches twice: so its doors are opened only when all that the
 * process before it asked is done, a body that waits for its sync included.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/inside.h"

enum { WAITING_MAX = 64 };

static struct source *source_of(struct spool_server *s, const char *name)
{
	struct source **at = &s->sources;

	for (; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	*at = mem_alloc(sizeof **at);
	(*at)->name = mem_strdup(name);
	return *at;
}

static void drop_first(struct source *x)
{
	x->nwaiting--;
	memmove(x->waiting, x->waiting + 1, x->nwaiting * sizeof x->waiting[0]);
}

/* Opens what may be opened, in the order in which it came. A memory is of the process whose door came before it. */
static void attach(struct spool_server *s, struct source *x)
{
	while (x->nwaiting > 0 && !x->paired) {
		enum spool_peer role = x->waiting[0].role;
		struct peer **place = role == SPOOL_PEER_FETCH ? &x->door : &x->memory;

		if (*place != NULL)
			return;
		*place = peer_new(s, x->waiting[0].fd, role);
		(*place)->source = x;
		x->paired = role == SPOOL_PEER_MEMORY && x->door != NULL;
		drop_first(x);
	}
}

void fetcher_add(struct spool_server *s, int fd, enum spool_peer role, const char *source)
{
	struct source *x = source_of(s, source);

	if (x->nwaiting == WAITING_MAX) {
		log_warning("too-many-fetchers", LOG_STR("source", source));
		file_close(&x->waiting[0].fd);
		drop_first(x);
	}
	if (x->nwaiting == x->waiting_cap) {
		x->waiting_cap = x->waiting_cap == 0 ? 4 : x->waiting_cap * 2;
		x->waiting = mem_resize(x->waiting, x->waiting_cap, sizeof x->waiting[0]);
	}
	x->waiting[x->nwaiting].fd = fd;
	x->waiting[x->nwaiting].role = role;
	x->nwaiting++;
	attach(s, x);
}

void fetcher_left(struct peer *p)
{
	struct source *x = p->source;

	if (x->door == p)
		x->door = NULL;
	if (x->memory == p)
		x->memory = NULL;
	if (x->door == NULL && x->memory == NULL)
		x->paired = false;
	if (!p->server->dead)
		attach(p->server, x);
}

void fetchers_free(struct spool_server *s)
{
	while (s->sources != NULL) {
		struct source *x = s->sources;

		s->sources = x->next;
		while (x->nwaiting > 0) {
			file_close(&x->waiting[0].fd);
			drop_first(x);
		}
		free(x->waiting);
		free(x->name);
		free(x);
	}
}
