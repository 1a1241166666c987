/*
 * All that the language knows, by name. A search tells what it found and which
 * extension brings it, whether or not the script required that.
 */
#ifndef MAILFERRY_SIEVE_REGISTRY_H
#define MAILFERRY_SIEVE_REGISTRY_H

#include <stdint.h>

#include "sieve/extension.h"

/* NULL ends it. */
enum { SIEVE_EXTENSIONS_MAX = 64 };
extern const struct sieve_extension *sieve_extensions[SIEVE_EXTENSIONS_MAX + 1];

/* One more, for all scripts that are compiled from now on: what tests bring. */
void registry_add(const struct sieve_extension *extension);

/* Index of extension NAME in sieve_extensions, or -1. "comparator-…" names are looked up by the comparator. */
int registry_capability(struct slice name);

/* The bits of extension EXT and of what it implies. */
uint64_t registry_brings(int ext);

/* A command, or where TEST is set a test; one of the other kind where there is no such. Names are compared without ASCII
 * case, but for comparators. *EXT becomes the index of the extension. NULL: nobody has it. */
const struct sieve_command *registry_command(struct slice name, bool test, int *ext);
const struct sieve_tag *registry_tag(struct slice name, const char *on, int *ext);
const struct sieve_match_type *registry_match_type(struct slice name, int *ext);
const struct sieve_comparator *registry_comparator(struct slice name, int *ext);
const struct sieve_address_part *registry_address_part(struct slice name, int *ext);
const struct sieve_envelope_part *registry_envelope_part(struct slice name, int *ext);
const struct sieve_namespace *registry_namespace(struct slice name, int *ext);

/* The known name that is nearest to a misspelt one, or NULL when none is near. */
const char *registry_near_capability(struct slice name);
const char *registry_near_command(struct slice name, bool test);
const char *registry_near_comparator(struct slice name);
const char *registry_near_tag(struct slice name, const struct sieve_command *on);

/* What ON takes, as a phrase for errors: ":comparator, :is, :contains". Appended to OUT. */
void registry_list_tags(const struct sieve_command *on, uint64_t required, struct buf *out);

#endif
