/* Many strings looked for at once (Aho and Corasick, 1975): time for the text, whatever the strings. */
#ifndef MAILFERRY_SIEVE_AUTOMATON_H
#define MAILFERRY_SIEVE_AUTOMATON_H

#include <stdint.h>

#include "base/slice.h"

#define AUTOMATON_NONE UINT32_MAX

struct automaton;

/* For strings of OCTETS in all. Takes about 40 octets for each of them, and less for what strings begin with in common. */
struct automaton *automaton_new(size_t octets);
void automaton_free(struct automaton **a);

/* The number of S, from 0 on; the same for the same string. Not after automaton_finish. */
uint32_t automaton_add(struct automaton *a, struct slice s);
void automaton_finish(struct automaton *a);

size_t automaton_count(const struct automaton *a);

/* The string that TEXT is, or AUTOMATON_NONE. */
uint32_t automaton_is(const struct automaton *a, struct slice text);

/* Sets bit I of HELD, zeroed by the caller, for each string I that occurs in TEXT. */
void automaton_held(const struct automaton *a, struct slice text, uint64_t *held);

#endif
