#include "sieve/gather.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sieve/keyset.h"
#include "sieve/trace.h"
#include "sieve/view_index.h"

enum {
	GATHERED_MAX = 256,	      /* of a header */
	GATHERED_IDS_MAX = 64 * 1024, /* of all of them together */
	LOOKED_A_STEP = 16
};

/* For one name, one part of addresses, and one set. */
struct gathered {
	const struct keyset *set;
	const struct sieve_address_part *part; /* NULL: the text of the field */
	struct slice name; /* as the header has it */
	uint32_t *ids;	   /* owned; of the keys that are found, in their order */
	size_t n;
	bool unknown; /* they could not be found out */
	struct gathered *next;
};

void gather_free(struct gathered **g)
{
	while (*g != NULL) {
		struct gathered *next = (*g)->next;

		free((*g)->ids);
		free(*g);
		*g = next;
	}
}

static void take_ids(struct gathered *g, const uint64_t *held, size_t words, size_t left)
{
	size_t n = keyset_list(held, words, NULL);

	g->unknown = n > left;
	if (g->unknown || n == 0)
		return;
	g->ids = mem_array(n, sizeof *g->ids);
	g->n = keyset_list(held, words, g->ids);
}

/* Looks at the fields called as FIELD is, the first of them. */
static int gather(struct matcher *m, const struct op *op, const struct view_header *h, size_t field, gather_field each,
		  struct gathered *g, size_t left)
{
	size_t words = keyset_words(m->match->set), at = field + 1;
	uint64_t *held = mem_array(words + 1, sizeof *held);
	struct matcher gatherer = *m;
	int got, found = 1;

	gatherer.gather = held;
	do {
		got = each(&gatherer, op, h, field);
	} while (got == 0 && (found = view_find(m->run, h, g->name, &at, &field)) > 0);
	g->unknown = got != 0 || found != 0;
	if (!g->unknown)
		take_ids(g, held, words, left);
	free(held);
	return got < 0 || found < 0 ? -1 : 0;
}

/* What is known of NAME's fields, the first of which is FIELD; NULL when there is no room for it, or after run_error. */
static struct gathered *find(struct matcher *m, const struct op *op, const struct view_header *h, size_t field,
			     gather_field each)
{
	struct gathered **all = view_index_gathered(h->index), *g;
	struct slice name = h->fields[field].name;
	size_t n = 0, ids = 0;

	for (g = *all; g != NULL; g = g->next, n++) {
		if (g->set == m->match->set && g->part == op->address && slice_eq_nocase(g->name, name))
			break;
		ids += g->n;
	}
	if (run_charge(m->run, 1 + n / LOOKED_A_STEP) != 0 || g != NULL || n == GATHERED_MAX)
		return g;
	g = mem_alloc(sizeof *g);
	*g = (struct gathered){ .set = m->match->set, .part = op->address, .name = name, .next = *all };
	*all = g;
	return gather(m, op, h, field, each, g, GATHERED_IDS_MAX - ids) == 0 ? g : NULL;
}

int gather_ask(struct matcher *m, const struct op *op, const struct view_header *h, struct strings names,
	       gather_field each, enum gather_answer *answer)
{
	bool one = op_tag(op, "index") != NULL;

	*answer = GATHER_UNKNOWN;
	if (h == NULL || h->index == NULL || m->match->set == NULL || trace_wanted(m->run) || op_tag(op, "mime") != NULL ||
	    !keyset_ready(m->match->set))
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		size_t at = 0, field;
		int got = view_find(m->run, h, names.all[i], &at, &field);
		struct gathered *g = got > 0 ? find(m, op, h, field, each) : NULL;
		enum keyset_among among;

		if (got < 0 || run_failed(m->run))
			return -1;
		if (got == 0)
			continue;
		if (g == NULL || g->unknown)
			return 0;
		if (run_charge(m->run, m->nkeys / LOOKED_A_STEP) != 0)
			return -1;
		among = keyset_among(m, g->ids, g->n);
		if (among != KEYSET_NONE) {
			/* With :index, another field may be the one that holds it. */
			*answer = among == KEYSET_SURE && !one ? GATHER_YES : GATHER_UNKNOWN;
			return 0;
		}
	}
	*answer = GATHER_NO;
	return 0;
}
