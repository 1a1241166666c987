/*
 * Tokens of a script (RFC 5228, 8.1), one at a time. Both CRLF and a bare LF
 * end a line; strings hold CRLF either way. What is wrong is told to the diag
 * and passed over, so that the parser sees only whole tokens.
 */
#ifndef MAILFERRY_SIEVE_LEXER_H
#define MAILFERRY_SIEVE_LEXER_H

#include "sieve/arena.h"
#include "sieve/diag.h"

enum token_kind {
	TOKEN_END,
	TOKEN_IDENTIFIER, /* text */
	TOKEN_TAG,	  /* text, without the colon */
	TOKEN_NUMBER,	  /* number */
	TOKEN_STRING,	  /* text: the value, in the arena, or part of the script where that is the same */
	TOKEN_PUNCTUATION /* mark: one of ; , ( ) [ ] { } */
};

struct token {
	enum token_kind kind;
	char mark;
	struct pos pos;
	struct pos end; /* the place just behind it */
	struct slice text;
	uint64_t number;
};

struct lexer {
	struct slice in; /* not owned */
	size_t at;
	struct pos pos;
	struct diag *diag;
	struct arena *arena; /* for string values */
	bool exhausted;	     /* the arena was full */
	bool cut;	     /* the script ended within a string, text or comment, which was told */
	bool stray;	     /* characters of no token were told of and passed over; the next are not told of */
};

void sieve_lexer_init(struct lexer *l, struct slice script, struct diag *diag, struct arena *arena);

/* At the end of the script TOKEN_END, again and again. */
void sieve_lexer_next(struct lexer *l, struct token *t);

#endif
