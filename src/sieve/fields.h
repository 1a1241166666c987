/* A test on the fields of headers: "header", "address" (RFC 5228, 5.7, 5.1), with the tags of index.h and mime_test.h. */
#ifndef MAILFERRY_SIEVE_FIELDS_H
#define MAILFERRY_SIEVE_FIELDS_H

#include "sieve/gather.h"

/* For the "check" of the test. */
void fields_check(struct compiler *c, const struct ast_node *node, const struct op *op);

/* Whether EACH finds a match in a field called NAMES of a header that OP looks at: 1, 0, or -1 after run_error. */
int fields_match(struct run *r, const struct op *op, struct strings names, gather_field each);

#endif
