/*
 * A PROXY header, whole and cut into pieces: both must come to the same end, take the same octets, and nothing behind the
 * header. The first octet says how long the pieces are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(struct proxy *p, struct slice s, size_t piece, size_t *all)
{
	int done = 0;

	proxy_init(p);
	for (*all = 0; *all < s.n && done == 0;) {
		size_t n = s.n - *all < piece ? s.n - *all : piece, used;

		done = proxy_feed(p, slice_of(s.p + *all, n), &used);
		if (used > n || (done == 0 && used != n))
			abort();
		*all += used;
	}
	if (p->in.n > PROXY_HEADER_MAX || (done < 0) != (p->why != NULL))
		abort();
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy whole, cut;
	size_t a, b;
	struct slice s;
	int x, y;

	if (size < 1)
		return 0;
	s = slice_of((const char *)data + 1, size - 1);
	x = run(&whole, s, SIZE_MAX, &a);
	y = run(&cut, s, data[0] % 32 + 1, &b);
	if (x != y || a != b || whole.told != cut.told || whole.client_size != cut.client_size ||
	    memcmp(&whole.client, &cut.client, sizeof whole.client) != 0)
		abort();
	proxy_free(&whole);
	proxy_free(&cut);
	return 0;
}
