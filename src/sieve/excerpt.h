/* The place in a script that an error is about, for people to see. */
#ifndef MAILFERRY_SIEVE_EXCERPT_H
#define MAILFERRY_SIEVE_EXCERPT_H

#include "sieve/diag.h"

enum { EXCERPT_COLUMNS = 100 /* of the line are shown */ };

/* Appends the line of SCRIPT that AT is in, with its number in front, and a line with a caret under the place. Tabs become
 * blanks, what would do something to a terminal a question mark; of a long line only what is around the place is shown. */
void excerpt_write(struct slice script, struct pos at, struct buf *out);

/* Line LINE of SCRIPT alone, the same way. */
void excerpt_write_line(struct slice script, unsigned line, struct buf *out);

/* Whether a line of SCRIPT, from 1, is there; *TEXT is it, without its end. */
bool excerpt_line(struct slice script, unsigned line, struct slice *text);

#endif
