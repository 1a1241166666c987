/*
 * All that the language knows, by name. A search tells what it found and which
 * extension brings it, whether or not the script required that.
 */
#ifndef MAILFERRY_SIEVE_REGISTRY_H
#define MAILFERRY_SIEVE_REGISTRY_H

#include "sieve/extension.h"

/* NULL ends it; at most 64. */
extern const struct sieve_extension *const sieve_extensions[];

/* Index of extension NAME in sieve_extensions, or -1. "comparator-…" names are looked up by the comparator. */
int registry_capability(struct slice name);

/* Names are compared without ASCII case, but for comparators. *EXT becomes the index of the extension. NULL: nobody has
 * it. */
const struct sieve_command *registry_command(struct slice name, int *ext);
const struct sieve_tag *registry_tag(struct slice name, const char *on, int *ext);
const struct sieve_match_type *registry_match_type(struct slice name, int *ext);
const struct sieve_comparator *registry_comparator(struct slice name, int *ext);
const struct sieve_address_part *registry_address_part(struct slice name, int *ext);
const struct sieve_envelope_part *registry_envelope_part(struct slice name, int *ext);

/* The known name that is nearest to a misspelt one, or NULL when none is near. */
const char *registry_near_capability(struct slice name);
const char *registry_near_command(struct slice name, bool test);
const char *registry_near_tag(struct slice name, const struct sieve_command *on);

/* What ON takes, as a phrase for errors: ":comparator, :is, :contains". Appended to OUT. */
void registry_list_tags(const struct sieve_command *on, uint64_t required, struct buf *out);

#endif
