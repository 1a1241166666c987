#include "spool/client_bundle.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "spool/protocol.h"

static const struct bundle_end none = { .fd = -1 };

void bundles_init(struct bundles *b)
{
	*b = (struct bundles){ .now = none, .next = none };
}

void bundles_close(struct bundles *b)
{
	file_close(&b->now.fd);
	file_close(&b->next.fd);
	bundles_init(b);
}

void bundles_take(struct bundles *b, int fd, int64_t number)
{
	b->asked = false;
	file_close(&b->next.fd);
	b->next = fd < 0 ? none : (struct bundle_end){ fd, number, 0 };
}

bool bundles_room(struct bundles *b, uint64_t size, int64_t *left, bool *ask)
{
	*left = 0;
	if (b->next.fd >= 0 && (b->now.fd < 0 || b->now.used + size > BUNDLE_MAX)) {
		*left = b->now.fd < 0 ? 0 : b->now.number;
		file_close(&b->now.fd);
		b->now = b->next;
		b->next = none;
	}
	*ask = !b->asked && b->next.fd < 0 && (b->now.fd < 0 || b->now.used > BUNDLE_MAX / 2);
	b->asked = b->asked || *ask;
	return b->now.fd >= 0 && b->now.used + size <= BUNDLE_MAX;
}

int bundles_put(struct bundles *b, struct slice body, uint64_t *number, uint64_t *at, struct err *e)
{
	*number = (uint64_t)b->now.number;
	*at = b->now.used;
	while (body.n > 0) {
		/* What a write that failed has left is written over by the next body: nobody was told of it. */
		ssize_t n = pwrite(b->now.fd, body.p, body.n, (off_t)b->now.used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			b->now.used = *at;
			return err_sys(e, n == 0 ? EIO : errno, "write a body");
		}
		b->now.used += (uint64_t)n;
		body = slice_of(body.p + n, body.n - (size_t)n);
	}
	return 0;
}

bool bundles_give_up(struct bundles *b, uint64_t number)
{
	if (b->now.fd < 0 || (uint64_t)b->now.number != number)
		return false;
	file_close(&b->now.fd);
	b->now = none;
	return true;
}
