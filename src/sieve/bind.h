/* What the parts of the argument checker share. */
#ifndef MAILFERRY_SIEVE_BIND_H
#define MAILFERRY_SIEVE_BIND_H

#include "sieve/compiler.h"

enum { BIND_TAGS_MAX = 16 };

/* One command or test whose arguments are being bound to OP. */
struct binder {
	struct compiler *c;
	const struct ast_node *node;
	const struct sieve_command *spec;
	struct op *op;
	struct tagged tags[BIND_TAGS_MAX]; /* op->ntags of them so far */
	struct match match;		   /* what its tags said so far */
	struct pos match_pos, comparator_pos;
	const struct ast_arg *positional; /* the first, once it was seen */
	size_t npositional;
};

/* The argument behind tag *A, which must be of TYPE (NAME is for errors); *A moves on to it. NULL after an error. */
const struct ast_arg *bind_operand(struct binder *b, const struct ast_arg **a, enum value_type type, const char *name);

/* Match types and comparators (RFC 5228, 2.7): the tags, and when all arguments are known, the keys. 0, or -1 after
 * errors. */
int bind_match_type(struct binder *b, const struct ast_arg **a, const struct sieve_match_type *type);
int bind_comparator(struct binder *b, const struct ast_arg **a);
int bind_match(struct binder *b);

#endif
