/* The certificates that listeners show, as far as a person must know of them. */
#ifndef MAILFERRY_CMD_CERTIFICATES_H
#define MAILFERRY_CMD_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

/* Could the receivers use them? 0, or -1 with a line "FILE: …" appended to ERRORS. */
int certificates_check(const struct config *c, const char *file, struct buf *errors);

/* Which certificate serves which names until when, and which listeners show them: a line for each. */
void certificates_print(const struct config *c, struct buf *out);

enum certificate_state { CERTIFICATE_GOOD, CERTIFICATE_SOON, CERTIFICATE_EXPIRED };

/* Is C in force at NOW_MS (wall clock)? If not, or not for long, WHY says so, and what to do. */
enum certificate_state certificate_state(const struct config_certificate *c, int64_t now_ms, struct buf *why);

/* What else clients may stumble over, in words; false: nothing. */
bool certificate_doubt(const struct config_certificate *c, struct buf *why);

#endif
