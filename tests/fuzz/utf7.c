/* A name that decodes must encode to the same wire form, and the other way round. */
#include <stdint.h>
#include <stdlib.h>

#include "imap/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of((const char *)p, n > 2000 ? 2000 : n);
	struct buf a, b;

	buf_init(&a, 20000);
	buf_init(&b, 20000);
	if (utf7_decode(in, &a) == 0 && (utf7_encode(buf_slice(&a), &b) != 0 || !slice_eq(buf_slice(&b), in)))
		abort();
	buf_clear(&a);
	buf_clear(&b);
	if (utf7_encode(in, &a) == 0 && (utf7_decode(buf_slice(&a), &b) != 0 || !slice_eq(buf_slice(&b), in)))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
