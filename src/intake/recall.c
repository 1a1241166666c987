/* What rules remember from one message to the next: what they ask for, and what they want to add (RFC 7352, RFC 5230). The
 * spool has it, by hashes. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "intake/internal.h"

enum { ROUNDS_MAX = 4 }; /* what is asked for may depend on what was answered */

static void hash(const struct intake_message *m, const char *key, size_t n, unsigned char out[SPOOL_KEY_SIZE])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c == NULL || EVP_DigestInit_ex(c, m->in->sha256, NULL) != 1 || EVP_DigestUpdate(c, key, n) != 1 ||
	    EVP_DigestFinal_ex(c, out, NULL) != 1)
		abort(); /* a small allocation failed */
	EVP_MD_CTX_free(c);
}

/* Is what the rules of I remember to be kept? Not of a message that they refuse. */
static bool counts(const struct intake_message *m, size_t i)
{
	const struct intake_verdict *v = &m->verdicts[i];

	return v->same_as == i && !v->known && v->folder == NULL && v->plan.nwanted == 0 && m->discard == NULL &&
	       !intake_is_refused(v);
}

static bool is_key(const struct intake_recalled *r, const struct config_account *account, const struct plan_memory *w)
{
	return r->account == account && r->n == w->key_n && memcmp(r->key, w->key, r->n) == 0;
}

void intake_recall_note(struct intake_message *m, size_t i)
{
	const struct plan *p = &m->verdicts[i].plan;

	if (p->nmemory == 0 || !counts(m, i))
		return;
	for (size_t k = 0; k < m->nrecalled; k++) {
		struct intake_recalled *r = &m->recalled[k];

		for (size_t w = 0; w < p->nmemory && i < r->remembered_by; w++)
			if (is_key(r, m->env.recipients[i].account, &p->memory[w]))
				r->remembered_by = i;
	}
}

struct sieve_memory *intake_recall(const struct intake_message *m, size_t i, size_t *n)
{
	struct sieve_memory *all = mem_array(m->nrecalled + 1, sizeof *all);

	*n = 0;
	for (size_t k = 0; k < m->nrecalled; k++) {
		const struct intake_recalled *r = &m->recalled[k];

		if (r->account == m->env.recipients[i].account)
			all[(*n)++] = (struct sieve_memory){ .key = slice_of(r->key, r->n),
							     .known = r->known || r->remembered_by < i };
	}
	return all;
}

static bool is_asked(const struct intake_message *m, const struct config_account *account, const struct plan_memory *w)
{
	for (size_t k = 0; k < m->nrecalled; k++)
		if (is_key(&m->recalled[k], account, w))
			return true;
	return false;
}

static void add(struct intake_message *m, const struct config_account *account, const struct plan_memory *w)
{
	struct intake_recalled *r;

	m->recalled = mem_resize(m->recalled, m->nrecalled + 1, sizeof *m->recalled);
	r = &m->recalled[m->nrecalled++];
	*r = (struct intake_recalled){
		.account = account, .key = mem_array(w->key_n + 1, 1), .n = w->key_n, .remembered_by = SIZE_MAX
	};
	memcpy(r->key, w->key, w->key_n);
	hash(m, r->key, r->n, r->hash);
}

/* All that verdicts want and nobody asked for yet. *WANTED: some verdict is not final. */
static void gather(struct intake_message *m, bool *wanted)
{
	*wanted = false;
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct plan *p = &m->verdicts[i].plan;

		if (m->verdicts[i].same_as != i)
			continue;
		*wanted = *wanted || p->nwanted > 0;
		for (size_t k = 0; k < p->nwanted && m->nrecalled < SPOOL_MEMORY_MAX; k++)
			if (!is_asked(m, m->env.recipients[i].account, &p->wanted[k]))
				add(m, m->env.recipients[i].account, &p->wanted[k]);
	}
}

static void recalled(void *arg, enum spool_answer answer, struct slice known)
{
	struct intake_message *m = arg;
	const size_t first = m->nrecalled - known.n; /* those before were answered before */
	bool over = true;

	m->asked = 0;
	if (answer == SPOOL_ACCEPTED && known.n <= m->nrecalled) {
		for (size_t i = 0; i < known.n; i++)
			m->recalled[first + i].known = known.p[i] != 0;
		over = intake_go_on(m, INTAKE_JUDGE);
	} else {
		intake_refuse(m, answer == SPOOL_LOST ? INTAKE_LOST : INTAKE_FAILED);
	}
	if (over)
		m->events.done(m->arg);
}

bool intake_recall_ask(struct intake_message *m)
{
	const size_t before = m->nrecalled;
	struct spool_memory *keys;
	bool wanted;

	gather(m, &wanted);
	if (!wanted)
		return false;
	if (m->in->functions->recall == NULL || m->in->lost || m->nrecalled == before || m->rounds++ == ROUNDS_MAX) {
		if (m->in->functions->recall != NULL && !m->in->lost)
			log_warning("rules-ask-too-much", LOG_STR("session", m->env.session),
				    LOG_STR("message", m->id), LOG_STR("effect", "as if nothing were remembered"));
		m->memory_off = true;
		return false;
	}
	keys = mem_array(m->nrecalled - before, sizeof *keys);
	for (size_t i = before; i < m->nrecalled; i++) {
		keys[i - before].account = m->recalled[i].account->name;
		memcpy(keys[i - before].key, m->recalled[i].hash, SPOOL_KEY_SIZE);
	}
	m->stage = INTAKE_ASKED;
	m->busy = true;
	m->asked = m->in->functions->recall(m->in->spool, keys, m->nrecalled - before, recalled, m);
	free(keys);
	return true;
}

struct spool_memory *intake_remember(const struct intake_message *m, const size_t *places, size_t *n)
{
	struct spool_memory *all = NULL;

	*n = 0;
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		const struct plan *p = &m->verdicts[i].plan;

		if (m->env.recipients[i].result != INTAKE_ACCEPTED || p->nmemory == 0 || !counts(m, i))
			continue;
		for (size_t k = 0; k < p->nmemory && *n < SPOOL_MEMORY_MAX; k++) {
			const struct plan_memory *one = &p->memory[k];
			struct spool_memory *to;

			all = mem_resize(all, *n + 1, sizeof *all);
			to = &all[(*n)++];
			*to = (struct spool_memory){ .account = intake_account_name(m->env.recipients[i].account),
						     .seconds = one->seconds > INT32_MAX ? INT32_MAX
											 : (int64_t)one->seconds,
						     .once = one->once,
						     .to = (int)places[i] };
			hash(m, one->key, one->key_n, to->key);
		}
	}
	return all;
}

void intake_recall_free(struct intake_message *m)
{
	for (size_t i = 0; i < m->nrecalled; i++)
		free(m->recalled[i].key);
	free(m->recalled);
	m->recalled = NULL;
	m->nrecalled = 0;
}
