/* "mime" (RFC 5703, 4): tags of the tests on header fields; mime_test.c does what they say. */
#include "sieve/extensions.h"

static const char *const on_fields[] = { "header", "address", "exists", NULL }, *const on_header[] = { "header", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "mime", .on = on_fields },
	{ .name = "anychild", .on = on_fields },
	{ .name = "type", .on = on_header, .group = "mime option" },
	{ .name = "subtype", .on = on_header, .group = "mime option" },
	{ .name = "contenttype", .on = on_header, .group = "mime option" },
	{ .name = "param",
	  .on = on_header,
	  .group = "mime option",
	  .value = VALUE_STRINGS,
	  .value_name = "the parameters" },
	{ 0 },
};

const struct sieve_extension sieve_mime = { "mime", .tags = tags };
