/*
 * The grammar of libconfig's language, checked before libconfig sees the text:
 * libconfig says "syntax error" and stops, cuts large numbers, recurses as deep
 * as the text does and looks for doubled names in quadratic time.
 */
#ifndef MAILFERRY_CONFIG_SYNTAX_H
#define MAILFERRY_CONFIG_SYNTAX_H

#include "base/slice.h"
#include "config/report.h"

enum {
	SYNTAX_DEPTH_MAX = 16,
	SYNTAX_MEMBERS_MAX = 1100, /* names of one group: libconfig compares each with all before it */
	SYNTAX_NAMES_MAX = 50000   /* names in all */
};

/* Line of each value, in the order in which they open: element lines that libconfig gives are those of the word behind.
 */
struct syntax {
	unsigned *lines;
	size_t nlines, cap;
};

/* 0, or -1 when R got an error (the first; what follows a slip is rarely worth reading). Doubled names are all told. */
int syntax_check(struct slice text, struct syntax *out, struct report *r);
void syntax_free(struct syntax *s);

#endif
