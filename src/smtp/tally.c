#include "smtp/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "smtp/shared.h"

enum { BUCKETS = 1024, WAYS = 8 };

/* What one place is believed at most: sums of all places and of our own can't overflow. */
static const uint64_t believed = (uint64_t)1 << 48;

struct tally_entry {
	_Atomic uint64_t tag; /* of the address; 0: free */
	_Atomic uint64_t octets;
	_Atomic uint64_t sessions;
};

struct place {
	struct tally_entry entries[BUCKETS][WAYS];
};

struct head {
	_Atomic uint64_t used; /* somebody has this place */
	_Atomic uint64_t octets;
};

/* Shared between processes, each of which can write all of it: no pointers, and a number is a number. */
struct table {
	uint64_t seed[SHARED_SEEDS];
	struct head heads[TALLY_PLACES];
	struct place places[TALLY_PLACES]; /* whose pages are there once something stands in them */
};

struct tally {
	struct table *table;
	unsigned place;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counters in shared memory need no lock");

static const char what[] = "memory in which receivers tell each other of their clients";

int tally_create(struct err *e)
{
	return shared_create("mailferry-tally", sizeof(struct table), what, e);
}

/* The memory is given back, too. */
static int zero(int fd, size_t at, size_t n)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n);
}

void tally_clear(int fd, unsigned place)
{
	if (fd < 0 || place >= TALLY_PLACES)
		return;
	if (zero(fd, offsetof(struct table, heads) + place * sizeof(struct head), sizeof(struct head)) != 0 ||
	    zero(fd, offsetof(struct table, places) + place * sizeof(struct place), sizeof(struct place)) != 0)
		log_warning("tally-not-cleared", LOG_NUM("place", place), LOG_NUM("errno", errno));
}

void tally_sweep(int fd, const bool held[TALLY_PLACES])
{
	struct head head;

	for (unsigned i = 0; fd >= 0 && i < TALLY_PLACES; i++) {
		const off_t at = (off_t)(offsetof(struct table, heads) + i * sizeof head);

		if (held[i])
			continue;
		if (pread(fd, &head, sizeof head, at) == (ssize_t)sizeof head &&
		    (atomic_load(&head.used) != 0 || atomic_load(&head.octets) != 0))
			log_error("tally-tampered", LOG_NUM("place", i),
				  LOG_STR("what", "a receiver has written in the place of none: somebody may have taken one over"));
		tally_clear(fd, i);
	}
}

struct tally *tally_open(int fd, unsigned place, struct err *e)
{
	struct table *table = fd < 0 ? NULL : shared_map(fd, sizeof *table, what, e);
	struct tally *t;

	if (fd >= 0 && table == NULL)
		return NULL;
	t = mem_alloc(sizeof *t);
	t->table = table;
	t->place = place < TALLY_PLACES ? place : TALLY_PLACES;
	if (table != NULL && t->place < TALLY_PLACES)
		atomic_store(&table->heads[t->place].used, 1);
	return t;
}

void tally_close(struct tally **t)
{
	if (*t == NULL)
		return;
	if ((*t)->table != NULL)
		(void)munmap((*t)->table, sizeof(struct table));
	free(*t);
	*t = NULL;
}

/* The entry of TAG in a place, or NULL. TAG 0: a free one of the bucket of BY. */
static struct tally_entry *find(struct table *table, unsigned place, uint64_t tag, uint64_t by)
{
	struct tally_entry *bucket = table->places[place].entries[by % BUCKETS];

	for (size_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&bucket[i].tag, memory_order_relaxed) == tag)
			return &bucket[i];
	return NULL;
}

void tally_mark(struct tally *t, const uint64_t key[2], struct tally_mark *m)
{
	*m = (struct tally_mark){ 0 };
	if (t == NULL || t->table == NULL)
		return;
	m->tag = shared_mix(shared_mix(t->table->seed[0], key[0]), key[1]) ^ t->table->seed[1];
	m->tag += m->tag == 0;
	if (t->place == TALLY_PLACES)
		return;
	m->own = find(t->table, t->place, 0, m->tag);
	if (m->own == NULL)
		return;
	atomic_store(&m->own->sessions, 0);
	atomic_store(&m->own->octets, 0);
	atomic_store(&m->own->tag, m->tag);
}

void tally_forget(struct tally_mark *m)
{
	if (m->own != NULL)
		atomic_store(&m->own->tag, 0);
	m->own = NULL;
}

void tally_tell(const struct tally_mark *m, struct tally_sum ours)
{
	if (m->own == NULL)
		return;
	atomic_store(&m->own->sessions, ours.sessions);
	atomic_store(&m->own->octets, ours.octets);
}

void tally_tell_all(struct tally *t, uint64_t octets)
{
	if (t != NULL && t->table != NULL && t->place < TALLY_PLACES)
		atomic_store(&t->table->heads[t->place].octets, octets);
}

static uint64_t count_of(const _Atomic uint64_t *n)
{
	const uint64_t said = atomic_load(n);

	return said < believed ? said : believed;
}

static bool is_other(const struct tally *t, unsigned place)
{
	return place != t->place && atomic_load(&t->table->heads[place].used) != 0;
}

struct tally_sum tally_others(const struct tally *t, const struct tally_mark *m)
{
	struct tally_sum sum = { 0 };

	if (t == NULL || t->table == NULL || m->tag == 0)
		return sum;
	for (unsigned i = 0; i < TALLY_PLACES; i++) {
		struct tally_entry *x = is_other(t, i) ? find(t->table, i, m->tag, m->tag) : NULL;

		if (x == NULL)
			continue;
		sum.sessions += count_of(&x->sessions);
		sum.octets += count_of(&x->octets);
	}
	return sum;
}

uint64_t tally_others_all(const struct tally *t)
{
	uint64_t octets = 0;

	if (t == NULL || t->table == NULL)
		return 0;
	for (unsigned i = 0; i < TALLY_PLACES; i++)
		if (is_other(t, i))
			octets += count_of(&t->table->heads[i].octets);
	return octets;
}
