/* A result is carried out, in the store and the outbox of the suite. */
#ifndef MAILFERRY_TESTS_DELIVER_H
#define MAILFERRY_TESTS_DELIVER_H

#include "suite.h"

/* The actions of P from FROM on, and the implicit keep if there is one and KEEP is set. False after an error: then
 * nothing was done but to keep the message, as it came, in INBOX. */
bool deliver(struct suite *s, const struct plan *p, size_t from, bool keep);

#endif
