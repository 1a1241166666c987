/* The words of a fetchmailrc, as fetchmail(1) has them under RUN CONTROL SYNTAX. */
#ifndef MAILFERRY_CMD_IMPORT_TOKEN_H
#define MAILFERRY_CMD_IMPORT_TOKEN_H

#include <stdbool.h>

#include "base/slice.h"
#include "cmd/import.h"

enum import_token_kind {
	TOKEN_END,
	TOKEN_WORD,   /* without quotes: a keyword, or a text where one is expected */
	TOKEN_STRING, /* in quotes: never a keyword */
	TOKEN_EQUAL
};

struct import_token {
	enum import_token_kind kind;
	int line;
	char text[IMPORT_TEXT_MAX + 1]; /* escapes undone */
	size_t n;
	const char *fault; /* what is wrong with it, or NULL */
};

struct import_lexer {
	struct slice rest;
	int line;
};

/* The next token; blanks, comments and the punctuation that means nothing are passed over. */
void import_token_next(struct import_lexer *l, struct import_token *t);

/* Decimal digits only, as fetchmail has numbers. */
bool import_token_number(const struct import_token *t, uint64_t *out);

#endif
