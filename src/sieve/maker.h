/*
 * Who makes something of a string: the compiler, of a constant one, or the run,
 * of one that holds variables. Checks and match types get one of these, so that
 * they need not know which.
 */
#ifndef MAILFERRY_SIEVE_MAKER_H
#define MAILFERRY_SIEVE_MAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "sieve/diag.h"

struct compiler;
struct run;

struct maker {
	struct compiler *c; /* NULL: the run makes it */
	struct run *r;
	struct pos at; /* of the string, for errors; in a run the operation is the place */
};

/* N elements of SIZE octets, zeroed, of the program, or of the operation that runs now; NULL after an error. */
void *maker_alloc(const struct maker *m, size_t n, size_t size);
int maker_copy(const struct maker *m, struct slice s, struct slice *out); /* 0, or -1 */

void maker_error(const struct maker *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for a name that an extension might bring: where the script has "ihave", the error of a run. */
void maker_unknown(const struct maker *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether the script required extension EXT; maker_missing says that it should have. */
bool maker_has(const struct maker *m, int ext);
void maker_missing(const struct maker *m, const char *what, int ext);

#endif
