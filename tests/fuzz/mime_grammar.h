/*
 * Messages by the grammar of MIME: parts in parts, with fields, encodings and boundaries that fit, now and then nearly.
 * The same seed makes the same.
 */
#ifndef MAILFERRY_FUZZ_MIME_GRAMMAR_H
#define MAILFERRY_FUZZ_MIME_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* An entity: header and body. */
void mime_grammar_entity(uint64_t seed, struct buf *out);

/*
 * Changes the message in DATA (SIZE octets, with room for MAX): it becomes a whole new one, or at the beginning of a
 * line a field, a delimiter of a boundary that stands in it, or an entity comes in, or lines go. The new size; 0 where
 * it would not fit.
 */
size_t mime_grammar_mutate(uint8_t *data, size_t size, size_t max, uint64_t seed);

#endif
