/*
 * Encoded words (RFC 2047, with the language of RFC 2231, 5):
 * =?charset*language?encoding?text?=
 *
 * Read as mailers write them, not as they should: words may be longer than 75
 * characters, hold blanks, touch other text or stand in quotes.
 */
#ifndef MAILFERRY_MSG_ENCODED_WORD_H
#define MAILFERRY_MSG_ENCODED_WORD_H

#include "base/buf.h"
#include "base/slice.h"

struct encoded_word {
	struct slice charset; /* without the language */
	char encoding;	      /* 'b' or 'q' */
	struct slice text;
};

/* The octets of the encoded word at the front of S, or 0 when there is none. Looks no further than the first '?' that
 * ends it. */
size_t encoded_word_parse(struct slice s, struct encoded_word *w);

/* TEXT (one unfolded line) with its encoded words decoded. White space between two of them goes; neighbours of one
 * charset are joined before they are converted, because senders split characters. A word that can't be read stays as it
 * is; bytes outside of words that are no UTF-8 become U+FFFD. 0, or -1 when OUT is full. The result is valid UTF-8. */
int encoded_words_decode(struct slice text, struct buf *out);

#endif
