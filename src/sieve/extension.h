/*
 * What an extension of the language brings: commands, tests, tags on commands
 * of its own or of others, match types, comparators, address parts, envelope
 * parts. One file an extension; registry.c lists them. All tables end with an
 * element without a name.
 *
 * The compiler resolves and checks arguments by these tables alone; "check" and
 * "emit" are for what a table can't say.
 */
#ifndef MAILFERRY_SIEVE_EXTENSION_H
#define MAILFERRY_SIEVE_EXTENSION_H

#include "base/buf.h"
#include "base/slice.h"

struct ast_node;
struct compiler;
struct glob;
struct match;
struct match_key;
struct op;
struct pos;
struct run;
struct scope;

enum value_type { VALUE_NONE, VALUE_NUMBER, VALUE_STRING, VALUE_STRINGS };

/* Checks one constant string, which stands at AT; errors go to the compiler's diag. *TEXT may be replaced by a better
 * form of the same (memory from the program's arena). */
typedef void (*sieve_check_string)(struct compiler *c, struct slice *text, struct pos at);

enum {
	PARAM_OPTIONAL = 1, /* may be left out; only the first can be */
	PARAM_KEYS = 2,	    /* what the match type compares with */
	PARAM_WORDS = 4	    /* each string is a list of words, split at blanks (RFC 5232, 2) */
};

/* A positional argument. */
struct sieve_param {
	const char *name; /* for errors: "the mailbox" */
	enum value_type type;
	unsigned flags;
	const char *needs; /* the extension without which it may not be given, or NULL */
	sieve_check_string check;
};

/* A tagged argument. */
struct sieve_tag {
	const char *name;	/* without the colon */
	const char *const *on;	/* commands and tests that take it; NULL ends */
	const char *group;	/* at most one tag of a group may be given; NULL: it is its own group */
	enum value_type value;	/* what follows it; VALUE_NONE: nothing */
	unsigned flags;		/* PARAM_WORDS */
	const char *value_name; /* for errors */
	sieve_check_string check;
};

enum sieve_kind { SIEVE_ACTION, SIEVE_CONTROL, SIEVE_TEST };
enum sieve_tests { TESTS_NONE, TESTS_ONE, TESTS_LIST };

struct sieve_command {
	const char *name;
	enum sieve_kind kind;
	enum sieve_tests tests;
	bool block;	/* takes one, and must have it */
	bool prologue;	/* must stand before all commands that are not */
	bool continues; /* goes on where the chain of if and elsif before it ended */
	bool matches;	/* takes match type and comparator; one param is PARAM_KEYS */
	bool addresses; /* takes an address part */
	bool outside;	/* needs a part of the outside that may not be there */
	const struct sieve_param *params;

	/* After the arguments are bound; NULL: nothing more to check. */
	void (*check)(struct compiler *c, const struct ast_node *node, const struct op *op);
	/* Writes the operations itself; NULL: one OP_COMMAND or OP_TEST. */
	void (*emit)(struct compiler *c, struct scope *scope, const struct ast_node *node);
	/* An action: 0, or -1 after run_error. A test: 1, 0, or -1. */
	int (*run)(struct run *r, const struct op *op);
};

/* What a comparator can do (RFC 4790, 4.2). */
enum { COLLATE_EQUALITY = 1, COLLATE_SUBSTRING = 2, COLLATE_ORDERING = 4 };

struct sieve_comparator {
	const char *name;
	unsigned can;
	/* Appends to OUT a form of IN whose octets compare as the comparator compares; NULL: IN itself. 0, or -1 when
	 * OUT is full. */
	int (*fold)(struct slice in, struct buf *out);
};

struct sieve_match_type {
	const char *name;	    /* of the tag */
	unsigned needs;		    /* COLLATE_… of the comparator */
	sieve_check_string operand; /* of the string behind the tag; NULL: there is none */
	const char *operand_name;   /* for errors */
	/* Makes KEY->extra of KEY->text at compile time; NULL: nothing to make. */
	void (*prepare)(struct compiler *c, struct match_key *key);
	/* One folded value against one key: 1, 0, or -1 after run_error. NULL: the type only looks at the number of
	 * values. */
	int (*value)(struct run *r, const struct match *m, const struct match_key *key, struct slice value);
	/* After all values; NULL: nothing more to say. */
	int (*end)(struct run *r, const struct match *m, uint64_t values);
};

/* An address as tests see it (RFC 5228, 2.7.4). */
struct address_view {
	struct slice all, local, domain;
	bool valid; /* else only ALL is there: the text as it stood */
	bool null;  /* the null reverse-path: every part of it is "" */
};

struct sieve_address_part {
	const char *name;
	/* The part of a valid address; false when it has none. */
	bool (*get)(const struct address_view *a, struct slice *out);
};

struct sieve_envelope_part {
	const char *name;
	bool address; /* else a plain string, in out->all */
	/* 1, or 0 when this envelope has none, or -1 after run_error. */
	int (*get)(struct run *r, struct address_view *out);
};

struct sieve_extension {
	const char *name; /* for require, case-sensitive; NULL: part of the base language */
	const struct sieve_command *commands;
	const struct sieve_tag *tags;
	const struct sieve_match_type *match_types;
	const struct sieve_comparator *comparators;
	const struct sieve_address_part *address_parts;
	const struct sieve_envelope_part *envelope_parts;
};

#endif
