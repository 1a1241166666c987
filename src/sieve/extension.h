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
struct maker;
struct match;
struct match_key;
struct matcher;
struct op;
struct pos;
struct run;
struct scope;

enum value_type { VALUE_NONE, VALUE_NUMBER, VALUE_STRING, VALUE_STRINGS };

/* Checks one string: a constant one when the script is compiled, one that holds variables when it is used. Errors go to
 * maker_error. *TEXT may be replaced by a better form of the same (memory from maker_alloc). */
typedef void (*sieve_check_string)(struct maker *m, struct slice *text);

/* A constant string that is allowed and of no use: why, without TEXT itself ("is no name"); else NULL. */
typedef const char *(*sieve_doubt_string)(struct slice text);

enum {
	PARAM_OPTIONAL = 1, /* may be left out; only the first or the last can be */
	PARAM_KEYS = 2,	    /* what the match type compares with */
	PARAM_WORDS = 4,    /* each string is a list of words, split at blanks (RFC 5232, 2) */
	PARAM_CONSTANT = 8  /* must not hold variables (RFC 5229, 3) */
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
	unsigned flags;		/* PARAM_WORDS, PARAM_CONSTANT */
	const char *value_name; /* for errors */
	sieve_check_string check;
	const struct sieve_modifier *modifier; /* of a tag of "set", else NULL */
};

/* What "set" does to a value before it stores it (RFC 5229, 4.1). */
struct sieve_modifier {
	unsigned precedence; /* the largest first; its tags are one group, "modifier 40" */
	int (*apply)(struct run *r, struct slice in, struct buf *out); /* 0, or -1 after run_error or when OUT is full */
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
	bool ends;	/* what stands behind it in its block is never reached */
	const struct sieve_param *params;
	sieve_doubt_string doubt; /* of the constants of param DOUBTED; NULL: none */
	size_t doubted;
	const char *comparator; /* where the script names none; NULL: "i;ascii-casemap" (RFC 5228, 2.7.3) */

	/* After the arguments are bound; NULL: nothing more to check. */
	void (*check)(struct compiler *c, const struct ast_node *node, const struct op *op);
	/* Writes the operations itself; NULL: one OP_COMMAND or OP_TEST. */
	void (*emit)(struct compiler *c, struct scope *scope, const struct ast_node *node);
	/* A test that is the same in every run: 1 or 0; -1 where it is not; NULL: it is not. */
	int (*known)(const struct compiler *c, const struct ast_node *node);
	/* An action: 0, or -1 after run_error. A test: 1, 0, or -1. */
	int (*run)(struct run *r, const struct op *op);
};

/* What a comparator can do (RFC 4790, 4.2). */
enum { COLLATE_EQUALITY = 1, COLLATE_SUBSTRING = 2, COLLATE_ORDERING = 4, COLLATE_REGEX = 8 /* letters by letters */ };

struct sieve_comparator {
	const char *name;
	unsigned can;
	/* Appends to OUT a form of IN whose octets compare as the comparator compares; NULL: IN itself. 0, or -1 when
	 * OUT is full. */
	int (*fold)(struct slice in, struct buf *out);
	/* How values are ordered (RFC 4790, 4.2): below, at or above 0. NULL: folded octets are compared. Values are not
	 * folded for it. */
	int (*order)(struct slice a, struct slice b);
	bool characters; /* what a "?" stands for is a character of UTF-8, else an octet (RFC 5228, 2.7.1) */
};

struct sieve_match_type {
	const char *name;	    /* of the tag */
	unsigned needs;		    /* COLLATE_… of the comparator */
	sieve_check_string operand; /* of the string behind the tag; NULL: there is none */
	const char *operand_name;   /* for errors */
	/* Makes KEY->extra of KEY->text; NULL: nothing to make. */
	void (*prepare)(struct maker *m, const struct match *match, struct match_key *key);
	/* One folded value against one key: 1, 0, or -1 after run_error. NULL: the type only looks at the number of
	 * values. A type that sets match variables (RFC 5229, 3.2) does so by match_values. */
	int (*value)(struct matcher *m, const struct match_key *key, struct slice value);
	/* After all values; NULL: nothing more to say. */
	int (*end)(struct matcher *m);
	bool plain; /* the comparator is not asked to fold: keys and values come as they are */
	bool raw_keys; /* values are folded, keys are not: they are no strings but programs */
	/* How many constant keys are compared at once (keyset.h). */
	enum sieve_together {
		TOGETHER_NO,
		TOGETHER_IS,	   /* a key matches the value that it is */
		TOGETHER_CONTAINS, /* … those that hold it */
		TOGETHER_NEEDLE	   /* … no other than those that hold its needle */
	} together;
	struct slice (*needle)(const struct match_key *key); /* empty: it has none */
};

/* An address as tests see it (RFC 5228, 2.7.4). */
struct known;

struct address_view {
	struct slice all, local, domain;
	bool valid; /* else only ALL is there: the text as it stood */
	bool null;  /* the null reverse-path: every part of it is "" */
	struct known **known; /* keyset.h: what was found in its parts; NULL: nothing is kept */
};

struct sieve_address_part {
	const char *name;
	/* The part of a valid address; false when it has none. */
	bool (*get)(const struct run *r, const struct address_view *a, struct slice *out);
};

struct sieve_envelope_part {
	const char *name;
	bool address; /* else a plain string, in out->all */
	/* Its value number I, from 0 on: 1, or 0 when this envelope has no more, or -1 after run_error. */
	int (*get)(struct run *r, size_t i, struct address_view *out);
};

/* Variables that an extension brings (RFC 5229, 3). */
struct sieve_namespace {
	const char *name;
	/* The value of NAME, which may hold dots: *OUT is left alone when there is none. 0, or -1 after run_error. */
	int (*get)(struct run *r, struct slice name, struct slice *out);
	int (*set)(struct run *r, struct slice name, struct slice value); /* NULL: "set" is an error */
	bool (*valid)(struct slice name); /* NULL: any NAME may be read */
};

struct sieve_extension {
	const char *name; /* for require, case-sensitive; NULL: part of the base language */
	const struct sieve_command *commands;
	const struct sieve_tag *tags;
	const struct sieve_match_type *match_types;
	const struct sieve_comparator *comparators;
	const struct sieve_address_part *address_parts;
	const struct sieve_envelope_part *envelope_parts;
	const struct sieve_namespace *namespaces;
	bool skips_unreached; /* in a script that requires it, what no run can reach is not checked */
	const char *implies; /* another extension that whoever requires this one has too, or NULL */
};

#endif
