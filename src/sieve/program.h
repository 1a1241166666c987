/*
 * A compiled script: a flat list of operations with jumps, so that running it
 * needs no stack. Tests leave their result in one truth register, which jumps
 * read. Immutable once compiled.
 */
#ifndef MAILFERRY_SIEVE_PROGRAM_H
#define MAILFERRY_SIEVE_PROGRAM_H

#include "sieve/arena.h"
#include "sieve/diag.h"
#include "sieve/extension.h"

struct value {
	enum value_type type; /* VALUE_NONE: an optional argument that is not there */
	uint64_t number;
	const struct slice *strings; /* VALUE_STRING: one */
	size_t n;
};

struct tagged {
	const struct sieve_tag *tag;
	struct value value;
};

struct match_key {
	struct slice text; /* as the comparator folds it */
	const void *extra; /* what the match type made of it */
};

struct match {
	const struct sieve_match_type *type;
	const struct sieve_comparator *comparator;
	struct slice operand; /* of a match type that takes one */
	const struct match_key *keys;
	size_t nkeys;
};

enum op_kind {
	OP_COMMAND,
	OP_TEST, /* sets the truth register */
	OP_NOT,
	OP_JUMP,
	OP_JUMP_TRUE,
	OP_JUMP_FALSE,
	OP_END
};

struct op {
	enum op_kind kind;
	uint32_t target; /* of a jump: index of the operation */
	struct pos pos;
	const struct sieve_command *spec; /* of a command or test; the rest is its arguments */
	const struct value *params;	  /* one for each of SPEC's */
	const struct tagged *tags;
	size_t ntags;
	const struct match *match;		  /* NULL unless SPEC compares strings */
	const struct sieve_address_part *address; /* NULL unless SPEC acts on addresses */
};

struct sieve_program {
	char *name;
	struct op *ops; /* the last is OP_END */
	size_t nops, cap;
	struct arena arena; /* all that the operations point to */
};

/* The value of tag TAG in OP, or NULL when the script did not give it. */
static inline const struct value *op_tag(const struct op *op, const char *name)
{
	for (size_t i = 0; i < op->ntags; i++)
		if (strcmp(op->tags[i].tag->name, name) == 0)
			return &op->tags[i].value;
	return NULL;
}

#endif
