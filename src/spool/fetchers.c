/*
 * The peers of sources. What a fetcher read of its memory must be the whole
 * truth, or it fetches twice: so its doors are opened only when all that the
 * process before it asked is done, a body that waits for its sync included.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "spool/inside.h"

static struct source *source_of(struct spool_server *s, const char *name)
{
	struct source **at = &s->sources;

	for (; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	*at = mem_alloc(sizeof **at);
	(*at)->name = mem_strdup(name);
	(*at)->door_waiting = (*at)->memory_waiting = -1;
	return *at;
}

/* Opens what may be opened. A memory is of the process of the door that came before it. */
static void attach(struct spool_server *s, struct source *x)
{
	bool free_door = x->door == NULL && (x->memory == NULL || !x->memory_paired);
	/* While a door waits, the memory that waits is of its process. */
	bool free_memory =
	    x->memory == NULL && (x->door == NULL || !x->door_paired) && (x->door_waiting < 0 || free_door);

	if (x->door_waiting >= 0 && free_door) {
		x->door = peer_new(s, x->door_waiting, SPOOL_PEER_FETCH);
		x->door->source = x;
		x->door_waiting = -1;
		x->door_paired = false;
	}
	if (x->memory_waiting >= 0 && free_memory) {
		x->memory = peer_new(s, x->memory_waiting, SPOOL_PEER_MEMORY);
		x->memory->source = x;
		x->memory_waiting = -1;
		x->memory_paired = x->door_paired = x->door != NULL;
	}
}

void fetcher_add(struct spool_server *s, int fd, enum spool_peer role, const char *source)
{
	struct source *x = source_of(s, source);
	int *waiting = role == SPOOL_PEER_FETCH ? &x->door_waiting : &x->memory_waiting;

	file_close(waiting);
	*waiting = fd;
	attach(s, x);
}

void fetcher_left(struct peer *p)
{
	struct source *x = p->source;

	if (x->door == p)
		x->door = NULL;
	if (x->memory == p)
		x->memory = NULL;
	if (!p->server->dead)
		attach(p->server, x);
}

void fetchers_free(struct spool_server *s)
{
	while (s->sources != NULL) {
		struct source *x = s->sources;

		s->sources = x->next;
		file_close(&x->door_waiting);
		file_close(&x->memory_waiting);
		free(x->name);
		free(x);
	}
}
