/*
 * Strings that hold variables (RFC 5229, 3): parsed once by the compiler,
 * expanded each time control reaches the statement.
 */
#ifndef MAILFERRY_SIEVE_TEXT_H
#define MAILFERRY_SIEVE_TEXT_H

#include "sieve/compiler.h"

struct sieve_namespace;

enum text_kind { TEXT_LITERAL, TEXT_VARIABLE, TEXT_MATCH, TEXT_SPACE };

struct text_piece {
	enum text_kind kind;
	struct slice text; /* of a literal; of a namespace the name behind it */
	size_t index;	   /* of a variable or match value */
	const struct sieve_namespace *space;
};

struct text {
	const struct text_piece *pieces;
	size_t n;
};

/* Decodes what the extensions that the script required make of the string: encoded characters (RFC 5228, 2.4.2.4), then
 * references to variables. *S becomes the constant string and *TEXT NULL, or *TEXT is what text_expand expands. 0, or -1
 * after errors. S must live as long as the program. */
int text_compile(struct compiler *c, struct slice *s, struct pos at, const struct text **text);

/* The value of TEXT now; it lives until the operation ends. 0, or -1 after run_error. */
int text_expand(struct run *r, const struct text *text, struct slice *out);

/* The longest front of S of at most N octets that cuts no UTF-8 character. */
struct slice text_front(struct slice s, size_t n);

#endif
