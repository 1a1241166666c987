/* The keywords of a fetchmailrc: what each takes, and what becomes of it. */
#ifndef MAILFERRY_CMD_IMPORT_ROWS_H
#define MAILFERRY_CMD_IMPORT_ROWS_H

#include "cmd/import.h"
#include "cmd/import_token.h"

enum import_shape {
	IMPORT_FLAG, /* nothing behind it */
	IMPORT_TEXT, /* one word */
	IMPORT_NUMBER,
	IMPORT_LIST,   /* words up to the next keyword */
	IMPORT_COUNTED /* a word, with a number in front of it if one likes */
};

enum import_where { IMPORT_AT_START, IMPORT_IN_DEFAULTS, IMPORT_IN_SERVER, IMPORT_IN_USER };

struct import_reader {
	struct import *imp;
	struct import_lexer lexer;
	struct import_token t; /* not yet taken */
	struct import_source defaults, server, current;
	enum import_where where;
	bool here;	/* the user's entry began with the name here: that of the server stands behind `is' */
	bool beside;	/* what stood last was a secret: a word that fits nowhere may be a part of it */
	uint64_t count; /* in front of the word of IMPORT_COUNTED */
};

struct import_value {
	int line;
	bool no; /* "no" stood in front of it; then there is no text */
	const char *text;
	size_t n;
	uint64_t number;
};

struct import_row {
	const char *name;
	enum import_shape shape;
	void (*take)(struct import_reader *r, const struct import_row *row, const struct import_value *v);
	const char *note;    /* a comment for whoever said it, or NULL */
	const char *note_no; /* the same for "no NAME" */
	bool secret;	     /* what stands behind it goes into no comment */
};

enum import_rows { IMPORT_ROWS_OPTIONS, IMPORT_ROWS_SET };
const struct import_row *import_row_find(enum import_rows which, const char *name);

/* Words that end a list, unless they stand in quotes. */
bool import_row_is_keyword(const struct import_token *t);

/* Words that mean nothing. */
bool import_row_is_noise(const struct import_token *t);

#endif
