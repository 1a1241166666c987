/* Internationalised domain names in their ASCII form: "xn--" and Punycode (RFC 3492, RFC 5890, 2.3.2.1). */
#ifndef MAILFERRY_MSG_ALABEL_H
#define MAILFERRY_MSG_ALABEL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

/* False when a label of DOMAIN begins with "xn--" and what follows is no Punycode for text with a character beyond
 * ASCII, or when one, in either form, holds a character that can't be seen or turns the direction of text. */
bool alabel_domain_valid(struct slice domain);

/* Appends DOMAIN as names are compared: labels beyond ASCII (U-labels, RFC 5890) in their ASCII form, all in lower case,
 * with its dots. Such labels are taken as they are but for the case of their letters: no mapping of IDNA 2003, which
 * makes two names that exist side by side the same. 0; -1 when a label can't have such a form, or OUT is full. */
int alabel_domain(struct slice domain, struct buf *out);

#endif
