/*
 * Tokens to a tree (RFC 5228, 8.2). After an error it goes on behind the
 * command that held it, so that one run tells many errors. Depth is bounded
 * by SIEVE_NESTING_MAX; what is nested deeper is told once and passed over.
 */
#ifndef MAILFERRY_SIEVE_PARSER_H
#define MAILFERRY_SIEVE_PARSER_H

#include "sieve/arena.h"
#include "sieve/ast.h"

/* The first command of SCRIPT, or NULL when it has none. Tree and strings live in ARENA (and in SCRIPT). Errors go to
 * DIAG. */
struct ast_node *sieve_parse(struct slice script, struct arena *arena, struct diag *diag);

#endif
