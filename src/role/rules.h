/* The scripts that the supervisor gave to a role which sorts mail. */
#ifndef MAILFERRY_ROLE_RULES_H
#define MAILFERRY_ROLE_RULES_H

#include "base/buf.h"
#include "intake/intake.h"
#include "role/role.h"

/* Compiles the scripts of R's accounts into IN, those with the same text once, and gives it the lists. The supervisor
 * compiled them too: -1 means a change behind its back, and ERRORS (the caller's, empty) says which. */
int rules_compile(const struct role *r, struct intake *in, struct buf *errors);

#endif
