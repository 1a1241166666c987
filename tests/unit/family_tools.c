#include "family_tools.h"

#include <stdio.h>
#include <string.h>

void family_make(struct family *x, unsigned n)
{
	static const char *const accounts[FURTHER] = { "office", "relay", "relay" };
	static const char *const folders[FURTHER] = { "Edited", "b@far.example", "c@far.example" };

	message_make(&x->m, 10 * n, "office", "INBOX");
	memset(x->memory, 0, sizeof x->memory);
	for (unsigned i = 0; i < FURTHER; i++) {
		message_make(&x->f[i], 10 * n + 1 + i, accounts[i], folders[i]);
		x->f[i].m.apart = i > 0;
		x->further[i] = x->f[i].m;
	}
	x->m.m.further = x->further;
	x->m.m.nfurther = FURTHER;
	x->m.m.memory = x->memory;
}

void family_remember(struct family *x, const char *account, const char *key, int64_t seconds, bool once)
{
	struct spool_memory *k = &x->memory[x->m.m.nmemory++];

	*k = (struct spool_memory){ .account = account, .seconds = seconds, .once = once };
	(void)snprintf((char *)k->key, sizeof k->key, "%s", key);
}

void family_begin(struct fixture *x)
{
	spool_make(&x->t);
	spool_start(&x->t);
	x->admin = NULL;
}

void family_end(struct fixture *x)
{
	spool_admin_free(&x->admin);
	spool_remove(&x->t);
}

static int family_see(void *arg, const struct spool_record *r)
{
	struct seen *s = arg;

	s->n++;
	(void)snprintf(s->parent, sizeof s->parent, "%s", r->parent == NULL ? "none" : r->parent);
	(void)snprintf(s->causes, sizeof s->causes, "%s", r->causes == NULL ? "none" : r->causes);
	(void)snprintf(s->recipient, sizeof s->recipient, "%s", r->nrecipients == 0 ? "" : r->recipients[0].address);
	for (size_t i = 0; i < r->ndeliveries && i < 8; i++)
		s->numbers[i] = r->deliveries[i].number;
	return 0;
}

struct seen family_look(struct fixture *x, const char *id)
{
	struct spool_admin *a = spool_admin_new(spool_peer(&x->t, SPOOL_PEER_ADMIN, ""));
	const struct spool_query q = { .id = id };
	struct seen s = { 0 };
	struct err e;

	if (spool_admin_find(a, &q, family_see, &s, &e) != 0)
		fail_msg("find: %s", e.text);
	spool_admin_free(&a);
	return s;
}
