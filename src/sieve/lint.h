/* What is allowed in a script and most likely not meant: warnings, and only certain ones. */
#ifndef MAILFERRY_SIEVE_LINT_H
#define MAILFERRY_SIEVE_LINT_H

#include "sieve/compiler.h"

/* A test that was bound without errors: can it ever be true? */
void lint_test(struct compiler *c, const struct ast_node *node, const struct op *op);

/* A script without errors: what is never reached, what is required and not used. */
void lint_script(struct compiler *c, const struct ast_node *first);

#endif
