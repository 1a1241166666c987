/*
 * Every key of the configuration: what it is called and where it stands, what
 * it takes, what it is when not given, which field it fills and who gets it.
 */
#ifndef MAILFERRY_CONFIG_KEYS_H
#define MAILFERRY_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* KEYS_SERVER stand in each account, in each source and in the relay: key_find and the like find them there. */
enum key_group {
	KEYS_TOP,
	KEYS_LIMITS,
	KEYS_CERTIFICATE,
	KEYS_LISTENER,
	KEYS_SERVER,
	KEYS_ACCOUNT,
	KEYS_SOURCE,
	KEYS_SKIP,
	KEYS_OAUTH,
	KEYS_RELAY,
	KEYS_RELAY_FOR,
	KEYS_MILTER
};

enum key_type {		       /* and the field that it fills */
		KEY_STRING,    /* char *: a line of text */
		KEY_WORD,      /* char *: one of WORDS */
		KEY_HOST,      /* char * */
		KEY_LISTENER,  /* char *: address and port, or unix:path */
		KEY_PEER,      /* char *: where a milter listens, as config/peer.h reads it */
		KEY_PATH,      /* char *: absolute, or relative to the configuration file */
		KEY_URL,       /* char *: see config/url.h; may hold "{tenant}" */
		KEY_SECRET,    /* char *: never shown */
		KEY_SECRETS,   /* char *: a secret of several lines; never in a file */
		KEY_PORT,      /* uint16_t */
		KEY_ENUM,      /* an enum: index in WORDS */
		KEY_COUNT,     /* unsigned */
		KEY_BOOL,      /* bool */
		KEY_DELETE,    /* enum config_delete, and an int64_t at OFFSET2 */
		KEY_SIZE,      /* int64_t: octets */
		KEY_DURATION,  /* int64_t: milliseconds */
		KEY_NETWORKS,  /* struct config_network * and its count at OFFSET2 */
		KEY_ADDRESSES, /* char ** and its count at OFFSET2 */
		KEY_PINS,      /* the same */
		KEY_FIELDS,    /* the same: names of header fields */
		KEY_PATTERNS,  /* the same; the last character of a name may be * */
		KEY_FOLDERS,   /* the same: folders of a source */
		KEY_TIMES,     /* the same: texts of config/schedule.h */
		KEY_NAMES,     /* the same: names, a line each */
		KEY_SENDERS,   /* the same: addresses, or "@domain" */
		KEY_GROUP /* a group of keys: limits, oauth, skip, or relay, or one of names (listeners, accounts, sources, relay_for) */
};

struct key {
	enum key_group group;
	const char *name;
	enum key_type type;
	size_t offset, offset2;
	int64_t min, max;	  /* numbers, sizes, times; octets of texts */
	enum key_group inner;	  /* KEY_GROUP: which keys stand in it */
	const char *const *words; /* KEY_ENUM, KEY_WORD; NULL ends them */
	const char *otherwise; /* the default as it would stand in the file, without quotes; NULL: none, or see below */
	const char *otherwise_is; /* for people, where the default is worked out: "the system's host name" */
	unsigned parts; /* bits 1 << enum config_part: who gets it. A source's KEYS_SERVER: the fetcher, what a store
			 * gets of an account's */
	bool required;
	bool may_be_empty; /* a list */
	bool internal;	  /* only in the parts that roles get: no key for people */
	const char *help; /* plain sentences */
};

enum { KEYS_MAX = 280 };

/* All keys, one after the other; NULL behind the last. */
const struct key *key_at(size_t i);
size_t key_index(const struct key *k); /* the I of K, below KEYS_MAX */

/* May K stand in GROUP? */
bool key_is_of(const struct key *k, enum key_group group);

/* Must K be given in GROUP? */
bool key_is_required(const struct key *k, enum key_group group);

/* The key NAME of GROUP, or NULL. */
const struct key *key_find(enum key_group group, struct slice name);

/* Is NAME a key of any group that takes true or false? */
bool key_is_bool(struct slice name);

/* For a name that is no key of GROUP: appends "; did you mean …?" or where such a key stands, or nothing. */
void key_suggest(enum key_group group, struct slice name, struct buf *out);

/* Appends what the key takes: "a port from 1 to 65535". */
void key_expects(const struct key *k, struct buf *out);

const char *key_group_name(enum key_group group); /* "limits", "listeners.NAME", … */

/* ---- config/keydoc.c ---- */
void keys_print(struct buf *out);     /* the table for a terminal */
void keys_print_man(struct buf *out); /* the lists of mailferry.conf(5), in mdoc */

#endif
