/* For the tests of what rules make of a message besides filing it: an extension of ours, "mark TEXT" puts a line in front of
 * the message, "new KEY" is true once; and how a message comes. */
#ifndef MAILFERRY_TESTS_INTAKE_TOOLS_H
#define MAILFERRY_TESTS_INTAKE_TOOLS_H

#include "smtp_fake.h"

extern const struct sieve_extension letter_extension;

extern const char letter_config[];

#define NEED "require [\"fileinto\", \"reject\", \"imap4flags\", \"copy\", \"envelope\", \"vnd.test\"];\n"

void letter_begin(struct fake *f, const char *recipients);
void letter_send(struct fake *f, const char *recipients, struct slice text);

#endif
