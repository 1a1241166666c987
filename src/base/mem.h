/*
 * Memory. Small allocations abort when there is none left: nothing useful can
 * be done then, and the spool keeps what was promised. Sizes that a peer
 * chooses go through mem_try or a struct buf, which report it.
 */
#ifndef MAILFERRY_BASE_MEM_H
#define MAILFERRY_BASE_MEM_H

#include <stddef.h>

/* Zeroed; never NULL. Free with free(). */
void *mem_alloc(size_t n);

/* N elements of SIZE bytes, zeroed; aborts on overflow too. */
void *mem_array(size_t n, size_t size);

/* Grows or shrinks P; new bytes are not zeroed. */
void *mem_resize(void *p, size_t n, size_t size);

char *mem_strdup(const char *s); /* NULL gives NULL */

char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For sizes from outside: NULL on exhaustion. Not zeroed. */
void *mem_try(size_t n);

/* Overwrites a secret in a way that the compiler keeps. P may be NULL. */
void mem_wipe(void *p, size_t n);

/* Wipes and frees the string *P and sets it to NULL. */
void mem_wipe_str(char **p);

#endif
