#include "smtp/meter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/encode.h"
#include "base/mem.h"
#include "smtp/shared.h"

enum { BUCKETS = 8192, WAYS = 8 }; /* a bucket is two cache lines */

struct entry {
	_Atomic uint64_t tag;  /* of kind and key; 0: never used */
	_Atomic int64_t empty; /* when what was counted has drained */
};

/* Shared between processes: no pointers, and nothing in it is believed further than a count goes. */
struct table {
	_Atomic uint64_t seed[SHARED_SEEDS];
	struct entry entries[BUCKETS][WAYS];
};

struct meter {
	struct table *table;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "counters in shared memory need no lock");

static const char what[] = "memory in which clients are counted";

int meter_create(struct err *e)
{
	return shared_create("mailferry-meter", sizeof(struct table), what, e);
}

/* Of this process alone. */
static struct table *own_table(struct err *e)
{
	struct table *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t seed[SHARED_SEEDS];

	if (t == MAP_FAILED) {
		(void)err_sys(e, errno, "can't map the %s", what);
		return NULL;
	}
	random_bytes(seed, sizeof seed);
	for (size_t i = 0; i < SHARED_SEEDS; i++)
		atomic_store_explicit(&t->seed[i], seed[i], memory_order_relaxed);
	return t;
}

struct meter *meter_open(int fd, struct err *e)
{
	struct table *t = fd < 0 ? own_table(e) : shared_map(fd, sizeof *t, what, e);
	struct meter *m;

	if (t == NULL)
		return NULL;
	m = mem_alloc(sizeof *m);
	m->table = t;
	return m;
}

void meter_close(struct meter **m)
{
	if (*m == NULL)
		return;
	(void)munmap((*m)->table, sizeof(struct table));
	free(*m);
	*m = NULL;
}

static struct meter_key key_of(const struct sockaddr *sa, size_t octets4, size_t octets6)
{
	struct meter_key key = { 0 };

	if (sa->sa_family == AF_INET) {
		key.hi = 4;
		memcpy(&key.lo, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, octets4);
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		/* ::ffff:192.0.2.1 is an IPv4 client on a socket that takes both (RFC 4291, 2.5.5.2). */
		if (IN6_IS_ADDR_V4MAPPED(a)) {
			key.hi = 4;
			memcpy(&key.lo, &a->s6_addr[12], octets4);
		} else {
			key.hi = 6;
			memcpy(&key.lo, a, octets6);
		}
	} else {
		key.none = true;
	}
	return key;
}

struct meter_key meter_key_address(const struct sockaddr *sa)
{
	return key_of(sa, 4, 8);
}

struct meter_key meter_key_network(const struct sockaddr *sa)
{
	struct meter_key key = key_of(sa, 3, 6);

	key.hi += 100; /* no address */
	return key;
}

/* Only folded here: the table's seed comes in where the key is looked up. Two streams, so that 128 bits are kept. */
struct meter_key meter_key_bytes(const void *p, size_t n)
{
	const unsigned char *s = p;
	struct meter_key key = { .hi = shared_mix(1000, n), .lo = shared_mix(2000, n) };

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;

		memcpy(&word, s + i, n - i < 8 ? n - i : 8);
		key.hi = shared_mix(key.hi, word);
		key.lo = shared_mix(key.lo, word + i);
	}
	return key;
}

static uint64_t tag_of(const struct meter *m, enum meter_kind kind, struct meter_key key)
{
	uint64_t h = shared_mix(atomic_load_explicit(&m->table->seed[0], memory_order_relaxed), kind);

	h = shared_mix(shared_mix(h, key.hi), key.lo) ^ atomic_load_explicit(&m->table->seed[1], memory_order_relaxed);
	return h == 0 ? 1 : h;
}

/* The entry of TAG, or NULL. */
static struct entry *find(struct meter *m, uint64_t tag)
{
	struct entry *bucket = m->table->entries[tag % BUCKETS];

	for (size_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&bucket[i].tag, memory_order_relaxed) == tag)
			return &bucket[i];
	return NULL;
}

/* The same, made in the place of the one that drains first. */
static struct entry *find_or_make(struct meter *m, uint64_t tag)
{
	struct entry *bucket = m->table->entries[tag % BUCKETS], *e = find(m, tag);

	if (e != NULL)
		return e;
	e = bucket;
	for (size_t i = 1; i < WAYS; i++)
		if (atomic_load_explicit(&bucket[i].empty, memory_order_relaxed) <
		    atomic_load_explicit(&e->empty, memory_order_relaxed))
			e = &bucket[i];
	atomic_store_explicit(&e->empty, 0, memory_order_relaxed);
	atomic_store_explicit(&e->tag, tag, memory_order_relaxed);
	return e;
}

/* What one takes, in microseconds: a rate of many a period must not be rounded away. */
static int64_t cost_us(struct meter_rate rate)
{
	int64_t cost = rate.period_ms * 1000 / rate.most;

	return cost > 0 ? cost : 1;
}

/* Adds one unless more than MOST_US of draining would be outstanding then. */
static bool count(struct meter *m, uint64_t tag, int64_t cost, int64_t most_us, int64_t now_us)
{
	struct entry *e = find_or_make(m, tag);
	int64_t old = atomic_load_explicit(&e->empty, memory_order_relaxed), new;

	do {
		/* Whatever stands there, it can't be beyond what a limit would have let in. */
		int64_t from = old < now_us || old - now_us > 2 * most_us ? now_us : old;

		new = from + cost;
		if (new - now_us > most_us)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&e->empty, &old, new, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

bool meter_take(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms)
{
	if (key.none || rate.most == 0)
		return true;
	return count(m, tag_of(m, kind, key), cost_us(rate), cost_us(rate) * rate.most, now_ms * 1000);
}

void meter_add(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms)
{
	if (key.none || rate.most == 0)
		return;
	(void)count(m, tag_of(m, kind, key), cost_us(rate), 2 * cost_us(rate) * rate.most, now_ms * 1000);
}

bool meter_is_over(struct meter *m, enum meter_kind kind, struct meter_key key, struct meter_rate rate, int64_t now_ms)
{
	struct entry *e;
	int64_t left;

	if (key.none || rate.most == 0)
		return false;
	e = find(m, tag_of(m, kind, key));
	if (e == NULL)
		return false;
	left = atomic_load_explicit(&e->empty, memory_order_relaxed) - now_ms * 1000;
	return left + cost_us(rate) > cost_us(rate) * rate.most && left <= 4 * cost_us(rate) * rate.most;
}

void meter_clear(struct meter *m, enum meter_kind kind, struct meter_key key)
{
	struct entry *e = key.none ? NULL : find(m, tag_of(m, kind, key));

	if (e != NULL)
		atomic_store_explicit(&e->empty, 0, memory_order_relaxed);
}
