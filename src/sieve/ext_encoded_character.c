/* "encoded-character" (RFC 5228, 2.4.2.4): text.c decodes strings where it is required. */
#include "sieve/extensions.h"

const struct sieve_extension sieve_encoded_character = { .name = "encoded-character" };
