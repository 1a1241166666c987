/* A script as it was written (RFC 5228, 8.2), before anything is known about what its words mean. All of it lies in one
 * arena. */
#ifndef MAILFERRY_SIEVE_AST_H
#define MAILFERRY_SIEVE_AST_H

#include "sieve/diag.h"

struct ast_string {
	struct slice text;
	struct pos pos;
	struct ast_string *next;
};

enum ast_arg_kind { AST_TAG, AST_NUMBER, AST_STRING, AST_LIST };

struct ast_arg {
	enum ast_arg_kind kind;
	struct pos pos;
	struct slice tag;	    /* AST_TAG: without the colon */
	uint64_t number;	    /* AST_NUMBER */
	struct ast_string *strings; /* AST_STRING: one, AST_LIST: one or more */
	size_t nstrings;
	struct ast_arg *next;
};

struct ast_node {
	struct slice name;
	struct pos pos;	  /* of the name */
	struct pos end;	  /* behind the last argument that is no test */
	struct pos close; /* of the ";" or "{" behind all of it */
	bool broken;	  /* a syntax error inside was told; only the block is worth checking */
	bool test_list;	  /* the tests stand in parentheses */
	bool has_block;
	bool *never;	  /* of a test: it is known that it is never true (lint.h) */
	struct ast_arg *args;
	struct ast_node *tests;
	struct pos block_pos;
	struct ast_node *block; /* the commands in it */
	struct ast_node *next;	/* the next command in this block, or test in this list */
};

#endif
