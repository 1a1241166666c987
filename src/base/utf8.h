/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef MAILFERRY_BASE_UTF8_H
#define MAILFERRY_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Bytes of the character at the front of S: 1 to 4, or 0 when S is empty or not valid there. */
size_t utf8_char_len(struct slice s);

/* The same, and the code point. */
size_t utf8_decode(struct slice s, uint32_t *cp);

/* Writes 1 to 4 bytes to OUT and returns how many; 0 for what is no character. */
size_t utf8_encode(uint32_t cp, char out[4]);

/* Octets at the end of S, 0 to 3, that may begin a character whose rest is yet to come. */
size_t utf8_cut_off(struct slice s);

bool utf8_valid(struct slice s);
bool ascii_only(struct slice s);

/* A character that nobody sees, or that does something to a terminal: controls, separators of lines, those of no width, marks
 * that turn the direction of writing. */
bool utf8_hidden(uint32_t cp);

/* Appends S with its letters in lower case: ASCII, Latin, Greek and Cyrillic ones that have one of one character. What
 * is no UTF-8 stays. 0, or -1 when OUT is full. */
int utf8_fold(struct slice s, struct buf *out);

/* The same text but for case, as utf8_fold has it? */
bool utf8_eq_nocase(struct slice a, struct slice b);

#endif
