/* The scripts that others include (RFC 6609): files beside the .svtest, or as the settings say, entries of a file. */
#ifndef MAILFERRY_TESTS_INCLUDES_H
#define MAILFERRY_TESTS_INCLUDES_H

#include "suite.h"

struct include_text;

struct includes {
	struct suite *suite;
	struct sieve_scripts scripts; /* for sieve_compile_with */
	struct include_text *all;     /* what was looked for */
};

void includes_init(struct includes *in, struct suite *s);
void includes_free(struct includes *in); /* behind sieve_compile_with */

/* What a run of the script TEXT would find wrong sooner or later: scripts that are not there, or within
 * themselves, or too deep. True when there is nothing; else errors are added to the suite's: one, and one for each script that is
 * included on the way to where it is. A delivery compiles a script in order to run it, so that it may be told then (3.1). */
bool includes_check(struct includes *in, struct slice text);

/* ERRORS are those of a compilation: one more is added for each script that includes the one that has them. */
void includes_blame(struct includes *in, struct slice errors);

#endif
