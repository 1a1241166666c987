#include "sieve/words.h"

#include <stdbool.h>

/* The next word in *REST; false when there is none. */
static bool next_word(struct slice *rest, struct slice *word)
{
	while (slice_take(rest, ' '))
		;
	if (rest->n == 0)
		return false;
	*word = slice_of(rest->p, slice_find(*rest, ' '));
	*rest = slice_skip(*rest, word->n);
	return true;
}

size_t words_count(struct slice s)
{
	struct slice word;
	size_t n = 0;

	while (next_word(&s, &word))
		n++;
	return n;
}

size_t words_split(struct slice s, struct slice *out)
{
	size_t n = 0;

	while (next_word(&s, &out[n]))
		n++;
	return n;
}
