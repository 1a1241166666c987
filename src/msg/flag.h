/* Flags of messages as IMAP has them (RFC 9051, 2.3.2). */
#ifndef MAILFERRY_MSG_FLAG_H
#define MAILFERRY_MSG_FLAG_H

#include <stdbool.h>

#include "base/slice.h"

/* FLAG, in any case, as the standard spells it, where it is a system flag that a client may set; else empty. */
struct slice flag_system(struct slice flag);

/* Can FLAG be a keyword: an atom (RFC 9051, 9)? Nothing else may get into a list of a command. */
bool flag_is_keyword(struct slice flag);

#endif
