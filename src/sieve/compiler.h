/*
 * The tree to a program: what every word means, whether its arguments fit
 * (bind.c), and the operations (compile.c). Extensions call into it from
 * "check" and "emit".
 */
#ifndef MAILFERRY_SIEVE_COMPILER_H
#define MAILFERRY_SIEVE_COMPILER_H

#include "sieve/ast.h"
#include "sieve/program.h"

struct compiler {
	struct sieve_program *program;
	struct diag *diag;
	uint64_t required;    /* bit I: extension I may be used; those of the base always */
	unsigned long errors; /* so far, also those that the diag did not keep */
	bool prologue_over;   /* a command was seen that is no require */
};

/* A list of commands that run one after the other; the state of its if, elsif, else. */
struct scope {
	bool chain;	 /* the last command was an if or elsif */
	uint32_t failed; /* the jump taken when its test was false */
	uint32_t ends;	 /* list of the jumps to behind the chain, linked by their targets; COMPILE_NONE ends it */
};

enum { COMPILE_NONE = UINT32_MAX };

void compile_error(struct compiler *c, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Returns the operation's index. */
uint32_t compile_op(struct compiler *c, enum op_kind kind, struct pos pos);
void compile_patch(struct compiler *c, uint32_t jump); /* JUMP goes to what is compiled next */

void compile_block(struct compiler *c, const struct ast_node *first);
void compile_test(struct compiler *c, const struct ast_node *test);
void compile_chain_close(struct compiler *c, struct scope *scope);

/* Memory of the program, N elements of SIZE octets; NULL when there is no more, which is told as an error. */
void *compile_alloc(struct compiler *c, size_t n, size_t size);
int compile_copy(struct compiler *c, struct slice s, struct slice *out); /* 0, or -1 */

static inline bool compile_has(const struct compiler *c, int ext)
{
	return (c->required >> ext & 1) != 0;
}

/* Binds the arguments of NODE, which is SPEC, to OP. 0, or -1 after errors. */
int bind_arguments(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec, struct op *op);

/* An error that says what brings extension EXT. */
void bind_missing_require(struct compiler *c, struct pos at, const char *what, int ext);

#endif
