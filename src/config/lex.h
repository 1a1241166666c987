/* The words of libconfig's language, one at a time, with their lines. */
#ifndef MAILFERRY_CONFIG_LEX_H
#define MAILFERRY_CONFIG_LEX_H

#include "base/slice.h"

enum lex_kind {
	LEX_END,
	LEX_NAME,   /* also true and false: lex_is_bool tells */
	LEX_NUMBER, /* one that libconfig reads without cutting it */
	LEX_STRING,
	LEX_MARK, /* = : ; , { } [ ] ( ) */
	LEX_BAD	  /* anything else; FAULT says what */
};

enum lex_fault {
	LEX_OPEN_STRING,
	LEX_OPEN_COMMENT,
	LEX_ESCAPE,
	LEX_LARGE,  /* a number that libconfig would cut */
	LEX_UNIT,   /* 50M */
	LEX_CURLED, /* typographic quotes */
	LEX_SINGLE, /* 'text' */
	LEX_OTHER
};

struct lex_token {
	enum lex_kind kind;
	enum lex_fault fault;
	struct slice text; /* as written, strings with their quotes */
	unsigned line;	   /* of its first byte */
};

struct lexer {
	struct slice rest;
	unsigned line;
};

void lexer_init(struct lexer *l, struct slice text);
struct lex_token lexer_next(struct lexer *l);
bool lex_is_bool(const struct lex_token *t);

#endif
