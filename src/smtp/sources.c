#include "smtp/sources.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "smtp/shared.h"

enum { BUCKETS = 4096 };

struct source {
	struct smtp_source pub; /* first: what the others hold is a pointer to it */
	uint64_t key[2];	/* 1 and an IPv4 address, or 2 and the upper half of an IPv6 one */
	struct source *next;
};

struct sources {
	struct tally *tally;
	uint64_t seed; /* clients must not be able to choose the bucket */
	struct source *buckets[BUCKETS];
};

struct sources *sources_new(struct tally *tally)
{
	struct sources *t = mem_alloc(sizeof *t);

	t->tally = tally;
	random_bytes(&t->seed, sizeof t->seed);
	return t;
}

void sources_free(struct sources **t)
{
	if (*t == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct source *next;

		for (struct source *s = (*t)->buckets[i]; s != NULL; s = next) {
			next = s->next;
			tally_forget(&s->pub.mark);
			free(s);
		}
	}
	free(*t);
	*t = NULL;
}

static struct source **bucket(struct sources *t, const uint64_t key[2])
{
	return &t->buckets[shared_mix(shared_mix(t->seed, key[0]), key[1]) % BUCKETS];
}

static void tell(const struct smtp_source *s)
{
	tally_tell(&s->mark, (struct tally_sum){ s->sessions, s->unaccepted });
}

struct smtp_source *sources_get(struct sources *t, const struct sockaddr *sa)
{
	uint64_t key[2] = { 0, 0 };
	struct source **b, *s;

	if (sa->sa_family == AF_INET) {
		key[0] = 1;
		key[1] = ((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr;
	} else if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		/* An IPv4 client on a socket that takes both (RFC 4291, 2.5.5.2). */
		if (IN6_IS_ADDR_V4MAPPED(a)) {
			in_addr_t four;

			memcpy(&four, &a->s6_addr[12], sizeof four);
			key[0] = 1;
			key[1] = four;
		} else {
			key[0] = 2;
			memcpy(&key[1], a, 8);
		}
	} else {
		return NULL;
	}
	b = bucket(t, key);
	for (s = *b; s != NULL; s = s->next)
		if (s->key[0] == key[0] && s->key[1] == key[1])
			break;
	if (s == NULL) {
		s = mem_alloc(sizeof *s);
		memcpy(s->key, key, sizeof key);
		tally_mark(t->tally, key, &s->pub.mark);
		s->next = *b;
		*b = s;
	}
	s->pub.sessions++;
	tell(&s->pub);
	return &s->pub;
}

void sources_put(struct sources *t, struct smtp_source *s)
{
	struct source *gone = (struct source *)(void *)s, **p;

	if (s == NULL)
		return;
	if (--s->sessions > 0) {
		tell(s);
		return;
	}
	tally_forget(&s->mark);
	for (p = bucket(t, gone->key); *p != gone; p = &(*p)->next)
		;
	*p = gone->next;
	free(gone);
}

void source_count(struct smtp_service *service, struct smtp_source *s, int64_t n)
{
	service->unaccepted += (uint64_t)n;
	tally_tell_all(service->tally, service->unaccepted);
	if (s == NULL)
		return;
	s->unaccepted += (uint64_t)n;
	tell(s);
}

struct tally_sum source_sum(const struct smtp_service *service, const struct smtp_source *s)
{
	struct tally_sum sum = { 0 };

	if (s == NULL)
		return sum;
	sum = tally_others(service->tally, &s->mark);
	sum.sessions += s->sessions;
	sum.octets += s->unaccepted;
	return sum;
}

uint64_t source_all(const struct smtp_service *service)
{
	return service->unaccepted + tally_others_all(service->tally);
}
