/*
 * A header field of our own from text: RFC 5322 as to lines, RFC 2047 as to
 * what is no ASCII. header_decode of what is written gives the text back, but
 * for line ends in it (blanks then), blanks at its ends (gone), and more than 60
 * blanks between two words.
 */
#ifndef MAILFERRY_MSG_HEADER_WRITE_H
#define MAILFERRY_MSG_HEADER_WRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* Whether NAME can be the name of a field: printable ASCII without the colon (RFC 5322, 2.2), at least one octet. */
bool header_name_valid(struct slice name);

/* Appends "NAME: VALUE" with its line end, folded at blanks so that lines have at most 78 octets where the words allow.
 * Words that hold anything but printable ASCII, or are longer than a line may be, become encoded words; octets that are
 * no UTF-8 become U+FFFD. 0, or -1 when OUT is full. */
int header_write(struct slice name, struct slice value, struct buf *out);

/* Appends TEXT, valid UTF-8, as encoded words, on lines of at most 76 octets; COLUMN octets stand on the first already. No
 * character is parted (RFC 2047, 5). 0, or -1 when OUT is full. */
int header_write_words(struct slice text, size_t column, struct buf *out);

#endif
