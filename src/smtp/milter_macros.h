/* Macros: what a milter may know of a session, by the names that Postfix and Sendmail use. */
#ifndef MAILFERRY_SMTP_MILTER_MACROS_H
#define MAILFERRY_SMTP_MILTER_MACROS_H

#include "smtp/milter_terms.h"

/* The value of NAME (with its braces if it has more than one letter), NULL: it has none just now. A view until the next
 * call. */
typedef const char *milter_macro_fn(void *arg, const char *name);

/* Appends the packet with the macros of STAGE in front of the command LETTER: those that T asks for, or the usual ones.
 * Nothing where no macro has a value. */
void milter_macros_put(const struct milter_terms *t, enum milter_stage stage, char letter, milter_macro_fn *value,
		       void *arg, struct buf *out);

#endif
