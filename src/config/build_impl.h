/* What build.c and build_value.c share. */
#ifndef MAILFERRY_CONFIG_BUILD_IMPL_H
#define MAILFERRY_CONFIG_BUILD_IMPL_H

#include "config/build.h"

/* Where a value stands and what is being filled. */
struct place {
	struct build *b;
	enum key_group group;
	void *base;
	struct config_server *server; /* of an account, a source or the relay: what KEYS_SERVER and KEYS_OAUTH fill */
	struct group_lines *lines;
	char path[REPORT_PATH_SIZE]; /* "accounts.office", or "" */
};

unsigned build_line_of(const config_setting_t *s); /* in the text */

/* What holds the field of K. */
void *place_base(const struct place *p, const struct key *k);

void place_path(const char *path, const char *name, char out[REPORT_PATH_SIZE]); /* "accounts.office" */

/* ---- build_value.c ---- */

/* Appends S for an error; a SECRET one without what it says. */
void value_got_print(const config_setting_t *s, bool secret, struct buf *out);

/* "expected …, got …", and HINT. */
void value_error(const struct place *p, const struct key *k, const config_setting_t *s, const char *hint);

/* 0, or -1 when N is out of the range of K. */
int value_number_set(const struct place *p, const struct key *k, long long n);

/* Fills the field of K, or tells what is wrong. */
void value_set(const struct place *p, const struct key *k, const config_setting_t *s);

#endif
