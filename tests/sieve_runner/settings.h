/* Settings by name: recorded when a test sets one, in force when it says so. */
#ifndef MAILFERRY_TESTS_SETTINGS_H
#define MAILFERRY_TESTS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct setting {
	char *name;
	char *recorded, *value; /* NULL: its default */
};

struct settings {
	struct setting *all;
	size_t n;
};

enum { SETTINGS_MAX = 10000 };

void settings_set(struct settings *s, struct slice name, struct slice value);
void settings_unset(struct settings *s, struct slice name);
void settings_apply(struct settings *s); /* what is recorded is in force from now on */
void settings_free(struct settings *s);

const char *settings_get(const struct settings *s, const char *name); /* what is in force; NULL: its default */
const char *settings_getf(const struct settings *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t settings_number(const struct settings *s, const char *name, uint64_t otherwise); /* with "k", "M", "G" */
uint64_t settings_seconds(const struct settings *s, const char *name, uint64_t otherwise); /* with "s", "m", "h", "d" */
uint64_t settings_ms(const struct settings *s, const char *name, uint64_t otherwise);	 /* with "ms", too */
bool settings_is_yes(const char *text);							 /* may be NULL */
bool settings_flag(const struct settings *s, const char *name, bool otherwise);	       /* "yes" */

/* The next of the words in *REST, parted by blanks; false when there is none. */
bool settings_word(struct slice *rest, struct slice *word);

#endif
