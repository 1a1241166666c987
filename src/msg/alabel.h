/* Internationalised domain names in their ASCII form: "xn--" and Punycode (RFC 3492, RFC 5890, 2.3.2.1). */
#ifndef MAILFERRY_MSG_ALABEL_H
#define MAILFERRY_MSG_ALABEL_H

#include <stdbool.h>

#include "base/slice.h"

/* False when a label of DOMAIN begins with "xn--" and what follows is no Punycode for text with a character beyond
 * ASCII. */
bool alabel_domain_valid(struct slice domain);

#endif
