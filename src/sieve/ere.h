/*
 * Extended regular expressions of POSIX.2 (draft-murchison-sieve-regex, 3) as
 * patterns for PCRE2. Only what POSIX defines passes: what it leaves undefined
 * (back-references, "\w", "*?", "(?…)") means something else to PCRE2, and is an
 * error here. So no syntax of PCRE2's own can come in.
 *
 * A pattern has marks (callouts with the number 1): whatever way a match tries, it comes by one after a few characters or
 * in front of its next try. So it can be counted what a match does, which PCRE2's own limit does not tell: that begins
 * anew at each place of the value.
 */
#ifndef MAILFERRY_SIEVE_ERE_H
#define MAILFERRY_SIEVE_ERE_H

#include "base/buf.h"

enum {
	ERE_MAX = 4096,	       /* octets of an expression */
	ERE_DEPTH_MAX = 32,    /* groups within each other */
	ERE_REPEAT_MAX = 1000, /* {n,m}; POSIX asks for 255 */
	ERE_WHY_MAX = 200
};

struct ere_told {
	char why[ERE_WHY_MAX]; /* it is wrong … */
	size_t at;	       /* … in this octet of it */
	size_t stretch;	       /* characters that may be compared between two marks, but for those of "*" and the like */
};

/* Appends to OUT what PCRE2 takes, as UTF-8. CASELESS: what is matched has its ASCII letters in upper case. 0, or -1. */
int ere_translate(struct slice in, bool caseless, struct buf *out, struct ere_told *told);

/* What an octet that belongs to no character of UTF-8 stands for in patterns and values: a character for private use.
 */
uint32_t ere_octet(unsigned char octet);

/* The character at the front of S, which is not empty, or what stands for its first octet; its octets in *N. */
uint32_t ere_character(struct slice s, size_t *n);

/* Within a bracket expression: *AT is behind its "[", and then behind its "]". For ere.c only. */
int ere_bracket(struct slice in, size_t *at, bool caseless, struct buf *out, char why[ERE_WHY_MAX]);

#endif
