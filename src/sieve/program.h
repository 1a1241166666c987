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

struct text;

/* An argument. Strings are read by run_strings only. */
struct value {
	enum value_type type; /* VALUE_NONE: an optional argument that is not there */
	uint64_t number;
	const struct slice *strings; /* VALUE_STRING: one */
	size_t n;
	const struct text *const *texts; /* one each of STRINGS: NULL where it is constant; all NULL: no array */
	bool words;			 /* once expanded, each string is a list of words */
	sieve_check_string check;	 /* of strings that are not constant */
};

struct tagged {
	const struct sieve_tag *tag;
	struct value value;
};

struct match_key {
	struct slice text; /* as the comparator folds it */
	const void *extra; /* what the match type made of it */
};

struct keyset;

struct match {
	const struct sieve_match_type *type;
	const struct sieve_comparator *comparator;
	struct slice operand; /* of a match type that takes one */
	const struct match_key *keys; /* when all are constant */
	size_t nkeys;
	const struct value *from; /* the argument that holds the keys, where they hold variables; else NULL */
	struct keyset *set; /* keyset.h: in which its keys are, from FIRST on; NULL: in none */
	size_t first;
};

enum { PROGRAM_SETS_MAX = 16 };

enum op_kind {
	OP_COMMAND,
	OP_TEST, /* sets the truth register */
	OP_NOT,
	OP_JUMP,
	OP_JUMP_TRUE,
	OP_JUMP_FALSE,
	OP_NEED, /* an error unless NEEDS are enabled (RFC 5463, 4) */
	OP_FAIL, /* the error UNKNOWN */
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
	uint64_t needs;				  /* extensions, as in sieve_program.required */
	struct slice unknown;
};

/* A script that another includes. */
struct included {
	bool global;
	struct slice name;
	struct sieve_program *program; /* owned; NULL: it is not there. Of the outermost script: that itself, not owned */
};

struct sieve_program {
	char *name;
	struct sieve_program *root; /* the outermost script, which holds all that are included; itself, where it is that */
	struct included *included;  /* of a root */
	size_t nincluded;
	bool failed; /* it has errors: nothing is run */
	struct op *ops; /* the last is OP_END */
	size_t nops, cap;
	struct keyset *sets[PROGRAM_SETS_MAX]; /* owned */
	size_t nsets;
	struct arena arena; /* all that the operations point to */
	uint64_t required;  /* bit I: extension I may be used; those of the base always */
	bool variables_on;  /* the script required "variables" */
	struct slice *variables; /* names of those that it mentions */
	size_t nvariables;
	bool *variable_global; /* one each: it is declared "global"; NULL: none is */
	bool *variable_set;    /* one each: the script sets it */
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
