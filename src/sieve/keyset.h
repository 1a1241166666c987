/*
 * All constant keys of a program that are compared one way (match type and
 * comparator), as one automaton (Aho and Corasick, 1975): one walk over a value
 * tells which of them it is, or holds. So a script of ten thousand rules looks at
 * a field once. What comes out is what comparing key by key gives.
 *
 * The automaton is made when a run first needs it, and kept with the program.
 */
#ifndef MAILFERRY_SIEVE_KEYSET_H
#define MAILFERRY_SIEVE_KEYSET_H

#include "sieve/run.h"

enum {
	KEYSET_MIN = 16,		/* fewer keys are compared one by one */
	KEYSET_NODES_MAX = 256 * 1024,	/* of an automaton; a program with more is compared one by one */
	KEYSET_FOUND_MAX = 1024 * 1024	/* octets that a run remembers of what it found */
};

struct keyset;
struct matcher;
struct known;

/* M, whose keys are constant, takes part in the set of its kind, if it has one. */
void keyset_join(struct sieve_program *p, struct match *m);
void keyset_free(struct keyset **s);

/* Whether one of M's keys matches VALUE, which lives as long as *M->known: 1 and *HIT (1, or 0); 0: nothing is known,
 * compare one by one; -1 after run_error. */
int keyset_ask(struct matcher *m, struct slice value, int *hit);

/* For gather.c: whether S is there, made if need be; words of a bitmap of what is found; the bits in it, as a list in their
 * order (NULL: only counted). */
bool keyset_ready(struct keyset *s);
size_t keyset_words(const struct keyset *s);
size_t keyset_list(const uint64_t *held, size_t words, uint32_t *ids);

/* Adds to M->gather what VALUE is or holds: 0, 1 when it is too long, or -1 after run_error. */
int keyset_collect(struct matcher *m, struct slice value);

/* Whether one of M's keys is among the N that were found in some value. MAYBE: it matches no others, and not all of them. */
enum keyset_among { KEYSET_NONE, KEYSET_MAYBE, KEYSET_SURE };
enum keyset_among keyset_among(const struct matcher *m, const uint32_t *ids, size_t n);

/* For tests: programs of few keys have sets too (or, OFF, none has); for all programs from now on. */
void keyset_force(bool on, bool off);

#endif
