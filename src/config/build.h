/* From libconfig's tree to struct config, by the table of keys. */
#ifndef MAILFERRY_CONFIG_BUILD_H
#define MAILFERRY_CONFIG_BUILD_H

#include <libconfig.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/report.h"
#include "config/source.h"

struct group_lines { /* lines in the source; 0: not given */
	unsigned line;
	unsigned key[KEYS_MAX]; /* by key_index; an account's has those of its oauth too, a source's of skip */
};

struct build {
	struct config *config;
	const struct source *source;
	struct report *report;
	bool strict; /* a whole configuration: what is required must be there and fit together */
	bool files;  /* read what it names; modes of files matter; paths hang on config->file */
	bool secrets; /* read passwords and keys too */
	struct group_lines top, limits, relay;
	/* one for each element; build.c: struct named */
	struct group_lines *certificates, *listeners, *milters, *accounts, *sources, *relay_for;
};

/* Each setting's hook holds its line. Errors go to the report. */
void build_config(struct build *b, const config_setting_t *root);
void build_free(struct build *b); /* the lines only */

/* The line of key NAME, or of its group where it is not given. */
unsigned build_line(const struct group_lines *g, enum key_group group, const char *name);

/* Does the group give key NAME? */
bool build_given(const struct group_lines *g, enum key_group group, const char *name);

/* Fills the field of a text key from TEXT. 0, or -1 with HINT (VALUE_HINT_SIZE). Relative paths hang on FILE. */
int build_text(const struct key *k, struct slice text, const char *file, void *base, char *hint);

/* One element of `addresses', of a list of networks, of `pin_sha256'. */
int build_address(struct build *b, struct config_account *a, struct slice text, unsigned line, char *hint);
int build_network(const struct key *k, struct slice text, void *base, char *hint); /* BASE holds the field of K */
int build_pin(struct config_server *s, struct slice text, char *hint);

/* One element of KEY_FIELDS, KEY_PATTERNS, KEY_FOLDERS, KEY_TIMES, KEY_NAMES or KEY_SENDERS; BASE holds the field of K. */
int build_element(const struct key *k, struct slice text, void *base, char *hint);

#endif
