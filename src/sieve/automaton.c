#include "sieve/automaton.h"

#include <stdlib.h>

#include "base/mem.h"

/* A string that was read so far; 0 is the empty one. */
struct node {
	uint32_t parent, depth;
	uint32_t fail; /* the longest end of it that is a node too */
	uint32_t id;   /* of the string that it is, or AUTOMATON_NONE */
	uint32_t link; /* the longest end of it that is a string: a node, or AUTOMATON_NONE */
	unsigned char octet; /* its last */
};

/* A step from a node: found by hashing, as most nodes have one. */
struct edge {
	uint32_t from, to; /* TO 0: no edge */
	unsigned char octet;
};

struct automaton {
	struct node *nodes;
	size_t n;
	struct edge *edges; /* a table of MASK + 1 */
	size_t mask;
	uint32_t first[256]; /* the steps from node 0, which are most of all */
	uint32_t count;
};

struct automaton *automaton_new(size_t octets)
{
	struct automaton *a = mem_alloc(sizeof *a);
	size_t size = 16;

	while (size < 2 * octets)
		size *= 2;
	*a = (struct automaton){ .mask = size - 1 };
	a->nodes = mem_array(octets + 1, sizeof *a->nodes);
	a->edges = mem_array(size, sizeof *a->edges);
	a->nodes[0] = (struct node){ .id = AUTOMATON_NONE, .link = AUTOMATON_NONE };
	a->n = 1;
	return a;
}

void automaton_free(struct automaton **a)
{
	if (*a == NULL)
		return;
	free((*a)->nodes);
	free((*a)->edges);
	free(*a);
	*a = NULL;
}

static struct edge *edge_at(const struct automaton *a, uint32_t from, unsigned char octet)
{
	size_t at = (size_t)((((uint64_t)from << 8 | octet) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & a->mask;

	while (a->edges[at].to != 0 && (a->edges[at].from != from || a->edges[at].octet != octet))
		at = (at + 1) & a->mask;
	return &a->edges[at];
}

/* The node behind FROM on OCTET; 0: there is none. */
static uint32_t step(const struct automaton *a, uint32_t from, unsigned char octet)
{
	return from == 0 ? a->first[octet] : edge_at(a, from, octet)->to;
}

uint32_t automaton_add(struct automaton *a, struct slice s)
{
	uint32_t at = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char octet = (unsigned char)s.p[i];
		uint32_t next = step(a, at, octet);

		if (next == 0) {
			next = (uint32_t)a->n++;
			a->nodes[next] = (struct node){ .parent = at,
							.depth = a->nodes[at].depth + 1,
							.id = AUTOMATON_NONE,
							.link = AUTOMATON_NONE,
							.octet = octet };
			if (at == 0)
				a->first[octet] = next;
			else
				*edge_at(a, at, octet) = (struct edge){ at, next, octet };
		}
		at = next;
	}
	if (a->nodes[at].id == AUTOMATON_NONE)
		a->nodes[at].id = a->count++;
	return a->nodes[at].id;
}

/* The node for the longest end of AT and OCTET. */
static uint32_t go(const struct automaton *a, uint32_t at, unsigned char octet)
{
	uint32_t next;

	while ((next = step(a, at, octet)) == 0 && at != 0)
		at = a->nodes[at].fail;
	return next;
}

static void link_node(struct automaton *a, uint32_t i)
{
	struct node *n = &a->nodes[i];

	n->fail = n->depth > 1 ? go(a, a->nodes[n->parent].fail, n->octet) : 0;
	n->link = a->nodes[n->fail].id != AUTOMATON_NONE ? n->fail : a->nodes[n->fail].link;
}

/* Shorter nodes first: what a node falls back to is shorter. */
void automaton_finish(struct automaton *a)
{
	uint32_t *order = mem_array(a->n, sizeof *order), deepest = 0;
	size_t *starts;

	for (size_t i = 0; i < a->n; i++)
		deepest = a->nodes[i].depth > deepest ? a->nodes[i].depth : deepest;
	starts = mem_array(deepest + 2, sizeof *starts);
	for (size_t i = 0; i < a->n; i++)
		starts[a->nodes[i].depth + 1]++;
	for (size_t i = 1; i < deepest + 2; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < a->n; i++)
		order[starts[a->nodes[i].depth]++] = (uint32_t)i;
	for (size_t i = 1; i < a->n; i++)
		link_node(a, order[i]);
	free(starts);
	free(order);
}

size_t automaton_count(const struct automaton *a)
{
	return a->count;
}

uint32_t automaton_is(const struct automaton *a, struct slice text)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text.n; i++) {
		at = step(a, at, (unsigned char)text.p[i]);
		if (at == 0)
			return AUTOMATON_NONE;
	}
	return a->nodes[at].id;
}

/* What ends here; where one was seen before, so was all that ends with it. */
static void report(const struct automaton *a, uint32_t at, uint64_t *held)
{
	for (at = a->nodes[at].id != AUTOMATON_NONE ? at : a->nodes[at].link; at != AUTOMATON_NONE; at = a->nodes[at].link) {
		uint32_t id = a->nodes[at].id;

		if ((held[id / 64] >> id % 64 & 1) != 0)
			return;
		held[id / 64] |= UINT64_C(1) << id % 64;
	}
}

void automaton_held(const struct automaton *a, struct slice text, uint64_t *held)
{
	uint32_t at = 0;

	report(a, 0, held);
	for (size_t i = 0; i < text.n; i++) {
		at = go(a, at, (unsigned char)text.p[i]);
		report(a, at, held);
	}
}
