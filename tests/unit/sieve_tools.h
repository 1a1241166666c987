/* For the tests of the rules engine: scripts, messages and plans as short texts. */
#ifndef MAILFERRY_TESTS_SIEVE_TOOLS_H
#define MAILFERRY_TESTS_SIEVE_TOOLS_H

#include <stddef.h>

#include "sieve/sieve.h"

extern const char message_a[], message_b[]; /* RFC 5228, 1.2 */

/* What all runs get besides message, sender and recipient; what all scripts can include. */
extern struct sieve_input sieve_tools_input;
extern const struct sieve_scripts *sieve_tools_scripts;

struct sieve_case {
	const char *script;
	const char *message;   /* NULL: message A; lines end in LF */
	const char *from, *to; /* NULL: coyote@desert.example.org, roadrunner@acme.example.com */
	const char *plan;
};

/*
 * Compiles and runs; the plan as one line, actions joined by "; ":
 *
 *   fileinto:copy:create Folder (\Seen $label); redirect:copy a@b; keep (..); discard; reject words; implicit (..);
 * error …
 *
 * or "compile error" and the errors. The script's name is "t". From malloc.
 */
char *sieve_tools_run(const struct sieve_case *c);

/* Runs all rows, and says which one failed. */
void sieve_tools_check(const struct sieve_case *rows, size_t n);
#define CHECK_PLANS(rows) sieve_tools_check(rows, sizeof(rows) / sizeof(rows)[0])

/* The errors of SCRIPT, as sieve_compile appends them; "" when it compiles. From malloc. */
char *sieve_tools_errors(struct slice script);

/* The same with warnings, or without errors these; with excerpts. */
char *sieve_tools_tellings(struct slice script, bool excerpts);

#endif
