/* "index" (RFC 5260, 6): the tags :index and :last of the tests on header fields; index.c does what they say. */
#include "sieve/extensions.h"

static const char *const on_fields[] = { "header", "address", "date", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "index", .on = on_fields, .value = VALUE_NUMBER, .value_name = "the number of the field" },
	{ .name = "last", .on = on_fields },
	{ 0 },
};

const struct sieve_extension sieve_index = { "index", .tags = tags };
