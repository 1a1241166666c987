/* "copy" (RFC 3894): fileinto and redirect look for the tag themselves. */
#include "sieve/extensions.h"

static const char *const on[] = { "fileinto", "redirect", NULL };

static const struct sieve_tag tags[] = {
	{ "copy", on, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_copy = { "copy", .tags = tags };
