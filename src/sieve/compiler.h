/*
 * The tree to a program: what every word means, whether its arguments fit
 * (bind.c), and the operations (compile.c). Extensions call into it from
 * "check" and "emit".
 */
#ifndef MAILFERRY_SIEVE_COMPILER_H
#define MAILFERRY_SIEVE_COMPILER_H

#include "sieve/ast.h"
#include "sieve/maker.h"
#include "sieve/program.h"

struct sieve_scripts;

struct compile_loop;

enum { COMPILE_LACKED_MAX = 64 };

struct compiler {
	struct sieve_program *program;
	struct diag *diag, *warnings;
	const struct sieve_scripts *scripts; /* may be NULL */
	unsigned long errors; /* so far, also those that the diag did not keep */
	bool prologue_over;   /* a command was seen that is no require */
	bool ihave;	      /* what is unknown or not required is an error of the run that comes to it (RFC 5463, 4) */
	uint64_t needs;	      /* extensions that the statement uses and the script did not require; only with IHAVE */
	struct slice unknown; /* what the statement holds that nobody knows: the error; only with IHAVE */
	bool skips_unreached; /* what no run can reach is not checked (RFC 5228, 2.10.6 leaves that open) */
	unsigned depth;	      /* of the block that is compiled: 1 is the script itself */
	uint64_t used;	      /* bit I: something that extension I brings stands in the script */
	uint64_t missing;     /* it stands there without require: told, and then taken for required */
	struct lacked {
		struct slice word;
		int ext;
	} lacked[COMPILE_LACKED_MAX]; /* words that were told to need such extensions */
	size_t nlacked;
	struct pos required_at[64]; /* where an extension was required; line 0: it was not */
	struct compile_loop *loops; /* loop.h: around what is compiled now, the innermost first */
};

/* A list of commands that run one after the other; the state of its if, elsif, else. */
struct scope {
	bool chain;	 /* the last command was an if or elsif */
	bool decided;	 /* whose test, or one before it in the chain, can only be true */
	uint32_t failed; /* the jump taken when its test was false */
	uint32_t ends;	 /* list of the jumps to behind the chain, linked by their targets; COMPILE_NONE ends it */
};

enum { COMPILE_NONE = UINT32_MAX };

void compile_error(struct compiler *c, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for a name that an extension might bring. */
void compile_unknown(struct compiler *c, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What is no error, and most likely not what was meant. */
void compile_warning(struct compiler *c, struct pos at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Returns the operation's index. */
uint32_t compile_op(struct compiler *c, enum op_kind kind, struct pos pos);
void compile_patch(struct compiler *c, uint32_t jump); /* JUMP goes to what is compiled next */

void compile_block(struct compiler *c, const struct ast_node *first);
void compile_test(struct compiler *c, const struct ast_node *test);

/* What TEST is in every run: 1, 0, or -1 where that depends. */
int compile_known(const struct compiler *c, const struct ast_node *test);
void compile_chain_close(struct compiler *c, struct scope *scope);

/* Memory of the program, N elements of SIZE octets; NULL when there is no more, which is told as an error. */
void *compile_alloc(struct compiler *c, size_t n, size_t size);
int compile_copy(struct compiler *c, struct slice s, struct slice *out); /* 0, or -1 */

/* Whether the script required extension EXT, something of which stands in it: it counts as used. */
static inline bool compile_has(struct compiler *c, int ext)
{
	c->used |= UINT64_C(1) << ext;
	return (c->program->required >> ext & 1) != 0;
}

/* The same, or whether a run may find out with "ihave". */
bool compile_may(struct compiler *c, int ext);

/* The same by the name, for what an extension changes in things that are not its own: it does not count as used. False for
 * one that nobody knows. */
bool compile_requires(const struct compiler *c, const char *extension);

/* Binds the arguments of NODE, which is SPEC, to OP. 0, or -1 after errors. */
int bind_arguments(struct compiler *c, const struct ast_node *node, const struct sieve_command *spec, struct op *op);

/* It is used, by what no table tells. */
void compile_uses(struct compiler *c, const char *extension);

/* An error that says what brings extension EXT; from then on it is there. */
void bind_missing_require(struct compiler *c, struct pos at, const char *what, int ext);

/* The same, if the script does not require EXT, which WORD needs: once for each of the two. */
void compile_needs_extension(struct compiler *c, struct pos at, struct slice word, int ext);

#endif
