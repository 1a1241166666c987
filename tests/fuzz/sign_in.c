/* While a person signs in: what comes to the port that waits for the browser, and an access token that is read for
 * hints. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "oauth/claims.h"
#include "oauth/loopback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static const struct loopback here = { .port = 40001, .state = "s1" };

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

/* A verdict that was given stays, whatever comes behind; and nothing is an answer that does not bear the state. */
static void read_requests(struct slice bytes)
{
	enum loopback_verdict before = LOOPBACK_MORE;
	struct slice query, first = SLICE_NONE;
	size_t step = bytes.n / 64 + 1;

	for (size_t n = 0;; n += step) {
		enum loopback_verdict v;

		if (n > bytes.n)
			n = bytes.n;
		v = loopback_read(&here, slice_of(bytes.p, n), &query);
		if (v == LOOPBACK_ANSWER) {
			must(query.n <= LOOPBACK_QUERY_MAX && query.p >= bytes.p && query.p + query.n <= bytes.p + n);
			must(memmem(query.p, query.n, "state=", 6) != NULL);
		}
		if (before != LOOPBACK_MORE) {
			must(v == before);
			must(v != LOOPBACK_ANSWER || slice_eq(query, first));
		}
		if (before == LOOPBACK_MORE)
			first = query;
		before = v;
		if (n == bytes.n)
			break;
	}
	must(before != LOOPBACK_MORE || bytes.n < LOOPBACK_REQUEST_MAX);
}

static void read_token(struct slice bytes)
{
	char *token = slice_dup(bytes);
	struct claims c;

	(void)claims_read(token, &c);
	must(memchr(c.who, '\0', sizeof c.who) != NULL);
	for (const char *at = c.who; *at != '\0'; at++)
		must(*at > ' ' && *at < 0x7f);
	free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = mem_alloc(size + 1);
	struct slice bytes = slice_of(copy, size);

	if (size > 0)
		memcpy(copy, data, size);
	read_requests(bytes);
	read_token(bytes);
	free(copy);
	return 0;
}
